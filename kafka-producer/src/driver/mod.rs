//! The driver: carries what the engine decides, and decides nothing.
//!
//! ```text
//!            ┌───────────────────── one thread, one task ────────────────────┐
//! doorbell ─▶│ tick ─▶ engine ─▶ actions ─▶ connections ─▶ sockets           │
//!            │          ▲  └──▶ notices   │                                  │
//!            │          └────── frames, losses ◀─┘                           │
//!            └───────────────────────────────────────────────────────────────┘
//! ```
//!
//! Each round is under the driver's lock (`shared`). Callbacks and wakers are code of others: they are
//! called between rounds, when the lock is free, on this thread and in the order in which it was decided.
//! So are token providers and a dialer; the streams that it opens are polled like sockets, on this thread.
//!
//! While nothing is on its way, the caller that rings does the next step on its own thread
//! (`inline_drive`).
//!
//! The task polls everything itself: the engine, every dial, every connection, one timer. The only
//! hand-overs between threads are the doorbell and compression, which has threads of its own. What a
//! response says, and when to try again, is decided by the engine alone.

mod alarm;
#[cfg_attr(not(feature = "tracing"), path = "no_batch_spans.rs")]
mod batch_spans;
mod compressor;
mod connection;
pub(crate) mod dial;
mod foreign_calls;
mod inline_drive;
mod opening;
mod plain_question;
mod resolve;
mod round;
mod run;
mod securing;
mod shared;
mod transport;

pub(crate) use run::{Network, spawn};
