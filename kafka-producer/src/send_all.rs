//! Many records with one call: accepted in their order, and their outcomes awaited together.
//!
//! Each goes the way of a single `send`; here is only what becomes of all of them. It stops at the first record that
//! is not accepted, so that none is ahead of one that is missing.

use crate::delivery::Delivery;
use crate::error::{DeliveryError, SendError};
use crate::record::RecordMetadata;

/// What became of the records of a [`send_all`](crate::Producer::send_all).
///
/// ```
/// use kafka_producer::SentAll;
///
/// fn report(sent: &SentAll) {
///     let failed = sent.outcomes.iter().filter(|outcome| outcome.is_err()).count();
///     println!("{failed} of {} failed", sent.outcomes.len());
///     if let Some(error) = &sent.stopped {
///         println!("number {} was not accepted, nor were those behind it: {error}", sent.outcomes.len());
///     }
/// }
/// ```
#[derive(Debug)]
#[must_use = "records may have failed"]
#[non_exhaustive]
pub struct SentAll {
    /// The outcome of each record that was accepted, in their order.
    pub outcomes: Vec<Result<RecordMetadata, DeliveryError>>,
    /// Why the record behind them was not accepted; `None`: all were.
    pub stopped: Option<SendError>,
}

impl SentAll {
    /// Whether every record is stored.
    ///
    /// ```
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) {
    /// let orders = ["2 x tea", "1 x coffee"].map(|order| ProducerRecord::new("orders", order));
    /// assert!(producer.send_all(orders).await.is_complete());
    /// # }
    /// ```
    pub fn is_complete(&self) -> bool {
        self.stopped.is_none() && self.outcomes.iter().all(Result::is_ok)
    }
}

/// The records of one call that were accepted so far.
pub(crate) struct Accepted {
    deliveries: Vec<Delivery>,
    stopped: Option<SendError>,
}

impl Accepted {
    /// None yet, of so many or more.
    pub(crate) fn expecting(records: usize) -> Self {
        Self {
            deliveries: Vec::with_capacity(records.min(EXPECTED_MAX)),
            stopped: None,
        }
    }

    /// Notes what became of the next record, and whether there may be another.
    pub(crate) fn goes_on(&mut self, sent: Result<Delivery, SendError>) -> bool {
        match sent {
            Ok(delivery) => self.deliveries.push(delivery),
            Err(error) => self.stopped = Some(error),
        }
        self.stopped.is_none()
    }

    /// Waits until each has an outcome.
    pub(crate) async fn outcomes(self) -> SentAll {
        let mut outcomes = Vec::with_capacity(self.deliveries.len());
        for delivery in self.deliveries {
            outcomes.push(delivery.await);
        }
        let stopped = self.stopped;
        SentAll { outcomes, stopped }
    }

    /// The same for a thread, which it blocks.
    pub(crate) fn wait(self) -> SentAll {
        let outcomes = self.deliveries.into_iter().map(Delivery::wait).collect();
        let stopped = self.stopped;
        SentAll { outcomes, stopped }
    }
}

/// For more records than these the list grows as they are accepted: an iterator may promise what it likes.
const EXPECTED_MAX: usize = 1 << 10;
