//! The way in: appends a record to its partition's open batch, or says that memory is needed.
//!
//! In the steady state an append is one lock, one copy and one reference count (none for a caller that
//! will not ask what became of the record). A new batch, or one that has to grow, costs a reservation, a
//! buffer and the lock once more; a new one also one reading of the clock. In between nothing is locked,
//! so that another caller may open or grow the batch first; what is not needed then is given back.
//!
//! It never waits (that is [`Accumulator::reserve`]), never reads a clock itself and never decides when
//! a batch is sent.

use std::{fmt, sync::Arc, task::Waker, time::Instant};

use kafka_wire::records::{BATCH_HEADER_BYTES, RecordTooLarge};

use crate::{
    batch::{GrowBy, GrowRequest, Growth, OpenBatch},
    completion::Completion,
    delivery::{Delivery, Receipt},
    doorbell::Doorbell,
    error::AppendError,
    memory::{
        Account, Asks, BATCH_BYTES_MAX, Buffer, Cost, InitialSize, OpenShare, Place, Reservation,
        Reserve, price_of,
    },
    queue::{Appended, Attempt, Filled, NewBatch, Queue, Shared, WhenShort},
    record::{NewRecord, RecordHeaders},
    registry::Registry,
    settings::Settings,
    user_code::wake_all,
};

/// Where records wait, in batches, for their partition's leader.
///
/// ```
/// use std::{sync::Arc, time::{Duration, Instant}};
///
/// use kafka_accumulator::{Accumulator, Doorbell, BatchOutcome, NewRecord, Readiness, Settings};
/// use kafka_accumulator::records::RecordParts;
///
/// let settings = Settings::default().batch_size(16_384).buffer_memory(32 << 20).batch_overhead(1_024);
/// let bell = Arc::new(Doorbell::new());
/// let accumulator = Accumulator::new(settings, Arc::clone(&bell), || "abandoned");
/// let orders = accumulator.queue(Arc::from("orders"), 0, 0);
///
/// // A caller:
/// let mut record = NewRecord::new(1_700_000_000_000, RecordParts::new(None, Some(b"hello")));
/// let delivery = accumulator.append(&orders, &mut record, None, Instant::now)?.delivery;
///
/// // The engine, which was rung for:
/// assert!(bell.awake());
/// let mut rung = Vec::new();
/// accumulator.take_rung(&mut rung);
/// let now = Instant::now() + settings.linger;
/// assert_eq!(rung[0].poll_ready(now), Readiness::Ready);
/// let batch = rung[0].take(now).expect("it is ready");
/// batch.complete(BatchOutcome::Delivered { base_offset: 42, log_append_time_ms: None })?;
///
/// // The caller again:
/// let delivered = delivery.try_outcome().expect("it is completed")?;
/// assert_eq!(delivered.offset, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Accumulator<E> {
    shared: Arc<Shared<E>>,
    registry: Registry<E>,
}

impl<E> Accumulator<E> {
    /// An empty one. It rings `doorbell` when there is something to look at. The records of a batch that
    /// is dropped before it is completed fail with what `abandoned` returns.
    pub fn new(settings: Settings, doorbell: Arc<Doorbell>, abandoned: fn() -> E) -> Self {
        let shared = Arc::new(Shared::new(settings, doorbell, abandoned));
        Self {
            shared,
            registry: Registry::new(),
        }
    }

    /// A queue for a partition. `key` is the caller's own number for it, returned by [`Queue::key`].
    ///
    /// The accumulator does not keep it alive: the caller does, for as long as it may hold records.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// let payments = accumulator.queue(Arc::from("payments"), 3, 17);
    /// assert_eq!((&**payments.topic(), payments.partition(), payments.key()), ("payments", 3, 17));
    /// ```
    pub fn queue(&self, topic: Arc<str>, partition: i32, key: u32) -> Arc<Queue<E>> {
        let shared = Arc::clone(&self.shared);
        let queue = Arc::new(Queue::new(shared, topic, partition, key));
        self.registry.add(&queue);
        queue
    }

    /// The queues that may hold records: all that are still referred to and were made before
    /// [`close`](Self::close).
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// let orders = accumulator.queue(Arc::from("orders"), 0, 0);
    /// drop(accumulator.queue(Arc::from("payments"), 0, 1));
    /// accumulator.close();
    /// let queues = accumulator.queues();
    /// assert!(queues.len() == 1 && Arc::ptr_eq(&queues[0], &orders));
    /// ```
    pub fn queues(&self) -> Vec<Arc<Queue<E>>> {
        self.registry.queues()
    }

    /// Frees what is kept of queues that nobody refers to any more.
    // Hidden: it only saves memory, in a producer that frees topics.
    #[doc(hidden)]
    pub fn release_dropped(&self) {
        self.registry.release_dropped();
    }

    /// Encodes the record once, straight into the open batch of `queue`.
    ///
    /// Never waits. `now` is called only if a batch is opened, and under no lock. A reservation that is
    /// not needed is given back.
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
    /// let appended = accumulator.append(&queue, &mut record, None, Instant::now)?;
    /// assert_eq!(appended.filled, Filled::Room);
    /// assert_eq!(appended.delivery.try_outcome(), None, "its batch is not completed yet");
    /// # Ok::<(), AppendError>(())
    /// ```
    #[inline]
    pub fn append<'a, H>(
        &self,
        queue: &Arc<Queue<E>>,
        record: &mut NewRecord<'a, H, E>,
        reserved: Option<Reservation>,
        now: impl FnOnce() -> Instant,
    ) -> Result<Appended<Delivery<E>>, AppendError>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        match queue.append_short(record) {
            Some(appended) => Ok(appended),
            None => self.append_any(queue, record, reserved, now),
        }
    }

    /// An account for queues to be [assigned](Queue::assign) to. Until something is
    /// [guaranteed](Self::guarantee) to it, it only uses what is guaranteed to none.
    ///
    /// [`Account`] has an example.
    pub fn account(&self) -> Arc<Account> {
        Arc::new(Account::new())
    }

    /// Guarantees the same to each of these accounts, half of the memory together, and nothing to others. To
    /// none less than a full batch is guaranteed; if there is not one for each, nothing is.
    ///
    /// What an account uses beyond that is not called back, but what is given back is not given to it again.
    ///
    /// [`Account`] has an example.
    pub fn guarantee(&self, accounts: Vec<Arc<Account>>) {
        self.shared.budget.guarantee(accounts);
    }

    /// What queues are charged to that are assigned to no other account.
    pub fn unassigned(&self) -> &Arc<Account> {
        &self.shared.unassigned
    }

    /// Waits, in order of arrival, for memory that is charged to the [unassigned](Self::unassigned) account.
    /// [`Queue::reserve`] waits for that of a queue.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let now = Instant::now();
    /// let all = accumulator.reserve(4_096, now + Duration::from_secs(60));
    /// let waiting = accumulator.reserve(1_024, now + Duration::from_secs(60));
    /// assert_eq!(accumulator.waiting(), 1);
    /// drop(all);
    /// assert_eq!(accumulator.waiting(), 0);
    /// # drop(waiting);
    /// ```
    pub fn reserve(&self, bytes: usize, deadline: Instant) -> Reserve {
        let Shared {
            budget, unassigned, ..
        } = &*self.shared;
        let reserve = Reserve::of(budget, unassigned, Place(None), bytes, deadline);
        if reserve.is_waiting() {
            self.shared.doorbell.ring();
        }
        reserve
    }

    /// How much memory a batch takes at least that begins with a record of so many bytes, encoded, and has
    /// callbacks of so many.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// # use std::{pin::pin, future::Future, task::{Context, Poll, Waker}};
    /// let least = accumulator.least_bytes(100, 0);
    /// let mut reserve = pin!(accumulator.reserve(least, now));
    /// let Poll::Ready(Ok(reserved)) = reserve.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
    ///     panic!("there is memory");
    /// };
    /// let others = queue.reserve(4_096 - least, now); // nothing is left
    /// let mut record = NewRecord::new(0, RecordParts::new(None, Some(&[0; 80])));
    /// accumulator.append(&queue, &mut record, Some(reserved), || now)?;
    /// # drop(others);
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn least_bytes(&self, record_bytes: usize, callback_bytes: usize) -> usize {
        let alone = record_bytes.saturating_add(BATCH_HEADER_BYTES);
        self.cost(alone, callback_bytes, InitialSize::first(self.shared.sizes))
            .least()
    }

    /// From now on callers wait for new batches that are charged to this account while its backlog is so
    /// large. The backlog is the memory of batches that are full or were taken, and not yet given back.
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
    /// let account = accumulator.account();
    /// queue.assign(&account);
    /// accumulator.limit_backlog(&account, 1_024);
    /// let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// queue.flush();
    /// let waiting = queue.reserve(1_024, now + Duration::from_secs(60));
    /// assert!(account.is_throttling(), "there is memory for three more");
    /// accumulator.limit_backlog(&account, 3_072);
    /// assert_eq!(accumulator.waiting(), 0, "less than half of it is in use");
    /// # drop((delivery, waiting));
    /// # Ok::<(), AppendError>(())
    /// ```
    // Hidden, as all about the backlog: how far callers may write ahead of the connections is for a
    // producer to decide, which knows them.
    #[doc(hidden)]
    pub fn limit_backlog(&self, account: &Account, bytes: usize) {
        self.shared.budget.limit_backlog(account, bytes);
    }

    /// Whether callers wait for memory that batches of this account hold: then none of them lingers.
    pub fn is_awaited(&self, account: &Account) -> bool {
        self.shared.budget.is_awaited(account)
    }

    /// Ends the wait for memory of those whose deadline has come.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// let all = accumulator.reserve(4_096, now);
    /// let waiting = accumulator.reserve(1_024, now + Duration::from_secs(60));
    /// let deadline = accumulator.next_waiter_deadline().expect("somebody waits");
    /// accumulator.expire_waiters(deadline);
    /// assert_eq!(accumulator.waiting(), 0);
    /// # drop((all, waiting));
    /// ```
    pub fn expire_waiters(&self, now: Instant) {
        self.shared.budget.expire(now);
    }

    /// Moves the wakers of those whose wait for memory is over to the end of `into`. The doorbell rings
    /// when there are any; whoever it wakes is to take them, and to wake them when it holds no lock.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let now = Instant::now();
    /// # use std::{future::Future, pin::pin, task::{Context, Waker}};
    /// let all = accumulator.reserve(4_096, now);
    /// let mut waiting = pin!(accumulator.reserve(1_024, now));
    /// assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// accumulator.doorbell().awake();
    /// drop(all);
    /// assert!(accumulator.doorbell().is_rung());
    /// let mut served = Vec::new();
    /// accumulator.take_served(&mut served);
    /// assert_eq!(served.len(), 1);
    /// served.into_iter().for_each(Waker::wake);
    /// ```
    pub fn take_served(&self, into: &mut Vec<Waker>) {
        self.shared.budget.take_served(into);
    }

    /// When to call [`expire_waiters`](Self::expire_waiters) next; may be too early, never late.
    pub fn next_waiter_deadline(&self) -> Option<Instant> {
        self.shared.budget.next_deadline()
    }

    /// Moves the queues that have rung since the last call to the end of `into`. Each of them is to be
    /// [polled](Queue::poll_ready) or [taken from](Queue::take): it does not ring again before.
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
    /// let mut rung = Vec::new();
    /// accumulator.take_rung(&mut rung);
    /// assert_eq!(rung.len(), 1);
    /// assert_eq!(rung[0].key(), queue.key());
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn take_rung(&self, into: &mut Vec<Arc<Queue<E>>>) {
        self.shared.take_rung(into);
    }

    /// Rejects appends and reservations from now on. The batches stay until they are taken, and are due.
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
    /// accumulator.close();
    /// let refused = accumulator.append(&queue, &mut record, None, Instant::now);
    /// assert_eq!(refused.unwrap_err(), AppendError::Closed);
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn close(&self) {
        self.registry.close();
        self.shared.budget.close();
        self.shared.doorbell.ring();
    }

    /// How many bytes of the buffer memory are reserved.
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
    /// assert_eq!(accumulator.memory_in_use(), 1_024, "one batch");
    /// # Ok::<(), AppendError>(())
    /// ```
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

    /// The doorbell that it rings.
    pub fn doorbell(&self) -> &Arc<Doorbell> {
        &self.shared.doorbell
    }

    /// What [`append`](Self::append) does after [`Queue::append_short`] has returned `None`: appends any
    /// record, to the open batch or to a new one.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
    /// let appended: Appended<Delivery<_>> = match queue.append_short(&mut record) {
    ///     Some(appended) => appended,
    ///     None => accumulator.append_any(&queue, &mut record, None, Instant::now)?,
    /// };
    /// assert_eq!(appended.delivery.index(), 0);
    /// # Ok::<(), AppendError>(())
    /// ```
    // Hidden: `append` does it, but for a caller that has tried `append_short` itself.
    #[doc(hidden)]
    #[inline(never)]
    pub fn append_any<'a, R, H>(
        &self,
        queue: &Arc<Queue<E>>,
        record: &mut NewRecord<'a, H, E>,
        reserved: Option<Reservation>,
        now: impl FnOnce() -> Instant,
    ) -> Result<Appended<R>, AppendError>
    where
        R: Receipt<E>,
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        let mut attempt = queue.try_append(record, WhenShort::Report);
        // Again only if somebody else has changed the batch meanwhile.
        loop {
            attempt = match attempt.map_err(beyond_format)? {
                Attempt::Appended(appended) => return Ok(appended.into_receipt()),
                Attempt::NeedsMemory(request, account) => match self.grow(request, &account) {
                    Some(growth) => queue.try_append(record, WhenShort::Grow(growth)),
                    None => queue.try_append(record, WhenShort::Seal),
                },
                Attempt::NeedsBatch(new_batch) => {
                    return self
                        .append_new_batch(queue, record, new_batch, reserved, now)
                        .map(Appended::into_receipt);
                }
                Attempt::Closed => return Err(AppendError::Closed),
            }
        }
    }

    /// What an open batch asks for, unless there is no memory or somebody waits for it.
    fn grow(&self, request: GrowRequest, account: &Arc<Account>) -> Option<Growth> {
        let budget = &self.shared.budget;
        let (reservation, share) = OpenShare::reserve(budget, account, request.bytes())?;
        let by = match request {
            GrowRequest::Buffer { from, to } => GrowBy::Buffer {
                from,
                buffer: self.shared.pool.fetch(to, reservation),
            },
            GrowRequest::Callbacks { .. } => GrowBy::Callbacks(reservation),
        };
        Some(Growth { share, by })
    }

    fn append_new_batch<'a, H: RecordHeaders<'a>>(
        &self,
        queue: &Arc<Queue<E>>,
        record: &mut NewRecord<'a, H, E>,
        new_batch: NewBatch,
        reserved: Option<Reservation>,
        now: impl FnOnce() -> Instant,
    ) -> Result<Appended<Delivery<E>>, AppendError> {
        let alone = record.parts.size(0, 0).map_err(beyond_format)?.bytes() + BATCH_HEADER_BYTES;
        let callback = record.callback.as_ref().map_or(0, price_of);
        let cost = self.cost(alone, callback, new_batch.initial_size);
        let buffer = self.pay_for(cost, &new_batch.account, reserved)?;
        let topic = Arc::clone(queue.topic());
        let completion = Completion::new(topic, queue.partition(), self.shared.abandoned);
        let room = alone.max(self.shared.sizes.batch_bytes()) - BATCH_HEADER_BYTES;
        let new = OpenBatch::new(Arc::new(completion), buffer, room, now());
        match queue.append_new_batch(record, new).map_err(beyond_format)? {
            Attempt::Appended(mut appended) => {
                if new_batch.filled == Filled::Filled {
                    appended.filled = new_batch.filled;
                }
                Ok(appended)
            }
            Attempt::NeedsMemory(..) | Attempt::NeedsBatch(_) | Attempt::Closed => {
                Err(AppendError::Closed)
            }
        }
    }

    /// What a batch costs that begins with `initial_size`, and whose first record needs a buffer of
    /// `alone` bytes and has a callback that takes `callback` bytes.
    fn cost(&self, alone: usize, callback: usize, initial_size: InitialSize) -> Cost {
        let sizes = self.shared.sizes;
        let buffer_bytes = sizes.holding(alone.max(initial_size.buffer_bytes()));
        Cost {
            first_bytes: alone,
            buffer_bytes: buffer_bytes.min(BATCH_BYTES_MAX),
            beside_bytes: self.shared.batch_overhead.saturating_add(callback),
            later_bytes: initial_size.callback_bytes().saturating_sub(callback),
        }
    }

    /// A buffer for a batch, with the memory for all of it. What is `reserved` is enough if a batch can
    /// begin with it, though more may be asked for than when the caller began to wait.
    fn pay_for(
        &self,
        cost: Cost,
        account: &Arc<Account>,
        reserved: Option<Reservation>,
    ) -> Result<Buffer, AppendError> {
        let Shared { budget, pool, .. } = &*self.shared;
        cost.check(budget.total())?;
        let bytes = cost.all().min(budget.total());
        let reservation = match reserved {
            Some(reserved) if reserved.bytes() >= cost.least() => {
                reserved.keep(bytes);
                reserved
            }
            _ => {
                let reservation = Reservation::of(budget, account, bytes, Asks::InTurn);
                reservation.ok_or(AppendError::NeedsMemory { bytes })?
            }
        };
        Ok(pool.fetch(cost.buffer_of(reservation.bytes()), reservation))
    }
}

impl<E> Drop for Accumulator<E> {
    /// Nobody else will wake those who wait.
    fn drop(&mut self) {
        self.close();
        let mut served = Vec::new();
        self.take_served(&mut served);
        wake_all(&mut served);
        self.shared.retire();
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

fn beyond_format(record: RecordTooLarge) -> AppendError {
    AppendError::TooLarge {
        bytes: usize::try_from(record.bytes).unwrap_or(usize::MAX),
        limit: BATCH_BYTES_MAX,
    }
}
