//! Records of one partition that travel, and end, together.
//!
//! ```text
//! OpenBatch ──seal──▶ SealedBatch ──release──▶ Batch (immutable, shared, on its way)
//!  under the queue's lock       outside of it
//! ```

mod open;
mod callbacks;
mod stats;
mod sealed;

pub(crate) use open::{AppendResult, GrowBy, GrowRequest, Growth, OpenBatch};
pub(crate) use sealed::SealedBatch;
pub use sealed::{Batch, Piece};
