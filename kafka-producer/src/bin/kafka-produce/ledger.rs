//! What became of the rows, counted; and each failure with the place that it comes from.
//!
//! Deliveries are kept in the order of sending and looked at from the front, so nothing is stored for records that
//! are done. When too many are open behind one that is not, the oldest is waited for: memory is bounded even if a
//! single partition stands still.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_producer::error::Cause;
use kafka_producer::{Delivery, DeliveryError, RecordMetadata, Status};

use crate::arguments::TransactionSize;
use crate::progress::{grouped, scaled};
use crate::recipe::Place;

/// More deliveries than this are not kept.
const OPEN_MAX: usize = 1 << 18;
/// More failures than this are counted, and not told one by one.
const MESSAGES_MAX: u64 = 20;
/// More causes than this are not told apart: some name sizes or times.
const CAUSES_MAX: usize = 20;
/// How often a record is looked at that is waited for while others look, too.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Counts rows and records.
#[derive(Default)]
pub(crate) struct Ledger {
    counts: Counts,
    files: Vec<String>,
    open: VecDeque<Open>,
    causes: BTreeMap<String, u64>,
    told: u64,
    messages: Vec<String>,
    is_transactional: bool,
}

/// How many there are by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The producer has taken them.
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    /// Of those that were delivered: their keys and values.
    pub(crate) bytes: u64,
    /// Records that will not be delivered, or perhaps not.
    pub(crate) failed: u64,
    /// Rows that could not be understood.
    pub(crate) bad_rows: u64,
    pub(crate) transactions: u64,
    /// Records in transactions that are committed.
    pub(crate) committed: u64,
    /// Records in transactions of which nobody knows whether they are.
    pub(crate) perhaps_committed: u64,
}

/// A record without an outcome.
pub(crate) struct Open {
    delivery: Delivery,
    file: u32,
    line: u64,
    bytes: u32,
}

impl Open {
    /// Waits until there is an outcome.
    pub(crate) fn wait(&self) {
        while self.delivery.status() == Status::Pending {
            std::thread::park_timeout(LOOK_AGAIN);
        }
    }
}

impl Ledger {
    pub(crate) fn new(transactions: Option<TransactionSize>) -> Self {
        Self {
            is_transactional: transactions.is_some(),
            ..Self::default()
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Records that were accepted and have no outcome.
    pub(crate) fn unacknowledged(&self) -> u64 {
        self.open.len() as u64
    }

    /// Topic and partition of the oldest record without an outcome.
    pub(crate) fn oldest(&self) -> Option<(Arc<str>, i32)> {
        let delivery = &self.open.front()?.delivery;
        Some((Arc::clone(delivery.topic()), delivery.partition()))
    }

    /// A record was accepted.
    pub(crate) fn accepted(&mut self, delivery: Delivery, place: Place<'_>, bytes: usize) {
        self.counts.accepted += 1;
        let file = self.file(place.file);
        self.open.push_back(Open {
            delivery,
            file,
            line: place.line,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        });
    }

    /// A record was not accepted.
    pub(crate) fn refused(&mut self, place: Place<'_>, why: &str) {
        self.fail(&place.to_string(), why, why.to_owned());
    }

    /// A row could not be understood.
    pub(crate) fn bad_row(&mut self, place: Place<'_>, why: &str) {
        self.counts.bad_rows += 1;
        self.tell(&place.to_string(), why);
    }

    /// So many records were committed as one transaction.
    pub(crate) fn committed(&mut self, records: u64) {
        self.counts.transactions += 1;
        self.counts.committed += records;
    }

    /// So many records may be committed as one transaction, or not.
    pub(crate) fn perhaps_committed(&mut self, records: u64) {
        self.counts.perhaps_committed += records;
    }

    /// Takes what has an outcome from the front.
    pub(crate) fn look(&mut self) {
        while let Some(front) = self.open.front()
            && front.delivery.status() != Status::Pending
            && let Some(front) = self.open.pop_front()
        {
            self.settle(front);
        }
    }

    /// Too many are open: the oldest, to be waited for by whoever holds no lock.
    pub(crate) fn oldest_of_too_many(&mut self) -> Option<Open> {
        match self.open.len() > OPEN_MAX {
            true => self.open.pop_front(),
            false => None,
        }
    }

    /// Waits for the outcome of a record.
    pub(crate) fn settle(&mut self, open: Open) {
        let place = format!("{}:{}", self.files[open.file as usize], open.line);
        self.outcome(&place, open.bytes, open.delivery.wait());
    }

    /// Waits for every outcome.
    pub(crate) fn settle_all(&mut self) {
        while let Some(front) = self.open.pop_front() {
            self.settle(front);
        }
    }

    /// What is to be told to people since this was asked for last.
    pub(crate) fn take_messages(&mut self) -> Vec<String> {
        std::mem::take(&mut self.messages)
    }

    /// What became of all of it, for people.
    pub(crate) fn summary(&self, elapsed: Duration) -> Summary<'_> {
        let ledger = self;
        Summary { ledger, elapsed }
    }

    fn outcome(&mut self, place: &str, bytes: u32, outcome: Result<RecordMetadata, DeliveryError>) {
        match outcome {
            Ok(_) => {
                self.counts.delivered += 1;
                self.counts.bytes += u64::from(bytes);
            }
            // It was told why, and the summary counts what was not committed.
            Err(error) if matches!(error.cause(), Cause::Aborted) => {}
            Err(error) => self.fail(place, &error.to_string(), cause(&error)),
        }
    }

    fn fail(&mut self, place: &str, why: &str, cause: String) {
        self.counts.failed += 1;
        self.tell(place, why);
        let is_told = self.causes.len() < CAUSES_MAX || self.causes.contains_key(&cause);
        let cause = if is_told {
            cause
        } else {
            "other causes".to_owned()
        };
        *self.causes.entry(cause).or_default() += 1;
    }

    fn tell(&mut self, place: &str, why: &str) {
        self.told += 1;
        match self.told {
            ..=MESSAGES_MAX => self.messages.push(format!("{place}: {why}")),
            _ if self.told == MESSAGES_MAX + 1 => self
                .messages
                .push("there are more of these, which are only counted".to_owned()),
            _ => {}
        }
    }

    /// The number of a file: that of the last one, or the next.
    fn file(&mut self, name: &str) -> u32 {
        if self.files.last().is_none_or(|last| last != name) {
            self.files.push(name.to_owned());
        }
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }
}

/// Without what differs from record to record, so that equal ones are counted together.
fn cause(error: &DeliveryError) -> String {
    match error.code().and_then(|code| code.name()) {
        Some(name) => name.to_owned(),
        None => error.cause().to_string(),
    }
}

/// The last words of a run.
pub(crate) struct Summary<'a> {
    ledger: &'a Ledger,
    elapsed: Duration,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.ledger.counts;
        let seconds = self.elapsed.as_secs_f64().max(1e-6);
        write!(
            f,
            "{} delivered, {}B, in {seconds:.1} s ({:.0} records/s); {} failed",
            records(counts.delivered),
            scaled(counts.bytes as f64),
            counts.delivered as f64 / seconds,
            grouped(counts.failed),
        )?;
        if counts.bad_rows > 0 {
            write!(f, "; rows not understood: {}", grouped(counts.bad_rows))?;
        }
        if self.ledger.is_transactional {
            write!(
                f,
                "; transactions committed: {}, with {}",
                grouped(counts.transactions),
                records(counts.committed),
            )?;
            let perhaps = counts.perhaps_committed;
            let known = counts.committed + perhaps;
            let others = counts.accepted.saturating_sub(known);
            if others > 0 {
                write!(f, "; records not committed: {}", grouped(others))?;
            }
            if perhaps > 0 {
                let perhaps = grouped(perhaps);
                write!(f, "; records of which it is not known: {perhaps}")?;
            }
        }
        for (cause, times) in &self.ledger.causes {
            write!(f, "\n  {times} x {cause}")?;
        }
        Ok(())
    }
}

/// So many records.
fn records(count: u64) -> String {
    match count {
        1 => "1 record".to_owned(),
        count => format!("{} records", grouped(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u64) -> Place<'static> {
        Place {
            file: "orders.csv",
            line,
        }
    }

    #[test]
    fn failures_are_told_with_their_place_and_then_only_counted() {
        let mut ledger = Ledger::default();
        for line in 1..=30 {
            ledger.refused(place(line), "too large");
        }
        let messages = ledger.take_messages();
        assert_eq!(messages.len(), 21);
        assert_eq!(messages[0], "orders.csv:1: too large");
        assert!(messages[20].contains("only counted"), "{messages:?}");
        assert!(ledger.take_messages().is_empty());
        let summary = ledger.summary(Duration::from_secs(2)).to_string();
        assert!(
            summary.ends_with("; 30 failed\n  30 x too large"),
            "{summary}"
        );
    }

    #[test]
    fn a_commit_without_a_known_outcome_is_neither_counted_as_done_nor_as_not_done() {
        let mut ledger = Ledger::new(Some(TransactionSize::File));
        ledger.counts.accepted = 7;
        ledger.committed(2);
        ledger.perhaps_committed(4);
        let summary = ledger.summary(Duration::from_secs(2)).to_string();
        let expected = "; transactions committed: 1, with 2 records; records not committed: 1; \
                        records of which it is not known: 4";
        assert!(summary.ends_with(expected), "{summary}");
    }

    #[test]
    fn causes_that_differ_each_time_do_not_take_memory_for_ever() {
        let mut ledger = Ledger::default();
        for line in 0..1000 {
            ledger.refused(place(line), &format!("{line} bytes are too many"));
        }
        assert_eq!(ledger.causes.len(), CAUSES_MAX + 1);
        assert_eq!(ledger.causes["other causes"], 1000 - CAUSES_MAX as u64);
    }
}
