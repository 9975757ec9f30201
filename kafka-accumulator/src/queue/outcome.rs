//! What a queue answers: to whoever appends, and to whoever takes.
//!
//! Plain data; it decides nothing.

use std::{sync::Arc, time::Instant};

use crate::{
    batch::{GrowRequest, Growth},
    delivery::{Delivery, Receipt},
    memory::{Account, InitialSize},
};

/// What there is to take from a queue.
///
/// [`Queue::poll_ready`](crate::Queue::poll_ready) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Nothing is here.
    Empty,
    /// There is one open batch, which may still fill.
    Lingering {
        /// When it is to be taken all the same.
        until: Instant,
    },
    /// There is a batch to be taken.
    Ready,
}

/// Whether a sticky partitioner should move on (Java's `batchIsFull`).
///
/// [`Accumulator::append`](crate::Accumulator::append) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Not yet.
    Room,
    /// This append filled the batch, or found the one before it full; or, with batches that left before
    /// they were full, twice `batch.size` bytes were taken.
    Filled,
}

/// A record that was appended.
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
/// let Appended { delivery, filled, .. } = accumulator.append(&queue, &mut record, None, || now)?;
/// assert_eq!((delivery.index(), filled), (0, Filled::Room));
/// # Ok::<(), AppendError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended<R> {
    /// Tells what becomes of it; or `()`, if nobody will ask.
    pub delivery: R,
    /// Whether a sticky partitioner should move on.
    pub filled: Filled,
}

impl<E> Appended<Delivery<E>> {
    /// The same for whoever wants another kind of receipt.
    pub(crate) fn into_receipt<R: Receipt<E>>(self) -> Appended<R> {
        Appended {
            delivery: R::of(self.delivery.completion(), self.delivery.index()),
            filled: self.filled,
        }
    }
}

/// What came of an attempt to append to the open batch.
pub(crate) enum Attempt<E> {
    Appended(Appended<Delivery<E>>),
    /// The open batch has room, but must grow, at the expense of this account.
    NeedsMemory(GrowRequest, Arc<Account>),
    /// There is no open batch; if there was one, it is sealed now: it was full or could not grow.
    NeedsBatch(NewBatch),
    Closed,
}

/// The batch that a record needs.
#[derive(Clone, Debug)]
pub(crate) struct NewBatch {
    /// What its memory is charged to.
    pub(crate) account: Arc<Account>,
    /// Whether there was one before it.
    pub(crate) filled: Filled,
    pub(crate) initial_size: InitialSize,
}

/// How to go on when the open batch has room for a record, but its memory is short.
pub(crate) enum WhenShort {
    /// Say what it needs.
    Report,
    /// Grow by this, if that is still what it needs. What is left of it is dropped after the lock.
    Grow(Growth),
    /// Seal it: there is no memory.
    Seal,
}
