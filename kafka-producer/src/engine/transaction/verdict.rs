//! What a coordinator's error code means for the transaction: a table.
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
    /// Ask the same again very soon: the coordinator is still ending the transaction before.
    RetrySoon,
    /// Find the coordinator again, and ask that one.
    Relocate,
    /// This transaction can only be aborted.
    Abortable,
    /// The coordinator does not have the transaction that is to be ended. A commit becomes an abort;
    /// after an abort the next epoch is requested.
    Gone,
    /// The producer cannot be used any more.
    Fatal,
}

impl Verdict {
    /// The verdict when an earlier, unanswered commit may have taken effect. A caller that is told to abort
    /// would conclude that no record is visible; only the coordinator itself may say so.
    pub(super) fn of_what_may_be_committed(self, code: ErrorCode) -> Self {
        match self {
            Self::Abortable if code != ErrorCode::TRANSACTION_ABORTABLE => Self::Fatal,
            verdict => verdict,
        }
    }

    /// Of several verdicts on one request the one of the highest rank counts. Of equal ones, a code that
    /// says why comes before one that only says that nothing was attempted.
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

    /// Whether the request may have taken effect, or may still do so.
    pub(super) fn leaves_open(self) -> bool {
        matches!(self, Self::Retry | Self::RetrySoon | Self::Relocate)
    }
}

/// Judges the code of an answer.
pub(super) fn verdict(request: RequestKind, code: ErrorCode) -> Verdict {
    use RequestKind::{
        Abort, AddOffsets, AddPartitions, Commit, CommitOffsets, FindCoordinator, Resume,
    };

    match code {
        ErrorCode::NONE => Verdict::Done,

        ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE => match request {
            FindCoordinator => Verdict::Retry,
            _ => Verdict::Relocate,
        },
        ErrorCode::REQUEST_TIMED_OUT if request == CommitOffsets => Verdict::Relocate,
        ErrorCode::CONCURRENT_TRANSACTIONS if request == AddPartitions => Verdict::RetrySoon,
        code if code.is_retriable() => Verdict::Retry,

        // A coordinator that is fencing this producer at the same moment may answer with this. To ask for
        // the end again is safe, and the next answer says what is wrong.
        ErrorCode::UNKNOWN_SERVER_ERROR if matches!(request, Resume | Commit | Abort) => {
            Verdict::Retry
        }

        // What was stored is not what is open: it had ended before, and what came after it has another epoch.
        ErrorCode::INVALID_TXN_STATE
        | ErrorCode::PRODUCER_FENCED
        | ErrorCode::INVALID_PRODUCER_EPOCH
        | ErrorCode::INVALID_PRODUCER_ID_MAPPING
            if request == Resume =>
        {
            Verdict::Gone
        }

        // With KIP-890, a coordinator takes an end with the previous epoch for a repeated one, and
        // answers this if it repeats a commit after an abort. That may come from a fenced producer or from
        // one that is only late; the answer to the abort that follows shows which.
        ErrorCode::INVALID_TXN_STATE if matches!(request, Commit | Abort) => Verdict::Gone,
        // The coordinator has aborted the transaction because it took too long, or this producer is
        // fenced. Again the answer to the abort shows which.
        ErrorCode::INVALID_PRODUCER_EPOCH if request == CommitOffsets => Verdict::Abortable,
        // A newer producer uses this id.
        ErrorCode::INVALID_PRODUCER_EPOCH
        | ErrorCode::PRODUCER_FENCED
        | ErrorCode::INVALID_TXN_STATE
        | ErrorCode::INVALID_PRODUCER_ID_MAPPING => Verdict::Fatal,

        ErrorCode::TRANSACTION_ABORTABLE if request == Abort => Verdict::Fatal,
        ErrorCode::TRANSACTION_ABORTABLE => Verdict::Abortable,
        ErrorCode::UNKNOWN_PRODUCER_ID => match request {
            Resume | AddPartitions | AddOffsets | Commit | Abort => Verdict::Abortable,
            _ => Verdict::Fatal,
        },
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => match request {
            RequestKind::InitProducerId | Resume => Verdict::Abortable,
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
        // Only the offsets are wrong, and an abort discards them.
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
        // Something else is wrong with a partition: only this transaction needs it.
        _ if request == AddPartitions => Verdict::Abortable,
        _ => Verdict::Fatal,
    }
}

#[cfg(test)]
mod tests;
