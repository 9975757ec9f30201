//! What happened to a record that failed: when it was accepted, when its batch was sealed, and each attempt to
//! send it.
//!
//! It is kept for the batch, and only if an attempt fails (`engine/produce/lane/trail.rs`); here is what an error
//! tells of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_wire::ErrorCode;

use super::wait_reason::{WaitReason, told};

/// What happened to a record that failed, in order. `{}` and `{:#?}` print a line for each event.
///
/// ```
/// use kafka_producer::DeliveryError;
///
/// fn report(error: &DeliveryError) {
///     eprintln!("{error}\n{}", error.timeline());
/// }
/// report(&DeliveryError::abandoned());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Timeline(Arc<[TimelineEvent]>);

/// Something that happened to a record. Times are counted from the creation of its batch, which is when the
/// batch's first record was accepted; its last was accepted `linger.ms` later at most.
///
/// ```
/// use kafka_producer::DeliveryError;
/// use kafka_producer::error::TimelineEvent;
///
/// fn brokers(error: &DeliveryError) -> Vec<i32> {
///     let events = error.timeline().events().iter();
///     let attempts = events.filter_map(|event| match event {
///         TimelineEvent::Attempt(attempt) => Some(attempt.broker),
///         _ => None,
///     });
///     attempts.collect()
/// }
/// assert!(brokers(&DeliveryError::abandoned()).is_empty());
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimelineEvent {
    /// Its batch was created.
    Accepted,
    /// Its batch was taken from its queue to be sent: no other record could join it any more.
    #[non_exhaustive]
    Sealed {
        /// When.
        at: Duration,
    },
    /// Its batch was sent, without being acknowledged.
    Attempt(Attempt),
    /// Attempts that are not told, because there were too many: the first and the last ones are.
    #[non_exhaustive]
    LeftOut {
        /// How many.
        attempts: u32,
    },
    /// The record failed.
    #[non_exhaustive]
    Failed {
        /// When.
        at: Duration,
    },
}

/// One attempt to send a batch, which was not acknowledged.
///
/// ```
/// use kafka_producer::error::Attempt;
///
/// fn took_ms(attempt: &Attempt) -> u128 {
///     (attempt.ended - attempt.sent).as_millis()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Counted from 1. A batch that was split for its size had the attempts of the whole before.
    pub number: u32,
    /// The broker's id.
    pub broker: i32,
    /// Where the broker was connected.
    pub address: Option<Arc<str>>,
    /// When it was given to the connection, from the creation of the batch.
    pub sent: Duration,
    /// When it ended, likewise.
    pub ended: Duration,
    /// What it ended with.
    pub end: AttemptEnd,
    /// For how long the broker's answer asked the producer to be silent, if it did (KIP-219).
    pub throttled: Option<Duration>,
}

/// What an attempt ended with that was not acknowledged.
///
/// ```
/// use kafka_producer::ErrorCode;
/// use kafka_producer::error::AttemptEnd;
///
/// fn moved(end: &AttemptEnd) -> bool {
///     matches!(end, AttemptEnd::Refused { code: ErrorCode::NOT_LEADER_OR_FOLLOWER, .. })
/// }
/// assert!(!moved(&AttemptEnd::TimedOut));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptEnd {
    /// The broker has refused the batch.
    #[non_exhaustive]
    Refused {
        /// Its code.
        code: ErrorCode,
        /// Its words, if it had any.
        message: Option<Arc<str>>,
    },
    /// The connection was lost before an answer came.
    #[non_exhaustive]
    ConnectionLost {
        /// How.
        reason: WaitReason,
    },
    /// There was no answer within `request.timeout.ms`.
    TimedOut,
    /// The answer could not be read, or says nothing about the batch.
    NoResult,
    /// There was no answer yet when the record failed.
    Unanswered,
    /// The batch could not be put into a request, and was not written.
    NotWritten,
}

impl Timeline {
    /// Of a record of which nothing is known.
    pub(crate) fn empty() -> Self {
        Self(Arc::new([]))
    }

    pub(crate) fn new(events: Vec<TimelineEvent>) -> Self {
        Self(events.into())
    }

    /// The events in the order in which they happened. An attempt stands where it was sent: with
    /// `max.in.flight.requests.per.connection` above 1, others may have been on their way.
    ///
    /// ```
    /// use kafka_producer::DeliveryError;
    ///
    /// assert!(DeliveryError::abandoned().timeline().events().is_empty());
    /// ```
    pub fn events(&self) -> &[TimelineEvent] {
        &self.0
    }

    /// The attempts among them.
    ///
    /// ```
    /// use kafka_producer::DeliveryError;
    ///
    /// assert_eq!(DeliveryError::abandoned().timeline().attempts().count(), 0);
    /// ```
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.0.iter().filter_map(|event| match event {
            TimelineEvent::Attempt(attempt) => Some(attempt),
            _ => None,
        })
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, event) in self.0.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            write!(f, "{separator}{event}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl fmt::Display for TimelineEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => write!(f, "{}  accepted", At(Duration::ZERO)),
            Self::Sealed { at } => write!(f, "{}  sealed", At(*at)),
            Self::Attempt(attempt) => write!(f, "{}  {attempt}", At(attempt.sent)),
            Self::LeftOut { attempts } => {
                write!(f, "{:WIDTH$}     {attempts} attempt(s) left out", "")
            }
            Self::Failed { at } => write!(f, "{}  failed", At(*at)),
        }
    }
}

/// A time at the beginning of a line.
struct At(Duration);

/// Of the number in a line, which is aligned up to the longest `delivery.timeout.ms` that makes sense.
const WIDTH: usize = 9;

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>WIDTH$} ms", millis(self.0))
    }
}

/// In milliseconds, with tenths.
fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

/// The sentence: it stays one line in `{:#?}`, too.
impl fmt::Debug for TimelineEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_string().trim_start())
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            broker,
            address,
            sent,
            ended,
            end,
            throttled,
        } = self;
        write!(f, "attempt {number} to broker {broker}")?;
        if let Some(address) = address {
            write!(f, " at {address}")?;
        }
        let took = millis(ended.saturating_sub(*sent));
        write!(f, "; after {took} ms: {end}")?;
        if let Some(throttled) = throttled {
            let throttled = millis(*throttled);
            write!(
                f,
                " (and the broker throttled the producer for {throttled} ms)"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, message } => told(f, *code, message),
            // The attempt names the broker.
            Self::ConnectionLost {
                reason: WaitReason::Connection { reason, .. },
            } => write!(f, "the connection was lost: {reason}"),
            Self::ConnectionLost { reason } => write!(f, "the connection was lost: {reason}"),
            Self::TimedOut => f.write_str("no answer within request.timeout.ms"),
            Self::NoResult => f.write_str("the answer has no result"),
            Self::Unanswered => f.write_str("not answered yet"),
            Self::NotWritten => f.write_str("not written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(number: u32, sent_ms: u64, end: AttemptEnd) -> TimelineEvent {
        TimelineEvent::Attempt(Attempt {
            number,
            broker: 1,
            address: Some("kafka-1:9092".into()),
            sent: Duration::from_millis(sent_ms),
            ended: Duration::from_millis(sent_ms + 30),
            end,
            throttled: (number == 1).then_some(Duration::from_micros(1_500)),
        })
    }

    #[test]
    fn a_timeline_is_printed_with_a_line_for_each_event() {
        let lost = WaitReason::Connection {
            broker: "broker 1 at kafka-1:9092".into(),
            reason: "connection reset".into(),
        };
        let refused = AttemptEnd::Refused {
            code: ErrorCode::NOT_ENOUGH_REPLICAS,
            message: Some("one of two".into()),
        };
        let timeline = Timeline::new(vec![
            TimelineEvent::Accepted,
            TimelineEvent::Sealed {
                at: Duration::from_millis(5),
            },
            attempt(1, 5, refused),
            TimelineEvent::LeftOut { attempts: 7 },
            attempt(9, 11_000, AttemptEnd::ConnectionLost { reason: lost }),
            attempt(10, 11_500, AttemptEnd::TimedOut),
            TimelineEvent::Failed {
                at: Duration::from_secs(120),
            },
        ]);
        let lines = "      0.0 ms  accepted
      5.0 ms  sealed
      5.0 ms  attempt 1 to broker 1 at kafka-1:9092; after 30.0 ms: NOT_ENOUGH_REPLICAS(19): one of two \
                     (and the broker throttled the producer for 1.5 ms)
              7 attempt(s) left out
  11000.0 ms  attempt 9 to broker 1 at kafka-1:9092; after 30.0 ms: the connection was lost: connection reset
  11500.0 ms  attempt 10 to broker 1 at kafka-1:9092; after 30.0 ms: no answer within request.timeout.ms
 120000.0 ms  failed";
        assert_eq!(timeline.to_string(), lines);
        let debug: Vec<String> = format!("{timeline:#?}")
            .lines()
            .map(str::to_owned)
            .collect();
        assert_eq!(debug.len(), 2 + timeline.events().len(), "{debug:#?}");
    }

    #[test]
    fn every_end_of_an_attempt_has_words() {
        let broker: Arc<str> = "broker 1 at kafka-1:9092".into();
        let ends = [
            (AttemptEnd::NoResult, "the answer has no result"),
            (AttemptEnd::Unanswered, "not answered yet"),
            (AttemptEnd::NotWritten, "not written"),
            (
                AttemptEnd::ConnectionLost {
                    reason: WaitReason::Silent { broker },
                },
                "the connection was lost: broker 1 at kafka-1:9092: it accepts connections and has not \
                 answered yet: is it a Kafka broker?",
            ),
        ];
        for (end, words) in ends {
            assert_eq!(end.to_string(), words);
        }
    }
}
