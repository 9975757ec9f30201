//! Whose memory it is: the batches of some partitions are charged to an account, those of others to another.
//!
//! An engine gives each broker one, for the partitions that it leads. Part of the memory may be
//! *guaranteed* to an account: no other one is ever given it. What is not guaranteed to any is common. Each
//! account uses its own part first; what it uses beyond that is of the common part.
//!
//! An account only counts. What is charged to it, and what is guaranteed to it, is decided by the
//! [budget](super::budget), and changes under its lock; others read.

use std::fmt;

use crate::sync::{AtomicUsize, Ordering};

/// What the batches of some partitions take, and how much they may.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(8_192);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let now = Instant::now();
/// let brokers = [accumulator.account(), accumulator.account()];
/// accumulator.guarantee(brokers.to_vec());
/// let queues = [0, 1].map(|partition| accumulator.queue(Arc::from("orders"), partition, 0));
/// for (queue, broker) in queues.iter().zip(&brokers) {
///     queue.assign(broker);
/// }
/// let most = queues[0].reserve(6_144, now);
/// assert_eq!(brokers[0].used(), 6_144, "all but what is guaranteed to the other");
/// let waiting = queues[0].reserve(1_024, now);
/// let others = queues[1].reserve(2_048, now);
/// assert_eq!((brokers[0].waiting(), brokers[1].waiting()), (1, 0));
/// # drop((most, waiting, others));
/// ```
pub struct Account {
    guaranteed: AtomicUsize,
    used: AtomicUsize,
    /// The part of the open batches in what is used.
    open: AtomicUsize,
    backlog_limit: AtomicUsize,
    /// How many callers wait to charge it.
    waiting: AtomicUsize,
}

impl Account {
    /// Nothing is guaranteed to it.
    pub(crate) fn new() -> Self {
        Self {
            guaranteed: AtomicUsize::new(0),
            used: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            backlog_limit: AtomicUsize::new(usize::MAX),
            waiting: AtomicUsize::new(0),
        }
    }

    /// How many bytes are charged to it.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    /// How many bytes no other account is given, whatever this one uses.
    pub fn guaranteed(&self) -> usize {
        self.guaranteed.load(Ordering::Acquire)
    }

    /// How many callers wait to charge it.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// How much of what is used belongs to batches that are no longer written to.
    // Hidden, as all about the backlog.
    #[doc(hidden)]
    pub fn backlog(&self) -> usize {
        let open = self.open.load(Ordering::Acquire);
        self.used().saturating_sub(open)
    }

    /// Whether callers wait for the backlog to get smaller, though memory is not short.
    #[doc(hidden)]
    pub fn is_throttling(&self) -> bool {
        self.waiting() > 0 && self.is_backed_up()
    }

    /// Whether callers wait because memory is short.
    pub(super) fn is_short(&self) -> bool {
        self.waiting() > 0 && !self.is_backed_up()
    }

    /// Whether the backlog is at its limit; once callers wait for it, whether it is above half of that. To
    /// wake a thread for each batch that is acknowledged would take longer than to fill the batch.
    pub(super) fn is_backed_up(&self) -> bool {
        let limit = self.backlog_limit.load(Ordering::Acquire);
        let slack = if self.waiting() > 0 { limit / SLACK } else { 0 };
        self.backlog() >= limit - slack
    }

    /// Whether it uses more than what is guaranteed to it.
    pub(super) fn uses_common(&self) -> bool {
        self.used() > self.guaranteed()
    }

    /// How much of what is guaranteed to it is not used.
    pub(super) fn unused(&self) -> usize {
        self.guaranteed().saturating_sub(self.used())
    }

    /// From this backlog on callers wait; returns whether it was another one before.
    pub(super) fn limit_backlog(&self, bytes: usize) -> bool {
        self.backlog_limit.swap(bytes, Ordering::AcqRel) != bytes
    }

    /// Counts `bytes` as an open batch's.
    pub(super) fn open(&self, bytes: usize) {
        self.open.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Counts `bytes` that were an open batch's as the backlog's, or as nobody's.
    pub(super) fn close(&self, bytes: usize) {
        self.open.fetch_sub(bytes, Ordering::AcqRel);
    }

    pub(super) fn set_used(&self, bytes: usize) {
        self.used.store(bytes, Ordering::Release);
    }

    pub(super) fn set_guaranteed(&self, bytes: usize) {
        self.guaranteed.store(bytes, Ordering::Release);
    }

    pub(super) fn set_waiting(&self, callers: usize) {
        self.waiting.store(callers, Ordering::Release);
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("used", &self.used())
            .field("guaranteed", &self.guaranteed())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

/// Once callers wait for the backlog, it has to fall by one part in so many of its limit before they are served.
const SLACK: usize = 2;
