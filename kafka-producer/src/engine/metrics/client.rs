//! What is measured of a producer as a whole: the group `producer-metrics`.

use std::time::{Duration, Instant};

use super::callers::{CallerCounters, Seen, Wait};
use super::sent::Sent;
use super::traffic::Traffic;
use super::windows::{Meter, Summed, Tally, Windows};
use crate::metrics::Writer;
use crate::metrics::definition::{Definition, client};
use crate::settings::Sampling;

/// Measurements of a producer as a whole.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientMeasurements {
    pub(super) sent: Windows<Sent>,
    pub(super) sent_records: u64,
    pub(super) retried: Meter,
    pub(super) failed: Meter,
    pub(super) split: Meter,
    pub(super) traffic: Summed<Traffic>,
    pub(super) opened: Meter,
    pub(super) closed: Meter,
    pub(super) logins: Logins,
    pub(super) thread: Thread,
    /// When the cluster was last told of.
    pub(super) heard: Option<Instant>,
    memory_wait_ns: Meter,
    exhausted: Meter,
    seen: Seen,
}

/// How brokers and the producer have authenticated each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Logins {
    pub(super) accepted: Meter,
    pub(super) refused: Meter,
    pub(super) renewed: Meter,
    pub(super) not_renewed: Meter,
    pub(super) renewal_ms: Meter,
}

/// What the producer's thread does with its time.
#[derive(Clone, Debug, Default)]
pub(super) struct Thread {
    waited: Meter,
    worked: Meter,
}

impl Thread {
    /// It has waited for so long, looked at its sockets, and worked for so long.
    pub(super) fn round(
        &mut self,
        now: Instant,
        sampling: Sampling,
        [waited, worked]: [Duration; 2],
    ) {
        self.waited.record_time(now, sampling, waited);
        self.worked.record_time(now, sampling, worked);
    }

    fn write(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        let waits = self.waited.recent(now, sampling);
        let rate = waits.count as f64 / self.waited.elapsed_s(now, sampling);
        to.gauge(&client::SELECT_RATE, rate);
        to.total(&client::SELECT_TOTAL, self.waited.total().count as f64);
        let times = [
            (
                &self.waited,
                &client::IO_WAIT_RATIO,
                &client::IO_WAIT_TIME_NS_AVG,
                &client::IO_WAIT_TIME_NS_TOTAL,
            ),
            (
                &self.worked,
                &client::IO_RATIO,
                &client::IO_TIME_NS_AVG,
                &client::IO_TIME_NS_TOTAL,
            ),
        ];
        for (time, ratio, average, total) in times {
            to.gauge(ratio, time.rate(now, sampling) / NS_PER_S);
            to.gauge(average, time.recent(now, sampling).average());
            to.total(total, time.total().sum);
        }
    }
}

impl ClientMeasurements {
    /// Takes in what callers have counted since this was done last.
    pub(super) fn take_in(&mut self, callers: &CallerCounters, now: Instant, sampling: Sampling) {
        let seen = callers.seen();
        if seen == self.seen {
            return;
        }
        let new = seen.since(self.seen);
        self.seen = seen;
        let meters = [
            (&mut self.memory_wait_ns, new.memory_wait_ns),
            (&mut self.exhausted, new.exhausted),
            (&mut self.failed, new.refused),
        ];
        for (meter, count) in meters {
            if count > 0 {
                meter.record(now, sampling, count as f64);
            }
        }
    }

    pub(super) fn write(
        &self,
        callers: &CallerCounters,
        now: Instant,
        sampling: Sampling,
        to: &mut Writer<'_>,
    ) {
        self.sent.write_of_client(now, sampling, to);
        to.total(&client::RECORD_SEND_TOTAL, self.sent_records as f64);
        self.write_outcomes(now, sampling, to);
        self.traffic.write_of_client(now, sampling, to);
        self.write_connections(now, sampling, to);
        self.logins.write(now, sampling, to);
        self.thread.write(now, sampling, to);
        self.write_memory_waits(now, sampling, to);
        write_calls(callers, to);
        let age = self.heard.map(|heard| now.saturating_duration_since(heard));
        let age_s = age.map_or(f64::NAN, |age| age.as_secs_f64());
        to.gauge(&client::METADATA_AGE, age_s);
    }

    fn write_outcomes(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        let meters = [
            (
                &self.retried,
                &client::RECORD_RETRY_RATE,
                &client::RECORD_RETRY_TOTAL,
            ),
            (
                &self.failed,
                &client::RECORD_ERROR_RATE,
                &client::RECORD_ERROR_TOTAL,
            ),
            (
                &self.split,
                &client::BATCH_SPLIT_RATE,
                &client::BATCH_SPLIT_TOTAL,
            ),
        ];
        for (meter, rate, total) in meters {
            write_meter(meter, [rate, total], now, sampling, to);
        }
    }

    fn write_connections(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        let opened = [
            &client::CONNECTION_CREATION_RATE,
            &client::CONNECTION_CREATION_TOTAL,
        ];
        write_meter(&self.opened, opened, now, sampling, to);
        let closed = [
            &client::CONNECTION_CLOSE_RATE,
            &client::CONNECTION_CLOSE_TOTAL,
        ];
        write_meter(&self.closed, closed, now, sampling, to);
        let open = self.opened.total().sum - self.closed.total().sum;
        to.gauge(&client::CONNECTION_COUNT, open);
    }

    fn write_memory_waits(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        let waits = &self.memory_wait_ns;
        to.gauge(
            &client::BUFFERPOOL_WAIT_RATIO,
            waits.rate(now, sampling) / NS_PER_S,
        );
        to.total(&client::BUFFERPOOL_WAIT_TIME_NS_TOTAL, waits.total().sum);
        let exhausted = [
            &client::BUFFER_EXHAUSTED_RATE,
            &client::BUFFER_EXHAUSTED_TOTAL,
        ];
        write_meter(&self.exhausted, exhausted, now, sampling, to);
    }
}

impl Logins {
    fn write(&self, now: Instant, sampling: Sampling, to: &mut Writer<'_>) {
        let meters = [
            (
                &self.accepted,
                &client::SUCCESSFUL_AUTHENTICATION_RATE,
                &client::SUCCESSFUL_AUTHENTICATION_TOTAL,
            ),
            (
                &self.refused,
                &client::FAILED_AUTHENTICATION_RATE,
                &client::FAILED_AUTHENTICATION_TOTAL,
            ),
            (
                &self.renewed,
                &client::SUCCESSFUL_REAUTHENTICATION_RATE,
                &client::SUCCESSFUL_REAUTHENTICATION_TOTAL,
            ),
            (
                &self.not_renewed,
                &client::FAILED_REAUTHENTICATION_RATE,
                &client::FAILED_REAUTHENTICATION_TOTAL,
            ),
        ];
        for (meter, rate, total) in meters {
            write_meter(meter, [rate, total], now, sampling, to);
        }
        to.total(
            &client::SUCCESSFUL_AUTHENTICATION_NO_REAUTH_TOTAL,
            self.accepted.total().sum,
        );
        let renewal = self.renewal_ms.recent(now, sampling);
        to.gauge(&client::REAUTHENTICATION_LATENCY_AVG, renewal.average());
        to.gauge(&client::REAUTHENTICATION_LATENCY_MAX, renewal.maximum());
    }
}

fn write_calls(callers: &CallerCounters, to: &mut Writer<'_>) {
    for (wait, total) in [
        (Wait::Flush, &client::FLUSH_TIME_NS_TOTAL),
        (Wait::Metadata, &client::METADATA_WAIT_TIME_NS_TOTAL),
        (Wait::Init, &client::TXN_INIT_TIME_NS_TOTAL),
        (Wait::Begin, &client::TXN_BEGIN_TIME_NS_TOTAL),
        (Wait::SendOffsets, &client::TXN_SEND_OFFSETS_TIME_NS_TOTAL),
        (Wait::Prepare, &client::TXN_PREPARE_TIME_NS_TOTAL),
        (Wait::Commit, &client::TXN_COMMIT_TIME_NS_TOTAL),
        (Wait::Abort, &client::TXN_ABORT_TIME_NS_TOTAL),
    ] {
        to.total(total, callers.spent_ns(wait) as f64);
    }
}

/// Of all brokers together: how long responses took, and how long to leave brokers alone for.
pub(super) fn write_responses([latency, throttle]: [Tally; 2], to: &mut Writer<'_>) {
    to.gauge(&client::REQUEST_LATENCY_AVG, latency.average());
    to.gauge(&client::REQUEST_LATENCY_MAX, latency.maximum());
    to.gauge(&client::PRODUCE_THROTTLE_TIME_AVG, throttle.average());
    to.gauge(&client::PRODUCE_THROTTLE_TIME_MAX, throttle.maximum());
}

/// How much a second, and how much in all.
pub(super) fn write_meter(
    meter: &Meter,
    [rate, total]: [&'static Definition; 2],
    now: Instant,
    sampling: Sampling,
    to: &mut Writer<'_>,
) {
    to.gauge(rate, meter.rate(now, sampling));
    to.total(total, meter.total().sum);
}

const NS_PER_S: f64 = 1e9;
