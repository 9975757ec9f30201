//! What the lines say of each transaction agrees with what a reader of committed records sees.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{ClusterConfig, Fault, When};
use kafka_producer::ErrorCode;
use kafka_wire::ApiKey;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::lines::{assert_fields, lines, number, path, properties, refused, text};
use crate::program::{Ended, Running, run};
use crate::{cluster, until_told};

const LATE: &str = "TimeoutException";
const FENCED: [&str; 2] = ["ProducerFencedException", "InvalidProducerEpochException"];

/// Both generations of the protocol (KIP-98, KIP-890).
fn clusters() -> [MockCluster; 2] {
    [1, 2].map(cluster_of)
}

fn cluster_of(transaction_version: i16) -> MockCluster {
    let config = ClusterConfig::default()
        .with_transaction_version(transaction_version)
        .with_brokers(3)
        .with_transaction_timeout_check(Duration::from_millis(50));
    let builder = MockCluster::builder().config(config).topic("t", 3);
    builder.start_blocking().unwrap()
}

#[test]
fn committed_transactions_are_visible_and_aborted_ones_are_not() {
    for transaction_version in [1, 2] {
        until_told(|| {
            let kafka = cluster_of(transaction_version);
            let ended = transactional(
                &kafka,
                &[
                    "--txns",
                    "8",
                    "--records-per-txn",
                    "5",
                    "--abort-every",
                    "3",
                    "--first-value",
                    "-7",
                    "--txn-interval-ms",
                    "10",
                ],
            );
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let lines = lines(&ended);
            assert_fields(&lines[0], "name timestamp");
            assert_eq!(lines[0]["name"], "startup_complete");
            for (id, line) in lines[1..9].iter().enumerate() {
                assert_fields(line, "first id last name outcome timestamp");
                let first = id as i64 * 5 - 7;
                let outcome = if id % 3 == 2 { "aborted" } else { "committed" };
                assert_eq!(
                    (&line["name"], number(&line["id"]), &line["outcome"]),
                    (&"txn".into(), id as i64, &outcome.into())
                );
                assert_eq!(
                    (number(&line["first"]), number(&line["last"])),
                    (first, first + 4)
                );
            }
            assert_totals(&lines[9..], [6, 2, 0]);
            assert_agree(&kafka, &[&lines]);
            // A half that was not written before its abort never is.
            let halves_were_written = kafka.records("t").len() > 30;
            halves_were_written.then_some(())
        });
    }
}

#[test]
fn of_two_programs_with_one_id_the_earlier_is_fenced_and_the_later_completes() {
    for kafka in clusters() {
        let servers = kafka.bootstrap_servers();
        let arguments = [
            "--bootstrap",
            &servers,
            "--topic",
            "t",
            "--transactional-id",
            "i",
        ];
        let endless = ["--txns", "1000000", "--txn-interval-ms", "20"];
        let mut zombie = Running::start(
            "transactional-producer",
            &[&arguments[..], &endless].concat(),
        );
        zombie.read_until("committed");
        let successor = transactional(&kafka, &["--txns", "5", "--first-value", "100000000"]);
        assert_eq!(successor.code, Some(0), "{successor:?}");
        let zombie = zombie.end();
        assert_eq!(zombie.code, Some(3), "{zombie:?}");
        let (zombie, successor) = (lines(&zombie), lines(&successor));
        assert_totals(&successor[6..], [5, 0, 0]);
        let [.., last, totals] = &zombie[..] else {
            panic!("too few lines: {zombie:?}");
        };
        assert_fields(
            last,
            "exception first id last message name outcome timestamp",
        );
        assert_eq!(last["outcome"], "error");
        assert!(FENCED.contains(&class(last)), "{last}");
        assert_eq!(number(&totals["errors"]), 1);
        assert_agree(&kafka, &[&zombie, &successor]);
    }
}

#[test]
fn what_an_abort_can_mend_is_aborted_and_the_next_transaction_is_committed() {
    for kafka in clusters() {
        kafka.inject(Fault::refuse(ErrorCode::INVALID_RECORD).after(1));
        // So that each transaction is one request.
        let patient = properties("linger.ms=60000\n");
        let ended = transactional(
            &kafka,
            &["--txns", "3", "--producer.config", path(&patient)],
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let lines = lines(&ended);
        let [_, _, aborted, _, _] = &lines[..] else {
            panic!("too few lines: {ended:?}");
        };
        assert_fields(
            aborted,
            "exception first id last message name outcome timestamp",
        );
        assert_eq!(class(aborted), "InvalidRecordException");
        assert_totals(&lines[4..], [2, 1, 0]);
        assert_agree(&kafka, &[&lines]);
    }
}

#[test]
fn a_commit_that_times_out_is_waited_for_and_told_as_it_ended() {
    for transaction_version in [1, 2] {
        let (kafka, lines) = until_told(|| {
            let kafka = cluster_of(transaction_version);
            let slow = Duration::from_millis(700);
            let fault = Fault::delay(When::AfterHandling, slow).api(ApiKey::END_TXN);
            kafka.inject(fault);
            let hasty = properties("max.block.ms=100\n");
            let ended = transactional(&kafka, &["--txns", "2", "--producer.config", path(&hasty)]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let lines = lines(&ended);
            // A send waits no longer than a commit.
            let is_late = |line: &Value| line["outcome"] == "aborted" && class(line) == LATE;
            (!lines.iter().any(is_late)).then_some((kafka, lines))
        });
        assert_totals(&lines[3..], [2, 0, 0]);
        let took = number(&lines[1]["timestamp"]) - number(&lines[0]["timestamp"]);
        assert!(took >= 700, "the answer came after {took} ms");
        assert_agree(&kafka, &[&lines]);
    }
}

#[test]
fn a_coordinator_that_fails_over_an_end_is_asked_again() {
    for kafka in clusters() {
        let fault = Fault::refuse(ErrorCode::UNKNOWN_SERVER_ERROR).api(ApiKey::END_TXN);
        kafka.inject(fault);
        let ended = transactional(&kafka, &["--txns", "2"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let lines = lines(&ended);
        assert_totals(&lines[3..], [2, 0, 0]);
        assert_agree(&kafka, &[&lines]);
    }
}

#[test]
fn a_commit_without_a_result_at_the_operation_timeout_is_an_error() {
    let kafka = cluster();
    let fault = Fault::disconnect(When::BeforeHandling).api(ApiKey::END_TXN);
    kafka.inject(fault.always());
    let lines = until_told(|| {
        let ended = transactional(&kafka, &["--txns", "2", "--operation-timeout-ms", "300"]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let lines = lines(&ended);
        // To get ready must not take longer than the end, either.
        (lines[0]["name"] != "fatal").then_some(lines)
    });
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[1]["outcome"], "error");
    assert_eq!(class(&lines[1]), LATE);
    assert_totals(&lines[2..], [0, 0, 1]);
    assert_agree(&kafka, &[&lines]);
}

#[test]
fn transactions_that_cannot_be_initialised_are_fatal() {
    const NOBODY: &str = "127.0.0.1:1";
    let hasty = properties("max.block.ms=100\nreconnect.backoff.ms=10\n");
    let arguments = [
        "--bootstrap",
        NOBODY,
        "--topic",
        "t",
        "--transactional-id",
        "i",
        "--operation-timeout-ms",
        "350",
        "--producer.config",
        path(&hasty),
    ];
    until_told(|| {
        let ended = run("transactional-producer", &arguments, b"");
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let lines = lines(&ended);
        assert_eq!(lines.len(), 2, "{ended:?}");
        assert_fields(&lines[0], "exception message name timestamp");
        assert_eq!(lines[0]["name"], "fatal");
        assert_eq!(class(&lines[0]), LATE);
        assert_totals(&lines[1..], [0, 0, 0]);
        let names_the_obstacle = text(&lines[0]["message"]).contains(NOBODY);
        names_the_obstacle.then_some(())
    });
}

#[test]
fn a_refused_id_is_fatal_by_the_name_of_its_error() {
    let kafka = cluster();
    let code = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    kafka.inject(Fault::refuse(code).api(ApiKey::INIT_PRODUCER_ID));
    let ended = transactional(&kafka, &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let lines = lines(&ended);
    assert_eq!(lines[0]["name"], "fatal");
    assert_eq!(class(&lines[0]), "TransactionalIdAuthorizationException");
}

#[test]
fn a_transaction_that_took_too_long_is_aborted_or_fences_as_its_protocol_has_it() {
    let hasty = properties("transaction.timeout.ms=100\nlinger.ms=0\n");
    for (transaction_version, [outcome, error]) in [
        (1, ["error", "ProducerFencedException"]),
        (2, ["aborted", "InvalidProducerEpochException"]),
    ] {
        let (kafka, ended, lines) = until_told(|| {
            let kafka = cluster_of(transaction_version);
            let ended = transactional(
                &kafka,
                &[
                    "--txns",
                    "1",
                    "--txn-interval-ms",
                    "1500",
                    "--producer.config",
                    path(&hasty),
                ],
            );
            let lines = lines(&ended);
            // Else the coordinator had not noticed before the end came.
            (lines[1]["outcome"] != "committed").then_some((kafka, ended, lines))
        });
        assert_eq!(lines[1]["outcome"], outcome, "{ended:?}");
        assert_eq!(class(&lines[1]), error);
        assert_eq!(ended.code, Some(if outcome == "error" { 3 } else { 0 }));
        assert_agree(&kafka, &[&lines]);
    }
}

#[test]
fn a_signal_aborts_the_open_transaction_and_ends_in_good_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let kafka = cluster();
        let servers = kafka.bootstrap_servers();
        let hold = properties("linger.ms=0\ntransaction.timeout.ms=900000\n");
        let running = Running::start(
            "transactional-producer",
            &[
                "--bootstrap",
                &servers,
                "--topic",
                "t",
                "--transactional-id",
                "i",
                "--txn-interval-ms",
                "800000",
                "--producer.config",
                path(&hold),
            ],
        );
        let within = Duration::from_secs(60);
        // Record M/2 is the last before the pause.
        kafka.wait_for_records_blocking("t", 6, within).unwrap();
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let lines = lines(&ended);
        assert_fields(&lines[1], "first id last name outcome timestamp");
        assert_eq!(lines[1]["outcome"], "aborted");
        assert_totals(&lines[2..], [0, 1, 0]);
        assert_agree(&kafka, &[&lines]);
    }
}

#[test]
fn a_signal_ends_a_program_that_waits_for_the_cluster() {
    let patient = properties("max.block.ms=86400000\nno.such.property=1\n");
    let running = Running::start(
        "transactional-producer",
        &[
            "--bootstrap",
            "127.0.0.1:1",
            "--topic",
            "t",
            "--transactional-id",
            "i",
            "--operation-timeout-ms",
            "86400000",
            "--producer.config",
            path(&patient),
        ],
    );
    // It has listened to signals since before.
    running.is_told("warning");
    running.signal(Signal::SIGTERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_totals(&lines(&ended), [0, 0, 0]);
}

#[test]
fn what_is_wrong_with_arguments_or_configuration_is_told_on_standard_error_only() {
    let broken = properties("linger.ms=soon\n");
    let weak = properties("acks=1\n");
    let known = [
        "--bootstrap",
        "127.0.0.1:1",
        "--topic",
        "t",
        "--transactional-id",
        "i",
    ];
    let endless = "18446744073709551615";
    let cases: [(&[&str], &str); 13] = [
        (&["--frobnicate", "1"], "--frobnicate"),
        (&["--txns", "-1"], "--txns"),
        (&["--txns", "many"], "--txns"),
        (&["--txns"], "--txns"),
        (&["--records-per-txn", "0"], "--records-per-txn"),
        (&["--abort-every", "x"], "--abort-every"),
        (
            &["--first-value", "9223372036854775807"],
            "is 9223372036854775906: at most 9223372036854775807",
        ),
        (
            &["--txns", endless, "--records-per-txn", endless],
            "--records-per-txn=18446744073709551615",
        ),
        (&["--txn-interval-ms", "soon"], "--txn-interval-ms"),
        (&["--producer.config", "no/such/file"], "no/such/file"),
        (&["--producer.config", path(&broken)], "linger.ms"),
        (&["--producer.config", path(&weak)], "acks"),
        (&["--topic", "u"], "--topic"),
    ];
    for (arguments, what) in cases {
        let all = [&known[..], arguments].concat();
        refused(&run("transactional-producer", &all, b""), what);
    }
    for (at, what) in [
        (0, "--bootstrap"),
        (2, "--topic"),
        (4, "--transactional-id"),
    ] {
        let mut without = known.to_vec();
        without.drain(at..at + 2);
        refused(&run("transactional-producer", &without, b""), what);
    }
    refused(&run("transactional-producer", &[], b""), "--bootstrap");
    let nameless = [&known[..4], &["--transactional-id", ""]].concat();
    refused(
        &run("transactional-producer", &nameless, b""),
        "transactional.id",
    );
    let nowhere = ["--bootstrap", "host.invalid:9092"];
    let nowhere = [&nowhere, &known[2..]].concat();
    refused(
        &run("transactional-producer", &nowhere, b""),
        "host.invalid:9092",
    );
}

/// Runs it with the id `i` and the topic `t`.
fn transactional(kafka: &MockCluster, arguments: &[&str]) -> Ended {
    let servers = kafka.bootstrap_servers();
    let known = [
        "--bootstrap",
        &servers,
        "--topic",
        "t",
        "--transactional-id",
        "i",
    ];
    run(
        "transactional-producer",
        &[&known[..], arguments].concat(),
        b"",
    )
}

/// A reader of committed records sees each record of the committed transactions once and nothing
/// else, in order within a partition.
fn assert_agree(kafka: &MockCluster, programs: &[&[Value]]) {
    let lines = programs.iter().flat_map(|lines| lines.iter());
    let committed = lines.filter(|line| line["outcome"] == "committed");
    let expected = committed.flat_map(|line| number(&line["first"])..=number(&line["last"]));
    let mut expected: Vec<i64> = expected.collect();
    expected.sort_unstable();
    let mut by_partition: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for record in kafka.committed_records("t") {
        assert_eq!(record.key, None);
        let value = record.value.as_deref().map(std::str::from_utf8);
        let value = value.unwrap().unwrap().parse().unwrap();
        by_partition
            .entry(record.partition)
            .or_default()
            .push(value);
    }
    assert!(by_partition.values().all(|values| values.is_sorted()));
    let mut seen: Vec<i64> = by_partition.into_values().flatten().collect();
    seen.sort_unstable();
    assert_eq!(seen, expected);
}

/// The last line, alone.
fn assert_totals(lines: &[Value], [committed, aborted, errors]: [i64; 3]) {
    let [totals] = lines else {
        panic!("not one line of totals: {lines:?}");
    };
    assert_fields(totals, "aborted committed errors name timestamp");
    assert_eq!(totals["name"], "tool_data");
    let told = ["committed", "aborted", "errors"].map(|name| number(&totals[name]));
    assert_eq!(told, [committed, aborted, errors], "{totals}");
}

/// The name of the exception in a line, without its package.
fn class(line: &Value) -> &str {
    let exception = text(&line["exception"]);
    exception.rsplit(['.', ' ']).next().unwrap()
}
