//! What threads that choose partitions are told of a topic's queues, leaders and racks.
//!
//! It reads what others own and decides nothing about batches; `kafka-partition/src/weights.rs` has the rule.

use std::time::Duration;

use kafka_partition::{Leader, Load, Weights};

use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::partitions::Partitions;
use crate::settings::{Adaptive, Partitioning};

/// Kept to be filled again.
#[derive(Debug, Default)]
pub(super) struct Scales {
    loads: Vec<Load>,
    stalled: Vec<NodeId>,
    weights: Weights,
}

impl Scales {
    /// Weighs the partitions of a topic; the weights are the caller's to take, and to leave others for the
    /// next time.
    pub(super) fn weigh(
        &mut self,
        cx: &Context,
        nodes: &Nodes,
        lanes: &Lanes,
        partitions: &Partitions,
    ) -> &mut Weights {
        let Partitioning { adaptive, own_rack } = &cx.settings.partitioning;
        self.loads.clear();
        let leaders = partitions.with_leaders(lanes).map(|(leader, _)| leader);
        let loads = leaders.map(|leader| nodes.load_of(leader, own_rack.as_deref()));
        self.loads.extend(loads);
        if let Adaptive::On {
            availability_timeout,
        } = *adaptive
        {
            self.count_queues(lanes, partitions);
            if let Some(timeout) = availability_timeout {
                self.note_stalled(cx, nodes, lanes, partitions, timeout);
            }
        }
        self.weights.weigh(&self.loads);
        &mut self.weights
    }

    fn count_queues(&mut self, lanes: &Lanes, partitions: &Partitions) {
        let lanes = partitions.with_leaders(lanes).map(|(_, lane)| lane);
        for (load, lane) in self.loads.iter_mut().zip(lanes) {
            load.queued = lane.map_or(0, |lane| u32::try_from(lane.queued()).unwrap_or(u32::MAX));
        }
    }

    /// Of a broker that takes nothing, all partitions are unavailable, also those that nothing waits for
    /// yet.
    fn note_stalled(
        &mut self,
        cx: &Context,
        nodes: &Nodes,
        lanes: &Lanes,
        partitions: &Partitions,
        timeout: Duration,
    ) {
        let linger = cx.settings.accumulator.linger;
        self.stalled.clear();
        for (leader, lane) in partitions.with_leaders(lanes) {
            if let (Some(leader), Some(lane)) = (leader, lane)
                && let Some(since) = lane.waits_since(linger)
                && nodes.has_stalled(leader, since, timeout, cx.now)
                && !self.stalled.contains(&leader)
            {
                self.stalled.push(leader);
            }
        }
        let leaders = partitions.with_leaders(lanes).map(|(leader, _)| leader);
        for (load, leader) in self.loads.iter_mut().zip(leaders) {
            if leader.is_some_and(|leader| self.stalled.contains(&leader)) {
                load.leader = Leader::Unavailable;
            }
        }
    }
}
