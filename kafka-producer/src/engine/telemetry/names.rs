//! What metrics are called when they are pushed: by KIP-714's rule, as in Java.
//!
//! `producer-topic-metrics`, `record-send-total` becomes `org.apache.kafka.producer.topic.record.send.total`, and
//! the tag `node-id` the attribute `node_id`.

/// The full name of a metric.
pub(super) fn full_name(group: &str, name: &str) -> String {
    let group = cleaned(group, '.').replace(".metrics", "");
    format!("{DOMAIN}.{group}.{}", cleaned(name, '.'))
}

/// What a tag is called.
pub(super) fn attribute(tag: &str) -> String {
    cleaned(tag, '_')
}

/// Whether brokers add this tag themselves: it stands in the header of every request.
pub(super) fn is_known_to_brokers(tag: &str) -> bool {
    attribute(tag) == "client_id"
}

fn cleaned(text: &str, joiner: char) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower
        .map(|character| match character {
            '-' => joiner,
            other => other,
        })
        .collect()
}

const DOMAIN: &str = "org.apache.kafka";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_kip_714() {
        for (group, name, full) in [
            (
                "producer-metrics",
                "record-send-total",
                "producer.record.send.total",
            ),
            (
                "producer-node-metrics",
                "request-latency-avg",
                "producer.node.request.latency.avg",
            ),
            (
                "producer-topic-metrics",
                "byte-rate",
                "producer.topic.byte.rate",
            ),
            ("kafka-metrics-count", "count", "kafka.count.count"),
            ("app-info", "start-time-ms", "app.info.start.time.ms"),
            ("Shop-Metrics", "Open-Orders", "shop.open.orders"),
        ] {
            assert_eq!(full_name(group, name), format!("org.apache.kafka.{full}"));
        }
        assert_eq!(attribute("node-id"), "node_id");
    }
}
