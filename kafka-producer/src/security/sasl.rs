//! Which SASL mechanism is used, and with what (`sasl.mechanism`, `sasl.jaas.config`); below, what each
//! of them says and understands.

mod aws_msk_iam;
pub(crate) mod conversation;
pub(crate) mod nonces;
mod oauthbearer;
mod plain;
pub(crate) mod scram;
mod scram_keys;
pub(crate) mod step;

use std::sync::Arc;

use super::secret::Secret;
use super::token::TokenProvider;

/// A mechanism and what it needs.
#[derive(Clone, Debug)]
pub enum Sasl {
    /// `PLAIN` (RFC 4616).
    Plain(Credentials),
    /// `SCRAM-SHA-256` and `SCRAM-SHA-512` (RFC 5802).
    Scram {
        /// Which of the two.
        hash: ScramHash,
        /// The user's, or the token's.
        login: Credentials,
        /// Whether the login is a delegation token (KIP-48).
        token: bool,
    },
    /// `OAUTHBEARER` (RFC 7628).
    OAuthBearer(Arc<dyn TokenProvider>),
    /// `AWS_MSK_IAM`: the token is the signed payload, which is for one host.
    AwsMskIam(Arc<dyn TokenProvider>),
}

/// A name and its password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `username` of `sasl.jaas.config`.
    pub username: String,
    /// `password` of `sasl.jaas.config`.
    pub password: Secret,
}

/// The hash of a SCRAM mechanism (RFC 7677), for [`ProducerConfig::sasl_scram`].
///
/// ```
/// use kafka_producer::ProducerConfig;
/// use kafka_producer::security::ScramHash;
///
/// let config = ProducerConfig::new().sasl_scram(ScramHash::Sha256, "me", "my password");
/// let by_name = ProducerConfig::new()
///     .set("sasl.mechanism", "SCRAM-SHA-256")
///     .set(
///         "sasl.jaas.config",
///         "org.apache.kafka.common.security.scram.ScramLoginModule required \
///          username=\"me\" password=\"my password\";",
///     );
/// assert_eq!(config, by_name);
/// ```
///
/// [`ProducerConfig::sasl_scram`]: crate::ProducerConfig::sasl_scram
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScramHash {
    /// `SCRAM-SHA-256`.
    Sha256,
    /// `SCRAM-SHA-512`.
    Sha512,
}

impl Sasl {
    /// The name of the mechanism.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain(_) => "PLAIN",
            Self::Scram {
                hash: ScramHash::Sha256,
                ..
            } => "SCRAM-SHA-256",
            Self::Scram {
                hash: ScramHash::Sha512,
                ..
            } => "SCRAM-SHA-512",
            Self::OAuthBearer(_) => "OAUTHBEARER",
            Self::AwsMskIam(_) => "AWS_MSK_IAM",
        }
    }

    /// The user, if that is known without a token.
    pub(crate) fn user(&self) -> Option<Arc<str>> {
        match self {
            Self::Plain(login) | Self::Scram { login, .. } => Some((*login.username).into()),
            Self::OAuthBearer(_) | Self::AwsMskIam(_) => None,
        }
    }

    /// Whether each exchange begins with a token.
    pub(crate) fn takes_token(&self) -> bool {
        matches!(self, Self::OAuthBearer(_) | Self::AwsMskIam(_))
    }
}
