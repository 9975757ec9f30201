//! The partitions of a topic as the engine knows them: who leads each, or which lane it has.
//!
//! ```text
//! Unused ──a queue of it rings──▶ InUse(lane)
//!    ▲                                │
//!    └──its queue was closed, idle────┘
//! ```
//!
//! A partition that was never written to needs only its leader and a place for its queue. From the first
//! record on it has a lane, and only the lane knows its leader. What happens to lanes is decided
//! elsewhere.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::Queue;
use kafka_wire::Uuid;
use kafka_wire::messages::metadata::LeadersPartition;

use crate::engine::cluster::election::{Election, News};
use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane::{Lane, Origin, is_another};
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::row::Row;

use crate::error::DeliveryError;

/// The partitions of a topic.
#[derive(Debug)]
pub(crate) struct Partitions {
    topic_id: Uuid,
    /// The same for all lanes of the topic, and for no others.
    number: u32,
    /// When their number last changed.
    since: Instant,
    places: Vec<Partition>,
    row: Row,
}

/// One partition.
#[derive(Clone, Copy, Debug)]
enum Partition {
    Unused(Election),
    InUse(LaneKey),
}

/// What an answer says of the leaders of a topic's partitions.
#[derive(Debug)]
pub(crate) struct Elections {
    /// The leaders of those in use.
    pub(crate) in_use: Vec<(LaneKey, Election)>,
    /// How many of the others have a new leader.
    pub(crate) learnt: usize,
    /// Whether each has a leader.
    pub(crate) all_led: bool,
}

impl Partitions {
    /// The partitions of a new topic.
    pub(crate) fn new(topic_id: Uuid, number: u32, partitions: usize, now: Instant) -> Self {
        Self {
            topic_id,
            number,
            since: now,
            places: vec![Partition::Unused(Election::NONE); partitions],
            row: Row::new(partitions),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// The row in which callers find the queues.
    pub(crate) fn row(&self) -> &Row {
        &self.row
    }

    /// The lane of one of them, if it was written to.
    pub(crate) fn lane(&self, index: usize) -> Option<LaneKey> {
        match self.places.get(index)? {
            Partition::InUse(key) => Some(*key),
            Partition::Unused(_) => None,
        }
    }

    /// The lanes of those that were written to.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = LaneKey> {
        let places = self.places.iter();
        places.filter_map(|place| match place {
            Partition::InUse(key) => Some(*key),
            Partition::Unused(_) => None,
        })
    }

    /// The epoch of the leader of each; -1 if that is not known.
    pub(crate) fn epochs(&self, lanes: &Lanes) -> impl Iterator<Item = i32> {
        let places = self.places.iter();
        places.map(|place| match place {
            Partition::InUse(key) => lanes[*key].leader_epoch(),
            Partition::Unused(election) => election.epoch(),
        })
    }

    /// Those that have a leader, ascending.
    pub(crate) fn available(&self, lanes: &Lanes) -> impl Iterator<Item = i32> {
        let led = |place: &Partition| match place {
            Partition::InUse(key) => lanes[*key].leader().is_some(),
            Partition::Unused(election) => election.leader().is_some(),
        };
        let places = (0..).zip(&self.places);
        places.filter_map(move |(partition, place)| led(place).then_some(partition))
    }

    /// The leader of each, if it has one, and the lane of those in use.
    pub(crate) fn with_leaders<'a>(
        &'a self,
        lanes: &'a Lanes,
    ) -> impl Iterator<Item = (Option<NodeId>, Option<&'a Lane>)> {
        let places = self.places.iter();
        places.map(|place| match place {
            Partition::InUse(key) => (lanes[*key].leader(), Some(&lanes[*key])),
            Partition::Unused(election) => (election.leader(), None),
        })
    }

    /// Applies an answer to the unused partitions, and returns what it says of those in use.
    pub(crate) fn take_in(
        &mut self,
        told: &[LeadersPartition],
        knows: impl Fn(NodeId) -> bool,
    ) -> Elections {
        let mut elections = Elections {
            in_use: Vec::new(),
            learnt: 0,
            all_led: true,
        };
        for told in told {
            let index = usize::try_from(told.partition_index).ok();
            let Some(place) = index.and_then(|index| self.places.get_mut(index)) else {
                continue;
            };
            let leader = NodeId(told.leader_id);
            let leader = Some(leader).filter(|leader| !leader.is_bootstrap() && knows(*leader));
            elections.all_led &= leader.is_some();
            let told = Election::of(leader, told.leader_epoch);
            match place {
                Partition::InUse(key) => elections.in_use.push((*key, told)),
                Partition::Unused(election) => {
                    let news = election.take_in(told);
                    elections.learnt += usize::from(news == News::Elected);
                }
            }
        }
        elections
    }

    /// The topic has this id. If it is another topic of the same name, the known epochs do not count for it.
    pub(crate) fn belong_to(&mut self, topic_id: Uuid) {
        if is_another(&mut self.topic_id, topic_id) {
            self.belong_to_another();
        }
    }

    /// It is another topic of the same name: the known epochs do not count for it.
    pub(crate) fn belong_to_another(&mut self) {
        for place in &mut self.places {
            if let Partition::Unused(election) = place {
                election.forget_epoch();
            }
        }
    }

    /// Forgets all leaders.
    pub(crate) fn forget_leaders(&mut self) {
        for place in &mut self.places {
            if let Partition::Unused(election) = place {
                *election = Election::NONE;
            }
        }
    }

    /// Replaces the row by one for this many partitions, which has the queues in `kept`. Callers that still
    /// use the old row find the others closed.
    pub(crate) fn replace_row(
        &mut self,
        kept: Range<usize>,
        partitions: usize,
        closed: &Arc<Queue<DeliveryError>>,
        now: Instant,
    ) {
        self.row = self.row.successor(kept, partitions, closed);
        if partitions != self.places.len() {
            self.since = now;
            self.places
                .reserve_exact(partitions.saturating_sub(self.places.len()));
            self.places
                .resize(partitions, Partition::Unused(Election::NONE));
        }
    }

    /// Marks the first partitions, up to this many, as unused, and returns their lanes.
    pub(crate) fn leave_lanes(&mut self, partitions: usize, lanes: &Lanes) -> Vec<LaneKey> {
        let mut left = Vec::new();
        for place in self.places.iter_mut().take(partitions) {
            if let Partition::InUse(key) = *place {
                *place = Partition::Unused(lanes[key].election());
                left.push(key);
            }
        }
        left
    }

    /// Makes the lane of a partition without one, if `queue` is where callers write to it.
    pub(crate) fn make_lane(
        &mut self,
        queue: &Arc<Queue<DeliveryError>>,
        lanes: &mut Lanes,
        now: Instant,
    ) -> Option<LaneKey> {
        let partition = usize::try_from(queue.partition()).ok()?;
        let place = self.places.get_mut(partition)?;
        let Partition::Unused(election) = *place else {
            return None;
        };
        if !self.row.has(partition, queue) {
            return None;
        }
        let origin = Origin {
            topic_id: self.topic_id,
            topic_number: self.number,
            election,
        };
        let key = lanes.insert(queue, origin, now)?;
        *place = Partition::InUse(key);
        Some(key)
    }
}
