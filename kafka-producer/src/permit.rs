//! Memory for one record, reserved before there is a record.
//!
//! A program that must not wait once it has begun (it holds a lock, say, or has taken a message that it cannot give
//! back) waits first, and sends then. What is reserved belongs to no broker yet, so it is taken from what is
//! guaranteed to none; the batch that it pays for is as any other.

use std::fmt;
use std::time::Instant;

use kafka_accumulator::Reservation;

use crate::delivery::Delivery;
use crate::error::SendError;
use crate::pending::granted;
use crate::record::ProducerRecord;
use crate::send::RecordSender;

/// The right to send one record without waiting: what [`Producer::reserve`](crate::Producer::reserve) returns.
///
/// It holds its memory until it is used or dropped, so it should not be kept for long: what it holds, others wait
/// for.
///
/// ```no_run
/// # use kafka_producer::{Producer, ProducerRecord};
/// # async fn example(producer: Producer<str, str>, queue: std::sync::Mutex<Vec<String>>) -> Result<(), Box<dyn std::error::Error>> {
/// let permit = producer.reserve("orders", 1_000).await?; // waits, and holds nothing that others need
/// if let Some(order) = queue.lock().expect("nobody panics").pop() {
///     drop(permit.send(ProducerRecord::new("orders", &order))?); // does not wait: the lock is held
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it gives the memory back"]
pub struct Permit<'p, K: ?Sized, V: ?Sized> {
    sender: &'p RecordSender<K, V>,
    reserved: Reservation,
    record_bytes: usize,
}

impl<'p, K: ?Sized, V: ?Sized> Permit<'p, K, V> {
    /// Waits for the memory of a record of so many bytes, as one who waits `since`.
    pub(crate) async fn reserve(
        sender: &'p RecordSender<K, V>,
        record_bytes: usize,
        since: Instant,
    ) -> Result<Self, SendError> {
        let appender = sender.appender();
        let accumulator = appender.accumulator();
        let encoded = record_bytes.saturating_add(FRAMING_BYTES_MAX);
        let bytes = accumulator.least_bytes(encoded, CALLBACK_BYTES);
        let reserve = accumulator.reserve(bytes, since + appender.max_block());
        let reserved = granted(appender, reserve, bytes, since).await?;
        Ok(Self {
            sender,
            reserved,
            record_bytes,
        })
    }

    /// How many bytes the record may take: key, value and headers together.
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Accepts a record, as [`Producer::send`](crate::Producer::send) does, but at once.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let permit = producer.reserve("orders", 1_000).await?;
    /// let delivery = permit.send(ProducerRecord::new("orders", "2 x tea"))?;
    /// println!("stored at {:?}", delivery.await?.offset);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Never [`SendError::BufferExhausted`]. [`SendError::RecordTooLarge`]: the record takes more than was reserved,
    /// and there is no other memory for it. [`SendError::WouldWait`]: the topic is not known, because it is another
    /// than the one that was named, or was deleted or not used for `metadata.max.idle.ms` meanwhile.
    pub fn send(self, record: ProducerRecord<'_, K, V>) -> Result<Delivery, SendError> {
        self.sender
            .append_reserved(record, self.reserved, self.record_bytes)
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for Permit<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("record_bytes", &self.record_bytes)
            .finish_non_exhaustive()
    }
}

/// What a record takes in a batch of its own beside key, value and headers, for up to some twenty headers.
const FRAMING_BYTES_MAX: usize = 256;
/// What is left with it for interceptors.
const CALLBACK_BYTES: usize = 256;
