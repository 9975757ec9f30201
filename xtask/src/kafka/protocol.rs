//! The security protocols between clients and the cluster, by Kafka's names.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The servers to use instead of starting any.
pub(crate) const SERVERS: &str = "KAFKA_BOOTSTRAP_SERVERS";
/// The only user, for every mechanism.
pub(crate) const USER: &str = "alice";
/// The user's password.
pub(crate) const PASSWORD: &str = "alice-secret";

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
}

impl Protocol {
    pub(crate) const ALL: [Self; 4] = [
        Self::Plaintext,
        Self::Ssl,
        Self::SaslPlaintext,
        Self::SaslSsl,
    ];

    /// Kafka's name, which is also the name of the listener.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    pub(crate) fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    pub(crate) fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
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
    fn a_protocol_is_asked_for_by_kafkas_name_in_small_letters() {
        for protocol in Protocol::ALL {
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
