//! kcat, which is librdkafka: the client under most languages but Java.

use kafka_mock::MockCluster;
use kafka_wire::compression::Compression;

use crate::{
    program::{kcat, output},
    written::{self, Written},
};

/// As the format below prints it.
fn printed(record: &Written) -> String {
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let headers = headers.collect::<Vec<_>>().join(",");
    let length = |text: &Option<String>| text.as_ref().map_or(-1, |text| text.len() as i64);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!(
        "{}|{}|{}|{}|{}|{}|{}|{headers}",
        record.partition,
        record.offset,
        record.timestamp,
        length(&record.key),
        text(&record.key),
        length(&record.value),
        text(&record.value),
    )
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn kcat_reads_what_was_written() {
    let (kafka, written) = written::cluster();
    for partition in 0..2 {
        let mut consumer = kcat();
        consumer.args([
            "-C",
            "-q",
            "-e",
            "-b",
            &kafka.bootstrap_servers(),
            "-t",
            "orders",
        ]);
        consumer.args(["-p", &partition.to_string(), "-o", "beginning"]);
        consumer.args(["-f", "%p|%o|%T|%K|%k|%S|%s|%h\n"]);
        let expected = written
            .iter()
            .filter(|it| it.partition == partition)
            .map(printed);
        let printed = output(&mut consumer, "");
        assert_eq!(
            printed.lines().collect::<Vec<_>>(),
            expected.collect::<Vec<_>>()
        );
    }
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn kcat_finds_offsets_by_time() {
    let (kafka, written) = written::cluster();
    for record in written.iter().filter(|it| it.partition == 1) {
        let mut query = kcat();
        query.args(["-Q", "-b", &kafka.bootstrap_servers()]);
        query.args(["-t", &format!("orders:1:{}", record.timestamp - 1)]);
        assert_eq!(
            output(&mut query, "").trim(),
            format!("orders [1] offset {}", record.offset)
        );
    }
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn kcat_writes_in_every_codec() {
    for codec in Compression::all() {
        for idempotence in ["false", "true"] {
            let kafka = MockCluster::builder()
                .brokers(2)
                .topic("orders", 1)
                .start_blocking()
                .unwrap();
            let mut producer = kcat();
            producer.args([
                "-P",
                "-b",
                &kafka.bootstrap_servers(),
                "-t",
                "orders",
                "-K",
                "|",
                "-Z",
            ]);
            producer.args([
                "-H",
                "h=1",
                "-H",
                "trace=x y",
                "-H",
                "h=2",
                "-z",
                codec.name(),
            ]);
            producer.args(["-X", &format!("enable.idempotence={idempotence}")]);
            let mut input = String::new();
            for n in 0..50 {
                input.push_str(&format!("key-{n}|käse 🧀 that repeats itself {n}\n"));
            }
            input.push_str("tombstone|\n");
            output(&mut producer, &input);

            let records = kafka.records("orders");
            assert_eq!(records.len(), 51, "{codec}");
            let header = |name: &str, value: &'static str| (name.to_owned(), Some(value.into()));
            let headers = [header("h", "1"), header("trace", "x y"), header("h", "2")];
            for (n, record) in records.iter().enumerate() {
                let (key, value) = match n {
                    50 => ("tombstone".to_owned(), None),
                    _ => (
                        format!("key-{n}"),
                        Some(format!("käse 🧀 that repeats itself {n}")),
                    ),
                };
                assert_eq!((record.partition, record.offset), (0, n as i64));
                assert_eq!(record.key.as_deref(), Some(key.as_bytes()));
                assert_eq!(record.value.as_deref(), value.as_deref().map(str::as_bytes));
                assert_eq!(record.headers, headers);
                assert_eq!(record.compression, codec);
                assert_eq!(record.producer.is_some(), idempotence == "true");
            }
        }
    }
}
