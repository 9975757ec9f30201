//! The memory of the producer (`buffer.memory`), reserved a batch at a time, and again when one grows.
//!
//! While there is memory a reservation is one atomic operation. When there is none, callers stand
//! in line: they are served strictly in order of arrival, and while anybody stands there nobody
//! passes by, however small the wish.
//!
//! Callers also stand in line while the *backlog*, which is what is reserved for batches that are
//! no longer written to, is at its limit, and until half of it is gone: what a connection cannot
//! take yet had better not be written yet, or it has left the caches by the time it is sent. That
//! limit is the engine's to set; there is none to begin with.
//!
//! Nothing here allocates the bytes it counts, reads a clock or blocks: a [`Reserve`] is a plain
//! future, and its deadline is enforced by whoever calls [`Budget::expire`] with the time.
//!
//! Nor does anything here wake anybody: memory is given back wherever a batch is let go of, which
//! may be under a lock. The doorbell rings, and whoever serves the queues takes the wakers of those
//! who have been served ([`Budget::take_served`]).
//!
//! # Invariants
//! - What is free plus what is reserved is the total.
//! - The `LINE` bit is set exactly while somebody stands in line, and changes under its lock.
//! - While it is set, only the holder of the lock takes from what is free.
//! - The backlog is what is reserved but for the open batches' share.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::waiters::{Line, Settled, Stage};
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
/// # let settings = Settings { batch_size: 1_024, linger: Duration::from_millis(5), buffer_memory: 4_096, batch_overhead: 0 };
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
        let mut held = self.bytes.load(Ordering::Acquire);
        loop {
            let carved = bytes.min(held);
            let left = held - carved;
            match self
                .bytes
                .compare_exchange(held, left, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Self::new(Arc::clone(&self.budget), carved),
                Err(now) => held = now,
            }
        }
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

/// A place in the line for memory.
///
/// The place is taken when the future is made, not when it is first polled. Cancel safe: dropping
/// it leaves the line, and what was granted but not yet picked up is given back.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_wire::records::RecordParts;
/// # let settings = Settings { batch_size: 1_024, linger: Duration::from_millis(5), buffer_memory: 4_096, batch_overhead: 0 };
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// let all = accumulator.reserve(4_096, now);
/// let impatient = accumulator.reserve(1_024, now);
/// drop(impatient);
/// drop(all);
/// assert_eq!(accumulator.memory_in_use(), 0);
/// ```
#[must_use = "dropping it leaves the line"]
pub struct Reserve {
    budget: Arc<Budget>,
    bytes: usize,
    place: Place,
}

enum Place {
    /// The answer was there at once.
    Answered(Result<Reservation, ReserveError>),
    Standing {
        ticket: u64,
    },
    Left,
}

impl Reserve {
    /// Whether it has to wait for its turn (else the first poll is ready).
    pub(crate) fn is_standing(&self) -> bool {
        matches!(self.place, Place::Standing { .. })
    }
}

impl Future for Reserve {
    type Output = Result<Reservation, ReserveError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match std::mem::replace(&mut self.place, Place::Left) {
            Place::Answered(answer) => Poll::Ready(answer),
            Place::Standing { ticket } => {
                let Some(settled) = self.budget.poll_ticket(ticket, context.waker()) else {
                    self.place = Place::Standing { ticket };
                    return Poll::Pending;
                };
                Poll::Ready(match settled {
                    Settled::Granted { bytes } => {
                        Ok(Reservation::new(Arc::clone(&self.budget), bytes))
                    }
                    Settled::TimedOut => Err(ReserveError::TimedOut { bytes: self.bytes }),
                    Settled::Closed => Err(ReserveError::Closed),
                })
            }
            Place::Left => panic!("a Reserve was polled after it was ready"),
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        if let Place::Standing { ticket } = self.place {
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

/// The bytes there are, and the line of those who found them used up.
pub(crate) struct Budget {
    total: usize,
    /// The share of the open batches.
    open: AtomicUsize,
    backlog_limit: AtomicUsize,
    /// The free bytes, and the [`LINE`] bit.
    free: AtomicUsize,
    /// How many wakers are in the line's `served`, as far as is known without its lock.
    unwoken: AtomicUsize,
    doorbell: Arc<Doorbell>,
    line: Mutex<Line>,
}

impl Budget {
    /// At most `isize::MAX` bytes, the most that can be allocated anyway.
    pub(crate) fn new(total: usize, doorbell: Arc<Doorbell>) -> Self {
        let total = total.min(LINE - 1);
        Self {
            total,
            open: AtomicUsize::new(0),
            backlog_limit: AtomicUsize::new(usize::MAX),
            free: AtomicUsize::new(total),
            unwoken: AtomicUsize::new(0),
            doorbell,
            line: Mutex::new(Line::new()),
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn free(&self) -> usize {
        self.free.load(Ordering::Acquire) & !LINE
    }

    /// Whether anybody stands in line.
    pub(crate) fn has_line(&self) -> bool {
        self.free.load(Ordering::Acquire) & LINE != 0
    }

    /// Whether anybody stands in line because memory is short.
    pub(crate) fn is_short(&self) -> bool {
        self.has_line() && !self.is_backed_up()
    }

    /// Whether anybody stands in line though memory is not short.
    pub(crate) fn is_throttling(&self) -> bool {
        self.has_line() && self.is_backed_up()
    }

    /// Whether the backlog is at its limit; once callers stand in line for it, whether it is still
    /// near: to wake a thread for each batch that is acknowledged would take longer than to fill it.
    fn is_backed_up(&self) -> bool {
        let limit = self.backlog_limit.load(Ordering::Acquire);
        let slack = if self.has_line() { limit / SLACK } else { 0 };
        self.backlog() >= limit - slack
    }

    pub(crate) fn backlog(&self) -> usize {
        let reserved = self.total - self.free();
        reserved.saturating_sub(self.open.load(Ordering::Acquire))
    }

    /// From this backlog on callers stand in line. Who need not any more is served.
    pub(crate) fn limit_backlog(&self, bytes: usize) {
        if self.backlog_limit.swap(bytes, Ordering::AcqRel) != bytes {
            // With the lock: who joins at this moment either sees the limit, or is seen.
            self.serve();
        }
    }

    /// Counts `bytes` that are reserved as an open batch's, until that is dropped.
    pub(crate) fn open(self: &Arc<Self>, bytes: usize) -> OpenShare {
        self.open.fetch_add(bytes, Ordering::AcqRel);
        let budget = Arc::clone(self);
        OpenShare { budget, bytes }
    }

    /// How many stand in line.
    pub(crate) fn waiting(&self) -> usize {
        if self.has_line() {
            lock(&self.line).standing.len()
        } else {
            0
        }
    }

    /// Takes `bytes` if they are free and nobody waits for them.
    pub(crate) fn try_reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        self.take(
            |free| free & LINE == 0 && free >= bytes && !self.is_backed_up(),
            bytes,
        )
    }

    /// Takes `bytes` as long as what is free, with the bit of the line, allows for it.
    fn take(self: &Arc<Self>, allows: impl Fn(usize) -> bool, bytes: usize) -> Option<Reservation> {
        let mut seen = self.free.load(Ordering::Acquire);
        while allows(seen) {
            match self.free.compare_exchange_weak(
                seen,
                seen - bytes,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(Reservation::new(Arc::clone(self), bytes)),
                Err(now) => seen = now,
            }
        }
        None
    }

    /// Takes `bytes` if they are free and nobody waits for memory, whatever the backlog is.
    pub(crate) fn reserve_despite_backlog(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let line = lock(&self.line);
        if self.is_short() || line.stage == Stage::Closed {
            return None;
        }
        // The bit of the line stays as it is: its lock is held.
        self.take(|free| free & !LINE >= bytes, bytes)
    }

    /// Takes `bytes` for an open batch to grow by, if they are free and nobody waits for memory. What
    /// is open is no backlog, so nobody is passed by who waits for that.
    pub(crate) fn reserve_for_open(
        self: &Arc<Self>,
        bytes: usize,
    ) -> Option<(Reservation, OpenShare)> {
        let line = lock(&self.line);
        if self.is_short() || line.stage == Stage::Closed {
            return None;
        }
        // Counted before it is taken, so that nobody takes it for backlog.
        let share = self.open(bytes);
        // The bit of the line stays as it is: its lock is held.
        let reservation = self.take(|free| free & !LINE >= bytes, bytes)?;
        Some((reservation, share))
    }

    /// Takes `bytes`, or a place in the line for them.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize, deadline: Instant) -> Reserve {
        let place = if bytes > self.total {
            let limit = self.total;
            Place::Answered(Err(ReserveError::TooLarge { bytes, limit }))
        } else {
            self.join(bytes, deadline)
        };
        let budget = Arc::clone(self);
        Reserve {
            budget,
            bytes,
            place,
        }
    }

    /// Ends the wait of those whose deadline has come: if it was only the backlog that they waited
    /// for, they get the memory that there is.
    pub(crate) fn expire(&self, now: Instant) {
        if !self.has_line() {
            return;
        }
        let mut line = lock(&self.line);
        if line.earliest.is_none_or(|earliest| now < earliest) {
            return;
        }
        let throttled = self.is_backed_up();
        line.settle(|standing| {
            let due = standing.deadline <= now;
            due.then(|| match standing.bytes {
                bytes if throttled && bytes <= self.free() => {
                    self.free.fetch_sub(bytes, Ordering::AcqRel);
                    Settled::Granted { bytes }
                }
                _ => Settled::TimedOut,
            })
        });
        line.earliest = line.standing.iter().map(|standing| standing.deadline).min();
        self.grant(&mut line);
        self.unlock(line);
    }

    /// A moment that is not later than the earliest deadline in the line.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if !self.has_line() {
            return None;
        }
        lock(&self.line).earliest
    }

    /// Ends every wait; nobody can stand in line from now on. What is reserved stays so.
    pub(crate) fn close(&self) {
        let mut line = lock(&self.line);
        line.stage = Stage::Closed;
        line.settle(|_| Some(Settled::Closed));
        self.grant(&mut line);
        self.unlock(line);
    }

    /// Moves the wakers of those who have been served to the end of `into`.
    pub(crate) fn take_served(&self, into: &mut Vec<Waker>) {
        if self.unwoken.load(Ordering::Acquire) > 0 {
            self.unwoken.store(0, Ordering::Release);
            into.append(&mut lock(&self.line).served);
        }
    }

    /// Lets go of the line, and rings if there is somebody to be woken.
    fn unlock(&self, line: Guard<'_, Line>) {
        let served = line.served.len();
        if served > 0 {
            self.unwoken.store(served, Ordering::Release);
        }
        drop(line);
        if served > 0 {
            self.doorbell.ring();
        }
    }

    fn join(self: &Arc<Self>, bytes: usize, deadline: Instant) -> Place {
        let mut line = lock(&self.line);
        if line.stage == Stage::Closed {
            return Place::Answered(Err(ReserveError::Closed));
        }
        let ticket = line.join(bytes, deadline);
        // From here on only the holder of this lock takes: either we see what was given back
        // before, or whoever gives back later sees the line.
        self.free.fetch_or(LINE, Ordering::AcqRel);
        self.grant(&mut line);
        let settled = line.settled.remove(&ticket);
        self.unlock(line);
        match settled {
            Some(_) => Place::Answered(Ok(Reservation::new(Arc::clone(self), bytes))),
            None => Place::Standing { ticket },
        }
    }

    fn release(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.free.fetch_add(bytes, Ordering::AcqRel);
        if before & LINE != 0 {
            self.serve();
        }
    }

    #[cold]
    fn serve(&self) {
        let mut line = lock(&self.line);
        self.grant(&mut line);
        self.unlock(line);
    }

    /// Serves the line from its front for as long as there is enough.
    fn grant(&self, line: &mut Line) {
        while let Some(first) = line.standing.front() {
            if self.free() < first.bytes || self.is_backed_up() {
                return;
            }
            self.free.fetch_sub(first.bytes, Ordering::AcqRel);
            let bytes = first.bytes;
            line.leave_at(0, Settled::Granted { bytes });
        }
        line.earliest = None;
        self.free.fetch_and(!LINE, Ordering::AcqRel);
    }

    fn poll_ticket(&self, ticket: u64, waker: &Waker) -> Option<Settled> {
        // Cloned, and the one before dropped, while nothing is locked: both are other people's code.
        let mut waker = Some(waker.clone());
        let mut line = lock(&self.line);
        if let Some(settled) = line.settled.remove(&ticket) {
            return Some(settled);
        }
        let at = line.position(ticket);
        let standing = at.and_then(|at| line.standing.get_mut(at));
        if let Some(standing) = standing {
            std::mem::swap(&mut standing.waker, &mut waker);
        }
        None
    }

    fn leave(self: &Arc<Self>, ticket: u64) {
        let mut line = lock(&self.line);
        let settled = line.settled.remove(&ticket);
        let left = line
            .position(ticket)
            .and_then(|at| line.standing.remove(at));
        if left.is_some() {
            self.grant(&mut line);
        }
        self.unlock(line);
        // With his waker, now that nothing is locked.
        drop(left);
        if let Some(Settled::Granted { bytes }) = settled {
            self.release(bytes);
        }
    }
}

/// One in so many bytes of the backlog's limit is free before those who stand in line for it are served.
const SLACK: usize = 2;
/// The bit beside the free bytes that says that somebody stands in line.
const LINE: usize = 1 << (usize::BITS - 1);
