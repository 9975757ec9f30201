//! A record that owns what it is made of: to be kept, queued, or handed to another task.
//!
//! A [`ProducerRecord`] borrows, so that sending copies nothing but into the batch. This one lends it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use kafka_serde::Headers;

use crate::record::ProducerRecord;

/// A [`ProducerRecord`] that borrows nothing.
///
/// ```
/// use kafka_producer::{OwnedRecord, ProducerRecord};
///
/// let later: OwnedRecord<String, String> = ProducerRecord::<str, str>::new("orders", "2 x tea").into();
/// let record: ProducerRecord<'_, str, str> = later.lend();
/// assert_eq!((record.topic, record.value), ("orders", Some("2 x tea")));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedRecord<K, V> {
    /// Where it goes.
    pub topic: Arc<str>,
    /// A partition of the topic, 0 or more; `None`: the partitioner chooses.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch, 0 or more; `None`: the time of sending.
    pub timestamp_ms: Option<i64>,
    /// `None` is Kafka's null.
    pub key: Option<K>,
    /// `None` is Kafka's null: a tombstone in a compacted topic.
    pub value: Option<V>,
    /// In order, duplicates allowed.
    pub headers: Headers,
}

impl<K, V> OwnedRecord<K, V> {
    /// A record with a topic and nothing else: set its fields.
    ///
    /// ```
    /// use kafka_producer::OwnedRecord;
    ///
    /// let mut record = OwnedRecord::<String, Vec<u8>>::bare("orders");
    /// record.value = Some(vec![1, 2, 3]);
    /// ```
    pub fn bare(topic: impl Into<Arc<str>>) -> Self {
        Self {
            topic: topic.into(),
            partition: None,
            timestamp_ms: None,
            key: None,
            value: None,
            headers: Headers::new(),
        }
    }

    /// The same to be sent, with a copy of the headers.
    ///
    /// ```no_run
    /// # use kafka_producer::{OwnedRecord, Producer, SendError};
    /// # async fn example(producer: Producer<str, [u8]>, later: OwnedRecord<String, Vec<u8>>) -> Result<(), SendError> {
    /// let delivery = producer.send(later.lend()).await?;
    /// # drop(delivery);
    /// # Ok(())
    /// # }
    /// ```
    pub fn lend<K2: ?Sized, V2: ?Sized>(&self) -> ProducerRecord<'_, K2, V2>
    where
        K: Borrow<K2>,
        V: Borrow<V2>,
    {
        let mut record = ProducerRecord::bare(&self.topic);
        record.partition = self.partition;
        record.timestamp_ms = self.timestamp_ms;
        record.key = self.key.as_ref().map(Borrow::borrow);
        record.value = self.value.as_ref().map(Borrow::borrow);
        record.headers = self.headers.clone();
        record
    }
}

impl<K, V, K2, V2> From<ProducerRecord<'_, K2, V2>> for OwnedRecord<K, V>
where
    K2: ToOwned<Owned = K> + ?Sized,
    V2: ToOwned<Owned = V> + ?Sized,
{
    fn from(record: ProducerRecord<'_, K2, V2>) -> Self {
        Self {
            topic: record.topic.into(),
            partition: record.partition,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(ToOwned::to_owned),
            value: record.value.map(ToOwned::to_owned),
            headers: record.headers,
        }
    }
}

impl<K, V> fmt::Debug for OwnedRecord<K, V> {
    /// Without key and value, which may be large or secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedRecord")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
