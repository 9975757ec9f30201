//! Against a real Apache Kafka of three nodes: what was sent is what Kafka's own tools read.
//!
//! Run by `cargo xtask ci kafka`, which starts the cluster and says in the environment where it is.
//! All tests share it and run at the same time, each with topics of its own. Other than in the
//! tests of the embedded cluster, nothing here knows how a broker works inside.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod cluster;
mod codecs;
mod console;
#[path = "../dialers/exchange.rs"]
mod exchange;
mod explaining;
mod growth;
mod intercepting;
mod leaders;
mod limits;
mod metrics;
#[allow(dead_code, reason = "the tests of the examples use more of it")]
#[path = "../examples/lines.rs"]
mod lines;
mod misrouting;
mod order;
mod places;
mod preparing;
#[allow(dead_code, reason = "the tests of the examples use more of it")]
#[path = "../examples/program.rs"]
mod program;
mod security;
mod shares_beside_java;
#[cfg(feature = "opentelemetry")]
mod spans;
mod telemetry;
mod tools;
mod transactional_producer;
mod transactions;
