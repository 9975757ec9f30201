//! Every metric there can be: its group, its name, what it means, its tags. The names of Kafka's groups are those
//! of the Java client, which a test compares; the table in `docs/observability.md` is made from this one.

/// What a metric is, apart from any value ([`definitions`]).
///
/// ```
/// let mut all = kafka_producer::metrics::definitions();
/// let sent = all.find(|it| it.group == "producer-topic-metrics" && it.name == "record-send-total");
/// assert_eq!(sent.unwrap().tags, ["client-id", "topic"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// The group, as `producer-metrics`.
    pub group: &'static str,
    /// The name within its group.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub description: &'static str,
    /// The names of its tags, in their order.
    pub tags: &'static [&'static str],
    /// What its values are like.
    pub kind: MetricKind,
}

/// What the values of a metric are like; see [`MetricValue`](super::MetricValue).
///
/// ```
/// use kafka_producer::metrics::{MetricKind, definitions};
///
/// let totals = definitions().filter(|it| it.kind == MetricKind::Total);
/// assert!(totals.count() > 30);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricKind {
    /// It goes up and down.
    Gauge,
    /// A sum that never goes down.
    Total,
    /// A text.
    Text,
}

/// All metrics there can be, by group.
///
/// ```
/// for metric in kafka_producer::metrics::definitions() {
///     println!("{}:{}: {}", metric.group, metric.name, metric.description);
/// }
/// ```
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    let groups = [
        app::ALL,
        count::ALL,
        client::ALL,
        memory::ALL,
        node::ALL,
        topic::ALL,
    ];
    groups.into_iter().flatten().copied()
}

/// What the metrics of a group have in common.
struct Group {
    name: &'static str,
    tags: &'static [&'static str],
}

impl Group {
    const fn gauge(&self, name: &'static str, description: &'static str) -> Definition {
        self.define(name, description, MetricKind::Gauge)
    }

    const fn total(&self, name: &'static str, description: &'static str) -> Definition {
        self.define(name, description, MetricKind::Total)
    }

    const fn text(&self, name: &'static str, description: &'static str) -> Definition {
        self.define(name, description, MetricKind::Text)
    }

    const fn define(
        &self,
        name: &'static str,
        description: &'static str,
        kind: MetricKind,
    ) -> Definition {
        Definition {
            group: self.name,
            name,
            description,
            tags: self.tags,
            kind,
        }
    }
}

/// The group `app-info`, a row a metric.
#[rustfmt::skip]
pub(crate) mod app {
    use super::{Definition, Group};

    const GROUP: Group = Group { name: "app-info", tags: &["client-id"] };

    pub(crate) static VERSION: Definition = GROUP.text("version", "The version of this library.");
    pub(crate) static COMMIT_ID: Definition = GROUP.text("commit-id", "The commit that it was built from, if that is known.");
    pub(crate) static START_TIME_MS: Definition = GROUP.gauge("start-time-ms", "When the producer was made, in milliseconds since 1970.");

    pub(super) static ALL: &[&Definition] = &[
        &VERSION, &COMMIT_ID, &START_TIME_MS,
    ];
}

/// The group `kafka-metrics-count`, a row a metric.
#[rustfmt::skip]
pub(crate) mod count {
    use super::{Definition, Group};

    const GROUP: Group = Group { name: "kafka-metrics-count", tags: &["client-id"] };

    pub(crate) static COUNT: Definition = GROUP.gauge("count", "How many metrics there are.");

    pub(super) static ALL: &[&Definition] = &[
        &COUNT,
    ];
}

/// The group `producer-metrics`, a row a metric.
#[rustfmt::skip]
pub(crate) mod client {
    use super::{Definition, Group};

    const GROUP: Group = Group { name: "producer-metrics", tags: &["client-id"] };

    pub(crate) static BATCH_SIZE_AVG: Definition = GROUP.gauge("batch-size-avg", "Bytes of a batch as it was sent, on the average.");
    pub(crate) static BATCH_SIZE_MAX: Definition = GROUP.gauge("batch-size-max", "Bytes of the largest batch as it was sent.");
    pub(crate) static BATCH_SPLIT_RATE: Definition = GROUP.gauge("batch-split-rate", "Batches a second that were too large for their topic and were split.");
    pub(crate) static BATCH_SPLIT_TOTAL: Definition = GROUP.total("batch-split-total", "Batches that were too large for their topic and were split.");
    pub(crate) static BUFFER_AVAILABLE_BYTES: Definition = GROUP.gauge("buffer-available-bytes", "Bytes of buffer.memory that are not in use.");
    pub(crate) static BUFFER_EXHAUSTED_RATE: Definition = GROUP.gauge("buffer-exhausted-rate", "Records a second that were not accepted, because there was no memory for them within max.block.ms.");
    pub(crate) static BUFFER_EXHAUSTED_TOTAL: Definition = GROUP.total("buffer-exhausted-total", "Records that were not accepted, because there was no memory for them within max.block.ms.");
    pub(crate) static BUFFER_TOTAL_BYTES: Definition = GROUP.gauge("buffer-total-bytes", "buffer.memory: bytes for records that have no outcome yet.");
    pub(crate) static BUFFERPOOL_WAIT_RATIO: Definition = GROUP.gauge("bufferpool-wait-ratio", "Which part of the time sends were waiting for memory; more than 1 if several were.");
    pub(crate) static BUFFERPOOL_WAIT_TIME_NS_TOTAL: Definition = GROUP.total("bufferpool-wait-time-ns-total", "Nanoseconds that sends have waited for memory.");
    pub(crate) static COMPRESSION_RATE_AVG: Definition = GROUP.gauge("compression-rate-avg", "Size of a batch after compression, as a part of that before, on the average.");
    pub(crate) static CONNECTION_CLOSE_RATE: Definition = GROUP.gauge("connection-close-rate", "Connections a second that were closed.");
    pub(crate) static CONNECTION_CLOSE_TOTAL: Definition = GROUP.total("connection-close-total", "Connections that were closed, by either side.");
    pub(crate) static CONNECTION_COUNT: Definition = GROUP.gauge("connection-count", "Connections that are open.");
    pub(crate) static CONNECTION_CREATION_RATE: Definition = GROUP.gauge("connection-creation-rate", "Connections a second that were opened.");
    pub(crate) static CONNECTION_CREATION_TOTAL: Definition = GROUP.total("connection-creation-total", "Connections that were opened.");
    pub(crate) static FAILED_AUTHENTICATION_RATE: Definition = GROUP.gauge("failed-authentication-rate", "Connections a second on which a broker has refused to authenticate the producer, or it the broker.");
    pub(crate) static FAILED_AUTHENTICATION_TOTAL: Definition = GROUP.total("failed-authentication-total", "Connections on which a broker has refused to authenticate the producer, or it the broker.");
    pub(crate) static FAILED_REAUTHENTICATION_RATE: Definition = GROUP.gauge("failed-reauthentication-rate", "Connections a second whose session was not renewed.");
    pub(crate) static FAILED_REAUTHENTICATION_TOTAL: Definition = GROUP.total("failed-reauthentication-total", "Connections whose session was not renewed.");
    pub(crate) static FLUSH_TIME_NS_TOTAL: Definition = GROUP.total("flush-time-ns-total", "Nanoseconds that calls of flush have taken.");
    pub(crate) static INCOMING_BYTE_RATE: Definition = GROUP.gauge("incoming-byte-rate", "Bytes a second that were read from all brokers.");
    pub(crate) static INCOMING_BYTE_TOTAL: Definition = GROUP.total("incoming-byte-total", "Bytes that were read from all brokers.");
    pub(crate) static IO_RATIO: Definition = GROUP.gauge("io-ratio", "Which part of the time the producer's thread was at work.");
    pub(crate) static IO_TIME_NS_AVG: Definition = GROUP.gauge("io-time-ns-avg", "Nanoseconds of work of the producer's thread between two looks at its sockets, on the average.");
    pub(crate) static IO_TIME_NS_TOTAL: Definition = GROUP.total("io-time-ns-total", "Nanoseconds that the producer's thread was at work.");
    pub(crate) static IO_WAIT_RATIO: Definition = GROUP.gauge("io-wait-ratio", "Which part of the time the producer's thread was waiting for something to do.");
    pub(crate) static IO_WAIT_TIME_NS_AVG: Definition = GROUP.gauge("io-wait-time-ns-avg", "Nanoseconds that the producer's thread has waited for something to do, on the average.");
    pub(crate) static IO_WAIT_TIME_NS_TOTAL: Definition = GROUP.total("io-wait-time-ns-total", "Nanoseconds that the producer's thread has waited for something to do.");
    pub(crate) static METADATA_AGE: Definition = GROUP.gauge("metadata-age", "Seconds since the cluster has last told of its brokers and topics; not a number before it has.");
    pub(crate) static METADATA_WAIT_TIME_NS_TOTAL: Definition = GROUP.total("metadata-wait-time-ns-total", "Nanoseconds that sends have waited for metadata of their topics.");
    pub(crate) static NETWORK_IO_RATE: Definition = GROUP.gauge("network-io-rate", "Reads and writes of all connections, a second.");
    pub(crate) static NETWORK_IO_TOTAL: Definition = GROUP.total("network-io-total", "Reads and writes of all connections.");
    pub(crate) static OUTGOING_BYTE_RATE: Definition = GROUP.gauge("outgoing-byte-rate", "Bytes a second that were written to all brokers.");
    pub(crate) static OUTGOING_BYTE_TOTAL: Definition = GROUP.total("outgoing-byte-total", "Bytes that were written to all brokers.");
    pub(crate) static PRODUCE_THROTTLE_TIME_AVG: Definition = GROUP.gauge("produce-throttle-time-avg", "Milliseconds for which a broker asked to be left alone (a quota), per response.");
    pub(crate) static PRODUCE_THROTTLE_TIME_MAX: Definition = GROUP.gauge("produce-throttle-time-max", "Milliseconds for which a broker asked to be left alone (a quota), at most.");
    pub(crate) static REAUTHENTICATION_LATENCY_AVG: Definition = GROUP.gauge("reauthentication-latency-avg", "Milliseconds that the renewal of a session took, on the average.");
    pub(crate) static REAUTHENTICATION_LATENCY_MAX: Definition = GROUP.gauge("reauthentication-latency-max", "Milliseconds that the renewal of a session took, at most.");
    pub(crate) static RECORD_ERROR_RATE: Definition = GROUP.gauge("record-error-rate", "Records a second that have failed, or were not accepted.");
    pub(crate) static RECORD_ERROR_TOTAL: Definition = GROUP.total("record-error-total", "Records that have failed, or were not accepted.");
    pub(crate) static RECORD_QUEUE_TIME_AVG: Definition = GROUP.gauge("record-queue-time-avg", "Milliseconds from the first record of a batch until the batch was sent, on the average.");
    pub(crate) static RECORD_QUEUE_TIME_MAX: Definition = GROUP.gauge("record-queue-time-max", "Milliseconds from the first record of a batch until the batch was sent, at most.");
    pub(crate) static RECORD_RETRY_RATE: Definition = GROUP.gauge("record-retry-rate", "Records a second that were sent again.");
    pub(crate) static RECORD_RETRY_TOTAL: Definition = GROUP.total("record-retry-total", "Records that were sent again; each attempt counts.");
    pub(crate) static RECORD_SEND_RATE: Definition = GROUP.gauge("record-send-rate", "Records a second that were sent.");
    pub(crate) static RECORD_SEND_TOTAL: Definition = GROUP.total("record-send-total", "Records that were sent; each attempt counts.");
    pub(crate) static RECORD_SIZE_AVG: Definition = GROUP.gauge("record-size-avg", "Bytes of the largest record of a batch, alone in a batch and before compression, on the average.");
    pub(crate) static RECORD_SIZE_MAX: Definition = GROUP.gauge("record-size-max", "Bytes of the largest record, alone in a batch and before compression.");
    pub(crate) static RECORDS_PER_REQUEST_AVG: Definition = GROUP.gauge("records-per-request-avg", "Records of a request, on the average.");
    pub(crate) static REQUEST_LATENCY_AVG: Definition = GROUP.gauge("request-latency-avg", "Milliseconds from a request of batches to its response, on the average.");
    pub(crate) static REQUEST_LATENCY_MAX: Definition = GROUP.gauge("request-latency-max", "Milliseconds from a request of batches to its response, at most.");
    pub(crate) static REQUEST_RATE: Definition = GROUP.gauge("request-rate", "Requests a second that were written.");
    pub(crate) static REQUEST_SIZE_AVG: Definition = GROUP.gauge("request-size-avg", "Bytes of a request, on the average.");
    pub(crate) static REQUEST_SIZE_MAX: Definition = GROUP.gauge("request-size-max", "Bytes of the largest request.");
    pub(crate) static REQUEST_TOTAL: Definition = GROUP.total("request-total", "Requests that were written.");
    pub(crate) static REQUESTS_IN_FLIGHT: Definition = GROUP.gauge("requests-in-flight", "Requests that are not answered yet.");
    pub(crate) static RESPONSE_RATE: Definition = GROUP.gauge("response-rate", "Responses a second that were read.");
    pub(crate) static RESPONSE_TOTAL: Definition = GROUP.total("response-total", "Responses that were read.");
    pub(crate) static SELECT_RATE: Definition = GROUP.gauge("select-rate", "How often a second the producer's thread has looked at its sockets.");
    pub(crate) static SELECT_TOTAL: Definition = GROUP.total("select-total", "How often the producer's thread has looked at its sockets.");
    pub(crate) static SUCCESSFUL_AUTHENTICATION_NO_REAUTH_TOTAL: Definition = GROUP.total("successful-authentication-no-reauth-total", "Connections on which the producer and the broker have accepted each other, with a session that need not be renewed.");
    pub(crate) static SUCCESSFUL_AUTHENTICATION_RATE: Definition = GROUP.gauge("successful-authentication-rate", "Connections a second on which the producer and the broker have accepted each other.");
    pub(crate) static SUCCESSFUL_AUTHENTICATION_TOTAL: Definition = GROUP.total("successful-authentication-total", "Connections on which the producer and the broker have accepted each other; without SASL and TLS, that were opened.");
    pub(crate) static SUCCESSFUL_REAUTHENTICATION_RATE: Definition = GROUP.gauge("successful-reauthentication-rate", "Sessions a second that were renewed.");
    pub(crate) static SUCCESSFUL_REAUTHENTICATION_TOTAL: Definition = GROUP.total("successful-reauthentication-total", "Sessions that were renewed.");
    pub(crate) static TXN_ABORT_TIME_NS_TOTAL: Definition = GROUP.total("txn-abort-time-ns-total", "Nanoseconds that aborts of transactions have taken.");
    pub(crate) static TXN_BEGIN_TIME_NS_TOTAL: Definition = GROUP.total("txn-begin-time-ns-total", "Nanoseconds that calls of begin_transaction have taken.");
    pub(crate) static TXN_COMMIT_TIME_NS_TOTAL: Definition = GROUP.total("txn-commit-time-ns-total", "Nanoseconds that commits of transactions have taken.");
    pub(crate) static TXN_INIT_TIME_NS_TOTAL: Definition = GROUP.total("txn-init-time-ns-total", "Nanoseconds that calls of init_transactions have taken.");
    pub(crate) static TXN_PREPARE_TIME_NS_TOTAL: Definition = GROUP.total("txn-prepare-time-ns-total", "Nanoseconds that calls of prepare have taken.");
    pub(crate) static TXN_SEND_OFFSETS_TIME_NS_TOTAL: Definition = GROUP.total("txn-send-offsets-time-ns-total", "Nanoseconds that calls of send_offsets have taken.");
    pub(crate) static WAITING_THREADS: Definition = GROUP.gauge("waiting-threads", "Sends that wait for memory.");

    pub(super) static ALL: &[&Definition] = &[
        &BATCH_SIZE_AVG, &BATCH_SIZE_MAX, &BATCH_SPLIT_RATE, &BATCH_SPLIT_TOTAL, &BUFFER_AVAILABLE_BYTES,
        &BUFFER_EXHAUSTED_RATE, &BUFFER_EXHAUSTED_TOTAL, &BUFFER_TOTAL_BYTES, &BUFFERPOOL_WAIT_RATIO,
        &BUFFERPOOL_WAIT_TIME_NS_TOTAL, &COMPRESSION_RATE_AVG, &CONNECTION_CLOSE_RATE, &CONNECTION_CLOSE_TOTAL,
        &CONNECTION_COUNT, &CONNECTION_CREATION_RATE, &CONNECTION_CREATION_TOTAL, &FAILED_AUTHENTICATION_RATE,
        &FAILED_AUTHENTICATION_TOTAL, &FAILED_REAUTHENTICATION_RATE, &FAILED_REAUTHENTICATION_TOTAL,
        &FLUSH_TIME_NS_TOTAL, &INCOMING_BYTE_RATE, &INCOMING_BYTE_TOTAL, &IO_RATIO, &IO_TIME_NS_AVG,
        &IO_TIME_NS_TOTAL, &IO_WAIT_RATIO, &IO_WAIT_TIME_NS_AVG, &IO_WAIT_TIME_NS_TOTAL, &METADATA_AGE,
        &METADATA_WAIT_TIME_NS_TOTAL, &NETWORK_IO_RATE, &NETWORK_IO_TOTAL, &OUTGOING_BYTE_RATE,
        &OUTGOING_BYTE_TOTAL, &PRODUCE_THROTTLE_TIME_AVG, &PRODUCE_THROTTLE_TIME_MAX,
        &REAUTHENTICATION_LATENCY_AVG, &REAUTHENTICATION_LATENCY_MAX, &RECORD_ERROR_RATE, &RECORD_ERROR_TOTAL,
        &RECORD_QUEUE_TIME_AVG, &RECORD_QUEUE_TIME_MAX, &RECORD_RETRY_RATE, &RECORD_RETRY_TOTAL,
        &RECORD_SEND_RATE, &RECORD_SEND_TOTAL, &RECORD_SIZE_AVG, &RECORD_SIZE_MAX, &RECORDS_PER_REQUEST_AVG,
        &REQUEST_LATENCY_AVG, &REQUEST_LATENCY_MAX, &REQUEST_RATE, &REQUEST_SIZE_AVG, &REQUEST_SIZE_MAX,
        &REQUEST_TOTAL, &REQUESTS_IN_FLIGHT, &RESPONSE_RATE, &RESPONSE_TOTAL, &SELECT_RATE, &SELECT_TOTAL,
        &SUCCESSFUL_AUTHENTICATION_NO_REAUTH_TOTAL, &SUCCESSFUL_AUTHENTICATION_RATE,
        &SUCCESSFUL_AUTHENTICATION_TOTAL, &SUCCESSFUL_REAUTHENTICATION_RATE, &SUCCESSFUL_REAUTHENTICATION_TOTAL,
        &TXN_ABORT_TIME_NS_TOTAL, &TXN_BEGIN_TIME_NS_TOTAL, &TXN_COMMIT_TIME_NS_TOTAL, &TXN_INIT_TIME_NS_TOTAL,
        &TXN_PREPARE_TIME_NS_TOTAL, &TXN_SEND_OFFSETS_TIME_NS_TOTAL, &WAITING_THREADS,
    ];
}

/// The group `producer-memory-metrics`, a row a metric.
#[rustfmt::skip]
pub(crate) mod memory {
    use super::{Definition, Group};

    const GROUP: Group = Group { name: "producer-memory-metrics", tags: &["client-id", "node-id"] };

    pub(crate) static GUARANTEED_BYTES: Definition = GROUP.gauge("guaranteed-bytes", "Bytes of buffer.memory that no other broker's records are given.");
    pub(crate) static USED_BYTES: Definition = GROUP.gauge("used-bytes", "Bytes of buffer.memory that records for the broker take, guaranteed to it or not.");
    pub(crate) static WAITING_THREADS: Definition = GROUP.gauge("waiting-threads", "Sends that wait for memory, or for answers of the broker.");

    pub(super) static ALL: &[&Definition] = &[
        &GUARANTEED_BYTES, &USED_BYTES, &WAITING_THREADS,
    ];
}

/// The group `producer-node-metrics`, a row a metric.
#[rustfmt::skip]
pub(crate) mod node {
    use super::{Definition, Group};

    const GROUP: Group = Group { name: "producer-node-metrics", tags: &["client-id", "node-id"] };

    pub(crate) static INCOMING_BYTE_RATE: Definition = GROUP.gauge("incoming-byte-rate", "Bytes a second that were read from the broker.");
    pub(crate) static INCOMING_BYTE_TOTAL: Definition = GROUP.total("incoming-byte-total", "Bytes that were read from the broker.");
    pub(crate) static OUTGOING_BYTE_RATE: Definition = GROUP.gauge("outgoing-byte-rate", "Bytes a second that were written to the broker.");
    pub(crate) static OUTGOING_BYTE_TOTAL: Definition = GROUP.total("outgoing-byte-total", "Bytes that were written to the broker.");
    pub(crate) static REQUEST_LATENCY_AVG: Definition = GROUP.gauge("request-latency-avg", "Milliseconds from a request of batches to the broker's response, on the average.");
    pub(crate) static REQUEST_LATENCY_MAX: Definition = GROUP.gauge("request-latency-max", "Milliseconds from a request of batches to the broker's response, at most.");
    pub(crate) static REQUEST_RATE: Definition = GROUP.gauge("request-rate", "Requests a second that were written to the broker.");
    pub(crate) static REQUEST_SIZE_AVG: Definition = GROUP.gauge("request-size-avg", "Bytes of a request to the broker, on the average.");
    pub(crate) static REQUEST_SIZE_MAX: Definition = GROUP.gauge("request-size-max", "Bytes of the largest request to the broker.");
    pub(crate) static REQUEST_TOTAL: Definition = GROUP.total("request-total", "Requests that were written to the broker.");
    pub(crate) static RESPONSE_RATE: Definition = GROUP.gauge("response-rate", "Responses a second that were read from the broker.");
    pub(crate) static RESPONSE_TOTAL: Definition = GROUP.total("response-total", "Responses that were read from the broker.");

    pub(super) static ALL: &[&Definition] = &[
        &INCOMING_BYTE_RATE, &INCOMING_BYTE_TOTAL, &OUTGOING_BYTE_RATE, &OUTGOING_BYTE_TOTAL,
        &REQUEST_LATENCY_AVG, &REQUEST_LATENCY_MAX, &REQUEST_RATE, &REQUEST_SIZE_AVG, &REQUEST_SIZE_MAX,
        &REQUEST_TOTAL, &RESPONSE_RATE, &RESPONSE_TOTAL,
    ];
}

/// The group `producer-topic-metrics`, a row a metric.
#[rustfmt::skip]
pub(crate) mod topic {
    use super::{Definition, Group};

    const GROUP: Group = Group { name: "producer-topic-metrics", tags: &["client-id", "topic"] };

    pub(crate) static BYTE_RATE: Definition = GROUP.gauge("byte-rate", "Bytes of batches a second that were sent to the topic.");
    pub(crate) static BYTE_TOTAL: Definition = GROUP.total("byte-total", "Bytes of batches that were sent to the topic; each attempt counts.");
    pub(crate) static COMPRESSION_RATE: Definition = GROUP.gauge("compression-rate", "Size of the topic's batches after compression, as a part of that before, on the average.");
    pub(crate) static RECORD_ERROR_RATE: Definition = GROUP.gauge("record-error-rate", "Records a second of the topic that have failed.");
    pub(crate) static RECORD_ERROR_TOTAL: Definition = GROUP.total("record-error-total", "Records of the topic that have failed.");
    pub(crate) static RECORD_RETRY_RATE: Definition = GROUP.gauge("record-retry-rate", "Records a second of the topic that were sent again.");
    pub(crate) static RECORD_RETRY_TOTAL: Definition = GROUP.total("record-retry-total", "Records of the topic that were sent again; each attempt counts.");
    pub(crate) static RECORD_SEND_RATE: Definition = GROUP.gauge("record-send-rate", "Records a second that were sent to the topic.");
    pub(crate) static RECORD_SEND_TOTAL: Definition = GROUP.total("record-send-total", "Records that were sent to the topic; each attempt counts.");

    pub(super) static ALL: &[&Definition] = &[
        &BYTE_RATE, &BYTE_TOTAL, &COMPRESSION_RATE, &RECORD_ERROR_RATE, &RECORD_ERROR_TOTAL, &RECORD_RETRY_RATE,
        &RECORD_RETRY_TOTAL, &RECORD_SEND_RATE, &RECORD_SEND_TOTAL,
    ];
}
