//! How it ends when somebody wants it to: what was accepted is delivered, and told.

use std::io::Write as _;
use std::time::Instant;

use kafka_mock::MockCluster;
use nix::sys::signal::Signal;

use crate::program::{DEADLINE, Ended};
use crate::{cluster, ended_with, start};

/// Gets two lines, and the signal as it waits for a third.
fn interrupted(kafka: &MockCluster, options: &[&str], signal: Signal) -> Ended {
    let servers = kafka.bootstrap_servers();
    let arguments = ["send", "-b", &servers, "-t", "t"];
    let mut running = start(&[&arguments[..], options].concat());
    let mut input = running.input();
    input.write_all(b"a\nb\n").unwrap();
    let begun = Instant::now();
    while kafka.records("t").len() < 2 {
        assert!(begun.elapsed() < DEADLINE, "the lines do not arrive");
        std::thread::yield_now();
    }
    running.signal(signal);
    let ended = running.end();
    drop(input);
    ended
}

#[test]
fn a_signal_ends_a_program_that_waits_for_a_line_and_is_told_what_was_delivered() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let kafka = cluster(1);
        let ended = interrupted(&kafka, &[], signal);
        let said = ["interrupted", "2 records delivered", "; 0 failed"];
        ended_with(&ended, 130, &said);
    }
}

#[test]
fn a_signal_aborts_the_transaction_that_is_open() {
    let kafka = cluster(1);
    let options = ["-X", "transactional.id=i", "--transaction", "file"];
    let ended = interrupted(&kafka, &options, Signal::SIGINT);
    let said = "transactions committed: 0, with 0 records; records not committed: 2";
    ended_with(&ended, 130, &[said]);
    assert!(kafka.committed_records("t").is_empty());
}
