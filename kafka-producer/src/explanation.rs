//! Why the records of a partition are still here: the answer of `Producer::explain`.
//!
//! What a record waits for is named by [`WaitReason`], as in the errors of records that have waited in vain.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{FatalError, WaitReason};

/// What the records of a partition wait for at one moment. `{}` is a sentence.
///
/// ```no_run
/// # use kafka_producer::Producer;
/// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
/// use kafka_producer::Standing;
/// use kafka_producer::error::WaitReason;
///
/// let explanation = producer.explain("orders", 3).await?;
/// eprintln!("{explanation}");
/// if let Standing::Waiting { reason: WaitReason::Authentication(_), .. } = &explanation.standing {
///     eprintln!("call whoever has changed the password");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The topic that was asked about.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// How it stands there.
    pub standing: Standing,
}

/// Whether records of a partition wait, and what for.
///
/// ```
/// use kafka_producer::Standing;
///
/// fn is_stuck(standing: &Standing) -> bool {
///     !matches!(standing, Standing::Nothing)
/// }
/// assert!(!is_stuck(&Standing::Nothing));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// No record of the partition waits: each that was accepted has its outcome.
    Nothing,
    /// Records that were accepted have no outcome.
    #[non_exhaustive]
    Waiting {
        /// How many.
        records: u64,
        /// How old the batch of the oldest is.
        oldest: Duration,
        /// What that batch waits for.
        reason: WaitReason,
        /// What those wait for that are still in their queue, if the oldest has left it.
        behind: Option<WaitReason>,
    },
    /// No record that was accepted waits, but sends do: for the topic, for the partition, or for memory.
    #[non_exhaustive]
    Sending {
        /// How many of them.
        sends: usize,
        /// What they wait for.
        reason: WaitReason,
    },
    /// The producer was closed, and nothing waits any more.
    Closed,
    /// The producer has failed as a whole, and with it every record.
    Failed(FatalError),
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            topic,
            partition,
            standing,
        } = self;
        write!(f, "{topic}-{partition}: {standing}")
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no record waits"),
            Self::Waiting {
                records,
                oldest,
                reason,
                behind,
            } => {
                let oldest_ms = oldest.as_millis();
                write!(
                    f,
                    "{records} record(s) wait, the oldest for {oldest_ms} ms: {reason}"
                )?;
                match behind {
                    Some(behind) => write!(f, "; those behind it: {behind}"),
                    None => Ok(()),
                }
            }
            Self::Sending { sends, reason } => write!(f, "{sends} send(s) wait: {reason}"),
            Self::Closed => f.write_str("no record waits, the producer is closed"),
            Self::Failed(fatal) => write!(f, "no record waits, the producer has failed: {fatal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_is_a_sentence() {
        let reason = WaitReason::InFlight {
            broker: "broker 1 at kafka-1:9092".into(),
            since: Duration::from_millis(1_700),
        };
        let behind = Some(WaitReason::EarlierBatch);
        let waiting = Standing::Waiting {
            records: 12,
            oldest: Duration::from_millis(1_705),
            reason,
            behind,
        };
        let told = |standing| {
            let topic = "orders".into();
            let explanation = Explanation {
                topic,
                partition: 3,
                standing,
            };
            explanation.to_string()
        };
        assert_eq!(
            told(waiting),
            "orders-3: 12 record(s) wait, the oldest for 1705 ms: in a request to broker 1 at kafka-1:9092, \
             sent 1700 ms ago and not answered; those behind it: other batches of the partition must be \
             answered first"
        );
        let sending = Standing::Sending {
            sends: 2,
            reason: WaitReason::NoPartition { partitions: 3 },
        };
        assert_eq!(
            told(sending),
            "orders-3: 2 send(s) wait: the topic has 3 partition(s), as far as is known"
        );
        assert_eq!(told(Standing::Nothing), "orders-3: no record waits");
        let failed = Standing::Failed(FatalError::Panicked {
            message: "index out of bounds".into(),
        });
        for ended in [Standing::Closed, failed] {
            assert!(told(ended).starts_with("orders-3: no record waits, the producer "));
        }
    }
}
