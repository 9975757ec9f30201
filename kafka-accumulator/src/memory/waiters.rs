//! Who waits for memory (Java's `BufferPool.waiters`): a line for each account, in order of arrival.
//!
//! It is used only under the budget's lock, and decides nothing about bytes. It wakes nobody: the wakers
//! of those whose wait is over are kept here until somebody who holds no lock takes them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::Waker,
    time::Instant,
};

use super::account::Account;

/// Those who wait, and the answers that were not fetched yet.
pub(super) struct Waiters {
    stage: Stage,
    next_ticket: u64,
    lines: Vec<Line>,
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

/// Those who wait to charge one account.
struct Line {
    account: Arc<Account>,
    /// In order of arrival, hence of tickets.
    waiting: VecDeque<Waiter>,
}

impl Line {
    fn note_length(&self) {
        self.account.set_waiting(self.waiting.len());
    }

    fn position(&self, ticket: u64) -> Result<usize, usize> {
        let by_ticket = |waiter: &Waiter| waiter.ticket.cmp(&ticket);
        self.waiting.binary_search_by(by_ticket)
    }
}

/// A caller who waits.
pub(super) struct Waiter {
    ticket: u64,
    /// What its record is for; it waits to charge the account that this has.
    place: Place,
    bytes: usize,
    deadline: Instant,
    waker: Option<Waker>,
}

/// What a record is for: the number of a queue, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) Option<usize>);

/// Who is first in a line.
pub(super) struct First<'a> {
    /// The lower it is, the earlier it came.
    pub(super) ticket: u64,
    pub(super) line: usize,
    pub(super) account: &'a Arc<Account>,
    pub(super) bytes: usize,
}

/// How a wait has ended.
pub(super) enum Answer {
    Granted { account: Arc<Account>, bytes: usize },
    TimedOut,
    Closed,
}

impl Waiters {
    /// Nobody waits.
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Open,
            next_ticket: 0,
            lines: Vec::new(),
            answers: BTreeMap::new(),
            to_wake: Vec::new(),
            earliest: None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    pub(super) fn len(&self) -> usize {
        self.lines.iter().map(|line| line.waiting.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.waiting.is_empty())
    }

    /// Adds a waiter behind the others of its account; returns its ticket.
    pub(super) fn join(
        &mut self,
        account: &Arc<Account>,
        place: Place,
        bytes: usize,
        deadline: Instant,
    ) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.put(
            account,
            Waiter {
                ticket,
                place,
                bytes,
                deadline,
                waker: None,
            },
        );
        self.earliest = Some(self.earliest.map_or(deadline, |first| first.min(deadline)));
        ticket
    }

    /// Lets all who wait for this place wait in the line of its account, according to their arrival.
    pub(super) fn move_to(&mut self, account: &Arc<Account>, place: Place) {
        let mut moved = Vec::new();
        for line in &mut self.lines {
            if !Arc::ptr_eq(&line.account, account) {
                let waiting = std::mem::take(&mut line.waiting).into_iter();
                let (leave, stay): (VecDeque<_>, _) =
                    waiting.partition(|waiter| waiter.place == place);
                line.waiting = stay;
                line.note_length();
                moved.extend(leave);
            }
        }
        for waiter in moved {
            self.put(account, waiter);
        }
    }

    /// Puts a waiter where it belongs in the line of an account.
    fn put(&mut self, account: &Arc<Account>, waiter: Waiter) {
        let is_its = |line: &Line| Arc::ptr_eq(&line.account, account);
        let at = self.lines.iter().position(is_its).unwrap_or_else(|| {
            // Those of accounts that are gone are not needed any more.
            self.lines
                .retain(|line| !line.waiting.is_empty() || Arc::strong_count(&line.account) > 1);
            self.lines.push(Line {
                account: Arc::clone(account),
                waiting: VecDeque::new(),
            });
            self.lines.len() - 1
        });
        let line = &mut self.lines[at];
        let at = line.position(waiter.ticket).unwrap_or_else(|at| at);
        line.waiting.insert(at, waiter);
        line.note_length();
    }

    /// The first of each line in which somebody waits.
    pub(super) fn firsts(&self) -> impl Iterator<Item = First<'_>> {
        let lines = self.lines.iter().enumerate();
        lines.filter_map(|(line, Line { account, waiting })| {
            waiting.front().map(|waiter| First {
                ticket: waiter.ticket,
                line,
                account,
                bytes: waiter.bytes,
            })
        })
    }

    /// Ends the wait of the first in a line: it got what it waited for.
    pub(super) fn grant_first(&mut self, line: usize) {
        let line = &mut self.lines[line];
        if let Some(waiter) = line.waiting.pop_front() {
            line.note_length();
            let account = Arc::clone(&line.account);
            let bytes = waiter.bytes;
            self.answer(waiter, Answer::Granted { account, bytes });
        }
        self.forget_deadline_if_empty();
    }

    /// Ends the wait of everybody whose deadline has come, with what `answer` says of their account and
    /// bytes.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        mut answer: impl FnMut(&Arc<Account>, usize) -> Answer,
    ) {
        let mut earliest = None::<Instant>;
        for at in 0..self.lines.len() {
            let account = Arc::clone(&self.lines[at].account);
            for waiter in std::mem::take(&mut self.lines[at].waiting) {
                if waiter.deadline <= now {
                    let answer = answer(&account, waiter.bytes);
                    self.answer(waiter, answer);
                } else {
                    let deadline = waiter.deadline;
                    earliest = Some(earliest.map_or(deadline, |first| first.min(deadline)));
                    self.lines[at].waiting.push_back(waiter);
                }
            }
            self.lines[at].note_length();
        }
        self.earliest = earliest;
    }

    /// Ends every wait; nobody can wait from now on.
    pub(super) fn close(&mut self) {
        self.stage = Stage::Closed;
        for mut line in std::mem::take(&mut self.lines) {
            for waiter in std::mem::take(&mut line.waiting) {
                self.answer(waiter, Answer::Closed);
            }
            line.note_length();
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
        if let Some((line, at)) = self.find(ticket)
            && let Some(waiter) = self.lines[line].waiting.get_mut(at)
        {
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
        let (line, at) = self.find(ticket)?;
        let line = &mut self.lines[line];
        let removed = line.waiting.remove(at);
        line.note_length();
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

    /// In which line somebody waits, and where in it.
    fn find(&self, ticket: u64) -> Option<(usize, usize)> {
        let mut lines = self.lines.iter().enumerate();
        lines.find_map(|(line, it)| Some((line, it.position(ticket).ok()?)))
    }

    fn forget_deadline_if_empty(&mut self) {
        if self.is_empty() {
            self.earliest = None;
        }
    }
}
