//! Who waits for memory, in order of arrival (Java's `BufferPool.waiters`).
//!
//! It is used only under the budget's lock, and decides nothing about bytes. It wakes nobody: the wakers
//! of those whose wait is over are kept here until somebody who holds no lock takes them.

use std::{
    collections::{BTreeMap, VecDeque},
    task::Waker,
    time::Instant,
};

/// Those who wait, and the answers that were not fetched yet.
pub(super) struct Waiters {
    stage: Stage,
    next_ticket: u64,
    /// In order of arrival, hence of tickets.
    waiting: VecDeque<Waiter>,
    /// For those whose wait is over and who do not know it yet.
    answers: BTreeMap<u64, Answer>,
    /// Of those whose wait is over.
    to_wake: Vec<Waker>,
    /// No deadline is earlier; this one may have been that of somebody who left.
    earliest: Option<Instant>,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Open,
    Closed,
}

/// A caller who waits.
pub(super) struct Waiter {
    ticket: u64,
    bytes: usize,
    deadline: Instant,
    waker: Option<Waker>,
}

/// How a wait has ended.
pub(super) enum Answer {
    Granted { bytes: usize },
    TimedOut,
    Closed,
}

impl Waiters {
    /// Nobody waits.
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Open,
            next_ticket: 0,
            waiting: VecDeque::new(),
            answers: BTreeMap::new(),
            to_wake: Vec::new(),
            earliest: None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a waiter behind the others; returns its ticket.
    pub(super) fn join(&mut self, bytes: usize, deadline: Instant) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push_back(Waiter {
            ticket,
            bytes,
            deadline,
            waker: None,
        });
        self.earliest = Some(self.earliest.map_or(deadline, |first| first.min(deadline)));
        ticket
    }

    /// What the first of them waits for.
    pub(super) fn first_bytes(&self) -> Option<usize> {
        self.waiting.front().map(|waiter| waiter.bytes)
    }

    /// Ends the wait of the first: it got what it waited for.
    pub(super) fn grant_first(&mut self) {
        if let Some(waiter) = self.waiting.pop_front() {
            let bytes = waiter.bytes;
            self.answer(waiter, Answer::Granted { bytes });
        }
        self.forget_deadline_if_empty();
    }

    /// Ends the wait of everybody whose deadline has come, with what `answer` says of their bytes.
    pub(super) fn expire(&mut self, now: Instant, answer: impl Fn(usize) -> Answer) {
        for waiter in std::mem::take(&mut self.waiting) {
            if waiter.deadline <= now {
                let answer = answer(waiter.bytes);
                self.answer(waiter, answer);
            } else {
                self.waiting.push_back(waiter);
            }
        }
        self.earliest = self.waiting.iter().map(|waiter| waiter.deadline).min();
    }

    /// Ends every wait; nobody can wait from now on.
    pub(super) fn close(&mut self) {
        self.stage = Stage::Closed;
        for waiter in std::mem::take(&mut self.waiting) {
            self.answer(waiter, Answer::Closed);
        }
        self.earliest = None;
    }

    /// A moment that is not later than the earliest deadline.
    pub(super) fn earliest_deadline(&self) -> Option<Instant> {
        self.earliest
    }

    /// The answer, if there is one; until then `waker` is to be woken. What `waker` holds afterwards
    /// is not needed any more, and dropped after the lock.
    pub(super) fn poll(&mut self, ticket: u64, waker: &mut Option<Waker>) -> Option<Answer> {
        if let Some(answer) = self.answers.remove(&ticket) {
            return Some(answer);
        }
        let at = self.position(ticket);
        if let Some(waiter) = at.and_then(|at| self.waiting.get_mut(at)) {
            std::mem::swap(&mut waiter.waker, waker);
        }
        None
    }

    /// The answer for somebody who has just [joined](Self::join), if there is one.
    pub(super) fn take_answer(&mut self, ticket: u64) -> Option<Answer> {
        self.answers.remove(&ticket)
    }

    /// Removes somebody who does not want to wait any more; it is dropped, with its waker, after the
    /// lock. `None`: it does not wait any more.
    pub(super) fn remove(&mut self, ticket: u64) -> Option<Waiter> {
        let at = self.position(ticket)?;
        let removed = self.waiting.remove(at);
        self.forget_deadline_if_empty();
        removed
    }

    /// How many wakers are to be taken.
    pub(super) fn to_wake(&self) -> usize {
        self.to_wake.len()
    }

    /// Moves the wakers of those whose wait is over to the end of `into`.
    pub(super) fn take_to_wake(&mut self, into: &mut Vec<Waker>) {
        into.append(&mut self.to_wake);
    }

    fn answer(&mut self, waiter: Waiter, answer: Answer) {
        self.answers.insert(waiter.ticket, answer);
        self.to_wake.extend(waiter.waker);
    }

    fn position(&self, ticket: u64) -> Option<usize> {
        let by_ticket = |waiter: &Waiter| waiter.ticket.cmp(&ticket);
        self.waiting.binary_search_by(by_ticket).ok()
    }

    fn forget_deadline_if_empty(&mut self) {
        if self.waiting.is_empty() {
            self.earliest = None;
        }
    }
}
