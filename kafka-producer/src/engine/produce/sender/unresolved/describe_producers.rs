//! Asks leaders about batches that may be in their logs (DescribeProducers, KIP-664). What an answer means
//! is decided by the lane (`lane/unresolved.rs`).

use kafka_wire::ErrorCode;
use kafka_wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, TopicRequest,
};

use crate::engine::cluster::expected_response::{BatchRef, ExpectedResponse};
use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane::unresolved::{Finding, Inquiry};
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::sender::{Peers, Sender};

impl Sender {
    /// The lane's leader, whose turn it is, is to be asked about its oldest batch.
    pub(crate) fn inquire(&mut self, p: &mut Peers<'_>, key: LaneKey) {
        let memory = self.memory();
        let (serial, inquiry) = self.lanes[key].inquire(&memory);
        self.follow_up_inquiry(p, BatchRef { lane: key, serial }, inquiry);
    }

    /// Asks what an inquiry needs next.
    fn follow_up_inquiry(&mut self, p: &mut Peers<'_>, about: BatchRef, inquiry: Inquiry) {
        match inquiry {
            Inquiry::Nothing => {}
            Inquiry::Topic(evidence) => self.check_topic(p, about, evidence),
            Inquiry::Producer => self.inquiries.push(about),
        }
    }

    /// Asks a broker about the batches of its partitions that have come to be in doubt.
    pub(crate) fn send_inquiries(&mut self, p: &mut Peers<'_>, id: NodeId) {
        if self.inquiries.is_empty() {
            return;
        }
        let mut open = std::mem::take(&mut self.inquiries);
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

    pub(super) fn resolve(&mut self, p: &mut Peers<'_>, about: BatchRef, finding: Finding) {
        let lane = &mut self.lanes[about.lane];
        if let Finding::AskAgain(code) = finding
            && code.invalidates_metadata()
            && lane.has(about.serial)
        {
            p.metadata.request_update();
        }
        let memory = self.expiration.memory();
        let inquiry = lane.resolve(p.cx, &memory, about.serial, finding);
        self.follow_up_inquiry(p, about, inquiry);
        self.list(p, about.lane);
    }
}

/// About so many partitions a broker is asked in a request: it tells of every producer in them.
const PARTITIONS_AT_ONCE: usize = 32;
