//! What became of the records, counted: how many, how many bytes, which failures how often.
//!
//! Deliveries are kept in the order of sending and looked at from the front, so nothing is stored
//! for records that are done. When too many are open behind one that is not, the oldest is waited
//! for: memory is bounded even if a single partition stands still.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Instant;

use kafka_producer::{Delivery, DeliveryError, RecordMetadata, SendError, Status};

/// More deliveries than this are not kept.
const OPEN_MAX: usize = 1 << 18;
/// More causes than this are not told apart: some name sizes or times.
const CAUSES_MAX: usize = 20;

/// Counts records.
pub(crate) struct Ledger {
    started: Instant,
    records: u64,
    delivered: u64,
    bytes: u64,
    failures: BTreeMap<String, u64>,
    open: VecDeque<(Delivery, u32)>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            records: 0,
            delivered: 0,
            bytes: 0,
            failures: BTreeMap::new(),
            open: VecDeque::new(),
        }
    }

    /// Records that were to be sent so far.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// One more record, of a line of so many bytes.
    pub(crate) fn enter(&mut self, sent: Result<Delivery, SendError>, line_bytes: usize) {
        self.records += 1;
        match sent {
            Ok(delivery) => {
                let line_bytes = u32::try_from(line_bytes).unwrap_or(u32::MAX);
                self.open.push_back((delivery, line_bytes));
            }
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// One more record that is longer than any may be.
    pub(crate) fn too_long(&mut self, limit: usize) {
        self.records += 1;
        self.fail(format!("the line is longer than max.request.size={limit}"));
    }

    /// Takes what has an outcome, and waits where too much has none.
    pub(crate) fn look(&mut self) {
        while let Some((front, _)) = self.open.front()
            && (self.open.len() > OPEN_MAX || front.status() != Status::Pending)
        {
            self.take_front();
        }
    }

    /// Waits for every outcome.
    pub(crate) fn settle(&mut self) {
        while !self.open.is_empty() {
            self.take_front();
        }
    }

    /// Whether everything so far is in the log.
    pub(crate) fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }

    fn take_front(&mut self) {
        if let Some((delivery, line_bytes)) = self.open.pop_front() {
            self.close_entry(delivery.wait(), line_bytes);
        }
    }

    fn close_entry(&mut self, outcome: Result<RecordMetadata, DeliveryError>, line_bytes: u32) {
        match outcome {
            Ok(_) => {
                self.delivered += 1;
                self.bytes += u64::from(line_bytes);
            }
            Err(error) => self.fail(error.cause().to_string()),
        }
    }

    fn fail(&mut self, cause: String) {
        let cause = if self.failures.len() < CAUSES_MAX || self.failures.contains_key(&cause) {
            cause
        } else {
            "other causes".to_owned()
        };
        *self.failures.entry(cause).or_default() += 1;
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-6);
        write!(
            f,
            "{} records delivered, {} bytes, in {seconds:.3} s: {:.0} records/s, {:.2} MiB/s; {} errors",
            self.delivered,
            self.bytes,
            self.delivered as f64 / seconds,
            self.bytes as f64 / seconds / f64::from(1 << 20),
            self.failures.values().sum::<u64>(),
        )?;
        for (cause, times) in &self.failures {
            write!(f, "\n  {times} x {cause}")?;
        }
        Ok(())
    }
}
