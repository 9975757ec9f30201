//! Records of one partition that travel, and end, together.
//!
//! ```text
//! OpenBatch ──seal──▶ SealedBatch ──release──▶ Batch (immutable, shared, on its way)
//!  under the queue's lock       outside of it
//! ```

mod open;
mod callbacks;
mod growth;
mod stats;
mod sealed;

pub(crate) use growth::{GrowBy, GrowRequest, Growth};
pub(crate) use open::{AppendResult, OpenBatch};
pub(crate) use sealed::SealedBatch;
pub use sealed::{Batch, Piece};
