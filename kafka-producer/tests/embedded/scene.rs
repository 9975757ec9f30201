//! What the tests share: a cluster with one topic, a producer for it, and a bound on every wait.
//!
//! Settings are given by Kafka's names, so that a test reads like a configuration. The bound is
//! far above what anything here takes; it only turns a hang into a failure.
//!
//! A machine may stand still for seconds, and a short limit passes then before anything was done.
//! So a test of a short limit waits for what it needs before ([`is_ready`]), and where the limit
//! could come before there is anything to tell, it is tried [`until_told`].

use std::future::Future;
use std::time::Duration;

use kafka_mock::cluster::BrokerId;
use kafka_mock::{MockCluster, MockRecord};
use kafka_producer::{Producer, ProducerBuilder, ProducerRecord, SendError};

/// The topic that every scene has.
pub(crate) const TOPIC: &str = "orders";

/// Longer than any test should take on the busiest machine.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Records linger until they are flushed, or the test has failed.
pub(crate) const FOR_EVER: [(&str, &str); 2] = [
    ("linger.ms", "86400000"),
    ("delivery.timeout.ms", "90000000"),
];

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
pub(crate) fn producer(kafka: &MockCluster, settings: &[(&str, &str)]) -> Producer<str, str> {
    let builder = builder(&kafka.bootstrap_servers(), settings);
    builder.build().unwrap()
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
    let result = tokio::time::timeout(TIME_LIMIT, future).await;
    result.expect("it hangs")
}

/// Waits until the producer knows [`TOPIC`], however short its `max.block.ms` is.
pub(crate) async fn is_ready(producer: &Producer<str, str>) {
    in_time(async { while producer.warm_up([TOPIC]).await.is_err() {} }).await;
}

/// Kills the only broker and waits until the producer knows: what is sent before may have reached the
/// broker, as far as it can tell. Its `max.block.ms` must be short.
pub(crate) async fn lose_the_broker(kafka: &MockCluster, producer: &Producer<str, str>) {
    kafka.kill_broker(BrokerId(1)).unwrap();
    // It looks at its connections before it gives up a question.
    let unknown = in_time(producer.warm_up(["unknown"])).await;
    assert!(
        matches!(unknown, Err(SendError::TopicUnknown { .. })),
        "{unknown:?}"
    );
}

/// What the first attempt gives that gives something.
pub(crate) async fn until_told<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    in_time(async {
        loop {
            if let Some(told) = attempt().await {
                return told;
            }
        }
    })
    .await
}
