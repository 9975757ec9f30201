//! How far callers may write ahead of what each connection can take.
//!
//! A backlog (full batches and those in flight) that is longer than the connection needs makes nothing
//! faster: its bytes leave the CPU's caches before they are sent, which costs half as much again, and its
//! records get old. So callers wait for a broker's answers when its backlog is as large as what its connection
//! holds: a minimum, or the bytes that can be sent in the time of its quickest answer.
//!
//! This must not reduce the throughput, nor the memory that `buffer.memory` provides while a broker is
//! slow or cannot be reached. So callers wait only while it answers. After [`ANSWER_WAIT`] without an answer
//! its limit doubles, again and again, up to the whole memory; when answers come again it is halved step by
//! step. While batches for it are being compressed it is not late, so the time counts from the end of the
//! compression.
//!
//! Each broker is judged by its own answers and its own backlog: what is written to one neither waits for
//! another, nor is taken for an answer of that one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_accumulator::Account;

use crate::engine::cluster::connection::Speed;
use crate::engine::cluster::in_flight::Progress;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::produce::accounts::Accounts;

/// How far callers may write ahead, for each broker.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// Brokers that callers have waited for; the limits of others are what their connections hold.
    brokers: BTreeMap<NodeId, Patience>,
}

/// Whether callers wait for a broker's answers, and how often its limit was doubled.
#[derive(Debug)]
struct Patience {
    throttling: Throttling,
    width: Width,
}

/// How often the limit is doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// Not at all: it is what the connections hold.
    Narrow,
    /// This often; it changed last `at` this time.
    Widened { doublings: u32, at: Instant },
}

impl Width {
    fn doublings(self) -> u32 {
        match self {
            Self::Narrow => 0,
            Self::Widened { doublings, .. } => doublings,
        }
    }

    fn of(doublings: u32, at: Instant) -> Self {
        match doublings {
            0 => Self::Narrow,
            _ => Self::Widened { doublings, at },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Throttling {
    /// No caller waits for answers.
    Free,
    /// Callers wait, and no answer has come since then.
    Throttled { since: Instant },
}

/// What callers wait for although memory is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nobody,
    /// The compression of batches: the broker is not late.
    Us,
    TheBroker,
}

/// Whether the limit changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Stays,
    Changes,
}

impl Patience {
    fn new() -> Self {
        Self {
            throttling: Throttling::Free,
            width: Width::Narrow,
        }
    }

    /// When the limit doubles, unless an answer comes before.
    fn deadline(&self) -> Option<Instant> {
        match self.throttling {
            Throttling::Free => None,
            Throttling::Throttled { since } => Some(since + ANSWER_WAIT),
        }
    }

    /// Notes whether callers wait.
    fn look(&mut self, now: Instant, awaited: Awaited) -> Limit {
        match (awaited, self.throttling) {
            (Awaited::Nobody, _) => self.throttling = Throttling::Free,
            (Awaited::Us, _) | (Awaited::TheBroker, Throttling::Free) => {
                self.throttling = Throttling::Throttled { since: now };
            }
            (Awaited::TheBroker, Throttling::Throttled { since }) if now < since + ANSWER_WAIT => {}
            (Awaited::TheBroker, Throttling::Throttled { .. }) => {
                self.throttling = Throttling::Throttled { since: now };
                let doublings = (self.width.doublings() + 1).min(DOUBLINGS_MAX);
                self.width = Width::of(doublings, now);
                return Limit::Changes;
            }
        }
        Limit::Stays
    }

    /// A request was compressed or answered: callers wait for the next answer from now on.
    fn moved(&mut self, now: Instant) {
        if let Throttling::Throttled { since } = &mut self.throttling {
            *since = now;
        }
    }

    /// An answer came.
    fn answered(&mut self, now: Instant) -> Limit {
        self.moved(now);
        match self.width {
            Width::Widened { doublings, at } if now >= at + CALM => {
                self.width = Width::of(doublings - 1, now);
                Limit::Changes
            }
            Width::Widened { .. } | Width::Narrow => Limit::Stays,
        }
    }
}

impl Admission {
    /// When a limit doubles, unless an answer comes before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.brokers.values().filter_map(Patience::deadline).min()
    }

    /// Checks for which brokers callers wait, and whether these answer.
    pub(crate) fn see_to(&mut self, cx: &Context, nodes: &Nodes, accounts: &mut Accounts) {
        while let Some(id) = accounts.take_unlimited() {
            self.limit_backlog(cx, nodes, accounts, id);
        }
        if self.brokers.is_empty() && cx.accumulator.waiting() == 0 {
            return;
        }
        self.brokers.retain(|id, _| accounts.get(*id).is_some());
        for (id, account) in accounts.iter() {
            let awaited = awaited(nodes, id, account);
            let limit = match (self.brokers.get_mut(&id), awaited) {
                (None, Awaited::Nobody) => continue,
                (None, _) => {
                    let patience = self.brokers.entry(id).or_insert_with(Patience::new);
                    patience.look(cx.now, awaited)
                }
                (Some(patience), _) => patience.look(cx.now, awaited),
            };
            if limit == Limit::Changes {
                self.limit_backlog(cx, nodes, accounts, id);
            }
        }
    }

    /// A request to a broker can leave now.
    pub(crate) fn compressed(&mut self, now: Instant, id: NodeId) {
        if let Some(patience) = self.brokers.get_mut(&id) {
            patience.moved(now);
        }
    }

    /// A produce request was answered; its `progress` says when it was sent.
    pub(crate) fn note_answer(
        &mut self,
        cx: &Context,
        nodes: &mut Nodes,
        accounts: &Accounts,
        id: NodeId,
        progress: Progress,
    ) {
        let patience = self.brokers.get_mut(&id);
        let mut limit = patience.map_or(Limit::Stays, |patience| patience.answered(cx.now));
        if let Progress::Sent { since } = progress
            && let took = cx.now.saturating_duration_since(since)
            && nodes.note_answer(id, took) != Speed::AsBefore
        {
            limit = Limit::Changes;
        }
        if limit == Limit::Changes {
            self.limit_backlog(cx, nodes, accounts, id);
        }
    }

    /// Limits the backlog of a broker by what its connection may hold, if it leads anything.
    pub(crate) fn limit_backlog(
        &self,
        cx: &Context,
        nodes: &Nodes,
        accounts: &Accounts,
        id: NodeId,
    ) {
        let Some(account) = accounts.get(id) else {
            return;
        };
        let batches = cx.settings.accumulator.batch_size.saturating_mul(BATCHES);
        let pipe = nodes.quickest_answer(id);
        let pipe = pipe.map_or(0, |quickest| pipe_of(quickest).max(batches));
        let doublings = self.brokers.get(&id).map_or(0, |it| it.width.doublings());
        let widened = FLOOR_BYTES
            .saturating_add(pipe)
            .saturating_mul(1 << doublings);
        let all = cx.settings.accumulator.buffer_memory;
        let limit = if widened < all { widened } else { usize::MAX };
        cx.accumulator.limit_backlog(account, limit);
    }
}

fn awaited(nodes: &Nodes, id: NodeId, account: &Account) -> Awaited {
    if !account.is_throttling() {
        return Awaited::Nobody;
    }
    match nodes.is_compressing(id) {
        true => Awaited::Us,
        false => Awaited::TheBroker,
    }
}

/// How many bytes a connection can send in the time of its quickest answer.
fn pipe_of(quickest: Option<Duration>) -> usize {
    let nanos = quickest.map_or(0, |quickest| quickest.as_nanos());
    let bytes = usize::try_from(nanos).map_or(usize::MAX, |nanos| {
        nanos.saturating_mul(BYTES_PER_NANOSECOND)
    });
    bytes.max(FLOOR_BYTES)
}

/// How long callers wait for an answer before the limit doubles. On a busy machine a thread may wait a
/// few milliseconds for the CPU.
const ANSWER_WAIT: Duration = Duration::from_millis(10);
/// How long after its last change the limit is halved.
const CALM: Duration = Duration::from_millis(100);
/// Enough for more than any memory.
const DOUBLINGS_MAX: u32 = 20;
/// The minimum for each connection, and once more for each broker: enough for a request, the next one, and the
/// batches that become full in the meantime, and less than a core's cache.
const FLOOR_BYTES: usize = 2 << 20;
/// The minimum for each connection in full batches.
const BATCHES: usize = 4;
/// 16 GB/s: no connection is faster.
const BYTES_PER_NANOSECOND: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled(now: Instant) -> Patience {
        let mut patience = Patience::new();
        assert_eq!(patience.look(now, Awaited::TheBroker), Limit::Stays);
        patience
    }

    #[test]
    fn while_answers_come_the_limit_stays() {
        let mut now = Instant::now();
        let mut patience = throttled(now);
        for _ in 0..1_000 {
            now += ANSWER_WAIT / 2;
            assert_eq!(patience.answered(now), Limit::Stays);
            assert_eq!(patience.look(now, Awaited::TheBroker), Limit::Stays);
        }
        assert_eq!(patience.deadline(), Some(now + ANSWER_WAIT));
    }

    #[test]
    fn without_answers_it_doubles_until_everything_is_allowed() {
        let start = Instant::now();
        let mut patience = throttled(start);
        for step in 1..=DOUBLINGS_MAX {
            let now = start + ANSWER_WAIT * step;
            assert_eq!(patience.deadline(), Some(now));
            assert_eq!(patience.look(now, Awaited::TheBroker), Limit::Changes);
            assert_eq!(patience.width.doublings(), step);
        }
    }

    #[test]
    fn while_batches_are_compressed_no_broker_is_late() {
        let mut now = Instant::now();
        let mut patience = throttled(now);
        for _ in 0..100 {
            now += ANSWER_WAIT * 2;
            assert_eq!(patience.look(now, Awaited::Us), Limit::Stays);
        }
        now += ANSWER_WAIT / 2;
        patience.moved(now);
        assert_eq!(patience.deadline(), Some(now + ANSWER_WAIT));
        let late = now + ANSWER_WAIT;
        assert_eq!(patience.look(late, Awaited::TheBroker), Limit::Changes);
    }

    #[test]
    fn it_narrows_step_by_step_when_answers_come_again() {
        let start = Instant::now();
        let mut patience = throttled(start);
        let widened = start + ANSWER_WAIT;
        assert_eq!(patience.look(widened, Awaited::TheBroker), Limit::Changes);
        assert_eq!(patience.answered(widened + CALM / 2), Limit::Stays);
        assert_eq!(patience.answered(widened + CALM), Limit::Changes);
        assert_eq!(patience.width, Width::Narrow);
        assert_eq!(patience.answered(widened + CALM * 5), Limit::Stays);
    }

    #[test]
    fn who_does_not_wait_needs_no_timer() {
        let now = Instant::now();
        let mut patience = throttled(now);
        assert_eq!(patience.look(now, Awaited::Nobody), Limit::Stays);
        assert_eq!(patience.deadline(), None);
    }

    #[test]
    fn a_distant_connection_holds_more() {
        assert_eq!(pipe_of(None), FLOOR_BYTES);
        assert_eq!(pipe_of(Some(Duration::from_micros(50))), FLOOR_BYTES);
        assert_eq!(pipe_of(Some(Duration::from_millis(1))), 16_000_000);
        assert!(pipe_of(Some(Duration::from_secs(3_600))) > 1 << 40);
    }
}
