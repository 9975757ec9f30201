//! All measurements of a producer, shared by its engine and those who read them; and how they are read.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use kafka_accumulator::Accumulator;

use super::callers::CallerCounters;
use super::client::{ClientMeasurements, write_responses};
use super::parts::{NodeMeasurements, TopicMeasurements};
use super::windows::{Counted, Tally};
use crate::engine::cluster::node_id::NodeId;
use crate::error::DeliveryError;
use crate::metrics::definition::{app, client as names, count};
use crate::metrics::{Metric, MetricsSnapshot, Tags, Writer};
use crate::settings::Settings;

/// All measurements of a producer, as its engine and its handles share them.
#[derive(Debug, Default)]
pub struct Measurements {
    callers: CallerCounters,
    pub(super) client: Mutex<ClientMeasurements>,
    pub(super) topics: Parts<Arc<str>, TopicMeasurements>,
    pub(super) nodes: Parts<NodeId, NodeMeasurements>,
    /// Requests without an answer.
    pub(super) in_flight: AtomicI64,
    pub(super) begun: OnceLock<Instant>,
    /// A moment by both clocks.
    clocks: OnceLock<(Instant, SystemTime)>,
}

/// Measurements of things of one kind, for readers.
pub(super) type Parts<N, M> = Mutex<Vec<Arc<Part<N, M>>>>;

/// One of them.
#[derive(Debug)]
pub(super) struct Part<N, M> {
    pub(super) name: N,
    pub(super) since: Instant,
    pub(super) measured: Mutex<M>,
}

impl Measurements {
    /// What callers' threads count.
    pub(crate) fn callers(&self) -> &CallerCounters {
        &self.callers
    }

    /// All of them as they are now, by both clocks.
    pub(crate) fn snapshot(
        &self,
        settings: &Settings,
        accumulator: &Accumulator<DeliveryError>,
        now: Instant,
        wall: SystemTime,
    ) -> MetricsSnapshot {
        let mut metrics = Vec::new();
        let client_id = ("client-id", Arc::clone(&settings.client_id));
        let tags = Tags::of([client_id.clone()]);
        let since = self.wall_clock(self.begun.get().copied().unwrap_or(now), now, wall);
        let sampling = settings.sampling;

        let mut writer = Writer::new(&mut metrics, tags.clone(), since);
        write_app(&mut writer, since);
        // A copy: what callers count goes into it, but only the engine records.
        let mut client = ClientMeasurements::clone(&lock(&self.client));
        client.take_in(&self.callers, now, sampling);
        client.write(&self.callers, now, sampling, &mut writer);
        let in_flight = self.in_flight.load(Ordering::Relaxed).max(0);
        writer.gauge(&names::REQUESTS_IN_FLIGHT, in_flight as f64);
        write_memory(accumulator, &mut writer);
        let nodes = lock(&self.nodes).clone();
        let mut responses = [Tally::default(); 2];
        for node in nodes {
            let id = format!("node-{}", node.name.0).into();
            let tags = Tags::of([client_id.clone(), ("node-id", id)]);
            let since = self.wall_clock(node.since, now, wall);
            let mut writer = Writer::new(&mut metrics, tags, since);
            let node = lock(&node.measured);
            node.write(now, sampling, &mut writer);
            responses[0].add(&node.latency_ms.recent(now, sampling));
            responses[1].add(&node.throttle_ms.recent(now, sampling));
        }
        let topics = lock(&self.topics).clone();
        for topic in topics {
            let tags = Tags::of([client_id.clone(), ("topic", Arc::clone(&topic.name))]);
            let since = self.wall_clock(topic.since, now, wall);
            let mut writer = Writer::new(&mut metrics, tags, since);
            lock(&topic.measured).write(now, sampling, &mut writer);
        }
        let mut writer = Writer::new(&mut metrics, tags, since);
        write_responses(responses, &mut writer);
        let others = writer.written();
        writer.gauge(&count::COUNT, (others + 1) as f64);
        metrics.sort_by(in_order);
        MetricsSnapshot::new(wall, metrics)
    }

    /// What the system's clock has shown at a moment: the same at each call.
    fn wall_clock(&self, at: Instant, now: Instant, wall: SystemTime) -> SystemTime {
        let (then, shown) = *self.clocks.get_or_init(|| (now, wall));
        let moment = match at.checked_duration_since(then) {
            Some(later) => shown.checked_add(later),
            None => shown.checked_sub(then.saturating_duration_since(at)),
        };
        moment.unwrap_or(shown)
    }
}

/// By group, then by tags, then by name.
fn in_order(a: &Metric, b: &Metric) -> std::cmp::Ordering {
    (a.group, &a.tags, a.name).cmp(&(b.group, &b.tags, b.name))
}

fn write_app(to: &mut Writer<'_>, since: SystemTime) {
    to.text(&app::VERSION, env!("CARGO_PKG_VERSION"));
    to.text(
        &app::COMMIT_ID,
        option_env!("KAFKA_PRODUCER_COMMIT_ID").unwrap_or("unknown"),
    );
    let since = since.duration_since(SystemTime::UNIX_EPOCH);
    let start_ms = since.unwrap_or_default().as_millis() as f64;
    to.gauge(&app::START_TIME_MS, start_ms);
}

fn write_memory(accumulator: &Accumulator<DeliveryError>, to: &mut Writer<'_>) {
    let (total, used) = (accumulator.memory_total(), accumulator.memory_in_use());
    to.gauge(&names::BUFFER_TOTAL_BYTES, total as f64);
    let available = total.saturating_sub(used) as f64;
    to.gauge(&names::BUFFER_AVAILABLE_BYTES, available);
    to.gauge(&names::WAITING_THREADS, accumulator.waiting() as f64);
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What was left by a panic are numbers, which decide nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
