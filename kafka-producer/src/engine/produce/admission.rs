//! How far callers may write ahead of what the connections can take.
//!
//! A backlog (full batches and those in flight) that is longer than the connections need makes nothing
//! faster: its bytes leave the CPU's caches before they are sent, which costs half as much again, and its
//! records get old. So callers wait for answers when the backlog is as large as what all connections
//! hold. For each that is a minimum, or the bytes that can be sent in the time of its quickest answer.
//!
//! This must not reduce the throughput, nor the memory that `buffer.memory` provides while brokers are
//! slow or cannot be reached. So callers wait only while answers come. After [`ANSWER_WAIT`] without one the
//! limit doubles, again and again, up to the whole memory; when answers come again it is halved step by
//! step. While batches are being compressed no broker is late, so the time counts from the end of the
//! compression.

use std::time::{Duration, Instant};

use crate::engine::cluster::connection::Speed;
use crate::engine::cluster::in_flight::Progress;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;

/// Whether callers wait for answers, and how often the limit was doubled.
#[derive(Debug)]
pub(crate) struct Admission {
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
    /// The compression of batches: no broker is late.
    Us,
    Brokers,
}

/// Whether the limit changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Stays,
    Changes,
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self {
            throttling: Throttling::Free,
            width: Width::Narrow,
        }
    }

    /// When the limit doubles, unless an answer comes before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.throttling {
            Throttling::Free => None,
            Throttling::Throttled { since } => Some(since + ANSWER_WAIT),
        }
    }

    /// Notes whether callers wait.
    fn look(&mut self, now: Instant, awaited: Awaited) -> Limit {
        match (awaited, self.throttling) {
            (Awaited::Nobody, _) => self.throttling = Throttling::Free,
            (Awaited::Us, _) | (Awaited::Brokers, Throttling::Free) => {
                self.throttling = Throttling::Throttled { since: now };
            }
            (Awaited::Brokers, Throttling::Throttled { since }) if now < since + ANSWER_WAIT => {}
            (Awaited::Brokers, Throttling::Throttled { .. }) => {
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
    /// Checks whether callers wait, and whether answers come.
    pub(crate) fn see_to(&mut self, cx: &Context, nodes: &Nodes) {
        let awaited = awaited(cx, nodes);
        if self.look(cx.now, awaited) == Limit::Changes {
            self.limit_backlog(cx, nodes);
        }
    }

    /// A request can leave now.
    pub(crate) fn compressed(&mut self, now: Instant) {
        self.moved(now);
    }

    /// A produce request was answered; its `progress` says when it was sent.
    pub(crate) fn note_answer(
        &mut self,
        cx: &Context,
        nodes: &mut Nodes,
        id: NodeId,
        progress: Progress,
    ) {
        let mut limit = self.answered(cx.now);
        if let Progress::Sent { since } = progress
            && let took = cx.now.saturating_duration_since(since)
            && nodes.note_answer(id, took) != Speed::AsBefore
        {
            limit = Limit::Changes;
        }
        if limit == Limit::Changes {
            self.limit_backlog(cx, nodes);
        }
    }

    /// Adds up what the connections may hold.
    pub(crate) fn limit_backlog(&self, cx: &Context, nodes: &Nodes) {
        let batches = cx.settings.accumulator.batch_size.saturating_mul(BATCHES);
        let quickest = nodes.quickest_answers();
        let pipes = quickest.map(|quickest| pipe(quickest).max(batches));
        let limit = pipes.fold(FLOOR_BYTES, usize::saturating_add);
        let widened = limit.saturating_mul(1 << self.width.doublings());
        let all = cx.settings.accumulator.buffer_memory;
        let limit = if widened < all { widened } else { usize::MAX };
        cx.accumulator.limit_backlog(limit);
    }
}

fn awaited(cx: &Context, nodes: &Nodes) -> Awaited {
    if !cx.accumulator.is_throttling() {
        return Awaited::Nobody;
    }
    match nodes.is_any_compressing() {
        true => Awaited::Us,
        false => Awaited::Brokers,
    }
}

/// How many bytes a connection can send in the time of its quickest answer.
fn pipe(quickest: Option<Duration>) -> usize {
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
/// The minimum for each connection, and once more for all: enough for a request, the next one, and the
/// batches that become full in the meantime, and less than a core's cache.
const FLOOR_BYTES: usize = 2 << 20;
/// The minimum for each connection in full batches.
const BATCHES: usize = 4;
/// 16 GB/s: no connection is faster.
const BYTES_PER_NANOSECOND: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled(now: Instant) -> Admission {
        let mut admission = Admission::new();
        assert_eq!(admission.look(now, Awaited::Brokers), Limit::Stays);
        admission
    }

    #[test]
    fn while_answers_come_the_limit_stays() {
        let mut now = Instant::now();
        let mut admission = throttled(now);
        for _ in 0..1_000 {
            now += ANSWER_WAIT / 2;
            assert_eq!(admission.answered(now), Limit::Stays);
            assert_eq!(admission.look(now, Awaited::Brokers), Limit::Stays);
        }
        assert_eq!(admission.deadline(), Some(now + ANSWER_WAIT));
    }

    #[test]
    fn without_answers_it_doubles_until_everything_is_allowed() {
        let start = Instant::now();
        let mut admission = throttled(start);
        for step in 1..=DOUBLINGS_MAX {
            let now = start + ANSWER_WAIT * step;
            assert_eq!(admission.deadline(), Some(now));
            assert_eq!(admission.look(now, Awaited::Brokers), Limit::Changes);
            assert_eq!(admission.width.doublings(), step);
        }
    }

    #[test]
    fn while_batches_are_compressed_no_broker_is_late() {
        let mut now = Instant::now();
        let mut admission = throttled(now);
        for _ in 0..100 {
            now += ANSWER_WAIT * 2;
            assert_eq!(admission.look(now, Awaited::Us), Limit::Stays);
        }
        now += ANSWER_WAIT / 2;
        admission.moved(now);
        assert_eq!(admission.deadline(), Some(now + ANSWER_WAIT));
        let late = now + ANSWER_WAIT;
        assert_eq!(admission.look(late, Awaited::Brokers), Limit::Changes);
    }

    #[test]
    fn it_narrows_step_by_step_when_answers_come_again() {
        let start = Instant::now();
        let mut admission = throttled(start);
        let widened = start + ANSWER_WAIT;
        assert_eq!(admission.look(widened, Awaited::Brokers), Limit::Changes);
        assert_eq!(admission.answered(widened + CALM / 2), Limit::Stays);
        assert_eq!(admission.answered(widened + CALM), Limit::Changes);
        assert_eq!(admission.width, Width::Narrow);
        assert_eq!(admission.answered(widened + CALM * 5), Limit::Stays);
    }

    #[test]
    fn who_does_not_wait_needs_no_timer() {
        let now = Instant::now();
        let mut admission = throttled(now);
        assert_eq!(admission.look(now, Awaited::Nobody), Limit::Stays);
        assert_eq!(admission.deadline(), None);
    }

    #[test]
    fn a_distant_connection_holds_more() {
        assert_eq!(pipe(None), FLOOR_BYTES);
        assert_eq!(pipe(Some(Duration::from_micros(50))), FLOOR_BYTES);
        assert_eq!(pipe(Some(Duration::from_millis(1))), 16_000_000);
        assert!(pipe(Some(Duration::from_secs(3_600))) > 1 << 40);
    }
}
