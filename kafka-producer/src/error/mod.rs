//! Every way in which a record can fail, and what the application can do about it.
//!
//! | error | of | says |
//! |---|---|---|
//! | [`SendError`] | `send` | the record was not accepted, and nothing of it is kept |
//! | [`ConnectError`] | `connect` | every server that was tried, and what was wrong with it |
//! | [`DeliveryError`] | a record that was accepted | whether the record may be in the log all the same |
//! | [`TransactionError`] | a call around a transaction | what to do, by its variant |
//! | [`FatalError`] | the producer as a whole | only a new producer can go on |
//!
//! `{}` and `{:?}` tell everything in one line, the causes included, so that a log that prints an error has
//! all of it. Therefore `source()` leads to no error of this crate again: a report that walks the
//! causes prints no sentence twice. `{:#?}` prints the structure.
//!
//! ```
//! use kafka_producer::error::{DeliveryError, Persistence, SendError};
//!
//! /// Whether a record may be sent again without being there twice.
//! fn is_safe_to_repeat(error: &DeliveryError) -> bool {
//!     error.persistence() == Persistence::NotPersisted
//! }
//!
//! /// Whether only a new producer can go on.
//! fn is_the_end(error: &SendError) -> bool {
//!     matches!(error, SendError::Closed | SendError::Fatal(_))
//! }
//! ```

mod authentication;
mod client_instance_id;
mod connect;
mod delivery;
mod fatal;
mod in_callback;
pub(crate) mod readable;
mod send;
#[cfg(all(test, feature = "tokio"))]
mod tests;
mod timeline;
mod transaction;
mod wait_reason;

pub use kafka_wire::{ApiKey, ErrorCode, VersionRange};

pub use crate::prepared::InvalidPreparedTxnState;
pub use authentication::AuthenticationError;
pub use client_instance_id::ClientInstanceIdError;
pub use connect::ConnectError;
pub use delivery::{Cause, DeliveryError, History, Persistence};
pub use fatal::FatalError;
pub(crate) use fatal::own_words;
pub use in_callback::InCallback;
pub use send::{AbortableError, SendError};
pub use timeline::{Attempt, AttemptEnd, Timeline, TimelineEvent};
pub use transaction::{Misuse, NoTwoPhaseCommit, TimedOut, TransactionError};
pub use wait_reason::{NoServer, ServerFailure, Unsupported, WaitReason};
