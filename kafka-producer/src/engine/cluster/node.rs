//! One broker: its address, and its connection as a state.
//!
//! ```text
//! Resting ──dial──▶ Dialing ──opened──▶ Greeting ──versions──▶ Authenticating ──accepted─▶ Ready
//!    ▲                 │                   │                     │     ▲                   │
//!    │                 │                   │                     │     └─ its session ends ┤
//!    └─────────────────┴── lost, let go ───┴─────────────────────┴─────────────────────────┘
//! Ready ──who it is matters, and it has not said so──▶ Verifying ──it is the one that is meant──▶ Ready
//! ```
//!
//! Without SASL nobody is authenticated: a broker that has been greeted is ready. How it is done is in
//! `node/login.rs`. A broker whose id is known when it is greeted says then whether it is the one that is
//! meant; others are asked later (`node/verify.rs`).
//!
//! What it asks of us (silence, pauses between dials) outlives its connections, and so does what it said
//! that it speaks, and what was wrong, for messages; all else goes with a connection (`connection.rs`).

mod load;
pub(crate) mod login;
mod obstacle;
mod verify;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_wire::messages::ProduceRequest;
use kafka_wire::{Request, Version, VersionRange};

use crate::engine::backoff::Pace;
use crate::engine::cluster::connection::{Connection, Session, Speed};
use crate::engine::cluster::handshake::sasl::{Exchange, Occasion};
use crate::engine::cluster::in_flight::{InFlight, Unanswered};
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::refusal::Refusal;
use crate::engine::cluster::versions::Versions;
use crate::engine::produce::request::Outgoing;
use crate::error::{Unsupported, WaitReason};
use crate::settings::{Address, BackoffRange};

/// One broker as the engine knows it.
#[derive(Debug)]
pub(crate) struct Node {
    id: NodeId,
    address: Address,
    link: Link,
    /// What it spoke on a connection that was let go, if no other was lost since.
    spoken: Option<Versions>,
    /// What was wrong with its last connection, until another is of use.
    obstacle: Option<Obstacle>,
    /// How soon it may be dialed again.
    pace: Pace,
    /// Until when it has asked not to be sent anything (KIP-219).
    silent_until: Option<Instant>,
    /// Where it stands (`broker.rack`).
    rack: Option<Arc<str>>,
    /// When it was last sent batches.
    last_sent: Option<Instant>,
}

/// What was wrong, and when that was found.
#[derive(Debug)]
struct Obstacle {
    why: WaitReason,
    since: Instant,
}

/// The state of its connection.
#[derive(Debug)]
enum Link {
    /// None.
    Resting,
    /// Being made.
    Dialing { deadline: Instant },
    /// Made; the broker is telling what it speaks.
    Greeting(Connection),
    /// It is being shown our credentials: nothing else is sent.
    Authenticating(Connection, Session, Exchange),
    /// It is being asked whether it is the broker that is meant: nothing else is sent.
    Verifying(Connection, Session),
    /// Ready for every request.
    Ready(Connection, Session),
}

/// Whether a broker can be sent a request now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    Ready,
    /// It has asked for silence.
    Silent,
    /// There is no connection, and none is being made.
    Resting,
    Connecting,
}

/// Whether a broker can be sent a produce request now.
#[derive(Debug)]
pub(crate) enum Window {
    /// In this version at the newest.
    Open(Version),
    /// Not before something else has happened: an answer, the end of a silence or of a dial.
    Closed,
    /// Not without a connection, which nobody is making.
    Resting,
    /// Never.
    Unsupported(Unsupported),
}

/// What is to be kept to of a broker that is not known any more, if it is met again.
#[derive(Debug)]
pub(crate) struct Left {
    pace: Pace,
    silent_until: Option<Instant>,
    /// Why it could not be reached, for messages.
    obstacle: Option<Obstacle>,
}

impl Left {
    /// Whether anything is.
    pub(crate) fn matters(&self, now: Instant) -> bool {
        !self.pace.is_over(now) || self.silent_until.is_some_and(|until| until > now)
    }
}

impl Node {
    /// A broker that was never dialed; between dials there is `backoff`.
    pub(crate) fn new(id: NodeId, address: Address, backoff: BackoffRange) -> Self {
        Self {
            id,
            address,
            link: Link::Resting,
            spoken: None,
            obstacle: None,
            pace: Pace::new(backoff),
            silent_until: None,
            rack: None,
            last_sent: None,
        }
    }

    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// It is somewhere else from now on; a connection that there is stays.
    pub(crate) fn move_to(&mut self, address: Address) {
        self.address = address;
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> Arc<str> {
        format!("{} at {}", self.id, self.address).into()
    }

    /// What is to be kept to if it is met again.
    pub(crate) fn leave(self) -> Left {
        Left {
            pace: self.pace,
            silent_until: self.silent_until,
            obstacle: self
                .obstacle
                .filter(|it| matches!(it.why, WaitReason::Connection { .. })),
        }
    }

    /// It is met again.
    pub(crate) fn resume(&mut self, left: Left, now: Instant) {
        self.pace = left.pace;
        self.obstacle = left.obstacle;
        self.silent_until = left.silent_until.filter(|until| *until > now);
    }
}

/// Its connection.
impl Node {
    /// Whether there is no connection, and none being made.
    pub(crate) fn is_resting(&self) -> bool {
        matches!(self.link, Link::Resting)
    }

    /// Whether it can be asked anything but what it speaks.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.link, Link::Ready(..))
    }

    pub(crate) fn connection(&self) -> Option<&Connection> {
        match &self.link {
            Link::Greeting(connection)
            | Link::Authenticating(connection, ..)
            | Link::Verifying(connection, _)
            | Link::Ready(connection, _) => Some(connection),
            Link::Resting | Link::Dialing { .. } => None,
        }
    }

    pub(crate) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.link {
            Link::Greeting(connection)
            | Link::Authenticating(connection, ..)
            | Link::Verifying(connection, _)
            | Link::Ready(connection, _) => Some(connection),
            Link::Resting | Link::Dialing { .. } => None,
        }
    }

    pub(crate) fn in_flight(&self) -> Option<&InFlight> {
        self.connection().map(Connection::in_flight)
    }

    /// What is known of one that is ready.
    fn session(&self) -> Option<&Session> {
        match &self.link {
            Link::Ready(_, session) => Some(session),
            _ => None,
        }
    }

    fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.link {
            Link::Authenticating(_, session, _)
            | Link::Verifying(_, session)
            | Link::Ready(_, session) => Some(session),
            _ => None,
        }
    }

    /// How often in a row it could not be reached.
    pub(crate) fn failures(&self) -> u32 {
        self.pace.failures()
    }

    /// When it may be dialed.
    pub(crate) fn rested_at(&self, now: Instant) -> Instant {
        self.pace.earliest(now)
    }

    /// Whether a connection could be begun now.
    pub(crate) fn can_dial(&self, now: Instant) -> bool {
        self.is_resting() && self.rested_at(now) <= now
    }

    /// A connection is being made.
    pub(crate) fn dial(&mut self, now: Instant, deadline: Instant, random: &mut fastrand::Rng) {
        self.pace.begin(now, random);
        self.link = Link::Dialing { deadline };
    }

    /// The connection that was being made is open; whether there was one.
    pub(crate) fn open(&mut self, now: Instant) -> bool {
        let dialing = matches!(self.link, Link::Dialing { .. });
        if dialing {
            self.link = Link::Greeting(Connection::new(now));
        }
        dialing
    }

    /// A question on this connection was answered, and the answer understood.
    pub(crate) fn note_use(&mut self) {
        if let Some(session) = self.session_mut() {
            session.note_use();
            self.obstacle = None;
        }
    }

    /// Notes how long an answer to a produce request took.
    pub(crate) fn note_answer(&mut self, took: Duration) -> Option<Speed> {
        Some(self.session_mut()?.note_answer(took))
    }

    /// The quickest answer to a produce request on this connection, if it is ready.
    pub(crate) fn quickest(&self) -> Option<Option<Duration>> {
        self.session().map(Session::quickest)
    }

    /// Ends the connection by our will, which is no failure.
    pub(crate) fn let_go(&mut self, now: Instant) {
        if let Link::Ready(_, session) = self.rest(now) {
            self.spoken = Some(session.into_versions());
        }
    }

    /// Whether another can go on with its connection: it is ready, and nothing is waited for on it but answers.
    pub(crate) fn can_hand_over(&self) -> bool {
        self.is_ready() && self.awaits_token_until().is_none()
    }

    /// Lets `to`, which has no connection, go on with the one of this, and keep to the same silence.
    pub(crate) fn hand_over(&mut self, to: &mut Self) {
        self.spoken = self.told().cloned();
        to.link = std::mem::replace(&mut self.link, Link::Resting);
        to.silent_until = self.silent_until;
    }

    /// Its connection has failed, because of `obstacle`; when it may be dialed again, and what nobody
    /// answers any more.
    pub(crate) fn fail(
        &mut self,
        now: Instant,
        obstacle: WaitReason,
        random: &mut fastrand::Rng,
    ) -> (Instant, Vec<Unanswered>) {
        let unanswered = match self.rest(now) {
            Link::Greeting(connection)
            | Link::Authenticating(connection, ..)
            | Link::Verifying(connection, _)
            | Link::Ready(connection, _) => connection.into_in_flight().end(now),
            Link::Resting | Link::Dialing { .. } => Vec::new(),
        };
        self.spoken = None;
        let mut rested = self.pace.fail(now, random);
        if matches!(obstacle, WaitReason::Authentication(_)) {
            rested = self.pace.rest_until(now + PAUSE_AFTER_REFUSAL_MIN);
        }
        self.note_obstacle(now, obstacle);
        (rested, unanswered)
    }

    /// It has said why it is of no use: that is told of it rather than that its connection was lost.
    pub(crate) fn note_obstacle(&mut self, now: Instant, why: WaitReason) {
        self.obstacle = Some(Obstacle { why, since: now });
    }

    /// Ends the connection, if there is one; what stood on it. One that was of use for long enough
    /// leaves no failures behind.
    fn rest(&mut self, now: Instant) -> Link {
        let link = std::mem::replace(&mut self.link, Link::Resting);
        if let Link::Ready(_, session) | Link::Authenticating(_, session, _) = &link
            && session.was_of_use()
        {
            self.pace.recover(now);
        }
        link
    }

    /// Until when others need not be tried, because a connection to this one is being made.
    pub(crate) fn alone_until(&self) -> Option<Instant> {
        Some(self.connecting_since()? + HEAD_START)
    }

    /// Since when a connection is being made that nothing was asked on yet.
    fn connecting_since(&self) -> Option<Instant> {
        let connecting = match &self.link {
            Link::Dialing { .. } | Link::Greeting(_) | Link::Verifying(..) => true,
            Link::Authenticating(_, _, exchange) => exchange.occasion == Occasion::First,
            Link::Resting | Link::Ready(..) => false,
        };
        self.pace.begun().filter(|_| connecting)
    }

    /// How busy a ready broker is; `None` if it is not ready.
    pub(crate) fn load(&self) -> Option<usize> {
        match &self.link {
            Link::Ready(connection, _) => Some(connection.in_flight().len()),
            _ => None,
        }
    }

    pub(crate) fn availability(&self) -> Availability {
        match &self.link {
            _ if self.silent_until.is_some() => Availability::Silent,
            Link::Ready(..) => Availability::Ready,
            Link::Resting => Availability::Resting,
            Link::Dialing { .. }
            | Link::Greeting(_)
            | Link::Authenticating(..)
            | Link::Verifying(..) => Availability::Connecting,
        }
    }

    /// Whether it takes a produce request now, `max_in_flight` being
    /// `max.in.flight.requests.per.connection`.
    pub(crate) fn window(&self, max_in_flight: usize) -> Window {
        match &self.link {
            _ if self.silent_until.is_some() => Window::Closed,
            Link::Ready(connection, _) if connection.in_flight().produce() >= max_in_flight => {
                Window::Closed
            }
            Link::Ready(_, session) => match session.versions().newest::<ProduceRequest>() {
                Some(version) => Window::Open(version),
                None => Window::Unsupported(self.unsupported::<ProduceRequest>()),
            },
            Link::Resting => Window::Resting,
            Link::Dialing { .. }
            | Link::Greeting(_)
            | Link::Authenticating(..)
            | Link::Verifying(..) => Window::Closed,
        }
    }
}

/// Silence.
impl Node {
    /// Until when it is not sent anything, if it has asked for that.
    pub(crate) fn silent_until(&self) -> Option<Instant> {
        self.silent_until
    }

    /// It asks for silence, of which the latest end counts; when that is. What it was asked before it
    /// answers afterwards: it does not read from the connection meanwhile.
    pub(crate) fn be_silent(&mut self, now: Instant, time: Duration) -> Instant {
        let before = self.silent_until.map_or(now, |until| until.max(now));
        let until = before.max(now + time);
        self.silent_until = Some(until);
        if let Some(connection) = self.connection_mut() {
            connection.postpone(until - before);
        }
        if let Link::Authenticating(_, _, exchange) = &mut self.link {
            exchange.postpone(until - before);
        }
        until
    }

    /// Keeps a request until the silence is over; returns it if there is none.
    pub(crate) fn hold_back(&mut self, outgoing: Outgoing) -> Option<Outgoing> {
        let silent = self.silent_until.is_some();
        match self.connection_mut() {
            Some(connection) if silent => {
                connection.hold_back(outgoing);
                None
            }
            _ => Some(outgoing),
        }
    }

    /// Ends the silence if it is over; what is to be sent now.
    pub(crate) fn end_silence(&mut self, now: Instant) -> Vec<Outgoing> {
        if self.silent_until.take_if(|until| *until <= now).is_none() {
            return Vec::new();
        }
        let connection = self.connection_mut();
        connection.map_or_else(Vec::new, Connection::take_held_back)
    }
}

/// Time.
impl Node {
    /// When the engine must look at this broker next. A connection without requests is kept for
    /// `idle_max`.
    pub(crate) fn deadline(&self, now: Instant, idle_max: Option<Duration>) -> Option<Instant> {
        let link = match &self.link {
            Link::Resting => Some(self.rested_at(now)).filter(|at| *at > now),
            Link::Ready(connection, _) => {
                let answer = connection.in_flight().deadline();
                answer.or_else(|| self.idle_until(idle_max))
            }
            Link::Dialing { .. }
            | Link::Greeting(_)
            | Link::Authenticating(..)
            | Link::Verifying(..) => self.answer_deadline(),
        };
        [link, self.silent_until].into_iter().flatten().min()
    }

    /// When a connection that nothing is asked of has been idle for too long.
    pub(crate) fn idle_until(&self, idle_max: Option<Duration>) -> Option<Instant> {
        match &self.link {
            Link::Ready(connection, _) => Some(connection.idle_since()? + idle_max?),
            _ => None,
        }
    }

    /// When a dial or an answer that is waited for takes too long.
    fn answer_deadline(&self) -> Option<Instant> {
        match &self.link {
            Link::Dialing { deadline } => Some(*deadline),
            Link::Authenticating(connection, _, exchange) => {
                let answer = connection.in_flight().deadline();
                answer.into_iter().chain([exchange.deadline()]).min()
            }
            _ => self.in_flight()?.deadline(),
        }
    }

    /// Why its connection is to be given up now, if a dial or an answer takes too long.
    pub(crate) fn overdue(&self, now: Instant, request_timeout: Duration) -> Option<String> {
        self.answer_deadline().filter(|at| *at <= now)?;
        Some(match &self.link {
            Link::Dialing { .. } => {
                "no connection within socket.connection.setup.timeout.ms".to_owned()
            }
            Link::Authenticating(_, _, exchange) if exchange.deadline() <= now => {
                let limit = match exchange.occasion {
                    Occasion::First => "socket.connection.setup.timeout.ms",
                    Occasion::Again => "request.timeout.ms (or a longer time for connecting)",
                };
                format!("not authenticated within {limit}")
            }
            _ => {
                let timeout_ms = request_timeout.as_millis();
                format!("no answer within request.timeout.ms={timeout_ms}")
            }
        })
    }
}

/// What it speaks: it says so when it is greeted, and that is remembered of one that is not connected
/// any more. One that was not tried yet may speak anything.
impl Node {
    /// The newest of the `wanted` versions of `R` that it, being ready, and we speak.
    pub(crate) fn newest_in<R: Request>(&self, wanted: VersionRange) -> Option<Version> {
        self.session()?.versions().newest_in::<R>(wanted)
    }

    /// The versions of `R` that it, being ready, speaks.
    pub(crate) fn offered<R: Request>(&self) -> Option<VersionRange> {
        self.session()?.versions().of::<R>()
    }

    /// Whether it can be asked this.
    pub(crate) fn speaks<R: Request>(&self) -> bool {
        let versions = self.session().map(Session::versions);
        versions.is_some_and(Versions::include::<R>)
    }

    /// Whether it may speak this, as far as is known. One that is being connected to may, but not for
    /// longer than `wait_max`, and not if it has just refused our credentials.
    pub(crate) fn may_speak<R: Request>(&self, now: Instant, wait_max: Duration) -> bool {
        if let Some(since) = self.connecting_since().filter(|_| !self.is_verifying()) {
            let waited = now.saturating_duration_since(since);
            return waited < wait_max && !self.has_just_refused(now);
        }
        match (self.told(), self.obstacle.as_ref().map(|it| &it.why)) {
            (Some(versions), _) => versions.include::<R>(),
            // It is tried again, and may accept us by now.
            (None, Some(WaitReason::Authentication(_))) => !self.has_just_refused(now),
            (None, obstacle) => obstacle.is_none(),
        }
    }

    /// Why it is of no use for this, by what it has said.
    pub(crate) fn refusal<R: Request>(&self, now: Instant) -> Option<Refusal> {
        let lacks = |versions: &Versions| !versions.include::<R>();
        match (self.told(), self.obstacle.as_ref().map(|it| &it.why)) {
            (_, Some(WaitReason::Authentication(why))) if self.has_just_refused(now) => {
                Some(Refusal::Authentication(why.clone()))
            }
            (Some(versions), _) if lacks(versions) => {
                Some(Refusal::Unsupported(self.unsupported::<R>()))
            }
            (None, Some(WaitReason::Unsupported(why))) => Some(Refusal::Unsupported(why.clone())),
            _ => None,
        }
    }

    /// That it does not speak this in a version that will do.
    pub(crate) fn unsupported<R: Request>(&self) -> Unsupported {
        Unsupported {
            broker: self.name(),
            api: R::KEY,
            theirs: self.told().and_then(Versions::of::<R>),
            ours: R::STABLE_VERSIONS,
        }
    }

    fn told(&self) -> Option<&Versions> {
        match &self.link {
            Link::Authenticating(_, session, _)
            | Link::Verifying(_, session)
            | Link::Ready(_, session) => Some(session.versions()),
            _ => self.spoken.as_ref(),
        }
    }
}

/// A broker that has refused our credentials is not dialed for so long at least, whatever
/// `reconnect.backoff.ms` is: its next answer will be the same, and may lock the user out.
const PAUSE_AFTER_REFUSAL_MIN: Duration = Duration::from_millis(50);

/// For so long, beside the longest pause between dials, a broker counts as one that refuses our credentials,
/// also while it is tried again: of several that refuse one after the other, one is always being tried.
const REFUSAL_COUNTS: Duration = Duration::from_secs(1);

/// For so long a connection that is being made is all that is tried where any broker will do: the
/// delay between attempts that RFC 8305 recommends for the addresses of one name.
const HEAD_START: Duration = Duration::from_millis(250);
