//! A producer for tests of an application's own logic: a real [`Producer`](crate::Producer) without a broker, a
//! socket, a thread or a runtime.
//!
//! ```text
//! application ─send─▶ Producer: interceptors, serializers, partitioner, size checks, batches
//!                        │ doorbell
//! test ─hold, fail_next──▶ MockBroker: on the thread that rings, decides each record ─▶ Delivery, callback
//! ```
//!
//! [`build_mock`](crate::ProducerBuilder::build_mock) takes the place of `build`, and returns the same type: the
//! application need not be generic, and each way to send, to flush, to close and to commit is there. What is
//! replaced is the engine and all behind it; so nothing on the way of a record is imitated before it is in its
//! batch. The [`MockBroker`] is the test's: it says what becomes of records, and shows them as a broker would have
//! got them.
//!
//! No time passes here. What would end after a time-out ends at once in the same way: a send that waits for memory,
//! a commit that waits for a record which is held.

mod broker;
mod build;
mod cluster;
mod driver;
mod failure;
mod log;
mod notice;
mod record;
mod transactions;

pub use broker::MockBroker;
pub use failure::Failure;
pub use record::{MockOutcome, MockRecord, MockTransaction};
