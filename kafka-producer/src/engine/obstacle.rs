//! What is in the way: why a lane's batches are not sent, and whether anybody can be asked at all.
//!
//! Each broker remembers what was wrong with it last; the rest follows from what is known now. It is
//! told to people; nothing is decided here.

use std::sync::Arc;
use std::time::Instant;

use kafka_wire::ErrorCode;

use crate::engine::cluster::node::{Link, Node};
use crate::engine::produce::lane::{LaneKey, Slot, SlotState};
use crate::engine::{Engine, Transactions};

use crate::error::{Cause, WaitReason};
use crate::settings::Guarantee;

impl Node {
    /// What it is called in messages.
    pub(super) fn name(&self) -> Arc<str> {
        format!("{} at {}", self.id, self.address).into()
    }

    /// What keeps requests from being sent to it now.
    fn obstacle(&self, now: Instant) -> Option<WaitReason> {
        let broker = self.name();
        if let Some(until) = self.silent_until().filter(|until| *until > now) {
            let left = until - now;
            return Some(WaitReason::Throttled { broker, left });
        }
        match &self.link {
            Link::Ready { .. } => None,
            _ => {
                let connecting = || WaitReason::Connecting { broker };
                Some(self.obstacle.clone().unwrap_or_else(connecting))
            }
        }
    }

    /// The same, but for a broker that nobody has tried to reach: whoever asks it something will.
    fn hindrance(&self, now: Instant) -> Option<WaitReason> {
        let untried = |obstacle: &WaitReason| {
            self.is_resting() && matches!(obstacle, WaitReason::Connecting { .. })
        };
        self.obstacle(now).filter(|obstacle| !untried(obstacle))
    }
}

impl Engine {
    /// Why this record has waited: `None` if that is not known, or not to be told of this cause.
    pub(super) fn why_unsent(
        &self,
        key: LaneKey,
        slot: Option<&Slot>,
        cause: &Cause,
    ) -> Option<WaitReason> {
        if !matches!(cause, Cause::Expired { .. } | Cause::Closed) {
            return None;
        }
        match slot.map(|slot| slot.state) {
            Some(SlotState::InFlight) => Some(WaitReason::Unanswered { request: "Produce" }),
            _ => self.lane_obstacle(key),
        }
    }

    /// What is in the way of learning about the cluster: what went wrong last, or else what keeps
    /// everybody from being asked.
    pub(super) fn cluster_obstacle(&self) -> Option<WaitReason> {
        let unasked = || self.everybodys_obstacle();
        self.metadata.last_obstacle.clone().or_else(unasked)
    }

    /// What keeps a broker from being asked, if there is none that could be.
    fn everybodys_obstacle(&self) -> Option<WaitReason> {
        let free = |node: &Node| node.obstacle(self.cx.now).is_none();
        let mut obstacles = self
            .nodes
            .values()
            .filter_map(|node| node.hindrance(self.cx.now));
        obstacles.next().filter(|_| !self.nodes.values().any(free))
    }

    /// What is in the way of the transaction: a batch that its end waits for, or its coordinator.
    pub(super) fn transaction_obstacle(&self) -> Option<WaitReason> {
        let awaited = self.transactions.iter().flat_map(Transactions::awaited);
        let mut awaited = awaited.filter(|key| self.lanes[**key as usize].has_batches());
        let batches = awaited.find_map(|&key| self.oldest_obstacle(key));
        batches.or_else(|| self.coordinator_obstacle())
    }

    /// What is in the way of the transaction's coordinator, of what it was asked, or of finding it.
    fn coordinator_obstacle(&self) -> Option<WaitReason> {
        let transactions = self.transactions.as_ref()?;
        let node = transactions
            .coordinator()
            .and_then(|id| self.nodes.get(&id));
        node.and_then(|node| node.hindrance(self.cx.now))
            .or_else(|| transactions.obstacle())
            .or_else(|| self.cluster_obstacle())
    }

    /// Why no memory has become free since then: what the batch that has been here longest waits for.
    /// That it was sent is a reason only if it was here then.
    pub(super) fn shortage(&mut self, since: Instant) -> Option<WaitReason> {
        let busy = self.take_stock().into_iter();
        let (created, key) = busy
            .filter_map(|key| Some((self.lanes[key as usize].oldest_created()?, key)))
            .min()?;
        let obstacle = self.oldest_obstacle(key)?;
        let moves = created > since && matches!(obstacle, WaitReason::Unanswered { .. });
        (!moves).then_some(obstacle)
    }

    /// What a lane's oldest batch waits for.
    fn oldest_obstacle(&self, key: LaneKey) -> Option<WaitReason> {
        let oldest = self.lanes[key as usize].slots.front();
        match oldest.map(|slot| slot.state) {
            Some(SlotState::InFlight) => Some(WaitReason::Unanswered { request: "Produce" }),
            _ => self.lane_obstacle(key),
        }
    }

    fn lane_obstacle(&self, key: LaneKey) -> Option<WaitReason> {
        let lane = &self.lanes[key as usize];
        let cluster = || self.cluster_obstacle().map(Arc::new);
        let Some(leader) = lane.leader.and_then(|leader| self.nodes.get(&leader)) else {
            return Some(WaitReason::NoLeader { why: cluster() });
        };
        if let Some(obstacle) = leader.obstacle(self.cx.now) {
            return Some(obstacle);
        }
        if let Some(transactions) = &self.transactions {
            if !transactions.is_told_of(key) {
                let why = self.coordinator_obstacle().map(Arc::new);
                return Some(WaitReason::Coordinator { why });
            }
        } else if self.cx.settings.guarantee == Guarantee::Idempotent
            && self.identity.producer().is_none()
        {
            let why = self.identity_obstacle.clone().map(Arc::new);
            let why = why.or_else(cluster);
            return Some(WaitReason::NoProducerId { why });
        }
        let code = lane.obstacle?;
        Some(match is_our_own(code) {
            true => WaitReason::Unanswered { request: "Produce" },
            false => WaitReason::Refused {
                request: "Produce",
                code,
                message: None,
            },
        })
    }
}

/// Whether a code is (also) our word for an answer that did not come.
pub(super) fn is_our_own(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NETWORK_EXCEPTION | ErrorCode::REQUEST_TIMED_OUT
    )
}
