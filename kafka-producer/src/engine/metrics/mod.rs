//! What is measured: the engine records it, per batch, request and connection, and whoever holds the producer
//! reads it.
//!
//! ```text
//! engine ─▶ Recorder ─▶ measurements of the client, of each topic, of each broker ◀─ snapshot ◀─ readers
//! callers' threads ─▶ CallerCounters ─────────────────────────────────────────────────┘
//! ```
//!
//! Nothing is recorded per record. Each set of measurements has a lock of its own, which is held for a few
//! additions or for the copy of one set, so that a reader never keeps the engine from sending. What is measured
//! has no influence on anything.

mod callers;
mod client;
mod measurements;
mod parts;
mod recorder;
mod sent;
mod traffic;
mod windows;

#[cfg(feature = "tokio")]
pub(crate) use callers::{CallerCounters, Wait};
pub use measurements::Measurements;
pub(crate) use recorder::{LoginOutcome, Recorder};
pub(crate) use sent::SentBatch;
pub use traffic::Traffic;
