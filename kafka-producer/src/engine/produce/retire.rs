//! What metadata takes away: partitions of a topic that was made anew, and topics that nobody writes
//! to.
//!
//! A topic's id tells it from the one of that name before it (KIP-516). Where there are no ids, a topic
//! that seems to have begun anew (fewer partitions, or leader epochs that are behind) may be told of by
//! a broker that lags; only if a leader has turned a batch away meanwhile, and several answers in a row
//! agree, is it believed.
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

use kafka_accumulator::Queue;
use kafka_wire::messages::metadata::LeadersPartition;
use kafka_wire::{ErrorCode, Uuid};

use crate::engine::Engine;
use crate::engine::cluster::in_flight::InFlight;
use crate::engine::cluster::node::Node;
use crate::engine::produce::lane::{Attention, Lane, LaneKey, Numbering};
use crate::engine::produce::row::{NO_LANE, closed_queue};
use crate::engine::produce::verdict::Ambiguity;
use crate::error::{Cause, DeliveryError};

/// Whether metadata tells of the topic that is known under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    Same,
    /// It may be another; the next answer may tell.
    Doubtful,
    MadeAnew,
}

impl Engine {
    /// Compares what is told of a topic with what is known.
    pub(crate) fn likeness(
        &mut self,
        name: &Arc<str>,
        topic_id: Uuid,
        told: &[LeadersPartition],
    ) -> Likeness {
        let Some(interest) = self.metadata.topics.get_mut(name) else {
            return Likeness::Same;
        };
        let Some(partitions) = &interest.partitions else {
            return Likeness::Same;
        };
        let known = partitions.topic_id();
        if known != Uuid::ZERO && topic_id != Uuid::ZERO {
            return match known == topic_id {
                true => Likeness::Same,
                false => Likeness::MadeAnew,
            };
        }
        let turned_away = |key: LaneKey| {
            let obstacle = self.lanes[key as usize].obstacle;
            obstacle.is_some_and(ErrorCode::invalidates_metadata)
        };
        let behind =
            |(epoch, told): (i32, &LeadersPartition)| (0..epoch).contains(&told.leader_epoch);
        let fewer = told.len() < partitions.len();
        let seems_new = fewer || partitions.epochs(&self.lanes).zip(told).any(behind);
        if !seems_new || !partitions.lanes().any(turned_away) {
            interest.doubts = 0;
            return Likeness::Same;
        }
        interest.doubts += 1;
        if interest.doubts < DOUBTS {
            return Likeness::Doubtful;
        }
        interest.doubts = 0;
        Likeness::MadeAnew
    }

    /// Another topic has this name now, and so many partitions.
    pub(crate) fn make_anew(&mut self, name: &Arc<str>, partitions: usize) {
        let Some(interest) = self.metadata.topics.get_mut(name) else {
            return;
        };
        let Some(known) = &mut interest.partitions else {
            return;
        };
        let closed = closed_queue(&self.cx.accumulator, name);
        let kept = partitions.min(known.len());
        let gone = known.row().close_unused(kept..known.len(), &closed);
        // Before the first of their records is told: who sends another then must find all of them closed.
        gone.iter().for_each(Queue::close);
        let gone = gone
            .iter()
            .filter(|queue| queue.key() != NO_LANE || !queue.is_empty());
        let gone: Vec<LaneKey> = gone.filter_map(|queue| self.lane_of(queue)).collect();
        self.keep_partitions(name, kept, &closed);
        let message: Arc<str> =
            format!("the topic was made anew with {partitions} partition(s)").into();
        for key in gone {
            self.end_gone(key, &message);
        }
    }

    /// The first so many partitions of a topic go on as those of another.
    fn keep_partitions(
        &mut self,
        name: &Arc<str>,
        kept: usize,
        closed: &Arc<Queue<DeliveryError>>,
    ) {
        let interest = self.metadata.topics.get_mut(name);
        let Some(known) = interest.and_then(|interest| interest.partitions.as_mut()) else {
            return;
        };
        if kept < known.len() {
            known.replace_row(0..kept, kept, closed, self.cx.now);
        }
        known.belong_to_another();
        for key in known.lanes() {
            self.lanes[key as usize].belong_to_another();
        }
    }

    fn end_gone(&mut self, key: LaneKey, message: &Arc<str>) {
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
        if !self.transactions.are_enabled()
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
        let topics = self.metadata.topics.iter();
        let idle = topics.filter(|(_, interest)| {
            interest.waiters.is_empty()
                && interest.partitions.as_ref().is_some_and(|known| {
                    known.since() <= idle_since
                        && known.lanes().all(|key| {
                            let lane = &self.lanes[key as usize];
                            lane.is_idle_since(idle_since) && self.may_forget(lane)
                        })
                })
        });
        let idle: Vec<Arc<str>> = idle.map(|(name, _)| Arc::clone(name)).collect();
        if idle.is_empty() {
            return;
        }
        for name in &idle {
            self.forget_topic(name);
        }
        self.publish(&idle);
        self.free_retired_lanes();
    }

    /// Whether nothing depends on what its sequence has come to.
    fn may_forget(&self, lane: &Lane) -> bool {
        !self.transactions.are_enabled() || !lane.is_numbered_by(self.identity.producer())
    }

    fn forget_topic(&mut self, name: &Arc<str>) {
        let interest = self.metadata.topics.get_mut(name);
        let Some(known) = interest.and_then(|interest| interest.partitions.as_mut()) else {
            return;
        };
        let closed = closed_queue(&self.cx.accumulator, name);
        let idle = known.row().close_idle(&closed);
        let left = known.leave_lanes(idle, &self.lanes);
        if idle == known.len() {
            self.metadata.forget(name, self.cx.now);
        } else {
            // Somebody has just written to one: those that are closed are replaced.
            known.replace_row(idle..known.len(), known.len(), &closed, self.cx.now);
        }
        for key in left {
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
        let asked = nodes.values_mut().filter_map(Node::in_flight);
        let mut on_their_way: Vec<LaneKey> =
            asked.flat_map(|asked| InFlight::lanes(asked)).collect();
        on_their_way.sort_unstable();
        let producer = identity.producer();
        lanes.free_retired(|key, lane| {
            let sequence_counts = transactions.are_enabled() && lane.is_numbered_by(producer);
            sequence_counts
                || on_their_way.binary_search(&key).is_ok()
                || transactions.refers_to(key)
        });
        self.cx.accumulator.release_dropped();
    }
}

/// So many answers in a row must agree that a topic without an id was made anew.
const DOUBTS: u32 = 3;
