//! The memory of the producer (`buffer.memory`), reserved a batch at a time, and again when one grows.
//!
//! While there is memory a reservation is one atomic operation. When there is none, callers wait. They
//! are served strictly in order of arrival; while a caller waits, no other gets memory, however little it
//! asks for.
//!
//! Callers also wait while the *backlog* is at its limit, and until half of it is gone. The backlog is
//! what is reserved for batches that are no longer written to. Records that a connection cannot take yet
//! are better written later, because they would have left the CPU's caches by the time they are sent. The
//! engine sets the limit; without that there is none.
//!
//! Nothing here allocates the bytes it counts, reads a clock or blocks: a [`Reserve`] is a plain
//! future, and its deadline is enforced by whoever calls [`Budget::expire`] with the time.
//!
//! Nor is a task woken here: memory is given back wherever a batch is dropped, which may be under a lock.
//! The doorbell rings, and the engine's driver takes the wakers of the callers that were served
//! ([`Budget::take_served`]).
//!
//! # Invariants
//! - What is free plus what is reserved is the total.
//! - The `WAITERS` bit is set exactly while a caller waits, and changes under the lock of the waiters.
//! - While it is set, only the holder of that lock takes from what is free.
//! - The backlog is what is reserved, less the share of the open batches.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::waiters::{Answer, Waiters};
use crate::{
    doorbell::Doorbell,
    error::ReserveError,
    sync::{AtomicUsize, Guard, Mutex, Ordering, lock},
};

/// Bytes that are counted as in use until this is dropped.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_wire::records::RecordParts;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// # use std::{pin::pin, future::Future, task::{Context, Poll, Waker}};
/// let mut reserve = pin!(accumulator.reserve(1_024, now));
/// let mut context = Context::from_waker(Waker::noop());
/// let Poll::Ready(Ok(reservation)) = reserve.as_mut().poll(&mut context) else {
///     panic!("there is memory");
/// };
/// assert_eq!(reservation.bytes(), 1_024);
/// drop(reservation);
/// assert_eq!(accumulator.memory_in_use(), 0);
/// ```
pub struct Reservation {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Reservation {
    /// How many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    /// Moves up to `bytes` of what is held into a reservation of its own.
    pub(crate) fn carve(&self, bytes: usize) -> Self {
        let left = |held: usize| Some(held.saturating_sub(bytes));
        let held = self
            .bytes
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, left);
        Self::new(Arc::clone(&self.budget), bytes.min(held.unwrap_or(0)))
    }

    /// Takes over all that `other` holds.
    pub(crate) fn absorb(&self, other: &Self) {
        let bytes = other.bytes.swap(0, Ordering::AcqRel);
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    fn new(budget: Arc<Budget>, bytes: usize) -> Self {
        let bytes = AtomicUsize::new(bytes);
        Self { budget, bytes }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.release(self.bytes());
    }
}

/// The share of an open batch in what is reserved.
pub(crate) struct OpenShare {
    budget: Arc<Budget>,
    bytes: usize,
}

impl OpenShare {
    /// Takes over all of `other`.
    pub(crate) fn absorb(&mut self, other: &mut Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for OpenShare {
    fn drop(&mut self) {
        self.budget.open.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// A wait for memory, in order of arrival.
///
/// The order is that in which the futures are made, not that of their first polls. Cancel safe: dropped,
/// it waits no longer, and what was granted but not yet fetched is given back.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_wire::records::RecordParts;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// let all = accumulator.reserve(4_096, now);
/// let impatient = accumulator.reserve(1_024, now);
/// drop(impatient);
/// drop(all);
/// assert_eq!(accumulator.memory_in_use(), 0);
/// ```
#[must_use = "dropping it ends the wait"]
pub struct Reserve {
    budget: Arc<Budget>,
    bytes: usize,
    state: ReserveState,
}

enum ReserveState {
    /// The answer was there at once.
    Answered(Result<Reservation, ReserveError>),
    Waiting {
        ticket: u64,
    },
    Fetched,
}

impl Reserve {
    /// Whether it has to wait for its turn; else the first poll is ready.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, ReserveState::Waiting { .. })
    }
}

impl Future for Reserve {
    type Output = Result<Reservation, ReserveError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match std::mem::replace(&mut self.state, ReserveState::Fetched) {
            ReserveState::Answered(answer) => Poll::Ready(answer),
            ReserveState::Waiting { ticket } => {
                let Some(answer) = self.budget.poll_ticket(ticket, context.waker()) else {
                    self.state = ReserveState::Waiting { ticket };
                    return Poll::Pending;
                };
                Poll::Ready(match answer {
                    Answer::Granted { bytes } => {
                        Ok(Reservation::new(Arc::clone(&self.budget), bytes))
                    }
                    Answer::TimedOut => Err(ReserveError::TimedOut { bytes: self.bytes }),
                    Answer::Closed => Err(ReserveError::Closed),
                })
            }
            ReserveState::Fetched => panic!("a Reserve was polled after it was ready"),
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        if let ReserveState::Waiting { ticket } = self.state {
            self.budget.leave(ticket);
        }
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// The bytes there are, and the callers that wait for some.
pub(crate) struct Budget {
    total: usize,
    /// The share of the open batches.
    open: AtomicUsize,
    backlog_limit: AtomicUsize,
    /// The free bytes, and the [`WAITERS`] bit.
    free: AtomicUsize,
    /// How many wakers are to be taken, as far as is known without the lock.
    unwoken: AtomicUsize,
    doorbell: Arc<Doorbell>,
    waiters: Mutex<Waiters>,
}

impl Budget {
    /// At most `isize::MAX` bytes, the most that can be allocated anyway.
    pub(crate) fn new(total: usize, doorbell: Arc<Doorbell>) -> Self {
        let total = total.min(WAITERS - 1);
        Self {
            total,
            open: AtomicUsize::new(0),
            backlog_limit: AtomicUsize::new(usize::MAX),
            free: AtomicUsize::new(total),
            unwoken: AtomicUsize::new(0),
            doorbell,
            waiters: Mutex::new(Waiters::new()),
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn free(&self) -> usize {
        self.free.load(Ordering::Acquire) & !WAITERS
    }

    /// Whether a caller waits.
    pub(crate) fn has_waiters(&self) -> bool {
        self.free.load(Ordering::Acquire) & WAITERS != 0
    }

    /// Whether a caller waits because memory is short.
    pub(crate) fn is_short(&self) -> bool {
        self.has_waiters() && !self.is_backed_up()
    }

    /// Whether a caller waits though memory is not short.
    pub(crate) fn is_throttling(&self) -> bool {
        self.has_waiters() && self.is_backed_up()
    }

    /// Whether the backlog is at its limit; once callers wait for it, whether it is above half of that. To
    /// wake a thread for each batch that is acknowledged would take longer than to fill the batch.
    fn is_backed_up(&self) -> bool {
        let limit = self.backlog_limit.load(Ordering::Acquire);
        let slack = if self.has_waiters() { limit / SLACK } else { 0 };
        self.backlog() >= limit - slack
    }

    pub(crate) fn backlog(&self) -> usize {
        let reserved = self.total - self.free();
        reserved.saturating_sub(self.open.load(Ordering::Acquire))
    }

    /// From this backlog on callers wait. Those that need not wait any longer are served.
    pub(crate) fn limit_backlog(&self, bytes: usize) {
        if self.backlog_limit.swap(bytes, Ordering::AcqRel) != bytes {
            // Under the lock: a caller that begins to wait now either sees the new limit, or is served here.
            self.serve();
        }
    }

    /// Counts `bytes` that are reserved as an open batch's, until that is dropped.
    pub(crate) fn open(self: &Arc<Self>, bytes: usize) -> OpenShare {
        self.open.fetch_add(bytes, Ordering::AcqRel);
        let budget = Arc::clone(self);
        OpenShare { budget, bytes }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        match self.has_waiters() {
            true => lock(&self.waiters).len(),
            false => 0,
        }
    }

    /// Takes `bytes` if they are free and no caller waits.
    pub(crate) fn try_reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        self.take(
            |free| free & WAITERS == 0 && free >= bytes && !self.is_backed_up(),
            bytes,
        )
    }

    /// Takes `bytes` for as long as `allows` holds for what is free, with the [`WAITERS`] bit.
    fn take(self: &Arc<Self>, allows: impl Fn(usize) -> bool, bytes: usize) -> Option<Reservation> {
        let left = |free| allows(free).then(|| free - bytes);
        let taken = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, left);
        taken
            .is_ok()
            .then(|| Reservation::new(Arc::clone(self), bytes))
    }

    /// Takes `bytes` if they are free and no caller waits for memory, whatever the backlog is.
    pub(crate) fn reserve_despite_backlog(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let waiters = lock(&self.waiters);
        if self.is_short() || waiters.is_closed() {
            return None;
        }
        // The bit stays as it is: the lock is held.
        self.take(|free| free & !WAITERS >= bytes, bytes)
    }

    /// Takes `bytes` for an open batch to grow by, if they are free and no caller waits for memory. An open
    /// batch is no part of the backlog, so callers that wait for that are not overtaken.
    pub(crate) fn reserve_for_open(
        self: &Arc<Self>,
        bytes: usize,
    ) -> Option<(Reservation, OpenShare)> {
        let waiters = lock(&self.waiters);
        if self.is_short() || waiters.is_closed() {
            return None;
        }
        // Counted as open before it is taken, so that it never counts as backlog.
        let share = self.open(bytes);
        // The bit stays as it is: the lock is held.
        let reservation = self.take(|free| free & !WAITERS >= bytes, bytes)?;
        Some((reservation, share))
    }

    /// Takes `bytes`, or begins to wait for them.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize, deadline: Instant) -> Reserve {
        let limit = self.total;
        let state = match bytes > limit {
            true => ReserveState::Answered(Err(ReserveError::TooLarge { bytes, limit })),
            false => self.join(bytes, deadline),
        };
        let budget = Arc::clone(self);
        Reserve {
            budget,
            bytes,
            state,
        }
    }

    /// Ends the waits whose deadline has come. Callers that waited for the backlog alone get the memory that
    /// there is.
    pub(crate) fn expire(&self, now: Instant) {
        if !self.has_waiters() {
            return;
        }
        let mut waiters = lock(&self.waiters);
        let earliest = waiters.earliest_deadline();
        if earliest.is_none_or(|earliest| now < earliest) {
            return;
        }
        let throttled = self.is_backed_up();
        waiters.expire(now, |bytes| {
            if throttled && bytes <= self.free() {
                self.free.fetch_sub(bytes, Ordering::AcqRel);
                Answer::Granted { bytes }
            } else {
                Answer::TimedOut
            }
        });
        self.grant_and_unlock(waiters);
    }

    /// A moment that is not later than the earliest deadline of a caller that waits.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if !self.has_waiters() {
            return None;
        }
        lock(&self.waiters).earliest_deadline()
    }

    /// Ends every wait, and rejects new ones. What is reserved stays so.
    pub(crate) fn close(&self) {
        let mut waiters = lock(&self.waiters);
        waiters.close();
        self.grant_and_unlock(waiters);
    }

    /// Moves the wakers of the callers that were served to the end of `into`.
    pub(crate) fn take_served(&self, into: &mut Vec<Waker>) {
        if self.unwoken.load(Ordering::Acquire) > 0 {
            self.unwoken.store(0, Ordering::Release);
            lock(&self.waiters).take_to_wake(into);
        }
    }

    /// Gives the lock back, and rings if there is a caller to be woken.
    fn unlock(&self, waiters: Guard<'_, Waiters>) {
        let to_wake = waiters.to_wake();
        if to_wake > 0 {
            self.unwoken.store(to_wake, Ordering::Release);
        }
        drop(waiters);
        if to_wake > 0 {
            self.doorbell.ring();
        }
    }

    fn join(self: &Arc<Self>, bytes: usize, deadline: Instant) -> ReserveState {
        let mut waiters = lock(&self.waiters);
        if waiters.is_closed() {
            return ReserveState::Answered(Err(ReserveError::Closed));
        }
        let ticket = waiters.join(bytes, deadline);
        // From here on only the holder of this lock takes memory. What was given back before is seen
        // below; whoever gives back later sees the bit.
        self.free.fetch_or(WAITERS, Ordering::AcqRel);
        self.grant(&mut waiters);
        let answer = waiters.take_answer(ticket);
        self.unlock(waiters);
        match answer {
            Some(_) => ReserveState::Answered(Ok(Reservation::new(Arc::clone(self), bytes))),
            None => ReserveState::Waiting { ticket },
        }
    }

    fn release(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.free.fetch_add(bytes, Ordering::AcqRel);
        if before & WAITERS != 0 {
            self.serve();
        }
    }

    #[cold]
    fn serve(&self) {
        self.grant_and_unlock(lock(&self.waiters));
    }

    fn grant_and_unlock(&self, mut waiters: Guard<'_, Waiters>) {
        self.grant(&mut waiters);
        self.unlock(waiters);
    }

    /// Serves the waiters in order of arrival for as long as there is enough.
    fn grant(&self, waiters: &mut Waiters) {
        while let Some(bytes) = waiters.first_bytes() {
            if self.free() < bytes || self.is_backed_up() {
                return;
            }
            self.free.fetch_sub(bytes, Ordering::AcqRel);
            waiters.grant_first();
        }
        self.free.fetch_and(!WAITERS, Ordering::AcqRel);
    }

    fn poll_ticket(&self, ticket: u64, waker: &Waker) -> Option<Answer> {
        // Cloned, and the one before dropped, while nothing is locked: both may run user code.
        let mut waker = Some(waker.clone());
        let mut waiters = lock(&self.waiters);
        let answer = waiters.poll(ticket, &mut waker);
        drop(waiters);
        answer
    }

    fn leave(self: &Arc<Self>, ticket: u64) {
        let mut waiters = lock(&self.waiters);
        let answer = waiters.take_answer(ticket);
        let removed = waiters.remove(ticket);
        if removed.is_some() {
            self.grant(&mut waiters);
        }
        self.unlock(waiters);
        // With its waker, now that nothing is locked.
        drop(removed);
        if let Some(Answer::Granted { bytes }) = answer {
            self.release(bytes);
        }
    }
}

/// Once callers wait for the backlog, it has to fall by one part in so many of its limit before they are served.
const SLACK: usize = 2;
/// The bit beside the free bytes that says that a caller waits.
const WAITERS: usize = 1 << (usize::BITS - 1);
