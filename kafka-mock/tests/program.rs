//! The program, as other programs use it: its lines, its script, its ends.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, Output, Stdio},
    time::Duration,
};

use kafka_wire::{Request, decode_response, encode_request, messages::MetadataRequest};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_kafka-mock"))
}

/// The program while it runs; it ends when this is dropped.
struct Running {
    child: Child,
    address: String,
    errors: BufReader<ChildStderr>,
}

impl Running {
    fn start(words: &[&str]) -> Self {
        let mut child = program()
            .args(words)
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut address).unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let address = address.trim_end().to_owned();
        Self {
            child,
            address,
            errors,
        }
    }

    /// A line on standard error.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        line
    }

    /// Closes its standard input; what it said since.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.errors.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The names of the topics that a broker knows, or nothing if it gives no whole answer.
fn topics(address: &str) -> Option<Vec<String>> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let version = MetadataRequest::version(9).unwrap();
    let request = MetadataRequest::default().with_topics(None);
    let frame = encode_request(1, Some("till"), version, &request).unwrap();
    stream.write_all(&frame).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    let (_, response) = decode_response::<MetadataRequest>(frame.into(), version).unwrap();
    let topics = response.topics.into_iter();
    Some(topics.filter_map(|topic| topic.name).collect())
}

fn script(folder: &Path, text: &str) -> String {
    let file = folder.join("faults.toml");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn refused(words: &[&str]) -> String {
    let Output { status, stderr, .. } = program().args(words).output().unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

/// Longer than anything takes that should happen.
const TIME_LIMIT: Duration = Duration::from_secs(60);

#[test]
fn it_serves_what_it_is_asked_for_and_a_line_tells_each_request() {
    let mut running = Running::start(&["--topic", "orders:6", "--topic", "bills", "--log"]);
    assert_eq!(topics(&running.address).unwrap(), ["bills", "orders"]);
    let line = running.line();
    assert!(line.contains("broker 1 #1 till: Metadata v9: ok"), "{line}");
    assert_eq!(running.end(), "");
}

#[test]
fn a_script_strikes_and_what_never_struck_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[[fault]]\napi = 'Metadata'\ncut_after_bytes = 6\n\n\
        [[fault]]\nrefuse = 'NOT_ENOUGH_REPLICAS'\n\n\
        [[act]]\ndo = 'create_topic'\ntopic = 'orders'\npartitions = 1\n\n\
        [[act]]\nat_ms = 86_400_000\ndo = 'rolling_restart'\n";
    let running = Running::start(&["--script", &script(folder.path(), text)]);
    assert_eq!(topics(&running.address), None);
    while topics(&running.address).unwrap() != ["orders"] {
        std::thread::yield_now();
    }
    let said = running.end();
    assert!(
        said.contains("fault 2 of the script has never struck"),
        "{said}"
    );
    assert!(!said.contains("fault 1"), "{said}");
    assert!(
        said.contains("before 86400000 ms: RollingRestart was not done"),
        "{said}"
    );
}

#[test]
fn what_is_wrong_is_told_with_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = script(folder.path(), "[[fault]]\nrefuse = 'NO_WAY'");
    let said = refused(&["--script", &faulty]);
    assert!(
        said.contains("faults.toml: line 1: \"NO_WAY\": no error of Kafka's"),
        "{said}"
    );
    let said = refused(&["--script", "nowhere.toml"]);
    assert!(said.contains("nowhere.toml: No such file"), "{said}");
    let said = refused(&["--topic", "orders:many"]);
    assert!(
        said.contains("`many` is no number of partitions, as in `orders:6`"),
        "{said}"
    );
    let said = refused(&["--user", "alice"]);
    assert!(said.contains("as in `alice:secret`"), "{said}");

    let running = Running::start(&[]);
    let (_, port) = running.address.rsplit_once(':').unwrap();
    let said = refused(&["--port", port]);
    assert!(
        said.contains(&format!(
            "broker 1 cannot listen on port {port} of 127.0.0.1"
        )),
        "{said}"
    );
}
