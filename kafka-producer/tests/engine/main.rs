//! The engine from outside: inputs in, actions out, and what becomes of the records.
//!
//! There is no socket and no clock here. [`stage`] plays the brokers and the time, so that a test
//! says which answer comes when; the names of the tests that port a behaviour of Apache Kafka's own
//! `Sender` suite begin with its number in the checklist.
#![allow(
    clippy::unwrap_used,
    reason = "tests, and what only they use, fail by panicking"
)]
#![allow(
    clippy::let_underscore_future,
    reason = "a delivery that is dropped is one of the ways to send, and cancels nothing"
)]

mod admitting;
mod adopting;
mod closing;
mod connecting;
mod connections;
mod delivering;
mod dispatching;
mod epochs;
mod expiration;
mod expiring;
mod explaining;
mod forgetting;
mod identity;
mod incapable;
mod inquiring;
mod logins;
mod made_anew;
mod metadata;
mod misrouting;
mod moving;
mod obstacles;
mod ordering;
mod outcomes;
mod pushing;
mod refusing;
mod retrying;
mod serving;
mod settings;
mod splitting;
mod stage;
mod storms;
mod throttling;
mod timelines;
mod transactions;
mod unused;
mod weighing;
mod wires;
