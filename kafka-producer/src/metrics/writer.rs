//! Puts the metrics of a snapshot together: whoever has measured something writes it here under its name.

use std::sync::Arc;
use std::time::SystemTime;

use super::definition::{Definition, MetricKind};
use super::metric::{Metric, MetricValue, Tags};

/// Writes metrics that have the same tags, and were measured from the same moment on.
pub(crate) struct Writer<'a> {
    metrics: &'a mut Vec<Metric>,
    tags: Tags,
    since: SystemTime,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(metrics: &'a mut Vec<Metric>, tags: Tags, since: SystemTime) -> Self {
        Self {
            metrics,
            tags,
            since,
        }
    }

    pub(crate) fn gauge(&mut self, definition: &'static Definition, value: f64) {
        debug_assert_eq!(definition.kind, MetricKind::Gauge, "{}", definition.name);
        self.write(definition, MetricValue::Gauge(value));
    }

    pub(crate) fn total(&mut self, definition: &'static Definition, value: f64) {
        debug_assert_eq!(definition.kind, MetricKind::Total, "{}", definition.name);
        self.write(definition, MetricValue::Total(value));
    }

    pub(crate) fn text(&mut self, definition: &'static Definition, value: impl Into<Arc<str>>) {
        debug_assert_eq!(definition.kind, MetricKind::Text, "{}", definition.name);
        self.write(definition, MetricValue::Text(value.into()));
    }

    /// How many metrics there are by now.
    pub(crate) fn written(&self) -> usize {
        self.metrics.len()
    }

    fn write(&mut self, definition: &'static Definition, value: MetricValue) {
        self.metrics.push(Metric {
            group: definition.group,
            name: definition.name,
            description: definition.description,
            tags: self.tags.clone(),
            value,
            since: self.since,
        });
    }
}
