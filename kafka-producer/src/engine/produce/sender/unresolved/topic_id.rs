//! Is it the same topic still? What is asked before a batch is believed to be in a log, or not to be,
//! because of its neighbours.
//!
//! A log takes a producer's numbers in their order, so that a later batch speaks for an earlier one:
//! if the one is in, so is the other, and if the earlier one is not, neither is the later. But a topic
//! that was deleted and made anew takes any number for a first one, and metadata may not have told of
//! it yet. So the leader, whose log it is about, is asked for the topic's id, which no other topic of
//! that name has (KIP-516):
//!
//! ```text
//! seen of a log of that name              the same id            another id
//!   a later batch was acknowledged        delivered              may have been in the one before
//!   a later batch is in                   presumed to be in      may have been in the one before
//!   it is not in, and must be numbered    so are those behind    those behind that may be in either
//!     anew                                                         are not sent again
//! ```
//!
//! Where there are no ids (before Kafka 2.8) an acknowledgement at an offset at which a batch before it
//! was acknowledged tells that the log is another (`Recall::is_another_log`); else it is believed to be
//! the same.

use kafka_wire::ErrorCode;
use kafka_wire::messages::MetadataRequest;
use kafka_wire::messages::metadata::{LeadersResponse, LeadersTopic, MetadataRequestTopic};

use crate::engine::cluster::expected_response::{BatchRef, Evidence, ExpectedResponse};
use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane::unresolved::{Believed, Finding, SameTopic};
use crate::engine::produce::sender::{Peers, Sender};

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
        p.metadata.request_update();
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
            p.metadata.request_update();
            return self.list(p, about.lane);
        }
        let later = Finding::AskAgain(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        self.resolve(p, about, later);
    }

    fn believe(&mut self, p: &mut Peers<'_>, about: BatchRef, evidence: Evidence) {
        let lane = &mut self.lanes[about.lane];
        match lane.believe(p.cx, &mut self.identity, about.serial, evidence) {
            Believed::GoesOn => self.list(p, about.lane),
            // It is listed when there is one.
            Believed::WaitsForIdentity => {}
        }
    }
}
