//! Who is given the metrics of a producer again and again, without asking.

use std::time::Duration;

use super::snapshot::MetricsSnapshot;

/// Gets the metrics of a producer at an interval, and once more when the producer has ended
/// ([`ProducerBuilder::metrics_reporter`](crate::ProducerBuilder::metrics_reporter), and by its name in
/// `metric.reporters` with [`Plugins::metrics_reporter`](crate::config::Plugins::metrics_reporter)).
///
/// It is called on a thread of its own, on which it may block; records wait for nothing that it does. A panic of it
/// is logged as a warning, and it is called again when its time has come.
///
/// A closure is one, too, with the interval that is given by default.
///
/// ```
/// use std::time::Duration;
/// use kafka_producer::Producer;
/// use kafka_producer::metrics::{MetricsReporter, MetricsSnapshot};
///
/// struct EachMinute;
///
/// impl MetricsReporter for EachMinute {
///     fn interval(&self) -> Duration {
///         Duration::from_secs(60)
///     }
///
///     fn report(&mut self, metrics: &MetricsSnapshot) {
///         println!("{metrics}");
///     }
/// }
///
/// let builder = Producer::<str, str>::builder().metrics_reporter(EachMinute);
/// ```
pub trait MetricsReporter: Send {
    /// How long to wait between two reports: half a minute, if this is not said. Less than a millisecond counts as
    /// one.
    fn interval(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Gets the metrics of now.
    fn report(&mut self, metrics: &MetricsSnapshot);
}

impl<F: FnMut(&MetricsSnapshot) + Send> MetricsReporter for F {
    fn report(&mut self, metrics: &MetricsSnapshot) {
        self(metrics);
    }
}
