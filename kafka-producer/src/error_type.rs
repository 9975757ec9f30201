//! What kind of failure ended a record, in one word: the attribute `error.type` of spans.
//!
//! The protocol's error code where one is the reason, else the name of our own error. There are few of both, so
//! that failures can be counted by it.

use kafka_wire::ErrorCode;

use crate::error::{AbortableError, Cause, DeliveryError, SendError};
use crate::interceptor::Unacknowledged;

/// Of a record that was not acknowledged.
pub(crate) fn of(why: Unacknowledged<'_>) -> &'static str {
    match why {
        Unacknowledged::Failed(error) => of_delivery(error),
        Unacknowledged::NotAccepted(error) => of_send(error),
        Unacknowledged::WouldWait(_) => "WouldWait",
        Unacknowledged::Dropped => "Dropped",
    }
}

/// Of a record that was accepted.
pub(crate) fn of_delivery(error: &DeliveryError) -> &'static str {
    error.code().map_or_else(|| cause(error.cause()), name)
}

fn of_send(error: &SendError) -> &'static str {
    error.code().map_or_else(|| refusal(error), name)
}

fn name(code: ErrorCode) -> &'static str {
    code.name().unwrap_or(OTHER)
}

fn cause(cause: &Cause) -> &'static str {
    match cause {
        Cause::Expired { .. } => "Expired",
        Cause::Refused { .. } => "Refused",
        Cause::RefusedWithOthers { .. } => "RefusedWithOthers",
        Cause::RetriesExhausted { .. } => "RetriesExhausted",
        Cause::Closed => "Closed",
        Cause::Aborted => "Aborted",
        Cause::Fatal(_) => "Fatal",
        Cause::Unsendable(_) => "Unsendable",
        Cause::InCallback(_) => "InCallback",
        Cause::Unsupported(_) => "Unsupported",
        Cause::Authentication(_) => "Authentication",
    }
}

fn refusal(error: &SendError) -> &'static str {
    match error {
        SendError::Closed => "Closed",
        SendError::Serialize { .. } => "Serialize",
        SendError::InvalidTopic { .. } => "InvalidTopic",
        SendError::TopicUnknown { .. } => "TopicUnknown",
        SendError::NotReady { .. } => "NotReady",
        SendError::Authentication(_) => "Authentication",
        SendError::Unsupported(_) => "Unsupported",
        SendError::TopicRefused { .. } => "TopicRefused",
        SendError::PartitionOutOfRange { .. } => "PartitionOutOfRange",
        SendError::InvalidPartition { .. } => "InvalidPartition",
        SendError::InvalidTimestamp { .. } => "InvalidTimestamp",
        SendError::RecordTooLarge { .. } => "RecordTooLarge",
        SendError::BufferExhausted { .. } => "BufferExhausted",
        SendError::WouldWait { .. } => "WouldWait",
        SendError::NoTransaction => "NoTransaction",
        SendError::Abortable(AbortableError::Delivery(error)) => of_delivery(error),
        SendError::Abortable(AbortableError::Send(error)) => refusal(error),
        SendError::Abortable(_) => "Abortable",
        SendError::Fatal(_) => "Fatal",
        SendError::InCallback(_) => "InCallback",
    }
}

/// OpenTelemetry's word for an error without a name.
const OTHER: &str = "_OTHER";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{History, Persistence};

    fn failed(cause: Cause) -> DeliveryError {
        let history = History::without_attempt("orders".into(), 3, Persistence::NotPersisted);
        DeliveryError::new(cause, history)
    }

    #[test]
    fn the_error_code_is_the_type_and_without_one_the_name_of_the_error() {
        let limit = Duration::from_secs(120);
        let expired = |code| failed(Cause::Expired { limit, code });
        let refused = |code| {
            failed(Cause::Refused {
                code,
                message: None,
            })
        };
        let table = [
            (expired(None), "Expired"),
            (
                expired(Some(ErrorCode::NOT_ENOUGH_REPLICAS)),
                "NOT_ENOUGH_REPLICAS",
            ),
            (refused(ErrorCode::MESSAGE_TOO_LARGE), "MESSAGE_TOO_LARGE"),
            (refused(ErrorCode(32_000)), "_OTHER"),
            (failed(Cause::Closed), "Closed"),
        ];
        for (error, expected) in &table {
            assert_eq!(of(Unacknowledged::Failed(error)), *expected);
        }
        let closed = SendError::Closed;
        assert_eq!(of(Unacknowledged::NotAccepted(&closed)), "Closed");
        assert_eq!(of(Unacknowledged::Dropped), "Dropped");
    }
}
