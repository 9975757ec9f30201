//! Why `connect` has failed: every server that was tried, each with its own reason.

use std::time::Duration;

use super::fatal::FatalError;
use super::in_callback::InCallback;
use super::readable::readable_debug;
use super::wait_reason::NoServer;

/// Why [`connect`](crate::Producer::connect) has failed.
///
/// ```
/// use kafka_producer::error::ConnectError;
///
/// fn report(error: &ConnectError) {
///     let ConnectError::Unreachable(servers) = error else { return };
///     for failure in &*servers.failures {
///         eprintln!("{}: {}", failure.server, failure.why);
///     }
/// }
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Every server was tried, and none can be used.
    #[error("{0}")]
    Unreachable(NoServer),
    /// `max.block.ms` was over before every server had been tried.
    #[error("{servers} (max.block.ms={} is over)", limit.as_millis())]
    #[non_exhaustive]
    TimedOut {
        /// The setting.
        limit: Duration,
        /// What is known of each server by now.
        servers: NoServer,
    },
    /// `close` was called, or the producer's thread is gone.
    #[error("the producer is closed")]
    Closed,
    /// The producer can no longer be used.
    #[error("{0}")]
    Fatal(FatalError),
    /// The call waits, and was made in a callback, which must not.
    #[error(transparent)]
    InCallback(#[from] InCallback),
}

readable_debug!(enum ConnectError {
    Unreachable(servers),
    TimedOut { limit, servers },
    Closed,
    Fatal(fatal),
    InCallback(refused),
});
