//! Tokens and their providers (`OAUTHBEARER`).

#[cfg(all(feature = "_tls", feature = "oauth-oidc"))]
pub(crate) mod assertion;
#[cfg(feature = "aws-msk-iam")]
pub(crate) mod aws;
#[cfg(any(feature = "aws-msk-iam", feature = "oauth-oidc"))]
pub(crate) mod cache;
#[cfg(feature = "oauth-oidc")]
pub(crate) mod client_credentials;
#[cfg(feature = "oauth-oidc")]
pub(crate) mod file;
#[cfg(any(feature = "aws-msk-iam", feature = "oauth-oidc"))]
pub(crate) mod http;
#[cfg(any(feature = "aws-msk-iam", feature = "oauth-oidc"))]
pub(crate) mod https;
#[cfg(feature = "oauth-oidc")]
pub(crate) mod jwt;
#[cfg(any(feature = "aws-msk-iam", feature = "oauth-oidc"))]
pub(crate) mod retry;
#[cfg(any(feature = "aws-msk-iam", feature = "oauth-oidc"))]
pub(crate) mod time;
#[cfg(feature = "oauth-oidc")]
pub(crate) mod unsecured;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::secret::Secret;

/// Provides a token whenever a connection is authenticated.
///
/// Called once for each connection that is made or authenticated anew: a provider keeps its token for as long
/// as it is valid, unless a broker has refused it ([`Token::is_refused`]). An error is told at once to what
/// waits for the broker; what comes later asks again, at the pace of `reconnect.backoff.ms`. A panic counts as
/// an error. A call that takes longer than `socket.connection.setup.timeout.ms` is dropped, at an `.await`.
///
/// An implementation needs the crate `async-trait` (0.1), for the attribute.
///
/// # Blocking
/// The future is polled on the producer's own thread, where tokio's sockets and timers can be used. While a
/// poll lasts, this producer does nothing else: no record is sent, no response read, no callback run and no
/// timeout noticed, and a poll that never returns stops the producer for good. So wait with `.await`, and give
/// what blocks or computes for longer than a few milliseconds to another thread:
///
/// ```
/// use kafka_producer::security::{Token, TokenError, TokenProvider};
///
/// /// Asks a library that blocks.
/// #[derive(Debug)]
/// struct Blocking;
///
/// #[async_trait::async_trait]
/// impl TokenProvider for Blocking {
///     async fn token(&self, _host: &str) -> Result<Token, TokenError> {
///         let (done, token) = tokio::sync::oneshot::channel();
///         std::thread::spawn(move || done.send(ask_and_wait()));
///         token.await.map_err(|_| TokenError::new("the thread that asks has panicked"))?
///     }
/// }
///
/// fn ask_and_wait() -> Result<Token, TokenError> {
///     Ok(Token::new("eyJhbGciOiJub25lIn0.e30."))
/// }
/// ```
///
/// # Examples
///
/// ```
/// use kafka_producer::security::{Token, TokenError, TokenProvider};
///
/// #[derive(Debug)]
/// struct Fixed;
///
/// #[async_trait::async_trait]
/// impl TokenProvider for Fixed {
///     async fn token(&self, _host: &str) -> Result<Token, TokenError> {
///         Ok(Token::new("eyJhbGciOiJub25lIn0.e30."))
///     }
/// }
/// ```
#[async_trait]
pub trait TokenProvider: fmt::Debug + Send + Sync {
    /// A token for a broker of that host name.
    async fn token(&self, host: &str) -> Result<Token, TokenError>;
}

/// What a broker is shown.
///
/// ```
/// use kafka_producer::security::Token;
///
/// let mut token = Token::new("eyJhbGciOiJub25lIn0.e30.");
/// token.principal = Some("my-client".into());
/// token.extensions.push(("logicalCluster".to_owned(), "lkc-1".to_owned()));
/// assert!(!format!("{token:?}").contains("eyJ"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// The token itself.
    pub value: Secret,
    /// The principal that it names, if that is known: for messages.
    pub principal: Option<Arc<str>>,
    /// SASL extensions, each a name and its value (KIP-342).
    pub extensions: Vec<(String, String)>,
    /// When it had expired, if it had when it was provided.
    pub(crate) expired: Option<Arc<str>>,
    refused: Refused,
}

/// Whether a broker has refused a token: known to all its clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused(Arc<AtomicBool>);

impl Refused {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Tokens are equal by what they say.
impl PartialEq for Refused {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Refused {}

impl Token {
    /// A token without extensions.
    ///
    /// ```
    /// let token = kafka_producer::security::Token::new("eyJhbGciOiJub25lIn0.e30.");
    /// assert!(token.extensions.is_empty());
    /// ```
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: Secret::new(value),
            principal: None,
            extensions: Vec::new(),
            expired: None,
            refused: Refused::default(),
        }
    }

    /// Whether a broker has refused it, or a clone of it: a provider that keeps its tokens gets another.
    ///
    /// ```
    /// let token = kafka_producer::security::Token::new("eyJhbGciOiJub25lIn0.e30.");
    /// assert!(!token.is_refused());
    /// ```
    pub fn is_refused(&self) -> bool {
        self.refused.is_set()
    }

    /// The same token, whose refusal is that of what it was made of.
    #[cfg(feature = "aws-msk-iam")]
    pub(crate) fn made_of(mut self, refused: Refused) -> Self {
        self.refused = refused;
        self
    }

    /// What a broker's refusal is noted in.
    pub(crate) fn refused(&self) -> Refused {
        self.refused.clone()
    }
}

/// Why there is no token: one line, without secrets.
///
/// ```
/// let error = kafka_producer::security::TokenError::new("the token endpoint answers 401");
/// assert_eq!(error.to_string(), "the token endpoint answers 401");
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(Arc<str>);

impl fmt::Debug for TokenError {
    /// As it is displayed: there is no more to it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TokenError {
    /// One with these words.
    ///
    /// ```
    /// let error = kafka_producer::security::TokenError::new("no network");
    /// assert_eq!(error.to_string(), "no network");
    /// ```
    pub fn new(words: impl Into<Arc<str>>) -> Self {
        Self(words.into())
    }
}
