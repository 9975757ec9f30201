//! Defects of brokers, to test the checkers of a simulation.
//!
//! Each of these breaks one promise of Kafka; a simulation of such a cluster must find a run in
//! which its checker reports it.

/// A promise that the brokers break; for tests of checkers only.
///
/// ```
/// use kafka_mock::cluster::{ClusterConfig, Defect};
///
/// let broken = ClusterConfig::default().with_defect(Some(Defect::AckBeforeAppend));
/// assert_ne!(broken, ClusterConfig::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Defect {
    /// Some batches are acknowledged that were never appended.
    AckBeforeAppend,
    /// `acks=all` is acknowledged while only the leader has the batch.
    AckBeforeReplication,
    /// Batches are acknowledged one offset behind where they are.
    WrongOffset,
    /// Sequences are not checked: a batch that is sent again is appended twice.
    AcceptAnySequence,
    /// A fenced producer may still write.
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
