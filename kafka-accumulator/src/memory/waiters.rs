//! The line of those who wait for memory: who stands where, who has left it, and whom to wake.
//!
//! It is touched only under the budget's lock and decides nothing about bytes. It wakes nobody: the
//! wakers of those who have been served lie here until somebody without a lock takes them.

use std::{
    collections::{BTreeMap, VecDeque},
    task::Waker,
    time::Instant,
};

pub(crate) struct Line {
    pub(crate) stage: Stage,
    pub(crate) next_ticket: u64,
    /// In order of arrival, hence of tickets.
    pub(crate) standing: VecDeque<Standing>,
    /// Those who have left the line and do not know it yet.
    pub(crate) settled: BTreeMap<u64, Settled>,
    /// Whom to wake, because he has.
    pub(crate) served: Vec<Waker>,
    /// No deadline in the line is earlier; it may be later if somebody left.
    pub(crate) earliest: Option<Instant>,
}

#[derive(PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    Closed,
}

pub(crate) struct Standing {
    pub(crate) ticket: u64,
    pub(crate) bytes: usize,
    pub(crate) deadline: Instant,
    pub(crate) waker: Option<Waker>,
}

pub(crate) enum Settled {
    Granted { bytes: usize },
    TimedOut,
    Closed,
}

impl Line {
    /// Nobody stands here.
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Open,
            next_ticket: 0,
            standing: VecDeque::new(),
            settled: BTreeMap::new(),
            served: Vec::new(),
            earliest: None,
        }
    }

    pub(crate) fn join(&mut self, bytes: usize, deadline: Instant) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.standing.push_back(Standing {
            ticket,
            bytes,
            deadline,
            waker: None,
        });
        self.earliest = Some(self.earliest.map_or(deadline, |first| first.min(deadline)));
        ticket
    }

    pub(crate) fn position(&self, ticket: u64) -> Option<usize> {
        let by_ticket = |standing: &Standing| standing.ticket.cmp(&ticket);
        self.standing.binary_search_by(by_ticket).ok()
    }

    pub(crate) fn leave_at(&mut self, at: usize, settled: Settled) {
        if let Some(standing) = self.standing.remove(at) {
            self.settled.insert(standing.ticket, settled);
            self.served.extend(standing.waker);
        }
    }

    /// Takes everybody out of the line for whom `verdict` has one.
    pub(crate) fn settle(&mut self, verdict: impl Fn(&Standing) -> Option<Settled>) {
        for standing in std::mem::take(&mut self.standing) {
            match verdict(&standing) {
                None => self.standing.push_back(standing),
                Some(settled) => {
                    self.settled.insert(standing.ticket, settled);
                    self.served.extend(standing.waker);
                }
            }
        }
    }
}
