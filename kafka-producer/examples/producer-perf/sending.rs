//! One sender: as fast as possible, or each record when it is due. What it times goes to a
//! histogram that all senders share; what it does not time is forgotten, or leaves a `Delivery` to
//! look at.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hdrhistogram::Histogram;
use kafka_producer::blocking::Producer;
use kafka_producer::{Delivery, ProducerRecord, Status};

use crate::pace::Pace;
use crate::payload::Pools;

/// What all senders share.
pub(crate) struct Load {
    pub(crate) producer: Producer<[u8], [u8]>,
    pub(crate) topic: String,
    pub(crate) pools: Pools,
    pub(crate) seen: &'static Seen,
    /// Reading the clock for each record would weigh on the throughput.
    pub(crate) timed_every: u64,
    pub(crate) outcomes: Outcomes,
}

/// Whose outcome is looked at, beside that of the timed records. A batch succeeds or fails as a
/// whole, so that a few tell of all; and the server counts every record.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Outcomes {
    /// The others are sent and forgotten.
    Timed,
    /// Each `Delivery` is kept and looked at.
    Each,
}

/// What callbacks have seen. It lives as long as the program, so that they count no references.
pub(crate) struct Seen {
    /// In nanoseconds.
    latencies: Mutex<Histogram<u64>>,
    failed: AtomicU64,
}

/// Sends from one place, and keeps what has no outcome yet, in the order of sending.
pub(crate) struct Sender<'a> {
    load: &'a Load,
    timed: Every,
    open: VecDeque<Delivery>,
    errors: u64,
}

impl Load {
    fn record<'a>(&'a self, (key, value): (Option<&'a [u8]>, &'a [u8])) -> Record<'a> {
        let mut record = ProducerRecord::new(&self.topic, value);
        record.key = key;
        record
    }

    /// Notes the time from `from` until the outcome.
    fn timer(
        &self,
        from: Instant,
    ) -> impl FnOnce(Result<kafka_producer::RecordMetadata, &kafka_producer::DeliveryError>) + Send + use<>
    {
        let seen = self.seen;
        move |outcome| {
            let nanos = nanos_between(from, Instant::now());
            seen.latencies().saturating_record(nanos);
            seen.failed.fetch_add(u64::from(outcome.is_err()), Relaxed);
        }
    }
}

impl Seen {
    pub(crate) fn nothing() -> &'static Self {
        Box::leak(Box::new(Self {
            latencies: Mutex::new(histogram()),
            failed: AtomicU64::new(0),
        }))
    }

    pub(crate) fn latencies(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub(crate) fn forget(&self) {
        self.latencies().reset();
        self.failed.store(0, Relaxed);
    }
}

type Record<'a> = ProducerRecord<'a, [u8], [u8]>;

impl<'a> Sender<'a> {
    pub(crate) fn new(load: &'a Load) -> Self {
        Self {
            load,
            timed: Every::new(load.timed_every),
            open: VecDeque::new(),
            errors: 0,
        }
    }

    /// Sends the records of these numbers without a pause.
    pub(crate) fn send(&mut self, numbers: Range<u64>) -> anyhow::Result<()> {
        let load = self.load;
        let mut records = load.pools.from(numbers.start);
        for index in numbers {
            self.send_one(index, load.record(records.record()), Instant::now)?;
        }
        Ok(())
    }

    /// Its latency, if it is timed, counts from `began`. Not inlined, it would be part of what is measured.
    #[inline(always)]
    fn send_one(
        &mut self,
        index: u64,
        record: Record<'_>,
        began: impl FnOnce() -> Instant,
    ) -> anyhow::Result<()> {
        let load = self.load;
        if self.timed.is_next() {
            load.producer.send_with(record, load.timer(began()))?;
        } else if load.outcomes == Outcomes::Each {
            self.open.push_back(load.producer.send(record)?);
        } else {
            load.producer.send_and_forget(record)?;
        }
        if index.is_multiple_of(REAP_EVERY) {
            self.reap();
        }
        Ok(())
    }

    /// The same from a task, by the methods that a task calls.
    pub(crate) async fn send_async(&mut self, numbers: Range<u64>) -> anyhow::Result<()> {
        let load = self.load;
        let producer = load.producer.as_async();
        let mut records = load.pools.from(numbers.start);
        for index in numbers {
            let record = load.record(records.record());
            if self.timed.is_next() {
                let timer = load.timer(Instant::now());
                producer.send_with(record, timer).await?;
            } else if load.outcomes == Outcomes::Each {
                self.open.push_back(producer.send(record).await?);
            } else {
                producer.send_and_forget(record).await?;
            }
            if index.is_multiple_of(REAP_EVERY) {
                self.reap();
            }
        }
        Ok(())
    }

    /// Sends each record when it is due; gives how late those were sent that are timed, which is
    /// from when they were due, and the number of errors.
    pub(crate) fn at_rate(
        mut self,
        count: u64,
        rate: u64,
    ) -> anyhow::Result<(Histogram<u64>, u64)> {
        let load = self.load;
        let mut late = histogram();
        let mut records = load.pools.from(0);
        let pace = Pace::new(rate);
        let mut sent = 0;
        while sent < count {
            let due = pace.wait(sent, count);
            sent = due.end;
            for index in due {
                let began = || {
                    let due = pace.due(index);
                    late.saturating_record(nanos_between(due, Instant::now()));
                    due
                };
                self.send_one(index, load.record(records.record()), began)?;
            }
        }
        load.producer.flush()?;
        Ok((late, self.errors()))
    }

    /// The records that failed, of all that were not timed. All must have an outcome.
    pub(crate) fn errors(mut self) -> u64 {
        self.reap();
        debug_assert!(self.open.is_empty(), "after a flush everything is decided");
        self.errors
    }

    /// Looks at the oldest records' outcomes, as far as they have any.
    fn reap(&mut self) {
        while let Some(delivery) = self.open.front() {
            match delivery.status() {
                Status::Pending => return,
                Status::Delivered => {}
                Status::Failed => self.errors += 1,
            }
            self.open.pop_front();
        }
    }
}

/// The first of each so many. Nothing is divided: this is part of what is measured.
struct Every {
    many: u64,
    left: u64,
}

impl Every {
    fn new(many: u64) -> Self {
        Self { many, left: 1 }
    }

    fn is_next(&mut self) -> bool {
        self.left -= 1;
        let is_next = self.left == 0;
        if is_next {
            self.left = self.many;
        }
        is_next
    }
}

pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("these bounds are allowed")
}

fn nanos_between(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}

const REAP_EVERY: u64 = 64;
/// Ten minutes: longer than any record may take.
const LATENCY_MAX_NS: u64 = 600_000_000_000;
