//! The listeners of a node, by name. Most are named after the protocol that they speak.
//!
//! What each is told beside its name and protocol is in `xtask/kafka/security.properties`.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The servers to use instead of starting any.
pub(crate) const SERVERS: &str = "KAFKA_BOOTSTRAP_SERVERS";

/// How clients of a listener are spoken to, and how they prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "snake_case")]
pub(crate) enum Protocol {
    /// Nothing is hidden, nobody is known. Brokers speak it among themselves.
    #[value(alias = "plain")]
    Plaintext,
    /// TLS; a client may show a certificate of the cluster's authority.
    Ssl,
    /// SASL, not encrypted: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER (unsecured).
    SaslPlaintext,
    /// SASL, the same mechanisms, in TLS.
    SaslSsl,
    /// TLS 1.3; a client must show a certificate of the cluster's authority.
    Mtls,
    /// SASL, not encrypted: OAUTHBEARER with tokens that a server has signed.
    Oidc,
    /// The same in TLS.
    OidcSsl,
    /// TLS with a certificate that has expired.
    Expired,
    /// TLS with a certificate that is not valid yet.
    Early,
    /// TLS with the certificate of another host.
    Elsewhere,
}

impl Protocol {
    /// All of them.
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The name of the listener, and Kafka's name of the protocol that it speaks.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Plaintext => ("PLAINTEXT", "PLAINTEXT"),
            Self::Ssl => ("SSL", "SSL"),
            Self::SaslPlaintext => ("SASL_PLAINTEXT", "SASL_PLAINTEXT"),
            Self::SaslSsl => ("SASL_SSL", "SASL_SSL"),
            Self::Mtls => ("MTLS", "SSL"),
            Self::Oidc => ("OIDC", "SASL_PLAINTEXT"),
            Self::OidcSsl => ("OIDC_SSL", "SASL_SSL"),
            Self::Expired => ("EXPIRED", "SSL"),
            Self::Early => ("EARLY", "SSL"),
            Self::Elsewhere => ("ELSEWHERE", "SSL"),
        }
    }

    /// The name of the listener.
    pub(crate) fn name(self) -> &'static str {
        self.names().0
    }

    /// Kafka's name of what it speaks, `security.protocol` of its clients.
    pub(crate) fn spoken(self) -> &'static str {
        self.names().1
    }

    /// Whether a server must sign tokens for its clients.
    pub(crate) fn has_signed_tokens(self) -> bool {
        matches!(self, Self::Oidc | Self::OidcSsl)
    }

    /// The variable that names the servers to tests, e.g. `KAFKA_BOOTSTRAP_SERVERS_SASL_SSL`.
    pub(crate) fn variable(self) -> String {
        match self {
            Self::Plaintext => SERVERS.to_owned(),
            other => format!("{}_{}", SERVERS, other.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_asked_for_by_its_name_in_small_letters() {
        for protocol in Protocol::all().iter().copied() {
            let asked = Protocol::from_str(&protocol.name().to_lowercase(), false);
            assert_eq!(asked, Ok(protocol));
        }
        assert_eq!(Protocol::from_str("plain", false), Ok(Protocol::Plaintext));
    }

    #[test]
    fn each_protocol_has_a_variable_of_its_own() {
        assert_eq!(Protocol::Plaintext.variable(), "KAFKA_BOOTSTRAP_SERVERS");
        assert_eq!(
            Protocol::SaslSsl.variable(),
            "KAFKA_BOOTSTRAP_SERVERS_SASL_SSL"
        );
    }
}
