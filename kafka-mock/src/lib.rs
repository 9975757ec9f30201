//! An embedded Kafka cluster for tests and quickstarts: the real protocol, in this process.
//!
//! Two layers, usable apart:
//!
//! - [`cluster`]: what brokers do, as a plain state machine. Frames in, frames out; time is an
//!   argument; no sockets, no threads. A simulation drives it with virtual time.
//! - [`MockCluster`] (feature `sockets`, on by default): the same on real sockets of 127.0.0.1, one
//!   listener a broker, for clients in any language: producers, and consumers, with or without a group.
//!
//! ```
//! # #[cfg(feature = "sockets")] {
//! use kafka_mock::MockCluster;
//!
//! let kafka = MockCluster::builder().brokers(3).topic("orders", 6).start_blocking()?;
//! println!("clients connect to {}", kafka.bootstrap_servers());
//! assert!(kafka.records("orders").is_empty());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it answers is what a broker answers: batches are checked as a broker checks them, sequence
//! numbers are kept as Kafka 4 keeps them, transactions of both generations (KIP-98, KIP-890)
//! commit, abort, time out and fence, groups of consumers rebalance and keep their offsets (the
//! classic protocol and that of KIP-848, both with static members), and what no replica in sync has is lost with its leader. It
//! does not advertise what it lacks: permissions, retention; share and streams groups; members of both protocols in one
//! group. A regular expression of topics is refused. Clients have to authenticate (SASL) if [`MockClusterBuilder::sasl`] says so, are throttled by quotas of bytes ([`MockClusterBuilder::quota`]), and brokers speak TLS (feature `tls`)
//! if `MockClusterBuilder::tls` does.
//!
//! What is to go wrong is a [`Fault`](cluster::Fault), or is done by methods of the cluster; with the feature `script`, a
//! file says it. With the feature `cli` there is a program, `kafka-mock`, for programs in other languages.

pub mod cluster;
mod record;
#[cfg(feature = "script")]
pub mod script;
#[cfg(feature = "sockets")]
mod server;

/// The types of the protocol that faults, records and settings name.
pub use kafka_wire;
pub use record::{MockRecord, ProducerStamp};
#[cfg(feature = "tls")]
pub use server::{ClientCertificates, MockTls};
#[cfg(feature = "sockets")]
pub use server::{Exchange, MockCluster, MockClusterBuilder, MockError};
