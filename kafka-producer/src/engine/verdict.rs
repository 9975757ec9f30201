//! What a produce answer's error code means for its batch: one pure table.
//!
//! The table follows Apache Kafka's `Sender` and `TransactionManager`; where a code needs to know
//! more than itself (is the batch the next in line?), the verdict says which question to ask.

use kafka_wire::ErrorCode;

use crate::settings::Guarantee;

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
    /// The broker no longer knows the producer (or its epoch): start again at sequence 0.
    NewEpoch,
    /// It will never be accepted, but others may.
    Fail,
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

/// Whether an attempt that failed may have been appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ambiguity {
    /// The broker refused it before the log.
    None,
    /// The log may have it.
    Possible,
}

/// Judges the code of one partition of a produce answer.
///
/// A lost connection is `NETWORK_EXCEPTION`, an answer that did not come `REQUEST_TIMED_OUT`.
pub(crate) fn verdict(code: ErrorCode, guarantee: &Guarantee) -> Verdict {
    use Ambiguity::{None as Refused, Possible};
    use Refresh::{Needed, NotNeeded};

    let idempotent = !matches!(guarantee, Guarantee::Plain(_));
    match code {
        ErrorCode::NONE => Verdict::Deliver,
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Verdict::DeliverWithoutOffset,

        ErrorCode::MESSAGE_TOO_LARGE => Verdict::Split,

        ErrorCode::NETWORK_EXCEPTION => Verdict::Retry(Needed, Possible),
        ErrorCode::REQUEST_TIMED_OUT => Verdict::Retry(NotNeeded, Possible),
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND => Verdict::Retry(NotNeeded, Possible),
        // The disk failed under the append: nobody knows how far it came.
        ErrorCode::KAFKA_STORAGE_ERROR => Verdict::Retry(Needed, Possible),

        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER if idempotent => Verdict::OutOfSequence,
        ErrorCode::UNKNOWN_PRODUCER_ID | ErrorCode::INVALID_PRODUCER_EPOCH if idempotent => {
            Verdict::NewEpoch
        }
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        | ErrorCode::UNSUPPORTED_VERSION
        | ErrorCode::INVALID_PRODUCER_ID_MAPPING
        | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        | ErrorCode::PRODUCER_FENCED
            if idempotent =>
        {
            Verdict::Fatal
        }

        code if code.invalidates_metadata() => Verdict::Retry(Needed, Refused),
        code if code.is_retriable() => Verdict::Retry(NotNeeded, Refused),
        _ => Verdict::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Acks;

    const PLAIN: Guarantee = Guarantee::Plain(Acks::All);

    const AGAIN: Verdict = Verdict::Retry(Refresh::NotNeeded, Ambiguity::None);
    const AGAIN_MAYBE: Verdict = Verdict::Retry(Refresh::NotNeeded, Ambiguity::Possible);
    const MOVED: Verdict = Verdict::Retry(Refresh::Needed, Ambiguity::None);
    const MOVED_MAYBE: Verdict = Verdict::Retry(Refresh::Needed, Ambiguity::Possible);

    /// Code, verdict without idempotence, verdict with it.
    const TABLE: [(i16, Verdict, Verdict); 27] = [
        (0, Verdict::Deliver, Verdict::Deliver),
        (2, AGAIN, AGAIN),
        (3, MOVED, MOVED),
        (5, MOVED, MOVED),
        (6, MOVED, MOVED),
        (7, AGAIN_MAYBE, AGAIN_MAYBE),
        (9, MOVED, MOVED),
        (10, Verdict::Split, Verdict::Split),
        (13, MOVED_MAYBE, MOVED_MAYBE),
        (14, AGAIN, AGAIN),
        (19, AGAIN, AGAIN),
        (20, AGAIN_MAYBE, AGAIN_MAYBE),
        (31, Verdict::Fail, Verdict::Fatal),
        (35, Verdict::Fail, Verdict::Fatal),
        (45, Verdict::Fail, Verdict::OutOfSequence),
        (
            46,
            Verdict::DeliverWithoutOffset,
            Verdict::DeliverWithoutOffset,
        ),
        (47, Verdict::Fail, Verdict::NewEpoch),
        (49, Verdict::Fail, Verdict::Fatal),
        (53, Verdict::Fail, Verdict::Fatal),
        (56, MOVED_MAYBE, MOVED_MAYBE),
        (59, Verdict::Fail, Verdict::NewEpoch),
        (74, MOVED, MOVED),
        (75, AGAIN, AGAIN),
        (89, AGAIN, AGAIN),
        (90, Verdict::Fail, Verdict::Fatal),
        (100, MOVED, MOVED),
        (103, MOVED, MOVED),
    ];

    #[test]
    fn every_code_has_the_verdict_of_the_table() {
        for (code, plain, idempotent) in TABLE {
            let code = ErrorCode(code);
            assert_eq!(verdict(code, &PLAIN), plain, "{code} without idempotence");
            assert_eq!(
                verdict(code, &Guarantee::Idempotent),
                idempotent,
                "{code} with idempotence"
            );
        }
    }

    #[test]
    fn final_refusals_and_unknown_codes_fail_the_batch_alone() {
        for code in [-1, 8, 17, 18, 21, 29, 32, 42, 43, 44, 48, 76, 87, 120, 999] {
            let code = ErrorCode(code);
            assert_eq!(verdict(code, &PLAIN), Verdict::Fail, "{code}");
            assert_eq!(
                verdict(code, &Guarantee::Idempotent),
                Verdict::Fail,
                "{code}"
            );
        }
    }
}
