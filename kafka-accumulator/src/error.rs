//! What this crate rejects, and why.
//!
//! In the order in which a record meets them: appending it, waiting for memory for it, and then what is
//! done to its batch. Nothing here says why a record could not be *delivered*: for that callers have an
//! error type of their own.

use kafka_wire::compression::Compression;
use thiserror::Error;

/// Why a record was not appended. It was not touched: it may be appended again.
///
/// ```
/// use kafka_accumulator::AppendError;
///
/// let error = AppendError::TooLarge { bytes: 70_000_000, limit: 33_554_432 };
/// assert!(error.to_string().contains("more than the 33554432 that are allowed"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A new batch is needed, and the memory is used up, as much is waiting to be sent as the engine
    /// admits, or others wait for some already: get a reservation of `bytes` from
    /// [`Accumulator::reserve`](crate::Accumulator::reserve) and append again with that.
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
///
/// ```
/// use kafka_accumulator::ReserveError;
///
/// let error = ReserveError::TimedOut { bytes: 16_384 };
/// assert!(error.to_string().starts_with("16384 bytes of buffer memory did not become free"));
/// ```
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

/// The records of the batch were compressed before; nothing has changed.
///
/// [`Batch::replace_records`](crate::Batch::replace_records) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error("the batch is compressed already, with {codec}")]
pub struct AlreadyCompressed {
    /// The codec that was used.
    pub codec: Compression,
}

/// Why a batch was not split.
///
/// ```
/// use kafka_accumulator::{AlreadyCompleted, SplitError};
///
/// assert_eq!(SplitError::from(AlreadyCompleted), SplitError::AlreadyCompleted(AlreadyCompleted));
/// ```
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
    /// The batch is completed.
    #[error(transparent)]
    AlreadyCompleted(#[from] AlreadyCompleted),
}

/// The batch was completed before; nothing has changed.
///
/// [`Completion::complete`](crate::Completion::complete) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the batch was completed before; a batch is completed once")]
pub struct AlreadyCompleted;
