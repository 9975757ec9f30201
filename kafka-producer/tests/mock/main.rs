//! A producer without a broker (`kafka_producer::mock`), as the tests of an application use it.
//!
//! Nothing here has a runtime but what also runs against the embedded cluster: futures are polled on the thread of the
//! test.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod beside_the_cluster;
mod callbacks;
mod limits;
mod outcomes;
mod scene;
mod transactions;
