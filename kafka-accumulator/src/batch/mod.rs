//! Records of one partition that travel, and end, together.

mod open;
mod sealed;

pub use open::NewRecord;
pub(crate) use open::{Gain, Growth, OpenBatch, Owed, Placed, Sealed, Wish};
pub(crate) use sealed::Facts;
pub use sealed::{AlreadyCompressed, Batch, Piece, SplitError};
