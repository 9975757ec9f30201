//! All metrics of one producer at one moment.

use std::fmt;
use std::time::SystemTime;

use super::metric::Metric;

/// All metrics of a producer, as they were at one moment.
///
/// ```
/// use kafka_producer::metrics::MetricsSnapshot;
///
/// fn watch(metrics: &MetricsSnapshot) {
///     let errors = metrics.number("producer-metrics", "record-error-total", &[]);
///     println!("{errors:?} records have failed");
///     let orders = metrics.number("producer-topic-metrics", "byte-rate", &[("topic", "orders")]);
///     println!("{orders:?} bytes a second to orders");
///     for metric in metrics {
///         println!("{}:{} {} = {}", metric.group, metric.name, metric.tags, metric.value);
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct MetricsSnapshot {
    taken_at: SystemTime,
    metrics: Vec<Metric>,
}

impl MetricsSnapshot {
    pub(crate) fn new(taken_at: SystemTime, metrics: Vec<Metric>) -> Self {
        Self { taken_at, metrics }
    }

    /// When it was taken.
    ///
    /// ```
    /// # fn example(metrics: &kafka_producer::metrics::MetricsSnapshot) {
    /// println!("{} seconds ago", metrics.taken_at().elapsed().unwrap_or_default().as_secs());
    /// # }
    /// ```
    pub fn taken_at(&self) -> SystemTime {
        self.taken_at
    }

    /// The metrics, sorted by group, then by tags: those of a topic or a broker follow each other.
    ///
    /// ```
    /// # fn example(metrics: &kafka_producer::metrics::MetricsSnapshot) {
    /// let of_topics = metrics.iter().filter(|metric| metric.group == "producer-topic-metrics");
    /// for metric in of_topics {
    ///     println!("{} {}: {}", metric.tags, metric.name, metric.value);
    /// }
    /// # }
    /// ```
    pub fn iter(&self) -> std::slice::Iter<'_, Metric> {
        self.metrics.iter()
    }

    /// The first metric of this group and name that has these tags, and perhaps others.
    ///
    /// ```
    /// # use kafka_producer::metrics::MetricsSnapshot;
    /// fn latency(metrics: &MetricsSnapshot, broker: i32) -> Option<f64> {
    ///     let node = format!("node-{broker}");
    ///     let metric = metrics.find("producer-node-metrics", "request-latency-avg", &[("node-id", &node)]);
    ///     metric?.value.number()
    /// }
    /// ```
    pub fn find(&self, group: &str, name: &str, tags: &[(&str, &str)]) -> Option<&Metric> {
        self.metrics.iter().find(|metric| {
            let has = |(tag, value): &(&str, &str)| metric.tags.get(tag) == Some(*value);
            metric.name == name && metric.group == group && tags.iter().all(has)
        })
    }

    /// The number of such a metric.
    ///
    /// ```
    /// # fn example(metrics: &kafka_producer::metrics::MetricsSnapshot) {
    /// let failed = metrics.number("producer-metrics", "record-error-total", &[]);
    /// let of_orders = metrics.number("producer-topic-metrics", "record-error-total", &[("topic", "orders")]);
    /// # }
    /// ```
    pub fn number(&self, group: &str, name: &str, tags: &[(&str, &str)]) -> Option<f64> {
        self.find(group, name, tags)
            .and_then(|metric| metric.value.number())
    }

    /// How many there are.
    ///
    /// ```
    /// # fn example(metrics: &kafka_producer::metrics::MetricsSnapshot) {
    /// println!("{} metrics", metrics.len());
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.metrics.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// # fn example(metrics: &kafka_producer::metrics::MetricsSnapshot) {
    /// assert!(!metrics.is_empty()); // those of the client are always there
    /// # }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }
}

impl<'a> IntoIterator for &'a MetricsSnapshot {
    type Item = &'a Metric;
    type IntoIter = std::slice::Iter<'a, Metric>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for MetricsSnapshot {
    type Item = Metric;
    type IntoIter = std::vec::IntoIter<Metric>;

    fn into_iter(self) -> Self::IntoIter {
        self.metrics.into_iter()
    }
}

/// Of several producers, for example.
impl Extend<Metric> for MetricsSnapshot {
    fn extend<I: IntoIterator<Item = Metric>>(&mut self, metrics: I) {
        self.metrics.extend(metrics);
    }
}

/// A line for each metric: `producer-metrics:record-send-total{client-id=shop} 42`.
impl fmt::Display for MetricsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.metrics.iter().try_for_each(|metric| {
            let Metric {
                group,
                name,
                tags,
                value,
                ..
            } = metric;
            writeln!(f, "{group}:{name}{{{tags}}} {value}")
        })
    }
}
