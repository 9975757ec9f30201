//! What can go wrong with an embedded cluster: sockets, and waits that time out.

use std::{io, time::Duration};

use crate::cluster::{BrokerId, ClusterError};

/// Why the embedded cluster did not do what was asked.
///
/// ```
/// use kafka_mock::{MockCluster, MockError};
///
/// let error = MockCluster::builder().topic("a b", 1).start_blocking().unwrap_err();
/// assert!(matches!(error, MockError::Cluster(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MockError {
    /// A broker cannot listen.
    #[error("{broker} cannot listen on port {port} of 127.0.0.1 (0: any that is free)")]
    Listen {
        /// The broker.
        broker: BrokerId,
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The ports that follow the first one end before this broker.
    #[error("{broker} has no port: they end at 65535; choose a lower first port")]
    NoPort {
        /// The broker.
        broker: BrokerId,
    },
    /// The thread of the cluster cannot be started.
    #[error("the thread of the embedded cluster cannot be started")]
    Thread(#[source] io::Error),
    /// TLS cannot be made ready.
    #[error("certificates for the embedded cluster cannot be made: {0}")]
    Tls(String),
    /// The cluster refused; nothing was changed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The records did not come in time.
    #[error("topic `{topic}` has {found} of {wanted} records after {waited:?}")]
    TooFewRecords {
        /// Name of the topic.
        topic: String,
        /// How many were waited for.
        wanted: usize,
        /// How many there are.
        found: usize,
        /// How long was waited.
        waited: Duration,
    },
    /// A script cannot be read.
    #[cfg(feature = "script")]
    #[error("line {line}: {problem}")]
    Script {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there, and what is allowed.
        problem: String,
    },
    /// The cluster was shut down.
    #[error("the embedded cluster was shut down")]
    Stopped,
}
