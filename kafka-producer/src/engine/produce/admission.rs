//! How far callers may write ahead of what the connections can take.
//!
//! A backlog (full batches and those on their way) that is longer than the connections need makes nothing
//! faster. Its bytes only leave the CPU's caches before they are sent, which costs half as much again, and its
//! records get old. So callers wait for answers when the backlog is as large as what all connections hold:
//! for each a floor, or as many bytes as can be on their way during the time of its quickest answer.
//!
//! That must never cost throughput, nor shorten what `buffer.memory` promises to hold while brokers
//! are slow or away. So a caller waits here only while answers come: after [`PATIENCE`] without any the
//! limit doubles, and again, until it is the whole memory. When answers come again it is halved in steps.
//! While batches are being compressed, callers wait for us and not for brokers: the time counts from the
//! end of the compression.

use std::time::{Duration, Instant};

use crate::engine::cluster::connection::Speed;
use crate::engine::cluster::in_flight::Progress;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;

/// Whether callers are held back, and how far the limit is widened.
#[derive(Debug)]
pub(crate) struct Admission {
    throttling: Throttling,
    width: Width,
}

/// How far the limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// What the pipes hold.
    Narrow,
    /// So often doubled, and changed last `at` that time.
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
    /// Nobody waits for answers.
    Free,
    /// Callers do, and none has come since then.
    Throttled { since: Instant },
}

/// Whom callers wait for though memory is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nobody,
    /// Batches are being compressed: no broker is late.
    Us,
    Brokers,
}

/// What follows for the limit.
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

    /// When callers have waited so long for an answer that the limit doubles.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.throttling {
            Throttling::Free => None,
            Throttling::Throttled { since } => Some(since + PATIENCE),
        }
    }

    /// Callers are waiting, or not.
    fn look(&mut self, now: Instant, awaited: Awaited) -> Limit {
        match (awaited, self.throttling) {
            (Awaited::Nobody, _) => self.throttling = Throttling::Free,
            (Awaited::Us, _) | (Awaited::Brokers, Throttling::Free) => {
                self.throttling = Throttling::Throttled { since: now };
            }
            (Awaited::Brokers, Throttling::Throttled { since }) if now < since + PATIENCE => {}
            (Awaited::Brokers, Throttling::Throttled { .. }) => {
                self.throttling = Throttling::Throttled { since: now };
                let doublings = (self.width.doublings() + 1).min(DOUBLINGS_MAX);
                self.width = Width::of(doublings, now);
                return Limit::Changes;
            }
        }
        Limit::Stays
    }

    /// A request went on: from now on callers wait for the next answer.
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
    /// Callers may wait for answers: sees that some come.
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

    /// A produce request was answered, which took so long if it is known, and was the quickest or not.
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

/// How many bytes can be on their way on a connection whose quickest answer took so long.
fn pipe(quickest: Option<Duration>) -> usize {
    let nanos = quickest.map_or(0, |quickest| quickest.as_nanos());
    let bytes = usize::try_from(nanos).map_or(usize::MAX, |nanos| {
        nanos.saturating_mul(BYTES_PER_NANOSECOND)
    });
    bytes.max(FLOOR_BYTES)
}

/// So long callers wait for an answer before the limit doubles. On a busy machine a thread may wait a few
/// milliseconds for the CPU.
const PATIENCE: Duration = Duration::from_millis(10);
/// So long after it was widened the limit narrows by one step.
const CALM: Duration = Duration::from_millis(100);
/// From the floor to more than any memory.
const DOUBLINGS_MAX: u32 = 20;
/// For each connection, and once more: what a request, its successor and the batches that become
/// full meanwhile take, and less than a core's cache.
const FLOOR_BYTES: usize = 2 << 20;
/// Full batches of one connection that are always allowed for.
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
            now += PATIENCE / 2;
            assert_eq!(admission.answered(now), Limit::Stays);
            assert_eq!(admission.look(now, Awaited::Brokers), Limit::Stays);
        }
        assert_eq!(admission.deadline(), Some(now + PATIENCE));
    }

    #[test]
    fn without_answers_it_doubles_until_everything_is_allowed() {
        let start = Instant::now();
        let mut admission = throttled(start);
        for step in 1..=DOUBLINGS_MAX {
            let now = start + PATIENCE * step;
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
            now += PATIENCE * 2;
            assert_eq!(admission.look(now, Awaited::Us), Limit::Stays);
        }
        now += PATIENCE / 2;
        admission.moved(now);
        assert_eq!(admission.deadline(), Some(now + PATIENCE));
        let late = now + PATIENCE;
        assert_eq!(admission.look(late, Awaited::Brokers), Limit::Changes);
    }

    #[test]
    fn it_narrows_step_by_step_when_answers_come_again() {
        let start = Instant::now();
        let mut admission = throttled(start);
        let widened = start + PATIENCE;
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
