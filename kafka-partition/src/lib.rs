//! Partitioners: which partition a Kafka record goes to.
//!
//! ```text
//! serialize ─▶ partition ─▶ append
//!              │ TopicView: partitions, those with a leader, sticky state
//!              │ RecordView: the record's key and value, serialized
//!              ▼
//!              partition
//! ```
//!
//! A [`Partitioner`] is asked once per record, between serialization and the batch. It sees an
//! immutable [`TopicView`] and answers with a number; it never waits, never allocates, never looks
//! anything up, and takes no randomness but the seed of the topic's [`StickyState`].
//!
//! | partitioner | with a key | without a key |
//! |---|---|---|
//! | [`DefaultPartitioner`] | murmur2, as Java | sticky |
//! | [`UniformStickyPartitioner`] | sticky | sticky |
//! | [`RoundRobinPartitioner`] | in turn | in turn |
//! | [`HashPartitioner`] | as librdkafka or Sarama | sticky, or hashed |
//!
//! Sticky choices follow the [`Weights`] that a producer leaves with the topic: partitions for which much
//! waits get less, those of a broker that takes nothing get none (KIP-794), and those in the client's rack
//! get all if that is wanted (KIP-1123).
//!
//! A partition that the caller names itself is checked by [`explicit`] and asks no partitioner.
//!
//! ```
//! use kafka_partition::{DefaultPartitioner, RecordView, Partitioner, StickyState, TopicView};
//!
//! let sticky = StickyState::new(42);
//! let topic = TopicView::new("orders", 12, &[], &sticky);
//! let partitioner = DefaultPartitioner::new();
//!
//! let keyed = RecordView::new(Some(b"customer-7"), Some(b"..."));
//! assert_eq!(partitioner.partition(&topic, &keyed), partitioner.partition(&topic, &keyed));
//!
//! let unkeyed = RecordView::new(None, Some(b"..."));
//! let stays = partitioner.partition(&topic, &unkeyed);
//! assert_eq!(partitioner.partition(&topic, &unkeyed), stays);
//! partitioner.batch_filled(&topic, stays);
//! assert_ne!(partitioner.partition(&topic, &unkeyed), stays);
//! ```
//!
//! # Where a key is
//!
//! The rule is Java's: murmur2 of the serialized key with the seed `0x9747b28c`, without the sign bit, modulo the number
//! of partitions ([`partition_for_key`]). librdkafka and Sarama have other rules ([`KeyHash`]): a program that takes the
//! place of one of those goes on with its own ([`HashPartitioner`]). [`KeyMoves`] tells which keys of two topics are in
//! different partitions, and which will be when partitions are added.
//!
//! ```
//! use kafka_partition::{KeyHash, KeyMoves, KeyPlacement, partition_for_key};
//!
//! assert_eq!(partition_for_key(b"customer-7", 12), 7);
//!
//! let [payments, orders] = [6, 12].map(|count| KeyPlacement::new(KeyHash::Murmur2, count));
//! let moves = KeyMoves::count(payments, orders, ["customer-7", "customer-8"]);
//! assert_eq!(moves.moved(), 2);
//! ```
//!
//! # Without the standard library
//!
//! Without the feature `std`, which is on by default, the crate is `no_std` and needs `alloc`: [`murmur2()`],
//! [`partition_for_key`], [`KeyHash`], [`KeyMoves`], [`explicit`] and [`Weights`] are there, the partitioners are not.
//! Those remember a choice for each thread, and a lock exchanges weights.
//!
//! # Errors, threads and speed
//!
//! A choice cannot fail: no number of partitions and no key makes it panic, and what it returns is a partition that the
//! topic has (0 for a topic without any). [`explicit`] alone returns an error. All types may be shared by threads; a
//! choice takes no lock (a thread that moves on takes one, once a batch), and nothing here allocates but [`KeyMoves`],
//! a new [`StickyState`] and [`Weights`] that grow. A key of 16 bytes takes murmur2 5 ns, FNV-1a 7 and CRC-32 16 on
//! a machine of 2026 (`cargo bench -p kafka-partition`).

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "std")]
mod built_in;
#[cfg(feature = "std")]
mod candidates;
mod explicit;
#[cfg(feature = "std")]
mod hash_partitioner;
mod key_hash;
mod key_moves;
mod murmur;
mod partition_number;
#[cfg(feature = "std")]
mod partitioner;
#[cfg(feature = "std")]
mod sticky;
#[cfg(feature = "std")]
mod topic;
mod weights;

#[cfg(feature = "std")]
pub use built_in::{DefaultPartitioner, RoundRobinPartitioner, UniformStickyPartitioner};
pub use explicit::{ExplicitError, explicit};
#[cfg(feature = "std")]
pub use hash_partitioner::{HashPartitioner, Spread};
pub use key_hash::KeyHash;
pub use key_moves::{KeyMove, KeyMoves, KeyPlacement};
pub use murmur::{murmur2, partition_for_key};
#[cfg(feature = "std")]
pub use partitioner::Partitioner;
#[cfg(feature = "std")]
pub use sticky::StickyState;
#[cfg(feature = "std")]
pub use topic::{RecordView, TopicView};
pub use weights::{Leader, Load, Rack, Weights};

/// What people read first.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
pub struct FirstSteps;
