//! What it says while nothing is acknowledged.

use std::io::Write as _;
use std::time::Instant;

use kafka_mock::MockCluster;
use kafka_mock::cluster::BrokerId;

use crate::program::DEADLINE;
use crate::{cluster, ended_with, start};

fn wait_for_records(kafka: &MockCluster, count: usize) {
    let begun = Instant::now();
    while kafka.records("t").len() < count {
        assert!(begun.elapsed() < DEADLINE, "the lines do not arrive");
        std::thread::yield_now();
    }
}

#[test]
fn a_stall_is_explained_and_that_it_is_over_is_told() {
    let kafka = cluster(1);
    let servers = kafka.bootstrap_servers();
    let mut running = start(&["send", "-b", &servers, "-t", "t"]);
    let mut input = running.input();
    input.write_all(b"a\n").unwrap();
    wait_for_records(&kafka, 1);
    kafka.kill_broker(BrokerId(1)).unwrap();
    input.write_all(b"b\n").unwrap();
    running.is_told_at_last("s: t-0: 1 record(s) wait, the oldest for ");
    kafka.restart_broker(BrokerId(1)).unwrap();
    running.is_told_at_last("records are acknowledged again, after ");
    drop(input);
    ended_with(&running.end(), 0, &["2 records delivered"]);
    assert_eq!(kafka.records("t").len(), 2);
}
