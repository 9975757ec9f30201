//! Interceptors: what a program wants to see, or to change, of every record (KIP-42).
//!
//! An interceptor sees a record twice: before it is serialized, where it may change it, and when its outcome is
//! known. It is called by [`interception`](crate::interception) and never decides what becomes of a record.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::mem;
use std::sync::Arc;

use kafka_serde::Headers;

use crate::append::WaitsFor;
use crate::clock;
use crate::error::{DeliveryError, SendError};
use crate::record::{ProducerRecord, RecordMetadata};

/// Sees every record that is sent, before and after (Java's class of the same name).
///
/// A chain of them is given to the [builder](crate::ProducerBuilder::interceptor), or named in
/// `interceptor.classes` ([`Plugins::interceptor`](crate::config::Plugins::interceptor)). All ways to send go
/// through it. Each call of `on_send` is followed by exactly one of `on_acknowledgement`. What an interceptor
/// itself sends while it is called is not intercepted, so that it goes round in no circle.
///
/// A panic is reported like an error, and loses no record. In a call of an interceptor on a producer's own
/// thread, what would wait for a producer is refused ([`InCallback`](crate::error::InCallback)). It is dropped
/// with the last handle of its producer, when all records have their outcomes.
///
/// With interceptors a record costs a few allocations; without, none.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use kafka_producer::{Acknowledgement, InterceptedRecord, InterceptorError, Producer, ProducerInterceptor};
///
/// /// Names the program in each record, and counts those that are stored.
/// #[derive(Default)]
/// struct Audit {
///     stored: AtomicU64,
/// }
///
/// impl<K: ?Sized, V: ?Sized> ProducerInterceptor<K, V> for Audit {
///     fn on_send(&self, record: &mut InterceptedRecord<'_, K, V>) -> Result<(), InterceptorError> {
///         record.headers.add("source", "till-7");
///         Ok(())
///     }
///
///     fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
///         if acknowledgement.outcome.is_ok() {
///             self.stored.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let audit = Arc::new(Audit::default());
/// let producer = Producer::<str, str>::builder()
///     .bootstrap_servers(["localhost:9092"])
///     .interceptor(Arc::clone(&audit))
///     .build()?;
/// assert_eq!(audit.stored.load(Ordering::Relaxed), 0);
/// # Ok::<(), kafka_producer::BuildError>(())
/// ```
pub trait ProducerInterceptor<K: ?Sized, V: ?Sized>: Send + Sync {
    /// Called on the thread that sends, before the record is serialized and its partition chosen, in the order of
    /// the chain: each sees what those before it have made of the record.
    ///
    /// # Errors
    /// Whatever it likes: the error is reported as a warning, like one of the configuration, and the record goes
    /// on as it was before this call.
    fn on_send(&self, record: &mut InterceptedRecord<'_, K, V>) -> Result<(), InterceptorError> {
        let _ = record;
        Ok(())
    }

    /// Called when the outcome of a record is known, before its callback and before who awaits it.
    ///
    /// For a record that was accepted: on the producer's own thread, under no lock, in the order of the records of
    /// a partition. It must not block: nothing is sent meanwhile. For one that was not: where `send` fails or
    /// is dropped.
    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        let _ = acknowledgement;
    }
}

/// One of a chain.
pub(crate) type SharedInterceptor<K, V> = Arc<dyn ProducerInterceptor<K, V>>;

/// What an interceptor may fail with.
pub type InterceptorError = Box<dyn Error + Send + Sync>;

/// So that a program keeps a handle to what it gives away.
impl<K: ?Sized, V: ?Sized, I> ProducerInterceptor<K, V> for Arc<I>
where
    I: ProducerInterceptor<K, V> + ?Sized,
{
    fn on_send(&self, record: &mut InterceptedRecord<'_, K, V>) -> Result<(), InterceptorError> {
        (**self).on_send(record)
    }

    fn on_acknowledgement(&self, acknowledgement: &Acknowledgement<'_>) {
        (**self).on_acknowledgement(acknowledgement);
    }
}

/// A record on its way to the serializers, as an interceptor sees it and may change it.
///
/// Its key and value are lent by the caller until one is set.
///
/// ```
/// use kafka_producer::{InterceptedRecord, ProducerRecord};
///
/// let mut record = InterceptedRecord::from(ProducerRecord::<str, str>::new("orders", "2 x tea"));
/// record.topic = "orders-of-tests".into();
/// record.set_key("customer-7");
/// assert_eq!((record.key(), record.value()), (Some("customer-7"), Some("2 x tea")));
/// ```
#[non_exhaustive]
pub struct InterceptedRecord<'a, K: ?Sized, V: ?Sized> {
    /// Where it goes.
    pub topic: Cow<'a, str>,
    /// A partition of the topic; `None`: the partitioner chooses.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch: the caller's, or the time of sending.
    pub timestamp_ms: i64,
    /// In order, duplicates allowed.
    pub headers: Headers,
    key: Option<Part<'a, K>>,
    value: Option<Part<'a, V>>,
    client_id: Option<&'a str>,
    on_acknowledgement: Vec<OnAcknowledgement>,
}

/// What an interceptor wants done with the outcome of one record.
pub(crate) type OnAcknowledgement = Box<dyn FnOnce(&Acknowledgement<'_>) + Send + Sync>;

/// A key or a value.
enum Part<'a, T: ?Sized> {
    /// The caller's.
    Lent(&'a T),
    /// An interceptor's.
    Own(Arc<T>),
}

impl<'a, K: ?Sized, V: ?Sized> InterceptedRecord<'a, K, V> {
    /// The key; `None` is Kafka's null.
    ///
    /// ```
    /// use kafka_producer::{InterceptedRecord, ProducerRecord};
    ///
    /// let record = InterceptedRecord::from(ProducerRecord::<str, str>::new("orders", "2 x tea").key("customer-7"));
    /// assert_eq!(record.key(), Some("customer-7"));
    /// ```
    pub fn key(&self) -> Option<&K> {
        self.key.as_ref().map(Part::get)
    }

    /// The value; `None` is Kafka's null.
    ///
    /// ```
    /// use kafka_producer::{InterceptedRecord, ProducerRecord};
    ///
    /// let record = InterceptedRecord::from(ProducerRecord::<str, str>::new("orders", "2 x tea").key("customer-7"));
    /// assert_eq!(record.value(), Some("2 x tea"));
    /// ```
    pub fn value(&self) -> Option<&V> {
        self.value.as_ref().map(Part::get)
    }

    /// Replaces the key.
    ///
    /// ```
    /// # use kafka_producer::InterceptedRecord;
    /// fn on_send(record: &mut InterceptedRecord<'_, str, [u8]>) {
    ///     record.set_key("customer-7");
    ///     record.set_value(vec![0; 100]);
    /// }
    /// ```
    pub fn set_key(&mut self, key: impl Into<Arc<K>>) {
        self.key = Some(Part::Own(key.into()));
    }

    /// Replaces the value.
    ///
    /// ```
    /// # use kafka_producer::InterceptedRecord;
    /// fn on_send(record: &mut InterceptedRecord<'_, str, f32>) {
    ///     let celsius = record.value().map(|fahrenheit| (fahrenheit - 32.0) / 1.8);
    ///     if let Some(celsius) = celsius {
    ///         record.set_value(celsius);
    ///     }
    /// }
    /// ```
    pub fn set_value(&mut self, value: impl Into<Arc<V>>) {
        self.value = Some(Part::Own(value.into()));
    }

    /// Leaves the record without a key.
    ///
    /// ```
    /// use kafka_producer::{InterceptedRecord, ProducerRecord};
    ///
    /// let mut record = InterceptedRecord::from(ProducerRecord::<str, str>::new("orders", "2 x tea").key("customer-7"));
    /// record.remove_key(); // the partitioner spreads it now
    /// assert_eq!(record.key(), None);
    /// ```
    pub fn remove_key(&mut self) {
        self.key = None;
    }

    /// Leaves the record without a value: a tombstone in a compacted topic.
    ///
    /// ```
    /// use kafka_producer::{InterceptedRecord, ProducerRecord};
    ///
    /// let mut record = InterceptedRecord::from(ProducerRecord::<str, str>::new("orders", "2 x tea").key("customer-7"));
    /// record.remove_value();
    /// assert_eq!(record.value(), None);
    /// ```
    pub fn remove_value(&mut self) {
        self.value = None;
    }

    /// The producer's `client.id`; `None` in a test that makes the record itself.
    ///
    /// ```
    /// use kafka_producer::{InterceptedRecord, ProducerRecord};
    ///
    /// let record = InterceptedRecord::from(ProducerRecord::<str, str>::new("orders", "2 x tea"));
    /// assert_eq!(record.client_id(), None);
    /// ```
    pub fn client_id(&self) -> Option<&str> {
        self.client_id
    }

    /// Calls `told` with the outcome of this record, once: when all interceptors have been called with it, and as
    /// they are.
    ///
    /// What an interceptor has begun for a record ends so, without it having to find the record again. It is dropped
    /// without a call if `on_send` fails.
    ///
    /// ```
    /// use std::time::Instant;
    /// use kafka_producer::{InterceptedRecord, InterceptorError, ProducerInterceptor};
    ///
    /// struct Latency;
    ///
    /// impl<K: ?Sized, V: ?Sized> ProducerInterceptor<K, V> for Latency {
    ///     fn on_send(&self, record: &mut InterceptedRecord<'_, K, V>) -> Result<(), InterceptorError> {
    ///         let sent = Instant::now();
    ///         record.on_acknowledgement(move |acknowledgement| {
    ///             println!("{} took {:?}", acknowledgement.topic, sent.elapsed());
    ///         });
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn on_acknowledgement(
        &mut self,
        told: impl FnOnce(&Acknowledgement<'_>) + Send + Sync + 'static,
    ) {
        self.on_acknowledgement.push(Box::new(told));
    }

    /// What is to be done with its outcome, which it is left without.
    pub(crate) fn take_on_acknowledgement(&mut self) -> Vec<OnAcknowledgement> {
        mem::take(&mut self.on_acknowledgement)
    }

    /// That this is done first.
    pub(crate) fn put_first(&mut self, mut first: Vec<OnAcknowledgement>) {
        first.append(&mut self.on_acknowledgement);
        self.on_acknowledgement = first;
    }

    /// Takes over all of `record` but its references, which are copied.
    pub(crate) fn taken_from<'r: 'a>(
        record: &mut ProducerRecord<'r, K, V>,
        client_id: Option<&'a str>,
    ) -> Self {
        Self {
            topic: record.topic.into(),
            partition: record.partition,
            timestamp_ms: record.timestamp_ms.unwrap_or_else(clock::now_ms),
            headers: mem::take(&mut record.headers),
            key: record.key.map(Part::Lent),
            value: record.value.map(Part::Lent),
            client_id,
            on_acknowledgement: Vec::new(),
        }
    }

    /// What is to be sent; the headers go with it.
    pub(crate) fn lend(&mut self) -> ProducerRecord<'_, K, V> {
        let headers = mem::take(&mut self.headers);
        let mut record = ProducerRecord::bare(&self.topic);
        record.partition = self.partition;
        record.timestamp_ms = Some(self.timestamp_ms);
        record.key = self.key();
        record.value = self.value();
        record.headers = headers;
        record
    }
}

impl<T: ?Sized> Part<'_, T> {
    fn get(&self) -> &T {
        match self {
            Self::Lent(lent) => lent,
            Self::Own(own) => own,
        }
    }
}

impl<'a, K: ?Sized, V: ?Sized> From<ProducerRecord<'a, K, V>> for InterceptedRecord<'a, K, V> {
    fn from(mut record: ProducerRecord<'a, K, V>) -> Self {
        Self::taken_from(&mut record, None)
    }
}

/// Copies the references to key and value, not what they refer to, and nothing that waits for the outcome.
impl<K: ?Sized, V: ?Sized> Clone for InterceptedRecord<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            topic: self.topic.clone(),
            partition: self.partition,
            timestamp_ms: self.timestamp_ms,
            headers: self.headers.clone(),
            key: self.key.clone(),
            value: self.value.clone(),
            client_id: self.client_id,
            on_acknowledgement: Vec::new(),
        }
    }
}

impl<T: ?Sized> Clone for Part<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Self::Lent(lent) => Self::Lent(lent),
            Self::Own(own) => Self::Own(Arc::clone(own)),
        }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for InterceptedRecord<'_, K, V> {
    /// Without key and value, which may be large or secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterceptedRecord")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// What became of a record, as interceptors are told.
///
/// ```
/// use kafka_producer::serialize::Headers;
/// use kafka_producer::{Acknowledgement, Unacknowledged};
///
/// let headers = Headers::from([("source", "till-7")]);
/// let dropped = Acknowledgement::new("orders", Some(3), &headers, Err(Unacknowledged::Dropped));
/// assert!(dropped.outcome.is_err());
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Acknowledgement<'a> {
    /// The record's topic.
    pub topic: &'a str,
    /// The record's partition; `None` (Java: -1) if it was not accepted and names none.
    pub partition: Option<i32>,
    /// The record's headers, also those that serializers have added (KIP-512).
    pub headers: &'a Headers,
    /// Where it is stored, or why it is not.
    pub outcome: Result<&'a RecordMetadata, Unacknowledged<'a>>,
}

impl<'a> Acknowledgement<'a> {
    /// That of a record with this outcome, for tests of interceptors.
    pub fn new(
        topic: &'a str,
        partition: Option<i32>,
        headers: &'a Headers,
        outcome: Result<&'a RecordMetadata, Unacknowledged<'a>>,
    ) -> Self {
        Self {
            topic,
            partition,
            headers,
            outcome,
        }
    }
}

/// Why a record was not acknowledged.
///
/// ```
/// use kafka_producer::{SendError, Unacknowledged};
///
/// let refused = Unacknowledged::NotAccepted(&SendError::Closed);
/// assert_eq!(refused.to_string(), "the producer is closed");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Unacknowledged<'a> {
    /// It was accepted, and has failed.
    Failed(&'a DeliveryError),
    /// It was not accepted.
    NotAccepted(&'a SendError),
    /// `try_send` has given it back.
    WouldWait(WaitsFor),
    /// It was not accepted: the future of `send` was dropped while it waited, or a serializer or the partitioner
    /// has panicked.
    Dropped,
}

impl fmt::Display for Unacknowledged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}"),
            Self::NotAccepted(error) => write!(f, "{error}"),
            Self::WouldWait(waits_for) => {
                write!(f, "the record would have to wait for {waits_for}")
            }
            Self::Dropped => {
                f.write_str("the call of send was dropped before the record was accepted")
            }
        }
    }
}

impl Error for Unacknowledged<'_> {}
