//! When a topic's partitions are weighed anew: after so many batches, and when leaders have moved.
//!
//! It decides nothing about batches: it reads what others own, and leaves the weights with the topic
//! (`kafka-partition/src/weights.rs` has the rule). Weights are computed at the pace of batches, and only for
//! topics whose partitions are chosen by them.

use std::sync::Arc;

use crate::engine::cluster::metadata::Metadata;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::produce::lanes::Lanes;

impl Metadata {
    /// So many batches of a topic were sent: weighs its partitions, if that is enough.
    pub(crate) fn weigh_after(
        &mut self,
        cx: &Context,
        nodes: &Nodes,
        lanes: &Lanes,
        topic: &Arc<str>,
        sent: usize,
    ) {
        let Some(entry) = self.topics.get_mut(topic) else {
            return;
        };
        let partitions = entry.partitions().map_or(0, |known| known.len());
        // Records with a key go where their key leads, and a single partition has no other beside it.
        if partitions < 2 || !entry.sticky().is_used() {
            return;
        }
        let freshness = entry.freshness_mut();
        freshness.note(sent);
        if freshness.is_over(partitions, cx.now) {
            freshness.renew(cx.now);
            self.weigh(cx, nodes, lanes, topic);
        }
    }

    /// The leaders of these topics may stand elsewhere now.
    pub(super) fn weigh_by_racks(
        &mut self,
        cx: &Context,
        nodes: &Nodes,
        lanes: &Lanes,
        topics: &[Arc<str>],
    ) {
        if cx.settings.partitioning.own_rack.is_some() {
            for topic in topics {
                self.weigh(cx, nodes, lanes, topic);
            }
        }
    }

    /// Weighs the partitions of a topic now.
    pub(crate) fn weigh(&mut self, cx: &Context, nodes: &Nodes, lanes: &Lanes, topic: &Arc<str>) {
        let Some(entry) = self.topics.get(topic) else {
            return;
        };
        if let Some(partitions) = entry.partitions() {
            let weights = self.scales.weigh(cx, nodes, lanes, partitions);
            entry.sticky().exchange_weights(weights);
        }
    }
}
