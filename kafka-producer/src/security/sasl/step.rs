//! What follows from what a server says, in every mechanism: plain data.

use bytes::Bytes;

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This is to be said.
    Say(Bytes),
    /// Both sides are authenticated, as far as the mechanism does that.
    Done,
}

/// Why an exchange cannot go on: in words, without secrets.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);
