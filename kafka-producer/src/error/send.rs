//! Why `send` did not accept a record, and why a transaction cannot be committed any more: a failed
//! `send` is one of the reasons for the second, and the second for the next failed `send`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kafka_serde::{Role, SerializeError};
use kafka_wire::ErrorCode;

use super::authentication::AuthenticationError;
use super::delivery::DeliveryError;
use super::fatal::FatalError;
use super::in_callback::InCallback;
use super::readable::readable_debug;
use super::wait_reason::{Unsupported, WaitReason, because};

/// Why a record was not accepted. It is not in the buffer and will not be sent.
///
/// ```
/// use kafka_producer::{Producer, ProducerRecord, SendError};
///
/// # async fn example(producer: Producer<str, str>) -> Result<(), SendError> {
/// match producer.send(ProducerRecord::new("orders", "2 x tea")).await {
///     Ok(delivery) => drop(delivery),
///     Err(SendError::RecordTooLarge { bytes, limit, .. }) => eprintln!("{bytes} of {limit} bytes"),
///     Err(SendError::BufferExhausted { .. }) => eprintln!("the brokers do not keep up"),
///     Err(other) => return Err(other),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// `close` was called, or the producer's thread is gone.
    #[error("the producer is closed")]
    Closed,
    /// The serializer refused the key or the value.
    #[error(
        "the {} ({type_name}) of a record for topic {topic}: {}",
        name_of(*role), whole(&**reason)
    )]
    #[non_exhaustive]
    Serialize {
        /// Key or value.
        role: Role,
        /// The record's topic.
        topic: Arc<str>,
        /// What it is in Rust.
        type_name: &'static str,
        /// The serializer's error.
        reason: Arc<SerializeError>,
    },
    /// No topic can have this name.
    #[error("invalid topic name {topic:?}: {reason}")]
    #[non_exhaustive]
    InvalidTopic {
        /// As given.
        topic: String,
        /// What is allowed.
        reason: &'static str,
    },
    /// The cluster's metadata did not have this topic within `max.block.ms`.
    #[error("{}", unknown(topic, *waited, last))]
    #[non_exhaustive]
    TopicUnknown {
        /// The record's topic.
        topic: Arc<str>,
        /// How long it was waited for.
        waited: Duration,
        /// Why, as far as is known: a connection refused, an answer that was not Kafka's, an error code.
        last: Option<WaitReason>,
    },
    /// Not everything that the first record of the topic needs was there within `max.block.ms`: leaders, their
    /// connections, a producer id. Only [`warm_up`](crate::Producer::warm_up) tells this.
    #[error("{}topic {topic} is not ready after {} ms", first(last), waited.as_millis())]
    #[non_exhaustive]
    NotReady {
        /// One of the topics.
        topic: Arc<str>,
        /// How long it was waited for.
        waited: Duration,
        /// What is in the way, as far as is known: it names the broker.
        last: Option<WaitReason>,
    },
    /// Every broker that could be asked about the topic has refused to authenticate the producer.
    #[error("{0}")]
    Authentication(AuthenticationError),
    /// No broker that can be reached has a version of the Metadata API that this producer speaks.
    #[error("{0}")]
    Unsupported(Unsupported),
    /// The cluster does not let this producer use the topic.
    #[error("topic {topic} was refused: {code}")]
    #[non_exhaustive]
    TopicRefused {
        /// The record's topic.
        topic: Arc<str>,
        /// For example `TOPIC_AUTHORIZATION_FAILED`.
        code: ErrorCode,
    },
    /// The record names a partition that the topic does not have, and did not get within
    /// `max.block.ms`.
    #[error(
        "partition {partition} of topic {topic} does not exist: it has {partitions} (0 to {}){}{}",
        partitions - 1, after(*waited), because(last)
    )]
    #[non_exhaustive]
    PartitionOutOfRange {
        /// The record's topic.
        topic: Arc<str>,
        /// As given, or as a custom partitioner chose.
        partition: i32,
        /// How many the topic has.
        partitions: i32,
        /// How long it was waited for.
        waited: Duration,
        /// Why no newer metadata came, if that is known.
        last: Option<WaitReason>,
    },
    /// The record names a partition that no topic can have.
    #[error(
        "partition {partition} for topic {topic} is invalid: it must be 0 or more, or left out for \
         the partitioner to choose"
    )]
    #[non_exhaustive]
    InvalidPartition {
        /// The record's topic.
        topic: Arc<str>,
        /// As given: less than 0.
        partition: i32,
    },
    /// The record's time is before 1970, which Kafka does not allow.
    #[error(
        "timestamp {timestamp_ms} of a record for topic {topic} is invalid: it must be 0 or more, or \
         left out for the time of sending"
    )]
    #[non_exhaustive]
    InvalidTimestamp {
        /// The record's topic.
        topic: Arc<str>,
        /// As given: less than 0.
        timestamp_ms: i64,
    },
    /// The record alone is larger than a setting allows.
    #[error("the record takes {bytes} bytes in a batch of its own, more than {setting}={limit}")]
    #[non_exhaustive]
    RecordTooLarge {
        /// Its size alone in a batch: on the wire for `max.request.size`, in memory for `buffer.memory`.
        bytes: usize,
        /// `max.request.size` or `buffer.memory`; of a [`Permit`](crate::Permit), what was reserved.
        setting: &'static str,
        /// Its value.
        limit: usize,
    },
    /// For `max.block.ms` nothing was left of `buffer.memory`, but for what is guaranteed to other brokers.
    #[error(
        "no memory for a new batch within {} ms: the broker's part of buffer.memory={buffer_memory} is full{}",
        waited.as_millis(), full_because(last)
    )]
    #[non_exhaustive]
    BufferExhausted {
        /// How long it was waited for.
        waited: Duration,
        /// The setting.
        buffer_memory: usize,
        /// What the oldest batch waits for; `None`: the brokers take batches, but more slowly than
        /// records come.
        last: Option<WaitReason>,
    },
    /// The record would have to wait, and [`try_send`](crate::Producer::try_send) does not: see
    /// [`TrySendError`](crate::TrySendError), of which this is what can be kept.
    #[error("a record for topic {topic} would have to wait for {waits_for}")]
    #[non_exhaustive]
    WouldWait {
        /// The record's topic.
        topic: Arc<str>,
        /// What it would wait for, in words.
        waits_for: Arc<str>,
    },
    /// The producer is transactional: records are sent through a
    /// [`Transaction`](crate::Transaction).
    #[error("the producer is transactional: begin a transaction and send through it")]
    NoTransaction,
    /// The transaction cannot be committed any more: abort it.
    #[error("the transaction must be aborted: {0}")]
    Abortable(AbortableError),
    /// The producer can no longer be used.
    #[error("{0}")]
    Fatal(FatalError),
    /// The record would have to wait, and `send` was called in a callback, which must not.
    #[error(transparent)]
    InCallback(#[from] InCallback),
}

readable_debug!(enum SendError {
    Closed,
    Serialize { role, topic, type_name, reason },
    InvalidTopic { topic, reason },
    TopicUnknown { topic, waited, last },
    NotReady { topic, waited, last },
    Authentication(refused),
    Unsupported(unsupported),
    TopicRefused { topic, code },
    PartitionOutOfRange { topic, partition, partitions, waited, last },
    InvalidPartition { topic, partition },
    InvalidTimestamp { topic, timestamp_ms },
    RecordTooLarge { bytes, setting, limit },
    BufferExhausted { waited, buffer_memory, last },
    WouldWait { topic, waits_for },
    NoTransaction,
    Abortable(why),
    Fatal(fatal),
    InCallback(refused),
});

/// For a caller that takes the place of ours in front of the engine.
#[cfg(feature = "unstable-engine")]
#[doc(hidden)]
impl SendError {
    pub fn buffer_exhausted(
        waited: Duration,
        buffer_memory: usize,
        last: Option<WaitReason>,
    ) -> Self {
        Self::BufferExhausted {
            waited,
            buffer_memory,
            last,
        }
    }

    pub fn too_large_for_memory(bytes: usize, limit: usize) -> Self {
        Self::RecordTooLarge {
            bytes,
            setting: "buffer.memory",
            limit,
        }
    }
}

impl SendError {
    /// The protocol's error code, where one is the reason.
    ///
    /// ```
    /// use kafka_producer::{ErrorCode, SendError};
    ///
    /// fn is_missing_right(error: &SendError) -> bool {
    ///     error.code() == Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED)
    /// }
    /// assert!(!is_missing_right(&SendError::Closed));
    /// ```
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::TopicRefused { code, .. } => Some(*code),
            Self::TopicUnknown { last, .. }
            | Self::NotReady { last, .. }
            | Self::PartitionOutOfRange { last, .. } => last.as_ref()?.code(),
            Self::Abortable(why) => why.code(),
            Self::Fatal(fatal) => Some(fatal.code()),
            Self::Unsupported(_) => Some(ErrorCode::UNSUPPORTED_VERSION),
            _ => None,
        }
    }
}

/// Why a transaction cannot be committed any more.
///
/// ```
/// use kafka_producer::{AbortableError, TransactionError};
///
/// fn failed_record(error: &TransactionError) -> Option<String> {
///     match error {
///         TransactionError::Abortable(AbortableError::Delivery(record)) => Some(record.to_string()),
///         _ => None,
///     }
/// }
/// assert_eq!(failed_record(&TransactionError::Closed), None);
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AbortableError {
    /// A record of it has failed.
    #[error("a record was not delivered: {0}")]
    Delivery(DeliveryError),
    /// A `send` in it has failed: the record is not part of it.
    #[error("a record was not accepted: {0}")]
    Send(Arc<SendError>),
    /// A coordinator has refused to authenticate the producer.
    #[error("{0}")]
    Authentication(AuthenticationError),
    /// A coordinator has refused a request.
    #[error("{request} was refused: {code:?}: {message}")]
    #[non_exhaustive]
    Refused {
        /// The request, by its name in the protocol.
        request: &'static str,
        /// What was answered.
        code: ErrorCode,
        /// The reason in words, with the topics concerned.
        message: Arc<str>,
    },
    /// `transaction.timeout.ms` was over before a coordinator had registered all of its partitions and
    /// groups.
    #[error(
        "{request} was not answered within transaction.timeout.ms={}{}",
        limit.as_millis(), because(last)
    )]
    #[non_exhaustive]
    Expired {
        /// The request, by its name in the protocol.
        request: &'static str,
        /// The setting.
        limit: Duration,
        /// Why, as far as is known.
        last: Option<WaitReason>,
    },
    /// Offsets of an earlier call for the same group had to be sent twice, because the first request was
    /// not answered. That request may still arrive, after these offsets, and set the group back: the
    /// protocol has no sequence number that would prevent it.
    #[error(
        "an earlier TxnOffsetCommit for the group {group:?} was not answered at first, and may \
         still set back what is sent after it"
    )]
    #[non_exhaustive]
    OffsetsInDoubt {
        /// Whose offsets.
        group: Arc<str>,
    },
}

readable_debug!(enum AbortableError {
    Delivery(error),
    Send(error),
    Authentication(refused),
    Refused { request, code, message },
    Expired { request, limit, last },
    OffsetsInDoubt { group },
});

impl AbortableError {
    /// The protocol's error code, where one is the reason.
    ///
    /// ```
    /// use kafka_producer::{AbortableError, ErrorCode};
    ///
    /// fn is_not_allowed(error: &AbortableError) -> bool {
    ///     error.code() == Some(ErrorCode::GROUP_AUTHORIZATION_FAILED)
    /// }
    /// ```
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Delivery(error) => error.code(),
            Self::Send(error) => error.code(),
            Self::Refused { code, .. } => Some(*code),
            Self::Authentication(_) | Self::Expired { .. } | Self::OffsetsInDoubt { .. } => None,
        }
    }
}

fn name_of(role: Role) -> &'static str {
    match role {
        Role::Key => "key",
        Role::Value => "value",
    }
}

/// An error with all its causes, in one line.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors tell their cause themselves.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// That a topic is not known: first why, as far as that is known.
fn unknown(topic: &str, waited: Duration, last: &Option<WaitReason>) -> String {
    let waited_ms = waited.as_millis();
    let code = last.as_ref().and_then(WaitReason::code);
    match code {
        Some(code @ ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) => format!(
            "topic {topic} does not exist, and was not created within {waited_ms} ms: {code:?}"
        ),
        _ => format!(
            "{}topic {topic} is not known after {waited_ms} ms",
            first(last)
        ),
    }
}

/// For the beginning of a message: the reason, if it is known.
fn first(last: &Option<WaitReason>) -> String {
    last.as_ref()
        .map(|last| format!("{last}; "))
        .unwrap_or_default()
}

fn full_because(last: &Option<WaitReason>) -> String {
    match last {
        Some(_) => because(last),
        None => ": the brokers do not keep up".to_owned(),
    }
}

fn after(waited: Duration) -> String {
    match waited {
        Duration::ZERO => String::new(),
        _ => format!(" after {} ms", waited.as_millis()),
    }
}
