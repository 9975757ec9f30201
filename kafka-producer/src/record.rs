//! What goes in and what comes back: [`ProducerRecord`] and [`RecordMetadata`].

use std::borrow::Cow;
use std::sync::Arc;

use kafka_serde::{HeaderValue, Headers};
pub use kafka_wire::records::TimestampType;

/// A record to be sent. It borrows topic, key and value until it is in its batch.
///
/// ```
/// use kafka_producer::ProducerRecord;
///
/// let order = ProducerRecord::<str, str>::new("orders", "2 x tea").key("customer-7").header("source", "shop");
/// assert_eq!(order.headers.len(), 1);
/// let deleted = ProducerRecord::<str, str>::tombstone("customers", "customer-7");
/// assert_eq!(deleted.value, None);
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerRecord<'a, K: ?Sized, V: ?Sized> {
    /// Where it goes.
    pub topic: &'a str,
    /// A partition of the topic, 0 or more; `None`: the partitioner chooses.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch, 0 or more; `None`: the time of sending.
    pub timestamp_ms: Option<i64>,
    /// `None` is Kafka's null.
    pub key: Option<&'a K>,
    /// `None` is Kafka's null: a tombstone in a compacted topic.
    pub value: Option<&'a V>,
    /// In order, duplicates allowed.
    pub headers: Headers,
}

/// Copies the references to key and value, not what they refer to.
impl<K: ?Sized, V: ?Sized> Clone for ProducerRecord<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            headers: self.headers.clone(),
            ..*self
        }
    }
}

impl<'a, K: ?Sized, V: ?Sized> ProducerRecord<'a, K, V> {
    /// A record without a key.
    ///
    /// ```
    /// use kafka_producer::ProducerRecord;
    ///
    /// let record = ProducerRecord::<str, str>::new("orders", "2 x tea");
    /// assert_eq!((record.key, record.value), (None, Some("2 x tea")));
    /// ```
    pub fn new(topic: &'a str, value: &'a V) -> Self {
        let mut record = Self::bare(topic);
        record.value = Some(value);
        record
    }

    /// A record that deletes `key` from a compacted topic.
    ///
    /// ```
    /// use kafka_producer::ProducerRecord;
    ///
    /// let record = ProducerRecord::<str, str>::tombstone("customers", "customer-7");
    /// assert_eq!((record.key, record.value), (Some("customer-7"), None));
    /// ```
    pub fn tombstone(topic: &'a str, key: &'a K) -> Self {
        let mut record = Self::bare(topic);
        record.key = Some(key);
        record
    }

    /// A record with a topic and nothing else: set its fields.
    ///
    /// ```
    /// use kafka_producer::ProducerRecord;
    ///
    /// let mut record = ProducerRecord::<str, str>::bare("orders");
    /// record.value = Some("2 x tea");
    /// ```
    pub fn bare(topic: &'a str) -> Self {
        Self {
            topic,
            partition: None,
            timestamp_ms: None,
            key: None,
            value: None,
            headers: Headers::new(),
        }
    }

    /// With this key.
    ///
    /// ```
    /// use kafka_producer::ProducerRecord;
    ///
    /// let record = ProducerRecord::<str, str>::new("orders", "2 x tea").key("customer-7");
    /// assert_eq!(record.key, Some("customer-7"));
    /// ```
    #[must_use]
    pub fn key(mut self, key: &'a K) -> Self {
        self.key = Some(key);
        self
    }

    /// To this partition; the partitioner is not asked.
    ///
    /// ```
    /// use kafka_producer::ProducerRecord;
    ///
    /// let record = ProducerRecord::<str, str>::new("orders", "2 x tea").partition(3);
    /// assert_eq!(record.partition, Some(3));
    /// ```
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// With this time, in milliseconds since the epoch.
    ///
    /// ```
    /// use kafka_producer::ProducerRecord;
    ///
    /// let record = ProducerRecord::<str, str>::new("orders", "2 x tea").timestamp_ms(1_700_000_000_000);
    /// assert_eq!(record.timestamp_ms, Some(1_700_000_000_000));
    /// ```
    #[must_use]
    pub fn timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    /// With one more header.
    ///
    /// ```
    /// use kafka_producer::ProducerRecord;
    ///
    /// let record = ProducerRecord::<str, str>::new("orders", "2 x tea")
    ///     .header("source", "shop")
    ///     .header("trace-id", &b"\x01\x02"[..]);
    /// assert_eq!(record.headers.len(), 2);
    /// ```
    #[must_use]
    pub fn header(
        mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<HeaderValue>,
    ) -> Self {
        self.headers.add(key, value);
        self
    }
}

/// Where a record that was acknowledged is stored.
///
/// ```
/// # use kafka_producer::RecordMetadata;
/// fn log(metadata: &RecordMetadata) -> String {
///     match metadata.offset {
///         Some(offset) => format!("{}-{} @ {offset}", metadata.topic, metadata.partition),
///         None => "sent, nobody knows where to (acks=0)".to_owned(),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RecordMetadata {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// Its offset; `None` with `acks=0`, and for a late duplicate whose offset the broker no longer knows.
    pub offset: Option<i64>,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Whose time that is.
    pub timestamp_type: TimestampType,
    /// How many bytes its key takes, serialized; `None` is Kafka's null.
    pub key_bytes: Option<usize>,
    /// How many bytes its value takes, serialized; `None` is Kafka's null.
    pub value_bytes: Option<usize>,
}

impl RecordMetadata {
    /// That of a record with this outcome, its own time, no key and no value, for tests of what is done with it.
    ///
    /// ```
    /// use kafka_producer::RecordMetadata;
    ///
    /// let metadata = RecordMetadata::new("orders", 3, Some(1042), 1_700_000_000_000);
    /// assert_eq!(metadata.offset, Some(1042));
    /// ```
    pub fn new(
        topic: impl Into<Arc<str>>,
        partition: i32,
        offset: Option<i64>,
        timestamp_ms: i64,
    ) -> Self {
        Self {
            topic: topic.into(),
            partition,
            offset,
            timestamp_ms,
            timestamp_type: TimestampType::CreateTime,
            key_bytes: None,
            value_bytes: None,
        }
    }
}
