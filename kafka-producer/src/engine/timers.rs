//! When the engine must look again, if nothing else happens first.
//!
//! A timer is a hint, not a fact: whoever is named looks at its own state and arms it anew if it
//! still waits. So arming twice keeps the earlier time, nothing is ever disarmed, and there is at
//! most one live entry for each [`Timer`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use hashbrown::HashMap;

use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane_key::LaneKey;

/// What is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The open batch of a lane has lingered long enough.
    Linger(LaneKey),
    /// The oldest batch of a lane may be sent again, get another number, or be asked about.
    Retry(LaneKey),
    /// The oldest record of a lane has reached `delivery.timeout.ms`.
    Expiry(LaneKey),
    /// The oldest batch of a lane may have waited for `partitioner.availability.timeout.ms`.
    Wait(LaneKey),
    /// A broker's dial, handshake, oldest request, throttle or rest is over.
    Node(NodeId),
    /// The names of the bootstrap servers are to be resolved by now.
    Bootstrap,
    /// The session with a broker is to be renewed, or ends.
    Session(NodeId),
    /// Metadata is due, or a caller has waited for a topic for `max.block.ms`.
    Metadata,
    /// A producer id may be asked for again.
    Identity,
    /// A caller has waited for a server for `max.block.ms`.
    Connect,
    /// A caller has waited for topics to be ready for `max.block.ms`.
    WarmUp,
    /// Batches that filled while an answer is outstanding have waited for others long enough.
    Coalesce(NodeId),
    /// A caller has waited for a transaction for `max.block.ms`, a coordinator may be asked again,
    /// or the transaction has been open for `transaction.timeout.ms`.
    Transaction,
    /// Brokers are to be asked about metrics or told of them, a caller has waited for an id, or the last push has
    /// been waited for.
    Telemetry,
    /// The deadline of `close` has come.
    Close,
}

/// All timers, soonest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BinaryHeap<Reverse<(Instant, Timer)>>,
    armed: HashMap<Timer, Instant>,
}

impl Timers {
    /// Looks at `timer` at `at`, or earlier if it was armed for earlier.
    pub(crate) fn arm(&mut self, timer: Timer, at: Instant) {
        match self.armed.get(&timer) {
            Some(&armed) if armed <= at => {}
            _ => {
                self.armed.insert(timer, at);
                self.order.push(Reverse((at, timer)));
            }
        }
    }

    /// The soonest, if any.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        while let Some(&Reverse((at, timer))) = self.order.peek() {
            if self.armed.get(&timer) == Some(&at) {
                return Some(at);
            }
            self.order.pop();
        }
        None
    }

    /// Takes one timer that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, timer)) = self.order.pop()?;
        self.armed.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earlier_of_two_armings_counts_and_fires_once() {
        let start = Instant::now();
        let later = start + Duration::from_millis(5);
        for order in [[start, later], [later, start]] {
            let mut timers = Timers::default();
            order
                .into_iter()
                .for_each(|at| timers.arm(Timer::Metadata, at));
            assert_eq!(timers.next(), Some(start));
            assert_eq!(timers.pop_due(start), Some(Timer::Metadata));
            assert_eq!(timers.pop_due(later), None);
            assert_eq!(timers.next(), None);
        }
    }

    #[test]
    fn timers_fire_in_order_of_time_and_never_early() {
        let start = Instant::now();
        let mut timers = Timers::default();
        timers.arm(Timer::Close, start + Duration::from_millis(2));
        timers.arm(Timer::Identity, start + Duration::from_millis(1));
        assert_eq!(timers.pop_due(start), None);
        let end = start + Duration::from_millis(2);
        assert_eq!(timers.pop_due(end), Some(Timer::Identity));
        assert_eq!(timers.pop_due(end), Some(Timer::Close));
    }
}
