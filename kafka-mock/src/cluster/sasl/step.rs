//! What a mechanism answers to one message of a client.

/// What a mechanism answers to one message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Another message must come.
    Continue(Vec<u8>),
    /// The client is who it says.
    Done {
        answer: Vec<u8>,
        principal: String,
        /// When what it has shown expires, in milliseconds since 1970.
        expires_ms: Option<i64>,
    },
    Refused(Refusal),
}

/// Why a client is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Kafka does not tell more, so that nobody learns which users there are.
    InvalidCredentials,
    /// Kafka tells these words.
    Words(String),
}

impl Step {
    pub(super) fn refused(words: impl Into<String>) -> Self {
        Self::Refused(Refusal::Words(words.into()))
    }

    pub(super) const INVALID: Self = Self::Refused(Refusal::InvalidCredentials);
}

/// An authorization id of another user is refused by PLAIN and SCRAM alike.
pub(super) const OTHER_AUTHORIZATION_ID: &str = "Authentication failed: Client requested an \
     authorization id that is different from username";
