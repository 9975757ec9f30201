//! Where the records go: to a Kafka that was named, or to one in this process.

use kafka_mock::{MockCluster, MockError};

use crate::flags::Target;

/// A real Kafka or an embedded one.
pub(crate) enum Kafka {
    Real(String),
    Embedded(Box<MockCluster>),
}

impl Kafka {
    pub(crate) fn new(target: Target, topic: &str) -> Result<Self, MockError> {
        match target {
            Target::Named(servers) => Ok(Self::Real(servers)),
            Target::Embedded => {
                let cluster = MockCluster::builder().brokers(3).topic(topic, 3);
                Ok(Self::Embedded(Box::new(cluster.start_blocking()?)))
            }
        }
    }

    pub(crate) fn bootstrap_servers(&self) -> String {
        match self {
            Self::Real(servers) => servers.clone(),
            Self::Embedded(cluster) => cluster.bootstrap_servers(),
        }
    }

    /// Records in the log, where that can be seen.
    pub(crate) fn record_count(&self, topic: &str) -> Option<usize> {
        match self {
            Self::Real(_) => None,
            Self::Embedded(cluster) => {
                Some(cluster.with_cluster(|cluster| cluster.record_count(topic)))
            }
        }
    }
}
