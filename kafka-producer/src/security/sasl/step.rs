//! What follows from what a server says, in every mechanism: plain data, and its words as people read them.

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

/// A server's words, as people can read them: cut off where they are too long.
pub(crate) fn readable(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let shown = text.chars().take(WORDS_MAX);
    shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// So many characters of a server's words are told.
pub(super) const WORDS_MAX: usize = 500;
