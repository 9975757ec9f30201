//! What the accumulator promises, tested at its surface, with time as an argument.

#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod accounts;
mod backlog;
mod completions;
mod conformance;
mod cost;
mod growing;
mod memory;
mod model;
mod ringing;
mod scene;
mod shares;
mod sizes;
mod stress;
