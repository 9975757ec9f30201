//! The program `kafka-produce`, run as a program against an embedded cluster: what it sends, what it prints, and how
//! it ends. Every wait has a deadline.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot run as planned has failed"
)]

mod checking;
mod ending;
mod printing;
#[allow(dead_code, reason = "the tests of the examples use more of it")]
#[path = "../examples/program.rs"]
mod program;
mod sending;
mod stalling;
mod transacting;

use std::io::Write as _;
use std::path::Path;

use kafka_mock::MockCluster;
use tempfile::TempPath;

use program::{Ended, Running, run_with};

/// One broker with a topic `t` of so many partitions.
fn cluster(partitions: i32) -> MockCluster {
    let builder = MockCluster::builder().topic("t", partitions);
    builder.start_blocking().unwrap()
}

fn start(arguments: &[&str]) -> Running {
    let program = Path::new(env!("CARGO_BIN_EXE_kafka-produce"));
    Running::of(program, arguments)
}

fn run(arguments: &[&str], input: &[u8]) -> Ended {
    run_with(start(arguments), input)
}

/// `send` to this cluster.
fn send(kafka: &MockCluster, arguments: &[&str], input: &[u8]) -> Ended {
    let servers = kafka.bootstrap_servers();
    run(&[&["send", "-b", &servers][..], arguments].concat(), input)
}

/// A file whose name ends like this, removed when it is dropped.
fn file(ending: &str, content: &[u8]) -> TempPath {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
    file.write_all(content).unwrap();
    file.into_temp_path()
}

fn path(file: &TempPath) -> &str {
    file.to_str().unwrap()
}

fn text(bytes: &Option<bytes::Bytes>) -> Option<String> {
    let bytes = bytes.as_ref()?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

/// The values in a topic, by partition and offset.
fn values(kafka: &MockCluster, topic: &str) -> Vec<String> {
    let records = kafka.records(topic).into_iter();
    let value = |record: kafka_mock::MockRecord| text(&record.value).unwrap();
    records.map(value).collect()
}

#[track_caller]
fn ended_with(ended: &Ended, code: i32, said: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for part in said {
        assert!(ended.stderr.contains(part), "no {part:?} in {ended:?}");
    }
}
