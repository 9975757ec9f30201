//! The brokers as a state machine, asked in frames, as a client would.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod driver;

mod acls;
mod admin;
mod altering;
mod api_versions;
mod classic;
mod client_quotas;
mod consumers;
mod defects;
mod delayed;
mod faults;
mod fetch;
mod groups;
mod hostile;
mod known_transactions;
mod leaders;
mod list_offsets;
mod member;
mod metadata;
mod produce;
mod producers;
mod quotas;
mod replication;
mod sasl;
mod storm;
mod transactions;
mod transactor;
mod two_phase;
