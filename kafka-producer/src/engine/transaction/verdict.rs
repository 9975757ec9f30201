//! What a coordinator's error code means for the transaction: one pure table.
//!
//! It follows Apache Kafka's `TransactionManager`; where it differs, `ARCHITECTURE.md` says why.

use kafka_wire::ErrorCode;

use super::ask::RequestKind;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is done.
    Done,
    /// Ask the same again after a while.
    Retry,
    /// Ask the same again very soon: the end of the transaction before is being written.
    RetrySoon,
    /// Look for the coordinator again, and ask that one.
    Relocate,
    /// This transaction can only be aborted.
    Abortable,
    /// It does not have the transaction that is to be ended: a commit becomes an abort, and after an
    /// abort it is asked for the next epoch.
    Gone,
    /// The producer cannot be used any more.
    Fatal,
}

impl Verdict {
    /// The same when a commit that nobody answered for may have been done: who is told to abort would
    /// take it that nothing is visible. Only the coordinator itself may say so.
    pub(super) fn of_what_may_be_committed(self, code: ErrorCode) -> Self {
        match self {
            Self::Abortable if code != ErrorCode::TRANSACTION_ABORTABLE => Self::Fatal,
            verdict => verdict,
        }
    }

    /// Of several verdicts on one request the greatest counts; of equals that of the code that says more.
    pub(super) fn rank(self, code: ErrorCode) -> (u8, bool) {
        let rank = match self {
            Self::Done => 0,
            Self::RetrySoon => 1,
            Self::Retry => 2,
            Self::Relocate => 3,
            Self::Abortable => 4,
            Self::Gone => 5,
            Self::Fatal => 6,
        };
        (rank, code != ErrorCode::OPERATION_NOT_ATTEMPTED)
    }

    /// Whether it may have been done, or may still be done, all the same.
    pub(super) fn leaves_open(self) -> bool {
        matches!(self, Self::Retry | Self::RetrySoon | Self::Relocate)
    }
}

/// Judges the code of an answer.
pub(super) fn verdict(request: RequestKind, code: ErrorCode) -> Verdict {
    use RequestKind::{Abort, AddOffsets, AddPartitions, Commit, CommitOffsets, FindCoordinator};

    match code {
        ErrorCode::NONE => Verdict::Done,

        ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE => match request {
            FindCoordinator => Verdict::Retry,
            _ => Verdict::Relocate,
        },
        ErrorCode::REQUEST_TIMED_OUT if request == CommitOffsets => Verdict::Relocate,
        ErrorCode::CONCURRENT_TRANSACTIONS if request == AddPartitions => Verdict::RetrySoon,
        code if code.is_retriable() => Verdict::Retry,

        // A coordinator that is just fencing this producer may fail over its own haste. An end may be
        // asked for again, done or not, and the next answer says what is the matter.
        ErrorCode::UNKNOWN_SERVER_ERROR if matches!(request, Commit | Abort) => Verdict::Retry,

        // From KIP-890 on, an end that comes with the epoch before is taken for one that is repeated,
        // and a commit repeated after an abort is this; it is a zombie's as well as a late one's. The
        // answer to the abort that follows tells them apart.
        ErrorCode::INVALID_TXN_STATE if matches!(request, Commit | Abort) => Verdict::Gone,
        // Offsets of a transaction that took too long meet the epoch with which its coordinator has
        // aborted it; so do a zombie's. Here, too, the answer to the abort tells them apart.
        ErrorCode::INVALID_PRODUCER_EPOCH if request == CommitOffsets => Verdict::Abortable,
        // Whoever comes later with this id has the last word; every request tells so.
        ErrorCode::INVALID_PRODUCER_EPOCH
        | ErrorCode::PRODUCER_FENCED
        | ErrorCode::INVALID_TXN_STATE
        | ErrorCode::INVALID_PRODUCER_ID_MAPPING => Verdict::Fatal,

        ErrorCode::TRANSACTION_ABORTABLE if request == Abort => Verdict::Fatal,
        ErrorCode::TRANSACTION_ABORTABLE => Verdict::Abortable,
        ErrorCode::UNKNOWN_PRODUCER_ID => match request {
            AddPartitions | AddOffsets | Commit | Abort => Verdict::Abortable,
            _ => Verdict::Fatal,
        },
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => match request {
            RequestKind::InitProducerId => Verdict::Abortable,
            _ => Verdict::Fatal,
        },
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED => match request {
            RequestKind::InitProducerId | AddPartitions => Verdict::Abortable,
            _ => Verdict::Fatal,
        },
        ErrorCode::GROUP_AUTHORIZATION_FAILED => match request {
            FindCoordinator | AddPartitions | AddOffsets | CommitOffsets => Verdict::Abortable,
            _ => Verdict::Fatal,
        },
        ErrorCode::UNSUPPORTED_VERSION if request == AddPartitions => Verdict::Abortable,
        // Of offsets that are refused only the offsets are wrong: an abort gets rid of them.
        ErrorCode::ILLEGAL_GENERATION
        | ErrorCode::UNKNOWN_MEMBER_ID
        | ErrorCode::FENCED_INSTANCE_ID
        | ErrorCode::STALE_MEMBER_EPOCH
        | ErrorCode::OFFSET_METADATA_TOO_LARGE
        | ErrorCode::INVALID_COMMIT_OFFSET_SIZE
        | ErrorCode::TOPIC_AUTHORIZATION_FAILED
            if request == CommitOffsets =>
        {
            Verdict::Abortable
        }
        // Whatever else is wrong with a partition, the transaction can do without it.
        _ if request == AddPartitions => Verdict::Abortable,
        _ => Verdict::Fatal,
    }
}

#[cfg(test)]
mod tests;
