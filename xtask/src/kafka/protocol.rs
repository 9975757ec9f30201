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

    /// The name of the listener.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        let value = value.expect("no protocol is hidden");
        value.get_name().to_uppercase()
    }

    /// Kafka's name of what it speaks, `security.protocol` of its clients.
    pub(crate) fn spoken(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::SaslPlaintext | Self::Oidc => "SASL_PLAINTEXT",
            Self::SaslSsl | Self::OidcSsl => "SASL_SSL",
            Self::Ssl | Self::Mtls | Self::Expired | Self::Early | Self::Elsewhere => "SSL",
        }
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
        for &protocol in Protocol::all() {
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
