//! Brokers that lie, to show that those who check a run notice.
//!
//! A checker that has never failed proves nothing. Each of these breaks one promise of Kafka; a
//! simulation against such a cluster must find a run in which its checker says so.

/// A way in which the brokers lie; for tests of checkers only.
///
/// ```
/// use kafka_mock::cluster::{ClusterConfig, Defect};
///
/// let liar = ClusterConfig::default().with_defect(Some(Defect::AckBeforeAppend));
/// assert_ne!(liar, ClusterConfig::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Defect {
    /// Now and then a batch is acknowledged that was never appended.
    AckBeforeAppend,
    /// `acks=all` is acknowledged before anybody but the leader has the batch.
    AckBeforeReplication,
    /// Batches are acknowledged one offset behind where they are.
    WrongOffset,
    /// Sequences are not looked at: what is sent again is there twice.
    AcceptAnySequence,
    /// A fenced producer may go on.
    AcceptOldEpoch,
    /// A new leader remembers no producer.
    ForgetProducers,
    /// A new leader lacks the last batch, although it was in sync.
    LoseTail,
    /// Aborted transactions get no marker.
    ForgetAbortMarker,
    /// Aborted transactions get the marker of committed ones.
    CommitAborted,
    /// Offsets that came with a transaction are dropped when it commits.
    ForgetOffsets,
}

impl Defect {
    /// All of them.
    ///
    /// ```
    /// assert!(kafka_mock::cluster::Defect::all().count() >= 10);
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        [
            Self::AckBeforeAppend,
            Self::AckBeforeReplication,
            Self::WrongOffset,
            Self::AcceptAnySequence,
            Self::AcceptOldEpoch,
            Self::ForgetProducers,
            Self::LoseTail,
            Self::ForgetAbortMarker,
            Self::CommitAborted,
            Self::ForgetOffsets,
        ]
        .into_iter()
    }
}
