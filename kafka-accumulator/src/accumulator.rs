//! The way in: appends a record to its partition's open batch, or says that memory is needed.
//!
//! In the steady state an append is one lock, one copy, one reference count and nothing else. A
//! new batch costs a reservation, a look at the clock and the lock once more; in between nothing
//! is locked, so others may be faster, and what is not needed then goes back.
//!
//! It never waits (waiting is [`Accumulator::reserve`]'s business), never reads a clock itself and
//! never decides when a batch is sent.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use kafka_wire::records::{BATCH_HEADER_BYTES, RecordTooLarge};
use thiserror::Error;

use crate::{
    budget::{Budget, Reservation, Reserve},
    buffer::Pool,
    completion::Completion,
    doorbell::Doorbell,
    open::{NewRecord, OpenBatch},
    queue::{Appended, Attempt, Filled, Queue, Shared},
    sync::{Mutex, lock},
};

/// How large batches get, and how long and where they wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most bytes of an uncompressed batch, header included; a larger record gets a batch of
    /// its own. 0 puts every record into its own batch. More than `buffer_memory` counts as that.
    pub batch_size: usize,
    /// How long an open batch waits for more records.
    pub linger: Duration,
    /// The most bytes of batches that are in memory at a time.
    pub buffer_memory: usize,
}

/// Why a record was not appended. It was not touched: it may be appended again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A new batch is needed, and the memory is used up, or others wait for it: get a
    /// [`Accumulator::reserve`]d reservation of `bytes` and append again with that.
    #[error("{bytes} bytes of buffer memory are needed for a new batch and not free")]
    NeedsMemory {
        /// How much.
        bytes: usize,
    },
    /// The accumulator was closed.
    #[error("the accumulator is closed")]
    Closed,
    /// The record can never be sent.
    #[error("a batch for the record takes {bytes} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// What a batch of this one record takes.
        bytes: usize,
        /// The buffer memory, or what the format allows.
        limit: usize,
    },
}

/// Where records wait, in batches, for their partition's leader.
pub struct Accumulator<E> {
    shared: Arc<Shared<E>>,
    registry: Mutex<Registry<E>>,
}

enum Registry<E> {
    Open(Vec<Weak<Queue<E>>>),
    Closed,
}

impl<E> Accumulator<E> {
    /// An empty one. It rings `doorbell` when there is something to look at, and tells records
    /// that were lost (their batch was dropped undecided) what `abandoned` returns.
    pub fn new(settings: Settings, doorbell: Arc<Doorbell>, abandoned: fn() -> E) -> Self {
        let budget = Arc::new(Budget::new(settings.buffer_memory));
        let batch_bytes = settings.batch_size.min(budget.total()).min(MAX_BATCH_BYTES);
        let pool = Arc::new(Pool::new(batch_bytes, Arc::clone(&budget)));
        let shared = Arc::new(Shared {
            batch_bytes,
            linger: settings.linger.min(MAX_LINGER),
            budget,
            pool,
            doorbell,
            abandoned,
            rung: Mutex::new(Some(Vec::new())),
        });
        Self {
            shared,
            registry: Mutex::new(Registry::Open(Vec::new())),
        }
    }

    /// A queue for a partition. `key` is the caller's number for it, echoed by [`Queue::key`].
    ///
    /// The accumulator does not keep it alive: the caller does, for as long as it may hold records.
    pub fn queue(&self, topic: Arc<str>, partition: i32, key: u32) -> Arc<Queue<E>> {
        let shared = Arc::clone(&self.shared);
        let queue = Arc::new(Queue::new(shared, topic, partition, key));
        match &mut *lock(&self.registry) {
            Registry::Open(queues) => {
                if queues.len() == queues.capacity() {
                    queues.retain(|queue| queue.strong_count() > 0);
                }
                queues.push(Arc::downgrade(&queue));
                return queue;
            }
            Registry::Closed => {}
        }
        queue.close();
        queue
    }

    /// Encodes the record once, straight into the open batch of `queue`.
    ///
    /// Never waits. `now` is called only if a batch is opened, and under no lock. A `reserved`
    /// that is not needed is given back.
    pub fn append<'a, H>(
        &self,
        queue: &Arc<Queue<E>>,
        record: &mut NewRecord<'a, H, E>,
        reserved: Option<Reservation>,
        now: impl FnOnce() -> Instant,
    ) -> Result<Appended<E>, AppendError>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        match queue.append(record).map_err(beyond_format)? {
            Attempt::Appended(appended) => Ok(appended),
            Attempt::NeedsBatch(filled) => {
                let mut appended = self.append_to_new_batch(queue, record, reserved, now)?;
                if filled == Filled::Filled {
                    appended.filled = filled;
                }
                Ok(appended)
            }
            Attempt::Closed => Err(AppendError::Closed),
        }
    }

    /// Stands in line, in order of arrival, for the memory of a new batch.
    ///
    /// The deadline is enforced by whoever calls [`expire_waiters`](Self::expire_waiters). While
    /// somebody stands in line all open batches are due, and the doorbell rings for that.
    pub fn reserve(&self, bytes: usize, deadline: Instant) -> Reserve {
        let reserve = self.shared.budget.reserve(bytes, deadline);
        if reserve.is_standing() {
            self.shared.doorbell.ring();
        }
        reserve
    }

    /// Ends the wait for memory of those whose deadline has come.
    pub fn expire_waiters(&self, now: Instant) {
        self.shared.budget.expire(now);
    }

    /// When to call [`expire_waiters`](Self::expire_waiters) next; may be too early, never late.
    pub fn next_waiter_deadline(&self) -> Option<Instant> {
        self.shared.budget.next_deadline()
    }

    /// Moves the queues that have rung since the last call to the end of `into`. Each of them
    /// must be looked at: it does not ring again before.
    pub fn drain_rung(&self, into: &mut Vec<Arc<Queue<E>>>) {
        if let Some(rung) = &mut *lock(&self.shared.rung) {
            if into.is_empty() {
                std::mem::swap(rung, into);
            } else {
                into.append(rung);
            }
        }
    }

    /// Fails appends and reservations from now on. What is held stays until it is taken, and is
    /// due.
    pub fn close(&self) {
        let registry = std::mem::replace(&mut *lock(&self.registry), Registry::Closed);
        if let Registry::Open(queues) = registry {
            let queues = queues.iter().filter_map(Weak::upgrade);
            queues.for_each(|queue| queue.close());
        }
        self.shared.budget.close();
        self.shared.doorbell.ring();
    }

    /// How many bytes of the buffer memory are reserved.
    pub fn memory_in_use(&self) -> usize {
        self.shared.budget.total() - self.shared.budget.free()
    }

    /// How many bytes of buffer memory there are.
    pub fn memory_total(&self) -> usize {
        self.shared.budget.total()
    }

    /// How many callers wait for memory.
    pub fn waiting(&self) -> usize {
        self.shared.budget.waiting()
    }

    /// The bell that it rings.
    pub fn doorbell(&self) -> &Arc<Doorbell> {
        &self.shared.doorbell
    }

    #[cold]
    #[inline(never)]
    fn append_to_new_batch<'a, H>(
        &self,
        queue: &Arc<Queue<E>>,
        record: &mut NewRecord<'a, H, E>,
        reserved: Option<Reservation>,
        now: impl FnOnce() -> Instant,
    ) -> Result<Appended<E>, AppendError>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        let alone = record.parts.size(0, 0).map_err(beyond_format)?.bytes() + BATCH_HEADER_BYTES;
        let bytes = alone.max(self.shared.batch_bytes);
        let reservation = self.pay_for(bytes, reserved)?;
        let buffer = self.shared.pool.fetch(bytes, reservation);
        let topic = Arc::clone(queue.topic());
        let completion = Completion::new(topic, queue.partition(), self.shared.abandoned);
        let room = bytes - BATCH_HEADER_BYTES;
        let fresh = OpenBatch::new(Arc::new(completion), buffer, room, now());
        match queue
            .append_to_fresh(record, fresh)
            .map_err(beyond_format)?
        {
            Attempt::Appended(appended) => Ok(appended),
            Attempt::NeedsBatch(_) | Attempt::Closed => Err(AppendError::Closed),
        }
    }

    fn pay_for(
        &self,
        bytes: usize,
        reserved: Option<Reservation>,
    ) -> Result<Reservation, AppendError> {
        let limit = self.shared.budget.total().min(MAX_BATCH_BYTES);
        if bytes > limit {
            return Err(AppendError::TooLarge { bytes, limit });
        }
        match reserved {
            Some(reserved) if reserved.bytes() >= bytes => {
                drop(reserved.carve(reserved.bytes() - bytes));
                Ok(reserved)
            }
            _ => {
                let reservation = self.shared.budget.try_reserve(bytes);
                reservation.ok_or(AppendError::NeedsMemory { bytes })
            }
        }
    }
}

impl<E> Drop for Accumulator<E> {
    fn drop(&mut self) {
        self.close();
        // The list holds the queues, and they hold the list.
        let rung = lock(&self.shared.rung).take();
        drop(rung);
    }
}

impl<E> fmt::Debug for Accumulator<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accumulator")
            .field("memory_in_use", &self.memory_in_use())
            .field("memory_total", &self.memory_total())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

fn beyond_format(_: RecordTooLarge) -> AppendError {
    AppendError::TooLarge {
        bytes: usize::MAX,
        limit: MAX_BATCH_BYTES,
    }
}

/// The length of a batch is an `i32` on the wire.
const MAX_BATCH_BYTES: usize = i32::MAX as usize;
/// Far beyond any delivery timeout, and near enough to be added to any `Instant`.
const MAX_LINGER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
