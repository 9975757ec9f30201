//! Metrics as OpenTelemetry encodes them: the messages of `opentelemetry/proto/metrics/v1/metrics.proto` that are
//! needed, with the fields that Kafka's Java client sets.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use prost::{Enumeration, Message, Oneof};

use super::point::{Point, Reading};

/// `MetricsData` of these points.
pub(super) fn encode(points: &[Point], labels: &[(&str, &str)], now: SystemTime) -> Vec<u8> {
    let mut metrics: BTreeMap<&str, Metric> = BTreeMap::new();
    for point in points {
        let name = point.series.name.as_str();
        let metric = metrics.entry(name).or_insert_with(|| Metric::of(point));
        metric.push(number(point, now));
    }
    let resource = Resource {
        attributes: labels
            .iter()
            .map(|(key, value)| label(key, value))
            .collect(),
    };
    let scope = ScopeMetrics {
        metrics: metrics.into_values().collect(),
    };
    let data = MetricsData {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![scope],
        }],
    };
    data.encode_to_vec()
}

fn number(point: &Point, now: SystemTime) -> NumberDataPoint {
    let (since, value) = match point.reading {
        Reading::Gauge(value) => (None, value),
        Reading::Cumulative(added) | Reading::Delta(added) => (Some(added.since), added.value),
    };
    let attributes = point.series.attributes.iter();
    NumberDataPoint {
        start_time_unix_nano: since.map_or(0, unix_nano),
        time_unix_nano: unix_nano(now),
        attributes: attributes.map(|(key, value)| label(key, value)).collect(),
        value: Some(Number::AsDouble(value)),
    }
}

fn label(key: &str, value: &str) -> KeyValue {
    let value = AnyValue {
        value: Some(Any::StringValue(value.to_owned())),
    };
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
    }
}

fn unix_nano(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricsData {
    #[prost(message, repeated, tag = "1")]
    pub(super) resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceMetrics {
    #[prost(message, optional, tag = "1")]
    pub(super) resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub(super) scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ScopeMetrics {
    #[prost(message, repeated, tag = "2")]
    pub(super) metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(oneof = "Data", tags = "5, 7")]
    pub(super) data: Option<Data>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Data {
    #[prost(message, tag = "5")]
    Gauge(Gauge),
    #[prost(message, tag = "7")]
    Sum(Sum),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Gauge {
    #[prost(message, repeated, tag = "1")]
    pub(super) data_points: Vec<NumberDataPoint>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Sum {
    #[prost(message, repeated, tag = "1")]
    pub(super) data_points: Vec<NumberDataPoint>,
    #[prost(enumeration = "AggregationTemporality", tag = "2")]
    pub(super) aggregation_temporality: i32,
    #[prost(bool, tag = "3")]
    pub(super) is_monotonic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(super) enum AggregationTemporality {
    Unspecified = 0,
    Delta = 1,
    Cumulative = 2,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NumberDataPoint {
    #[prost(fixed64, tag = "2")]
    pub(super) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    pub(super) time_unix_nano: u64,
    #[prost(message, repeated, tag = "7")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(oneof = "Number", tags = "4")]
    pub(super) value: Option<Number>,
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(super) enum Number {
    #[prost(double, tag = "4")]
    AsDouble(f64),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AnyValue {
    #[prost(oneof = "Any", tags = "1")]
    pub(super) value: Option<Any>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Any {
    #[prost(string, tag = "1")]
    StringValue(String),
}

impl Metric {
    /// One without points, of the kind of this one.
    fn of(point: &Point) -> Self {
        let sum = |temporality: AggregationTemporality| {
            Data::Sum(Sum {
                data_points: Vec::new(),
                aggregation_temporality: temporality.into(),
                is_monotonic: true,
            })
        };
        let data = match point.reading {
            Reading::Gauge(_) => Data::Gauge(Gauge::default()),
            Reading::Cumulative(_) => sum(AggregationTemporality::Cumulative),
            Reading::Delta(_) => sum(AggregationTemporality::Delta),
        };
        Self {
            name: point.series.name.clone(),
            data: Some(data),
        }
    }

    fn push(&mut self, number: NumberDataPoint) {
        match &mut self.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.push(number),
            Some(Data::Sum(sum)) => sum.data_points.push(number),
            None => {}
        }
    }
}
