//! What a metadata answer changes: brokers, topics, leaders, and with them the snapshot that
//! callers read.

use std::sync::Arc;

use kafka_wire::messages::metadata::{
    LeadersPartition, LeadersResponse, LeadersTopic, MetadataResponseBroker,
};
use kafka_wire::messages::produce::{NodeEndpoint, PartitionProduceResponse};
use kafka_wire::{ErrorCode, Uuid};

use super::cluster::{Cluster, Topic};
use super::in_flight::Sent;
use super::lane::{Attention, Lane, LaneKey, SlotState};
use super::metadata::{Interest, Refresh, TopicState};
use super::node::{Link, Node};
use super::notice::Notice;
use super::timers::Timer;
use super::{Engine, NodeId, backoff};
use crate::error::SendError;
use crate::settings::Address;

impl Engine {
    /// Takes in an answer to a question about `asked`.
    pub(super) fn absorb(&mut self, id: NodeId, asked: &[Arc<str>], answer: LeadersResponse) {
        self.throttle(id, answer.throttle_time_ms);
        let again = matches!(self.metadata.refresh, Refresh::Asked { again: true, .. });
        self.metadata.refresh = Refresh::Fresh;
        self.metadata.fetched = Some(self.now);
        if answer.error_code == ErrorCode::REBOOTSTRAP_REQUIRED {
            return self.rebootstrap_required();
        }
        if answer.brokers.is_empty() {
            self.metadata_unheard();
            self.metadata.last_obstacle = Some("the cluster knows of no broker".into());
            return self.metadata_failed();
        }
        self.metadata.unheard_since = None;
        self.absorb_brokers(answer.brokers);
        let mut complete = true;
        for topic in answer.topics {
            complete &= self.absorb_topic(topic);
        }
        complete &= asked.iter().all(|name| {
            self.metadata
                .topics
                .get(name)
                .is_none_or(Interest::is_known)
        });
        self.count_led();
        self.publish();
        self.answer_waiters();
        if complete {
            self.metadata.failures = 0;
        } else {
            self.metadata_failed();
        }
        // Topics that somebody began to write to while the answer was on its way.
        if again
            && self
                .metadata
                .topics
                .keys()
                .any(|name| !asked.contains(name))
        {
            self.metadata.want(self.now);
        } else if again {
            let pause = backoff::delay(self.settings.retry_backoff, 1, &mut self.random);
            self.metadata.want(self.now + pause);
        }
        self.timers
            .arm(Timer::Metadata, self.now + self.settings.metadata_max_age);
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
        self.nodes.retain(|id, node| {
            let gone = !id.is_bootstrap() && !known.contains(id);
            !(gone && matches!(node.link, Link::Resting { .. }) && node.lanes.is_empty())
        });
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
                self.lose(id, "the broker has moved to another address");
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.address = address;
                    node.failures = 0;
                    node.link = Link::Resting { until: None };
                }
            }
            None => {
                self.nodes.insert(id, Node::new(id, address));
            }
        }
    }

    /// Takes in one topic; whether it needs no further question.
    fn absorb_topic(&mut self, topic: LeadersTopic) -> bool {
        let Some(name) = topic.name.as_deref() else {
            return true;
        };
        let Some((name, interest)) = self.metadata.topics.get_key_value(name) else {
            return true;
        };
        let (name, known) = (Arc::clone(name), !interest.lanes.is_empty());
        match topic.error_code {
            ErrorCode::NONE if !topic.partitions.is_empty() => {
                self.absorb_partitions(&name, topic.topic_id, topic.partitions)
            }
            ErrorCode::NONE => false,
            code if code.is_retriable() => {
                self.metadata.last_obstacle = Some(code.to_string().into());
                false
            }
            code => {
                self.refuse_topic(&name, code);
                known
            }
        }
    }

    fn absorb_partitions(
        &mut self,
        name: &Arc<str>,
        topic_id: Uuid,
        partitions: Vec<LeadersPartition>,
    ) -> bool {
        self.make_lanes(name, partitions.len());
        let Some(interest) = self.metadata.topics.get_mut(name) else {
            return true;
        };
        interest.state = TopicState::Known;
        let lanes = interest.lanes.clone();
        let mut led = true;
        for partition in partitions {
            let index = usize::try_from(partition.partition_index).ok();
            let Some(&key) = index.and_then(|index| lanes.get(index)) else {
                continue;
            };
            self.lanes[key as usize].belong_to(topic_id);
            let leader = NodeId(partition.leader_id);
            let known = !leader.is_bootstrap() && self.nodes.contains_key(&leader);
            let leader = known.then_some(leader);
            led &= leader.is_some();
            self.assign(key, leader, partition.leader_epoch);
        }
        led
    }

    fn make_lanes(&mut self, name: &Arc<str>, partitions: usize) {
        let Some(interest) = self.metadata.topics.get_mut(name) else {
            return;
        };
        let more = partitions.saturating_sub(interest.lanes.len());
        interest.lanes.reserve_exact(more);
        if more > self.lanes.len() {
            // A doubling would leave as much again unused.
            self.lanes.reserve_exact(more);
        }
        for partition in interest.lanes.len()..partitions {
            let (Ok(key), Ok(partition)) = (
                LaneKey::try_from(self.lanes.len()),
                i32::try_from(partition),
            ) else {
                return;
            };
            let queue = self.accumulator.queue(Arc::clone(name), partition, key);
            self.lanes
                .push(Lane::new(Arc::clone(name), queue, self.now));
            interest.lanes.push(key);
        }
    }

    /// Gives a lane its leader, unless what is known is newer (KIP-320).
    fn assign(&mut self, key: LaneKey, leader: Option<NodeId>, epoch: i32) {
        let lane = &mut self.lanes[key as usize];
        if epoch >= 0 && epoch < lane.leader_epoch {
            return;
        }
        let elected = epoch != lane.leader_epoch;
        lane.leader_epoch = epoch;
        let waits_for_it = lane.attention == Attention::Orphaned && leader.is_some();
        if lane.leader == leader && !elected && !waits_for_it {
            return;
        }
        lane.leader = leader;
        // What was to go to the old leader may go to the new one at once (KIP-951), also if the old
        // one was elected again.
        for slot in &mut lane.slots {
            if let SlotState::Waiting { until } = &mut slot.state {
                *until = self.now.min(*until);
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
    pub(super) fn meet_leaders(&mut self, endpoints: &[NodeEndpoint]) {
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
    pub(super) fn follow_leader(&mut self, sent: Sent, answer: &PartitionProduceResponse) {
        let Sent { lane: key, serial } = sent;
        let lane = &self.lanes[key as usize];
        let leader = &answer.current_leader;
        if leader.leader_id >= 0
            && leader.leader_epoch > lane.leader_epoch
            && !lane.is_of_earlier_topic(serial)
            && self.nodes.contains_key(&NodeId(leader.leader_id))
        {
            self.assign(key, Some(NodeId(leader.leader_id)), leader.leader_epoch);
            self.count_led();
        }
    }

    /// Tells each broker how many lanes it leads.
    fn count_led(&mut self) {
        let Self { nodes, lanes, .. } = self;
        nodes.values_mut().for_each(|node| node.led = 0);
        for leader in lanes.iter().filter_map(|lane| lane.leader) {
            if let Some(node) = nodes.get_mut(&leader) {
                node.led += 1;
            }
        }
    }

    /// The cluster will not let us write to this topic.
    fn refuse_topic(&mut self, name: &Arc<str>, code: ErrorCode) {
        let Some(interest) = self.metadata.topics.get_mut(name) else {
            return;
        };
        interest.state = TopicState::Unknown;
        for waiter in interest.waiters.drain(..) {
            let topic = Arc::clone(name);
            let refused = Err(SendError::TopicRefused { topic, code });
            self.notices.push(Notice::answer(waiter.reply, refused));
        }
        if interest.lanes.is_empty() {
            self.metadata.topics.remove(name);
        }
    }

    /// Takes topics out of the snapshot that nobody has written to for `metadata.max.idle.ms`; who
    /// writes to one again finds it unknown and asks.
    pub(super) fn forget_idle_topics(&mut self) {
        let Some(idle_since) = self.now.checked_sub(self.settings.metadata_max_idle) else {
            return;
        };
        let Self {
            metadata, lanes, ..
        } = self;
        let mut forgotten = 0;
        for interest in metadata
            .topics
            .values_mut()
            .filter(|interest| interest.is_known())
        {
            let mut lanes = interest.lanes.iter().map(|&key| &lanes[key as usize]);
            if lanes.all(|lane| lane.is_idle_since(idle_since)) {
                interest.state = TopicState::Idle;
                forgotten += 1;
            }
        }
        if forgotten > 0 {
            self.publish();
        }
    }

    /// Hangs a new snapshot over the desk.
    fn publish(&self) {
        let known = self
            .metadata
            .topics
            .iter()
            .filter(|(_, interest)| interest.is_known());
        let topics = known.map(|(name, interest)| {
            let lanes = || interest.lanes.iter().map(|&key| &self.lanes[key as usize]);
            let led = lanes().filter(|lane| lane.leader.is_some());
            Arc::new(Topic {
                name: Arc::clone(name),
                queues: lanes().map(|lane| Arc::clone(&lane.queue)).collect(),
                available: led.map(|lane| lane.partition).collect(),
                sticky: Arc::clone(&interest.sticky),
            })
        });
        self.desk.publish(Cluster::new(topics));
    }

    fn answer_waiters(&mut self) {
        for interest in self
            .metadata
            .topics
            .values_mut()
            .filter(|interest| interest.is_known())
        {
            for waiter in interest.waiters.drain(..) {
                self.notices.push(Notice::answer(waiter.reply, Ok(())));
            }
        }
    }
}
