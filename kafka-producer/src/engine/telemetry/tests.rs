//! What is gathered, as a broker reads it.

#![cfg(all(feature = "telemetry", feature = "zstd"))]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka_wire::compression::{Compression, decompress};
use prost::Message;

use super::gathering::Order;
use super::otlp::{AggregationTemporality, Any, Data, MetricsData, Number, NumberDataPoint};
use super::subscription::{Subscription, Temporality, Wanted};
use super::*;
use crate::metrics::{
    ApplicationMetric, Metric, MetricValue, MetricsSnapshot, RegisteredMetric, Tags,
};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn metric(name: &'static str, tags: &[(&'static str, &str)], value: MetricValue) -> Metric {
    let tags: Vec<(&'static str, Arc<str>)> = tags
        .iter()
        .map(|(tag, value)| (*tag, Arc::from(*value)))
        .collect();
    Metric {
        group: "producer-metrics",
        name,
        description: "",
        tags: Tags::of(tags),
        value,
        since: at(1),
    }
}

/// A counter of so many for the client, and one for a topic.
fn snapshot(seconds: u64, sent: f64) -> MetricsSnapshot {
    let client = ("client-id", "shop");
    let topic = ("topic", "orders");
    let metrics = vec![
        metric("record-send-total", &[client], MetricValue::Total(sent)),
        metric(
            "record-send-total",
            &[client, topic],
            MetricValue::Total(sent),
        ),
        metric("request-latency-avg", &[client], MetricValue::Gauge(2.5)),
        metric("batch-size-avg", &[client], MetricValue::Gauge(f64::NAN)),
        metric("version", &[client], MetricValue::Text("1".into())),
    ];
    MetricsSnapshot::new(at(seconds), metrics)
}

fn order(temporality: Temporality) -> Order {
    let subscription = Subscription {
        id: 1,
        interval: Duration::from_secs(1),
        compression: Compression::Zstd,
        temporality,
        max_bytes: 1 << 20,
        wanted: Wanted::All,
    };
    Order {
        subscription: Arc::new(subscription),
        registered: Vec::new(),
        labels: vec![("client_rack", "r1".into())],
        before: Arc::default(),
    }
}

fn read(gathered: &Gathered) -> MetricsData {
    let bytes = decompress(gathered.compression, &gathered.metrics, 1 << 20).unwrap();
    MetricsData::decode(&*bytes).unwrap()
}

/// Name, attributes, start, and value of each point.
fn points(data: &MetricsData) -> Vec<(String, String, u64, f64)> {
    let mut all = Vec::new();
    for metric in &data.resource_metrics[0].scope_metrics[0].metrics {
        let name = metric.name.strip_prefix("org.apache.kafka.").unwrap();
        let numbers = match metric.data.as_ref().unwrap() {
            Data::Gauge(gauge) => &gauge.data_points,
            Data::Sum(sum) => &sum.data_points,
        };
        all.extend(numbers.iter().map(|point| told(name, point)));
    }
    all
}

fn told(name: &str, point: &NumberDataPoint) -> (String, String, u64, f64) {
    let attributes = point.attributes.iter().map(|pair| {
        let Some(Any::StringValue(value)) = &pair.value.as_ref().unwrap().value else {
            panic!("attributes are texts");
        };
        format!("{}={value}", pair.key)
    });
    let Some(Number::AsDouble(value)) = point.value else {
        panic!("a point has a value");
    };
    let start_s = point.start_time_unix_nano / 1_000_000_000;
    (name.to_owned(), attributes.collect(), start_s, value)
}

fn expected(name: &str, attributes: &str, start_s: u64, value: f64) -> (String, String, u64, f64) {
    (name.to_owned(), attributes.to_owned(), start_s, value)
}

const SENT: &str = "producer.record.send.total";
const LATENCY: &str = "producer.request.latency.avg";

#[test]
fn totals_are_told_since_the_beginning_or_since_the_last_push() {
    for (temporality, second) in [
        (Temporality::Cumulative, (1, 7.0)),
        (Temporality::Delta, (10, 2.0)),
    ] {
        let first = order(temporality).gather(&snapshot(10, 5.0)).unwrap();
        let data = read(&first);
        assert_eq!(
            points(&data),
            [
                expected(SENT, "", 1, 5.0),
                expected(SENT, "topic=orders", 1, 5.0),
                expected(LATENCY, "", 0, 2.5),
            ]
        );
        let resource = data.resource_metrics[0].resource.as_ref().unwrap();
        assert_eq!(resource.attributes[0].key, "client_rack");
        let Some(Data::Sum(sum)) = &data.resource_metrics[0].scope_metrics[0].metrics[0].data
        else {
            panic!("a total is a sum");
        };
        let as_told = match temporality {
            Temporality::Delta => AggregationTemporality::Delta,
            Temporality::Cumulative => AggregationTemporality::Cumulative,
        };
        assert_eq!(
            (sum.aggregation_temporality(), sum.is_monotonic),
            (as_told, true)
        );
        let mut next = order(temporality);
        next.before = Arc::new(first.totals);
        let (start_s, value) = second;
        let told = points(&read(&next.gather(&snapshot(20, 7.0)).unwrap()));
        assert_eq!(told[0], expected(SENT, "", start_s, value));
        assert_eq!(told[1], expected(SENT, "topic=orders", start_s, value));
    }
}

#[test]
fn what_is_too_large_is_cut_down_to_the_client_and_what_was_left_out_comes_later() {
    let mut small = order(Temporality::Delta);
    let five = snapshot(10, 5.0);
    let mut subscription = Subscription::clone(&small.subscription);
    subscription.compression = Compression::None;
    let whole = |order: &Order| order.gather(&five).unwrap().metrics.len();
    small.subscription = Arc::new(subscription.clone());
    subscription.max_bytes = whole(&small) - 1;
    small.subscription = Arc::new(subscription.clone());
    let gathered = small.gather(&five).unwrap();
    let told = points(&read(&gathered));
    assert_eq!(
        told,
        [expected(SENT, "", 1, 5.0), expected(LATENCY, "", 0, 2.5)]
    );
    // There is room again.
    let mut next = order(Temporality::Delta);
    next.before = Arc::new(gathered.totals);
    let told = points(&read(&next.gather(&snapshot(20, 7.0)).unwrap()));
    assert_eq!(told[0], expected(SENT, "", 10, 2.0));
    assert_eq!(told[1], expected(SENT, "topic=orders", 1, 7.0));
    subscription.max_bytes = 10;
    small.subscription = Arc::new(subscription);
    assert!(small.gather(&five).is_none(), "nothing fits");
}

#[test]
fn the_programs_metrics_are_beside_the_producers_and_a_panic_is_no_value() {
    let registered = |metric: ApplicationMetric| RegisteredMetric {
        metric: Arc::new(metric),
        since: at(5),
    };
    let mut order = order(Temporality::Delta);
    order.registered = vec![
        registered(
            ApplicationMetric::total("shop-metrics", "orders-total", || 3.0).tag("shop", "7"),
        ),
        registered(ApplicationMetric::gauge("shop-metrics", "broken", || {
            panic!("by a test")
        })),
        // This is the producer's.
        registered(ApplicationMetric::gauge(
            "producer-metrics",
            "record-send-total",
            || 99.0,
        )),
    ];
    let told = points(&read(&order.gather(&snapshot(10, 5.0)).unwrap()));
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.contains(&expected("shop.orders.total", "shop=7", 5, 3.0)));
    assert!(told.contains(&expected(SENT, "", 1, 5.0)));
}

#[test]
fn a_total_that_is_not_wanted_for_a_while_is_not_told_twice() {
    let first = order(Temporality::Delta)
        .gather(&snapshot(10, 5.0))
        .unwrap();
    let mut other = order(Temporality::Delta);
    let mut subscription = Subscription::clone(&other.subscription);
    subscription.wanted = Wanted::Prefixes(vec!["org.apache.kafka.producer.request".to_owned()]);
    other.subscription = Arc::new(subscription);
    other.before = Arc::new(first.totals);
    let second = other.gather(&snapshot(20, 6.0)).unwrap();
    assert_eq!(points(&read(&second)), [expected(LATENCY, "", 0, 2.5)]);
    let mut third = order(Temporality::Delta);
    third.before = Arc::new(second.totals);
    assert_eq!(
        points(&read(&third.gather(&snapshot(30, 9.0)).unwrap()))[0],
        expected(SENT, "", 10, 4.0)
    );
}
