//! The brokers: which are known, which can be asked now, and which requests each has not answered yet.
//!
//! ```text
//! bootstrap.servers ─▶ asked for the cluster's brokers ─▶ let go
//!          └─ at the address of a broker ─▶ its connection is adopted
//! in an answer ─▶ known ─▶ in no answer any more, and idle ─▶ departed: only its pauses are kept
//! ```
//!
//! This sends requests and finds the request that an answer belongs to. What an answer means, or that none
//! comes, is decided by the part of the engine that sent the request, which gets it back.

mod in_flight;
mod load;
pub(crate) mod login;
mod membership;
mod obstacle;
mod verify;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_wire::{ErrorCode, Request, Version, VersionRange, encode_request};

use crate::engine::backoff;
use crate::engine::cluster::bootstrapping::Bootstrapping;
use crate::engine::cluster::connection::{Connection, Speed};
use crate::engine::cluster::destination::Destinations;
use crate::engine::cluster::disconnected::{Disconnected, Sent, Unsent};
use crate::engine::cluster::expected_response::{BatchRef, ExpectedResponse};
use crate::engine::cluster::handshake::api_versions;
use crate::engine::cluster::handshake::sasl::{Authenticator, Occasion};
use crate::engine::cluster::in_flight::{InFlightRequest, Progress};
use crate::engine::cluster::node::{Availability, Left, Node, Window};
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::sasl_demand::SaslDemand;
use crate::engine::cluster::versions::Versions;
use crate::engine::context::Context;
use crate::engine::input::Action;
use crate::engine::metrics::LoginOutcome;
use crate::engine::produce::request::{Confirm, Outgoing, Payload};
use crate::engine::reports::Ended;
use crate::engine::timers::Timer;
use crate::error::{FatalError, Unsupported, WaitReason};
use crate::settings::{MetadataRecovery, Settings};

/// The brokers of an engine.
#[derive(Debug)]
pub(crate) struct Nodes {
    known: BTreeMap<NodeId, Node>,
    /// Brokers that were known.
    departed: BTreeMap<NodeId, Left>,
    bootstrapping: Bootstrapping,
    authenticator: Authenticator,
    sasl_demand: SaslDemand,
    destinations: Destinations,
    /// Bootstrap servers whose connections were adopted, and by which broker.
    adopted: BTreeMap<NodeId, NodeId>,
    /// Brokers that have adopted one, which the engine does not know yet.
    newly_adopted: Vec<NodeId>,
}

/// Which brokers are known.
impl Nodes {
    /// Those of `bootstrap.servers`, of which none was dialed yet.
    pub(crate) fn new(settings: &Settings, authenticator: Authenticator) -> Self {
        let numbered = settings.bootstrap.iter().zip(1..);
        let known = numbered.map(|(address, number)| {
            let id = NodeId(-number);
            let backoff = settings.reconnect_backoff;
            (id, Node::new(id, address.clone(), backoff))
        });
        Self {
            known: known.collect(),
            departed: BTreeMap::new(),
            bootstrapping: Bootstrapping::new(settings.bootstrap_resolve),
            authenticator,
            sasl_demand: SaslDemand::default(),
            destinations: Destinations::default(),
            adopted: BTreeMap::new(),
            newly_adopted: Vec::new(),
        }
    }

    pub(crate) fn knows(&self, id: NodeId) -> bool {
        self.known.contains_key(&id)
    }

    /// Those that a broker has told of.
    pub(crate) fn told_of(&self) -> Vec<NodeId> {
        let ids = self.known.keys().copied();
        ids.filter(|id| !id.is_bootstrap()).collect()
    }
}

/// Which broker to ask, and in which versions.
impl Nodes {
    /// The least busy broker that can be asked this now, and has not asked for a pause.
    pub(crate) fn ready<R: Request>(&self) -> Option<NodeId> {
        let ready = self.known.values().filter(|node| node.speaks::<R>());
        let talks = ready.filter(|node| node.silent_until().is_none());
        let least_loaded = talks.min_by_key(|node| (node.load(), node.id()));
        least_loaded.map(Node::id)
    }

    /// Whether a broker can be asked now; `None` if it is not known.
    pub(crate) fn availability(&self, id: NodeId) -> Option<Availability> {
        self.known.get(&id).map(Node::availability)
    }

    /// Whether a broker that is known takes a produce request now.
    pub(crate) fn window(&self, id: NodeId, max_in_flight: usize) -> Window {
        let node = self.known.get(&id);
        node.map_or(Window::Closed, |node| node.window(max_in_flight))
    }

    /// The newest version of `R` that a ready broker and we speak.
    pub(crate) fn newest<R: Request>(&self, id: NodeId) -> Option<Version> {
        self.newest_to::<R>(id, i16::MAX)
    }

    /// The newest one up to `latest`.
    pub(crate) fn newest_to<R: Request>(&self, id: NodeId, latest: i16) -> Option<Version> {
        self.newest_in::<R>(id, VersionRange::new(i16::MIN, latest))
    }

    /// The newest one of those that are `wanted`.
    pub(crate) fn newest_in<R: Request>(
        &self,
        id: NodeId,
        wanted: VersionRange,
    ) -> Option<Version> {
        self.known.get(&id)?.newest_in::<R>(wanted)
    }

    /// The versions of `R` that a broker, being ready, speaks.
    pub(crate) fn offered<R: Request>(&self, id: NodeId) -> Option<VersionRange> {
        self.known.get(&id)?.offered::<R>()
    }

    /// That a broker does not speak this in a version that will do.
    pub(crate) fn unsupported<R: Request>(&self, id: NodeId) -> Option<Unsupported> {
        self.known.get(&id).map(Node::unsupported::<R>)
    }

    /// Whether the bootstrap servers are not to be tried: without `metadata.recovery.strategy=rebootstrap`
    /// only the brokers that are known are.
    fn known_only(&self, cx: &Context) -> bool {
        let holds_on = cx.settings.metadata_recovery == MetadataRecovery::None;
        holds_on && self.known.keys().any(|id| !id.is_bootstrap())
    }

    /// Whether no broker can be asked anything now.
    pub(crate) fn are_none_ready(&self) -> bool {
        !self.known.values().any(Node::is_ready)
    }
}

/// Connections.
impl Nodes {
    /// Dials a broker, because none is [ready](Self::ready) for `R`: the one that failed least, and of equals
    /// a known one before a bootstrap server. A broker that has asked for a pause is not asked through a
    /// bootstrap server instead, which may be the same one.
    pub(crate) fn dial_any<R: Request>(&mut self, cx: &mut Context) {
        // A name that is not resolved, or an address that does not answer, holds up no other broker.
        let alone = self.known.values().filter_map(|node| {
            let until = node.alone_until()?;
            (until > cx.now).then_some((until, node.id()))
        });
        if let Some((until, id)) = alone.max() {
            return cx.timers.arm(Timer::Node(id), until);
        }
        let silenced = self.known.values().any(Node::is_silenced::<R>);
        let known = || self.known.keys().any(|id| !id.is_bootstrap());
        let known_only = self.known_only(cx) || (silenced && known());
        let resting: Vec<&Node> = self
            .known
            .values()
            .filter(|node| node.is_resting() && node.silent_until().is_none())
            .filter(|node| !(known_only && node.id().is_bootstrap()))
            .collect();
        match choose(&resting, cx) {
            Some(chosen) => self.dial(cx, chosen),
            None => {
                for node in resting {
                    let at = node.rested_at(cx.now);
                    cx.timers.arm(Timer::Node(node.id()), at);
                }
            }
        }
    }

    /// Dials a broker that has no connection, as soon as it may be.
    pub(crate) fn dial_when_rested(&mut self, cx: &mut Context, id: NodeId) {
        match self.known.get(&id) {
            Some(node) if node.can_dial(cx.now) => self.dial(cx, id),
            Some(node) if node.is_resting() => {
                let at = node.rested_at(cx.now);
                cx.timers.arm(Timer::Node(id), at);
            }
            _ => {}
        }
    }

    fn dial(&mut self, cx: &mut Context, id: NodeId) {
        let Some(node) = self.known.get_mut(&id) else {
            return;
        };
        let timeout = backoff::delay(
            cx.settings.connection_setup,
            node.failures().saturating_add(1),
            &mut cx.random,
        );
        let deadline = cx.now + timeout;
        node.dial(cx.now, deadline, &mut cx.random);
        cx.addresses.note(id, node.address());
        self.adopted.remove(&id);
        cx.actions
            .push_back(Action::Dial(id, node.address().clone(), deadline));
        cx.timers.arm(Timer::Node(id), deadline);
        if id.is_bootstrap()
            && let Some(until) = self.bootstrapping.dialed(cx.now)
        {
            cx.timers.arm(Timer::Bootstrap, until);
        }
        if cx.settings.security.is_on() || self.sasl_demand.is_demanded() {
            // Callers that other brokers refuse wait no longer for this one.
            cx.timers.arm(Timer::Node(id), cx.now + CONNECTING_WAIT);
        }
    }

    /// The name of a broker has an address.
    pub(crate) fn resolved(&mut self, id: NodeId) {
        if id.is_bootstrap() {
            self.bootstrapping.resolved();
        }
    }

    /// That no bootstrap server's name was resolved in time.
    pub(crate) fn unresolved(&self, now: Instant) -> Option<FatalError> {
        self.bootstrapping.overdue(now)
    }

    /// The connection is open: asks what the broker speaks (KIP-35).
    pub(crate) fn opened(&mut self, cx: &mut Context, id: NodeId) -> Sent {
        self.resolved(id);
        let opened = |node: &mut Node| node.open(cx.now);
        match self.known.get_mut(&id).is_some_and(opened) {
            true => {
                cx.metrics.opened(cx.now, id);
                if cx.settings.security.tls.is_some() && cx.settings.security.sasl.is_none() {
                    let outcome = LoginOutcome::Accepted;
                    cx.metrics.authenticated(cx.now, id, outcome);
                }
                self.greet(cx, id, api_versions::FIRST_VERSION)
            }
            false => Ok(()),
        }
    }

    /// Asks in this version what a broker speaks; and, unless there is a login first, whether it is the one
    /// that is meant.
    pub(crate) fn greet(&mut self, cx: &mut Context, id: NodeId, version: i16) -> Sent {
        let Ok(version) = ApiVersionsRequest::version(version) else {
            return Ok(());
        };
        let compares = version.number >= api_versions::FIRST_WITH_DESTINATION;
        let meant = (compares && cx.settings.security.sasl.is_none())
            .then(|| self.destinations.of(&cx.settings, id))
            .flatten();
        let request = api_versions::request(meant.as_ref());
        let expected = ExpectedResponse::ApiVersions(meant);
        self.ask(cx, id, version, &request, expected)
    }

    /// A broker has refused to say which versions it speaks, and its connection was closed. The answer may
    /// say that it speaks none of ours.
    pub(crate) fn note_refused_greeting(
        &mut self,
        now: Instant,
        id: NodeId,
        answer: &ApiVersionsResponse,
    ) -> Option<WaitReason> {
        if answer.error_code != ErrorCode::UNSUPPORTED_VERSION {
            return None;
        }
        let node = self.known.get_mut(&id)?;
        let obstacle = WaitReason::Unsupported(Unsupported {
            broker: node.name(),
            api: ApiVersionsRequest::KEY,
            theirs: Versions::new(answer).of::<ApiVersionsRequest>(),
            ours: ApiVersionsRequest::STABLE_VERSIONS,
        });
        node.note_obstacle(now, obstacle.clone());
        Some(obstacle)
    }

    /// A request was answered as it should be. A bootstrap server is disconnected once the cluster's own
    /// brokers are known.
    pub(crate) fn note_use(&mut self, cx: &mut Context, id: NodeId) {
        self.sasl_demand.answered();
        let (idle_max, timeout) = (
            cx.settings.connections_max_idle,
            cx.settings.request_timeout,
        );
        if let Some(node) = self.known.get_mut(&id) {
            node.note_use();
            cx.reports.answered(id, || node.name(), &mut cx.actions);
            // A longer time is looked at when that of the answer is over.
            if let Some(until) = node.idle_until(idle_max.filter(|max| *max < timeout)) {
                cx.timers.arm(Timer::Node(id), until);
            }
        }
        self.retire_bootstrap(cx, id);
    }

    /// A bootstrap server is connected now. If another broker was quicker, it is not needed any more.
    pub(crate) fn retire_if_late(&mut self, cx: &mut Context, id: NodeId) {
        let known = |node: &Node| !node.id().is_bootstrap() && node.is_ready();
        let free = |node: &Node| node.id() != id && node.load() == Some(0);
        if self.known.values().any(|node| known(node) || free(node)) {
            self.retire_bootstrap(cx, id);
        }
    }

    fn retire_bootstrap(&mut self, cx: &mut Context, id: NodeId) {
        if !id.is_bootstrap() || self.known.keys().all(|id| id.is_bootstrap()) {
            return;
        }
        let load = self.known.get(&id).and_then(Node::load);
        if load == Some(0) {
            self.let_go(cx, id);
        }
    }

    /// Closes a connection that is not needed; that is no failure.
    fn let_go(&mut self, cx: &mut Context, id: NodeId) {
        if let Some(node) = self.known.get_mut(&id) {
            if let Some(unanswered) = node.in_flight() {
                cx.metrics.closed(cx.now, unanswered.len());
            }
            node.let_go(cx.now);
            cx.actions.push_back(Action::Drop(id));
        }
    }

    /// Gives a connection up from our side.
    pub(crate) fn lose(&mut self, cx: &mut Context, id: NodeId, why: &str) -> Option<Disconnected> {
        cx.actions.push_back(Action::Drop(id));
        self.disconnected(cx, id, why)
    }

    /// There is no connection any more, if there was one or one was being made.
    pub(crate) fn disconnected(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        why: &str,
    ) -> Option<Disconnected> {
        if id.is_bootstrap() {
            self.bootstrapping.failed(why);
        }
        let node = self.known.get(&id)?;
        let obstacle = WaitReason::Connection {
            broker: node.name(),
            reason: why.into(),
        };
        self.failed(cx, id, obstacle)
    }

    /// The same, and what was in the way.
    fn failed(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        obstacle: WaitReason,
    ) -> Option<Disconnected> {
        let node = self.known.get_mut(&id)?;
        if node.is_resting() {
            return None;
        }
        if let Some(unanswered) = node.in_flight() {
            cx.metrics.closed(cx.now, unanswered.len());
        }
        if let WaitReason::Authentication(_) = obstacle {
            let occasion = node.exchange().map(|exchange| exchange.occasion);
            let outcome = match occasion {
                Some(Occasion::Again) => LoginOutcome::NotRenewed,
                Some(Occasion::First) | None => LoginOutcome::Refused,
            };
            cx.metrics.authenticated(cx.now, id, outcome);
        }
        let was_in_use = node.is_in_use();
        let (rested, unanswered) = node.fail(cx.now, obstacle.clone(), &mut cx.random);
        let ended = match was_in_use {
            true => Ended::InUse {
                unanswered: unanswered.len(),
            },
            false => Ended::BeforeUse,
        };
        cx.reports.failed(id, &obstacle, ended, &mut cx.actions);
        cx.timers.arm(Timer::Node(id), rested);
        Some(Disconnected {
            id,
            obstacle,
            unanswered,
        })
    }

    /// A broker's timer is due: a dial or an answer took too long, it was idle for too long, or a pause is
    /// over.
    pub(crate) fn due(&mut self, cx: &mut Context, id: NodeId) -> Option<Disconnected> {
        let idle_max = cx.settings.connections_max_idle;
        let node = self.known.get(&id)?;
        let idle = node.idle_until(idle_max);
        let overdue = node.overdue(cx.now, cx.settings.request_timeout);
        let mut lost = None;
        if idle.is_some_and(|until| until <= cx.now) {
            self.let_go(cx, id);
        } else if let Some(why) = overdue {
            lost = self.lose_overdue(cx, id, &why);
        }
        let node = self.known.get_mut(&id)?;
        let held_back = node.end_silence(cx.now).into_iter();
        cx.actions
            .extend(held_back.map(|outgoing| Action::Send(id, outgoing)));
        if let Some(at) = node.deadline(cx.now, idle_max) {
            cx.timers.arm(Timer::Node(id), at);
        }
        lost
    }
}

/// Requests and their answers.
impl Nodes {
    /// Sends a request that is small and answered; a broker that asks for silence gets it afterwards.
    pub(crate) fn ask<R: Request>(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        version: Version,
        request: &R,
        expected: ExpectedResponse,
    ) -> Sent {
        let node = self.known.get_mut(&id);
        let Some(node) = node.filter(|node| node.connection().is_some()) else {
            return Err(Unsent::NoConnection(expected));
        };
        let sent = node.silent_until().unwrap_or(cx.now);
        let deadline = sent + cx.settings.request_timeout;
        let Some(connection) = node.connection_mut() else {
            return Ok(());
        };
        let correlation_id = connection.begin(cx.now, version, deadline, expected);
        cx.metrics.asked();
        let client_id = Some(&*cx.settings.client_id);
        let payload = match encode_request(correlation_id, client_id, version, request) {
            Ok(frame) => Payload::Whole(frame),
            // What users name is checked where it comes in, so this is for what brokers name.
            Err(error) => {
                let lost = self.lose(cx, id, &error.to_string());
                return lost.map_or(Ok(()), |lost| Err(Unsent::Lost(lost)));
            }
        };
        let outgoing = Outgoing {
            correlation_id,
            confirm: Confirm::Answered,
            payload,
        };
        if let Some(outgoing) = node.hold_back(outgoing) {
            cx.actions.push_back(Action::Send(id, outgoing));
        }
        cx.timers.arm(Timer::Node(id), deadline);
        Ok(())
    }

    /// Notes a produce request that is sent now; its correlation id, if there is a connection.
    pub(crate) fn begin_produce(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        version: Version,
        batches: Vec<BatchRef>,
    ) -> Option<i32> {
        let deadline = cx.now + cx.settings.request_timeout;
        let node = self.known.get_mut(&id)?;
        node.note_sent(cx.now);
        let connection = node.connection_mut()?;
        let expected = ExpectedResponse::Produce(batches);
        let correlation_id = connection.begin(cx.now, version, deadline, expected);
        cx.metrics.asked();
        cx.timers.arm(Timer::Node(id), deadline);
        Some(correlation_id)
    }

    fn connection_mut(&mut self, id: NodeId) -> Option<&mut Connection> {
        self.known.get_mut(&id)?.connection_mut()
    }

    /// Takes the request that a frame answers, which is the oldest of its connection; `None` if there is
    /// no connection any more.
    ///
    /// # Errors
    /// Why the connection must be given up.
    pub(crate) fn answered(
        &mut self,
        id: NodeId,
        frame: &[u8],
    ) -> Result<Option<InFlightRequest>, &'static str> {
        let Some(connection) = self.connection_mut(id) else {
            return Ok(None);
        };
        let correlation_id = frame.first_chunk().map(|id| i32::from_be_bytes(*id));
        match correlation_id.and_then(|id| connection.answered(id)) {
            Some(request) => Ok(Some(request)),
            None => Err("it answered something that was not asked: not a Kafka broker?"),
        }
    }

    /// Takes a request that is not to be answered, or was never written.
    pub(crate) fn withdraw(&mut self, id: NodeId, correlation_id: i32) -> Option<InFlightRequest> {
        self.connection_mut(id)?.withdraw(correlation_id)
    }

    /// The batches of a produce request that is not answered yet.
    pub(crate) fn batches_of(&self, id: NodeId, correlation_id: i32) -> &[BatchRef] {
        let in_flight = self.known.get(&id).and_then(Node::in_flight);
        in_flight.map_or(&[], |requests| requests.batches_of(correlation_id))
    }

    /// Notes how far a request is.
    pub(crate) fn note_progress(&mut self, id: NodeId, correlation_id: i32, progress: Progress) {
        if let Some(connection) = self.connection_mut(id) {
            connection.note(correlation_id, progress);
        }
    }

    /// Notes how long an answer to a produce request took.
    pub(crate) fn note_answer(&mut self, id: NodeId, took: Duration) -> Speed {
        let node = self.known.get_mut(&id);
        let speed = node.and_then(|node| node.note_answer(took));
        speed.unwrap_or(Speed::AsBefore)
    }

    /// The broker asks for silence (KIP-219).
    pub(crate) fn throttle(&mut self, cx: &mut Context, id: NodeId, throttle_time_ms: i32) {
        cx.metrics.throttled(cx.now, id, throttle_time_ms);
        self.leave_alone(cx, id, throttle_time_ms);
    }

    /// The same, already measured.
    pub(crate) fn leave_alone(&mut self, cx: &mut Context, id: NodeId, throttle_time_ms: i32) {
        if let Ok(ms @ 1..) = u64::try_from(throttle_time_ms)
            && let Some(node) = self.known.get_mut(&id)
        {
            let time = Duration::from_millis(ms);
            let until = node.be_silent(cx.now, time);
            let name = || node.name();
            cx.reports
                .throttled(id, time, name, cx.now, &mut cx.actions);
            cx.timers.arm(Timer::Node(id), until);
        }
    }
}

/// One of those that have rested and failed least.
fn choose(resting: &[&Node], cx: &mut Context) -> Option<NodeId> {
    let rank = |node: &Node| (node.failures(), node.id().is_bootstrap());
    let now = cx.now;
    let rested = || resting.iter().filter(|node| node.can_dial(now));
    let best = rested().map(|node| rank(node)).min()?;
    let equals = rested().filter(|node| rank(node) == best);
    let equals: Vec<NodeId> = equals.map(|node| node.id()).collect();
    Some(equals[cx.random.usize(..equals.len())])
}

/// For so long a connection that is being made is waited for by callers whom every other broker refuses:
/// they are told so within a second.
const CONNECTING_WAIT: Duration = Duration::from_millis(750);

#[cfg(test)]
mod tests;
