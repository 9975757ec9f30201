//! One request while it is handled: when, where from, and how it is answered.

use std::time::Duration;

use bytes::Bytes;
use kafka_wire::{
    ApiKey, EncodeError, ErrorCode, Request, Version, encode_response,
    messages::{MetadataRequest, MetadataResponse},
};

use super::{
    answer::Answer,
    ids::{BrokerId, Link},
    now::Now,
};

/// One request that a broker handles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) now: Now,
    pub(super) link: Link,
    pub(super) api: ApiKey,
    pub(super) version: Version,
    pub(super) correlation_id: i32,
}

impl Call {
    pub(super) fn broker(&self) -> BrokerId {
        self.link.broker
    }

    /// Old clients know only that an epoch is invalid, not that they are fenced.
    pub(super) fn fenced_before(&self, version: i16, code: ErrorCode) -> ErrorCode {
        match code {
            ErrorCode::PRODUCER_FENCED if self.version.number < version => {
                ErrorCode::INVALID_PRODUCER_EPOCH
            }
            code => code,
        }
    }

    /// Metadata of nothing.
    pub(super) fn rebootstrap(&self) -> Answer {
        self.answer::<MetadataRequest>(
            &MetadataResponse::default().with_error_code(ErrorCode::REBOOTSTRAP_REQUIRED),
        )
    }

    pub(super) fn answer<R: Request>(&self, response: &R::Response) -> Answer {
        sent(encode_response::<R>(
            self.correlation_id,
            self.version,
            response,
        ))
    }
}

/// An answer that is longer than the protocol can say ends the connection, as in Kafka.
pub(super) fn sent(frame: Result<Bytes, EncodeError>) -> Answer {
    frame.map_or(Answer::Close, Answer::Send)
}

/// How long the client is asked to pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pause(pub(super) Duration);

impl Pause {
    pub(super) fn throttle_time_ms(self) -> i32 {
        i32::try_from(self.0.as_millis()).unwrap_or(i32::MAX)
    }
}
