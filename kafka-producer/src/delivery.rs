//! The outcome of one record, to be awaited, asked for, or dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use kafka_accumulator::{Completion, Delivered};

use crate::error::DeliveryError;
use crate::record::RecordMetadata;

/// What will have become of a record that was accepted.
///
/// Awaiting it waits for the acknowledgement, at most `delivery.timeout.ms` from the append.
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
#[must_use = "a record may fail; drop the delivery if that does not matter"]
pub struct Delivery {
    inner: kafka_accumulator::Delivery<DeliveryError>,
    timestamp_ms: i64,
}

/// What is known of a record by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is on its way.
    Pending,
    /// It was acknowledged.
    Delivered,
    /// It has failed.
    Failed,
}

impl Delivery {
    #[cfg(feature = "tokio")]
    pub(crate) fn new(
        inner: kafka_accumulator::Delivery<DeliveryError>,
        timestamp_ms: i64,
    ) -> Self {
        Self {
            inner,
            timestamp_ms,
        }
    }

    /// What is known by now, without waiting, and without allocating.
    pub fn status(&self) -> Status {
        match self.inner.completion().outcome(self.inner.index()) {
            None => Status::Pending,
            Some(Ok(_)) => Status::Delivered,
            Some(Err(_)) => Status::Failed,
        }
    }

    /// The outcome, if there is one by now.
    pub fn try_outcome(&self) -> Option<Result<RecordMetadata, DeliveryError>> {
        let outcome = self.inner.try_outcome()?;
        Some(outcome.map(|delivered| self.metadata(delivered)))
    }

    /// Blocks the thread until there is an outcome. Not for async code.
    #[cfg(feature = "tokio")]
    pub fn wait(self) -> Result<RecordMetadata, DeliveryError> {
        pollster::block_on(self)
    }

    fn metadata(&self, delivered: Delivered) -> RecordMetadata {
        metadata(self.inner.completion(), delivered, self.timestamp_ms)
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, DeliveryError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.inner).poll(context));
        Poll::Ready(outcome.map(|delivered| self.metadata(delivered)))
    }
}

/// What the user is told of a record with its own `timestamp_ms`.
pub(crate) fn metadata(
    completion: &Completion<DeliveryError>,
    delivered: Delivered,
    timestamp_ms: i64,
) -> RecordMetadata {
    RecordMetadata {
        topic: Arc::clone(completion.topic()),
        partition: completion.partition(),
        offset: (delivered.offset >= 0).then_some(delivered.offset),
        timestamp_ms: delivered.log_append_time_ms.unwrap_or(timestamp_ms),
    }
}
