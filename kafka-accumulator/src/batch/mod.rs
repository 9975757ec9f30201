//! Records of one partition that travel, and end, together.

mod open;
mod sealed;

pub use open::NewRecord;
pub(crate) use open::{
    AppendResult, CompletionGuard, GrowBy, GrowRequest, Growth, OpenBatch, SealedBatch,
};
pub(crate) use sealed::BatchStats;
pub use sealed::{AlreadyCompressed, Batch, Piece, SplitError};
