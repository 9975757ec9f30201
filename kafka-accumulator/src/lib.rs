//! The batch accumulator: where records wait, in batches, for their partition's leader.
//!
//! ```text
//! caller ─append─▶ Queue [ open ] ─▶ [ sealed … ] ─take─▶ Batch ─▶ engine ─▶ socket
//!    ▲                      │                                │
//!    │                      └──ring──▶ Doorbell              │
//!    └── Delivery ◀── Completion ◀─────complete──────────────┘
//! ```
//!
//! A record is encoded once, by its caller, straight into the buffer that goes to the socket. A batch is
//! completed once, and its records share the outcome. Memory is reserved per batch, for all that belongs
//! to it: as much as the one before it used, and more when it has to grow.
//!
//! Nothing here reads a clock (`now` is an argument), starts a thread or a task, or knows what a broker
//! is. While an accumulator lives, nothing here wakes a caller that waits for memory: whoever the doorbell
//! wakes does, when it holds no lock ([`Accumulator::take_served`]). That one is called the *engine* here:
//! it takes batches from the queues, sends them and completes them. When an accumulator is dropped, it
//! wakes those who still wait.
//!
//! # Who knows Kafka's Java client
//!
//! | there | here |
//! |---|---|
//! | `RecordAccumulator` | [`Accumulator`], [`Queue`] |
//! | `ProducerBatch` | [`Batch`] |
//! | `BufferPool` | [`Queue::reserve`], [`Reservation`] |
//! | `ProduceRequestResult` | [`Completion`] |
//! | `FutureRecordMetadata` | [`Delivery`] |
//! | `RecordAppendResult` | [`Appended`] |
//!
//! # Invariants
//! - At most one batch per partition is open, and it is the newest.
//! - A batch leaves its queue once and never comes back.
//! - Nobody writes to a batch's bytes while somebody else reads them; a buffer is used again when the last
//!   reference to it is gone.
//! - What is reserved never exceeds the total. What is guaranteed to an [`Account`] is given to no other, and
//!   callers that wait for memory of the same account are served in order.
//! - The lock of a queue is held for one copy, or for that of a batch that grows; locks never nest; no
//!   callback runs under one, and nobody is woken.

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
pub use delivery::Delivery;
#[doc(hidden)]
pub use delivery::Receipt;
pub use doorbell::{Doorbell, Sleep};
pub use error::{AlreadyCompleted, AlreadyCompressed, AppendError, ReserveError, SplitError};
pub use memory::{Account, Reservation, Reserve};
pub use queue::{Appended, Filled, Queue, Readiness};
pub use record::NewRecord;
pub use settings::Settings;
#[doc(hidden)]
pub use user_code::{NoUserCode, Panic, catch_panic, run_user_code, wake_all};

/// What is shared among threads stays so, or this does not compile.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Accumulator<()>>();
    shared::<Queue<()>>();
    shared::<Batch<()>>();
    shared::<Completion<()>>();
    shared::<Delivery<()>>();
    shared::<Settled<()>>();
    shared::<Doorbell>();
    shared::<Account>();
    shared::<Reservation>();
    shared::<Reserve>();
};
