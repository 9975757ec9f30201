//! A snapshot as Prometheus reads it: the text format 0.0.4, with a family for each metric of Kafka's.
//!
//! A family is named by its group and its name: `kafka_producer_record_send_total` of `producer-metrics`,
//! `kafka_producer_topic_record_send_total` of `producer-topic-metrics`. So a sum over one of them counts nothing
//! twice. The texts of `app-info` are labels of one metric that is always 1.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::metric::{Metric, MetricValue};
use super::snapshot::MetricsSnapshot;

impl MetricsSnapshot {
    /// The text that a Prometheus server reads (`text/plain; version=0.0.4`). For several producers of a process put
    /// their snapshots together first ([`Extend`]), because a metric may be described only once.
    ///
    /// ```
    /// # fn scrape(first: &kafka_producer::Producer<str, str>, second: &kafka_producer::Producer<str, str>) -> String {
    /// let mut metrics = first.metrics();
    /// metrics.extend(second.metrics());
    /// metrics.to_prometheus()
    /// # }
    /// ```
    pub fn to_prometheus(&self) -> String {
        let mut families: BTreeMap<String, Vec<&Metric>> = BTreeMap::new();
        for metric in self {
            let family = match metric.value {
                MetricValue::Text(_) => INFO.to_owned(),
                _ => family(metric),
            };
            families.entry(family).or_default().push(metric);
        }
        let mut text = String::with_capacity(self.len() * LINE_BYTES);
        for (family, metrics) in families {
            if family == INFO {
                write_info(&mut text, &metrics);
            } else {
                write_family(&mut text, &family, &metrics);
            }
        }
        text
    }
}

/// What the texts of a producer are labels of.
const INFO: &str = "kafka_producer_app_info";
/// Of most lines.
const LINE_BYTES: usize = 160;

/// The name of a metric's family.
pub(super) fn family(metric: &Metric) -> String {
    let group = match metric.group {
        "app-info" => "producer-app",
        "kafka-metrics-count" => "producer-metrics",
        group => group.strip_suffix("-metrics").unwrap_or(group),
    };
    format!("kafka_{group}_{}", metric.name).replace('-', "_")
}

fn write_family(text: &mut String, family: &str, metrics: &[&Metric]) {
    let Some(first) = metrics.first() else {
        return;
    };
    let kind = match first.value {
        MetricValue::Total(_) => "counter",
        _ => "gauge",
    };
    write_head(text, family, first.description, kind);
    for metric in metrics {
        let Some(number) = metric.value.number() else {
            continue;
        };
        text.push_str(family);
        write_labels(text, metric.tags.iter());
        // Infinite values are not measured; Prometheus writes them in another way than Rust.
        let _ = writeln!(text, " {number}");
    }
}

/// A line for each producer, with all of its texts.
fn write_info(text: &mut String, metrics: &[&Metric]) {
    write_head(text, INFO, "What the producer was built from.", "gauge");
    for of_producer in metrics.chunk_by(|a, b| a.tags == b.tags) {
        let texts = of_producer.iter().filter_map(|metric| match &metric.value {
            MetricValue::Text(value) => Some((metric.name, &**value)),
            _ => None,
        });
        text.push_str(INFO);
        let tags = of_producer[0].tags.iter();
        write_labels(text, tags.chain(texts));
        text.push_str(" 1\n");
    }
}

fn write_head(text: &mut String, family: &str, description: &str, kind: &str) {
    let _ = write!(text, "# HELP {family} ");
    for symbol in description.chars() {
        match symbol {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            symbol => text.push(symbol),
        }
    }
    let _ = writeln!(text, "\n# TYPE {family} {kind}");
}

fn write_labels<'a>(text: &mut String, labels: impl Iterator<Item = (&'static str, &'a str)>) {
    let mut before = '{';
    for (name, value) in labels {
        text.push(before);
        text.extend(name.chars().map(|c| if c == '-' { '_' } else { c }));
        text.push_str("=\"");
        for symbol in value.chars() {
            match symbol {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                symbol => text.push(symbol),
            }
        }
        text.push('"');
        before = ',';
    }
    if before == ',' {
        text.push('}');
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;
    use crate::metrics::definition::{app, client, topic};
    use crate::metrics::{Tags, Writer};

    fn snapshot(client_id: &str) -> MetricsSnapshot {
        let since = SystemTime::UNIX_EPOCH;
        let mut metrics = Vec::new();
        let tags = Tags::from([("client-id", client_id)]);
        let mut writer = Writer::new(&mut metrics, tags, since);
        writer.text(&app::VERSION, "1.2.3");
        writer.text(&app::COMMIT_ID, "abc");
        writer.gauge(&client::BATCH_SIZE_AVG, f64::NAN);
        writer.total(&client::RECORD_SEND_TOTAL, 1e15);
        let tags = Tags::from([("client-id", client_id), ("topic", "orders")]);
        let mut writer = Writer::new(&mut metrics, tags, since);
        writer.total(&topic::RECORD_SEND_TOTAL, 1.5);
        MetricsSnapshot::new(since, metrics)
    }

    #[test]
    fn each_family_is_described_once_and_its_lines_follow_each_other() {
        let mut metrics = snapshot("till \"7\"\\\n");
        metrics.extend(snapshot("shop"));
        let expected = r#"# HELP kafka_producer_app_info What the producer was built from.
# TYPE kafka_producer_app_info gauge
kafka_producer_app_info{client_id="till \"7\"\\\n",version="1.2.3",commit_id="abc"} 1
kafka_producer_app_info{client_id="shop",version="1.2.3",commit_id="abc"} 1
# HELP kafka_producer_batch_size_avg Bytes of a batch as it was sent, on the average.
# TYPE kafka_producer_batch_size_avg gauge
kafka_producer_batch_size_avg{client_id="till \"7\"\\\n"} NaN
kafka_producer_batch_size_avg{client_id="shop"} NaN
# HELP kafka_producer_record_send_total Records that were sent; each attempt counts.
# TYPE kafka_producer_record_send_total counter
kafka_producer_record_send_total{client_id="till \"7\"\\\n"} 1000000000000000
kafka_producer_record_send_total{client_id="shop"} 1000000000000000
# HELP kafka_producer_topic_record_send_total Records that were sent to the topic; each attempt counts.
# TYPE kafka_producer_topic_record_send_total counter
kafka_producer_topic_record_send_total{client_id="till \"7\"\\\n",topic="orders"} 1.5
kafka_producer_topic_record_send_total{client_id="shop",topic="orders"} 1.5
"#;
        assert_eq!(metrics.to_prometheus(), expected);
    }

    /// Labels and value of a line, as Prometheus reads it.
    fn read(line: &str) -> (Vec<(String, String)>, f64) {
        let (_, rest) = line.split_once('{').unwrap();
        let mut labels = Vec::new();
        let mut rest = rest.chars();
        let mut name = String::new();
        loop {
            match rest.next().unwrap() {
                '}' => break,
                ',' => name.clear(),
                '=' => {
                    assert_eq!(rest.next(), Some('"'));
                    let mut value = String::new();
                    loop {
                        match rest.next().unwrap() {
                            '"' => break,
                            '\\' => value.push(match rest.next().unwrap() {
                                'n' => '\n',
                                symbol @ ('"' | '\\') => symbol,
                                other => panic!("\\{other} is not known"),
                            }),
                            symbol => value.push(symbol),
                        }
                    }
                    labels.push((std::mem::take(&mut name), value));
                }
                symbol => name.push(symbol),
            }
        }
        let value = rest.as_str().strip_prefix(' ').unwrap();
        (labels, value.parse().unwrap())
    }

    proptest! {
        #[test]
        fn labels_are_read_back_whatever_they_are(id in any::<String>(), name in any::<String>(), number in 0.0..1e18) {
            let mut metrics = Vec::new();
            let tags = Tags::from([("client-id", &*id), ("topic", &*name)]);
            let since = SystemTime::UNIX_EPOCH;
            Writer::new(&mut metrics, tags, since).total(&topic::BYTE_TOTAL, number);
            let text = MetricsSnapshot::new(since, metrics).to_prometheus();
            let lines: Vec<&str> = text.split('\n').collect();
            prop_assert_eq!(lines.len(), 4, "two of description, one of value, and the end");
            let labels = vec![("client_id".to_owned(), id), ("topic".to_owned(), name)];
            prop_assert_eq!(read(lines[2]), (labels, number));
        }
    }
}
