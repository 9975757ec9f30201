//! Whether the brokers ask for SASL, of a client without it: found out when they close its connections.
//!
//! ```text
//! Unknown ──closed before the first answer──▶ Suspected ──SaslHandshake is sent──▶ Asked
//!                                                                                  │    │
//! any other answer ─▶ NotDemanded ◀──────────────── ILLEGAL_SASL_STATE ────────────┘    │
//!                          ▲                                                            │
//!                          └── any other answer ── Demanded ◀──mechanisms are listed────┘
//! ```
//!
//! A port that asks for SASL answers ApiVersions, and closes the connection at the next request (Kafka's
//! SaslServerAuthenticator). A broker that goes down closes connections, too. So one that has done so is sent
//! SaslHandshake on the next connection: a port with SASL lists its mechanisms, one without says that the
//! request is out of place. It is asked once: if there is no answer, for whatever reason, connections begin as
//! usual from then on. No record passes here.

use std::sync::Arc;

use kafka_wire::messages::SaslHandshakeResponse;

use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::handshake::sasl;

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) enum SaslDemand {
    #[default]
    Unknown,
    /// A broker has closed a connection before its first answer.
    Suspected,
    /// It was sent SaslHandshake, which is not answered yet, or never will be.
    Asked,
    /// A broker has listed these mechanisms.
    Demanded(Arc<str>),
    NotDemanded,
}

impl SaslDemand {
    /// Whether the next connection begins with SaslHandshake.
    pub(crate) fn is_suspected(&self) -> bool {
        matches!(self, Self::Suspected)
    }

    /// Whether a broker has listed mechanisms.
    pub(crate) fn is_demanded(&self) -> bool {
        matches!(self, Self::Demanded(_))
    }

    /// SaslHandshake is sent.
    pub(crate) fn ask(&mut self) {
        *self = Self::Asked;
    }

    /// A connection on which nothing but ApiVersions was answered was closed instead of an answer to
    /// `request`. Returns the mechanisms of a port that asks for SASL, if that is why.
    pub(crate) fn closed_instead_of(&mut self, request: &ExpectedResponse) -> Option<Arc<str>> {
        match (&*self, request) {
            // What closes connections at once is perhaps no broker.
            (_, ExpectedResponse::ApiVersions(_) | ExpectedResponse::SaslHandshake) => {}
            (Self::Unknown, _) => *self = Self::Suspected,
            (Self::Demanded(mechanisms), _) => return Some(Arc::clone(mechanisms)),
            (Self::Suspected | Self::Asked | Self::NotDemanded, _) => {}
        }
        None
    }

    /// SaslHandshake was answered. Returns the mechanisms of a port that asks for SASL.
    pub(crate) fn told(&mut self, answer: &SaslHandshakeResponse) -> Option<Arc<str>> {
        if answer.mechanisms.is_empty() {
            *self = Self::NotDemanded;
            return None;
        }
        let mechanisms: Arc<str> = sasl::listed(&answer.mechanisms).into();
        *self = Self::Demanded(Arc::clone(&mechanisms));
        Some(mechanisms)
    }

    /// A request was answered that a port with SASL answers to authenticated clients only.
    pub(crate) fn answered(&mut self) {
        *self = Self::NotDemanded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: ExpectedResponse = ExpectedResponse::Metadata { topics: Vec::new() };

    fn listing(mechanisms: &[&str]) -> SaslHandshakeResponse {
        let mechanisms = mechanisms.iter().map(|name| (*name).to_owned());
        SaslHandshakeResponse::default().with_mechanisms(mechanisms.collect())
    }

    #[test]
    fn a_port_that_closes_connections_and_lists_mechanisms_asks_for_sasl() {
        let mut demand = SaslDemand::default();
        assert_eq!(demand.closed_instead_of(&METADATA), None);
        assert!(demand.is_suspected());
        assert_eq!(
            demand.told(&listing(&["PLAIN", "GSSAPI"])).as_deref(),
            Some("PLAIN, GSSAPI")
        );
        assert!(!demand.is_suspected());
        let again = demand.closed_instead_of(&METADATA);
        assert_eq!(again.as_deref(), Some("PLAIN, GSSAPI"));
        demand.answered();
        assert_eq!(demand.closed_instead_of(&METADATA), None);
        assert!(!demand.is_suspected());
    }

    #[test]
    fn a_port_without_sasl_says_so_or_does_not_answer() {
        let mut demand = SaslDemand::default();
        let _ = demand.closed_instead_of(&METADATA);
        assert_eq!(demand.told(&listing(&[])), None);
        assert_eq!(demand.closed_instead_of(&METADATA), None);
        assert!(!demand.is_suspected());

        let mut demand = SaslDemand::Suspected;
        demand.ask();
        for request in [ExpectedResponse::SaslHandshake, METADATA] {
            assert_eq!(demand.closed_instead_of(&request), None);
            assert!(!demand.is_suspected(), "the next is asked as usual");
        }
    }

    #[test]
    fn what_closes_connections_before_it_has_said_anything_is_not_suspected() {
        let mut demand = SaslDemand::default();
        for _ in 0..10 {
            let closed = demand.closed_instead_of(&ExpectedResponse::ApiVersions(None));
            assert_eq!(closed, None);
            assert!(!demand.is_suspected());
        }
    }
}
