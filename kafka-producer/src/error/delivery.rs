//! How a record that was accepted can fail, and whether it may be in the log all the same.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_wire::ErrorCode;

use super::authentication::AuthenticationError;
use super::fatal::FatalError;
use super::in_callback::InCallback;
use super::readable::fields;
use super::timeline::Timeline;
use super::wait_reason::{Unsupported, WaitReason, told};

/// Whether a record that failed may be in the log.
///
/// There is no third case, now or later, so that a `match` on it needs no wildcard: a case that is
/// passed over here would be a record lost or written twice.
///
/// ```
/// use kafka_producer::{DeliveryError, Persistence};
///
/// fn may_be_sent_again(error: &DeliveryError) -> bool {
///     match error.persistence() {
///         Persistence::NotPersisted => true,
///         Persistence::PossiblyPersisted => false, // it could be there twice
///     }
/// }
/// assert!(!may_be_sent_again(&DeliveryError::abandoned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// It is not: sending it again cannot duplicate it.
    NotPersisted,
    /// It may be: an attempt had no answer, or an answer that leaves it open.
    PossiblyPersisted,
}

/// Why a record that was accepted has failed. Cheap to clone: a batch's records share it.
///
/// ```
/// use kafka_producer::{DeliveryError, Persistence};
///
/// fn report(error: &DeliveryError) {
///     // One line: topic, partition, cause, attempts, broker, and whether it may be in the log.
///     eprintln!("{error}");
/// }
/// report(&DeliveryError::abandoned());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryError(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    cause: Cause,
    history: History,
}

/// The circumstances of a failure.
///
/// ```
/// use kafka_producer::DeliveryError;
///
/// fn was_never_sent(error: &DeliveryError) -> bool {
///     error.history().attempts == 0
/// }
/// assert!(was_never_sent(&DeliveryError::abandoned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct History {
    /// The record's topic.
    pub topic: Arc<str>,
    /// The record's partition.
    pub partition: i32,
    /// Whether it may be in the log.
    pub persistence: Persistence,
    /// How often its batch was sent.
    pub attempts: u32,
    /// From the creation of its batch to the failure.
    pub elapsed: Duration,
    /// The broker of the last attempt.
    pub broker: Option<i32>,
    /// Its batch's bytes, before compression.
    pub batch_bytes: usize,
    /// How the connection was lost on which an attempt of the partition was on its way, if one was since the last
    /// acknowledgement.
    pub connection: Option<WaitReason>,
    /// The error of the attempt before the last.
    pub last_error: Option<ErrorCode>,
    /// If it may be there: the error of the attempt that may have written it.
    pub in_doubt: Option<ErrorCode>,
    /// What it was waiting for when it was given up, if it still waited.
    pub wait_reason: Option<WaitReason>,
    /// What happened to it, in order.
    pub timeline: Timeline,
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
            batch_bytes: 0,
            connection: None,
            last_error: None,
            in_doubt: None,
            wait_reason: None,
            timeline: Timeline::empty(),
        }
    }
}

/// What ended a record.
///
/// ```
/// use kafka_producer::DeliveryError;
/// use kafka_producer::error::Cause;
///
/// fn advice(error: &DeliveryError) -> &'static str {
///     match error.cause() {
///         Cause::Expired { .. } => "the cluster was too slow, or away",
///         Cause::Refused { .. } => "mend the record, or the rights to the topic",
///         Cause::Fatal(_) => "build another producer",
///         _ => "see the message",
///     }
/// }
/// assert_eq!(advice(&DeliveryError::abandoned()), "build another producer");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// `delivery.timeout.ms` was over.
    #[non_exhaustive]
    Expired {
        /// The setting.
        limit: Duration,
        /// What the last attempt ended with, `NOT_ENOUGH_REPLICAS` for one.
        code: Option<ErrorCode>,
    },
    /// The broker's answer was final.
    #[non_exhaustive]
    Refused {
        /// Its code.
        code: ErrorCode,
        /// Its words, if it had any (KIP-467).
        message: Option<Arc<str>>,
    },
    /// The broker refused the batch because of other records in it, which it named (KIP-467). Nothing is
    /// wrong with this one, which may be sent again.
    #[non_exhaustive]
    RefusedWithOthers {
        /// Its code.
        code: ErrorCode,
        /// Its words on the batch, if it had any.
        message: Option<Arc<str>>,
    },
    /// `retries` were used up; the last attempt ended like this.
    #[non_exhaustive]
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
    /// The record has not ended: it was awaited in a callback, which must not wait.
    InCallback(InCallback),
    /// The broker that would have to take it lacks an API, or a version, that it needs.
    Unsupported(Unsupported),
    /// The leader has refused to authenticate the producer, or cannot be authenticated.
    Authentication(AuthenticationError),
}

impl DeliveryError {
    pub(crate) fn new(cause: Cause, history: History) -> Self {
        Self(Arc::new(Inner { cause, history }))
    }

    /// The error of records whose batch was dropped without an outcome, which only a defect of this crate
    /// can cause. Useful in tests of what is done with an error.
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

    /// The record was awaited in a callback, on a producer's own thread.
    #[cfg(feature = "tokio")]
    pub(crate) fn in_callback(refused: InCallback, topic: &Arc<str>, partition: i32) -> Self {
        let topic = Arc::clone(topic);
        let history = History::without_attempt(topic, partition, Persistence::PossiblyPersisted);
        Self::new(Cause::InCallback(refused), history)
    }

    /// What ended the record.
    ///
    /// ```
    /// use kafka_producer::error::{Cause, DeliveryError};
    ///
    /// assert!(matches!(DeliveryError::abandoned().cause(), Cause::Fatal(_)));
    /// ```
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Topic, partition, attempts, time and the last broker.
    ///
    /// ```
    /// use kafka_producer::DeliveryError;
    ///
    /// fn log(error: &DeliveryError) {
    ///     let history = error.history();
    ///     eprintln!("{}-{}: {} attempts", history.topic, history.partition, history.attempts);
    /// }
    /// ```
    pub fn history(&self) -> &History {
        &self.0.history
    }

    /// What happened to the record, in order: each attempt, to which broker, and what it ended with.
    ///
    /// ```
    /// use kafka_producer::DeliveryError;
    ///
    /// fn report(error: &DeliveryError) {
    ///     eprintln!("{error}");
    ///     eprintln!("{}", error.timeline()); // a line for each event
    /// }
    /// report(&DeliveryError::abandoned());
    /// ```
    pub fn timeline(&self) -> &Timeline {
        &self.0.history.timeline
    }

    /// Whether the record may be in the log all the same.
    ///
    /// ```
    /// use kafka_producer::{DeliveryError, Persistence};
    ///
    /// let error = DeliveryError::abandoned();
    /// assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    /// ```
    pub fn persistence(&self) -> Persistence {
        self.0.history.persistence
    }

    /// The protocol's error code, where one ended the record.
    ///
    /// ```
    /// use kafka_producer::{DeliveryError, ErrorCode};
    ///
    /// fn lacks_replicas(error: &DeliveryError) -> bool {
    ///     error.code() == Some(ErrorCode::NOT_ENOUGH_REPLICAS)
    /// }
    /// assert!(!lacks_replicas(&DeliveryError::abandoned()));
    /// ```
    pub fn code(&self) -> Option<ErrorCode> {
        match &self.0.cause {
            Cause::Refused { code, .. }
            | Cause::RefusedWithOthers { code, .. }
            | Cause::RetriesExhausted { code } => Some(*code),
            Cause::Fatal(fatal) => Some(fatal.code()),
            Cause::Expired { code, .. } => *code,
            Cause::Unsupported(_)
            | Cause::Authentication(_)
            | Cause::Closed
            | Cause::Aborted
            | Cause::Unsendable(_)
            | Cause::InCallback(_) => None,
        }
    }
}

impl fmt::Debug for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        let Inner { cause, history } = &*self.0;
        fields!(f, DeliveryError { cause, history })
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
            batch_bytes,
            connection,
            last_error,
            in_doubt,
            wait_reason,
            timeline: _,
        } = self.history();
        write!(f, "{topic}-{partition}: ")?;
        let lost = connection.as_ref().filter(|_| wait_reason != connection);
        self.0.cause.tell(f, lost.map(Lost))?;
        if let Some(ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE) = self.code() {
            write!(
                f,
                "; its batch takes {batch_bytes} bytes before compression: compare max.message.bytes of the \
                 topic, and message.max.bytes of the brokers"
            )?;
        }
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
        if let Some(reason) = wait_reason {
            write!(f, "; reason: {reason}")?;
        }
        f.write_str(match persistence {
            Persistence::NotPersisted => "; the record is not in the log",
            Persistence::PossiblyPersisted => "; the record may be in the log",
        })
    }
}

/// Whether a code is our own, for an attempt without an answer.
fn is_of_connection(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NETWORK_EXCEPTION | ErrorCode::REQUEST_TIMED_OUT
    )
}

/// How a connection was lost, in words.
struct Lost<'a>(&'a WaitReason);

impl fmt::Display for Lost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            WaitReason::Connection { broker, reason } => {
                write!(f, "the connection to {broker} was lost: {reason}")
            }
            other => write!(f, "{other}"),
        }
    }
}

impl Cause {
    /// In words; a missing answer is told by how the connection was `lost`, if that is known.
    fn tell(&self, f: &mut fmt::Formatter<'_>, lost: Option<Lost<'_>>) -> fmt::Result {
        match (self, lost) {
            (Self::RetriesExhausted { code }, Some(lost)) if is_of_connection(*code) => {
                write!(f, "retries used up: {lost}")
            }
            (
                Self::Expired {
                    limit,
                    code: Some(code),
                },
                Some(lost),
            ) if is_of_connection(*code) => {
                let limit = limit.as_millis();
                write!(
                    f,
                    "not delivered within delivery.timeout.ms={limit}: {lost}"
                )
            }
            _ => write!(f, "{self}"),
        }
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
            Self::Authentication(refused) => write!(f, "{refused}"),
        }
    }
}
