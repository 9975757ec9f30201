//! What a producer has measured, by the names that Kafka's Java client gives it.
//!
//! A [`MetricsSnapshot`] is a copy: it changes no more, and holds nothing up. What is counted, and when, is in
//! `engine/metrics`; here is what users read.

mod application;
pub(crate) mod definition;
mod metric;
mod prometheus;
#[cfg(feature = "metrics")]
mod recorder;
mod reporter;
mod snapshot;
mod writer;

pub use application::ApplicationMetric;
pub(crate) use application::{ApplicationMetricKind, ApplicationMetrics, RegisteredMetric};
pub use definition::{Definition, MetricKind, definitions};
pub use metric::{Metric, MetricValue, Tags};
#[cfg(feature = "metrics")]
pub use recorder::RecorderReporter;
pub use reporter::MetricsReporter;
pub use snapshot::MetricsSnapshot;
pub(crate) use writer::Writer;
