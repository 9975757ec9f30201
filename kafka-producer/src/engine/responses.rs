//! Routing: responses, lost connections and what the driver reports, to the owners that they concern; and
//! what an owner wants to ask, to a broker that can be asked.

use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::messages::metadata::{LeadersResponse, MetadataRequest, MetadataResponseBroker};
use kafka_wire::messages::{
    DescribeConfigsRequest, DescribeProducersRequest, GetTelemetrySubscriptionsRequest,
    InitProducerIdRequest, ProduceRequest, PushTelemetryRequest,
};
use kafka_wire::{
    DecodeError, ErrorCode, Message, Request, Version, decode_response, decode_response_as,
};

use crate::engine::cluster::destination::Destination;
use crate::engine::cluster::disconnected::{Disconnected, Sent, Unsent};
use crate::engine::cluster::expected_response::{BatchRef, ExpectedResponse};
use crate::engine::cluster::handshake::api_versions::{self, Greeting};
use crate::engine::cluster::in_flight::{InFlightRequest, Progress, Unanswered};
use crate::engine::cluster::refusal::Refusal;
use crate::engine::produce::lane::judge::Loss;
use crate::engine::timers::Timer;
use crate::engine::{Engine, NodeId};
use crate::error::{SendError, WaitReason};

impl Engine {
    /// A broker that can be asked now; if there is none, one is dialed.
    pub(super) fn ready_or_dial<R: Request>(&mut self) -> Option<NodeId> {
        let ready = self.nodes.ready::<R>();
        if ready.is_none() {
            self.nodes.dial_any::<R>(&mut self.cx);
        }
        ready
    }

    pub(super) fn ask<R: Request>(
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
    pub(super) fn follow_sent(&mut self, sent: Sent) {
        match sent {
            Ok(()) => {}
            Err(Unsent::NoConnection(expected)) => {
                self.unanswered_request(expected, Loss::untold());
            }
            Err(Unsent::Lost(lost)) => self.follow_lost(Some(lost)),
        }
    }

    pub(super) fn opened(&mut self, id: NodeId) {
        let sent = self.nodes.opened(&mut self.cx, id);
        self.follow_sent(sent);
    }

    /// Closes a connection that cannot be used any more.
    pub(super) fn lose(&mut self, id: NodeId, why: &str) {
        let lost = self.nodes.lose(&mut self.cx, id, why);
        self.follow_lost(lost);
    }

    /// The connection was lost.
    pub(super) fn lost(&mut self, id: NodeId, why: &str) {
        let lost = self.nodes.hung_up(&mut self.cx, id, why);
        self.follow_lost(lost);
    }

    pub(super) fn follow_lost(&mut self, lost: Option<Disconnected>) {
        if let Some(lost) = lost {
            self.follow_disconnected(lost);
            // The partitions that it led may have other leaders, and other brokers may know them.
            self.metadata.request_update();
        }
    }

    /// There is no connection any more: tells the owners of what will not be answered.
    fn follow_disconnected(&mut self, lost: Disconnected) {
        let id = lost.id;
        if let Some(ExpectedResponse::DescribeConfigs) = lost.oldest() {
            self.sender.expiration().hung_up(id);
        }
        self.transactions.forget_coordinator(id);
        let why = Arc::new(lost.obstacle.clone());
        for Unanswered { expected, code } in lost.unanswered {
            let why = Some(Arc::clone(&why));
            self.unanswered_request(expected, Loss { code, why });
        }
        if let WaitReason::Authentication(why) = &lost.obstacle {
            self.broker_refused(id, why);
        }
        self.connects.note_failure(id, &lost.obstacle);
        self.metadata.note_obstacle(lost.obstacle);
        if self.nodes.are_none_ready() {
            self.metadata.note_unheard(self.cx.now);
        }
        self.sender.stir(id);
    }

    fn unanswered_request(&mut self, expected: ExpectedResponse, loss: Loss) {
        match expected {
            ExpectedResponse::ApiVersions(_)
            | ExpectedResponse::SaslHandshake
            | ExpectedResponse::SaslAuthenticate
            | ExpectedResponse::DescribeConfigs => {}
            ExpectedResponse::Metadata { .. } => {
                self.metadata.note_unheard(self.cx.now);
                self.metadata_failed();
            }
            ExpectedResponse::InitProducerId => self.identity_failed(),
            ExpectedResponse::DescribeProducers(about) => {
                let (sender, mut peers) = self.sender_and_peers();
                sender.inquiry_lost(&mut peers, &about);
            }
            ExpectedResponse::TopicId(about, evidence) => {
                let (sender, mut peers) = self.sender_and_peers();
                sender.topic_unchecked(&mut peers, about, evidence);
            }
            ExpectedResponse::Subscription | ExpectedResponse::MetricsPush => {
                self.telemetry.unanswered(&mut self.cx);
            }
            ExpectedResponse::Transaction(ask) => self.transactions.unanswered(&mut self.cx, &ask),
            ExpectedResponse::Produce(batches) => self.unanswered(batches, &loss),
        }
    }

    fn identity_failed(&mut self) {
        let (sender, mut peers) = self.sender_and_peers();
        sender.identity_failed(&mut peers);
    }

    /// These batches will never be answered for.
    fn unanswered(&mut self, batches: Vec<BatchRef>, loss: &Loss) {
        let (sender, mut peers) = self.sender_and_peers();
        let result = sender.unanswered(&mut peers, batches, loss);
        self.fail_if(result);
    }

    /// The driver compresses batches of a request before it can leave.
    pub(super) fn compressing(&mut self, id: NodeId, correlation_id: i32) {
        let progress = Progress::Compressing;
        self.nodes.note_progress(id, correlation_id, progress);
    }

    /// A request can leave now.
    pub(super) fn compressed(&mut self, id: NodeId, correlation_id: i32) {
        let since = self.cx.now;
        let progress = Progress::Sent { since };
        self.nodes.note_progress(id, correlation_id, progress);
        self.admission.compressed(since, id);
        let batches = self.nodes.batches_of(id, correlation_id);
        self.sender.measure(&mut self.cx, batches);
    }

    /// `acks=0`: written is delivered.
    pub(super) fn written(&mut self, id: NodeId, correlation_id: i32) {
        // By its id: older requests of other kinds may still wait for their responses.
        if let Some(request) = self.withdraw(id, correlation_id)
            && let ExpectedResponse::Produce(batches) = request.expected
        {
            self.note_answer(id, request.progress);
            let (sender, mut peers) = self.sender_and_peers();
            let result = sender.written(&mut peers, batches);
            self.fail_if(result);
        }
        self.sender.stir(id);
    }

    /// Takes a request that nobody answers.
    fn withdraw(&mut self, id: NodeId, correlation_id: i32) -> Option<InFlightRequest> {
        let withdrawn = self.nodes.withdraw(id, correlation_id);
        if withdrawn.is_some() {
            self.cx.metrics.answered();
        }
        withdrawn
    }

    /// The driver could not frame a request.
    pub(super) fn unsendable(&mut self, id: NodeId, correlation_id: i32, why: &Arc<str>) {
        if let Some(request) = self.withdraw(id, correlation_id)
            && let ExpectedResponse::Produce(batches) = request.expected
        {
            let (sender, mut peers) = self.sender_and_peers();
            sender.unsendable(&mut peers, batches, why);
        }
        self.sender.stir(id);
    }

    fn note_answer(&mut self, id: NodeId, progress: Progress) {
        let (cx, nodes) = (&self.cx, &mut self.nodes);
        let accounts = self.sender.lanes().accounts();
        self.admission
            .note_answer(cx, nodes, accounts, id, progress);
    }

    /// A broker's timer fired.
    pub(super) fn node_is_due(&mut self, id: NodeId) {
        let lost = self.nodes.due(&mut self.cx, id);
        self.follow_lost(lost);
        self.sender.stir(id);
    }

    /// A frame came: it answers the oldest request, or the peer does not follow the protocol.
    pub(super) fn received(&mut self, id: NodeId, frame: Bytes) {
        let request = match self.nodes.answered(id, &frame) {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(why) => return self.lose(id, why),
        };
        self.cx.metrics.answered();
        let greeting = matches!(
            request.expected,
            ExpectedResponse::ApiVersions(_)
                | ExpectedResponse::SaslHandshake
                | ExpectedResponse::SaslAuthenticate
        );
        let read = self.read_response(id, request, frame);
        // The answer may have told which broker it is.
        let id = self.nodes.current(id);
        match read {
            Ok(()) if greeting => self.nodes.retire_if_late(&mut self.cx, id),
            Ok(()) => self.nodes.note_use(&mut self.cx, id),
            Err(error) => self.lose(id, &format!("its answer cannot be read: {error}")),
        }
        self.sender.stir(id);
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
            ExpectedResponse::ApiVersions(meant) => self.greeted(id, version, frame, meant),
            ExpectedResponse::SaslHandshake => self.mechanism_told(id, version, frame),
            ExpectedResponse::SaslAuthenticate => self.authentication_told(id, version, frame),
            ExpectedResponse::Metadata { topics } => self
                .read_as::<MetadataRequest, LeadersResponse, _>(version, frame, |engine, answer| {
                    engine.metadata_told(id, &topics, answer);
                })
                .inspect_err(|_| self.metadata_failed()),
            ExpectedResponse::InitProducerId => self
                .read::<InitProducerIdRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    let (sender, mut peers) = engine.sender_and_peers();
                    let result = sender.identified(&mut peers, &answer);
                    engine.fail_if(result);
                })
                .inspect_err(|_| self.identity_failed()),
            ExpectedResponse::DescribeConfigs => self
                .read::<DescribeConfigsRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.sender.expiration().told(id, &answer);
                })
                .inspect_err(|_| self.sender.expiration().not_told(id)),
            ExpectedResponse::DescribeProducers(about) => self
                .read::<DescribeProducersRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    let (sender, mut peers) = engine.sender_and_peers();
                    sender.inquired(&mut peers, id, &about, &answer);
                })
                .inspect_err(|_| {
                    let (sender, mut peers) = self.sender_and_peers();
                    sender.inquiry_lost(&mut peers, &about);
                }),
            ExpectedResponse::TopicId(about, evidence) => self
                .read_as::<MetadataRequest, LeadersResponse, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    let (sender, mut peers) = engine.sender_and_peers();
                    sender.topic_checked(&mut peers, id, about, evidence, &answer);
                })
                .inspect_err(|_| {
                    let (sender, mut peers) = self.sender_and_peers();
                    sender.topic_unchecked(&mut peers, about, evidence);
                }),
            ExpectedResponse::Subscription => self
                .read::<GetTelemetrySubscriptionsRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.telemetry.told(&mut engine.cx, &answer);
                })
                .inspect_err(|_| self.telemetry.unanswered(&mut self.cx)),
            ExpectedResponse::MetricsPush => self
                .read::<PushTelemetryRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.telemetry.answered(&mut engine.cx, &answer);
                })
                .inspect_err(|_| self.telemetry.unanswered(&mut self.cx)),
            ExpectedResponse::Transaction(ask) => {
                self.transaction_answered(id, version, frame, ask)
            }
            ExpectedResponse::Produce(batches) => {
                self.note_answer(id, request.progress);
                self.read_produced(id, version, (batches, request.progress), frame)
            }
        }
    }

    fn read_produced(
        &mut self,
        id: NodeId,
        version: Version,
        (batches, progress): (Vec<BatchRef>, Progress),
        frame: Bytes,
    ) -> Result<(), DecodeError> {
        let (_, answer) = match decode_response::<ProduceRequest>(frame, version) {
            Ok(answer) => answer,
            Err(error) => {
                self.unanswered(batches, &Loss::untold());
                return Err(error);
            }
        };
        self.measure_response(id, progress, answer.throttle_time_ms);
        self.nodes
            .leave_alone(&mut self.cx, id, answer.throttle_time_ms);
        self.nodes
            .meet_leaders(&mut self.cx, &answer.node_endpoints);
        let (sender, mut peers) = self.sender_and_peers();
        let result = sender.produced(&mut peers, version, batches, answer);
        self.fail_if(result);
        Ok(())
    }

    fn measure_response(&self, id: NodeId, progress: Progress, throttle_time_ms: i32) {
        let (cx, now) = (&self.cx, self.cx.now);
        match progress {
            Progress::Sent { since } => {
                let took = now.saturating_duration_since(since);
                cx.metrics.responded(now, id, took, throttle_time_ms);
            }
            Progress::Compressing => cx.metrics.throttled(now, id, throttle_time_ms),
        }
    }

    pub(super) fn throttle(&mut self, id: NodeId, throttle_time_ms: i32) {
        self.nodes.throttle(&mut self.cx, id, throttle_time_ms);
    }

    fn read<R: Request, T>(
        &mut self,
        version: Version,
        frame: Bytes,
        then: impl FnOnce(&mut Self, R::Response) -> T,
    ) -> Result<(), DecodeError> {
        self.read_as::<R, R::Response, T>(version, frame, then)
    }

    /// Reads a response as `A`, which may have only some of its fields.
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

    fn greeted(
        &mut self,
        id: NodeId,
        version: Version,
        frame: Bytes,
        meant: Option<Destination>,
    ) -> Result<(), DecodeError> {
        match (api_versions::read(frame, version)?, meant) {
            (Greeting::AskIn(version), _) => {
                let sent = self.nodes.greet(&mut self.cx, id, version);
                self.follow_sent(sent);
            }
            (Greeting::Told(answer), meant) => {
                self.features.apply(&answer);
                self.telemetry.met(self.cx.now, &answer);
                let login = self.nodes.greeted(&mut self.cx, id, &answer, meant);
                self.follow_login(id, login);
            }
            (Greeting::Refused(answer), Some(meant))
                if answer.error_code == ErrorCode::REBOOTSTRAP_REQUIRED =>
            {
                self.misrouted(id, &meant);
            }
            (Greeting::Refused(answer), _) => {
                let code = answer.error_code;
                self.lose(id, &format!("ApiVersions was refused: {code}"));
                if let Some(obstacle) = self.nodes.note_refused_greeting(self.cx.now, id, &answer) {
                    self.connects.note_failure(id, &obstacle);
                    self.metadata.note_obstacle(obstacle);
                }
            }
        }
        Ok(())
    }

    /// Asks for metadata if it is wanted and a broker is there.
    pub(super) fn ask_for_metadata(&mut self) {
        if self.metadata.must_rebootstrap(&self.cx) {
            self.rebootstrap("no metadata was to be had for too long");
        }
        let Some(not_before) = self.metadata.next_request(self.cx.now) else {
            return;
        };
        if not_before > self.cx.now {
            self.cx.timers.arm(Timer::Metadata, not_before);
            return self.refuse_waiters_for_topics();
        }
        let Some(id) = self.ready_or_dial::<MetadataRequest>() else {
            return self.refuse_waiters_for_topics();
        };
        if self.metadata.asks_for_all_next() {
            let (sender, mut peers) = self.sender_and_peers();
            sender.forget_idle_topics(&mut peers);
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
            self.connects.note_failure(id, &WaitReason::NoBroker);
            return self.metadata.told_of_no_broker(&mut self.cx);
        }
        self.metadata.note_heard();
        self.cx.metrics.heard(self.cx.now);
        self.connects.tell_all(&mut self.cx, &Ok(()));
        if let Some(cluster) = &answer.cluster_id {
            self.nodes.cluster_told(&mut self.cx, cluster);
        }
        self.meet_members(answer.brokers);
        let (lanes, _) = self.sender.numbering();
        let (cx, nodes) = (&mut self.cx, &self.nodes);
        let applied = self.metadata.apply(cx, nodes, lanes, answer.topics);
        let (sender, mut peers) = self.sender_and_peers();
        for gone in &applied.gone {
            sender.end_gone(&mut peers, gone.lane, &gone.why);
        }
        for &lane in &applied.led_anew {
            sender.follow_election(&mut peers, lane);
        }
        let lanes = self.sender.lanes();
        let (cx, nodes) = (&mut self.cx, &self.nodes);
        self.metadata.show(cx, nodes, lanes, asked, &applied);
        let (sender, peers) = self.sender_and_peers();
        sender.free_retired_lanes(&peers);
    }

    /// Takes in which brokers the cluster has.
    fn meet_members(&mut self, brokers: Vec<MetadataResponseBroker>) {
        let ids = brokers.iter().map(|broker| NodeId(broker.node_id));
        let members: Vec<NodeId> = ids.collect();
        for broker in brokers {
            let id = NodeId(broker.node_id);
            let moved = self.nodes.meet(&mut self.cx, id, broker.host, broker.port);
            self.nodes.note_rack(id, broker.rack);
            if let Some(lost) = moved {
                self.follow_disconnected(lost);
            }
        }
        let lanes = self.sender.lanes();
        let is_needed = |id| lanes.listed(id) > 0;
        self.nodes.forget_others(self.cx.now, &members, is_needed);
        self.cx.addresses.keep(|id| self.nodes.knows(id));
        let nodes = &self.nodes;
        self.cx.metrics.keep_nodes(|id| nodes.knows(id));
    }

    /// Ends the wait of callers for topics that nobody can tell of, and of records for leaders.
    fn refuse_waiters_for_topics(&mut self) {
        let Some(refusal) = self.nodes.refusal::<MetadataRequest>(&self.cx) else {
            return;
        };
        if let Refusal::Authentication(_) = refusal {
            let (sender, mut peers) = self.sender_and_peers();
            sender.fail_leaderless(&mut peers, || refusal.clone().into());
        }
        self.metadata
            .refuse_waiters(&mut self.cx, &SendError::from(refusal));
    }

    pub(super) fn metadata_failed(&mut self) {
        self.metadata.failed(&mut self.cx);
    }
}
