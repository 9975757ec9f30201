//! Where a lane's batches stand, for people who ask why a record is still here. It changes nothing, and the queue
//! rings as before.

use std::time::Instant;

use kafka_accumulator::Readiness;

use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane::Lane;
use crate::engine::produce::lane::slot::{Slot, SlotState};
use crate::engine::produce::stand::Stand;

impl Lane {
    /// Where its oldest batch stands, if it has one.
    pub(crate) fn oldest_stands(&self, now: Instant) -> Option<Stand> {
        match self.slots.front() {
            Some(slot) => Some(slot.stands()),
            None => self.queued_stand(now),
        }
    }

    /// Where the oldest batch in its queue stands, if there is one.
    pub(crate) fn queued_stand(&self, now: Instant) -> Option<Stand> {
        match self.queue.readiness(now) {
            Readiness::Empty => None,
            Readiness::Ready => Some(Stand::Queued),
            Readiness::Lingering { until } => Some(Stand::Lingering { until }),
        }
    }

    /// Whom the oldest batch was sent to last.
    pub(crate) fn oldest_sent_to(&self) -> Option<NodeId> {
        Some(self.slots.front()?.sent_to?.node)
    }
}

impl Slot {
    fn stands(&self) -> Stand {
        match self.state {
            SlotState::Waiting { until }
            | SlotState::NeedsNewSequence { until }
            | SlotState::Unresolved { until } => Stand::Again {
                until,
                after: self.last_error,
            },
            SlotState::InFlight { since } => Stand::InFlight { since },
            SlotState::BeingAsked => Stand::BeingAsked,
            SlotState::PresumedAppended => Stand::PresumedAppended,
        }
    }
}
