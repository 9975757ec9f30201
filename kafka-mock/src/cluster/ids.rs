//! What brokers and connections are called.

use std::fmt;

/// A broker of the cluster; they count from 1.
///
/// ```
/// assert_eq!(kafka_mock::cluster::BrokerId(2).to_string(), "broker 2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerId(pub i32);

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broker {}", self.0)
    }
}

/// A connection to one broker, numbered by the driver of the cluster; a number is not used again.
///
/// ```
/// use kafka_mock::cluster::ConnectionId;
///
/// assert_ne!(ConnectionId(1), ConnectionId(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One connection to one broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    pub(super) broker: BrokerId,
    pub(super) connection: ConnectionId,
}
