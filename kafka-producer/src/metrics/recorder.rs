//! Hands the metrics of a producer to the recorder of the crate `metrics`, whichever the program has installed.

use std::collections::HashSet;
use std::time::Duration;

use ::metrics::Label;

use super::metric::{Metric, MetricValue};
use super::prometheus::family;
use super::reporter::MetricsReporter;
use super::snapshot::MetricsSnapshot;

/// A [`MetricsReporter`] for programs that use the crate `metrics` (0.24): totals are its counters, all other numbers
/// its gauges, under the names that [`MetricsSnapshot::to_prometheus`] has, with the tags as labels. What is not a
/// number, because nothing was measured, is not recorded.
///
/// ```
/// use std::time::Duration;
/// use kafka_producer::Producer;
/// use kafka_producer::metrics::RecorderReporter;
///
/// let reporter = RecorderReporter::each(Duration::from_secs(10));
/// let builder = Producer::<str, str>::builder().metrics_reporter(reporter);
/// ```
#[derive(Debug)]
pub struct RecorderReporter {
    interval: Duration,
    /// Families that the recorder was told the meaning of.
    described: HashSet<String>,
}

impl RecorderReporter {
    /// One that hands them over at this interval.
    pub fn each(interval: Duration) -> Self {
        Self {
            interval,
            described: HashSet::new(),
        }
    }

    fn describe(&mut self, family: &str, metric: &Metric) {
        if self.described.contains(family) {
            return;
        }
        self.described.insert(family.to_owned());
        let family = family.to_owned();
        match metric.value {
            MetricValue::Total(_) => ::metrics::describe_counter!(family, metric.description),
            _ => ::metrics::describe_gauge!(family, metric.description),
        }
    }
}

impl MetricsReporter for RecorderReporter {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn report(&mut self, metrics: &MetricsSnapshot) {
        for metric in metrics {
            let family = family(metric);
            let labels = metric.tags.iter();
            let labels =
                labels.map(|(tag, value)| Label::new(tag.replace('-', "_"), value.to_owned()));
            let labels: Vec<Label> = labels.collect();
            match metric.value {
                MetricValue::Gauge(number) if !number.is_nan() => {
                    self.describe(&family, metric);
                    ::metrics::gauge!(family, labels).set(number);
                }
                MetricValue::Total(number) => {
                    self.describe(&family, metric);
                    ::metrics::counter!(family, labels).absolute(number as u64);
                }
                MetricValue::Gauge(_) | MetricValue::Text(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use ::metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder,
        SharedString, Unit,
    };

    use super::*;
    use crate::metrics::definition::{client, topic};
    use crate::metrics::{Tags, Writer};

    /// Keeps what it is told, as text.
    #[derive(Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    struct Named(String, Arc<Mutex<Vec<String>>>);

    impl Named {
        fn note(&self, what: &str) {
            self.1.lock().unwrap().push(format!("{} {what}", self.0));
        }
    }

    impl CounterFn for Named {
        fn increment(&self, value: u64) {
            self.note(&format!("+{value}"));
        }

        fn absolute(&self, value: u64) {
            self.note(&format!("= {value}"));
        }
    }

    impl GaugeFn for Named {
        fn increment(&self, value: f64) {
            self.note(&format!("+{value}"));
        }

        fn decrement(&self, value: f64) {
            self.note(&format!("-{value}"));
        }

        fn set(&self, value: f64) {
            self.note(&format!("is {value}"));
        }
    }

    impl Told {
        fn named(&self, key: &Key) -> Arc<Named> {
            let labels = key
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()));
            let labels: Vec<String> = labels.collect();
            let name = format!("{}{{{}}}", key.name(), labels.join(","));
            Arc::new(Named(name, Arc::clone(&self.0)))
        }

        fn describe(&self, name: &KeyName) {
            let name = name.as_str();
            self.0.lock().unwrap().push(format!("{name} is described"));
        }
    }

    impl Recorder for Told {
        fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
            self.describe(&name);
        }

        fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
            self.describe(&name);
        }

        fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
            self.describe(&name);
        }

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.named(key))
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.named(key))
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn totals_are_counters_and_numbers_gauges_and_each_is_described_once() {
        let mut metrics = Vec::new();
        let since = SystemTime::UNIX_EPOCH;
        let tags = Tags::from([("client-id", "till"), ("topic", "orders")]);
        let mut writer = Writer::new(&mut metrics, tags, since);
        writer.total(&topic::BYTE_TOTAL, 7.0);
        let mut writer = Writer::new(&mut metrics, Tags::from([("client-id", "till")]), since);
        writer.gauge(&client::BATCH_SIZE_AVG, f64::NAN);
        writer.gauge(&client::IO_RATIO, 0.5);
        let metrics = MetricsSnapshot::new(since, metrics);
        let told = Told::default();
        let mut reporter = RecorderReporter::each(Duration::from_secs(1));
        ::metrics::with_local_recorder(&told, || {
            reporter.report(&metrics);
            reporter.report(&metrics);
        });
        let bytes = "kafka_producer_topic_byte_total{client_id=till,topic=orders} = 7";
        let ratio = "kafka_producer_io_ratio{client_id=till} is 0.5";
        let expected = [
            "kafka_producer_topic_byte_total is described",
            bytes,
            "kafka_producer_io_ratio is described",
            ratio,
            bytes,
            ratio,
        ];
        assert_eq!(*told.0.lock().unwrap(), expected);
    }
}
