//! The end of a transaction, as it stands in a log.

/// How a transaction ends; Kafka knows no third way.
///
/// ```
/// use kafka_mock::cluster::TransactionOutcome;
///
/// assert_ne!(TransactionOutcome::Commit, TransactionOutcome::Abort);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionOutcome {
    /// Its records are to be read.
    Commit,
    /// Its records are to be skipped.
    Abort,
}

/// The end of a transaction, as it stands in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) coordinator_epoch: i32,
    pub(super) outcome: TransactionOutcome,
}
