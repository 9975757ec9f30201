//! Whether a full batch leaves at once or waits a moment for others to share its request.
//!
//! A request costs both sides the same whether it carries one batch or four. So while batches come
//! fast, a full batch waits for company: for a few others, and for a millisecond at most. With
//! `linger.ms=0`, or where batches are rare, nothing waits.

use std::time::{Duration, Instant};

use crate::engine::produce::lane::{Attention, Next};
use crate::engine::timers::Timer;
use crate::engine::{Engine, Life, NodeId};

use kafka_accumulator::Readiness;

/// What is known of the pace of batches, and whether queues may have filled without ringing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Company {
    last_sent: Instant,
    /// From one batch to the next, smoothed.
    interval: Duration,
    wait: Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    None,
    /// Queues may knock without ringing.
    Awaited,
}

impl Company {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last_sent: now,
            interval: HOLD_MAX,
            wait: Wait::None,
        }
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.wait == Wait::Awaited
    }

    /// The lists are being read: whoever fills from here on rings.
    pub(crate) fn attended(&mut self) {
        self.wait = Wait::None;
    }

    /// So many batches have left.
    pub(crate) fn sent(&mut self, now: Instant, batches: usize) {
        let passed = now
            .saturating_duration_since(self.last_sent)
            .min(HOLD_MAX * 4);
        let each = passed / u32::try_from(batches.max(1)).unwrap_or(u32::MAX);
        self.interval = (self.interval * 7 + each) / 8;
        self.last_sent = now;
    }

    /// Whether a few batches will have come before waiting for them is felt.
    fn comes_soon(&self) -> bool {
        self.interval * BATCHES as u32 <= SOON
    }
}

impl Engine {
    /// Whether what is due for this broker waits for company.
    pub(crate) fn awaits_company(&mut self, id: NodeId) -> bool {
        let hold = self.cx.settings.accumulator.linger.min(HOLD_MAX);
        let hurry = self.cx.accumulator.waiting() > 0 || !matches!(self.life, Life::Open);
        if hold.is_zero() || hurry || !self.company.comes_soon() {
            return false;
        }
        let Some(node) = self.nodes.get(&id) else {
            return false;
        };
        // Half of its partitions: all of them would have to wait for the slowest.
        let enough = (self.lanes.led_by(id) / 2).clamp(1, BATCHES);
        let holds_since = node.holds_since;
        let few = self.ready_lanes(id) < enough;
        let waits = few && holds_since.is_none_or(|since| self.cx.now < since + hold);
        let (now, company) = (self.cx.now, &mut self.company);
        let Some(node) = self.nodes.get_mut(&id) else {
            return false;
        };
        if waits {
            let since = *node.holds_since.get_or_insert(now);
            company.wait = Wait::Awaited;
            self.cx.timers.arm(Timer::Company(id), since + hold);
            self.cx.accumulator.doorbell().ring_after(enough - 1);
        } else {
            node.holds_since = None;
        }
        waits
    }

    /// How many lanes of a broker have something to send; those that have not leave its list, so
    /// that they ring when they have. One that has to send something again waits for nobody.
    fn ready_lanes(&mut self, id: NodeId) -> usize {
        let turns = self.nodes.get(&id).map_or(0, |node| node.lanes.len());
        let mut ready = 0;
        let memory = self.memory();
        for _ in 0..turns {
            let Some(key) = self
                .nodes
                .get_mut(&id)
                .and_then(|node| node.lanes.pop_front())
            else {
                break;
            };
            let lane = &self.lanes[key as usize];
            let next = lane.next(&memory, &self.identity, self.cx.settings.max_in_flight);
            let worth = match next {
                Next::Take => match lane.queue.poll_ready(self.cx.now) {
                    Readiness::Ready => 1,
                    Readiness::Lingering { until } => {
                        self.linger(key, until);
                        0
                    }
                    Readiness::Empty => 0,
                },
                // `offer` knows what to do with them.
                _ => BATCHES,
            };
            if worth == 0 {
                self.lanes[key as usize].attention = Attention::Idle;
            } else if let Some(node) = self.nodes.get_mut(&id) {
                node.lanes.push_back(key);
            }
            ready += worth;
        }
        ready
    }
}

/// As many batches share a request before it is worth a wake of its own.
const BATCHES: usize = 4;
/// The longest that a full batch waits for company.
const HOLD_MAX: Duration = Duration::from_millis(1);
/// So soon they must be expected to come.
const SOON: Duration = Duration::from_micros(250);
