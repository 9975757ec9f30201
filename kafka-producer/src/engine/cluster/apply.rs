//! What a metadata answer changes: brokers, topics, leaders, and with them the snapshot that
//! callers read.

use std::sync::Arc;

use kafka_wire::messages::metadata::{
    LeadersPartition, LeadersResponse, LeadersTopic, MetadataResponseBroker,
};
use kafka_wire::messages::produce::{NodeEndpoint, PartitionProduceResponse};
use kafka_wire::{ErrorCode, Uuid};

use crate::engine::cluster::in_flight::Sent;
use crate::engine::cluster::metadata::{Gain, TopicState, Word};
use crate::engine::cluster::node::Node;
use crate::engine::cluster::snapshot::{Change, Cluster, Topic};
use crate::engine::notice::Notice;
use crate::engine::produce::lane::{Attention, LaneKey, SlotState};
use crate::engine::produce::partitions::Partitions;
use crate::engine::produce::retire::Likeness;
use crate::engine::produce::row::closed_queue;
use crate::engine::timers::Timer;
use crate::engine::{Action, Engine, NodeId};

use crate::error::{SendError, WaitReason};
use crate::settings::Address;

impl Engine {
    /// Takes in an answer to a question about `asked`.
    pub(crate) fn absorb(&mut self, id: NodeId, asked: &[Arc<str>], answer: LeadersResponse) {
        self.throttle(id, answer.throttle_time_ms);
        if answer.error_code == ErrorCode::REBOOTSTRAP_REQUIRED {
            return self.rebootstrap_required();
        }
        if answer.brokers.is_empty() {
            self.metadata_unheard();
            self.metadata.last_obstacle = Some(WaitReason::NoBroker);
            return self.metadata_failed();
        }
        self.metadata.unheard_since = None;
        self.metadata.last_obstacle = None;
        let learnt = self.metadata.learnt;
        self.absorb_brokers(answer.brokers);
        let told = self.absorb_topics(answer.topics);
        self.publish(&told);
        for name in &told {
            if !self.metadata.serve_waiters(name, &mut self.cx.notices) {
                self.metadata.told(name, Word::Incomplete);
            }
        }
        let gained = if self.metadata.learnt > learnt {
            Gain::News
        } else if self.metadata.lacks_any(&told) || self.metadata.lacks_any(asked) {
            Gain::Gaps
        } else {
            Gain::Nothing
        };
        self.metadata
            .answered(gained, self.cx.now, &mut self.cx.random);
        self.free_retired_lanes();
    }

    /// Takes in what is told of topics that somebody writes to; their names.
    fn absorb_topics(&mut self, topics: Vec<LeadersTopic>) -> Vec<Arc<str>> {
        let mut told = Vec::with_capacity(topics.len().min(self.metadata.topics.len()));
        for topic in topics {
            let name = topic.name.as_deref();
            let known = name.and_then(|name| self.metadata.topics.get_key_value(name));
            if let Some((name, _)) = known {
                let name = Arc::clone(name);
                let word = self.absorb_topic(&name, topic);
                self.metadata.told(&name, word);
                told.push(name);
            }
        }
        told
    }

    fn absorb_brokers(&mut self, brokers: Vec<MetadataResponseBroker>) {
        let known: Vec<NodeId> = brokers
            .iter()
            .map(|broker| NodeId(broker.node_id))
            .collect();
        for broker in brokers {
            self.meet(NodeId(broker.node_id), broker.host, broker.port);
        }
        // Whoever left the cluster is forgotten once nothing is on its way there.
        let gone = self.nodes.values().filter(|node| {
            let gone = !node.id.is_bootstrap() && !known.contains(&node.id);
            gone && node.is_resting() && node.lanes.is_empty()
        });
        for id in gone.map(|node| node.id).collect::<Vec<NodeId>>() {
            self.forget_node(id);
        }
    }

    /// A broker is at this address.
    fn meet(&mut self, id: NodeId, host: String, port: i32) {
        let Ok(port @ 1..) = u16::try_from(port) else {
            return;
        };
        if id.is_bootstrap() || host.is_empty() {
            return;
        }
        let address = Address { host, port };
        match self.nodes.get(&id) {
            Some(node) if node.address == address => {}
            Some(_) => {
                self.cx.actions.push_back(Action::Drop(id));
                self.disconnected(id, "the broker has moved to another address");
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.address = address;
                }
            }
            None => self.make_known(id, address),
        }
    }

    pub(crate) fn make_known(&mut self, id: NodeId, address: Address) {
        let mut node = Node::new(id, address, self.cx.settings.reconnect_backoff);
        if let Some(left) = self.departed.remove(&id) {
            node.resume(left, self.cx.now);
        }
        if let Some(until) = node.silent_until() {
            self.cx.timers.arm(Timer::Node(id), until);
        }
        self.nodes.insert(id, node);
    }

    /// A broker is known no more. It may be met again: then it is left alone for as long as if it had
    /// been known all the time.
    pub(crate) fn forget_node(&mut self, id: NodeId) {
        let now = self.cx.now;
        self.departed.retain(|_, left| left.matters(now));
        if let Some(node) = self.nodes.remove(&id) {
            self.departed.insert(id, node.leave());
        }
    }

    /// Takes in one topic; whether that needs no further question.
    fn absorb_topic(&mut self, name: &Arc<str>, topic: LeadersTopic) -> Word {
        match topic.error_code {
            ErrorCode::NONE if !topic.partitions.is_empty() => {
                self.absorb_partitions(name, topic.topic_id, topic.partitions)
            }
            ErrorCode::NONE => Word::Incomplete,
            code if code.is_retriable() => {
                self.metadata.last_obstacle = Some(WaitReason::Refused {
                    request: "Metadata",
                    code,
                    message: None,
                });
                if code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
                    // Deleted: callers wait for the next of its name rather than write to none.
                    self.metadata.lose_sight(name);
                }
                Word::Incomplete
            }
            code => self.refuse_topic(name, code),
        }
    }

    fn absorb_partitions(
        &mut self,
        name: &Arc<str>,
        topic_id: Uuid,
        partitions: Vec<LeadersPartition>,
    ) -> Word {
        match self.likeness(name, topic_id, &partitions) {
            Likeness::Same => {}
            Likeness::Doubtful => return Word::Incomplete,
            Likeness::MadeAnew => self.make_anew(name, partitions.len()),
        }
        self.know_partitions(name, topic_id, partitions.len());
        let Some(interest) = self.metadata.topics.get_mut(name) else {
            return Word::Complete;
        };
        if !interest.is_known() {
            interest.state = TopicState::Known;
            self.metadata.learnt += 1;
        }
        let Some(known) = &mut interest.partitions else {
            return Word::Complete;
        };
        known.belong_to(topic_id);
        for key in known.lanes() {
            self.lanes[key as usize].belong_to(topic_id);
        }
        let nodes = &self.nodes;
        let elections = known.take_in(&partitions, |id| nodes.contains_key(&id));
        self.metadata.learnt += elections.learnt;
        let mut all_led = elections.all_led;
        for (key, leader, epoch) in elections.in_use {
            self.assign(key, leader, epoch);
            // What was told may be of before.
            let leader = self.lanes[key as usize].leader;
            all_led &= leader.is_some_and(|leader| self.nodes.contains_key(&leader));
        }
        Word::of(all_led)
    }

    /// A topic has at least so many partitions.
    fn know_partitions(&mut self, name: &Arc<str>, topic_id: Uuid, partitions: usize) {
        let Some(interest) = self.metadata.topics.get_mut(name) else {
            return;
        };
        match &mut interest.partitions {
            Some(known) if known.len() < partitions => {
                let closed = closed_queue(&self.cx.accumulator, name);
                known.replace_row(0..known.len(), partitions, &closed, self.cx.now);
            }
            Some(_) => {}
            None => {
                let number = self.lanes.number_topic();
                let new = Partitions::new(topic_id, number, partitions, self.cx.now);
                interest.partitions = Some(new);
            }
        }
    }

    /// Gives a lane its leader, unless what is known is newer (KIP-320).
    fn assign(&mut self, key: LaneKey, leader: Option<NodeId>, epoch: i32) {
        let lane = &mut self.lanes[key as usize];
        if epoch >= 0 && epoch < lane.leader_epoch || lane.attention == Attention::Retired {
            return;
        }
        let elected = epoch != lane.leader_epoch;
        lane.leader_epoch = epoch;
        let waits_for_it = lane.attention == Attention::Orphaned && leader.is_some();
        if lane.leader == leader && !elected && !waits_for_it {
            return;
        }
        if elected || (epoch < 0 && lane.leader != leader) {
            self.metadata.learnt += 1;
        }
        self.lanes.lead(key, leader);
        let lane = &mut self.lanes[key as usize];
        // What was to go to the old leader may go to the new one at once (KIP-951), also if the old
        // one was elected again.
        for slot in &mut lane.slots {
            if let SlotState::Waiting { until } = &mut slot.state {
                *until = self.cx.now.min(*until);
            }
        }
        let attention = std::mem::replace(&mut lane.attention, Attention::Idle);
        if let Attention::Listed(old) = attention
            && let Some(old) = self.nodes.get_mut(&old)
        {
            old.lanes.retain(|&listed| listed != key);
        }
        if attention != Attention::Idle || !self.lanes[key as usize].slots.is_empty() {
            self.list(key);
        }
    }

    /// The answer may name leaders that no metadata has told of yet (KIP-951).
    pub(crate) fn meet_leaders(&mut self, endpoints: &[NodeEndpoint]) {
        for endpoint in endpoints {
            let id = NodeId(endpoint.node_id);
            // Of the others metadata tells; to leave one for a word about another would be rash.
            if !self.nodes.contains_key(&id) {
                self.meet(id, endpoint.host.clone(), endpoint.port);
            }
        }
    }

    /// A refused batch may come with the name of the new leader (KIP-951), but not of another topic's:
    /// its epochs would outrank those of a topic made anew.
    pub(crate) fn follow_leader(&mut self, sent: Sent, answer: &PartitionProduceResponse) {
        let Sent { lane: key, serial } = sent;
        let lane = &self.lanes[key as usize];
        let leader = &answer.current_leader;
        if leader.leader_id >= 0
            && leader.leader_epoch > lane.leader_epoch
            && !lane.is_of_earlier_topic(serial)
            && self.nodes.contains_key(&NodeId(leader.leader_id))
        {
            self.assign(key, Some(NodeId(leader.leader_id)), leader.leader_epoch);
        }
    }

    /// The cluster will not let us write to this topic.
    fn refuse_topic(&mut self, name: &Arc<str>, code: ErrorCode) -> Word {
        let Some(interest) = self.metadata.topics.get_mut(name) else {
            return Word::Complete;
        };
        interest.state = TopicState::Unknown;
        for waiter in interest.waiters.drain(..) {
            let topic = Arc::clone(name);
            let refused = Err(SendError::TopicRefused { topic, code });
            self.cx.notices.push(Notice::answer(waiter.reply, refused));
        }
        if interest.partitions.is_some() {
            return Word::Incomplete;
        }
        self.metadata.forget(name, self.cx.now);
        Word::Complete
    }

    /// Hangs a new snapshot over the desk, if anything that callers see has changed of these topics.
    pub(crate) fn publish(&self, told: &[Arc<str>]) {
        let cluster = self.cx.desk.cluster();
        let changes = told
            .iter()
            .filter_map(|name| self.change_of(name, &cluster));
        let changes: Vec<Change> = changes.collect();
        if !changes.is_empty() {
            self.cx.desk.publish(cluster.with(changes));
        }
    }

    fn change_of(&self, name: &Arc<str>, cluster: &Cluster) -> Option<Change> {
        let published = cluster.topic(name);
        let interest = self.metadata.topics.get(name);
        let Some(interest) = interest.filter(|interest| interest.is_known()) else {
            return published.map(|_| Change::Gone(Arc::clone(name)));
        };
        let partitions = interest.partitions.as_ref()?;
        let mut available = Vec::with_capacity(partitions.len());
        available.extend(partitions.available(&self.lanes));
        let is_same =
            |topic: &Arc<Topic>| topic.row.is(partitions.row()) && topic.available == available;
        if published.is_some_and(is_same) {
            return None;
        }
        Some(Change::Is(Arc::new(Topic {
            name: Arc::clone(name),
            row: partitions.row().clone(),
            accumulator: Arc::clone(&self.cx.accumulator),
            available,
            sticky: Arc::clone(&interest.sticky),
        })))
    }
}
