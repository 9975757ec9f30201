//! Dialing, greeting and losing brokers; and whom to ask when any broker will do.

use bytes::Bytes;
use kafka_wire::messages::metadata::{LeadersResponse, MetadataRequest, MetadataRequestTopic};
use kafka_wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse, DescribeConfigsRequest, DescribeProducersRequest,
    InitProducerIdRequest, ProduceRequest,
};
use kafka_wire::{
    DecodeError, ErrorCode, Message, Request, Version, decode_response, decode_response_as,
    encode_request,
};

use crate::engine::backoff;
use crate::engine::cluster::in_flight::{Asked, InFlight, Way, What};
use crate::engine::cluster::metadata::Scope;
use crate::engine::cluster::node::{Link, Node, Use, Versions};
use crate::engine::produce::request::{Confirm, Outgoing, Payload};
use crate::engine::timers::Timer;
use crate::engine::{Action, Engine, NodeId};

use crate::error::{Unsupported, WaitReason};
use crate::settings::MetadataRecovery;

/// Whether something was there to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was.
    Done,
    /// There was nothing.
    None,
}

/// The name and version that brokers note of their clients (KIP-511).
const SOFTWARE_NAME: &str = "kafka-producer-rs";

impl Engine {
    /// A broker that can be asked now; if there is none, one is dialed. Who asks for silence is left
    /// alone, and not got round by way of a bootstrap server, which may well be the same.
    pub(crate) fn any_node<R: Request>(&mut self) -> Option<NodeId> {
        let ready = self.nodes.values().filter(|node| node.speaks::<R>());
        let talks = ready.clone().filter(|node| node.silent_until().is_none());
        let least_loaded = talks.min_by_key(|node| (node.load(), node.id));
        if let Some(node) = least_loaded {
            return Some(node.id);
        }
        let silenced = ready.count() > 0;
        // A name that is not resolved, or an address that does not answer, holds up no other broker.
        let alone = self.nodes.values().filter_map(|node| {
            let until = node.alone_until()?;
            (until > self.cx.now).then_some((until, node.id))
        });
        match alone.max() {
            Some((until, id)) => self.cx.timers.arm(Timer::Node(id), until),
            None => self.dial_any(silenced),
        }
        None
    }

    /// Dials the broker that failed least; of equals a known one before a bootstrap server.
    fn dial_any(&mut self, known_only: bool) {
        let now = self.cx.now;
        // Who may not begin anew holds on to the brokers that are known.
        let known_only = (known_only
            || self.cx.settings.metadata_recovery == MetadataRecovery::None)
            && self.nodes.keys().any(|id| !id.is_bootstrap());
        let resting = self.nodes.values().filter(|node| node.is_resting());
        let resting = resting.filter(|node| node.silent_until().is_none());
        let resting = resting.filter(|node| !(known_only && node.id.is_bootstrap()));
        let resting: Vec<&Node> = resting.collect();
        let rank = |node: &Node| (node.pace.failures(), node.id.is_bootstrap());
        let rested = || resting.iter().filter(|node| node.can_dial(now));
        let Some(best) = rested().map(|node| rank(node)).min() else {
            for node in resting {
                let at = node.pace.earliest(now);
                self.cx.timers.arm(Timer::Node(node.id), at);
            }
            return;
        };
        let equals: Vec<NodeId> = rested()
            .filter(|node| rank(node) == best)
            .map(|node| node.id)
            .collect();
        let chosen = equals[self.cx.random.usize(..equals.len())];
        self.dial(chosen);
    }

    /// Dials a broker that has no connection, as soon as it may be.
    pub(crate) fn dial_when_rested(&mut self, id: NodeId) {
        match self.nodes.get(&id) {
            Some(node) if node.can_dial(self.cx.now) => self.dial(id),
            Some(node) if node.is_resting() => {
                let at = node.pace.earliest(self.cx.now);
                self.cx.timers.arm(Timer::Node(id), at);
            }
            _ => {}
        }
    }

    fn dial(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let timeout = backoff::delay(
            self.cx.settings.connection_setup,
            node.pace.failures().saturating_add(1),
            &mut self.cx.random,
        );
        node.pace.begin(self.cx.now, &mut self.cx.random);
        let deadline = self.cx.now + timeout;
        node.link = Link::Dialing { deadline };
        self.cx
            .actions
            .push_back(Action::Dial(id, node.address.clone()));
        self.cx.timers.arm(Timer::Node(id), deadline);
    }

    /// The connection is open: learn what the broker speaks (KIP-35).
    pub(crate) fn opened(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        if !matches!(node.link, Link::Dialing { .. }) {
            return;
        }
        node.link = Link::Greeting {
            in_flight: InFlight::default(),
        };
        self.greet(id, ApiVersionsRequest::STABLE_VERSIONS.latest);
    }

    fn greet(&mut self, id: NodeId, version: i16) {
        let Ok(version) = ApiVersionsRequest::version(version) else {
            return;
        };
        let request = ApiVersionsRequest {
            client_software_name: SOFTWARE_NAME.to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.ask(id, version, &request, What::ApiVersions);
    }

    /// Sends a request that is small and answered; a broker that asks for silence gets it afterwards.
    pub(crate) fn ask<R: Request>(
        &mut self,
        id: NodeId,
        version: Version,
        request: &R,
        what: What,
    ) {
        let connected = |node: &&mut Node| node.is_connected();
        let node = self.nodes.get_mut(&id).filter(connected);
        let Some(node) = node else {
            // What was done just before has ended the connection.
            return self.unanswerable(what, ErrorCode::NETWORK_EXCEPTION);
        };
        node.last_used = Some(self.cx.now);
        let sent = node.silent_until().unwrap_or(self.cx.now);
        let deadline = sent + self.cx.settings.request_timeout;
        let Some(in_flight) = node.in_flight() else {
            return;
        };
        let correlation_id = in_flight.correlation_id();
        let client_id = Some(&*self.cx.settings.client_id);
        let frame = encode_request(correlation_id, client_id, version, request);
        in_flight.push(Asked {
            correlation_id,
            version,
            deadline,
            way: Way::Out { since: self.cx.now },
            what,
        });
        let payload = match frame {
            Ok(frame) => Payload::Whole(frame),
            // What users name is checked where it comes in, so this is for what brokers name.
            Err(error) => return self.lose(id, &error.to_string()),
        };
        let outgoing = Outgoing {
            correlation_id,
            confirm: Confirm::Answered,
            payload,
        };
        if let Some(outgoing) = node.hold_back(outgoing) {
            self.cx.actions.push_back(Action::Send(id, outgoing));
        }
        self.cx.timers.arm(Timer::Node(id), deadline);
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
        self.ask(id, version, &request, What::Metadata { topics: names });
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
        self.ask(id, version, &request, What::ProducerId);
    }

    pub(crate) fn newest<R: Request>(&self, id: NodeId) -> Option<Version> {
        self.newest_to::<R>(id, i16::MAX)
    }

    /// The newest version up to `latest` that a ready broker and we speak.
    pub(crate) fn newest_to<R: Request>(&self, id: NodeId, latest: i16) -> Option<Version> {
        match &self.nodes.get(&id)?.link {
            Link::Ready { versions, .. } => versions.newest_to::<R>(latest),
            _ => None,
        }
    }

    /// A frame came: it answers the oldest request, or the peer does not follow the protocol.
    pub(crate) fn received(&mut self, id: NodeId, frame: Bytes) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let Some(in_flight) = node.in_flight() else {
            return;
        };
        let correlation_id = frame.first_chunk().map(|id| i32::from_be_bytes(*id));
        let Some(asked) = correlation_id.and_then(|id| in_flight.answered(id)) else {
            return self.lose(
                id,
                "it answered something that was not asked: not a Kafka broker?",
            );
        };
        let version = asked.version;
        if matches!(asked.what, What::Produce(_)) {
            self.note_answer(id, asked.way);
        }
        let greeting = matches!(asked.what, What::ApiVersions);
        let read = match asked.what {
            What::ApiVersions => self.greeted(id, version, frame),
            What::Metadata { topics } => self
                .read_as::<MetadataRequest, LeadersResponse, _>(version, frame, |engine, answer| {
                    engine.absorb(id, &topics, answer);
                })
                .inspect_err(|_| self.metadata_failed()),
            What::ProducerId => self
                .read::<InitProducerIdRequest, _>(version, frame, |engine, answer| {
                    engine.throttle(id, answer.throttle_time_ms);
                    engine.identified(&answer);
                })
                .inspect_err(|_| self.identity_failed()),
            What::Expiration => self
                .read::<DescribeConfigsRequest, _>(version, frame, |engine, answer| {
                    engine.expiration_told(id, &answer);
                })
                .inspect_err(|_| self.expiration.not_told(id)),
            What::Inquiry(about) => self
                .read::<DescribeProducersRequest, _>(version, frame, |engine, answer| {
                    engine.inquired(id, &about, &answer);
                })
                .inspect_err(|_| self.inquiry_lost(&about)),
            What::TopicCheck(about, evidence) => self
                .read_as::<MetadataRequest, LeadersResponse, _>(version, frame, |engine, answer| {
                    engine.topic_checked(id, about, evidence, answer);
                })
                .inspect_err(|_| self.topic_unchecked(about, evidence)),
            What::Transaction(ask) => self.transaction_answered(id, version, frame, ask),
            What::Produce(sent) => match decode_response::<ProduceRequest>(frame, version) {
                Ok((_, answer)) => {
                    self.produced(id, version, sent, answer);
                    Ok(())
                }
                Err(error) => {
                    self.unanswered(sent, ErrorCode::NETWORK_EXCEPTION);
                    Err(error)
                }
            },
        };
        match read {
            Ok(()) if greeting => self.retire_if_late(id),
            Ok(()) => self.was_of_use(id),
            Err(error) => self.lose(id, &format!("its answer cannot be read: {error}")),
        }
        self.stir(id);
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
        let refused = says_unsupported(&frame) && version.number > 0;
        let answer = match decode_response::<ApiVersionsRequest>(frame, version) {
            Ok((_, answer)) => answer,
            // The code is all that can be read of it.
            Err(_) if refused => {
                self.greet(id, 0);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if refused {
            // The broker says in version 0 what it speaks instead.
            let ours = Versions::new(&answer).newest_to::<ApiVersionsRequest>(version.number - 1);
            self.greet(id, ours.map_or(0, |version| version.number));
            return Ok(());
        }
        self.become_ready(id, &answer);
        Ok(())
    }

    fn become_ready(&mut self, id: NodeId, answer: &ApiVersionsResponse) {
        if answer.error_code != ErrorCode::NONE {
            return self.ungreeted(id, answer);
        }
        self.features.absorb(answer);
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let Some(in_flight) = node.in_flight().map(std::mem::take) else {
            return;
        };
        node.link = Link::Ready {
            in_flight,
            versions: Versions::new(answer),
            use_so_far: Use::None,
        };
        node.quickest = None;
        self.throttle(id, answer.throttle_time_ms);
        self.ask_for_expiration(id);
        self.limit_backlog();
    }

    /// The broker does not say what it speaks: not in any version of ours, if that is what it says.
    fn ungreeted(&mut self, id: NodeId, answer: &ApiVersionsResponse) {
        let code = answer.error_code;
        self.lose(id, &format!("ApiVersions was refused: {code}"));
        if code == ErrorCode::UNSUPPORTED_VERSION
            && let Some(node) = self.nodes.get_mut(&id)
        {
            let obstacle = WaitReason::Unsupported(Unsupported {
                broker: node.name(),
                api: ApiVersionsRequest::KEY,
                theirs: Versions::new(answer).of::<ApiVersionsRequest>(),
                ours: ApiVersionsRequest::STABLE_VERSIONS,
            });
            node.obstacle = Some(obstacle.clone());
            self.metadata.last_obstacle = Some(obstacle);
        }
    }

    /// Closes a connection that nothing is asked of; that is no failure.
    fn let_go(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            if let Link::Ready { versions, .. } = node.rest(self.cx.now) {
                node.spoken = Some(versions);
            }
            self.cx.actions.push_back(Action::Drop(id));
        }
    }

    fn was_of_use(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.was_of_use();
        }
        self.retire_bootstrap(id);
    }

    /// Whoever was just greeted was dialed to be asked something, unless another was quicker.
    fn retire_if_late(&mut self, id: NodeId) {
        let known = |node: &Node| !node.id.is_bootstrap() && node.load().is_some();
        let free = |node: &Node| node.id != id && node.load() == Some(0);
        if self.nodes.values().any(|node| known(node) || free(node)) {
            self.retire_bootstrap(id);
        }
    }

    /// Lets a bootstrap server go once the cluster's own brokers are known.
    fn retire_bootstrap(&mut self, id: NodeId) {
        if !id.is_bootstrap() {
            return;
        }
        let cluster_known = self.nodes.keys().any(|id| !id.is_bootstrap());
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        if cluster_known && node.load() == Some(0) {
            self.let_go(id);
        }
    }

    /// Gives a connection up from our side.
    pub(crate) fn lose(&mut self, id: NodeId, why: &str) {
        self.cx.actions.push_back(Action::Drop(id));
        self.lost(id, why);
    }

    /// The connection is gone, and not by our will.
    pub(crate) fn lost(&mut self, id: NodeId, why: &str) {
        if self.disconnected(id, why) == Change::Done {
            // Its leaders may have moved; and other brokers may know.
            self.metadata.want();
        }
    }

    /// There is no connection any more: whatever was asked will not be answered.
    pub(crate) fn disconnected(&mut self, id: NodeId, why: &str) -> Change {
        let Some(node) = self.nodes.get_mut(&id) else {
            return Change::None;
        };
        if matches!(node.link, Link::Resting) {
            return Change::None;
        }
        let link = node.rest(self.cx.now);
        let until = node.pace.fail(self.cx.now, &mut self.cx.random);
        self.cx.timers.arm(Timer::Node(id), until);
        let obstacle = WaitReason::Connection {
            broker: node.name(),
            reason: why.into(),
        };
        node.obstacle = Some(obstacle.clone());
        node.spoken = None;
        self.metadata.last_obstacle = Some(obstacle);
        self.forget_coordinator(id);
        if let Link::Greeting { mut in_flight } | Link::Ready { mut in_flight, .. } = link {
            if matches!(in_flight.oldest(), Some(What::Expiration)) {
                self.expiration.hung_up(id);
            }
            for asked in in_flight.drain() {
                let code = match asked.deadline <= self.cx.now {
                    true => ErrorCode::REQUEST_TIMED_OUT,
                    false => ErrorCode::NETWORK_EXCEPTION,
                };
                self.unanswerable(asked.what, code);
            }
        }
        if self.nodes.values().all(|node| node.load().is_none()) {
            self.metadata_unheard();
        }
        self.stir(id);
        Change::Done
    }

    fn unanswerable(&mut self, what: What, code: ErrorCode) {
        match what {
            What::ApiVersions | What::Expiration => {}
            What::Metadata { .. } => {
                self.metadata_unheard();
                self.metadata_failed();
            }
            What::ProducerId => self.identity_failed(),
            What::Inquiry(about) => self.inquiry_lost(&about),
            What::TopicCheck(about, evidence) => self.topic_unchecked(about, evidence),
            What::Transaction(ask) => self.transaction_unanswered(&ask),
            What::Produce(sent) => self.unanswered(sent, code),
        }
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

    /// A broker's timer fired: a dial or an answer took too long, or its rest is over.
    pub(crate) fn node_is_due(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else {
            return;
        };
        let idle_max = self.cx.settings.connections_max_idle;
        if node
            .idle_since(idle_max)
            .is_some_and(|at| at <= self.cx.now)
        {
            self.let_go(id);
        } else if node
            .deadline(self.cx.now, idle_max)
            .is_some_and(|at| at <= self.cx.now)
        {
            match &node.link {
                Link::Dialing { .. } => self.lose(
                    id,
                    "no connection within socket.connection.setup.timeout.ms",
                ),
                Link::Greeting { in_flight } | Link::Ready { in_flight, .. }
                    if in_flight.deadline().is_some_and(|at| at <= self.cx.now) =>
                {
                    let timeout_ms = self.cx.settings.request_timeout.as_millis();
                    self.lose(
                        id,
                        &format!("no answer within request.timeout.ms={timeout_ms}"),
                    );
                }
                _ => {}
            }
        }
        let now = self.cx.now;
        if let Some(node) = self.nodes.get_mut(&id) {
            let held_back = node.end_silence(now).into_iter();
            self.cx
                .actions
                .extend(held_back.map(|outgoing| Action::Send(id, outgoing)));
            if let Some(at) = node.deadline(now, idle_max) {
                self.cx.timers.arm(Timer::Node(id), at);
            }
        }
        self.stir(id);
    }
}

/// Whether an answer to ApiVersions begins with that code: it stands behind the correlation id in
/// every version, whatever follows.
fn says_unsupported(frame: &[u8]) -> bool {
    let code = frame.get(4..).and_then(<[u8]>::first_chunk);
    code.is_some_and(|code| ErrorCode(i16::from_be_bytes(*code)) == ErrorCode::UNSUPPORTED_VERSION)
}
