//! What belongs to one connection to a broker: the requests on their way, and what was learnt while it
//! stood. Nothing of it is used on the next one.

use std::time::{Duration, Instant};

use kafka_wire::Version;

use crate::engine::cluster::destination::Destination;
use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::in_flight::{InFlight, InFlightRequest, Progress};
use crate::engine::cluster::versions::Versions;
use crate::engine::produce::request::Outgoing;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    in_flight: InFlight,
    /// Requests that are sent when the broker is to be disturbed again.
    held_back: Vec<Outgoing>,
    /// When something was last sent that was not for the renewal of a session, or it was opened.
    last_used: Instant,
}

impl Connection {
    /// One that has just been opened.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            in_flight: InFlight::default(),
            held_back: Vec::new(),
            last_used: now,
        }
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// Notes a request that is sent now; its correlation id.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        version: Version,
        deadline: Instant,
        expected: ExpectedResponse,
    ) -> i32 {
        if !expected.is_of_login() {
            self.note_use(now);
        }
        self.in_flight.begin(now, version, deadline, expected)
    }

    /// It is of use now.
    pub(crate) fn note_use(&mut self, now: Instant) {
        self.last_used = now;
    }

    /// Takes the request that an answer with this id belongs to.
    pub(crate) fn answered(&mut self, correlation_id: i32) -> Option<InFlightRequest> {
        self.in_flight.answered(correlation_id)
    }

    /// Takes a request that is not to be answered.
    pub(crate) fn withdraw(&mut self, correlation_id: i32) -> Option<InFlightRequest> {
        self.in_flight.withdraw(correlation_id)
    }

    /// Notes how far a request is.
    pub(crate) fn note(&mut self, correlation_id: i32, progress: Progress) {
        self.in_flight.note(correlation_id, progress);
    }

    /// Gives every request more time for its answer.
    pub(crate) fn postpone(&mut self, by: Duration) {
        self.in_flight.postpone(by);
    }

    /// Keeps a request until [`take_held_back`](Self::take_held_back).
    pub(crate) fn hold_back(&mut self, outgoing: Outgoing) {
        self.held_back.push(outgoing);
    }

    pub(crate) fn take_held_back(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.held_back)
    }

    /// Since when nothing has been asked, if nothing is on its way.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.in_flight.is_empty().then_some(self.last_used)
    }

    /// The requests that nobody answers any more.
    pub(crate) fn into_in_flight(self) -> InFlight {
        self.in_flight
    }
}

/// What is known of a broker that has said on this connection what it speaks.
#[derive(Debug)]
pub(crate) struct Session {
    versions: Versions,
    use_so_far: Use,
    /// The quickest answer to a produce request.
    quickest: Option<Duration>,
    /// When the session ends that the broker has granted.
    expiry: Expiry,
    /// Which broker it has said it is.
    leads_to: Option<Destination>,
}

/// When the session on this connection ends, and what is done before that (KIP-368).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    Never,
    /// Until `ends`; it is to be renewed from `renew_at` on.
    Limited {
        renew_at: Instant,
        ends: Instant,
    },
    /// To be renewed as soon as there is a token; from `drained_from` on nothing more is sent without.
    TokenAwaited {
        drained_from: Instant,
        ends: Instant,
    },
}

/// Whether a connection has been good for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// It was made and greeted, no more.
    None,
    /// A question was answered, and the answer understood.
    Answered,
}

/// Whether an answer came sooner than any before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    Quickest,
    AsBefore,
}

impl Session {
    pub(crate) fn new(versions: Versions) -> Self {
        Self {
            versions,
            use_so_far: Use::None,
            quickest: None,
            expiry: Expiry::Never,
            leads_to: None,
        }
    }

    /// Which broker it has said it is.
    pub(crate) fn leads_to(&self) -> Option<&Destination> {
        self.leads_to.as_ref()
    }

    /// It says that it is this one.
    pub(crate) fn lead_to(&mut self, destination: Option<Destination>) {
        self.leads_to = destination;
    }

    pub(crate) fn expiry(&self) -> Expiry {
        self.expiry
    }

    pub(crate) fn set_expiry(&mut self, expiry: Expiry) {
        self.expiry = expiry;
    }

    pub(crate) fn versions(&self) -> &Versions {
        &self.versions
    }

    pub(crate) fn into_versions(self) -> Versions {
        self.versions
    }

    /// A question was answered, and the answer understood.
    pub(crate) fn note_use(&mut self) {
        self.use_so_far = Use::Answered;
    }

    pub(crate) fn was_of_use(&self) -> bool {
        self.use_so_far == Use::Answered
    }

    pub(crate) fn quickest(&self) -> Option<Duration> {
        self.quickest
    }

    /// Notes how long an answer to a produce request took.
    pub(crate) fn note_answer(&mut self, took: Duration) -> Speed {
        if self.quickest.is_some_and(|quickest| took >= quickest) {
            return Speed::AsBefore;
        }
        self.quickest = Some(took);
        Speed::Quickest
    }
}
