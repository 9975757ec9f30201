//! How long brokers remember this producer, and who is sure to.
//!
//! A broker takes a producer's batches in their order because it remembers the last one that it has
//! appended of it in the partition. It forgets a producer when the latest timestamp of that batch is
//! older than `producer.id.expiration.ms` (`ProducerStateManager`): after a day of silence, and at any
//! moment if records are dated a day back. A replica that was built anew may never have known it. A
//! producer that is not known may begin with any number, so its second batch gets in without its first.
//! Hence three rules:
//!
//! - *In company.* A batch is sent while others have no answer only to a leader that has confirmed a
//!   batch of this producer since it was elected, while what it may have appended since is young
//!   enough. Else the first one goes alone (`Lane::next`).
//! - *A later batch speaks for an earlier one* only if it went in company, and everything was still
//!   young enough when its answer came (`acknowledgement.rs`, `inquiry.rs`, `same_topic.rs`).
//! - *An attempt without an answer* that is too old is not repeated: its broker may have appended and
//!   forgotten it. The leader is asked; what it cannot rule out ends as possibly persisted.
//!
//! Half of what brokers allow counts as young enough. The other half is for requests that arrive late,
//! and for clocks that differ. Brokers tell their setting when a connection is made (DescribeConfigs);
//! of one that does not, the producer's own `producer.id.expiration.ms` is believed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_accumulator::Batch;
use kafka_wire::ErrorCode;
use kafka_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
    DescribeConfigsResponse,
};

use super::in_flight::What;
use super::{Engine, NodeId};
use crate::error::DeliveryError;
use crate::settings::Guarantee;

/// What a broker remembers a producer by: the batch that it has appended last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastAppend {
    /// It was not appended before.
    pub(crate) not_before: Instant,
    /// Its latest timestamp; `None` if the broker dates batches itself.
    pub(crate) timestamp_ms: Option<i64>,
}

impl LastAppend {
    pub(crate) fn of(batch: &Batch<DeliveryError>) -> Self {
        Self {
            not_before: batch.created(),
            timestamp_ms: Some(batch.max_timestamp_ms()),
        }
    }
}

/// What is remembered at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    now: Instant,
    /// The system's clock, if the engine was told what it shows.
    wall_ms: Option<i64>,
    /// For so long a batch is sure to be remembered.
    span: Duration,
}

impl Memory {
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Whether a broker that has appended this batch last is sure to remember it.
    pub(crate) fn keeps(&self, last: LastAppend) -> bool {
        let age = self.now.saturating_duration_since(last.not_before);
        let dated_back_ms = match (self.wall_ms, last.timestamp_ms) {
            (Some(wall_ms), Some(timestamp_ms)) => wall_ms.saturating_sub(timestamp_ms),
            _ => 0,
        };
        // A date in the future is forgotten later than this assumes.
        let dated_back = Duration::from_millis(u64::try_from(dated_back_ms).unwrap_or(0));
        age.max(dated_back) < self.span
    }
}

/// What is known of the brokers' `producer.id.expiration.ms`.
#[derive(Debug)]
pub(crate) struct Expiration {
    /// The producer's own setting, for brokers that do not tell.
    setting: Duration,
    told: BTreeMap<NodeId, Duration>,
    /// For so long a batch is sure to be remembered, by whoever leads.
    span: Duration,
    asking: Asking,
    /// What the system's clock showed, and when.
    wall_clock: Option<(Instant, i64)>,
}

/// Whether brokers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Allowed,
    /// One has refused: it takes the right to describe the cluster's configuration.
    Denied,
}

impl Expiration {
    pub(crate) fn new(setting: Duration) -> Self {
        Self {
            setting,
            told: BTreeMap::new(),
            span: setting / 2,
            asking: Asking::Allowed,
            wall_clock: None,
        }
    }

    /// Notes what the system's clock shows.
    pub(crate) fn observe_wall_clock(&mut self, now: Instant, wall_ms: i64) {
        self.wall_clock = Some((now, wall_ms));
    }

    /// What is remembered at `now`.
    pub(crate) fn memory(&self, now: Instant) -> Memory {
        let elapsed_ms = |since| {
            let elapsed: Duration = now.saturating_duration_since(since);
            i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
        };
        Memory {
            now,
            wall_ms: self
                .wall_clock
                .map(|(since, wall_ms)| wall_ms.saturating_add(elapsed_ms(since))),
            span: self.span,
        }
    }

    fn is_asked(&self) -> bool {
        self.asking == Asking::Allowed
    }

    /// A broker has answered.
    fn told(&mut self, id: NodeId, answer: &DescribeConfigsResponse) {
        for result in &answer.results {
            match result.error_code {
                ErrorCode::NONE => {
                    if let Some(expiration) = setting_of(&result.configs) {
                        self.told.insert(id, expiration);
                    }
                }
                ErrorCode::CLUSTER_AUTHORIZATION_FAILED => self.asking = Asking::Denied,
                _ => {}
            }
        }
        // Any broker may come to lead any partition, so the shortest memory counts.
        let shortest = self.told.values().min().copied();
        self.span = shortest.unwrap_or(self.setting) / 2;
    }
}

/// Before `producer.id.expiration.ms` (KIP-854) the expiration of transactional ids held for all.
fn setting_of(configs: &[DescribeConfigsResourceResult]) -> Option<Duration> {
    let find = |name: &str| {
        let config = configs.iter().find(|config| config.name == name)?;
        config.value.as_deref()?.parse().ok()
    };
    let millis = find(PRODUCER_ID_EXPIRATION).or_else(|| find(TRANSACTIONAL_ID_EXPIRATION))?;
    Some(Duration::from_millis(millis))
}

impl Engine {
    /// Notes what the system's clock shows now. Brokers forget a producer by the timestamps of its
    /// records; an engine that is not told the time takes records for dated when they were appended.
    pub fn observe_wall_clock(&mut self, now: Instant, wall_ms: i64) {
        self.expiration.observe_wall_clock(now, wall_ms);
    }

    pub(super) fn memory(&self) -> Memory {
        self.expiration.memory(self.now)
    }

    /// Asks a broker that was just connected to how long it remembers producers.
    pub(super) fn ask_for_expiration(&mut self, id: NodeId) {
        let numbered = !matches!(self.settings.guarantee, Guarantee::Plain(_));
        if !numbered || id.is_bootstrap() || !self.expiration.is_asked() {
            return;
        }
        let Some(version) = self.newest::<DescribeConfigsRequest>(id) else {
            return;
        };
        let keys = [PRODUCER_ID_EXPIRATION, TRANSACTIONAL_ID_EXPIRATION];
        let broker = DescribeConfigsResource {
            resource_type: BROKER,
            resource_name: id.0.to_string(),
            configuration_keys: Some(keys.map(str::to_owned).to_vec()),
        };
        let request = DescribeConfigsRequest {
            resources: vec![broker],
            ..DescribeConfigsRequest::default()
        };
        self.ask(id, version, &request, What::Expiration);
    }

    pub(super) fn expiration_told(&mut self, id: NodeId, answer: &DescribeConfigsResponse) {
        self.throttle(id, answer.throttle_time_ms);
        self.expiration.told(id, answer);
    }
}

const PRODUCER_ID_EXPIRATION: &str = "producer.id.expiration.ms";
const TRANSACTIONAL_ID_EXPIRATION: &str = "transactional.id.expiration.ms";

/// The type of the resource whose settings are asked for.
const BROKER: i8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOON_MS: i64 = 1_700_000_000_000;

    fn answer(error_code: ErrorCode, configs: &[(&str, &str)]) -> DescribeConfigsResponse {
        use kafka_wire::messages::describe_configs::DescribeConfigsResult;
        let config = |(name, value): &(&str, &str)| DescribeConfigsResourceResult {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
            ..DescribeConfigsResourceResult::default()
        };
        let result = DescribeConfigsResult {
            error_code,
            configs: configs.iter().map(config).collect(),
            ..DescribeConfigsResult::default()
        };
        DescribeConfigsResponse {
            results: vec![result],
            ..DescribeConfigsResponse::default()
        }
    }

    #[test]
    fn a_batch_is_kept_for_half_the_time_by_its_age_and_by_its_date() {
        let now = Instant::now();
        let mut expiration = Expiration::new(DAY);
        expiration.observe_wall_clock(now, NOON_MS);
        let hour = Duration::from_secs(3_600);
        let hour_ms = 3_600_000;
        let cases = [
            (0, Some(0), true),
            (11, Some(11), true),
            (12, Some(0), false),
            (0, Some(12), false),
            (0, Some(-48), true),
            (11, None, true),
            (12, None, false),
        ];
        for (age, dated_back, kept) in cases {
            let later = now + hour * age;
            let wall_ms = NOON_MS + i64::from(age) * hour_ms;
            let last = LastAppend {
                not_before: now,
                timestamp_ms: dated_back.map(|hours: i64| wall_ms - hours * hour_ms),
            };
            let kept_now = expiration.memory(later).keeps(last);
            assert_eq!(kept_now, kept, "{age} hours old, {dated_back:?} back");
        }
    }

    #[test]
    fn dates_do_not_count_before_the_clock_was_seen() {
        let now = Instant::now();
        let last = LastAppend {
            not_before: now,
            timestamp_ms: Some(0),
        };
        assert!(Expiration::new(DAY).memory(now).keeps(last));
    }

    #[test]
    fn the_shortest_memory_that_a_broker_tells_of_replaces_the_setting() {
        let now = Instant::now();
        let mut expiration = Expiration::new(DAY);
        let tell = [
            (1, PRODUCER_ID_EXPIRATION, "172800000", 86_400),
            (2, TRANSACTIONAL_ID_EXPIRATION, "20000", 10),
            (3, "other", "1", 10),
            (2, PRODUCER_ID_EXPIRATION, "60000", 30),
        ];
        for (node, name, value, span_s) in tell {
            let answer = answer(ErrorCode::NONE, &[(name, value)]);
            expiration.told(NodeId(node), &answer);
            let span = expiration.memory(now).span;
            assert_eq!(span, Duration::from_secs(span_s), "{node}: {name}={value}");
        }
    }

    #[test]
    fn who_may_not_ask_asks_no_more() {
        let mut expiration = Expiration::new(DAY);
        expiration.told(NodeId(1), &answer(ErrorCode::UNKNOWN_SERVER_ERROR, &[]));
        assert!(expiration.is_asked());
        let denied = answer(ErrorCode::CLUSTER_AUTHORIZATION_FAILED, &[]);
        expiration.told(NodeId(1), &denied);
        assert!(!expiration.is_asked());
        assert_eq!(expiration.memory(Instant::now()).span, DAY / 2);
    }
}
