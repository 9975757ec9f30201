//! The metrics that the cluster wants of its clients, and those that they have pushed (KIP-714).
//!
//! Without a [`TelemetryConfig`] it wants none and does not offer the two APIs, like a broker without a plugin
//! that receives metrics. A client is told the number of the subscription; who pushes under an older one is
//! refused, and so is who comes too early, or after its last push.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_wire::{ErrorCode, Uuid};

use super::{ids::BrokerId, setters::settings};

settings! {
    /// The metrics that brokers want of clients, as subscriptions (`kafka-client-metrics.sh`) come to.
    ///
    /// ```
    /// use kafka_mock::cluster::TelemetryConfig;
    ///
    /// let wanted = TelemetryConfig::default().with_metrics(vec!["org.apache.kafka.producer.".to_owned()]);
    /// assert!(wanted.delta_temporality);
    /// ```
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TelemetryConfig {
        /// Prefixes of the names wanted: `*` alone for all; none is wanted if this is empty.
        pub metrics: Vec<String>,
        /// From push to push (`interval.ms`).
        pub push_interval: Duration,
        /// Codecs that are accepted beside none, by id, best first.
        pub compression_types: Vec<i8>,
        /// Whether counters are wanted as what was added since the last push; else as totals.
        pub delta_temporality: bool,
        /// `telemetry.max.bytes`: the largest push.
        pub max_bytes: i32,
    }
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            metrics: vec!["*".to_owned()],
            push_interval: Duration::from_secs(300),
            compression_types: vec![ZSTD, LZ4, GZIP, SNAPPY],
            delta_temporality: true,
            max_bytes: 1 << 20,
        }
    }
}

/// What a client has pushed.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig};
///
/// assert_eq!(Cluster::new(ClusterConfig::default(), 1).pushes().count(), 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Push {
    /// Who received it.
    pub broker: BrokerId,
    /// Who has pushed.
    pub client_instance_id: Uuid,
    /// Whether the client has said that it is its last.
    pub terminating: bool,
    /// The codec of `metrics`, by id.
    pub compression_type: i8,
    /// `MetricsData` of OpenTelemetry, compressed.
    pub metrics: Bytes,
}

/// What is wanted, and who has pushed.
#[derive(Clone, Debug)]
pub(super) struct Telemetry {
    config: TelemetryConfig,
    subscription_id: i32,
    clients: BTreeMap<Uuid, Client>,
    pushes: Vec<Push>,
}

/// A client instance: when it last came, and with what result.
#[derive(Clone, Copy, Debug, Default)]
struct Client {
    last_get: Option<Instant>,
    last_push: Option<Instant>,
    last_error: Option<ErrorCode>,
    terminated: bool,
}

impl Telemetry {
    pub(super) fn new(config: TelemetryConfig) -> Self {
        Self {
            config,
            subscription_id: FIRST_SUBSCRIPTION,
            clients: BTreeMap::new(),
            pushes: Vec::new(),
        }
    }

    /// Other metrics are wanted from now on.
    pub(super) fn change(&mut self, config: TelemetryConfig) {
        self.config = config;
        self.subscription_id += 1;
    }

    pub(super) fn config(&self) -> &TelemetryConfig {
        &self.config
    }

    pub(super) fn subscription_id(&self) -> i32 {
        self.subscription_id
    }

    pub(super) fn pushes(&self) -> &[Push] {
        &self.pushes
    }

    /// A client asks what is wanted.
    pub(super) fn asked(&mut self, now: Instant, id: Uuid) -> ErrorCode {
        let interval = self.config.push_interval;
        let client = self.clients.entry(id).or_default();
        let must_ask = matches!(
            client.last_error,
            Some(ErrorCode::UNKNOWN_SUBSCRIPTION_ID | ErrorCode::UNSUPPORTED_COMPRESSION_TYPE)
        );
        let last = client.last_get.max(client.last_push);
        let early = last.is_some_and(|last| now < last + interval);
        if early && !must_ask {
            return client.end(ErrorCode::THROTTLING_QUOTA_EXCEEDED);
        }
        client.last_get = Some(now);
        client.end(ErrorCode::NONE)
    }

    /// A client pushes under this number of the subscription.
    pub(super) fn pushed(&mut self, now: Instant, subscription_id: i32, push: Push) -> ErrorCode {
        let (wanted, interval) = (self.subscription_id, self.config.push_interval);
        let accepted = &self.config.compression_types;
        let knows_codec =
            push.compression_type == NONE || accepted.contains(&push.compression_type);
        let fits = i32::try_from(push.metrics.len()).is_ok_and(|len| len <= self.config.max_bytes);
        if push.client_instance_id.is_zero() {
            return ErrorCode::INVALID_REQUEST;
        }
        let client = self.clients.entry(push.client_instance_id).or_default();
        let follows_get = client.last_get > client.last_push;
        let early = client.last_push.is_some_and(|last| now < last + interval);
        if early && !follows_get && !push.terminating {
            return client.end(ErrorCode::THROTTLING_QUOTA_EXCEEDED);
        }
        if client.terminated {
            return client.end(ErrorCode::INVALID_REQUEST);
        }
        client.last_push = Some(now);
        client.terminated = push.terminating;
        let code = match () {
            () if subscription_id != wanted => ErrorCode::UNKNOWN_SUBSCRIPTION_ID,
            () if !knows_codec => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            () if !fits => ErrorCode::TELEMETRY_TOO_LARGE,
            () => ErrorCode::NONE,
        };
        client.end(code);
        if code.is_none() && self.pushes.len() < PUSHES_REMEMBERED {
            self.pushes.push(push);
        }
        code
    }
}

impl Client {
    fn end(&mut self, code: ErrorCode) -> ErrorCode {
        self.last_error = Some(code);
        code
    }
}

const NONE: i8 = 0;
const GZIP: i8 = 1;
const SNAPPY: i8 = 2;
const LZ4: i8 = 3;
const ZSTD: i8 = 4;
const FIRST_SUBSCRIPTION: i32 = 1;
/// Later ones are accepted and forgotten.
const PUSHES_REMEMBERED: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Uuid = Uuid([7; 16]);
    const INTERVAL: Duration = Duration::from_secs(1);

    fn wanting_all() -> Telemetry {
        Telemetry::new(TelemetryConfig::default().with_push_interval(INTERVAL))
    }

    fn push(bytes: usize) -> Push {
        Push {
            broker: BrokerId(1),
            client_instance_id: CLIENT,
            terminating: false,
            compression_type: ZSTD,
            metrics: vec![0; bytes].into(),
        }
    }

    #[test]
    fn who_pushes_too_early_too_much_or_under_an_older_number_is_refused() {
        let start = Instant::now();
        let mut telemetry = wanting_all();
        assert_eq!(telemetry.asked(start, CLIENT), ErrorCode::NONE);
        assert_eq!(telemetry.pushed(start, 1, push(9)), ErrorCode::NONE);
        let early = telemetry.pushed(start, 1, push(9));
        assert_eq!(early, ErrorCode::THROTTLING_QUOTA_EXCEEDED);
        let early = telemetry.asked(start, CLIENT);
        assert_eq!(early, ErrorCode::THROTTLING_QUOTA_EXCEEDED);
        let large = telemetry.pushed(start + INTERVAL, 1, push(2 << 20));
        assert_eq!(large, ErrorCode::TELEMETRY_TOO_LARGE);
        telemetry.change(TelemetryConfig::default());
        let older = telemetry.pushed(start + 300 * INTERVAL * 2, 1, push(9));
        assert_eq!(older, ErrorCode::UNKNOWN_SUBSCRIPTION_ID);
        // Which is a reason to ask at once.
        let asked = telemetry.asked(start + 300 * INTERVAL * 2, CLIENT);
        assert_eq!(asked, ErrorCode::NONE);
        assert_eq!(telemetry.pushes().len(), 1);
    }

    #[test]
    fn nothing_is_taken_after_the_last_push() {
        let start = Instant::now();
        let mut telemetry = wanting_all();
        telemetry.asked(start, CLIENT);
        let mut last = push(9);
        last.terminating = true;
        assert_eq!(telemetry.pushed(start, 1, last), ErrorCode::NONE);
        let after = telemetry.pushed(start + INTERVAL, 1, push(9));
        assert_eq!(after, ErrorCode::INVALID_REQUEST);
    }
}
