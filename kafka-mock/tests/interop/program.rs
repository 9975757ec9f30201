//! Another program, run to its end or to a deadline.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// A JVM takes seconds to start, and the machine may be busy.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(300);

/// The jars of Apache Kafka.
pub(crate) fn class_path() -> String {
    #[allow(
        clippy::disallowed_methods,
        reason = "where the jars are is told by who runs the test"
    )]
    let class_path = std::env::var("KAFKA_CLASSPATH").unwrap_or_else(|_| {
        panic!(
            "KAFKA_CLASSPATH must name the jars of Apache Kafka 4, as in `/opt/kafka/libs/*`; \
             `cargo xtask ci kafka` brings them with Maven and sets it"
        )
    });
    class_path
}

/// Kafka's tool `class`.
pub(crate) fn java(class: &str) -> Command {
    let mut java = Command::new("java");
    java.args([
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    ]);
    java.args(["-cp", &class_path(), class]);
    java
}

/// librdkafka's tool.
pub(crate) fn kcat() -> Command {
    Command::new("kcat")
}

/// What the program prints to its standard output when it is given `input`; it must succeed.
pub(crate) fn output(command: &mut Command, input: &str) -> String {
    let (code, out, err) = run(command, input);
    assert!(
        code == Some(0),
        "{command:?} ended with {code:?}:\n{out}\n{err}"
    );
    out
}

fn run(command: &mut Command, input: &str) -> (Option<i32>, String, String) {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().map(Running).unwrap_or_else(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        panic!(
            "`{program}` cannot be run ({error}): `apt-get install kcat openjdk-17-jre-headless`"
        )
    });
    let deadline = Instant::now() + TIME_LIMIT;
    let mut stdin = child.0.stdin.take().unwrap();
    let input = input.to_owned();
    // It may end without reading all.
    let writer = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let out = collect(child.0.stdout.take().unwrap());
    let err = collect(child.0.stderr.take().unwrap());
    let mut end = |stream: mpsc::Receiver<String>| {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.recv_timeout(left).unwrap_or_else(|_| {
            let _ = child.0.kill();
            panic!("{command:?} did not end within {TIME_LIMIT:?}")
        })
    };
    let (out, err) = (end(out), end(err));
    writer.join().unwrap();
    // Both streams ended, so it has ended or is about to.
    let status = child.0.wait().unwrap();
    (status.code(), out, err)
}

fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Starts the program, whatever it prints.
pub(crate) fn start(command: &mut Command) -> Running {
    let silent = command.stdin(Stdio::null());
    let silent = silent.stdout(Stdio::null()).stderr(Stdio::null());
    let program = silent.get_program().to_string_lossy().into_owned();
    let child = silent.spawn();
    Running(child.unwrap_or_else(|error| panic!("`{program}` cannot be run ({error})")))
}

/// Ends with the test.
pub(crate) struct Running(Child);

impl Running {
    /// Asks it to end, as `Ctrl-C` does.
    pub(crate) fn terminate(&self) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
