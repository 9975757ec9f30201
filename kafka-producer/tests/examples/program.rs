//! How the examples are run: with a deadline for every wait, and killed if a test gives up.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Much longer than anything here takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A program that runs; killed if it is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    read: String,
}

impl Running {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::of(&example(name), arguments)
    }

    pub(crate) fn of(program: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{program:?}: {error}; `cargo build -p kafka-producer --examples` makes it")
            });
        let stdout = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        let read = String::new();
        Self {
            child,
            stdout,
            stderr,
            read,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    /// Waits for a line on standard output that contains this.
    pub(crate) fn read_until(&mut self, part: &str) {
        loop {
            let line = self.stdout.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|error| panic!("no {part:?}: {error}: {}", self.read));
            self.read.push_str(&line);
            if line.contains(part) {
                return;
            }
        }
    }

    /// Waits for a line on standard error, the next one there, which must contain this.
    pub(crate) fn is_told(&self, part: &str) {
        let line = self.stderr.recv_timeout(DEADLINE);
        assert!(
            line.as_ref().is_ok_and(|line| line.contains(part)),
            "no {part:?}: {line:?}"
        );
    }

    /// Waits for a line on standard error that contains this; those before it are passed over.
    #[allow(dead_code, reason = "the tests of the command line use it")]
    pub(crate) fn is_told_at_last(&self, part: &str) {
        loop {
            let line = self.stderr.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|error| panic!("no {part:?}: {error}"));
            if line.contains(part) {
                return;
            }
        }
    }

    /// Its standard input, which stays open for as long as this is kept.
    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("nobody has it yet")
    }

    pub(crate) fn end(mut self) -> Ended {
        drop(self.child.stdin.take());
        let mut stdout = std::mem::take(&mut self.read);
        stdout.push_str(&all(&self.stdout));
        let stderr = all(&self.stderr);
        // Its output has ended, so it has, or is about to.
        let code = self.child.wait().unwrap().code();
        Ended {
            code,
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended, which is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines on a thread of its own, so that whoever wants them can wait with a deadline.
fn lines_of(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        while from.read_line(&mut line).unwrap() > 0 {
            let _ = sender.send(std::mem::take(&mut line));
        }
    });
    receiver
}

/// Everything until the end.
fn all(lines: &Receiver<String>) -> String {
    let mut text = String::new();
    loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(line) => text.push_str(&line),
            Err(mpsc::RecvTimeoutError::Disconnected) => return text,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end; it said {text}"),
        }
    }
}

pub(crate) fn run(name: &str, arguments: &[&str], input: &[u8]) -> Ended {
    run_with(Running::start(name, arguments), input)
}

/// Runs to its end, with this input.
pub(crate) fn run_with(mut running: Running, input: &[u8]) -> Ended {
    let mut stdin = running.child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that does not want its input closes it.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let ended = running.end();
    let _ = writer.join().unwrap();
    ended
}

/// `target/debug/deps/examples-…` is this test, `target/debug/examples/…` are the programs.
fn example(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let profile = this.ancestors().nth(2).unwrap();
    profile
        .join("examples")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}
