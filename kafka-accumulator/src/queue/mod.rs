//! Where the records of one partition wait.
//!
//! ```text
//! append ─▶ [ open ] ─seal─▶ [ sealed │ sealed │ sealed ] ─take─▶ engine
//!            newest                               oldest
//! ```
//!
//! The lock is held for one copy, for that of a batch that grows, or for moving a batch out; never
//! across a call out of this crate (but for the iterator of a record's headers), and never while another
//! lock is taken. The doorbell is rung at most twice per batch, and only if that can change what the engine
//! does next: for its first record, if the engine would not look within a linger anyway, and when it is full.
//!
//! A queue reads no clock and knows no broker; the engine decides when to take. *Engine* is whoever
//! takes batches from the queues.
//!
//! # Invariants
//! - At most one batch is open, and it is the newest.
//! - A batch leaves once and never comes back.
//! - Whenever there is something the engine does not know of, the queue is on the list of those that rang
//!   (`Listed` or `Rung`).

mod state;
mod outcome;
mod attention;
mod memory;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use kafka_wire::records::RecordTooLarge;

use crate::{
    batch::{Batch, OpenBatch, SealedBatch},
    completion::Completion,
    delivery::Receipt,
    doorbell::Doorbell,
    memory::{Account, BATCH_BYTES_MAX, Budget, BufferPool, BufferSizes},
    record::{NewRecord, RecordHeaders},
    settings::Settings,
    sync::{AtomicU32, Guard, Mutex, Ordering, lock},
};
use attention::Ring;
pub use outcome::{Appended, Filled, Readiness};
pub(crate) use outcome::{Attempt, NewBatch, WhenShort};
use state::QueueState;
pub(crate) use state::Stage;

/// What the queues of an accumulator share.
pub(crate) struct Shared<E> {
    pub(crate) sizes: BufferSizes,
    pub(crate) batch_overhead: usize,
    pub(crate) linger: Duration,
    pub(crate) budget: Arc<Budget>,
    /// Of queues that the engine has not assigned to any other.
    pub(crate) unassigned: Arc<Account>,
    pub(crate) pool: Arc<BufferPool>,
    pub(crate) doorbell: Arc<Doorbell>,
    pub(crate) abandoned: fn() -> E,
    /// The queues that have rung since they were last taken; none are listed any more when the
    /// accumulator is gone.
    rung: Mutex<Option<Vec<Arc<Queue<E>>>>>,
}

impl<E> Shared<E> {
    pub(crate) fn new(settings: Settings, doorbell: Arc<Doorbell>, abandoned: fn() -> E) -> Self {
        let total = settings.buffer_memory.min(isize::MAX as usize);
        let batch_bytes = settings.batch_size.min(total).min(BATCH_BYTES_MAX);
        let sizes = BufferSizes::new(batch_bytes);
        let full_batch = batch_bytes.saturating_add(settings.batch_overhead);
        let budget = Arc::new(Budget::new(total, full_batch, Arc::clone(&doorbell)));
        let pool = BufferPool::new(sizes, settings.batch_overhead, Arc::clone(&budget));
        Self {
            sizes,
            batch_overhead: settings.batch_overhead,
            linger: settings.linger.min(MAX_LINGER),
            budget,
            unassigned: Arc::new(Account::new()),
            pool: Arc::new(pool),
            doorbell,
            abandoned,
            rung: Mutex::new(Some(Vec::new())),
        }
    }

    /// Moves the queues that have rung to the end of `into`.
    pub(crate) fn take_rung(&self, into: &mut Vec<Arc<Queue<E>>>) {
        if let Some(rung) = &mut *lock(&self.rung) {
            if into.is_empty() {
                std::mem::swap(rung, into);
            } else {
                into.append(rung);
            }
        }
    }

    /// Nobody will take any more: drops the queues that have rung, which hold this, and idle buffers.
    pub(crate) fn retire(&self) {
        let rung = lock(&self.rung).take();
        drop(rung);
        self.pool.retire();
    }

    fn list_rung(&self, queue: &Arc<Queue<E>>) {
        if let Some(rung) = &mut *lock(&self.rung) {
            rung.push(Arc::clone(queue));
        }
    }
}

/// Far beyond any delivery timeout, and near enough to be added to any `Instant`.
const MAX_LINGER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The queue of one partition.
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
/// assert_eq!(queue.batches(), 1);
/// assert_eq!(queue.poll_ready(now), Readiness::Lingering { until: now + settings.linger });
/// # Ok::<(), AppendError>(())
/// ```
// Two queues never share a cache line, nor a pair of them that the CPU fetches together.
#[repr(align(128))]
pub struct Queue<E> {
    state: Mutex<QueueState<E>>,
    shared: Arc<Shared<E>>,
    topic: Arc<str>,
    partition: i32,
    key: AtomicU32,
}

impl<E> Queue<E> {
    pub(crate) fn new(shared: Arc<Shared<E>>, topic: Arc<str>, partition: i32, key: u32) -> Self {
        let account = Arc::clone(&shared.unassigned);
        Self {
            state: Mutex::new(QueueState::new(account, shared.sizes)),
            shared,
            topic,
            partition,
            key: AtomicU32::new(key),
        }
    }

    /// The number that the engine gave it.
    pub fn key(&self) -> u32 {
        self.key.load(Ordering::Relaxed)
    }

    /// Gives it another number.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// let queue = accumulator.queue(Arc::from("orders"), 0, u32::MAX);
    /// queue.set_key(17);
    /// assert_eq!(queue.key(), 17);
    /// ```
    // Hidden: only for an engine that moves its own table.
    #[doc(hidden)]
    pub fn set_key(&self, key: u32) {
        self.key.store(key, Ordering::Relaxed);
    }

    /// The topic.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The partition.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Returns what there is to take, and notes that the engine knows it now: the queue does not ring
    /// for that again.
    ///
    /// Hence the engine must poll again: after `Lingering` at that time (or when callers wait for memory),
    /// after `Ready` when it has taken what it could.
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
    /// let Readiness::Lingering { until } = queue.poll_ready(now) else { panic!("there is one record") };
    /// assert_eq!(queue.poll_ready(until), Readiness::Ready);
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn poll_ready(&self, now: Instant) -> Readiness {
        let mut state = lock(&self.state);
        let readiness = state.readiness(now, self.shared.linger, &self.shared.budget);
        state.note_seen(readiness);
        readiness
    }

    /// Returns what there is to take, and notes nothing: the queue rings as before.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// assert_eq!(queue.readiness(Instant::now()), Readiness::Empty);
    /// ```
    pub fn readiness(&self, now: Instant) -> Readiness {
        lock(&self.state).readiness(now, self.shared.linger, &self.shared.budget)
    }

    /// Takes the oldest sealed batch; else the open one if it is due: it has lingered, or callers wait
    /// for memory.
    ///
    /// # Errors
    /// There is none: when the open one will be due, if there is one. As after
    /// [`poll_ready`](Self::poll_ready), the engine must come again then.
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
    /// let due = now + settings.linger;
    /// assert_eq!(queue.take(now).err(), Some(Some(due)), "it lingers");
    /// let batch = queue.take(due).expect("it has lingered");
    /// assert_eq!(batch.count(), 1);
    /// assert_eq!(queue.take(due).err(), Some(None), "nothing is here");
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn take(&self, now: Instant) -> Result<Batch<E>, Option<Instant>> {
        let mut state = lock(&self.state);
        let readiness = state.readiness(now, self.shared.linger, &self.shared.budget);
        let sealed = match readiness {
            Readiness::Ready => state.take_oldest(),
            Readiness::Lingering { .. } | Readiness::Empty => None,
        };
        let Some(sealed) = sealed else {
            state.note_seen(readiness);
            return Err(match readiness {
                Readiness::Lingering { until } => Some(until),
                Readiness::Ready | Readiness::Empty => None,
            });
        };
        drop(state);
        Ok(sealed.release())
    }

    /// Seals the open batch, so that it is due now.
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
    /// queue.flush();
    /// assert_eq!(queue.poll_ready(now), Readiness::Ready);
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn flush(self: &Arc<Self>) {
        let ring = lock(&self.state).seal_open();
        self.ring(ring);
    }

    /// When the oldest batch that is still here was created.
    pub fn oldest_created(&self) -> Option<Instant> {
        lock(&self.state).oldest_created()
    }

    /// Takes the batches that were created at `created_until` or before, oldest first, due or not.
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
    /// let delivery_timeout = Duration::from_secs(120);
    /// let later = now + delivery_timeout;
    /// assert!(queue.take_expired(later - delivery_timeout - Duration::from_nanos(1)).is_empty());
    /// assert_eq!(queue.take_expired(later - delivery_timeout).len(), 1);
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn take_expired(&self, created_until: Instant) -> Vec<Batch<E>> {
        let expired = lock(&self.state).take_expired(created_until);
        release(expired)
    }

    /// Takes everything, oldest first.
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
    /// for batch in queue.take_all() {
    ///     let _ = batch.complete(BatchOutcome::Failed("closed"));
    /// }
    /// assert_eq!(delivery.try_outcome(), Some(Err("closed")));
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn take_all(&self) -> Vec<Batch<E>> {
        let all = lock(&self.state).take_all();
        release(all)
    }

    /// The completions of the batches that are still here, oldest first.
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
    /// assert_eq!(queue.incomplete().len(), 1);
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn incomplete(&self) -> Vec<Arc<Completion<E>>> {
        lock(&self.state).completions()
    }

    /// How many records are here.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Instant};
    /// # use kafka_accumulator::*;
    /// # let accumulator = Accumulator::new(Settings::default(), Arc::new(Doorbell::new()), || "abandoned");
    /// let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// assert_eq!(queue.records(), 0);
    /// ```
    pub fn records(&self) -> u64 {
        lock(&self.state).records()
    }

    /// Whether no record is here.
    pub fn is_empty(&self) -> bool {
        self.batches() == 0
    }

    /// How many batches are here, the open one included.
    pub fn batches(&self) -> usize {
        lock(&self.state).batches()
    }

    /// Whether a sticky partitioner should move on instead of opening a batch here: no batch is open, and
    /// those that left before they were full have taken `batch.size` bytes together since this, or a full
    /// batch, was last so. Ask before each record that may go elsewhere and has found no open batch.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// # let value = [0; 300];
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(&value)));
    /// let mut told = Vec::new();
    /// for _ in 0..5 {
    ///     told.push(queue.end_share());
    ///     accumulator.append(&queue, &mut record, None, || now)?; // 300 bytes, and then it is quiet
    ///     queue.take(now + settings.linger).expect("it has lingered").complete(BatchOutcome::Failed("no"))?;
    /// }
    /// let (stay, leave) = (Filled::Room, Filled::Filled);
    /// assert_eq!(told, [stay, stay, stay, leave, stay]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    // Hidden: for callers of `append_short` that may then use `append_any` on another queue.
    #[doc(hidden)]
    pub fn end_share(&self) -> Filled {
        lock(&self.state).end_share()
    }

    /// Appends a short record to the open batch if there is one with room, which is so for nearly all
    /// records. After `None` nothing has happened.
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
    /// assert!(queue.append_short::<(), _>(&mut record).is_none(), "no batch is open");
    /// let first = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// let second = queue.append_short::<Delivery<_>, _>(&mut record).expect("there is room");
    /// assert_eq!((first.index(), second.delivery.index()), (0, 1));
    /// queue.append_short::<(), _>(&mut record).expect("there is room, and nobody will ask");
    /// # Ok::<(), AppendError>(())
    /// ```
    // Hidden: `Accumulator::append` begins with it. Inlined: handed through a call, the receipt of each
    // record would be copied at each step.
    #[doc(hidden)]
    #[inline(always)]
    pub fn append_short<'a, R, H>(
        self: &Arc<Self>,
        record: &mut NewRecord<'a, H, E>,
    ) -> Option<Appended<R>>
    where
        R: Receipt<E>,
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        // Before the lock, so that a longer record takes it once.
        if !record.parts.is_short() {
            return None;
        }
        let mut state = lock(&self.state);
        let appended = state.append_short(record);
        // Unlocked in one place, or the compiler makes a function of it, called for each record.
        let filled = match appended {
            Some((_, true)) => self.check_full(state),
            Some((_, false)) | None => {
                drop(state);
                Filled::Room
            }
        };
        let (delivery, _) = appended?;
        Some(Appended { delivery, filled })
    }

    /// After an append: seals the open batch if it is full.
    #[cold]
    fn check_full(self: &Arc<Self>, mut state: Guard<'_, QueueState<E>>) -> Filled {
        let (filled, ring) = state.check_full();
        drop(state);
        self.ring(ring);
        filled
    }

    /// Appends to the open batch if there is one and it has room; else it is sealed, but for one that
    /// only has to grow, for which `when_short` says how to go on.
    pub(crate) fn try_append<'a, H: RecordHeaders<'a>>(
        self: &Arc<Self>,
        record: &mut NewRecord<'a, H, E>,
        mut when_short: WhenShort,
    ) -> Result<Attempt<E>, RecordTooLarge> {
        let mut state = lock(&self.state);
        let tried = state.try_append(record, &mut when_short);
        drop(state);
        drop(when_short);
        let (attempt, ring) = tried?;
        self.ring(ring);
        Ok(attempt)
    }

    /// Appends to the open batch if there is one by now; else to `new`, which is the open one then.
    pub(crate) fn append_new_batch<'a, H: RecordHeaders<'a>>(
        self: &Arc<Self>,
        record: &mut NewRecord<'a, H, E>,
        new: OpenBatch<E>,
    ) -> Result<Attempt<E>, RecordTooLarge> {
        let mut new = Some(new);
        let mut state = lock(&self.state);
        let (attempt, ring) = state.append_new_batch(record, &mut new, self.shared.linger);
        drop(state);
        self.ring(ring);
        attempt
    }

    /// Nothing is accepted from now on, and what is here is due.
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
    /// queue.close();
    /// let refused = accumulator.append(&queue, &mut record, None, Instant::now);
    /// assert_eq!(refused.unwrap_err(), AppendError::Closed);
    /// ```
    pub fn close(self: &Arc<Self>) {
        let ring = lock(&self.state).close();
        self.ring(ring);
    }

    /// Accepts nothing from now on if no record is here; returns whether that is so.
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
    /// let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// assert!(!queue.close_if_empty());
    /// assert_eq!(queue.take_all().len(), 1);
    /// assert!(queue.close_if_empty());
    /// # Ok::<(), AppendError>(())
    /// ```
    // Hidden: for a producer that frees topics that nobody writes to.
    #[doc(hidden)]
    pub fn close_if_empty(&self) -> bool {
        lock(&self.state).close_if_empty()
    }

    fn ring(self: &Arc<Self>, ring: Ring) {
        match ring {
            Ring::No => {}
            Ring::Lazily => {
                self.shared.list_rung(self);
                self.shared.doorbell.ring_lazily();
            }
            Ring::Again => self.shared.doorbell.ring_counted(),
            Ring::Now => {
                self.shared.list_rung(self);
                self.shared.doorbell.ring_counted();
            }
        }
    }
}

/// Not under a lock: it allocates.
fn release<E>(batches: Vec<SealedBatch<E>>) -> Vec<Batch<E>> {
    let batches = batches.into_iter();
    batches.map(SealedBatch::release).collect()
}

impl<E> fmt::Debug for Queue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("key", &self.key())
            .finish_non_exhaustive()
    }
}
