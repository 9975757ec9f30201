//! The producer for programs without async: the same producer, whose calls block the thread.
//!
//! ```no_run
//! use kafka_producer::{ProducerRecord, blocking::Producer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let producer: Producer<str, str> =
//!     kafka_producer::Producer::builder().bootstrap_servers(["localhost:9092"]).build_blocking()?;
//! let metadata = producer.send(ProducerRecord::new("orders", "hello"))?.wait()?;
//! println!("at {:?}", metadata.offset);
//! # Ok(())
//! # }
//! ```
//!
//! None of these calls may be made from an async task, nor from a callback of the same producer.

use std::time::Duration;

use crate::delivery::Delivery;
use crate::engine::CloseReport;
use crate::error::{DeliveryError, SendError};
use crate::intake::Admission;
use crate::producer::TrySendError;
use crate::record::{ProducerRecord, RecordMetadata};

/// See [`kafka_producer::Producer`](crate::Producer), which this wraps.
pub struct Producer<K: ?Sized, V: ?Sized> {
    inner: crate::Producer<K, V>,
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    /// Accepts a record; waits for metadata and memory, at most `max.block.ms`.
    ///
    /// # Errors
    /// See [`SendError`].
    #[inline]
    pub fn send(&self, record: ProducerRecord<'_, K, V>) -> Result<Delivery, SendError> {
        match self.inner.admit(record, None)? {
            Admission::Accepted(delivery) => Ok(delivery),
            Admission::Waits(pending) => pollster::block_on(pending.complete(self.inner.intake())),
        }
    }

    /// Like [`send`](Self::send); `callback` is told the outcome, on the producer's own thread.
    ///
    /// # Errors
    /// See [`SendError`]; then the callback is dropped.
    pub fn send_with(
        &self,
        record: ProducerRecord<'_, K, V>,
        callback: impl FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
    ) -> Result<(), SendError> {
        pollster::block_on(self.inner.send_with(record, callback))
    }

    /// Like [`send`](Self::send), but never waits.
    ///
    /// # Errors
    /// See [`TrySendError`].
    pub fn try_send<'a>(
        &self,
        record: ProducerRecord<'a, K, V>,
    ) -> Result<Delivery, TrySendError<'a, K, V>> {
        self.inner.try_send(record)
    }

    /// See [`Producer::flush`](crate::Producer::flush).
    pub fn flush(&self) {
        pollster::block_on(self.inner.flush());
    }

    /// See [`Producer::close`](crate::Producer::close).
    pub fn close(&self, deadline: Duration) -> CloseReport {
        pollster::block_on(self.inner.close(deadline))
    }

    /// The same producer for async code.
    pub fn as_async(&self) -> &crate::Producer<K, V> {
        &self.inner
    }
}

impl<K: ?Sized, V: ?Sized> Clone for Producer<K, V> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<K: ?Sized, V: ?Sized> std::fmt::Debug for Producer<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl<K: ?Sized, V: ?Sized> From<crate::Producer<K, V>> for Producer<K, V> {
    fn from(inner: crate::Producer<K, V>) -> Self {
        Self { inner }
    }
}
