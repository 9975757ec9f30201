//! How far a group is, by Kafka's names.

use std::fmt;

/// How far a group is.
///
/// ```
/// assert_eq!(kafka_mock::cluster::GroupState::Stable.to_string(), "Stable");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupState {
    /// It has no members.
    Empty,
    /// Its members have to join again.
    PreparingRebalance,
    /// Its members wait for their assignments.
    CompletingRebalance,
    /// Its members have their assignments.
    Stable,
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
