//! What the engine passes on between the owners of this room and those of the others.

use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::messages::metadata::{LeadersResponse, MetadataRequest, MetadataResponseBroker};
use kafka_wire::messages::produce::{LeaderIdAndEpoch, PartitionProduceResponse};
use kafka_wire::messages::{
    DescribeConfigsRequest, DescribeProducersRequest, InitProducerIdRequest, ProduceRequest,
};
use kafka_wire::{
    DecodeError, ErrorCode, Message, Request, Version, decode_response, decode_response_as,
};

use crate::engine::cluster::disconnected::{Disconnected, Sent, Unsent};
use crate::engine::cluster::election::Election;
use crate::engine::cluster::expected_response::{BatchRef, ExpectedResponse};
use crate::engine::cluster::handshake::{self, Greeting};
use crate::engine::cluster::in_flight::InFlightRequest;
use crate::engine::produce::lane::{Attention, LaneKey};
use crate::engine::timers::Timer;
use crate::engine::{Engine, NodeId};
use crate::error::{Cause, SendError, Unsupported};
use crate::settings::MetadataRecovery;

impl Engine {
    /// A broker that can be asked now; if there is none, one is dialed.
    pub(crate) fn any_node<R: Request>(&mut self) -> Option<NodeId> {
        let ready = self.nodes.ready::<R>();
        if ready.is_none() {
            self.nodes.dial_any::<R>(&mut self.cx);
        }
        ready
    }

    pub(crate) fn newest<R: Request>(&self, id: NodeId) -> Option<Version> {
        self.nodes.newest::<R>(id)
    }

    pub(crate) fn newest_to<R: Request>(&self, id: NodeId, latest: i16) -> Option<Version> {
        self.nodes.newest_to::<R>(id, latest)
    }

    pub(crate) fn ask<R: Request>(
        &mut self,
        id: NodeId,
        version: Version,
        request: &R,
        expected: ExpectedResponse,
    ) {
        let sent = self.nodes.ask(&mut self.cx, id, version, request, expected);
        self.follow_sent(sent);
    }

    /// Tells the owners of a request that was not sent.
    pub(crate) fn follow_sent(&mut self, sent: Sent) {
        match sent {
            Ok(()) => {}
            Err(Unsent::NoConnection(expected)) => {
                self.unanswered_request(expected, ErrorCode::NETWORK_EXCEPTION);
            }
            Err(Unsent::Lost(lost)) => self.follow_lost(Some(lost)),
        }
    }

    pub(crate) fn opened(&mut self, id: NodeId) {
        let sent = self.nodes.opened(&mut self.cx, id);
        self.follow_sent(sent);
    }

    /// Gives a connection up from our side.
    pub(crate) fn lose(&mut self, id: NodeId, why: &str) {
        let lost = self.nodes.lose(&mut self.cx, id, why);
        self.follow_lost(lost);
    }

    /// The connection is gone, and not by our will.
    pub(crate) fn lost(&mut self, id: NodeId, why: &str) {
        let lost = self.nodes.disconnected(&mut self.cx, id, why);
        self.follow_lost(lost);
    }

    fn follow_lost(&mut self, lost: Option<Disconnected>) {
        if let Some(lost) = lost {
            self.follow_disconnected(lost);
            // Its leaders may have moved; and other brokers may know.
            self.metadata.request_update();
        }
    }

    /// There is no connection any more: tells the owners of what will not be answered.
    pub(crate) fn follow_disconnected(&mut self, lost: Disconnected) {
        let id = lost.id;
        if let Some(ExpectedResponse::DescribeConfigs) = lost.oldest() {
            self.expiration.hung_up(id);
        }
        self.metadata.note_obstacle(lost.obstacle);
        self.forget_coordinator(id);
        for request in lost.unanswered {
            self.unanswered_request(request.expected, request.code);
        }
        if self.nodes.are_none_ready() {
            self.metadata.note_unheard(self.cx.now);
        }
        self.stir(id);
    }

    fn unanswered_request(&mut self, expected: ExpectedResponse, code: ErrorCode) {
        match expected {
            ExpectedResponse::ApiVersions | ExpectedResponse::DescribeConfigs => {}
            ExpectedResponse::Metadata { .. } => {
                self.metadata.note_unheard(self.cx.now);
                self.metadata_failed();
            }
            ExpectedResponse::InitProducerId => self.identity_failed(),
            ExpectedResponse::DescribeProducers(about) => self.inquiry_lost(&about),
            ExpectedResponse::TopicId(about, evidence) => self.topic_unchecked(about, evidence),
            ExpectedResponse::Transaction(ask) => self.transaction_unanswered(&ask),
            ExpectedResponse::Produce(batches) => self.unanswered(batches, code),
        }
    }

    /// A broker's timer fired.
    pub(crate) fn node_is_due(&mut self, id: NodeId) {
        let lost = self.nodes.is_due(&mut self.cx, id);
        self.follow_lost(lost);
        self.stir(id);
    }

    /// A frame came: it answers the oldest request, or the peer does not follow the protocol.
    pub(crate) fn received(&mut self, id: NodeId, frame: Bytes) {
        let request = match self.nodes.answered(id, &frame) {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(why) => return self.lose(id, why),
        };
        let greeting = matches!(request.expected, ExpectedResponse::ApiVersions);
        match self.read_response(id, request, frame) {
            Ok(()) if greeting => self.nodes.retire_if_late(&mut self.cx, id),
            Ok(()) => self.nodes.note_use(&mut self.cx, id),
            Err(error) => self.lose(id, &format!("its answer cannot be read: {error}")),
        }
        self.stir(id);
    }

    /// Has the owner of a request read its response.
    fn read_response(
        &mut self,
        id: NodeId,
        request: InFlightRequest,
        frame: Bytes,
    ) -> Result<(), DecodeError> {
        let version = request.version;
        match request.expected {
            ExpectedResponse::ApiVersions => self.greeted(id, version, frame),
            ExpectedResponse::Metadata { topics } => self
                .read_as::<MetadataRequest, LeadersResponse, _>(version, frame, |engine, answer| {
                    engine.metadata_told(id, &topics, answer);
                })
                .inspect_err(|_| self.metadata_failed()),
            ExpectedResponse::InitProducerId => self
                .read::<InitProducerIdRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.identified(&answer);
                })
                .inspect_err(|_| self.identity_failed()),
            ExpectedResponse::DescribeConfigs => self
                .read::<DescribeConfigsRequest, _>(version, frame, |engine, answer| {
                    engine.expiration_told(id, &answer);
                })
                .inspect_err(|_| self.expiration.not_told(id)),
            ExpectedResponse::DescribeProducers(about) => self
                .read::<DescribeProducersRequest, _>(version, frame, |engine, answer| {
                    engine.inquired(id, &about, &answer);
                })
                .inspect_err(|_| self.inquiry_lost(&about)),
            ExpectedResponse::TopicId(about, evidence) => self
                .read_as::<MetadataRequest, LeadersResponse, _>(version, frame, |engine, answer| {
                    engine.topic_checked(id, about, evidence, answer);
                })
                .inspect_err(|_| self.topic_unchecked(about, evidence)),
            ExpectedResponse::Transaction(ask) => {
                self.transaction_answered(id, version, frame, ask)
            }
            ExpectedResponse::Produce(batches) => {
                self.note_answer(id, request.progress);
                match decode_response::<ProduceRequest>(frame, version) {
                    Ok((_, answer)) => {
                        self.produced(id, version, batches, answer);
                        Ok(())
                    }
                    Err(error) => {
                        self.unanswered(batches, ErrorCode::NETWORK_EXCEPTION);
                        Err(error)
                    }
                }
            }
        }
    }

    pub(crate) fn read<R: Request, T>(
        &mut self,
        version: Version,
        frame: Bytes,
        then: impl FnOnce(&mut Self, R::Response) -> T,
    ) -> Result<(), DecodeError> {
        self.read_as::<R, R::Response, T>(version, frame, then)
    }

    /// The same of as much of the answer as `A` has.
    fn read_as<R: Request, A: Message, T>(
        &mut self,
        version: Version,
        frame: Bytes,
        then: impl FnOnce(&mut Self, A) -> T,
    ) -> Result<(), DecodeError> {
        let (_, answer) = decode_response_as::<R, A>(frame, version)?;
        then(self, answer);
        Ok(())
    }

    fn greeted(&mut self, id: NodeId, version: Version, frame: Bytes) -> Result<(), DecodeError> {
        match handshake::read(frame, version)? {
            Greeting::AskIn(version) => {
                let sent = self.nodes.greet(&mut self.cx, id, version);
                self.follow_sent(sent);
            }
            Greeting::Told(answer) => {
                self.features.apply(&answer);
                self.nodes.become_ready(&mut self.cx, id, &answer);
                self.ask_for_expiration(id);
                self.limit_backlog();
            }
            Greeting::Refused(answer) => {
                let code = answer.error_code;
                self.lose(id, &format!("ApiVersions was refused: {code}"));
                if let Some(obstacle) = self.nodes.note_refused_greeting(id, &answer) {
                    self.metadata.note_obstacle(obstacle);
                }
            }
        }
        Ok(())
    }

    /// Asks for metadata if it is wanted and a broker is there.
    pub(crate) fn ask_for_metadata(&mut self) {
        if self.metadata.must_rebootstrap(&self.cx) {
            self.rebootstrap("no metadata was to be had for too long");
        }
        let Some(not_before) = self.metadata.next_request(self.cx.now) else {
            return;
        };
        if not_before > self.cx.now {
            self.cx.timers.arm(Timer::Metadata, not_before);
            return self.refuse_unsupported();
        }
        let Some(id) = self.any_node::<MetadataRequest>() else {
            return self.refuse_unsupported();
        };
        if self.metadata.asks_for_all_next() {
            self.forget_idle_topics();
        }
        let sent = self.metadata.ask(&mut self.cx, &mut self.nodes, id);
        self.follow_sent(sent);
    }

    /// Takes in a response about `asked`.
    fn metadata_told(&mut self, id: NodeId, asked: &[Arc<str>], answer: LeadersResponse) {
        self.throttle(id, answer.throttle_time_ms);
        if answer.error_code == ErrorCode::REBOOTSTRAP_REQUIRED {
            return self.rebootstrap_required();
        }
        if answer.brokers.is_empty() {
            return self.metadata.told_of_no_broker(&mut self.cx);
        }
        self.metadata.note_heard();
        self.meet_members(answer.brokers);
        let (cx, nodes, lanes) = (&mut self.cx, &self.nodes, &mut self.lanes);
        let applied = self.metadata.apply(cx, nodes, lanes, answer.topics);
        for gone in &applied.gone {
            self.end_gone(gone.lane, &gone.why);
        }
        for &lane in &applied.led_anew {
            self.follow_election(lane);
        }
        let (cx, lanes) = (&mut self.cx, &self.lanes);
        self.metadata.show(cx, lanes, asked, &applied);
        self.free_retired_lanes();
    }

    /// Takes in which brokers the cluster has.
    fn meet_members(&mut self, brokers: Vec<MetadataResponseBroker>) {
        let ids = brokers.iter().map(|broker| NodeId(broker.node_id));
        let members: Vec<NodeId> = ids.collect();
        for broker in brokers {
            let id = NodeId(broker.node_id);
            let moved = self.nodes.meet(&mut self.cx, id, broker.host, broker.port);
            if let Some(lost) = moved {
                self.follow_disconnected(lost);
            }
        }
        self.nodes.forget_others(self.cx.now, &members);
    }

    /// A refused batch may come with the name of the new leader (KIP-951), but not of another topic's:
    /// its epochs would outrank those of a topic made anew.
    pub(crate) fn follow_leader(&mut self, batch: BatchRef, answer: &PartitionProduceResponse) {
        let BatchRef { lane: key, serial } = batch;
        let lane = &self.lanes[key as usize];
        let LeaderIdAndEpoch {
            leader_id,
            leader_epoch,
        } = answer.current_leader;
        let leader = NodeId(leader_id);
        if leader.is_bootstrap()
            || leader_epoch <= lane.leader_epoch
            || lane.is_of_earlier_topic(serial)
            || !self.nodes.knows(leader)
        {
            return;
        }
        let told = Election::of(Some(leader), leader_epoch);
        if self.lanes.elect(key, told, self.cx.now).is_some() {
            self.follow_election(key);
        }
    }

    /// A lane has another leader, or one that was elected again: lists it there.
    fn follow_election(&mut self, key: LaneKey) {
        let lane = &mut self.lanes[key as usize];
        let attention = std::mem::replace(&mut lane.attention, Attention::Idle);
        let has_slots = !lane.slots.is_empty();
        if let Attention::Listed(old) = attention
            && let Some(old) = self.nodes.get_mut(&old)
        {
            old.lanes.retain(|&listed| listed != key);
        }
        if attention != Attention::Idle || has_slots {
            self.list(key);
        }
    }

    /// A broker says that it does not belong to the cluster that the client believes in.
    fn rebootstrap_required(&mut self) {
        // It may say so again and again, and nothing came of the question.
        self.metadata_failed();
        match self.cx.settings.metadata_recovery {
            MetadataRecovery::Rebootstrap { .. } => self.rebootstrap("it asks to begin anew"),
            MetadataRecovery::None => {}
        }
    }

    /// Begins anew with the bootstrap servers, when the brokers that are known lead nowhere: they may all
    /// have moved, or their addresses may belong to another cluster by now. What was on its way is sent
    /// again, under its numbers.
    fn rebootstrap(&mut self, why: &str) {
        self.metadata.begin_rebootstrap();
        for id in self.nodes.told_of() {
            self.lose(id, why);
            self.nodes.forget(self.cx.now, id);
        }
        self.metadata.forget_leaders(&mut self.lanes);
    }

    /// Asks for a producer id if one is needed and somebody wants to write.
    pub(crate) fn ask_for_identity(&mut self) {
        // A transactional producer asks its coordinator.
        if self.transactions.is_some()
            || !self.identity.is_due(self.cx.now)
            || !self.metadata.has_topics()
        {
            return;
        }
        let Some(id) = self.any_node::<InitProducerIdRequest>() else {
            return self.refuse_unidentified();
        };
        let Some(version) = self.newest::<InitProducerIdRequest>(id) else {
            return;
        };
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX,
            producer_id: -1,
            producer_epoch: -1,
            ..InitProducerIdRequest::default()
        };
        self.identity.asked();
        self.ask(id, version, &request, ExpectedResponse::InitProducerId);
    }

    pub(crate) fn metadata_failed(&mut self) {
        self.metadata.failed(&mut self.cx);
    }

    pub(crate) fn identity_failed(&mut self) {
        let cx = &mut self.cx;
        self.identity.failed(|failures| {
            let at = cx.now + cx.backoff(failures);
            cx.timers.arm(Timer::Identity, at);
            at
        });
    }
}

/// What no broker speaks is not waited for: records and callers that would need it end at once. A broker
/// that cannot be reached is dialed on and on, but not waited for.
impl Engine {
    pub(crate) fn nobody_speaks<R: Request>(&self) -> Option<Unsupported> {
        self.nodes.nobody_speaks::<R>()
    }

    /// Ends the wait of callers for topics that nobody can tell of.
    fn refuse_unsupported(&mut self) {
        if let Some(unsupported) = self.nobody_speaks::<MetadataRequest>() {
            let refusal = SendError::Unsupported(unsupported);
            self.metadata.refuse_waiters(&mut self.cx, &refusal);
            self.metadata.forget_unwanted(self.cx.now);
        }
    }

    /// Ends what waits for a producer id that nobody gives. What comes later asks again.
    pub(crate) fn refuse_unidentified(&mut self) {
        let Some(unsupported) = self.nobody_speaks::<InitProducerIdRequest>() else {
            return;
        };
        // Of a broker that does not take our batches either, no other setting makes use.
        let unsupported = self
            .nobody_speaks::<ProduceRequest>()
            .unwrap_or(unsupported);
        self.identity.deny(self.cx.now);
        self.fail_unsent(|| Cause::Unsupported(unsupported.clone()), None);
    }

    /// Ends what waits for this leader, which does not take our batches.
    pub(crate) fn refuse_led_by(&mut self, id: NodeId, unsupported: &Unsupported) {
        self.fail_unsent(|| Cause::Unsupported(unsupported.clone()), Some(id));
    }

    /// Ends what waits in these lanes: their leader takes batches, but none in a version that can name
    /// their topics or belong to their transaction.
    pub(crate) fn refuse_unspeakable(&mut self, id: NodeId, keys: &[LaneKey]) {
        let Some(unsupported) = self.nodes.unsupported::<ProduceRequest>(id) else {
            return;
        };
        for &key in keys {
            self.fail_unsent_of(key, || Cause::Unsupported(unsupported.clone()));
        }
    }
}
