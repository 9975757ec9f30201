//! What metadata takes away: partitions of a topic that was made anew, and topics that nobody writes
//! to.
//!
//! Records for a partition that is gone end at once: nobody will take them. What is here of a topic
//! without records for `metadata.max.idle.ms` is freed.
//!
//! Brokers may remember what was sent to a partition whose lane is gone, sequence numbers and all. So
//! an idempotent producer goes on under the next epoch, in which every partition begins at 0, whether
//! its leader remembers us or not; or under another id, if a request of it may still arrive there. That
//! takes no memory for what is forgotten, and costs the other partitions a round trip. The epochs of a
//! transactional producer are its coordinator's to give; until it has, such a lane stays.

use std::sync::Arc;

use kafka_wire::ErrorCode;

use crate::engine::Engine;
use crate::engine::produce::lane::{Attention, Lane, LaneKey, Numbering};
use crate::engine::produce::verdict::Ambiguity;
use crate::engine::transaction::Transactions;
use crate::error::Cause;

impl Engine {
    /// Ends what waits in a lane whose partition is gone.
    pub(crate) fn end_gone(&mut self, key: LaneKey, message: &Arc<str>) {
        self.give_up_lane(key, || Cause::Refused {
            code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            message: Some(Arc::clone(message)),
        });
        let lane = &mut self.lanes[key as usize];
        lane.break_sequence(u64::MAX, Ambiguity::Possible);
        self.retire(key);
    }

    /// Takes a lane without batches out of use.
    fn retire(&mut self, key: LaneKey) {
        let lane = &self.lanes[key as usize];
        if let Attention::Listed(node) = lane.attention
            && let Some(node) = self.nodes.get_mut(&node)
        {
            node.lanes.retain(|&listed| listed != key);
        }
        if self.transactions.is_none()
            && let Numbering::Running { producer, .. } | Numbering::Broken { producer, .. } =
                lane.numbering
        {
            match lane.has_stray(producer, &self.expiration.memory()) {
                true => self.identity.leave_id(producer.id, self.cx.now),
                false => self.identity.leave(producer, self.cx.now),
            }
        }
        self.lingering.remove(&key);
        self.lanes.retire(key);
    }

    /// Lets go of topics that nobody has written to for `metadata.max.idle.ms`; who writes to one
    /// again finds it unknown and asks.
    pub(crate) fn forget_idle_topics(&mut self) {
        let Some(idle_since) = self.cx.now.checked_sub(self.cx.settings.metadata_max_idle) else {
            return;
        };
        let idle = self.metadata.idle_since(idle_since, |key| {
            let lane = &self.lanes[key as usize];
            lane.is_idle_since(idle_since) && self.may_forget(lane)
        });
        if idle.is_empty() {
            return;
        }
        for name in &idle {
            self.forget_topic(name);
        }
        self.metadata.publish(&self.cx, &self.lanes, &idle);
        self.free_retired_lanes();
    }

    /// Whether nothing depends on what its sequence has come to.
    fn may_forget(&self, lane: &Lane) -> bool {
        self.transactions.is_none() || !lane.is_numbered_by(self.identity.producer())
    }

    fn forget_topic(&mut self, name: &Arc<str>) {
        for key in self.metadata.forget_idle(&self.cx, &self.lanes, name) {
            self.retire(key);
        }
    }

    /// Frees the lanes out of use that nothing refers to any more: no request on its way, and no
    /// transaction.
    pub(crate) fn free_retired_lanes(&mut self) {
        if !self.lanes.has_retired() {
            return;
        }
        let Self {
            nodes,
            lanes,
            identity,
            transactions,
            ..
        } = self;
        let mut on_their_way: Vec<LaneKey> = nodes.lanes_in_flight().collect();
        on_their_way.sort_unstable();
        let producer = identity.producer();
        lanes.free_retired(|key, lane| {
            let sequence_counts = transactions.is_some() && lane.is_numbered_by(producer);
            let transaction = transactions.as_ref();
            sequence_counts
                || on_their_way.binary_search(&key).is_ok()
                || transaction.is_some_and(|transaction| Transactions::refers_to(transaction, key))
        });
        self.cx.accumulator.release_dropped();
    }
}
