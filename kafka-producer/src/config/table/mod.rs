//! The table of properties: every name that Apache Kafka 4.4 knows for a producer, and our own.
//!
//! Parsing, defaults, ranges and documentation all come from here; rules between properties are in
//! `rules.rs`. What is not supported is listed too, so that it is refused or warned of with a reason
//! and is not taken for a misspelt name.

mod core;
mod lookup;
mod metrics;
mod property;
mod sasl;
mod tls;

pub(super) use lookup::{all, named};
pub use property::{Allowed, Kind, Property, Support};
pub(super) use property::{HIDDEN, Value, trimmed};
