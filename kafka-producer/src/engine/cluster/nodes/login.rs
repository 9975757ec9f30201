//! Authentication to brokers: the requests of an exchange, the tokens that it takes, and the sessions that
//! come to their ends. What is said, and what the answers mean, is in `handshake/sasl.rs`.

use std::time::Instant;

use bytes::Bytes;
use kafka_wire::messages::{
    ApiVersionsResponse, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use kafka_wire::{Request, Version};

use super::Nodes;
use crate::engine::backoff;
use crate::engine::cluster::destination::Destination;
use crate::engine::cluster::disconnected::{Disconnected, Sent};
use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::handshake::api_versions;
use crate::engine::cluster::handshake::sasl::{self, Exchange, Occasion, Step};
use crate::engine::cluster::node::Node;
use crate::engine::cluster::node::login::Renewal;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::versions::Versions;
use crate::engine::context::Context;
use crate::engine::input::Action;
use crate::engine::metrics::LoginOutcome;
use crate::engine::timers::Timer;
use crate::error::{AuthenticationError, WaitReason};
use crate::security::{Sasl, Token, TokenError};

/// How far a login is.
#[derive(Debug)]
#[must_use = "its consequences are the engine's"]
pub(crate) enum Login {
    /// Something is waited for; or there is no login.
    UnderWay(Sent),
    /// The broker is ready for every request.
    Ready,
    /// It is again, on the same connection.
    Renewed,
    /// It refuses us, for this reason.
    Refused(String),
    /// The session has ended before it could be renewed.
    Over(&'static str),
}

const WAITING: Login = Login::UnderWay(Ok(()));

impl Nodes {
    /// A broker has told what it speaks: it is shown our credentials, if there are any.
    pub(crate) fn greeted(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        answer: &ApiVersionsResponse,
        leads_to: Option<Destination>,
    ) -> Login {
        if self.is_verifying(id) {
            self.throttle(cx, id, answer.throttle_time_ms);
            return self.verified(cx, id, leads_to);
        }
        if let Some(version) = self.asks_for_demand(cx, answer) {
            self.throttle(cx, id, answer.throttle_time_ms);
            return Login::UnderWay(self.ask_for_demand(cx, id, version));
        }
        let exchange = cx.settings.security.sasl.clone();
        let exchange = exchange.map(|sasl| self.exchange(cx, id, &sasl, Occasion::First));
        let logs_in = exchange.is_some();
        if let Some(node) = self.known.get_mut(&id) {
            node.greeted(Versions::new(answer), leads_to, exchange);
        }
        self.destinations.reached(id);
        self.throttle(cx, id, answer.throttle_time_ms);
        match logs_in {
            true => self.begin_login(cx, id),
            false => self.logged_in(cx, id),
        }
    }

    /// A broker has accepted us, or need not. It is asked whether it is the one that is meant, unless it has said
    /// so: what that is may have become known only after it was greeted.
    fn logged_in(&mut self, cx: &mut Context, id: NodeId) -> Login {
        match self.verify(cx, id) {
            Some(sent) => Login::UnderWay(sent),
            None => Login::Ready,
        }
    }

    /// The version of SaslHandshake in which a broker is asked whether its port asks for SASL, if it is.
    fn asks_for_demand(&self, cx: &Context, answer: &ApiVersionsResponse) -> Option<Version> {
        let asks = cx.settings.security.sasl.is_none() && self.sasl_demand.is_suspected();
        let versions = asks.then(|| Versions::new(answer))?;
        versions.newest::<SaslHandshakeRequest>()
    }

    /// Nothing else is sent before it is answered: a broker that closes the connection with a request unread
    /// resets it, and its answer is lost.
    fn ask_for_demand(&mut self, cx: &mut Context, id: NodeId, version: Version) -> Sent {
        self.sasl_demand.ask();
        let request = SaslHandshakeRequest::default().with_mechanism(ANY_MECHANISM.to_owned());
        self.ask(cx, id, version, &request, ExpectedResponse::SaslHandshake)
    }

    /// An exchange that begins now.
    fn exchange(&self, cx: &mut Context, id: NodeId, sasl: &Sasl, occasion: Occasion) -> Exchange {
        Exchange::begin(sasl, occasion, self.login_deadline(cx, id, occasion))
    }

    /// When a login that begins now is given up: after `socket.connection.setup.timeout.ms`; on a connection
    /// in use not before `request.timeout.ms`, because the broker answers what was sent before first.
    fn login_deadline(&self, cx: &mut Context, id: NodeId, occasion: Occasion) -> Instant {
        let failures = self.known.get(&id).map_or(0, |node| node.failures());
        let setup = cx.settings.connection_setup;
        let setup = backoff::delay(setup, failures.saturating_add(1), &mut cx.random);
        let timeout = match occasion {
            Occasion::First => setup,
            Occasion::Again => setup.max(cx.settings.request_timeout),
        };
        // Nothing is sent before the end of a silence.
        let silent_until = self.known.get(&id).and_then(Node::silent_until);
        let deadline = silent_until.map_or(cx.now, |until| until.max(cx.now)) + timeout;
        cx.timers.arm(Timer::Node(id), deadline);
        deadline
    }

    /// Asks for the mechanism, or for a token first.
    fn begin_login(&mut self, cx: &mut Context, id: NodeId) -> Login {
        let Some(node) = self.known.get(&id) else {
            return WAITING;
        };
        let Some(exchange) = node.exchange() else {
            return WAITING;
        };
        if !exchange.waits_for_token() {
            return self.ask_for_mechanism(cx, id);
        }
        let address = node.address().clone();
        cx.actions.push_back(Action::FetchToken(id, address));
        WAITING
    }

    fn ask_for_mechanism(&mut self, cx: &mut Context, id: NodeId) -> Login {
        let Some(mechanism) = cx.settings.security.sasl.as_ref().map(Sasl::mechanism) else {
            return WAITING;
        };
        let version = self.version_of::<SaslHandshakeRequest>(id);
        let authenticates = self.version_of::<SaslAuthenticateRequest>(id).is_some();
        let with_framing = |version: &Version| version.number >= FIRST_FRAMED && authenticates;
        let Some(version) = version.filter(with_framing) else {
            return Login::Refused(sasl::not_spoken());
        };
        let request = SaslHandshakeRequest::default().with_mechanism(mechanism.to_owned());
        let expected = ExpectedResponse::SaslHandshake;
        Login::UnderWay(self.ask(cx, id, version, &request, expected))
    }

    fn version_of<R: Request>(&self, id: NodeId) -> Option<Version> {
        self.known.get(&id)?.spoken_in_exchange()?.newest::<R>()
    }

    /// A token has come, or none.
    pub(crate) fn token_told(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        told: Result<Token, TokenError>,
    ) -> Login {
        let (Some(sasl), Some(node)) = (cx.settings.security.sasl.clone(), self.known.get(&id))
        else {
            return WAITING;
        };
        let occasion = node.exchange().filter(|it| it.waits_for_token());
        let occasion = occasion.map(|exchange| exchange.occasion);
        match (told, occasion) {
            (Ok(token), Some(_)) => self.show_token(cx, id, token),
            (Ok(token), None) if node.awaits_token_until().is_some() => {
                let exchange = self.exchange(cx, id, &sasl, Occasion::Again);
                self.authenticate_again(cx, id, exchange);
                self.show_token(cx, id, token)
            }
            (Err(why), Some(Occasion::First)) => {
                Login::Refused(sasl::no_token(&why.to_string(), &sasl))
            }
            (Err(_), Some(Occasion::Again)) => Login::Over(NO_TOKEN),
            (Err(_), None) => {
                let node = self.known.get_mut(&id);
                if let Some(at) = node.and_then(|node| node.retry_token(cx.now)) {
                    cx.timers.arm(Timer::Session(id), at);
                }
                WAITING
            }
            // It was asked for on a connection that is gone.
            (Ok(_), None) => WAITING,
        }
    }

    fn authenticate_again(&mut self, cx: &Context, id: NodeId, exchange: Exchange) {
        cx.metrics.renewing(cx.now, id);
        if let Some(node) = self.known.get_mut(&id) {
            node.authenticate_again(exchange);
        }
    }

    fn show_token(&mut self, cx: &mut Context, id: NodeId, token: Token) -> Login {
        let node = self.known.get(&id);
        let occasion = node.and_then(Node::exchange).map(|it| it.occasion);
        let occasion = occasion.unwrap_or(Occasion::First);
        let deadline = self.login_deadline(cx, id, occasion);
        let node = self.known.get_mut(&id);
        if let Some(exchange) = node.and_then(|node| node.exchange_mut()) {
            exchange.take_token(token, deadline);
        }
        self.ask_for_mechanism(cx, id)
    }

    /// A broker has said whether it takes the mechanism.
    pub(crate) fn mechanism_told(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        answer: &SaslHandshakeResponse,
    ) -> Login {
        if cx.settings.security.sasl.is_none() {
            return match self.sasl_demand.told(answer) {
                Some(mechanisms) => Login::Refused(sasl::demanded(&mechanisms, &cx.settings)),
                None => Login::UnderWay(self.greet(cx, id, api_versions::FIRST_VERSION)),
            };
        }
        let Self {
            known,
            authenticator,
            ..
        } = self;
        let exchange = known.get_mut(&id).and_then(|node| node.exchange_mut());
        let (Some(sasl), Some(exchange)) = (&cx.settings.security.sasl, exchange) else {
            return WAITING;
        };
        match exchange.chosen(answer, sasl, authenticator, cx.now) {
            Ok(first) => self.say(cx, id, first),
            Err(why) => Login::Refused(why),
        }
    }

    /// A broker has answered what the mechanism has said.
    pub(crate) fn authentication_told(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        answer: &SaslAuthenticateResponse,
    ) -> Login {
        let Self {
            known,
            authenticator,
            ..
        } = self;
        let node = known.get_mut(&id);
        let (Some(sasl), Some(node)) = (&cx.settings.security.sasl, node) else {
            return WAITING;
        };
        let Some(exchange) = node.exchange_mut() else {
            return WAITING;
        };
        let occasion = exchange.occasion;
        match exchange.answered(answer, sasl, authenticator, cx.now) {
            Ok(Step::Say(more)) => self.say(cx, id, more),
            Ok(Step::Authenticated(granted)) => {
                let part = RENEWED_FROM + cx.random.f64() * (RENEWED_TO - RENEWED_FROM);
                if let Some(at) = node.authenticated(cx.now, granted, part) {
                    cx.timers.arm(Timer::Session(id), at);
                }
                if let Some(until) = node.idle_until(cx.settings.connections_max_idle) {
                    cx.timers.arm(Timer::Node(id), until);
                }
                let outcome = match occasion {
                    Occasion::First => LoginOutcome::Accepted,
                    Occasion::Again => LoginOutcome::Renewed,
                };
                cx.metrics.authenticated(cx.now, id, outcome);
                match occasion {
                    Occasion::First => self.logged_in(cx, id),
                    Occasion::Again => Login::Renewed,
                }
            }
            Err(why) => Login::Refused(why),
        }
    }

    fn say(&mut self, cx: &mut Context, id: NodeId, words: Bytes) -> Login {
        let Some(version) = self.version_of::<SaslAuthenticateRequest>(id) else {
            return Login::Refused(sasl::not_spoken());
        };
        let request = SaslAuthenticateRequest::default().with_auth_bytes(words);
        let expected = ExpectedResponse::SaslAuthenticate;
        Login::UnderWay(self.ask(cx, id, version, &request, expected))
    }

    /// The session with a broker may be near its end.
    pub(crate) fn session_due(&mut self, cx: &mut Context, id: NodeId) -> Login {
        let (Some(sasl), Some(node)) = (cx.settings.security.sasl.clone(), self.known.get_mut(&id))
        else {
            return WAITING;
        };
        match node.renewal(cx.now) {
            Renewal::Later(at) => {
                if let Some(at) = at {
                    cx.timers.arm(Timer::Session(id), at);
                }
                WAITING
            }
            Renewal::Over => Login::Over(NO_TOKEN),
            Renewal::Due { ends } if sasl.takes_token() => {
                node.await_token(cx.now, ends);
                let address = node.address().clone();
                cx.actions.push_back(Action::FetchToken(id, address));
                self.session_due(cx, id)
            }
            Renewal::Due { .. } => {
                let exchange = self.exchange(cx, id, &sasl, Occasion::Again);
                self.authenticate_again(cx, id, exchange);
                self.ask_for_mechanism(cx, id)
            }
            Renewal::NearlyOver { ends } => {
                node.authenticate_again(Exchange::begin(&sasl, Occasion::Again, ends));
                cx.timers.arm(Timer::Node(id), ends);
                WAITING
            }
        }
    }
}

/// Being refused.
impl Nodes {
    /// A broker refuses our credentials: its connection is given up.
    pub(crate) fn refused(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        reason: &str,
    ) -> Option<Disconnected> {
        cx.actions.push_back(Action::Drop(id));
        self.not_authenticated(cx, id, reason)
    }

    fn not_authenticated(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        reason: &str,
    ) -> Option<Disconnected> {
        let node = self.known.get(&id)?;
        let sasl = cx.settings.security.sasl.as_ref();
        let why = AuthenticationError {
            broker: node.name(),
            mechanism: sasl.map_or("SASL", Sasl::mechanism),
            user: node.exchange().and_then(Exchange::user),
            reason: reason.into(),
        };
        self.failed(cx, id, WaitReason::Authentication(why))
    }

    /// The connection could not be made, or the network or the broker has ended it.
    pub(crate) fn hung_up(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        why: &str,
    ) -> Option<Disconnected> {
        let node = self.known.get(&id)?;
        let why = match (&cx.settings.security.sasl, node.first_request()) {
            (None, Some(request)) => match self.sasl_demand.closed_instead_of(request) {
                Some(mechanisms) => {
                    let why = sasl::demanded(&mechanisms, &cx.settings);
                    return self.not_authenticated(cx, id, &why);
                }
                None => sasl::perhaps_demanded(request, why),
            },
            (Some(sasl), _) if node.exchange().is_some() => sasl::closed_instead(sasl, why),
            _ => why.to_owned(),
        };
        self.disconnected(cx, id, &why)
    }

    /// TLS could not be agreed on with a broker: the connection is gone. What breaks after the first answer,
    /// which comes when the broker has taken our certificate, is a fault of the network.
    pub(crate) fn tls_failed(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        reason: &str,
    ) -> Option<Disconnected> {
        let node = self.known.get(&id)?;
        if node.has_spoken() {
            return self.disconnected(cx, id, reason);
        }
        let why = AuthenticationError {
            broker: node.name(),
            mechanism: "TLS",
            user: None,
            reason: reason.into(),
        };
        self.failed(cx, id, WaitReason::Authentication(why))
    }

    /// A dial, a login or an answer takes too long. That there is no token is no fault of the network.
    pub(super) fn lose_overdue(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        why: &str,
    ) -> Option<Disconnected> {
        let exchange = self.known.get(&id).and_then(|node| node.exchange());
        let waits = exchange.filter(|exchange| exchange.waits_for_token());
        let occasion = waits.map(|exchange| exchange.occasion);
        match (occasion, cx.settings.security.sasl.clone()) {
            (Some(Occasion::First), Some(sasl)) => {
                self.refused(cx, id, &sasl::no_token(why, &sasl))
            }
            (Some(_), _) => self.lose(cx, id, NO_TOKEN),
            (None, _) => self.lose(cx, id, why),
        }
    }

    /// Why a broker is not dialed that has refused our credentials, until it is tried again.
    pub(crate) fn refusal_in_pause(&self, now: Instant, id: NodeId) -> Option<AuthenticationError> {
        self.known.get(&id)?.refusal_in_pause(now).cloned()
    }
}

/// The first version of SaslHandshake after which SaslAuthenticate is spoken (KIP-152).
const FIRST_FRAMED: i16 = 1;

/// A mechanism that a client without SASL asks for, to be told whether any is wanted. Nothing secret follows.
const ANY_MECHANISM: &str = "PLAIN";

/// A session is renewed when so much of it is over, as in Java: at random, so that the connections to a
/// broker do not do so together.
const RENEWED_FROM: f64 = 0.85;
const RENEWED_TO: f64 = 0.95;

const NO_TOKEN: &str = "its session has ended, and there was no token to renew it";
