//! What the tests share: a producer of text with one topic.

use kafka_producer::mock::MockBroker;
use kafka_producer::{Delivery, Producer, ProducerRecord};

/// The topic of every scene; it has three partitions.
pub(crate) const TOPIC: &str = "orders";

pub(crate) fn scene(settings: &[(&str, &str)]) -> (Producer<str, str>, MockBroker) {
    let builder = settings
        .iter()
        .fold(Producer::builder(), |builder, (name, value)| {
            builder.set(name, *value)
        });
    builder.build_mock([(TOPIC, 3)]).unwrap()
}

/// A record for a partition of [`TOPIC`].
pub(crate) fn record(partition: i32, value: &str) -> ProducerRecord<'_, str, str> {
    ProducerRecord::new(TOPIC, value).partition(partition)
}

/// Sends without waiting.
pub(crate) fn sent(producer: &Producer<str, str>, value: &str) -> Delivery {
    producer.try_send(record(0, value)).unwrap()
}

/// The values of records, as text.
pub(crate) fn values(records: &[kafka_producer::mock::MockRecord]) -> Vec<String> {
    let value = |record: &kafka_producer::mock::MockRecord| {
        let value = record.value.as_deref().unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    records.iter().map(value).collect()
}
