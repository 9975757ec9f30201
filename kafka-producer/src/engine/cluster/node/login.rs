//! How a broker is shown our credentials, and for how long it accepts them: the states of its connection between
//! Greeting and Ready, or Verifying.

use std::time::{Duration, Instant};

use super::{Link, Node, REFUSAL_COUNTS};
use crate::engine::cluster::connection::{Expiry, Session};
use crate::engine::cluster::destination::Destination;
use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::handshake::sasl::{Exchange, Occasion, SessionLifetime};
use crate::engine::cluster::versions::Versions;
use crate::error::{AuthenticationError, WaitReason};

/// What is to be done about a session that comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Nothing, but to look again then.
    Later(Option<Instant>),
    /// It is to be renewed.
    Due { ends: Instant },
    /// Nothing more is to be sent: there is no token yet.
    NearlyOver { ends: Instant },
    /// It has ended.
    Over,
}

impl Node {
    /// It has told what it speaks; that is all if there is no exchange.
    pub(crate) fn greeted(
        &mut self,
        versions: Versions,
        leads_to: Option<Destination>,
        exchange: Option<Exchange>,
    ) {
        let mut session = Session::new(versions);
        session.lead_to(leads_to);
        let link = std::mem::replace(&mut self.link, Link::Resting);
        self.link = match (link, exchange) {
            (Link::Greeting(connection), None) => Link::Ready(connection, session),
            (Link::Greeting(connection), Some(exchange)) => {
                Link::Authenticating(connection, session, exchange)
            }
            (other, _) => other,
        };
    }

    /// It is shown our credentials again.
    pub(crate) fn authenticate_again(&mut self, exchange: Exchange) {
        let link = std::mem::replace(&mut self.link, Link::Resting);
        self.link = match link {
            Link::Ready(connection, session) => Link::Authenticating(connection, session, exchange),
            other => other,
        };
    }

    /// It accepts us: when that is to be looked at again. The session is to be renewed when `part` of it
    /// is over. A connection that nothing else was sent on stays as idle as it was.
    pub(crate) fn authenticated(
        &mut self,
        now: Instant,
        granted: SessionLifetime,
        part: f64,
    ) -> Option<Instant> {
        let link = std::mem::replace(&mut self.link, Link::Resting);
        let (mut connection, mut session, occasion) = match link {
            Link::Authenticating(connection, session, exchange) => {
                (connection, session, exchange.occasion)
            }
            other => {
                self.link = other;
                return None;
            }
        };
        if occasion == Occasion::First {
            connection.note_use(now);
        }
        let (expiry, at) = match granted {
            SessionLifetime::Unlimited => (Expiry::Never, None),
            SessionLifetime::Limited { begun, lifetime } => {
                let ends = begun + lifetime;
                let renew_at = begun + lifetime.mul_f64(part).max(RENEWAL_PAUSE);
                let renew_at = renew_at.min(ends);
                (Expiry::Limited { renew_at, ends }, Some(renew_at))
            }
        };
        session.set_expiry(expiry);
        self.link = Link::Ready(connection, session);
        at
    }

    /// What is to be done about its session now.
    pub(crate) fn renewal(&self, now: Instant) -> Renewal {
        let Link::Ready(_, session) = &self.link else {
            return Renewal::Later(None);
        };
        match session.expiry() {
            Expiry::Never => Renewal::Later(None),
            Expiry::Limited { ends, .. } | Expiry::TokenAwaited { ends, .. } if ends <= now => {
                Renewal::Over
            }
            Expiry::Limited { renew_at, ends } if renew_at <= now => Renewal::Due { ends },
            Expiry::Limited { renew_at, .. } => Renewal::Later(Some(renew_at)),
            Expiry::TokenAwaited { drained_from, ends } if drained_from <= now => {
                Renewal::NearlyOver { ends }
            }
            Expiry::TokenAwaited { drained_from, .. } => Renewal::Later(Some(drained_from)),
        }
    }

    /// Its session is renewed as soon as there is a token.
    pub(crate) fn await_token(&mut self, now: Instant, ends: Instant) {
        let half = ends.saturating_duration_since(now) / 2;
        let drained_from = now + half + half.saturating_sub(DRAIN_TIME);
        if let Link::Ready(_, session) = &mut self.link {
            session.set_expiry(Expiry::TokenAwaited { drained_from, ends });
        }
    }

    /// There was no token for the next session: another is asked for when half of the time is over that
    /// this one has left, if that is time enough.
    pub(crate) fn retry_token(&mut self, now: Instant) -> Option<Instant> {
        let ends = self.awaits_token_until()?;
        let half = ends.saturating_duration_since(now) / 2;
        let renew_at = match half < DRAIN_TIME {
            true => ends,
            false => now + half,
        };
        if let Link::Ready(_, session) = &mut self.link {
            session.set_expiry(Expiry::Limited { renew_at, ends });
        }
        Some(renew_at)
    }

    /// When the session ends that is to be renewed with a token.
    pub(crate) fn awaits_token_until(&self) -> Option<Instant> {
        match self.session()?.expiry() {
            Expiry::TokenAwaited { ends, .. } => Some(ends),
            _ => None,
        }
    }

    /// The exchange that is under way.
    pub(crate) fn exchange(&self) -> Option<&Exchange> {
        match &self.link {
            Link::Authenticating(_, _, exchange) => Some(exchange),
            _ => None,
        }
    }

    pub(crate) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        match &mut self.link {
            Link::Authenticating(_, _, exchange) => Some(exchange),
            _ => None,
        }
    }

    /// What it speaks, while it is being shown our credentials.
    pub(crate) fn spoken_in_exchange(&self) -> Option<&Versions> {
        match &self.link {
            Link::Authenticating(_, session, _) => Some(session.versions()),
            _ => None,
        }
    }

    /// Why it is not dialed: it has refused our credentials, and the pause after that is not over.
    pub(crate) fn refusal_in_pause(&self, now: Instant) -> Option<&AuthenticationError> {
        let paused = self.is_resting() && self.rested_at(now) > now;
        self.refused().filter(|_| paused)
    }

    /// Whether it has refused our credentials, when it was last tried and a moment ago.
    pub(super) fn has_just_refused(&self, now: Instant) -> bool {
        let holds = self.pace.longest().mul_f64(1.2) + REFUSAL_COUNTS;
        let until = self.obstacle.as_ref().map(|it| it.since + holds);
        self.refused().is_some() && !self.is_ready() && until.is_some_and(|until| until > now)
    }

    fn refused(&self) -> Option<&AuthenticationError> {
        match &self.obstacle.as_ref()?.why {
            WaitReason::Authentication(why) => Some(why),
            _ => None,
        }
    }

    /// Whether it has answered anything on its connection.
    pub(crate) fn has_spoken(&self) -> bool {
        matches!(
            self.link,
            Link::Authenticating(..) | Link::Verifying(..) | Link::Ready(..)
        )
    }

    /// Whether a question on its connection was answered, other than what it speaks and who we are.
    pub(crate) fn is_in_use(&self) -> bool {
        match &self.link {
            Link::Ready(_, session) | Link::Authenticating(_, session, _) => session.was_of_use(),
            _ => false,
        }
    }

    /// The request that it has to answer next, on a connection on which it has answered nothing but what it
    /// speaks.
    pub(crate) fn first_request(&self) -> Option<&ExpectedResponse> {
        match &self.link {
            Link::Greeting(connection) => connection.in_flight().oldest(),
            Link::Ready(connection, session) if !session.was_of_use() => {
                connection.in_flight().oldest()
            }
            _ => None,
        }
    }
}

/// Brokers do not begin another exchange within this time of the last.
const RENEWAL_PAUSE: Duration = Duration::from_secs(1);

/// So long before a session ends that cannot be renewed, or half of what is left, nothing more is sent: what
/// is on its way can be answered before the broker closes the connection.
const DRAIN_TIME: Duration = Duration::from_secs(1);
