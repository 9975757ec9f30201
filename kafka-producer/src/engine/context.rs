//! The arguments that nearly every decision takes: the time, the settings, and the lists of what is to be
//! done outside. It decides nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_accumulator::{Accumulator, Batch, BatchOutcome};

use crate::engine::backoff;
use crate::engine::cluster::addresses::Addresses;
use crate::engine::handle::{CloseReport, EngineHandle};
use crate::engine::input::Action;
use crate::engine::metrics::Recorder;
use crate::engine::notice::Notice;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::reports::Reports;
use crate::engine::timers::Timers;
use crate::error::{DeliveryError, Persistence};
use crate::settings::Settings;

/// The arguments that most decisions take.
pub(crate) struct Context {
    /// The time of the input that is being handled.
    pub(crate) now: Instant,
    pub(crate) settings: Arc<Settings>,
    pub(crate) random: fastrand::Rng,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    pub(crate) handle: Arc<EngineHandle>,
    pub(crate) timers: Timers,
    pub(crate) metrics: Recorder,
    /// What is to be done outside, in order.
    pub(crate) actions: VecDeque<Action>,
    /// What callers are to be told, in order.
    pub(crate) notices: Vec<Notice>,
    /// What people were told.
    pub(crate) reports: Reports,
    /// Where brokers were dialed, for what errors tell.
    pub(crate) addresses: Addresses,
    /// Outcomes so far.
    tally: CloseReport,
    /// Batches of a transactional producer that have failed, until its transaction is told.
    failures: Vec<(LaneKey, DeliveryError)>,
}

impl Context {
    pub(crate) fn new(
        settings: Arc<Settings>,
        accumulator: Arc<Accumulator<DeliveryError>>,
        handle: Arc<EngineHandle>,
        seed: u64,
        now: Instant,
    ) -> Self {
        let measurements = Arc::clone(handle.measurements());
        Self {
            metrics: Recorder::new(measurements, settings.sampling, now),
            now,
            settings,
            random: fastrand::Rng::with_seed(seed),
            accumulator,
            handle,
            timers: Timers::default(),
            actions: VecDeque::new(),
            notices: Vec::new(),
            reports: Reports::default(),
            addresses: Addresses::default(),
            tally: CloseReport::default(),
            failures: Vec::new(),
        }
    }

    /// `retry.backoff.ms` after so many failures in a row.
    pub(crate) fn backoff(&mut self, failures: u32) -> Duration {
        backoff::delay(self.settings.retry_backoff, failures, &mut self.random)
    }

    /// A batch was delivered: its records are told.
    pub(crate) fn end_delivered(
        &mut self,
        batch: Arc<Batch<DeliveryError>>,
        outcome: BatchOutcome<DeliveryError>,
    ) {
        self.tally.delivered += u64::from(batch.count());
        self.notices.push(Notice::Ended(batch, outcome));
    }

    /// A batch has failed: its records are told, and so is its transaction. `error` is that of one record.
    pub(crate) fn end_failed(
        &mut self,
        key: Option<LaneKey>,
        batch: Arc<Batch<DeliveryError>>,
        error: &DeliveryError,
        outcome: BatchOutcome<DeliveryError>,
    ) {
        let records = u64::from(batch.count());
        match error.persistence() {
            Persistence::NotPersisted => self.tally.failed += records,
            Persistence::PossiblyPersisted => self.tally.unknown += records,
        }
        self.metrics.failed(self.now, batch.topic(), batch.count());
        if let Some(key) = key
            && self.settings.guarantee.transactional().is_some()
        {
            self.failures.push((key, error.clone()));
        }
        self.notices.push(Notice::Ended(batch, outcome));
    }

    /// Other batches take the place of this one: its records get their outcomes from those.
    pub(crate) fn end_split(
        &mut self,
        batch: Arc<Batch<DeliveryError>>,
        outcome: BatchOutcome<DeliveryError>,
    ) {
        self.metrics.split(self.now);
        self.notices.push(Notice::Ended(batch, outcome));
    }

    /// The failures that the transaction was not told of yet.
    pub(crate) fn take_failures(&mut self) -> Vec<(LaneKey, DeliveryError)> {
        std::mem::take(&mut self.failures)
    }

    /// Outcomes so far.
    pub(crate) fn tally(&self) -> CloseReport {
        self.tally
    }
}

#[cfg(test)]
impl Context {
    /// What an engine with these properties starts with.
    pub(crate) fn of(properties: &[(&str, &str)], now: Instant) -> Self {
        let config = crate::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
        let config = properties.iter().fold(config, |mut config, pair| {
            config.extend([*pair]);
            config
        });
        let settings = config.check().expect("tests are well configured").settings;
        let doorbell = Arc::new(kafka_accumulator::Doorbell::default());
        let abandoned = || unreachable!("nothing is written");
        let accumulator = Accumulator::new(settings.accumulator, Arc::clone(&doorbell), abandoned);
        let handle = Arc::new(EngineHandle::new(doorbell));
        Self::new(Arc::new(settings), Arc::new(accumulator), handle, 1, now)
    }
}
