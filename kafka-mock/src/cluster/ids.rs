//! Numbers with a meaning: brokers, connections, and the time as one argument.

use std::{fmt, time::Instant};

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

/// A connection to one broker, named by whoever drives the cluster; never used again.
///
/// ```
/// use kafka_mock::cluster::ConnectionId;
///
/// assert_ne!(ConnectionId(1), ConnectionId(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The time, by both clocks that a broker has.
///
/// ```
/// use std::time::Instant;
/// use kafka_mock::cluster::Now;
///
/// let now = Now { instant: Instant::now(), wall_ms: 1_700_000_000_000 };
/// assert!(now.wall_ms > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// What waiting is measured by.
    pub instant: Instant,
    /// Milliseconds since 1970, which log append times are.
    pub wall_ms: i64,
}
