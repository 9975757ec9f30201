//! Metrics: those that Java's producer has, by their names, and what they say of what was done.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{Fault, When};
use kafka_producer::config::Plugins;
use kafka_producer::metrics::{
    MetricKind, MetricValue, MetricsReporter, MetricsSnapshot, definitions,
};
use kafka_producer::{Producer, ProducerRecord, blocking};
use kafka_wire::{ApiKey, ErrorCode};

use crate::scene::{
    FOR_EVER, TIME_LIMIT, TOPIC, builder, in_time, is_ready, kafka, producer, until_told,
};

/// What Java's producer registers after it has sent to a real broker; `tests/fixtures/metrics` says how it was made.
const REGISTERED: &str = include_str!("../fixtures/metrics/registered.jsonl");

/// Groups of our own.
const OURS: &[&str] = &["producer-memory-metrics"];

const CLIENT: &str = "producer-metrics";
const BY_TOPIC: &str = "producer-topic-metrics";
const BY_NODE: &str = "producer-node-metrics";

type Name = (String, String, Vec<String>);

fn registered_by_java() -> BTreeSet<Name> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let lines = REGISTERED.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let tags = line["tags"].as_array().unwrap();
        let tags = tags.iter().map(text).collect();
        (text(&line["group"]), text(&line["name"]), tags)
    });
    lines.collect()
}

fn names(metrics: &MetricsSnapshot) -> BTreeSet<Name> {
    let kafkas = metrics
        .iter()
        .filter(|metric| !OURS.contains(&metric.group));
    let names = kafkas.map(|metric| {
        let tags = metric.tags.iter().map(|(tag, _)| tag.to_owned());
        (metric.group.into(), metric.name.into(), tags.collect())
    });
    names.collect()
}

async fn send(producer: &Producer<str, str>, value: &str) {
    let delivery = in_time(producer.send(ProducerRecord::new(TOPIC, value))).await;
    in_time(delivery.unwrap()).await.unwrap();
}

#[track_caller]
fn number(metrics: &MetricsSnapshot, group: &str, name: &str) -> f64 {
    let found = metrics.number(group, name, &[]);
    found.unwrap_or_else(|| panic!("there is no {group}:{name}"))
}

#[tokio::test]
async fn a_producer_that_has_sent_has_the_metrics_of_javas_and_no_others() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    send(&producer, "tea").await;
    let java = registered_by_java();
    let ours = names(&producer.metrics());
    assert_eq!(ours.difference(&java).collect::<Vec<_>>(), [] as [&Name; 0]);
    assert_eq!(java.difference(&ours).collect::<Vec<_>>(), [] as [&Name; 0]);
}

#[tokio::test]
async fn what_is_defined_is_measured_and_what_is_measured_is_defined() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    send(&producer, "tea").await;
    let metrics = producer.metrics();
    for metric in &metrics {
        let is_it = |it: &&kafka_producer::metrics::Definition| {
            (it.group, it.name) == (metric.group, metric.name)
        };
        let definition = definitions().find(is_it).unwrap();
        let kind = match metric.value {
            MetricValue::Gauge(_) => MetricKind::Gauge,
            MetricValue::Total(_) => MetricKind::Total,
            _ => MetricKind::Text,
        };
        let tags: Vec<&str> = metric.tags.iter().map(|(tag, _)| tag).collect();
        assert_eq!((definition.kind, definition.tags), (kind, &*tags));
        assert_eq!(definition.description, metric.description);
    }
    for definition in definitions() {
        let found = metrics.find(definition.group, definition.name, &[]);
        assert!(found.is_some(), "{definition:?}");
    }
}

#[tokio::test]
async fn metrics_say_what_was_sent_and_to_whom() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("client.id", "till"), ("linger.ms", "0")]);
    for value in ["a", "bb", "ccc"] {
        send(&producer, value).await;
    }
    let metrics = producer.metrics();
    let told = kafka.requests();
    let requests = told.len() as f64;
    assert_eq!(number(&metrics, CLIENT, "record-send-total"), 3.0);
    assert_eq!(number(&metrics, CLIENT, "records-per-request-avg"), 1.0);
    assert_eq!(number(&metrics, CLIENT, "request-total"), requests);
    assert_eq!(number(&metrics, CLIENT, "response-total"), requests);
    assert_eq!(number(&metrics, CLIENT, "requests-in-flight"), 0.0);
    assert_eq!(number(&metrics, CLIENT, "record-error-total"), 0.0);
    assert_eq!(number(&metrics, CLIENT, "connection-count"), 1.0);
    assert_eq!(number(&metrics, CLIENT, "connection-creation-total"), 1.0);
    assert!(number(&metrics, CLIENT, "request-latency-avg") > 0.0);
    assert!(number(&metrics, CLIENT, "metadata-age") < 60.0);
    assert!(number(&metrics, CLIENT, "metadata-wait-time-ns-total") > 0.0);
    assert!(number(&metrics, CLIENT, "select-total") > 0.0);
    // A header of 61 bytes, a record of 7 without key and headers, and its value.
    assert_eq!(number(&metrics, CLIENT, "batch-size-max"), 71.0);
    assert_eq!(number(&metrics, CLIENT, "batch-size-avg"), 70.0);
    assert_eq!(number(&metrics, CLIENT, "record-size-max"), 71.0);
    assert_eq!(number(&metrics, BY_TOPIC, "byte-total"), 69.0 + 70.0 + 71.0);
    assert_eq!(number(&metrics, BY_TOPIC, "compression-rate"), 1.0);
    let orders = [("client-id", "till"), ("topic", TOPIC)];
    let sent = metrics.number(BY_TOPIC, "record-send-total", &orders);
    assert_eq!(sent, Some(3.0));
    let in_all = number(&metrics, CLIENT, "outgoing-byte-total");
    let by_node = metrics
        .iter()
        .filter(|metric| metric.group == BY_NODE && metric.name == "outgoing-byte-total");
    let by_node: f64 = by_node.filter_map(|metric| metric.value.number()).sum();
    assert_eq!(in_all, by_node);
    assert!(
        metrics
            .find(BY_NODE, "request-latency-avg", &[("node-id", "node-1")])
            .is_some()
    );
}

#[tokio::test]
async fn compressed_batches_count_as_they_are_sent() {
    let kafka = kafka(1, 1).await;
    let settings = [FOR_EVER[0], FOR_EVER[1], ("compression.type", "gzip")];
    let producer = producer(&kafka, &settings);
    let value = "tea ".repeat(1_000);
    let delivery = in_time(producer.send(ProducerRecord::new(TOPIC, &*value))).await;
    in_time(producer.flush()).await.unwrap();
    in_time(delivery.unwrap()).await.unwrap();
    let metrics = producer.metrics();
    let bytes = number(&metrics, BY_TOPIC, "byte-total");
    assert!((61.0..200.0).contains(&bytes), "{bytes}");
    assert_eq!(number(&metrics, CLIENT, "batch-size-max"), bytes);
    let rate = number(&metrics, CLIENT, "compression-rate-avg");
    assert!(rate < 0.05, "{rate}");
    // Before compression.
    let largest = number(&metrics, CLIENT, "record-size-max");
    assert!((4_061.0..4_090.0).contains(&largest), "{largest}");
    assert!(number(&metrics, CLIENT, "flush-time-ns-total") > 0.0);
}

#[tokio::test]
async fn records_that_are_sent_again_or_fail_count_as_such() {
    let kafka = kafka(1, 1).await;
    let settings = [("retry.backoff.ms", "0"), ("enable.idempotence", "false")];
    let producer = producer(&kafka, &settings);
    let refuse = |code| Fault::refuse(code).api(ApiKey::PRODUCE);
    kafka.inject(refuse(ErrorCode::NOT_ENOUGH_REPLICAS));
    send(&producer, "tea").await;
    let metrics = producer.metrics();
    assert_eq!(number(&metrics, CLIENT, "record-retry-total"), 1.0);
    assert_eq!(number(&metrics, BY_TOPIC, "record-retry-total"), 1.0);
    assert_eq!(number(&metrics, CLIENT, "record-send-total"), 2.0);
    kafka.inject(refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    let delivery = in_time(producer.send(ProducerRecord::new(TOPIC, "tea"))).await;
    in_time(delivery.unwrap()).await.unwrap_err();
    let refused = ProducerRecord::new(TOPIC, "tea").timestamp_ms(-1);
    in_time(producer.send(refused.clone())).await.unwrap_err();
    // Nothing is waited for.
    let blocking = blocking::Producer::from(producer.clone());
    blocking.send(refused).unwrap_err();
    let metrics = producer.metrics();
    assert_eq!(number(&metrics, BY_TOPIC, "record-error-total"), 1.0);
    assert_eq!(number(&metrics, CLIENT, "record-error-total"), 3.0);
}

#[tokio::test]
async fn connections_that_break_count_as_closed_whenever_they_do() {
    let kafka = kafka(1, 1).await;
    kafka.inject(Fault::disconnect(When::BeforeHandling).api(ApiKey::API_VERSIONS));
    let producer = producer(&kafka, &[("reconnect.backoff.ms", "0")]);
    send(&producer, "tea").await;
    kafka.inject(Fault::disconnect(When::AfterHandling).api(ApiKey::PRODUCE));
    send(&producer, "tea").await;
    // Metadata may be asked for again just now.
    until_told(async || {
        let metrics = producer.metrics();
        (number(&metrics, CLIENT, "requests-in-flight") == 0.0).then_some(())
    })
    .await;
    let metrics = producer.metrics();
    assert_eq!(number(&metrics, CLIENT, "connection-creation-total"), 3.0);
    assert_eq!(number(&metrics, CLIENT, "connection-close-total"), 2.0);
    assert_eq!(number(&metrics, CLIENT, "connection-count"), 1.0);
}

#[tokio::test]
async fn a_send_that_waits_for_memory_is_measured() {
    let kafka = kafka(1, 1).await;
    let settings = [
        ("buffer.memory", "32768"),
        ("batch.size", "16384"),
        ("max.block.ms", "50"),
        ("request.timeout.ms", "10000"),
        ("acks", "all"),
    ];
    let producer = producer(&kafka, &settings);
    is_ready(&producer).await;
    send(&producer, "tea").await;
    kafka.inject(
        Fault::delay(When::BeforeHandling, Duration::from_secs(3_600)).api(ApiKey::PRODUCE),
    );
    let value = "x".repeat(10_000);
    let mut refused = 0;
    while refused == 0 {
        let sent = in_time(producer.send(ProducerRecord::new(TOPIC, &*value))).await;
        refused += u64::from(sent.is_err());
    }
    let metrics = producer.metrics();
    assert_eq!(number(&metrics, CLIENT, "buffer-exhausted-total"), 1.0);
    assert!(number(&metrics, CLIENT, "bufferpool-wait-time-ns-total") >= 50e6);
    assert!(number(&metrics, CLIENT, "bufferpool-wait-ratio") > 0.0);
    assert!(number(&metrics, CLIENT, "buffer-available-bytes") < 16_384.0);
    assert!(number(&metrics, "producer-memory-metrics", "used-bytes") > 16_384.0);
}

#[tokio::test]
async fn a_transaction_is_measured_call_by_call() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("transactional.id", "till")]);
    in_time(producer.init_transactions()).await.unwrap();
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let sent = in_time(transaction.send(ProducerRecord::new(TOPIC, "tea"))).await;
    in_time(transaction.commit()).await.unwrap();
    in_time(sent.unwrap()).await.unwrap();
    let metrics = producer.metrics();
    for (call, called) in [
        ("init", true),
        ("begin", true),
        ("commit", true),
        ("send-offsets", false),
        ("abort", false),
    ] {
        let took = number(&metrics, CLIENT, &format!("txn-{call}-time-ns-total"));
        assert_eq!(took > 0.0, called, "{call}: {took}");
    }
}

#[test]
fn metrics_can_be_read_after_the_close_and_say_so() {
    let kafka = MockCluster::builder().topic(TOPIC, 1).start_blocking();
    let kafka = kafka.unwrap();
    let builder = blocking::Producer::<str, str>::builder();
    let servers = kafka.bootstrap_servers();
    let producer = builder.bootstrap_servers([servers]).build().unwrap();
    producer
        .send_and_forget(ProducerRecord::new(TOPIC, "tea"))
        .unwrap();
    producer.close(Duration::from_secs(60)).unwrap();
    let metrics = producer.metrics();
    assert_eq!(number(&metrics, CLIENT, "record-send-total"), 1.0);
    assert_eq!(number(&metrics, CLIENT, "connection-count"), 0.0);
    assert_eq!(number(&metrics, CLIENT, "requests-in-flight"), 0.0);
    let since = metrics
        .find(CLIENT, "record-send-total", &[])
        .unwrap()
        .since;
    let again = producer.metrics();
    let same = again.find(CLIENT, "record-send-total", &[]).unwrap().since;
    assert_eq!(since, same);
    assert!(since <= metrics.taken_at());
}

/// Tells how many records were sent, and panics the first time.
struct Telling {
    sent: Sender<f64>,
    calls: usize,
}

impl MetricsReporter for Telling {
    fn interval(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn report(&mut self, metrics: &MetricsSnapshot) {
        self.calls += 1;
        assert!(self.calls > 1, "a test's reporter");
        let _ = self.sent.send(number(metrics, CLIENT, "record-send-total"));
    }
}

fn telling() -> (Telling, Receiver<f64>) {
    let (sent, told) = mpsc::channel();
    (Telling { sent, calls: 0 }, told)
}

/// Waits until it is told so.
#[track_caller]
fn is_told(told: &Receiver<f64>, expected: f64) {
    while told.recv_timeout(TIME_LIMIT).expect("a report") != expected {}
}

#[tokio::test]
async fn a_reporter_is_called_again_and_again_though_it_panics_and_once_more_at_the_end() {
    let kafka = kafka(1, 1).await;
    let (reporter, told) = telling();
    let builder = builder(&kafka.bootstrap_servers(), &[]).metrics_reporter(reporter);
    let producer = builder.build().unwrap();
    is_told(&told, 0.0);
    send(&producer, "tea").await;
    is_told(&told, 1.0);
    send(&producer, "tea").await;
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    is_told(&told, 2.0);
    // The reporter is dropped, and its end of the channel with it.
    while told.recv_timeout(TIME_LIMIT) != Err(mpsc::RecvTimeoutError::Disconnected) {}
}

#[tokio::test]
async fn a_reporter_can_be_named_by_the_settings_and_others_are_passed_over() {
    let kafka = kafka(1, 1).await;
    let (sent, told) = mpsc::channel();
    let make = move || Telling {
        sent: sent.clone(),
        calls: 1,
    };
    let plugins = Plugins::new().metrics_reporter("com.example.Telling", make);
    let (warn, warnings) = mpsc::channel();
    let names = "com.example.Telling,com.example.Other,org.apache.kafka.common.metrics.JmxReporter";
    let builder = builder(&kafka.bootstrap_servers(), &[("metric.reporters", names)]);
    let builder = builder.on_warning(move |warning| warn.send(warning.to_string()).unwrap());
    let producer = builder.plugins(plugins).build().unwrap();
    let warnings: Vec<String> = warnings.iter().collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("com.example.Other"), "{warnings:?}");
    send(&producer, "tea").await;
    is_told(&told, 1.0);
}

#[tokio::test]
async fn the_text_for_prometheus_has_every_number_and_describes_every_metric() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("client.id", "till")]);
    send(&producer, "tea").await;
    let metrics = producer.metrics();
    let text = metrics.to_prometheus();
    let numbers = metrics
        .iter()
        .filter(|metric| metric.value.number().is_some());
    let (heads, lines): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with('#'));
    // The two texts are of one metric, and its labels.
    assert_eq!(lines.len(), numbers.count() + 1);
    assert_eq!(heads.len(), 2 * (definitions().count() - 1));
    let sent = r#"kafka_producer_topic_record_send_total{client_id="till",topic="orders"} 1"#;
    assert!(lines.contains(&sent), "{text}");
}
