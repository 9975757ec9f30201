//! The promises, on a real Apache Kafka of three nodes whose brokers are killed, frozen, moved and cut off.
//!
//! ```text
//! load ─▶ Producer ─▶ (proxy ─▶) brokers ◀─ nodes: kill, freeze, move, heal
//!   └─▶ ledger: what it was told of every record ─┐
//!                Kafka's own consumer ─▶ the log ─┴─▶ checker ─▶ findings, measured against a promise
//! ```
//!
//! Run by `cargo xtask ci faults`, one test at a time: each harms the brokers that all share, and
//! leaves them whole. The tests of the checker and of the proxy need no Kafka and always run.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]
#![allow(clippy::print_stdout, reason = "each scenario prints its figures")]

mod addresses;
mod checker;
#[path = "../kafka/cluster.rs"]
#[allow(dead_code, reason = "made for the tests beside these")]
mod cluster;
mod compared;
mod compared_addresses;
mod connections;
mod crashes;
mod deposed;
mod detours;
mod forgotten;
mod freezes;
mod growth;
mod idle;
mod isolating;
mod ledger;
mod load;
mod min_isr;
mod nodes;
mod proxy;
mod read_back;
mod scene;
#[path = "../kafka/tools.rs"]
#[allow(dead_code, reason = "made for the tests beside these")]
mod tools;
mod transactions;
mod transactor;
mod unreachable;
mod weaker;
