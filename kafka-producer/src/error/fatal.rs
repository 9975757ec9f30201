//! Why a producer as a whole can no longer be used.

use std::sync::Arc;
use std::time::Duration;

use kafka_wire::ErrorCode;

use super::readable::readable_debug;
use super::wait_reason::Unsupported;

/// Why the producer as a whole has failed; only a new one can go on.
///
/// ```
/// use kafka_producer::{FatalError, SendError};
///
/// fn was_replaced(error: &SendError) -> bool {
///     matches!(error, SendError::Fatal(FatalError::Fenced { .. }))
/// }
/// assert!(!was_replaced(&SendError::Closed));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FatalError {
    /// Another producer with this `transactional.id` has started after this one, and the transaction of
    /// this one was aborted. Do not build it again while the other one runs.
    #[error("another producer with this transactional.id has taken over: {code:?} ({message})")]
    #[non_exhaustive]
    Fenced {
        /// What the broker answered.
        code: ErrorCode,
        /// The broker's words, or the protocol's for this code.
        message: Arc<str>,
    },
    /// The cluster no longer accepts this producer: a right or a version is missing, or the cluster has
    /// lost the producer's state. Remove the cause, then build a new one.
    #[error("the producer has failed for good: {code:?} ({message})")]
    #[non_exhaustive]
    Refused {
        /// What the broker answered.
        code: ErrorCode,
        /// The broker's words, or the protocol's for this code.
        message: Arc<str>,
    },
    /// The producer's own thread has panicked. That is a defect of this crate: please report it.
    /// Panics in callbacks, wakers, serializers and partitioners do not cause it.
    #[error("the producer's own thread has panicked, which is a defect of it: {message}")]
    #[non_exhaustive]
    Panicked {
        /// What the panic said.
        message: Arc<str>,
    },
    /// No name in `bootstrap.servers` was resolved within `bootstrap.resolve.timeout.ms` (KIP-909). Correct
    /// the names, or the system's resolver, then build a new one.
    #[error(
        "no name in bootstrap.servers was resolved within bootstrap.resolve.timeout.ms={}: {reason}",
        limit.as_millis()
    )]
    #[non_exhaustive]
    BootstrapUnresolved {
        /// The setting.
        limit: Duration,
        /// Why the last attempt has failed.
        reason: Arc<str>,
    },
    /// A broker lacks an API that transactions need.
    #[error("{0}")]
    Unsupported(Unsupported),
}

readable_debug!(enum FatalError {
    Fenced { code, message },
    Refused { code, message },
    Panicked { message },
    BootstrapUnresolved { limit, reason },
    Unsupported(unsupported),
});

impl FatalError {
    pub(crate) fn of(code: ErrorCode, message: Option<Arc<str>>) -> Self {
        let message = own_words(message).unwrap_or_else(|| code.message().into());
        match code {
            // The second is the older name of the first; of a produce answer it is not fatal.
            ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_PRODUCER_EPOCH => {
                Self::Fenced { code, message }
            }
            _ => Self::Refused { code, message },
        }
    }

    /// What the broker answered; `UNSUPPORTED_VERSION` if it does not speak what is needed,
    /// `NETWORK_EXCEPTION` if no broker was ever reached, and `UNKNOWN_SERVER_ERROR` after a panic.
    ///
    /// ```
    /// use kafka_producer::{ErrorCode, FatalError};
    ///
    /// fn lacks_right(error: &FatalError) -> bool {
    ///     error.code() == ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    /// }
    /// ```
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Fenced { code, .. } | Self::Refused { code, .. } => *code,
            Self::Panicked { .. } => ErrorCode::UNKNOWN_SERVER_ERROR,
            Self::BootstrapUnresolved { .. } => ErrorCode::NETWORK_EXCEPTION,
            Self::Unsupported(_) => ErrorCode::UNSUPPORTED_VERSION,
        }
    }
}

/// A broker's words, if it has any.
pub(crate) fn own_words(message: Option<Arc<str>>) -> Option<Arc<str>> {
    message.filter(|message| !message.is_empty())
}
