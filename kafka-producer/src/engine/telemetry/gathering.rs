//! Gathering the metrics for one push, on any thread but the producer's: it takes as long as the metrics are many,
//! and calls the program's own code (KIP-1076).
//!
//! ```text
//! snapshot of the producer's metrics ─┐
//! the program's metrics ──────────────┴▶ those that are wanted ▶ what was added ▶ OTLP ▶ compressed ▶ Gathered
//! ```
//!
//! The engine orders it ([`Action::GatherMetrics`](crate::engine::Action::GatherMetrics)) and is told the result by
//! a command. It never touches records or connections.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use hashbrown::HashSet;
use kafka_accumulator::{Accumulator, catch_panic};
use kafka_wire::compression::{Compression, CompressionLevel, compress};

use super::gathered::Gathered;
use super::names::{attribute, full_name, is_known_to_brokers};
#[cfg(feature = "telemetry")]
use super::otlp;
#[cfg(not(feature = "telemetry"))]
use super::otlp_absent as otlp;
use super::point::{Point, Reading};
use super::subscription::{Subscription, Temporality};
use super::totals::{Added, Series, Total, Totals};
use crate::engine::handle::{Command, EngineHandle};
use crate::error::DeliveryError;
use crate::metrics::{ApplicationMetricKind, MetricValue, MetricsSnapshot, RegisteredMetric};
use crate::settings::Settings;

/// Metrics that are to be gathered for a push.
///
/// Dropped without being run, it tells the engine that nothing was gathered.
#[must_use = "the engine waits for what it gathers"]
pub struct Gathering {
    order: Option<(Order, Source)>,
    handle: Arc<EngineHandle>,
}

/// Where the producer's own metrics are read.
pub(crate) struct Source {
    pub(crate) settings: Arc<Settings>,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    /// The time by both clocks.
    pub(crate) now: Instant,
    pub(crate) wall: SystemTime,
}

/// What is to be gathered, and how.
pub(super) struct Order {
    pub(super) subscription: Arc<Subscription>,
    /// The program's.
    pub(super) registered: Vec<RegisteredMetric>,
    /// What tells this producer from others, beside what brokers know.
    pub(super) labels: Vec<(&'static str, Arc<str>)>,
    /// As of the last push that was taken.
    pub(super) before: Arc<Totals>,
}

/// Which metrics there is room for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    ForAll,
    /// Those of the client as a whole: not those of each topic, broker and the like.
    ForTheClientOnly,
}

impl Gathering {
    pub(super) fn new(order: Order, source: Source, handle: Arc<EngineHandle>) -> Self {
        Self {
            order: Some((order, source)),
            handle,
        }
    }

    /// Gathers them, and rings the doorbell of the engine.
    pub fn run(mut self) {
        if let Some((order, source)) = self.order.take() {
            let snapshot = source.read(&self.handle);
            // Code of the program may take long: it keeps nothing of the producer's meanwhile.
            drop(source);
            let gathered = catch_panic(|| order.gather(&snapshot)).ok().flatten();
            self.handle.ask(Command::Gathered(gathered));
        }
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        if self.order.take().is_some() {
            self.handle.ask(Command::Gathered(None));
        }
    }
}

impl fmt::Debug for Gathering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathering").finish_non_exhaustive()
    }
}

impl Source {
    fn read(&self, handle: &EngineHandle) -> MetricsSnapshot {
        let measurements = handle.measurements();
        measurements.snapshot(&self.settings, &self.accumulator, self.now, self.wall)
    }
}

impl Order {
    /// `None` if the broker takes less than there is, whatever is left out.
    pub(super) fn gather(&self, snapshot: &MetricsSnapshot) -> Option<Gathered> {
        let measured = self.measured(snapshot);
        let now = snapshot.taken_at();
        let all = self.encoded(&measured, now, Room::ForAll);
        all.or_else(|| self.encoded(&measured, now, Room::ForTheClientOnly))
    }

    fn encoded(&self, measured: &[Measured], now: SystemTime, room: Room) -> Option<Gathered> {
        let mut totals = Totals::default();
        let mut points = Vec::new();
        for Measured { point, total } in measured {
            let series = &point.series;
            let fits = room == Room::ForAll || series.attributes.is_empty();
            let is_pushed = fits && self.subscription.wanted.includes(&series.name);
            if is_pushed {
                points.push(point.clone());
            }
            match (point.reading, total) {
                (Reading::Delta(_), Some(total)) if is_pushed => {
                    totals.note(series.clone(), now, *total);
                }
                (Reading::Delta(_), _) => totals.carry_over(series.clone(), &self.before),
                (Reading::Gauge(_) | Reading::Cumulative(_), _) => {}
            }
        }
        let labels = self.labels.iter().map(|(key, value)| (*key, &**value));
        let labels: Vec<(&str, &str)> = labels.collect();
        let encoded = otlp::encode(&points, &labels, now);
        let (metrics, compression) = compressed(encoded, self.subscription.compression);
        (metrics.len() <= self.subscription.max_bytes).then(|| Gathered {
            metrics: metrics.into(),
            compression,
            totals,
        })
    }

    /// All that has a number. The program's metrics do not stand in for the producer's.
    fn measured(&self, snapshot: &MetricsSnapshot) -> Vec<Measured> {
        let own = snapshot.iter().filter_map(|metric| {
            let series = series(metric.group, metric.name, metric.tags.iter());
            Some(match &metric.value {
                MetricValue::Gauge(value) => Measured::gauge(series, *value),
                MetricValue::Total(value) => self.total(series, *value, metric.since),
                MetricValue::Text(_) => return None,
            })
        });
        let mut measured: Vec<Measured> = own.filter(Measured::is_number).collect();
        if self.registered.is_empty() {
            return measured;
        }
        let own: HashSet<Series> = measured.iter().map(|it| it.point.series.clone()).collect();
        let others = self.registered.iter().filter_map(|it| self.registered(it));
        let others = others.filter(|it| it.is_number() && !own.contains(&it.point.series));
        measured.extend(others);
        measured
    }

    /// A metric of the program, unless reading it panics.
    fn registered(&self, registered: &RegisteredMetric) -> Option<Measured> {
        let metric = &registered.metric;
        let tags = metric.tags().iter();
        let tags = tags.map(|(name, value)| (name.as_str(), value.as_str()));
        let series = series(metric.group(), metric.name(), tags);
        let value = catch_panic(|| metric.value()).ok()?;
        Some(match metric.kind() {
            ApplicationMetricKind::Gauge => Measured::gauge(series, value),
            ApplicationMetricKind::Total => self.total(series, value, registered.since),
        })
    }

    fn total(&self, series: Series, value: f64, since: SystemTime) -> Measured {
        let total = Total { value, since };
        let reading = match self.subscription.temporality {
            Temporality::Delta => Reading::Delta(self.before.added(&series, total)),
            Temporality::Cumulative => Reading::Cumulative(Added { since, value }),
        };
        Measured {
            point: Point { series, reading },
            total: Some(total),
        }
    }
}

fn series<'a, 'b>(
    group: &str,
    name: &str,
    tags: impl Iterator<Item = (&'a str, &'b str)>,
) -> Series {
    let tags = tags.filter(|(tag, _)| !is_known_to_brokers(tag));
    let attributes = tags.map(|(tag, value)| (attribute(tag), value.to_owned()));
    Series {
        name: full_name(group, name),
        attributes: attributes.collect(),
    }
}

/// A metric as it is pushed, and with it the total that it comes from.
struct Measured {
    point: Point,
    total: Option<Total>,
}

impl Measured {
    fn gauge(series: Series, value: f64) -> Self {
        let reading = Reading::Gauge(value);
        Self {
            point: Point { series, reading },
            total: None,
        }
    }

    /// Whether anything was measured.
    fn is_number(&self) -> bool {
        match self.point.reading {
            Reading::Gauge(value) => !value.is_nan(),
            Reading::Cumulative(added) | Reading::Delta(added) => !added.value.is_nan(),
        }
    }
}

/// Compressed, if the codec can do it.
fn compressed(bytes: Vec<u8>, codec: Compression) -> (Vec<u8>, Compression) {
    let mut out = Vec::new();
    let level = CompressionLevel::default_of(codec);
    match compress(codec, level, &bytes, &mut out) {
        Ok(()) => (out, codec),
        Err(_) => (bytes, Compression::None),
    }
}
