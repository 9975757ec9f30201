//! Metrics beside those of Java's producer, which does the same work on the same cluster.

use std::path::{Path, PathBuf};

use kafka_producer::ProducerRecord;
use kafka_producer::blocking::Producer;
use kafka_producer::metrics::MetricsSnapshot;
use serde_json::Value;

use crate::cluster::{create_topic, servers};
use crate::tools::java;

/// Prints the metrics of Java's producer when it has sent so many records to a topic.
fn java_metrics(topic: &str, values: &[&str]) -> String {
    let source = fixtures().join("ProducerMetrics.java");
    let mut java = java(source.to_str().unwrap());
    java.args([&*servers(), topic, RECORDS]);
    java.args(values);
    java.run("")
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metrics")
}

const RECORDS: &str = "20";

#[test]
#[ignore = "needs a Kafka cluster and a JDK"]
fn the_fixture_of_metrics_is_what_javas_producer_registers() {
    let topic = create_topic("registered", 1, &[]);
    let registered = java_metrics(&topic, &[]);
    let fixture = std::fs::read_to_string(fixtures().join("registered.jsonl")).unwrap();
    assert_eq!(registered, fixture);
}

#[test]
#[ignore = "needs a Kafka cluster and a JDK"]
fn the_same_work_has_the_same_metrics_as_with_javas_producer() {
    // Names of one length, because they are in the requests.
    let topics = ["same", "java"].map(|what| create_topic(what, 1, &[]));
    let java = java_metrics(&topics[1], &["--values"]);
    let java: Vec<Value> = java
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let producer: Producer<str, [u8]> = Producer::builder()
        .bootstrap_servers([servers()])
        .set("client.id", "measured")
        .build()
        .unwrap();
    for _ in 0..RECORDS.parse().unwrap() {
        let record = ProducerRecord::new(&topics[0], &[0; 100][..]).partition(0);
        producer.send(record).unwrap().wait().unwrap();
    }
    let ours = producer.metrics();
    for (group, name) in SAME {
        let (ours, java) = (
            number(&ours, group, name),
            number_of_java(&java, group, name),
        );
        assert!(
            (ours - java).abs() < 1e-6,
            "{name}: {ours}, Java has {java}"
        );
    }
    // Whichever broker was asked for metadata.
    let (ours, java) = (
        number(&ours, "producer-metrics", "request-total"),
        number_of_java(&java, "producer-metrics", "request-total"),
    );
    assert!(
        (ours - java).abs() <= 5.0,
        "{ours} requests, Java has {java}"
    );
}

/// What does not depend on how the cluster was found, or on the time.
const SAME: &[(&str, &str)] = &[
    ("producer-metrics", "batch-size-avg"),
    ("producer-metrics", "batch-size-max"),
    ("producer-metrics", "compression-rate-avg"),
    ("producer-metrics", "record-send-total"),
    ("producer-metrics", "records-per-request-avg"),
    ("producer-metrics", "record-error-total"),
    ("producer-metrics", "record-retry-total"),
    ("producer-metrics", "requests-in-flight"),
    ("producer-metrics", "produce-throttle-time-max"),
    ("producer-metrics", "buffer-total-bytes"),
    ("producer-metrics", "request-size-max"),
    ("producer-metrics", "successful-authentication-total"),
    ("producer-metrics", "waiting-threads"),
    ("producer-topic-metrics", "byte-total"),
    ("producer-topic-metrics", "record-send-total"),
    ("producer-topic-metrics", "record-error-total"),
    ("producer-topic-metrics", "record-retry-total"),
    ("producer-topic-metrics", "compression-rate"),
];

#[track_caller]
fn number(metrics: &MetricsSnapshot, group: &str, name: &str) -> f64 {
    let found = metrics.number(group, name, &[]);
    found.unwrap_or_else(|| panic!("we have no {group}:{name}"))
}

#[track_caller]
fn number_of_java(metrics: &[Value], group: &str, name: &str) -> f64 {
    let is_it = |metric: &&Value| metric["group"] == group && metric["name"] == name;
    let found = metrics.iter().find(is_it);
    let found = found.and_then(|metric| metric["value"].as_f64());
    found.unwrap_or_else(|| panic!("Java has no {group}:{name}"))
}
