//! Other clients on the embedded cluster: Java's, librdkafka's (kcat) and those of other languages, reading
//! and writing.
//!
//! They need `KAFKA_CLASSPATH` (the class path of Apache Kafka's tools), `kcat`, and `KAFKA_OTHER_CLIENTS` (the
//! folder of the clients in Python, Go and Rust); what is missing fails the test and says what to install. Every wait has a deadline.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod program;

mod groups;
mod java;
mod java_admin;
mod kcat;
mod other_languages;
mod transactions;
mod written;
