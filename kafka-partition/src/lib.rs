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

mod built_in;
mod candidates;
mod explicit;
mod murmur;
mod partitioner;
mod sticky;
mod topic;
mod weights;

pub use built_in::{DefaultPartitioner, RoundRobinPartitioner, UniformStickyPartitioner};
pub use explicit::{ExplicitError, explicit};
pub use murmur::{murmur2, partition_for_key};
pub use partitioner::Partitioner;
pub use sticky::StickyState;
pub use topic::{RecordView, TopicView};
pub use weights::{Leader, Load, Rack, Weights};
