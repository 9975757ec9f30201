//! The example programs, run as programs against an embedded cluster: what they print, what they
//! send, and how they end.
//!
//! `cargo test` builds them beside this test. Every wait has a deadline.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot run as planned has failed"
)]

mod engine_by_hand;
mod exceptions;
mod authenticating;
mod lines;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
mod program;
mod transactional_producer;
mod verifiable_producer;

use std::time::{Duration, Instant};

use kafka_mock::MockCluster;

/// Three brokers with the topic `t` of three partitions.
fn cluster() -> MockCluster {
    let builder = MockCluster::builder().brokers(3).topic("t", 3);
    builder.start_blocking().unwrap()
}

/// What the first run gives that gives something. A machine may stand still for seconds, and a limit
/// of some milliseconds that is tried passes then before anything was done, or too late.
fn until_told<T>(mut run: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(told) = run() {
            return told;
        }
        assert!(Instant::now() < deadline, "no run came to its point");
    }
}
