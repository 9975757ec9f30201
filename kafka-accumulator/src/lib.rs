//! The batch accumulator: where records wait, in batches, for their partition's leader.
//!
//! ```text
//! caller ─append─▶ Queue [ open ] ─▶ [ sealed … ] ─take─▶ Batch ─▶ engine ─▶ socket
//!    ▲                      │                                │
//!    │                      └──ring──▶ Doorbell              │
//!    └── Delivery ◀── Completion ◀──────decide───────────────┘
//! ```
//!
//! A record is encoded once, by its caller, straight into the buffer that goes to the socket. The
//! fate of a batch is decided once, and its records share it. Memory is reserved per batch, for
//! all that belongs to it: as much as the one before it used, and more when it has to grow.
//!
//! Nothing here reads a clock (`now` is an argument), starts a thread or a task, or knows what a
//! broker is. Nor does anything wake who waits for memory by itself: whoever the doorbell wakes does
//! ([`Accumulator::take_served`]), when he holds no lock.
//!
//! # Invariants
//! - At most one batch per partition is open, and it is the newest.
//! - A batch leaves its queue once and never comes back.
//! - A sealed batch's bytes never change; a buffer is used again when its last holder is gone.
//! - What is reserved never exceeds the total, and who waits for memory is served in order.
//! - The lock of a queue is held for one copy, or for that of a batch that grows; locks never nest;
//!   nobody's callback runs under one, and nobody is woken.

mod settings;
mod record;
mod accumulator;
mod queue;
mod registry;
mod batch;
mod memory;
mod completion;
mod delivery;
mod doorbell;
mod error;
mod user_code;
mod sync;

pub use accumulator::Accumulator;
pub use batch::{Batch, Piece};
pub use completion::{BatchOutcome, Callback, Completed, Completion, Delivered, Outcome, Settled};
pub use delivery::{Delivery, Receipt};
pub use doorbell::{Doorbell, Sleep};
pub use error::{AlreadyCompleted, AlreadyCompressed, AppendError, ReserveError, SplitError};
pub use memory::{Reservation, Reserve};
pub use queue::{Appended, Filled, Queue, Readiness};
pub use record::NewRecord;
pub use settings::Settings;
pub use user_code::{NoUserCode, Panic, catch_panic, run_user_code, wake_all};
