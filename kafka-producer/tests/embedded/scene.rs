//! What the tests share: a cluster with one topic, a producer for it, and a bound on every wait.
//!
//! Settings are given by Kafka's names, so that a test reads like a configuration. The bound is
//! far above what anything here takes; it only turns a hang into a failure.

use std::future::Future;
use std::time::Duration;

use kafka_mock::{MockCluster, MockRecord};
use kafka_producer::{Producer, ProducerBuilder, ProducerRecord};

/// The topic that every scene has.
pub(crate) const TOPIC: &str = "orders";

/// Longer than any test should take on the busiest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster of so many brokers, with [`TOPIC`] of so many partitions; no other topic can be.
pub(crate) async fn kafka(brokers: u16, partitions: i32) -> MockCluster {
    let described = MockCluster::builder()
        .brokers(brokers)
        .topic(TOPIC, partitions);
    described.without_auto_create().start().await.unwrap()
}

/// A producer of text, configured but for the settings of the test.
pub(crate) fn builder(servers: &str, settings: &[(&str, &str)]) -> ProducerBuilder<str, str> {
    configured(Producer::builder(), servers, settings)
}

/// The same, for any types.
pub(crate) fn configured<K: ?Sized + 'static, V: ?Sized + 'static>(
    builder: ProducerBuilder<K, V>,
    servers: &str,
    settings: &[(&str, &str)],
) -> ProducerBuilder<K, V> {
    let builder = builder.set("bootstrap.servers", servers);
    settings
        .iter()
        .fold(builder, |builder, (name, value)| builder.set(name, *value))
}

/// A producer of text for this cluster.
pub(crate) async fn producer(kafka: &MockCluster, settings: &[(&str, &str)]) -> Producer<str, str> {
    let builder = builder(&kafka.bootstrap_servers(), settings);
    builder.build().await.unwrap()
}

/// A record for [`TOPIC`].
pub(crate) fn record(value: &str) -> ProducerRecord<'_, str, str> {
    ProducerRecord::new(TOPIC, value)
}

/// The values in [`TOPIC`], by partition and offset.
pub(crate) fn values(kafka: &MockCluster) -> Vec<String> {
    kafka.records(TOPIC).iter().map(text).collect()
}

/// The value of a record, which must be text.
pub(crate) fn text(record: &MockRecord) -> String {
    let value = record.value.as_ref().expect("a value");
    String::from_utf8(value.to_vec()).expect("text")
}

/// The numbers from 0, as the values that most tests send.
pub(crate) fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// What the future gives, which must not take forever.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.expect("it hangs")
}
