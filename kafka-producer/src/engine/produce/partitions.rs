//! The partitions of a topic as the engine knows them: who leads each, or which lane does the rest.
//!
//! ```text
//! Unused ──a queue of it rings──▶ InUse(lane)
//!    ▲                                │
//!    └──its queue was closed, idle────┘
//! ```
//!
//! A partition that nobody has written to costs its leader and a place for its queue. From the first
//! record on it has a lane, and the lane alone knows its leader. What becomes of lanes is decided
//! elsewhere.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::Queue;
use kafka_wire::Uuid;
use kafka_wire::messages::metadata::LeadersPartition;

use crate::engine::produce::lane::{Lane, LaneKey};
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::row::Row;
use crate::engine::{Engine, NodeId};

use crate::error::DeliveryError;

/// The partitions of a topic.
#[derive(Debug)]
pub(crate) struct Partitions {
    topic_id: Uuid,
    /// The same for all lanes of the topic, and for no others.
    number: u32,
    /// When it was last learnt how many there are.
    since: Instant,
    places: Vec<Place>,
    row: Row,
}

/// One partition.
#[derive(Clone, Copy, Debug)]
enum Place {
    Unused(Election),
    InUse(LaneKey),
}

/// Who leads a partition: there may be a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Election {
    /// A number that no broker has if there is none.
    leader: NodeId,
    /// Metadata of an older epoch is ignored (KIP-320).
    epoch: i32,
}

/// What an answer tells of the partitions of a topic.
#[derive(Debug)]
pub(crate) struct Elections {
    /// Of those in use: the leader, if it is known, and its epoch.
    pub(crate) in_use: Vec<(LaneKey, Option<NodeId>, i32)>,
    /// How many leaders of the others are new.
    pub(crate) learnt: u64,
    /// Whether each has a leader.
    pub(crate) all_led: bool,
}

impl Election {
    const NONE: Self = Self {
        leader: NodeId(-1),
        epoch: -1,
    };

    fn of(leader: Option<NodeId>, epoch: i32) -> Self {
        let leader = leader.unwrap_or(Self::NONE.leader);
        Self { leader, epoch }
    }

    fn leader(self) -> Option<NodeId> {
        Some(self.leader).filter(|leader| !leader.is_bootstrap())
    }

    /// Takes in what is told, unless what is known is newer; whether anybody was elected.
    fn take_in(&mut self, told: Self) -> bool {
        if (0..self.epoch).contains(&told.epoch) {
            return false;
        }
        let elected = told.epoch != self.epoch || (told.epoch < 0 && told.leader != self.leader);
        *self = told;
        elected
    }
}

impl Partitions {
    /// So many of a topic that is new.
    pub(crate) fn new(topic_id: Uuid, number: u32, partitions: usize, now: Instant) -> Self {
        Self {
            topic_id,
            number,
            since: now,
            places: vec![Place::Unused(Election::NONE); partitions],
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

    /// Where callers find the queues.
    pub(crate) fn row(&self) -> &Row {
        &self.row
    }

    /// The lanes of those that were written to.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = LaneKey> {
        let places = self.places.iter();
        places.filter_map(|place| match place {
            Place::InUse(key) => Some(*key),
            Place::Unused(_) => None,
        })
    }

    /// The epoch of the leader of each; -1 if that is not known.
    pub(crate) fn epochs(&self, lanes: &Lanes) -> impl Iterator<Item = i32> {
        let places = self.places.iter();
        places.map(|place| match place {
            Place::InUse(key) => lanes[*key as usize].leader_epoch,
            Place::Unused(election) => election.epoch,
        })
    }

    /// Those that have a leader, ascending.
    pub(crate) fn available(&self, lanes: &Lanes) -> impl Iterator<Item = i32> {
        let led = |place: &Place| match place {
            Place::InUse(key) => lanes[*key as usize].leader.is_some(),
            Place::Unused(election) => election.leader().is_some(),
        };
        let places = (0..).zip(&self.places);
        places.filter_map(move |(partition, place)| led(place).then_some(partition))
    }

    /// Takes in an answer; what it means for those in use is told, not done.
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
            let epoch = told.leader_epoch;
            match place {
                Place::InUse(key) => elections.in_use.push((*key, leader, epoch)),
                Place::Unused(election) => {
                    let elected = election.take_in(Election::of(leader, epoch));
                    elections.learnt += u64::from(elected);
                }
            }
        }
        elections
    }

    /// The topic has this id. If that is another topic of the same name, its leaders have epochs of
    /// their own.
    pub(crate) fn belong_to(&mut self, topic_id: Uuid) {
        if is_another(&mut self.topic_id, topic_id) {
            self.belong_to_another();
        }
    }

    /// The same, where it is not its id that tells.
    pub(crate) fn belong_to_another(&mut self) {
        for place in &mut self.places {
            if let Place::Unused(election) = place {
                election.epoch = Election::NONE.epoch;
            }
        }
    }

    /// No broker is known any more.
    pub(crate) fn forget_leaders(&mut self) {
        for place in &mut self.places {
            if let Place::Unused(election) = place {
                *election = Election::NONE;
            }
        }
    }

    /// There are so many from now on; of the queues only those of `kept` go on. The others are closed
    /// for whoever finds them where callers have looked so far.
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
                .resize(partitions, Place::Unused(Election::NONE));
        }
    }

    /// The lanes of the first so many, which are not theirs any more.
    pub(crate) fn leave_lanes(&mut self, partitions: usize, lanes: &Lanes) -> Vec<LaneKey> {
        let mut left = Vec::new();
        for place in self.places.iter_mut().take(partitions) {
            if let Place::InUse(key) = *place {
                let lane = &lanes[key as usize];
                *place = Place::Unused(Election::of(lane.leader, lane.leader_epoch));
                left.push(key);
            }
        }
        left
    }

    /// Makes the lane of a partition without one, if `queue` is where callers write to it.
    fn make_lane(
        &mut self,
        queue: &Arc<Queue<DeliveryError>>,
        lanes: &mut Lanes,
        now: Instant,
    ) -> Option<LaneKey> {
        let partition = usize::try_from(queue.partition()).ok()?;
        let place = self.places.get_mut(partition)?;
        let Place::Unused(election) = *place else {
            return None;
        };
        if !self.row.has(partition, queue) {
            return None;
        }
        let key = lanes.insert(|key| {
            queue.set_key(key);
            let mut lane = Lane::new(Arc::clone(queue), self.topic_id, self.number, now);
            lane.leader_epoch = election.epoch;
            lane
        })?;
        lanes.lead(key, election.leader());
        *place = Place::InUse(key);
        Some(key)
    }
}

impl Lane {
    /// What a request is sorted by: the partitions of a topic stand together.
    pub(crate) fn place_in_request(&self) -> (u32, i32) {
        (self.topic_number, self.partition)
    }

    /// The partition is this topic's, which may be another of the same name.
    pub(crate) fn belong_to(&mut self, topic_id: Uuid) {
        if is_another(&mut self.topic_id, topic_id) {
            self.belong_to_another();
        }
    }
}

/// Takes in what is told of a topic's id; whether it is another topic's. A broker that knows no ids
/// (before Kafka 2.8) says nothing of it, and an id where none was known before is that of the same.
fn is_another(known: &mut Uuid, told: Uuid) -> bool {
    if told == Uuid::ZERO {
        return false;
    }
    let before = std::mem::replace(known, told);
    before != Uuid::ZERO && before != told
}

impl Engine {
    /// The lane of a queue that has rung; made, if it is the first time. None has a queue that was
    /// closed before anything was written to it.
    pub(crate) fn lane_of(&mut self, queue: &Arc<Queue<DeliveryError>>) -> Option<LaneKey> {
        let key = queue.key();
        let lane = self.lanes.get(key);
        if lane.is_some_and(|lane| Arc::ptr_eq(&lane.queue, queue)) {
            return Some(key);
        }
        let interest = self.metadata.topics.get_mut(queue.topic())?;
        let partitions = interest.partitions.as_mut()?;
        partitions.make_lane(queue, &mut self.lanes, self.cx.now)
    }

    /// Makes the lanes of all that has records, also if it has not rung yet: whoever writes is
    /// perhaps just about to.
    pub(crate) fn make_missing_lanes(&mut self) {
        for queue in self.cx.accumulator.queues() {
            if !queue.is_empty() {
                self.lane_of(&queue);
            }
        }
    }
}
