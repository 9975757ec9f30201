//! Every program here is run against an embedded cluster, and does what it says.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot run as planned has failed"
)]

mod metrics_endpoint;
#[cfg(feature = "outbox")]
mod outbox;
mod quickstart;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kafka_mock::{MockCluster, MockRecord};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Much longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(300);

fn cluster(topic: &str) -> MockCluster {
    let builder = MockCluster::builder().brokers(3).topic(topic, 3);
    builder.start_blocking().unwrap()
}

/// Runs a program to its end; killed at the deadline.
fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("KAFKA_LINGER_MS", "20");
    run_while(command, |_| ())
}

/// Runs a program, and does something with it meanwhile.
fn run_while(mut command: Command, meanwhile: impl FnOnce(Pid)) -> Output {
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = piped.stdin(Stdio::null()).spawn().unwrap();
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let (tell, told) = mpsc::channel();
    let waiting = thread::spawn(move || tell.send(child.wait_with_output()));
    meanwhile(id);
    let output = told.recv_timeout(DEADLINE).unwrap_or_else(|_| {
        let _ = kill(id, Signal::SIGKILL);
        panic!("it does not end");
    });
    waiting.join().unwrap().unwrap();
    output.unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn values(records: &[MockRecord]) -> Vec<&str> {
    let values = records.iter().map(|record| record.value.as_deref());
    let mut values: Vec<_> = values.map(|value| text(value.unwrap())).collect();
    values.sort_unstable();
    values
}

#[test]
fn blocking_sends_from_three_threads() {
    let kafka = cluster("orders");
    let output = run(
        env!("CARGO_BIN_EXE_blocking"),
        &[&kafka.bootstrap_servers()],
    );
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout).lines().count(), 3, "{output:?}");
    let mut expected = Vec::new();
    for item in ["tea", "coffee", "water"] {
        expected.extend((1..=10).map(|cups| format!("{cups} x {item}")));
    }
    expected.sort_unstable();
    assert_eq!(values(&kafka.records("orders")), expected);
}

#[cfg(feature = "smol")]
#[test]
fn on_smol_sends_from_three_tasks() {
    let kafka = cluster("orders");
    let output = run(env!("CARGO_BIN_EXE_on_smol"), &[&kafka.bootstrap_servers()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout).lines().count(), 3, "{output:?}");
    assert_eq!(kafka.records("orders").len(), 30);
}

#[test]
fn no_runtime_delivers_all_the_same() {
    let kafka = cluster("orders");
    let output = run(
        env!("CARGO_BIN_EXE_no_runtime"),
        &[&kafka.bootstrap_servers()],
    );
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout).lines().count(), 10, "{output:?}");
    assert_eq!(kafka.records("orders").len(), 10);
}

#[test]
fn try_send_drops_only_what_it_says_it_dropped() {
    let kafka = cluster("measurements");
    let output = run(
        env!("CARGO_BIN_EXE_try_send"),
        &[&kafka.bootstrap_servers()],
    );
    assert!(output.status.success(), "{output:?}");
    let mut words = text(&output.stdout).split_whitespace();
    let accepted: usize = words.next().unwrap().parse().unwrap();
    assert!(accepted > 0);
    assert_eq!(kafka.records("measurements").len(), accepted, "{output:?}");
}

#[test]
fn json_writes_an_object() {
    let kafka = cluster("orders");
    let output = run(env!("CARGO_BIN_EXE_json"), &[&kafka.bootstrap_servers()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        values(&kafka.records("orders")),
        [r#"{"item":"tea","cups":2}"#]
    );
}

#[test]
fn properties_file_takes_the_address_from_its_file() {
    let kafka = cluster("orders");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "bootstrap.servers={}", kafka.bootstrap_servers()).unwrap();
    let path = file.path().to_str().unwrap();
    let output = run(env!("CARGO_BIN_EXE_properties_file"), &[path]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(values(&kafka.records("orders")), ["2 x tea"]);
}

#[test]
fn partitioner_sends_large_customers_to_the_last_partition() {
    let kafka = cluster("orders");
    let output = run(
        env!("CARGO_BIN_EXE_partitioner"),
        &[&kafka.bootstrap_servers()],
    );
    assert!(output.status.success(), "{output:?}");
    for record in kafka.records("orders") {
        let is_large = record.key.as_deref().unwrap().starts_with(b"large-");
        assert!(!is_large || record.partition == 2, "{record:?}");
    }
    assert_eq!(kafka.records("orders").len(), 4);
}

#[test]
fn shutdown_loses_nothing_when_it_is_terminated() {
    let kafka = cluster("orders");
    let mut command = Command::new(env!("CARGO_BIN_EXE_shutdown"));
    command.arg(kafka.bootstrap_servers());
    let output = run_while(command, |id| {
        let begun = Instant::now();
        while kafka.records("orders").len() < 3 {
            assert!(begun.elapsed() < DEADLINE, "it sends nothing");
            thread::yield_now();
        }
        kill(id, Signal::SIGTERM).unwrap();
    });
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stdout);
    assert!(said.starts_with("terminated\n"), "{said}");
    assert!(said.contains("0 failed, 0 unknown"), "{said}");
}

#[test]
fn a_program_without_a_cluster_says_what_is_in_the_way() {
    let output = run(env!("CARGO_BIN_EXE_json"), &["no-address"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        text(&output.stderr).contains("bootstrap.servers"),
        "{output:?}"
    );
}
