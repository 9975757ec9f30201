//! What a broker does about a request, and what is seen of requests from outside.

use bytes::Bytes;
use kafka_wire::ApiKey;

use super::ids::{BrokerId, ConnectionId};

/// What a broker does about a request. A driver of the cluster has to handle each of these, so
/// there will not be more of them without a breaking change.
///
/// ```
/// use kafka_mock::cluster::Answer;
///
/// assert_ne!(Answer::Nothing, Answer::Close);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// Sends this frame, which begins with its length.
    Send(Bytes),
    /// Sends nothing, and goes on (Produce with `acks=0`).
    Nothing,
    /// Answers later: a [`Release`] will follow, from [`Cluster::tick`](super::Cluster::tick).
    Delayed,
    /// Sends this, which is the beginning of a frame, and closes the connection.
    Cut(Bytes),
    /// Closes the connection.
    Close,
}

impl Answer {
    /// What of it is sent before the connection breaks.
    pub(super) fn cut(self, after_bytes: usize) -> Self {
        match self {
            Self::Send(frame) => {
                Self::Cut(frame.slice(..after_bytes.min(frame.len().saturating_sub(1))))
            }
            other => other,
        }
    }
}

/// The answer to a request that was delayed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// The broker that answers.
    pub broker: BrokerId,
    /// On this connection.
    pub connection: ConnectionId,
    /// Never [`Answer::Delayed`].
    pub answer: Answer,
}

/// A request that reached a broker.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig};
/// use kafka_wire::ApiKey;
///
/// let cluster = Cluster::new(ClusterConfig::default(), 1);
/// assert!(!cluster.requests().any(|seen| seen.api == ApiKey::PRODUCE));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestSeen {
    /// The broker.
    pub broker: BrokerId,
    /// What was asked.
    pub api: ApiKey,
    /// In which version.
    pub version: i16,
}
