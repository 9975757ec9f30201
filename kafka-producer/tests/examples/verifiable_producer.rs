//! The lines conform to those of Kafka's own tool field by field, and agree with the log.

use std::collections::{BTreeMap, HashMap};

use kafka_mock::MockRecord;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::cluster;
use crate::lines::{assert_fields, lines, number, path, properties, refused, text};
use crate::program::{Ended, Running, run};

#[test]
fn every_record_has_one_line_that_says_where_it_lies() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    let properties = properties("enable.idempotence=true\nretries=2147483647\nacks=all\n");
    let ended = verifiable(&[
        "--bootstrap-server",
        &servers,
        "--topic",
        "t",
        "--max-messages",
        "5000",
        "--repeating-keys",
        "7",
        "--value-prefix",
        "-3",
        "--command-config",
        path(&properties),
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = lines(&ended);
    let names: Vec<_> = lines.iter().map(|line| text(&line["name"])).collect();
    assert_eq!(names[0], "startup_complete");
    assert!(
        names[1..5001]
            .iter()
            .all(|name| *name == "producer_send_success")
    );
    assert_eq!(names[5001..], ["shutdown_complete", "tool_data"]);

    assert_agree(&lines[1..5001], &kafka.records("t"));
    let named: BTreeMap<_, _> = lines[1..5001]
        .iter()
        .map(|line| {
            (
                text(&line["value"]).to_owned(),
                text(&line["key"]).to_owned(),
            )
        })
        .collect();
    let expected = (0..5000).map(|n| (format!("-3.{n}"), (n % 7).to_string()));
    assert_eq!(named, expected.collect::<BTreeMap<_, _>>());

    let totals = &lines[5002];
    assert_fields(
        totals,
        "acked avg_throughput name sent target_throughput timestamp",
    );
    assert_eq!(
        (number(&totals["sent"]), number(&totals["acked"])),
        (5000, 5000)
    );
    assert_eq!(number(&totals["target_throughput"]), -1);
    assert!(totals["avg_throughput"].is_f64(), "{totals}");
}

/// Each line is about another record of the log, and those of a partition are in its order.
fn assert_agree(lines: &[Value], records: &[MockRecord]) {
    assert_eq!(lines.len(), records.len());
    let log: HashMap<_, _> = records
        .iter()
        .map(|record| ((record.partition, record.offset), record))
        .collect();
    let mut last = HashMap::new();
    for line in lines {
        assert_fields(line, "key name offset partition timestamp topic value");
        assert_eq!(line["topic"], "t");
        let partition = i32::try_from(number(&line["partition"])).unwrap();
        let offset = number(&line["offset"]);
        let record = log[&(partition, offset)];
        assert_eq!(
            record.value.as_deref(),
            line["value"].as_str().map(str::as_bytes)
        );
        assert_eq!(
            record.key.as_deref(),
            line["key"].as_str().map(str::as_bytes)
        );
        let before = last.insert(partition, offset);
        assert!(before < Some(offset), "offsets of a partition ascend");
    }
}

#[test]
fn records_without_keys_have_null_in_their_lines_and_in_the_log() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    let ended = verifiable(&[
        "--bootstrap-server",
        &servers,
        "--topic",
        "t",
        "--max-messages",
        "3",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = lines(&ended);
    assert_eq!(lines.len(), 6);
    for (n, line) in lines[1..4].iter().enumerate() {
        assert_eq!(
            (&line["key"], &line["value"]),
            (&Value::Null, &Value::from(n.to_string()))
        );
    }
    assert!(kafka.records("t").iter().all(|record| record.key.is_none()));
}

#[test]
fn properties_override_flags_and_without_acks_offsets_are_unknown() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    let properties = properties("# none\nacks : 0\nno.such.property=1\n");
    let arguments = [
        "--bootstrap-server",
        &servers,
        "--topic",
        "t",
        "--acks",
        "-1",
    ];
    let more = [
        "--max-messages",
        "2",
        "--producer.config",
        path(&properties),
    ];
    let ended = verifiable(&[&arguments[..], &more[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("no.such.property"), "{ended:?}");
    let lines = lines(&ended);
    assert_eq!(lines.len(), 5);
    assert!(lines[1..3].iter().all(|line| number(&line["offset"]) == -1));
}

/// What a harness may set, each to something else than its default.
const PROPERTIES: [(&str, &str); 17] = [
    ("acks", "1"),
    ("enable.idempotence", "false"),
    ("retries", "7"),
    ("max.in.flight.requests.per.connection", "1"),
    ("linger.ms", "1"),
    ("batch.size", "1000"),
    ("buffer.memory", "1000000"),
    ("max.block.ms", "50000"),
    ("request.timeout.ms", "20000"),
    ("delivery.timeout.ms", "50000"),
    ("retry.backoff.ms", "10"),
    ("retry.backoff.max.ms", "500"),
    ("reconnect.backoff.ms", "10"),
    ("reconnect.backoff.max.ms", "500"),
    ("metadata.max.age.ms", "1000"),
    ("compression.type", "zstd"),
    ("security.protocol", "PLAINTEXT"),
];

#[test]
fn every_property_of_a_harness_is_taken_without_a_warning() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let written = PROPERTIES.map(|(name, value)| format!("{name}={value}\n"));
        let file = properties(&(written.concat() + "compression.type=" + codec + "\n"));
        let arguments = ["--bootstrap-server", &servers, "--topic", "t"];
        let more = ["--max-messages", "100", "--producer.config", path(&file)];
        let ended = verifiable(&[&arguments[..], &more].concat());
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{codec}");
        let totals = lines(&ended).pop().unwrap();
        assert_eq!(number(&totals["acked"]), 100, "{codec}");
    }
    assert_eq!(kafka.records("t").len(), 500);
}

#[test]
fn a_bad_value_of_any_property_is_named() {
    for (name, _) in PROPERTIES {
        let file = properties(&format!("{name}=nonsense\n"));
        let arguments = ["--bootstrap-server", "127.0.0.1:1", "--topic", "t"];
        let more = ["--producer.config", path(&file)];
        refused(&verifiable(&[&arguments[..], &more].concat()), name);
    }
}

#[test]
fn explicit_times_begin_as_told_and_never_go_back() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    let ended = verifiable(&[
        "--bootstrap-server",
        &servers,
        "--topic",
        "t",
        "--repeating-keys",
        "1",
        "--max-messages",
        "4",
        "--throughput",
        "100",
        "--message-create-time",
        "1000000",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let times: Vec<_> = kafka
        .records("t")
        .iter()
        .map(|record| record.timestamp)
        .collect();
    assert_eq!(times.len(), 4);
    assert_eq!(times[0], 1_000_000);
    assert!(times.is_sorted() && times[3] > times[1], "{times:?}");
}

#[test]
fn throughput_is_not_exceeded() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    let ended = verifiable(&[
        "--bootstrap-server",
        &servers,
        "--topic",
        "t",
        "--max-messages",
        "21",
        "--throughput",
        "100",
    ]);
    let lines = lines(&ended);
    assert_eq!(lines.len(), 24, "{ended:?}");
    let took = number(&lines[22]["timestamp"]) - number(&lines[0]["timestamp"]);
    assert!(took >= 195, "the last of 21 is due after 200 ms: {took}");
    assert_eq!(number(&lines[23]["target_throughput"]), 100);
}

#[test]
fn records_that_fail_have_one_line_each_and_the_program_succeeds() {
    let properties = properties("max.block.ms=50\n");
    let ended = verifiable(&[
        "--bootstrap-server",
        "127.0.0.1:1",
        "--topic",
        "t",
        "--max-messages",
        "3",
        "--repeating-keys",
        "2",
        "--producer.config",
        path(&properties),
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = lines(&ended);
    assert_eq!(lines.len(), 6);
    for (n, line) in lines[1..4].iter().enumerate() {
        assert_fields(line, "exception key message name timestamp topic value");
        assert_eq!(line["name"], "producer_send_error");
        assert_eq!(line["value"], n.to_string());
        assert_eq!(line["key"], (n % 2).to_string());
        assert_eq!(
            line["exception"],
            "class org.apache.kafka.common.errors.TimeoutException"
        );
    }
    assert_eq!(
        (number(&lines[5]["sent"]), number(&lines[5]["acked"])),
        (3, 0)
    );
}

#[test]
fn what_is_wrong_with_arguments_or_configuration_is_told_on_standard_error_only() {
    let idempotent = properties("enable.idempotence=true\n");
    let broken = properties("linger.ms=soon\n");
    let known = ["--bootstrap-server", "127.0.0.1:1", "--topic", "t"];
    let cases: [(&[&str], &str); 11] = [
        (&["--frobnicate", "1"], "--frobnicate"),
        (&["--acks", "7"], "--acks"),
        (&["--acks", "all"], "--acks"),
        (&["--max-messages", "many"], "--max-messages"),
        (&["--repeating-keys", "0"], "--repeating-keys"),
        (&["--producer.config", "no/such/file"], "no/such/file"),
        (&["--producer.config", path(&broken)], "linger.ms"),
        (&["--producer.config", path(&idempotent)], "retries"),
        (
            &["--producer.config", "a", "--command-config", "b"],
            "--command-config",
        ),
        (&["--bootstrap-server", "127.0.0.1:2"], "--bootstrap-server"),
        (&["--topic", "u"], "--topic"),
    ];
    for (arguments, what) in cases {
        let ended = verifiable(&[&known[..], arguments].concat());
        refused(&ended, what);
    }
    refused(&verifiable(&["--topic", "t"]), "--bootstrap-server");
    refused(
        &verifiable(&["--bootstrap-server", "127.0.0.1:1"]),
        "--topic",
    );
    let nowhere = [
        "--topic",
        "t",
        "--bootstrap-server",
        "host.invalid:9092",
        "--max-messages",
        "1",
    ];
    refused(&verifiable(&nowhere), "host.invalid:9092");
}

#[test]
fn without_arguments_the_usage_is_printed() {
    let ended = verifiable(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("--bootstrap-server"), "{ended:?}");
}

#[test]
fn a_signal_ends_it_in_good_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let kafka = cluster();
        let servers = kafka.bootstrap_servers();
        let mut running = Running::start(
            "verifiable-producer",
            &[
                "--bootstrap-server",
                &servers,
                "--topic",
                "t",
                "--throughput",
                "500",
            ],
        );
        running.read_until("producer_send_success");
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let records = assert_ends_in_good_order(&ended);
        assert_eq!(
            kafka.records("t").len(),
            records,
            "what was accepted was flushed"
        );
    }
}

#[test]
fn a_signal_ends_a_send_that_waits_for_the_cluster() {
    let properties = properties("max.block.ms=86400000\n");
    let mut running = Running::start(
        "verifiable-producer",
        &[
            "--bootstrap-server",
            "127.0.0.1:1",
            "--topic",
            "t",
            "--producer.config",
            path(&properties),
        ],
    );
    running.read_until("startup_complete");
    running.signal(Signal::SIGTERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_ends_in_good_order(&ended);
}

/// One line a record, the end of the program told; how many records.
fn assert_ends_in_good_order(ended: &Ended) -> usize {
    let lines = lines(ended);
    let [records @ .., shutdown, totals] = &lines[1..] else {
        panic!("too few lines: {ended:?}");
    };
    assert_eq!(shutdown["name"], "shutdown_complete");
    assert_eq!(totals["name"], "tool_data");
    let mut values: Vec<_> = records
        .iter()
        .map(|line| text(&line["value"]).parse::<usize>().unwrap())
        .collect();
    values.sort_unstable();
    assert_eq!(values, (0..records.len()).collect::<Vec<_>>());
    assert_eq!(number(&totals["sent"]), records.len() as i64);
    records.len()
}

fn verifiable(arguments: &[&str]) -> Ended {
    run("verifiable-producer", arguments, b"")
}
