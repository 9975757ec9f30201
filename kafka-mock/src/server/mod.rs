//! The cluster on real sockets: one listener a broker, on 127.0.0.1.
//!
//! ```text
//! a thread of its own, one tokio runtime
//!   ├ broker 1: listener ─▶ a task per connection ─┐
//!   ├ broker 2: listener ─▶ …                      ├─▶ Mutex<Cluster>
//!   └ timer: ticks the cluster when it is due ─────┘
//! ```
//!
//! It carries bytes and time, and decides nothing. The thread is its own so that programs without
//! async can use it, and so that a test that blocks its runtime does not stop the brokers.

mod accept;
mod broker;
mod builder;
mod connection;
mod error;
mod exchange;
mod mock_cluster;
mod shared;
#[cfg(feature = "tls")]
mod tls;

#[cfg(feature = "tls")]
pub use self::tls::{ClientCertificates, MockTls};
pub use self::{
    builder::MockClusterBuilder, error::MockError, exchange::Exchange, mock_cluster::MockCluster,
};
