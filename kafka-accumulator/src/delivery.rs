//! What becomes of one record, as a future (Java's `FutureRecordMetadata`).
//!
//! It is a reference to its batch's completion, an index and a ticket: 16 bytes, and no allocation.
//! Dropping it costs one reference count and cancels nothing.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::completion::{Completion, Outcome, RecordOutcome, Ticket};

/// What will have become of a record.
///
/// Polling it again replaces the waker of the poll before. After a batch was split it follows its
/// record to the piece that holds it.
///
/// ```
/// use kafka_accumulator::Delivery;
///
/// async fn report(delivery: Delivery<String>) {
///     match delivery.await {
///         Ok(delivered) => println!("at offset {}", delivered.offset),
///         Err(error) => println!("not delivered: {error}"),
///     }
/// }
/// ```
#[must_use = "a record may fail; drop the delivery with `let _ =` if that does not matter"]
pub struct Delivery<E> {
    completion: Arc<Completion<E>>,
    index: u32,
    /// Where its waker is, if it was polled.
    ticket: Option<Ticket>,
}

/// What an append returns for a record: a [`Delivery`], or `()`, which saves two reference counts.
// Hidden: it is how the producer appends records whose outcome nobody asks for.
#[doc(hidden)]
pub trait Receipt<E>: sealed::Sealed {
    /// For the record at `index` of this batch.
    fn of(completion: &Arc<Completion<E>>, index: u32) -> Self;
}

impl<E> Receipt<E> for Delivery<E> {
    #[inline(always)]
    fn of(completion: &Arc<Completion<E>>, index: u32) -> Self {
        Self::new(Arc::clone(completion), index)
    }
}

impl<E> Receipt<E> for () {
    #[inline(always)]
    fn of(_: &Arc<Completion<E>>, _: u32) -> Self {}
}

mod sealed {
    /// Nobody else implements it.
    pub trait Sealed {}
}

impl<E> sealed::Sealed for Delivery<E> {}

impl sealed::Sealed for () {}

impl<E> Delivery<E> {
    pub(crate) fn new(completion: Arc<Completion<E>>, index: u32) -> Self {
        Self {
            completion,
            index,
            ticket: None,
        }
    }

    /// The completion of the batch that the record is in, as far as this has followed it.
    pub fn completion(&self) -> &Arc<Completion<E>> {
        &self.completion
    }

    /// The place of the record in that batch.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// What became of the record, if its batch is completed.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
    /// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// # queue.flush();
    /// # let batch = queue.take(now).expect("it was flushed");
    /// assert_eq!(delivery.try_outcome(), None);
    /// batch.complete(BatchOutcome::Failed("no leader"))?;
    /// assert_eq!(delivery.try_outcome(), Some(Err("no leader")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_outcome(&self) -> Option<Outcome<E>>
    where
        E: Clone,
    {
        let outcome = self.completion.outcome(self.index)?;
        Some(outcome.map_err(E::clone))
    }
}

impl<E: Clone> Future for Delivery<E> {
    type Output = Outcome<E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<E>> {
        loop {
            let Self {
                completion,
                index,
                ticket,
            } = &mut *self;
            let Some(batch_outcome) = completion.poll_outcome(ticket, context.waker()) else {
                return Poll::Pending;
            };
            let (piece, index) = match batch_outcome.of(*index) {
                RecordOutcome::Known(outcome) => return Poll::Ready(outcome.map_err(E::clone)),
                RecordOutcome::InPiece(piece, index) => (Arc::clone(piece), index),
            };
            *self = Self::new(piece, index);
        }
    }
}

impl<E> fmt::Debug for Delivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("completion", &self.completion)
            .field("index", &self.index)
            .finish()
    }
}
