//! What becomes of one record: to be awaited, asked for, or dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(feature = "tokio")]
use kafka_accumulator::Receipt;
use kafka_accumulator::{Completion, Delivered};

use crate::error::DeliveryError;
#[cfg(feature = "tokio")]
use crate::error::InCallback;
#[cfg(feature = "tokio")]
use crate::own_thread;
use crate::record::{RecordMetadata, TimestampType};

/// The outcome of a record that was accepted, to come.
///
/// Awaiting it waits for the acknowledgement, at most `delivery.timeout.ms` from the append. In a callback
/// it does not wait, but fails with [`Cause::InCallback`](crate::error::Cause::InCallback).
/// Cancel safe: dropping it, awaited or not, cancels nothing and costs nothing; the record is sent
/// all the same (fire and forget). It is not tied to a runtime.
///
/// ```
/// # use kafka_producer::{Delivery, DeliveryError};
/// async fn confirm(delivery: Delivery) -> Result<(), DeliveryError> {
///     let metadata = delivery.await?;
///     println!("{}-{} at {:?}", metadata.topic, metadata.partition, metadata.offset);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "a record may fail: await its delivery, or drop it and close the producer before the program ends"]
pub struct Delivery {
    inner: kafka_accumulator::Delivery<DeliveryError>,
    facts: RecordFacts,
}

/// What is known of a record once it is serialized, and told when it is acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordFacts {
    /// Its own time.
    timestamp_ms: i64,
    key: PartSize,
    value: PartSize,
}

#[cfg(feature = "tokio")]
impl RecordFacts {
    #[inline(always)]
    pub(crate) fn new(timestamp_ms: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Self {
        Self {
            timestamp_ms,
            key: PartSize::of(key),
            value: PartSize::of(value),
        }
    }
}

/// How many bytes a key or a value takes, in half the room of an `Option<usize>`: each delivery has two.
#[derive(Clone, Copy, Debug)]
struct PartSize(u32);

impl PartSize {
    /// Nothing that is accepted is as long.
    const NULL: u32 = u32::MAX;

    #[cfg(feature = "tokio")]
    #[inline(always)]
    fn of(bytes: Option<&[u8]>) -> Self {
        Self(bytes.map_or(Self::NULL, |bytes| bytes.len() as u32))
    }

    fn bytes(self) -> Option<usize> {
        (self.0 != Self::NULL).then_some(self.0 as usize)
    }
}

/// What is known of a record by now.
///
/// A record is in one of these states and in no other, so that a `match` on it needs no wildcard.
///
/// ```
/// use kafka_producer::{Delivery, Status};
///
/// fn is_done(delivery: &Delivery) -> bool {
///     delivery.status() != Status::Pending
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is on its way.
    Pending,
    /// It was acknowledged.
    Delivered,
    /// It has failed.
    Failed,
}

impl Delivery {
    /// Where the record was sent.
    ///
    /// ```
    /// fn log(delivery: &kafka_producer::Delivery) {
    ///     println!("accepted for {}-{}", delivery.topic(), delivery.partition());
    /// }
    /// ```
    pub fn topic(&self) -> &Arc<str> {
        self.inner.completion().topic()
    }

    /// The partition that it names, or that was chosen for it.
    ///
    /// ```
    /// fn is_of(delivery: &kafka_producer::Delivery, partition: i32) -> bool {
    ///     delivery.partition() == partition
    /// }
    /// ```
    pub fn partition(&self) -> i32 {
        self.inner.completion().partition()
    }

    /// What is known by now, without waiting, and without allocating.
    ///
    /// ```
    /// use kafka_producer::{Delivery, Status};
    ///
    /// fn has_failed(delivery: &Delivery) -> bool {
    ///     delivery.status() == Status::Failed
    /// }
    /// ```
    pub fn status(&self) -> Status {
        match self.inner.completion().outcome(self.inner.index()) {
            None => Status::Pending,
            Some(Ok(_)) => Status::Delivered,
            Some(Err(_)) => Status::Failed,
        }
    }

    /// The outcome, if there is one by now.
    ///
    /// ```
    /// fn poll(delivery: &kafka_producer::Delivery) {
    ///     match delivery.try_outcome() {
    ///         None => println!("on its way"),
    ///         Some(Ok(metadata)) => println!("stored at {:?}", metadata.offset),
    ///         Some(Err(error)) => eprintln!("{error}"),
    ///     }
    /// }
    /// ```
    pub fn try_outcome(&self) -> Option<Result<RecordMetadata, DeliveryError>> {
        let outcome = self.inner.try_outcome()?;
        Some(outcome.map(|delivered| self.metadata(delivered)))
    }

    /// Blocks the thread until there is an outcome. Not for async code.
    ///
    /// ```
    /// use kafka_producer::{Delivery, DeliveryError};
    ///
    /// fn confirm(delivery: Delivery) -> Result<(), DeliveryError> {
    ///     println!("stored at {:?}", delivery.wait()?.offset);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// The record's; and [`Cause::InCallback`](crate::error::Cause::InCallback) in a callback, if there is
    /// no outcome yet: that says nothing of the record, which is sent all the same.
    #[cfg(feature = "tokio")]
    pub fn wait(self) -> Result<RecordMetadata, DeliveryError> {
        match (self.try_outcome(), own_thread::may_block("wait")) {
            (Some(outcome), _) => outcome,
            (None, Err(refused)) => Err(self.in_callback(refused)),
            (None, Ok(())) => pollster::block_on(self),
        }
    }

    #[cfg(feature = "tokio")]
    fn in_callback(&self, refused: InCallback) -> DeliveryError {
        let completion = self.inner.completion();
        DeliveryError::in_callback(refused, completion.topic(), completion.partition())
    }

    fn metadata(&self, delivered: Delivered) -> RecordMetadata {
        metadata(self.inner.completion(), delivered, self.facts)
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, DeliveryError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(outcome) = Pin::new(&mut self.inner).poll(context) else {
            #[cfg(feature = "tokio")]
            if let Err(refused) = own_thread::may_await("awaiting a delivery") {
                return Poll::Ready(Err(self.in_callback(refused)));
            }
            return Poll::Pending;
        };
        Poll::Ready(outcome.map(|delivered| self.metadata(delivered)))
    }
}

/// What the user gets of a delivered record.
pub(crate) fn metadata(
    completion: &Completion<DeliveryError>,
    delivered: Delivered,
    facts: RecordFacts,
) -> RecordMetadata {
    let (timestamp_type, timestamp_ms) = match delivered.log_append_time_ms {
        Some(brokers) => (TimestampType::LogAppendTime, brokers),
        None => (TimestampType::CreateTime, facts.timestamp_ms),
    };
    RecordMetadata {
        topic: Arc::clone(completion.topic()),
        partition: completion.partition(),
        offset: (delivered.offset >= 0).then_some(delivered.offset),
        timestamp_ms,
        timestamp_type,
        key_bytes: facts.key.bytes(),
        value_bytes: facts.value.bytes(),
    }
}

/// What [`Producer::send_with`](crate::Producer::send_with) leaves with a record.
#[cfg(feature = "tokio")]
pub(crate) type OutcomeCallback = kafka_accumulator::Callback<DeliveryError>;

/// What a send returns for a record that was appended: a [`Delivery`], or nothing.
#[cfg(feature = "tokio")]
pub(crate) trait SendReceipt: Sized {
    /// The accumulator's part of it.
    type Appended: Receipt<DeliveryError>;

    fn new(appended: Self::Appended, facts: RecordFacts) -> Self;
}

#[cfg(feature = "tokio")]
impl SendReceipt for Delivery {
    type Appended = kafka_accumulator::Delivery<DeliveryError>;

    #[inline(always)]
    fn new(inner: Self::Appended, facts: RecordFacts) -> Self {
        Self { inner, facts }
    }
}

#[cfg(feature = "tokio")]
impl SendReceipt for () {
    type Appended = ();

    #[inline(always)]
    fn new((): (), _: RecordFacts) -> Self {}
}
