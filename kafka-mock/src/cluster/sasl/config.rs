//! What a listener that requires SASL goes by: mechanisms, users, tokens, and for how long.
//!
//! Plain data; nothing here decides. Passwords and tokens are not printed.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::super::setters::settings;

settings! {
    /// What a listener that requires SASL goes by.
    ///
    /// ```
    /// use kafka_mock::cluster::{SaslConfig, SaslMechanism};
    ///
    /// let sasl = SaslConfig::new([SaslMechanism::ScramSha256]).with_user("alice", "alice-secret");
    /// assert!(!format!("{sasl:?}").contains("alice-secret"));
    /// ```
    #[derive(Clone, PartialEq, Eq)]
    pub struct SaslConfig {
        /// `sasl.enabled.mechanisms`.
        pub mechanisms: Vec<SaslMechanism>,
        /// Users and their passwords, for PLAIN and SCRAM.
        pub users: BTreeMap<String, String>,
        /// Which tokens OAUTHBEARER accepts.
        pub tokens: AcceptedTokens,
        /// How often the hash of a SCRAM password is repeated; Kafka's users have 4,096 or more.
        pub scram_iterations: u32,
        /// `connections.max.reauth.ms`: after this a client must have authenticated anew, or its
        /// next request closes the connection (KIP-368). Zero: never.
        pub max_reauth: Duration,
        /// `connection.failed.authentication.delay.ms`: how long a refusal is kept back (KIP-306).
        pub failure_delay: Duration,
    }
}

impl SaslConfig {
    /// These mechanisms, no user yet, any unsecured token, sessions without end.
    ///
    /// ```
    /// use kafka_mock::cluster::{SaslConfig, SaslMechanism};
    ///
    /// assert!(SaslConfig::new([SaslMechanism::Plain]).users.is_empty());
    /// ```
    #[must_use]
    pub fn new(mechanisms: impl IntoIterator<Item = SaslMechanism>) -> Self {
        Self {
            mechanisms: mechanisms.into_iter().collect(),
            users: BTreeMap::new(),
            tokens: AcceptedTokens::default(),
            scram_iterations: 4096,
            max_reauth: Duration::ZERO,
            failure_delay: Duration::from_millis(100),
        }
    }

    /// The same with this user, or with another password of the user.
    ///
    /// ```
    /// use kafka_mock::cluster::{SaslConfig, SaslMechanism};
    ///
    /// let sasl = SaslConfig::new([SaslMechanism::Plain]).with_user("alice", "alice-secret");
    /// assert!(sasl.users.contains_key("alice"));
    /// ```
    #[must_use]
    pub fn with_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.insert(name.into(), password.into());
        self
    }
}

impl fmt::Debug for SaslConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslConfig")
            .field("mechanisms", &self.mechanisms)
            .field("users", &self.users.keys())
            .field("tokens", &self.tokens)
            .field("scram_iterations", &self.scram_iterations)
            .field("max_reauth", &self.max_reauth)
            .field("failure_delay", &self.failure_delay)
            .finish()
    }
}

/// How a client shows who it is.
///
/// ```
/// use kafka_mock::cluster::SaslMechanism;
///
/// assert_eq!(SaslMechanism::OAuthBearer.name(), "OAUTHBEARER");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SaslMechanism {
    /// The password itself (RFC 4616).
    Plain,
    /// Proof of the password, with SHA-256 (RFC 7677).
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
    /// A token (RFC 7628).
    OAuthBearer,
}

impl SaslMechanism {
    /// All of them.
    ///
    /// ```
    /// assert_eq!(kafka_mock::cluster::SaslMechanism::ALL.len(), 4);
    /// ```
    pub const ALL: [Self; 4] = [
        Self::Plain,
        Self::ScramSha256,
        Self::ScramSha512,
        Self::OAuthBearer,
    ];

    /// Its registered name.
    ///
    /// ```
    /// assert_eq!(kafka_mock::cluster::SaslMechanism::Plain.name(), "PLAIN");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

/// Which tokens are accepted.
///
/// ```
/// use kafka_mock::cluster::AcceptedTokens;
///
/// let listed = AcceptedTokens::Listed([("opaque-7".to_owned(), "alice".to_owned())].into());
/// assert_ne!(listed, AcceptedTokens::default());
/// assert!(!format!("{listed:?}").contains("opaque-7"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptedTokens {
    /// Any unsecured JSON web token that names a subject (`sub`) and is not expired (`exp`), as
    /// Kafka's `OAuthBearerUnsecuredValidatorCallbackHandler` has it.
    #[default]
    Unsecured,
    /// These and no others: the token, and who it is for. They do not expire.
    Listed(BTreeMap<String, String>),
}

impl fmt::Debug for AcceptedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsecured => f.write_str("Unsecured"),
            Self::Listed(tokens) => f.debug_tuple("Listed").field(&tokens.values()).finish(),
        }
    }
}
