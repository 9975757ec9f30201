//! Other clients on the embedded cluster: Java's and librdkafka's (kcat), reading and writing.
//!
//! They need `KAFKA_CLASSPATH` (the class path of Apache Kafka's tools) and `kcat`; what is
//! missing fails the test and says what to install. Every wait has a deadline.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod program;

mod groups;
mod java;
mod kcat;
mod transactions;
mod written;
