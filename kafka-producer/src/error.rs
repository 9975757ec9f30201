//! Every way in which a record can fail, and what the application can do about it.
//!
//! [`SendError`] is what `send` itself reports: the record was not accepted and nothing of it is
//! kept. [`DeliveryError`] is the outcome of a record that was accepted: it says whether the record
//! may be in the log all the same. [`TransactionError`] is what the calls around a transaction
//! report: what to do is in the type.

mod obstacle;
mod transaction;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_serde::{Role, SerializeError};
use kafka_wire::ErrorCode;

pub use obstacle::{Obstacle, Unsupported};
pub use transaction::{AbortableError, Misuse, TimedOut, TransactionError};

/// Why a record was not accepted. It is not in the buffer and will not be sent.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// `close` was called, or the producer's thread is gone.
    #[error("the producer is closed")]
    Closed,
    /// The serializer refused the key or the value.
    #[error("a record for topic {topic} could not be serialized: {source}")]
    Serialize {
        /// Key or value.
        role: Role,
        /// The record's topic.
        topic: Arc<str>,
        /// What the serializer said.
        source: Arc<SerializeError>,
    },
    /// The name can never be a topic's.
    #[error("invalid topic name {topic:?}: {reason}")]
    InvalidTopic {
        /// As given.
        topic: String,
        /// What is allowed.
        reason: &'static str,
    },
    /// The cluster did not tell of this topic within `max.block.ms`.
    #[error(
        "Topic {topic} not present in metadata after {} ms{}", waited.as_millis(), because(last)
    )]
    TopicUnknown {
        /// The record's topic.
        topic: Arc<str>,
        /// How long it was waited for.
        waited: Duration,
        /// The last obstacle met: a connection refused, an answer that was not Kafka's, an error code.
        last: Option<Obstacle>,
    },
    /// No broker that can be reached tells of topics in a version that this producer speaks.
    #[error("{0}")]
    Unsupported(Unsupported),
    /// The cluster refuses this topic to us.
    #[error("topic {topic} was refused: {code}")]
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
    PartitionOutOfRange {
        /// The record's topic.
        topic: Arc<str>,
        /// As given, or as a custom partitioner chose.
        partition: i32,
        /// How many the topic has.
        partitions: i32,
        /// How long it was waited for.
        waited: Duration,
        /// What was in the way of learning of more, if anything was.
        last: Option<Obstacle>,
    },
    /// The record names a partition that no topic can have.
    #[error(
        "partition {partition} for topic {topic} is invalid: it must be 0 or more, or left out for \
         the partitioner to choose"
    )]
    InvalidPartition {
        /// The record's topic.
        topic: Arc<str>,
        /// As given: less than 0.
        partition: i32,
    },
    /// The record's time is before 1970, where Kafka's time begins.
    #[error(
        "timestamp {timestamp_ms} of a record for topic {topic} is invalid: it must be 0 or more, or \
         left out for the time of sending"
    )]
    InvalidTimestamp {
        /// The record's topic.
        topic: Arc<str>,
        /// As given: less than 0.
        timestamp_ms: i64,
    },
    /// The record alone is larger than a setting allows.
    #[error("the record takes {bytes} bytes in a batch of its own, more than {setting}={limit}")]
    RecordTooLarge {
        /// What it takes alone in a batch: on the wire, and for `buffer.memory` with all that belongs to a
        /// batch.
        bytes: usize,
        /// `max.request.size` or `buffer.memory`.
        setting: &'static str,
        /// Its value.
        limit: usize,
    },
    /// The buffer stayed full for `max.block.ms`.
    #[error(
        "no memory for a new batch within {} ms: buffer.memory={buffer_memory} is full{}",
        waited.as_millis(), full_because(last)
    )]
    BufferExhausted {
        /// How long it was waited for.
        waited: Duration,
        /// The setting.
        buffer_memory: usize,
        /// What the batch that has been there longest waits for; `None`: the brokers take batches, but
        /// more slowly than records come.
        last: Option<Obstacle>,
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
    /// The record would have to wait, in a callback.
    #[error(transparent)]
    InCallback(#[from] InCallback),
}

/// A call that waits was made on a producer's own thread, in a callback: it would wait there for what
/// only that thread does. Nothing has happened.
///
/// ```
/// use kafka_producer::error::InCallback;
///
/// let error = InCallback { call: "flush" };
/// assert!(error.to_string().starts_with("flush would wait for ever"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{call} would wait for ever, because it was called on a producer's own thread, in a callback or a \
     waker: use what does not wait (try_send, try_outcome), or leave the call to another thread or task"
)]
pub struct InCallback {
    /// What was called.
    pub call: &'static str,
}

impl SendError {
    /// The protocol's error code, where one is the reason.
    ///
    /// ```
    /// use kafka_producer::{ErrorCode, SendError};
    ///
    /// let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    /// let error = SendError::TopicRefused { topic: "orders".into(), code };
    /// assert_eq!(error.code(), Some(code));
    /// ```
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::TopicRefused { code, .. } => Some(*code),
            Self::Abortable(why) => why.code(),
            Self::Fatal(fatal) => Some(fatal.code()),
            Self::Unsupported(_) => Some(ErrorCode::UNSUPPORTED_VERSION),
            _ => None,
        }
    }
}

fn because(last: &Option<Obstacle>) -> String {
    last.as_ref()
        .map(|last| format!(" (last obstacle: {last})"))
        .unwrap_or_default()
}

fn full_because(last: &Option<Obstacle>) -> String {
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

/// A broker's words, if it has any.
pub(crate) fn own_words(message: Option<Arc<str>>) -> Option<Arc<str>> {
    message.filter(|message| !message.is_empty())
}

/// Why the producer as a whole gave up; only a new one can go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FatalError {
    /// Another producer with this `transactional.id` has begun after this one: this one is a
    /// zombie, and whatever transaction it had was aborted. Do not build it again while the other
    /// one lives.
    #[error("another producer with this transactional.id has taken over: {code:?} ({message})")]
    Fenced {
        /// What the broker answered.
        code: ErrorCode,
        /// The broker's words, or the protocol's for this code.
        message: Arc<str>,
    },
    /// The cluster will not go on with this producer: a right is missing, a version, or what it
    /// knew of the producer. Mend that, then build a new one.
    #[error("the producer has failed for good: {code:?} ({message})")]
    Refused {
        /// What the broker answered.
        code: ErrorCode,
        /// The broker's words, or the protocol's for this code.
        message: Arc<str>,
    },
    /// The producer's own thread has panicked, which only a defect can bring about: please report it.
    /// What callbacks, wakers, serializers and partitioners do is no reason for it.
    #[error("the producer's own thread has panicked, which is a defect of it: {message}")]
    Panicked {
        /// What the panic said.
        message: Arc<str>,
    },
    /// A broker does not speak what transactions need.
    #[error("{0}")]
    Unsupported(Unsupported),
}

impl FatalError {
    pub(crate) fn of(code: ErrorCode, message: Option<Arc<str>>) -> Self {
        let message = own_words(message).unwrap_or_else(|| code.message().into());
        match code {
            // The second is the older name of the first; of a produce answer it is not fatal.
            ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_PRODUCER_EPOCH => {
                Self::Fenced { code, message }
            }
            _ => Self::Refused { code, message },
        }
    }

    /// What the broker answered; `UNSUPPORTED_VERSION` if it does not speak what is needed, and
    /// `UNKNOWN_SERVER_ERROR` after a panic.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Fenced { code, .. } | Self::Refused { code, .. } => *code,
            Self::Panicked { .. } => ErrorCode::UNKNOWN_SERVER_ERROR,
            Self::Unsupported(_) => ErrorCode::UNSUPPORTED_VERSION,
        }
    }
}

/// Whether a record that failed may be in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// It is not: sending it again cannot duplicate it.
    NotPersisted,
    /// A broker may have appended it before the answer was lost or the time was up.
    PossiblyPersisted,
}

/// Why a record that was accepted has failed. Cheap to clone: a batch's records share it.
#[derive(Clone, Debug)]
pub struct DeliveryError(Arc<Story>);

#[derive(Debug)]
struct Story {
    cause: Cause,
    history: History,
}

/// The circumstances of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct History {
    /// Where the record was going.
    pub topic: Arc<str>,
    /// Where the record was going.
    pub partition: i32,
    /// Whether it may be there.
    pub persistence: Persistence,
    /// How often its batch was sent.
    pub attempts: u32,
    /// From the creation of its batch to the failure.
    pub elapsed: Duration,
    /// The broker of the last attempt.
    pub broker: Option<i32>,
    /// What the last attempt but the final one ended with.
    pub last_error: Option<ErrorCode>,
    /// If it may be there: what the attempt ended with that may have brought it there.
    pub in_doubt: Option<ErrorCode>,
    /// What was in the way when it was given up, if it still waited.
    pub obstacle: Option<Obstacle>,
}

impl History {
    /// That of a record that was never sent.
    pub(crate) fn without_attempt(
        topic: Arc<str>,
        partition: i32,
        persistence: Persistence,
    ) -> Self {
        Self {
            topic,
            partition,
            persistence,
            attempts: 0,
            elapsed: Duration::ZERO,
            broker: None,
            last_error: None,
            in_doubt: None,
            obstacle: None,
        }
    }
}

/// What ended a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// `delivery.timeout.ms` was over.
    Expired {
        /// The setting.
        limit: Duration,
        /// What the last attempt ended with, `NOT_ENOUGH_REPLICAS` for one.
        code: Option<ErrorCode>,
    },
    /// The broker's answer was final.
    Refused {
        /// Its code.
        code: ErrorCode,
        /// Its words, if it had any (KIP-467).
        message: Option<Arc<str>>,
    },
    /// The broker refused the batch for other records of it, which it named (KIP-467): it has found
    /// nothing wrong with this one, which may be sent again.
    RefusedWithOthers {
        /// Its code.
        code: ErrorCode,
        /// Its words on the batch, if it had any.
        message: Option<Arc<str>>,
    },
    /// `retries` were used up; the last attempt ended like this.
    RetriesExhausted {
        /// The last attempt's code.
        code: ErrorCode,
    },
    /// The deadline of `close` came first.
    Closed,
    /// Its transaction was aborted before the record was sent.
    Aborted,
    /// The producer failed as a whole.
    Fatal(FatalError),
    /// The batch could not be compressed or framed.
    Unsendable(Arc<str>),
    /// Nothing has ended it: it was to be waited for on a producer's own thread, in a callback.
    InCallback(InCallback),
    /// The broker that it takes does not speak what it takes.
    Unsupported(Unsupported),
}

impl DeliveryError {
    pub(crate) fn new(cause: Cause, history: History) -> Self {
        Self(Arc::new(Story { cause, history }))
    }

    /// What the records of a batch are told that was dropped without an outcome, which only a defect
    /// can bring about.
    ///
    /// ```
    /// use kafka_producer::error::{DeliveryError, Persistence};
    ///
    /// assert_eq!(DeliveryError::abandoned().persistence(), Persistence::PossiblyPersisted);
    /// ```
    pub fn abandoned() -> Self {
        let history = History::without_attempt(Arc::from(""), -1, Persistence::PossiblyPersisted);
        let message = Arc::from("its batch was dropped without an outcome");
        Self::new(Cause::Fatal(FatalError::Panicked { message }), history)
    }

    /// Nobody waits for the record on a producer's own thread.
    #[cfg(feature = "tokio")]
    pub(crate) fn in_callback(refused: InCallback, topic: &Arc<str>, partition: i32) -> Self {
        let topic = Arc::clone(topic);
        let history = History::without_attempt(topic, partition, Persistence::PossiblyPersisted);
        Self::new(Cause::InCallback(refused), history)
    }

    /// What ended the record.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Where it was going, how often and how long it was tried.
    pub fn history(&self) -> &History {
        &self.0.history
    }

    /// Whether the record may be in the log all the same.
    pub fn persistence(&self) -> Persistence {
        self.0.history.persistence
    }

    /// The protocol's error code, where one ended the record.
    pub fn code(&self) -> Option<ErrorCode> {
        match &self.0.cause {
            Cause::Refused { code, .. }
            | Cause::RefusedWithOthers { code, .. }
            | Cause::RetriesExhausted { code } => Some(*code),
            Cause::Fatal(fatal) => Some(fatal.code()),
            Cause::Expired { code, .. } => *code,
            Cause::Unsupported(_)
            | Cause::Closed
            | Cause::Aborted
            | Cause::Unsendable(_)
            | Cause::InCallback(_) => None,
        }
    }
}

impl std::error::Error for DeliveryError {}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let History {
            topic,
            partition,
            persistence,
            attempts,
            elapsed,
            broker,
            last_error,
            in_doubt,
            obstacle,
        } = self.history();
        write!(f, "{topic}-{partition}: {}", self.0.cause)?;
        let elapsed_ms = elapsed.as_millis();
        match attempts {
            0 => write!(f, "; never sent in {elapsed_ms} ms")?,
            _ => write!(f, "; {attempts} attempt(s) in {elapsed_ms} ms")?,
        }
        if let Some(broker) = broker {
            write!(f, ", the last to broker {broker}")?;
        }
        if let Some(code) = last_error {
            write!(f, ", which ended with {code:?}")?;
        }
        let told = [*last_error, self.code()];
        if let Some(code) = in_doubt.filter(|code| !told.contains(&Some(*code))) {
            write!(f, ", and an earlier one with {code:?}")?;
        }
        if let Some(obstacle) = obstacle {
            write!(f, "; last obstacle: {obstacle}")?;
        }
        f.write_str(match persistence {
            Persistence::NotPersisted => "; the record is not in the log",
            Persistence::PossiblyPersisted => "; the record may be in the log",
        })
    }
}

/// The broker's words, or the protocol's.
fn told(f: &mut fmt::Formatter<'_>, code: ErrorCode, message: &Option<Arc<str>>) -> fmt::Result {
    match message {
        Some(message) => write!(f, "{code:?}: {message}"),
        None => write!(f, "{code}"),
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { limit, code } => {
                let limit = limit.as_millis();
                write!(f, "not delivered within delivery.timeout.ms={limit}")?;
                code.map_or(Ok(()), |code| write!(f, ", at last {code:?}"))
            }
            Self::Refused { code, message } => told(f, *code, message),
            Self::RefusedWithOthers { code, message } => {
                f.write_str("refused for other records of its batch: ")?;
                told(f, *code, message)
            }
            Self::RetriesExhausted { code } => write!(f, "retries used up: {code}"),
            Self::Closed => f.write_str("the producer was closed first"),
            Self::Aborted => f.write_str("its transaction was aborted first"),
            Self::Fatal(fatal) => write!(f, "{fatal}"),
            Self::Unsendable(reason) => write!(f, "the batch could not be sent: {reason}"),
            Self::InCallback(refused) => write!(f, "{refused}"),
            Self::Unsupported(unsupported) => write!(f, "{unsupported}"),
        }
    }
}
