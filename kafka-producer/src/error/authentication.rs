//! A broker that refuses to authenticate the producer, or that cannot be authenticated.

use std::sync::Arc;

use super::readable::readable_debug;

/// Authentication has failed: of us by a broker (SASL, a client certificate), or of a broker by us (TLS).
///
/// It is no fault of the network, and trying again without a change will not help, so records that need
/// the broker fail at once. Later records try again, at the pace of `reconnect.backoff.ms`.
///
/// ```
/// use kafka_producer::SendError;
///
/// fn who_was_refused(error: &SendError) -> Option<&str> {
///     match error {
///         SendError::Authentication(why) => why.user.as_deref(),
///         _ => None,
///     }
/// }
/// assert_eq!(who_was_refused(&SendError::Closed), None);
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "authentication failed: {mechanism}{} at {broker}: {reason}",
    as_user(user)
)]
#[non_exhaustive]
pub struct AuthenticationError {
    /// The broker's id and its address.
    pub broker: Arc<str>,
    /// The SASL mechanism, `SASL` if there is none, or `TLS`.
    pub mechanism: &'static str,
    /// The user, or the principal of the token, if it is known.
    pub user: Option<Arc<str>>,
    /// The broker's words, or what is wrong with it; and the settings to look at.
    pub reason: Arc<str>,
}

readable_debug!(struct AuthenticationError { broker, mechanism, user, reason });

fn as_user(user: &Option<Arc<str>>) -> String {
    user.as_ref()
        .map(|user| format!(" as {user}"))
        .unwrap_or_default()
}
