//! Everything that this crate refuses to do, and why.
//!
//! In the order in which a record meets them: appending it, waiting for memory for it, and then what is
//! done to its batch. Nothing here says why a record could not be *delivered*: that is the caller's own
//! error type.

use kafka_wire::compression::Compression;
use thiserror::Error;

/// Why a record was not appended. It was not touched: it may be appended again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A new batch is needed, and the memory is used up, the backlog is at its limit, or others wait
    /// already: get a reservation of `bytes` from [`Accumulator::reserve`](crate::Accumulator::reserve) and append again with that.
    #[error("{bytes} bytes of buffer memory are needed for a new batch and not free")]
    NeedsMemory {
        /// How much.
        bytes: usize,
    },
    /// The accumulator was closed.
    #[error("the accumulator is closed")]
    Closed,
    /// The record can never be sent.
    #[error("a batch for the record takes {bytes} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// What a batch of this one record takes.
        bytes: usize,
        /// The buffer memory, or what the format allows.
        limit: usize,
    },
}

/// Why no memory was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// Memory did not become free before the deadline: records come faster than brokers take them.
    #[error("{bytes} bytes of buffer memory did not become free in time")]
    TimedOut {
        /// What was asked for.
        bytes: usize,
    },
    /// The accumulator was closed.
    #[error("the accumulator is closed")]
    Closed,
    /// More was asked for than there is in total, so that waiting is in vain.
    #[error("{bytes} bytes asked for, but the buffer memory is {limit} bytes in total")]
    TooLarge {
        /// What was asked for.
        bytes: usize,
        /// What there is.
        limit: usize,
    },
}

/// A batch's bytes are replaced by compressed ones once, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the batch is compressed already, with {codec}")]
pub struct AlreadyCompressed {
    /// The codec that was used.
    pub codec: Compression,
}

/// Why a batch was not split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The pieces must have at least one record each, and as many as the batch together.
    #[error("the pieces hold {pieces} records (each must hold one at least), the batch {batch}")]
    Uneven {
        /// Records in all pieces.
        pieces: u64,
        /// Records in the batch.
        batch: u32,
    },
    /// The batch has ended.
    #[error(transparent)]
    AlreadyCompleted(#[from] AlreadyCompleted),
}

/// The completion had been decided before; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the batch was decided before; a batch is decided once")]
pub struct AlreadyCompleted;
