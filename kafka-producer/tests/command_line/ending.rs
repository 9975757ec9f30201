//! How it ends when somebody wants it to: what was accepted is delivered, and told.

use std::io::Write as _;
use std::time::Instant;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{Effect, Fault, When};
use kafka_producer::ErrorCode;
use kafka_wire::ApiKey;
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

#[test]
fn a_commit_whose_outcome_is_not_known_is_told_as_that_though_a_signal_ends_the_program() {
    let kafka = cluster(1);
    let unanswered = Fault::new(Effect::Silence(When::AfterHandling));
    kafka.inject(unanswered.api(ApiKey::END_TXN).always());
    let servers = kafka.bootstrap_servers();
    let arguments = ["send", "-b", &servers, "-t", "t", "--transaction", "2"];
    let properties = ["-X", "transactional.id=i", "-X", "request.timeout.ms=2000"];
    let mut running = start(&[&arguments[..], &properties].concat());
    let mut input = running.input();
    input.write_all(b"a\nb\n").unwrap();
    let begun = Instant::now();
    while kafka.committed_records("t").len() < 2 {
        assert!(begun.elapsed() < DEADLINE, "nothing is committed");
        std::thread::yield_now();
    }
    running.signal(Signal::SIGINT);
    running.is_told_at_last("interrupted");
    // It asks again, and learns nothing of what became of it.
    kafka.clear_faults();
    let refusal = Fault::refuse(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    kafka.inject(refusal.api(ApiKey::END_TXN).always());
    let ended = running.end();
    let said = [
        "it is not known whether it was committed",
        "; transactions committed: 0, with 0 records; records of which it is not known: 2",
    ];
    ended_with(&ended, 130, &said);
    assert!(!ended.stderr.contains("not committed"), "{ended:?}");
    drop(input);
}
