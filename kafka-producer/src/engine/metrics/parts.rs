//! What is measured of each topic and of each broker.

use std::sync::Weak;
use std::time::Instant;

use kafka_accumulator::Account;

use super::client::write_meter;
use super::sent::SentToTopic;
use super::traffic::Traffic;
use super::windows::{Meter, Summed, Tally, Windows};
use crate::metrics::Writer;
use crate::metrics::definition::{memory, node, topic};
use crate::settings::Sampling;

/// Measurements of a topic, from its first batch on.
#[derive(Debug, Default)]
pub(super) struct TopicMeasurements {
    pub(super) sent: Summed<SentToTopic>,
    /// Most topics have none.
    retried: Option<Box<Meter>>,
    /// Most topics have none.
    failed: Option<Box<Meter>>,
}

impl TopicMeasurements {
    pub(super) fn retried(&mut self, now: Instant, sampling: Sampling, records: u64) {
        let retried = self.retried.get_or_insert_default();
        retried.record(now, sampling, records as f64);
    }

    pub(super) fn failed(&mut self, now: Instant, sampling: Sampling, records: u64) {
        let failed = self.failed.get_or_insert_default();
        failed.record(now, sampling, records as f64);
    }

    pub(super) fn write(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        self.sent.write_of_topic(now, sampling, to);
        let none = Meter::default();
        let retried = self.retried.as_deref().unwrap_or(&none);
        let names = [&topic::RECORD_RETRY_RATE, &topic::RECORD_RETRY_TOTAL];
        write_meter(retried, names, now, sampling, to);
        let failed = self.failed.as_deref().unwrap_or(&none);
        let names = [&topic::RECORD_ERROR_RATE, &topic::RECORD_ERROR_TOTAL];
        write_meter(failed, names, now, sampling, to);
    }
}

/// Measurements of a broker, from its first connection on.
#[derive(Debug, Default)]
pub(super) struct NodeMeasurements {
    pub(super) traffic: Summed<Traffic>,
    pub(super) latency_ms: Windows<Tally>,
    pub(super) throttle_ms: Windows<Tally>,
    /// Since when its session is being renewed.
    pub(super) renewing_since: Option<Instant>,
    /// Of the memory, as long as it leads partitions that are written to.
    pub(super) account: Weak<Account>,
}

impl NodeMeasurements {
    pub(super) fn write(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        self.traffic.write_of_node(now, sampling, to);
        let latency = self.latency_ms.recent(now, sampling);
        to.gauge(&node::REQUEST_LATENCY_AVG, latency.average());
        to.gauge(&node::REQUEST_LATENCY_MAX, latency.maximum());
        if let Some(account) = self.account.upgrade() {
            to.gauge(&memory::GUARANTEED_BYTES, account.guaranteed() as f64);
            to.gauge(&memory::USED_BYTES, account.used() as f64);
            to.gauge(&memory::WAITING_THREADS, account.waiting() as f64);
        }
    }
}
