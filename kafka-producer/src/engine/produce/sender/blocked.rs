//! What is in the way: why a lane's batches are not sent.
//!
//! Each broker remembers what was wrong with it last (`cluster`); the rest follows from what is known now.
//! It is told to people; nothing is decided here.

use std::sync::Arc;
use std::time::Instant;

use crate::engine::produce::lane::failure::is_our_own;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::sender::{Peers, Sender};
use crate::error::WaitReason;
use crate::settings::Guarantee;

impl Sender {
    /// Why no memory has become free since then: what the batch that has been here longest waits for.
    /// That it was sent is a reason only if it was here then.
    pub(crate) fn shortage(&mut self, p: &mut Peers<'_>, since: Instant) -> Option<WaitReason> {
        let busy = self.take_stock(p).into_iter();
        let (created, key) = busy
            .filter_map(|key| Some((self.lanes[key].oldest_created()?, key)))
            .min()?;
        let obstacle = self.oldest_obstacle(p, key)?;
        let moves = created > since && matches!(obstacle, WaitReason::Unanswered { .. });
        (!moves).then_some(obstacle)
    }

    /// What the first of these lanes that has batches waits for.
    fn first_obstacle(&self, p: &Peers<'_>, keys: &[LaneKey]) -> Option<WaitReason> {
        let mut busy = keys.iter().filter(|key| self.lanes[**key].has_batches());
        busy.find_map(|&key| self.oldest_obstacle(p, key))
    }

    /// What is in the way of the transaction: a batch that its end waits for, or its coordinator.
    pub(crate) fn transaction_obstacle(&self, p: &Peers<'_>) -> Option<WaitReason> {
        let batches = self.first_obstacle(p, p.transactions.awaited());
        batches.or_else(|| coordinator_obstacle(p))
    }

    /// What a lane's oldest batch waits for.
    fn oldest_obstacle(&self, p: &Peers<'_>, key: LaneKey) -> Option<WaitReason> {
        match self.lanes[key].is_unanswered() {
            true => Some(WaitReason::Unanswered { request: "Produce" }),
            false => self.lane_obstacle(p, key),
        }
    }

    /// What keeps a lane's batches from being sent, or else what their last attempt ended with.
    pub(super) fn lane_obstacle(&self, p: &Peers<'_>, key: LaneKey) -> Option<WaitReason> {
        let obstacle = self.standing_obstacle(p, key);
        obstacle.or_else(|| {
            let code = self.lanes[key].last_refusal()?;
            Some(match is_our_own(code) {
                true => WaitReason::Unanswered { request: "Produce" },
                false => WaitReason::refused("Produce", code),
            })
        })
    }

    /// What keeps every batch of a lane from being sent.
    pub(super) fn standing_obstacle(&self, p: &Peers<'_>, key: LaneKey) -> Option<WaitReason> {
        let lane = &self.lanes[key];
        let cluster = || cluster_obstacle(p).map(Arc::new);
        let Some(leader) = lane.leader().filter(|leader| p.nodes.knows(*leader)) else {
            return Some(WaitReason::NoLeader { why: cluster() });
        };
        if let Some(obstacle) = p.nodes.obstacle(p.cx.now, leader) {
            return Some(obstacle);
        }
        if !p.transactions.is_told_of(key) {
            let why = coordinator_obstacle(p).map(Arc::new);
            return Some(WaitReason::Coordinator { why });
        }
        if p.cx.settings.guarantee == Guarantee::Idempotent && self.identity.producer().is_none() {
            let why = self.identity_refusal.clone().map(Arc::new);
            let why = why.or_else(cluster);
            return Some(WaitReason::NoProducerId { why });
        }
        None
    }
}

/// What is in the way of learning about the cluster: that no server can be reached; or what went wrong last, or
/// else what keeps everybody from being asked.
pub(crate) fn cluster_obstacle(p: &Peers<'_>) -> Option<WaitReason> {
    let no_server = p.nodes.no_server(p.cx.now);
    let last = || p.metadata.obstacle().cloned();
    let unasked = || p.nodes.everybodys_obstacle(p.cx.now);
    no_server.or_else(last).or_else(unasked)
}

/// What is in the way of the transaction's coordinator, of what it was asked, or of finding it.
fn coordinator_obstacle(p: &Peers<'_>) -> Option<WaitReason> {
    let coordinator = p.transactions.coordinator();
    let node = coordinator.and_then(|id| p.nodes.known_obstacle(p.cx.now, id));
    node.or_else(|| p.transactions.obstacle())
        .or_else(|| cluster_obstacle(p))
}
