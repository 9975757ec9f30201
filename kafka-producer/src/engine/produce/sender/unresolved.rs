//! Asks leaders about batches that may be in their logs: what the log has of this producer
//! (DescribeProducers, KIP-664), and whether its topic is still the one that the batches were sent to. What an
//! answer means is decided by the lane (`lane/unresolved.rs`).
//!
//! A log takes a producer's batches in the order of their numbers. So if a later batch is in it, an earlier one
//! is, too; and if the earlier one is not, the later one is not either. But a topic that was deleted and created
//! again takes any number for a first one, and metadata may not have told of that yet. So the leader of the log
//! is asked for the topic's id, which no other topic of that name has (KIP-516):
//!
//! ```text
//! seen of a log of that name              the same id            another id
//!   a later batch was acknowledged        delivered              may have been in the one before
//!   a later batch is in                   presumed to be in      may have been in the one before
//!   it is not in, and needs another       so are those behind    those behind that may be in either
//!     number                                                       are not sent again
//! ```
//!
//! Where there are no ids (before Kafka 2.8), an acknowledgement at an offset at which an earlier batch was
//! acknowledged tells that the log is another (`Recall::is_another_log`); else it counts as the same.

use kafka_wire::ErrorCode;
use kafka_wire::messages::MetadataRequest;
use kafka_wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, TopicRequest,
};
use kafka_wire::messages::metadata::{LeadersResponse, LeadersTopic, MetadataRequestTopic};

use crate::engine::cluster::expected_response::{BatchRef, Evidence, ExpectedResponse};
use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane::unresolved::{AfterFinding, Finding, Inquiry, SameTopic};
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::sender::{Peers, Sender};

/// What the log has of this producer.
impl Sender {
    /// The oldest batch of a lane may be in the log: returns it if its leader is to be asked for what the log
    /// has. If only the topic is in question, that is asked here.
    pub(super) fn inquire(&mut self, p: &mut Peers<'_>, key: LaneKey) -> Option<BatchRef> {
        let memory = self.memory();
        let (serial, inquiry) = self.lanes[key].inquire(&memory);
        let about = BatchRef { lane: key, serial };
        match inquiry {
            Inquiry::Nothing => {}
            Inquiry::Topic(evidence) => self.check_topic(p, about, evidence),
            Inquiry::Producer => return Some(about),
        }
        None
    }

    /// Asks a broker about batches that may be in the logs that it leads.
    pub(super) fn send_inquiries(
        &mut self,
        p: &mut Peers<'_>,
        id: NodeId,
        mut open: Vec<BatchRef>,
    ) {
        open.sort_unstable_by_key(|about| (self.lanes[about.lane].topic_number(), about.lane));
        let version = p.nodes.newest::<DescribeProducersRequest>(id);
        for about in open.chunks(PARTITIONS_AT_ONCE) {
            let about = about.to_vec();
            let Some(version) = version else {
                self.resolve_all(p, &about, || {
                    Finding::Nothing("the broker does not tell (no DescribeProducers)".to_owned())
                });
                continue;
            };
            let request = self.question_about(&about);
            let expected = ExpectedResponse::DescribeProducers(about);
            self.ask(p, id, version, &request, expected);
        }
    }

    fn question_about(&self, about: &[BatchRef]) -> DescribeProducersRequest {
        let lanes = about.iter().map(|about| &self.lanes[about.lane]);
        let mut topics: Vec<TopicRequest> = Vec::new();
        for lane in lanes {
            match topics
                .last_mut()
                .filter(|last| *last.name == **lane.topic())
            {
                Some(last) => last.partition_indexes.push(lane.partition()),
                None => topics.push(
                    TopicRequest::default()
                        .with_name(lane.topic().to_string())
                        .with_partition_indexes(vec![lane.partition()]),
                ),
            }
        }
        DescribeProducersRequest::default().with_topics(topics)
    }

    /// The leader has answered.
    pub(crate) fn inquired(
        &mut self,
        p: &mut Peers<'_>,
        id: NodeId,
        about: &[BatchRef],
        answer: &DescribeProducersResponse,
    ) {
        for about in about {
            let lane = &self.lanes[about.lane];
            let topics = answer.topics.iter();
            let mut partitions = topics
                .filter(|topic| *topic.name == **lane.topic())
                .flat_map(|topic| &topic.partitions);
            let found = partitions.find(|found| found.partition_index == lane.partition());
            let finding = match lane.leader() == Some(id) {
                true => lane.finding(about.serial, found),
                false => Some(Finding::AskElsewhere),
            };
            match finding {
                Some(finding) => self.resolve(p, *about, finding),
                // It has ended meanwhile.
                None => self.list(p, about.lane),
            }
        }
    }

    /// There will be no answer.
    pub(crate) fn inquiry_lost(&mut self, p: &mut Peers<'_>, about: &[BatchRef]) {
        self.resolve_all(p, about, || Finding::AskAgain(ErrorCode::NETWORK_EXCEPTION));
    }

    fn resolve_all(
        &mut self,
        p: &mut Peers<'_>,
        about: &[BatchRef],
        finding: impl Fn() -> Finding,
    ) {
        for about in about {
            self.resolve(p, *about, finding());
        }
    }

    fn resolve(&mut self, p: &mut Peers<'_>, about: BatchRef, finding: Finding) {
        let lane = &mut self.lanes[about.lane];
        if let Finding::AskAgain(code) = finding
            && code.invalidates_metadata()
            && lane.has(about.serial)
        {
            p.metadata.request_anew(lane.topic());
        }
        let memory = self.expiration.memory();
        if let Some(evidence) = lane.resolve(p.cx, &memory, about.serial, finding) {
            self.check_topic(p, about, evidence);
        }
        self.list(p, about.lane);
    }
}

/// Whether the topic is still the same.
impl Sender {
    /// Something was seen of a log of this name: asks its leader whether it is the same log still.
    pub(crate) fn check_topic(&mut self, p: &mut Peers<'_>, about: BatchRef, evidence: Evidence) {
        let lane = &mut self.lanes[about.lane];
        let leader = lane.knows_topic();
        let version = leader.and_then(|leader| p.nodes.newest::<MetadataRequest>(leader));
        let (Some(leader), Some(version)) = (leader, version) else {
            return self.believe(p, about, evidence);
        };
        let topic = MetadataRequestTopic::default().with_name(Some(lane.topic().to_string()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        lane.await_topic(about.serial);
        let expected = ExpectedResponse::TopicId(about, evidence);
        self.ask(p, leader, version, &request, expected);
    }

    /// The leader has told of the topic.
    pub(crate) fn topic_checked(
        &mut self,
        p: &mut Peers<'_>,
        id: NodeId,
        about: BatchRef,
        evidence: Evidence,
        answer: &LeadersResponse,
    ) {
        let lane = &mut self.lanes[about.lane];
        if !lane.has(about.serial) {
            return self.list(p, about.lane);
        }
        let of_that_name = |topic: &&LeadersTopic| topic.name.as_deref() == Some(&**lane.topic());
        let found = answer.topics.iter().find(of_that_name);
        let told = |topic: &&LeadersTopic| topic.error_code == ErrorCode::NONE;
        let Some(topic) = found.filter(told).filter(|_| lane.leader() == Some(id)) else {
            return self.topic_unchecked(p, about, evidence);
        };
        if lane.is_same_topic(about.serial, topic.topic_id) == SameTopic::Yes {
            return self.believe(p, about, evidence);
        }
        p.metadata.request_anew(lane.topic());
        lane.disbelieve(p.cx, about.serial, evidence);
        match evidence {
            // Those that could be in either log are not sent again: the others may get a number.
            Evidence::Gap => self.believe(p, about, evidence),
            Evidence::Acknowledged | Evidence::Sequence(_) => self.list(p, about.lane),
        }
    }

    /// The leader cannot tell now, or is not there any more.
    pub(crate) fn topic_unchecked(
        &mut self,
        p: &mut Peers<'_>,
        about: BatchRef,
        evidence: Evidence,
    ) {
        let lane = &mut self.lanes[about.lane];
        if evidence == Evidence::Gap && lane.has(about.serial) {
            lane.ask_about_topic_later(p.cx, about.serial);
            p.metadata.request_anew(lane.topic());
            return self.list(p, about.lane);
        }
        let later = Finding::AskAgain(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        self.resolve(p, about, later);
    }

    fn believe(&mut self, p: &mut Peers<'_>, about: BatchRef, evidence: Evidence) {
        let lane = &mut self.lanes[about.lane];
        match lane.believe(p.cx, &mut self.identity, about.serial, evidence) {
            AfterFinding::GoesOn => self.list(p, about.lane),
            // It is listed when there is one.
            AfterFinding::WaitsForIdentity => {}
        }
    }
}

/// The most partitions that a request asks about: the answer lists every producer of each.
const PARTITIONS_AT_ONCE: usize = 32;
