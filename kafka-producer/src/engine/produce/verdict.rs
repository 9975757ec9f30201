//! What the error code of a produce answer means for its batch: a table.
//!
//! The table follows Apache Kafka's `Sender` and `TransactionManager`. Where the code alone does not
//! decide (is the batch the oldest one?), the verdict says what else to look at.
//!
//! *Was it appended?* A broker that stops being the leader, or loses the topic, answers with the same code
//! whether it has appended the batch before or not, but the base offset differs. Apache Kafka sets it to
//! what the log has appended, and a leader that stops waiting for its followers changes only the code:
//!
//! ```text
//! code            base offset   where it comes from                                    the log
//! 3, 6, 100       -1            KafkaApis.handleProduceRequest (not in its metadata),    has it not
//!                               ReplicaManager.getPartitionOrException,
//!                               Partition.appendRecordsToLeader, maybeStartTransaction-
//!                               Verification: all before UnifiedLog.appendAsLeader
//! 3, 6, 100       0 or more     DelayedProduce.tryComplete: after the append             may have it
//! 56              any           the disk failed under the append or the flush behind it  may have it
//! ```
//!
//! So it is in the sources of Kafka 0.11 to 4.3. It counts from Produce version 9 on, which Kafka has
//! spoken since 2.8: up to version 3 a 56 is sent as a 6 (`ProduceResponse`), and up to Kafka 2.6
//! `appendRecordsToLeader` itself completes delayed operations of others after the append, one of which
//! can fail as not being the leader.

use kafka_wire::ErrorCode;

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is in the log, at the answered offset.
    Deliver,
    /// It was in the log already, at an offset the broker no longer knows (`DUPLICATE_SEQUENCE_NUMBER`).
    DeliverWithoutOffset,
    /// It is worth sending again; whether the log may have it already is part of the verdict.
    Retry(Refresh, Ambiguity),
    /// It is too large for the topic; in pieces it may not be.
    Split,
    /// The broker expected another sequence number: a predecessor is missing.
    OutOfSequence,
    /// The broker no longer knows the producer; whether that is its log's doing is in the answer.
    Forgotten,
    /// The broker knows a newer epoch: start again at sequence 0 under the next.
    NewEpoch,
    /// It will never be accepted, but others may.
    Fail,
    /// It will never be accepted in this transaction, which can only be aborted.
    Abortable,
    /// No batch of this producer will be accepted any more.
    Fatal,
}

/// Whether a retry needs fresh metadata first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// The broker is the right one.
    NotNeeded,
    /// The broker may no longer be the leader, or the topic may have moved.
    Needed,
}

/// Whether a failed attempt may have been appended; a later variant means that less is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ambiguity {
    /// The broker refused it before the log.
    None,
    /// The broker has finished with it, and the log may have it.
    Possible,
    /// There was no answer: it may still be in flight, and be appended later.
    MaybeInFlight,
}

/// Whether a refused batch may have been appended, by its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Append {
    /// The answer is that of a broker that has not come to the append.
    Excluded,
    /// It says nothing of it.
    NotExcluded,
}

impl Append {
    /// What this base offset says in an answer of this version of Produce.
    pub(crate) fn told_by(base_offset: i64, version: i16) -> Self {
        match base_offset < 0 && version >= FIRST_TO_TELL_BY_OFFSET {
            true => Self::Excluded,
            false => Self::NotExcluded,
        }
    }
}

/// From this version of Produce on a refusal without a base offset was made before the append.
const FIRST_TO_TELL_BY_OFFSET: i16 = 9;

/// Which kind of producer has sent the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A producer without an id.
    Plain,
    /// One with an id, and no transactions.
    Idempotent,
    /// One that writes in transactions.
    Transactional(TransactionVersion),
}

/// The version of the protocol of transactions. The cluster decides, and may be upgraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionVersion {
    /// Partitions are added by a request of their own (KIP-98).
    One,
    /// A partition is added by the first batch for it; an epoch per transaction (KIP-890).
    Two,
}

/// Judges the code of one partition of a produce answer.
///
/// Both protocols of transactions judge alike: what the leader relays of the coordinator it asks
/// (14, 15, 16, 51) is worth another attempt, whoever added the partition.
///
/// A lost connection is `NETWORK_EXCEPTION`, an answer that did not come `REQUEST_TIMED_OUT`.
pub(crate) fn verdict(code: ErrorCode, kind: Kind, append: Append) -> Verdict {
    use Ambiguity::{None as Refused, Possible};
    use Refresh::{Needed, NotNeeded};

    let numbered = kind != Kind::Plain;
    match code {
        ErrorCode::NONE => Verdict::Deliver,
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Verdict::DeliverWithoutOffset,

        ErrorCode::MESSAGE_TOO_LARGE => Verdict::Split,

        ErrorCode::NETWORK_EXCEPTION => Verdict::Retry(Needed, Possible),
        ErrorCode::REQUEST_TIMED_OUT => Verdict::Retry(NotNeeded, Possible),
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND => Verdict::Retry(NotNeeded, Possible),
        ErrorCode::NOT_LEADER_OR_FOLLOWER
        | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        | ErrorCode::UNKNOWN_TOPIC_ID => match append {
            Append::Excluded => Verdict::Retry(Needed, Refused),
            // The leader waited for its followers: the batch may be with the next one.
            Append::NotExcluded => Verdict::Retry(Needed, Possible),
        },
        // The disk failed under the append: nobody knows how far it came.
        ErrorCode::KAFKA_STORAGE_ERROR => Verdict::Retry(Needed, Possible),

        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER if numbered => Verdict::OutOfSequence,
        ErrorCode::UNKNOWN_PRODUCER_ID if numbered => Verdict::Forgotten,
        // Of a transactional producer the coordinator gives the epochs out.
        ErrorCode::INVALID_PRODUCER_EPOCH if kind == Kind::Idempotent => Verdict::NewEpoch,
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        | ErrorCode::UNSUPPORTED_VERSION
        | ErrorCode::INVALID_PRODUCER_ID_MAPPING
        | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        | ErrorCode::PRODUCER_FENCED
            if numbered =>
        {
            Verdict::Fatal
        }

        code if code.invalidates_metadata() => Verdict::Retry(Needed, Refused),
        code if code.is_retriable() => Verdict::Retry(NotNeeded, Refused),
        _ if matches!(kind, Kind::Transactional(_)) => Verdict::Abortable,
        _ => Verdict::Fail,
    }
}

#[cfg(test)]
mod tests;
