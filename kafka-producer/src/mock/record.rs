//! A record as a broker would have got it, with what became of it.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::DeliveryError;

/// A record that a producer built by [`build_mock`](crate::ProducerBuilder::build_mock) has accepted.
///
/// ```
/// use kafka_producer::{Producer, ProducerRecord};
///
/// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 3)])?;
/// let record = ProducerRecord::new("orders", "2 x tea").key("customer-7").header("source", "shop");
/// let delivered = producer.try_send(record)?.wait()?;
///
/// let record = &broker.records("orders")[0];
/// assert_eq!(record.key.as_deref(), Some(&b"customer-7"[..]));
/// assert_eq!(record.value.as_deref(), Some(&b"2 x tea"[..]));
/// assert_eq!(record.headers, [("source".to_owned(), Some("shop".into()))]);
/// assert_eq!((record.partition, record.offset()), (delivered.partition, delivered.offset));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MockRecord {
    /// Where it was sent.
    pub topic: Arc<str>,
    /// The partition that it names, or that the partitioner or a router has chosen.
    pub partition: i32,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// What the key's serializer has made; `None` is Kafka's null.
    pub key: Option<Bytes>,
    /// What the value's serializer has made; `None` is Kafka's null.
    pub value: Option<Bytes>,
    /// Names and values of the headers, in order, with those that serializers and interceptors have added.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// What became of it.
    pub outcome: MockOutcome,
    /// How its transaction stands, if it is part of one.
    pub transaction: Option<MockTransaction>,
}

/// What became of a record.
///
/// ```
/// use kafka_producer::mock::MockOutcome;
/// use kafka_producer::{Producer, ProducerRecord};
///
/// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
/// broker.hold();
/// drop(producer.try_send(ProducerRecord::new("orders", "2 x tea"))?);
/// assert_eq!(broker.history()[0].outcome, MockOutcome::Held);
/// broker.complete_next();
/// assert_eq!(broker.history()[0].outcome, MockOutcome::Stored { offset: 0 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MockOutcome {
    /// None yet: [`MockBroker::hold`](super::MockBroker::hold).
    Held,
    /// It is in the log.
    Stored {
        /// Its place in the partition. With `acks=0` it has one, too, which the producer is not told.
        offset: i64,
    },
    /// It is not in the log, whatever the error says of that.
    Failed(DeliveryError),
}

/// How the transaction of a record stands.
///
/// ```
/// use kafka_producer::mock::MockTransaction;
///
/// fn is_visible(transaction: Option<MockTransaction>) -> bool {
///     matches!(transaction, None | Some(MockTransaction::Committed))
/// }
/// assert!(!is_visible(Some(MockTransaction::Open)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MockTransaction {
    /// It has not ended.
    Open,
    /// Its records are visible.
    Committed,
    /// Its records never become visible.
    Aborted,
}

impl MockRecord {
    /// Its place in the partition, if it is in the log.
    ///
    /// ```
    /// let (_producer, broker) =
    ///     kafka_producer::Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// assert!(broker.history().iter().all(|record| record.offset().is_some()));
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn offset(&self) -> Option<i64> {
        match self.outcome {
            MockOutcome::Stored { offset } => Some(offset),
            MockOutcome::Held | MockOutcome::Failed(_) => None,
        }
    }
}
