//! How a record is to fail: every cause that an application may tell apart, made without a cluster.

use std::sync::Arc;
use std::time::Duration;

use kafka_wire::ErrorCode;

use crate::error::{AuthenticationError, Cause, DeliveryError, History, Persistence};

/// How a record is to fail ([`MockBroker::fail_next`](super::MockBroker::fail_next)).
///
/// Unless it says otherwise, the record is not in the log. Three causes have no failure here, because the application
/// or the test brings them about: [`Cause::Closed`] (a close while records are held), [`Cause::Aborted`] (an abort
/// while records are held) and [`Cause::Fatal`] ([`MockBroker::fence`](super::MockBroker::fence),
/// [`MockBroker::fail_for_good`](super::MockBroker::fail_for_good)).
///
/// ```
/// use kafka_producer::mock::Failure;
/// use kafka_producer::{ErrorCode, Producer, ProducerRecord};
///
/// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
/// broker.fail_next(Failure::refused(ErrorCode::MESSAGE_TOO_LARGE));
/// let error = producer.try_send(ProducerRecord::new("orders", "2 x tea"))?.wait().unwrap_err();
/// assert_eq!(error.code(), Some(ErrorCode::MESSAGE_TOO_LARGE));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    persistence: Persistence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Expired,
    Refused(ErrorCode),
    RefusedWithOthers(ErrorCode),
    RetriesExhausted(ErrorCode),
    Unsendable(Arc<str>),
    Authentication(Arc<str>),
}

impl Failure {
    /// [`Cause::Expired`]: `delivery.timeout.ms` was over before the record was sent.
    ///
    /// ```
    /// use kafka_producer::error::Cause;
    /// use kafka_producer::mock::Failure;
    /// use kafka_producer::{Producer, ProducerRecord};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.fail_next(Failure::expired());
    /// let error = producer.try_send(ProducerRecord::new("orders", "2 x tea"))?.wait().unwrap_err();
    /// assert!(matches!(error.cause(), Cause::Expired { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expired() -> Self {
        Self::of(Kind::Expired)
    }

    /// [`Cause::Refused`]: the broker's answer was final.
    ///
    /// ```
    /// use kafka_producer::{ErrorCode, mock::Failure};
    ///
    /// let failure = Failure::refused(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    /// assert_ne!(failure, Failure::refused(ErrorCode::INVALID_RECORD));
    /// ```
    pub fn refused(code: ErrorCode) -> Self {
        Self::of(Kind::Refused(code))
    }

    /// [`Cause::RefusedWithOthers`]: another record of its batch was refused (KIP-467).
    ///
    /// ```
    /// use kafka_producer::{ErrorCode, mock::Failure};
    ///
    /// let failure = Failure::refused_with_others(ErrorCode::INVALID_RECORD);
    /// assert_ne!(failure, Failure::refused(ErrorCode::INVALID_RECORD));
    /// ```
    pub fn refused_with_others(code: ErrorCode) -> Self {
        Self::of(Kind::RefusedWithOthers(code))
    }

    /// [`Cause::RetriesExhausted`]: `retries` were used up, and the last attempt ended with this code.
    ///
    /// ```
    /// use kafka_producer::{ErrorCode, mock::Failure};
    ///
    /// let failure = Failure::retries_exhausted(ErrorCode::NETWORK_EXCEPTION).possibly_persisted();
    /// assert_ne!(failure, Failure::retries_exhausted(ErrorCode::NETWORK_EXCEPTION));
    /// ```
    pub fn retries_exhausted(code: ErrorCode) -> Self {
        Self::of(Kind::RetriesExhausted(code))
    }

    /// [`Cause::Unsendable`]: the batch could not be compressed or framed.
    ///
    /// ```
    /// use kafka_producer::mock::Failure;
    ///
    /// assert_ne!(Failure::unsendable("the codec has failed"), Failure::expired());
    /// ```
    pub fn unsendable(reason: impl Into<Arc<str>>) -> Self {
        Self::of(Kind::Unsendable(reason.into()))
    }

    /// [`Cause::Authentication`]: the leader has refused to authenticate the producer, with these words.
    ///
    /// ```
    /// use kafka_producer::mock::Failure;
    ///
    /// assert_ne!(Failure::authentication("Invalid username or password"), Failure::expired());
    /// ```
    pub fn authentication(reason: impl Into<Arc<str>>) -> Self {
        Self::of(Kind::Authentication(reason.into()))
    }

    /// The same after an attempt without an answer: the record may be in the log. (That of the
    /// [`MockBroker`](super::MockBroker) does not have it.)
    ///
    /// ```
    /// use kafka_producer::mock::Failure;
    /// use kafka_producer::{Persistence, Producer, ProducerRecord};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.fail_next(Failure::expired().possibly_persisted());
    /// let error = producer.try_send(ProducerRecord::new("orders", "2 x tea"))?.wait().unwrap_err();
    /// assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn possibly_persisted(mut self) -> Self {
        self.persistence = Persistence::PossiblyPersisted;
        self
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            persistence: Persistence::NotPersisted,
        }
    }

    /// The error of a record that fails so, where `delivery.timeout.ms` is this.
    pub(super) fn error(&self, place: &Place, delivery_timeout: Duration) -> DeliveryError {
        let cause = match &self.kind {
            Kind::Expired => Cause::Expired {
                limit: delivery_timeout,
                code: self.unanswered(),
            },
            Kind::Refused(code) => Cause::Refused {
                code: *code,
                message: None,
            },
            Kind::RefusedWithOthers(code) => Cause::RefusedWithOthers {
                code: *code,
                message: None,
            },
            Kind::RetriesExhausted(code) => Cause::RetriesExhausted { code: *code },
            Kind::Unsendable(reason) => Cause::Unsendable(Arc::clone(reason)),
            Kind::Authentication(reason) => Cause::Authentication(AuthenticationError {
                broker: BROKER.into(),
                mechanism: "SASL",
                user: None,
                reason: Arc::clone(reason),
            }),
        };
        let was_sent = match self.kind {
            Kind::Expired => self.persistence == Persistence::PossiblyPersisted,
            Kind::Refused(_) | Kind::RefusedWithOthers(_) | Kind::RetriesExhausted(_) => true,
            Kind::Unsendable(_) | Kind::Authentication(_) => false,
        };
        let attempts = u32::from(was_sent);
        place.error(cause, self.persistence, attempts, self.unanswered())
    }

    /// The code of an attempt that may have written the record.
    fn unanswered(&self) -> Option<ErrorCode> {
        match self.persistence {
            Persistence::PossiblyPersisted => Some(ErrorCode::NETWORK_EXCEPTION),
            Persistence::NotPersisted => None,
        }
    }
}

/// Of which record an error tells.
pub(super) struct Place {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    /// From the creation of its batch to now.
    pub(super) elapsed: Duration,
    pub(super) batch_bytes: usize,
}

impl Place {
    pub(super) fn error(
        &self,
        cause: Cause,
        persistence: Persistence,
        attempts: u32,
        in_doubt: Option<ErrorCode>,
    ) -> DeliveryError {
        let topic = Arc::clone(&self.topic);
        let unsent = History::without_attempt(topic, self.partition, persistence);
        let history = History {
            attempts,
            elapsed: self.elapsed,
            batch_bytes: self.batch_bytes,
            broker: (attempts > 0).then_some(1),
            in_doubt,
            ..unsent
        };
        DeliveryError::new(cause, history)
    }
}

/// How errors name the broker that is not there.
pub(super) const BROKER: &str = "broker 1 at mock:9092";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_cause_and_says_whether_the_record_was_sent() {
        let place = Place {
            topic: "orders".into(),
            partition: 2,
            elapsed: Duration::ZERO,
            batch_bytes: 70,
        };
        let limit = Duration::from_secs(120);
        let code = ErrorCode::INVALID_RECORD;
        let text = "words";
        for (failure, expected, attempts) in [
            (Failure::expired(), "within delivery.timeout.ms=120000;", 0),
            (
                Failure::expired().possibly_persisted(),
                "at last NETWORK_EXCEPTION",
                1,
            ),
            (Failure::refused(code), "INVALID_RECORD", 1),
            (Failure::refused_with_others(code), "for other records", 1),
            (Failure::retries_exhausted(code), "retries used up", 1),
            (Failure::unsendable(text), "could not be sent: words", 0),
            (
                Failure::authentication(text),
                "authentication failed: SASL",
                0,
            ),
        ] {
            let error = failure.error(&place, limit);
            let told = error.to_string();
            assert!(told.starts_with("orders-2: "), "{told}");
            assert!(told.contains(expected), "{told}");
            assert_eq!(error.history().attempts, attempts, "{told}");
            assert_eq!(error.persistence(), failure.persistence);
        }
    }
}
