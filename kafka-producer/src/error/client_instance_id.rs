//! Why brokers have given a client no id by which they know its metrics.

use std::time::Duration;

use kafka_wire::ErrorCode;

use super::in_callback::InCallback;

/// Why there is no id of this client (`Producer::client_instance_id`, KIP-714).
///
/// ```
/// use kafka_producer::error::ClientInstanceIdError;
///
/// assert!(ClientInstanceIdError::Disabled.to_string().contains("enable.metrics.push"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientInstanceIdError {
    /// No metrics are pushed, so that no broker is asked.
    #[error(
        "no broker is asked for an id of this client: enable.metrics.push is false, or the feature telemetry of \
         the crate is not built in"
    )]
    Disabled,
    /// A broker has refused for good to take metrics of this client.
    #[error("a broker has refused to take metrics of this client: {code}")]
    #[non_exhaustive]
    Refused {
        /// Its answer.
        code: ErrorCode,
    },
    /// No broker that takes metrics has answered.
    #[error(
        "no broker has given this client an id within {waited:?}: those that take no metrics (no plugin receives \
         them) give none"
    )]
    #[non_exhaustive]
    TimedOut {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The producer was closed, or has failed as a whole.
    #[error("the producer is closed")]
    Closed,
    /// Called in a callback, which must not wait.
    #[error(transparent)]
    InCallback(#[from] InCallback),
}
