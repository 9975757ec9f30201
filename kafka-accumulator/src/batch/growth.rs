//! How an open batch grows: what it asks for, and what it is given.
//!
//! The batch asks under its queue's lock; the accumulator reserves the memory while nothing is locked, and
//! hands it to the batch under the lock again. Nothing here reserves anything.

use crate::memory::{Buffer, OpenShare, Reservation};

/// What an open batch needs in order to take a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrowRequest {
    /// A larger buffer than the one it has.
    Buffer { from: usize, to: usize },
    /// Memory for callbacks.
    Callbacks { bytes: usize },
}

impl GrowRequest {
    /// How much memory is missing for it.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Buffer { from, to } => to - from,
            Self::Callbacks { bytes } => bytes,
        }
    }
}

/// What an open batch gets in order to grow; after that, what it left behind. It is dropped after
/// the queue is unlocked.
pub(crate) struct Growth {
    pub(crate) share: OpenShare,
    pub(crate) by: GrowBy,
}

/// What a batch grows by.
pub(crate) enum GrowBy {
    /// Only the memory that it takes more than the one of `from` bytes is reserved for it.
    Buffer { from: usize, buffer: Buffer },
    /// Memory for callbacks.
    Callbacks(Reservation),
}
