//! Whether a full batch is sent at once or waits a moment for others to share its request.
//!
//! A request costs both sides nearly the same whether it carries one batch or four. So while batches come
//! fast, a full batch waits for a few others, for a millisecond at most. With `linger.ms=0`, or where
//! batches are rare, none waits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::engine::cluster::node_id::NodeId;
use crate::engine::identity::Identity;
use crate::engine::produce::lane::Next;
use crate::engine::produce::lane_key::LaneKey;

/// How fast batches come, and which brokers' batches wait for others.
#[derive(Debug)]
pub(crate) struct Coalescer {
    last_sent: Instant,
    /// The time from one batch to the next, smoothed.
    interval: Duration,
    wait: Wait,
    /// Since when full batches wait, for each broker.
    since: BTreeMap<NodeId, Instant>,
    mode: Mode,
}

/// Whether batches wait for others at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Coalesce,
    /// The producer is being closed.
    SendAtOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    None,
    /// Queues may fill without ringing.
    Awaited,
}

impl Coalescer {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last_sent: now,
            interval: HOLD_MAX,
            wait: Wait::None,
            since: BTreeMap::new(),
            mode: Mode::Coalesce,
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.wait == Wait::Awaited
    }

    /// The lists are being read: from now on each queue that fills rings again.
    pub(crate) fn attended(&mut self) {
        self.wait = Wait::None;
    }

    /// This many batches were sent.
    pub(crate) fn sent(&mut self, now: Instant, batches: usize) {
        let passed = now
            .saturating_duration_since(self.last_sent)
            .min(HOLD_MAX * 4);
        let each = passed / u32::try_from(batches.max(1)).unwrap_or(u32::MAX);
        self.interval = (self.interval * 7 + each) / 8;
        self.last_sent = now;
    }

    /// Until when the batches of a broker wait, if they do: as long as there are few, and for `hold` at most
    /// since the first of them.
    pub(super) fn wait(
        &mut self,
        id: NodeId,
        few: bool,
        hold: Duration,
        now: Instant,
    ) -> Option<Instant> {
        let until = self.since.get(&id).map_or(now, |since| *since) + hold;
        if !few || until <= now {
            self.since.remove(&id);
            return None;
        }
        self.since.entry(id).or_insert(now);
        self.wait = Wait::Awaited;
        Some(until)
    }

    /// From now on no batch waits for others.
    pub(crate) fn stop(&mut self) {
        self.mode = Mode::SendAtOnce;
    }

    /// Whether the next few batches are expected so soon that waiting for them is not noticed.
    pub(super) fn comes_soon(&self) -> bool {
        self.mode == Mode::Coalesce && self.interval * BATCHES as u32 <= SOON
    }
}

/// What each lane of a broker can do next. It is found out when deciding whether to wait for more batches,
/// and kept until the request is built.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// In the order of their turns.
    turns: Vec<(LaneKey, Next)>,
    /// The turn that is taken next.
    at: usize,
    /// The producer that the batches would have been sent as.
    identity: Option<Identity>,
}

impl Survey {
    /// Starts a survey of a broker's lanes, for this identity.
    pub(super) fn begin(&mut self, identity: Identity) {
        self.turns.clear();
        self.at = 0;
        self.identity = Some(identity);
    }

    pub(super) fn note(&mut self, key: LaneKey, next: Next) {
        self.turns.push((key, next));
    }

    /// The lanes in the order of their turns.
    pub(super) fn lanes(&self) -> impl DoubleEndedIterator<Item = LaneKey> {
        self.turns.iter().map(|(key, _)| *key)
    }

    pub(super) fn end(&mut self) {
        self.turns.clear();
    }

    /// What was found for the lane whose turn it is, if the turns and the identity are still the same.
    pub(super) fn take(&mut self, key: LaneKey, identity: &Identity) -> Option<Next> {
        let (noted, next) = *self.turns.get(self.at)?;
        self.at += 1;
        let holds = noted == key && self.identity.as_ref() == Some(identity);
        holds.then_some(next)
    }
}

/// A request with this many batches does not wait for more.
pub(super) const BATCHES: usize = 4;
/// The longest that a full batch waits for others.
pub(super) const HOLD_MAX: Duration = Duration::from_millis(1);
/// A batch waits only if `BATCHES` are expected within this time.
const SOON: Duration = Duration::from_micros(250);
