//! What the engine passes on between the owners of this room and those of the others.

use bytes::Bytes;
use kafka_wire::messages::metadata::{LeadersResponse, MetadataRequest, MetadataRequestTopic};
use kafka_wire::messages::{
    DescribeConfigsRequest, DescribeProducersRequest, InitProducerIdRequest, ProduceRequest,
};
use kafka_wire::{
    DecodeError, ErrorCode, Message, Request, Version, decode_response, decode_response_as,
};

use crate::engine::cluster::disconnected::{Disconnected, Sent, Unsent};
use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::handshake::{self, Greeting};
use crate::engine::cluster::in_flight::InFlightRequest;
use crate::engine::cluster::metadata::Scope;
use crate::engine::timers::Timer;
use crate::engine::{Engine, NodeId};

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
            self.metadata.want();
        }
    }

    /// There is no connection any more: tells the owners of what will not be answered.
    pub(crate) fn follow_disconnected(&mut self, lost: Disconnected) {
        let id = lost.id;
        if let Some(ExpectedResponse::DescribeConfigs) = lost.oldest() {
            self.expiration.hung_up(id);
        }
        self.metadata.last_obstacle = Some(lost.obstacle);
        self.forget_coordinator(id);
        for request in lost.unanswered {
            self.unanswered_request(request.expected, request.code);
        }
        if self.nodes.are_none_ready() {
            self.metadata_unheard();
        }
        self.stir(id);
    }

    fn unanswered_request(&mut self, expected: ExpectedResponse, code: ErrorCode) {
        match expected {
            ExpectedResponse::ApiVersions | ExpectedResponse::DescribeConfigs => {}
            ExpectedResponse::Metadata { .. } => {
                self.metadata_unheard();
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
                    engine.absorb(id, &topics, answer);
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
                    self.metadata.last_obstacle = Some(obstacle);
                }
            }
        }
        Ok(())
    }

    /// Asks for metadata if it is wanted and a broker is there.
    pub(crate) fn ask_for_metadata(&mut self) {
        self.rebootstrap_if_overdue();
        let Some(not_before) = self.metadata.next_question(self.cx.now) else {
            return;
        };
        if not_before > self.cx.now {
            self.cx.timers.arm(Timer::Metadata, not_before);
            return self.refuse_unsupported();
        }
        let Some(id) = self.any_node::<MetadataRequest>() else {
            return self.refuse_unsupported();
        };
        let Some(version) = self.newest::<MetadataRequest>(id) else {
            return;
        };
        let scope = self.metadata.scope();
        if scope != Scope::Missing {
            self.forget_idle_topics();
            let max_age = self.metadata_max_age();
            self.cx.timers.arm(Timer::Metadata, self.cx.now + max_age);
        }
        let names = self.metadata.names(scope);
        let topics = names.iter().map(|name| MetadataRequestTopic {
            name: Some(name.to_string()),
            ..MetadataRequestTopic::default()
        });
        let request = MetadataRequest {
            topics: Some(topics.collect()),
            allow_auto_topic_creation: true,
            ..MetadataRequest::default()
        };
        self.metadata.asked(scope, self.cx.now, &mut self.cx.random);
        self.ask(
            id,
            version,
            &request,
            ExpectedResponse::Metadata { topics: names },
        );
    }

    /// Asks for a producer id if one is needed and somebody wants to write.
    pub(crate) fn ask_for_identity(&mut self) {
        // A transactional producer asks its coordinator.
        if self.transactions.is_some()
            || !self.identity.is_due(self.cx.now)
            || self.metadata.topics.is_empty()
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
        self.metadata.failed(self.cx.now, &mut self.cx.random);
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
