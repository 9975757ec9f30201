//! A program's own metrics, which are pushed to brokers beside the producer's (KIP-1076).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A metric of the program that uses the producer, to be pushed to brokers that ask for metrics
/// (`Producer::register_metric_for_subscription`).
///
/// Brokers know it as `org.apache.kafka.`, the group, a dot and the name, both in lower case, with dots for dashes,
/// and without `-metrics`.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use kafka_producer::metrics::ApplicationMetric;
///
/// let orders = Arc::new(AtomicU64::new(0));
/// let seen = Arc::clone(&orders);
/// let total = move || seen.load(Ordering::Relaxed) as f64;
/// let metric = ApplicationMetric::total("shop-metrics", "orders-total", total).tag("shop", "7");
/// orders.fetch_add(1, Ordering::Relaxed);
/// assert_eq!(metric.value(), 1.0);
/// ```
pub struct ApplicationMetric {
    group: String,
    name: String,
    tags: Vec<(String, String)>,
    kind: ApplicationMetricKind,
    read: Box<dyn Fn() -> f64 + Send + Sync>,
}

/// What its value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplicationMetricKind {
    /// What is so now.
    Gauge,
    /// A sum that never goes down.
    Total,
}

impl ApplicationMetric {
    /// A number that goes up and down. It is read for each push, on a thread that does nothing else; a panic is
    /// the same as no value.
    ///
    /// ```
    /// use kafka_producer::metrics::ApplicationMetric;
    ///
    /// let metric = ApplicationMetric::gauge("shop-metrics", "open-orders", || 3.0);
    /// assert_eq!(metric.to_string(), "shop-metrics:open-orders{}");
    /// ```
    pub fn gauge(
        group: impl Into<String>,
        name: impl Into<String>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self::new(
            ApplicationMetricKind::Gauge,
            group.into(),
            name.into(),
            Box::new(read),
        )
    }

    /// A sum that only grows, and counts from its registration on.
    ///
    /// ```
    /// use kafka_producer::metrics::ApplicationMetric;
    ///
    /// let metric = ApplicationMetric::total("shop-metrics", "orders-total", || 42.0);
    /// assert_eq!(metric.value(), 42.0);
    /// ```
    pub fn total(
        group: impl Into<String>,
        name: impl Into<String>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self::new(
            ApplicationMetricKind::Total,
            group.into(),
            name.into(),
            Box::new(read),
        )
    }

    fn new(
        kind: ApplicationMetricKind,
        group: String,
        name: String,
        read: Box<dyn Fn() -> f64 + Send + Sync>,
    ) -> Self {
        let tags = Vec::new();
        Self {
            group,
            name,
            tags,
            kind,
            read,
        }
    }

    /// The same with another tag, which tells it from others of its name.
    ///
    /// ```
    /// use kafka_producer::metrics::ApplicationMetric;
    ///
    /// let metric = ApplicationMetric::gauge("shop-metrics", "open-orders", || 3.0).tag("shop", "7");
    /// assert_eq!(metric.to_string(), "shop-metrics:open-orders{shop=7}");
    /// ```
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((name.into(), value.into()));
        self
    }

    /// What it is now.
    ///
    /// ```
    /// use kafka_producer::metrics::ApplicationMetric;
    ///
    /// assert_eq!(ApplicationMetric::gauge("shop-metrics", "open-orders", || 3.0).value(), 3.0);
    /// ```
    pub fn value(&self) -> f64 {
        (self.read)()
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn tags(&self) -> &[(String, String)] {
        &self.tags
    }

    pub(crate) fn kind(&self) -> ApplicationMetricKind {
        self.kind
    }

    fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.group == other.group && self.tags == other.tags
    }
}

/// `group:name{tag=value}`.
impl fmt::Display for ApplicationMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{{", self.group, self.name)?;
        for (number, (name, value)) in self.tags.iter().enumerate() {
            let before = if number == 0 { "" } else { "," };
            write!(f, "{before}{name}={value}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for ApplicationMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApplicationMetric({self}, {:?})", self.kind)
    }
}

/// A metric that was registered, and when.
#[derive(Clone, Debug)]
pub(crate) struct RegisteredMetric {
    pub(crate) metric: Arc<ApplicationMetric>,
    pub(crate) since: SystemTime,
}

/// The metrics of the program that are registered with one producer.
#[derive(Debug, Default)]
pub(crate) struct ApplicationMetrics {
    registered: Mutex<Vec<RegisteredMetric>>,
}

#[cfg_attr(
    not(feature = "tokio"),
    allow(dead_code, reason = "they are registered with a producer")
)]
impl ApplicationMetrics {
    /// Adds a metric; one of the same group, name and tags is replaced.
    pub(crate) fn register(&self, metric: Arc<ApplicationMetric>, since: SystemTime) {
        let mut all = self.lock();
        let at = all.iter().position(|other| other.metric.is(&metric));
        let added = RegisteredMetric { metric, since };
        let replaced = match at {
            Some(at) => Some(std::mem::replace(&mut all[at], added)),
            None => {
                all.push(added);
                None
            }
        };
        drop(all);
        // What the program's closures hold is dropped while nothing is locked.
        drop(replaced);
    }

    /// Takes a metric back; whether it was there.
    pub(crate) fn unregister(&self, metric: &Arc<ApplicationMetric>) -> bool {
        let mut all = self.lock();
        let at = all
            .iter()
            .position(|other| Arc::ptr_eq(&other.metric, metric));
        let removed = at.map(|at| all.remove(at));
        drop(all);
        removed.is_some()
    }

    pub(crate) fn all(&self) -> Vec<RegisteredMetric> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RegisteredMetric>> {
        self.registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_of_the_same_name_and_tags_takes_the_place_of_the_earlier() {
        let all = ApplicationMetrics::default();
        let now = SystemTime::UNIX_EPOCH;
        let gauge = |value: f64| ApplicationMetric::gauge("shop", "open", move || value);
        let first = Arc::new(gauge(1.0));
        all.register(Arc::clone(&first), now);
        all.register(Arc::new(gauge(2.0)), now);
        all.register(Arc::new(gauge(3.0).tag("shop", "7")), now);
        let values: Vec<f64> = all.all().iter().map(|it| it.metric.value()).collect();
        assert_eq!(values, [2.0, 3.0]);
        assert!(!all.unregister(&first), "it was replaced");
        let second = Arc::clone(&all.all()[0].metric);
        assert!(all.unregister(&second));
        assert_eq!(all.all().len(), 1);
    }
}
