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
//! # The simplest use
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//!
//! use kafka_accumulator::records::RecordParts;
//! use kafka_accumulator::{Accumulator, BatchOutcome, Doorbell, NewRecord, Settings};
//!
//! let accumulator = Accumulator::new(Settings::default(), Arc::new(Doorbell::new()), || "abandoned");
//! let queue = accumulator.queue(Arc::from("log"), 0, 0);
//!
//! // Any thread:
//! let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
//! let delivery = accumulator.append(&queue, &mut record, None, Instant::now)?.delivery;
//!
//! // The one that sends, or writes to a file:
//! let now = Instant::now();
//! let batch = queue.take(now + Settings::default().linger).expect("it has lingered");
//! assert_eq!((batch.count(), batch.records().len()), (1, 12));
//! batch.complete(BatchOutcome::Delivered { base_offset: 42, log_append_time_ms: None })?;
//!
//! assert_eq!(delivery.try_outcome().expect("it is completed")?.offset, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! [`AppendError`] says that a record needs memory first, is too large, or comes too late; [`ReserveError`] that memory
//! did not become free in time. What became of a batch is whatever the engine says, by an error type of its own (`E`).
//! Nothing panics because of a record; a callback that panics harms no other.
//!
//! # Threads and speed
//!
//! Everything may be shared by threads. In the steady state an append is one lock (that of its queue) for one copy, no
//! allocation, and one reference count if a [`Delivery`] is kept.
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

pub use bytes::Bytes;
pub use kafka_wire::compression::Compression;
/// The format of records and batches: what is appended is a [`RecordParts`](records::RecordParts), and what is taken
/// becomes a whole batch by a [`BatchHeader`](records::BatchHeader).
///
/// It is the module of that name of `kafka-wire`, whose codecs are features of that crate: none is compiled here.
pub use kafka_wire::records;

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

/// What people read first.
#[cfg(all(doctest, not(loom)))]
#[doc = include_str!("../README.md")]
pub struct FirstSteps;
