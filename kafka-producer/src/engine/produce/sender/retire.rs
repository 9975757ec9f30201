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

use crate::engine::identity::ProducerId;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::sender::{Peers, Sender};
use crate::error::Cause;

impl Sender {
    /// Ends what waits in a lane whose partition is gone.
    pub(crate) fn end_gone(&mut self, p: &mut Peers<'_>, key: LaneKey, why: &Arc<str>) {
        self.lanes[key].end_gone(p.cx, &|| Cause::Refused {
            code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            message: Some(Arc::clone(why)),
        });
        self.retire(p, key);
    }

    /// Lets go of topics that nobody has written to for `metadata.max.idle.ms`; who writes to one
    /// again finds it unknown and asks.
    pub(crate) fn forget_idle_topics(&mut self, p: &mut Peers<'_>) {
        let Some(idle_since) = p.cx.now.checked_sub(p.cx.settings.metadata_max_idle) else {
            return;
        };
        let idle = p.metadata.idle_since(idle_since, |key| {
            let lane = &self.lanes[key];
            lane.is_idle_since(idle_since) && !self.sequence_counts(p, lane.producer())
        });
        if idle.is_empty() {
            return;
        }
        p.cx.metrics.forget_topics(&idle);
        for name in &idle {
            for key in p.metadata.forget_idle(p.cx, &self.lanes, name) {
                self.retire(p, key);
            }
        }
        p.metadata.publish(p.cx, &self.lanes, &idle);
        self.free_retired_lanes(p);
    }

    /// Whether what a lane's sequence has come to under this producer must not be forgotten.
    fn sequence_counts(&self, p: &Peers<'_>, producer: Option<ProducerId>) -> bool {
        p.transactions.are_enabled() && producer.is_some() && producer == self.identity.producer()
    }

    /// Frees the lanes out of use that nothing refers to any more: no request on its way, and no
    /// transaction.
    pub(crate) fn free_retired_lanes(&mut self, p: &Peers<'_>) {
        if !self.lanes.has_retired() {
            return;
        }
        let mut on_their_way: Vec<LaneKey> = p.nodes.lanes_in_flight().collect();
        on_their_way.sort_unstable();
        let current = self.identity.producer();
        let transactions = &*p.transactions;
        self.lanes.free_retired(|key, producer| {
            let sequence_counts =
                transactions.are_enabled() && producer.is_some() && producer == current;
            sequence_counts
                || on_their_way.binary_search(&key).is_ok()
                || transactions.refers_to(key)
        });
        p.cx.accumulator.release_dropped();
    }
}
