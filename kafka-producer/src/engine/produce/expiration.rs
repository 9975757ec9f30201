//! How long brokers remember this producer.
//!
//! A broker takes a producer's batches in their order because it remembers the last one that it has
//! appended of it in the partition. It forgets a producer when the latest timestamp of that batch is
//! older than `producer.id.expiration.ms` (`ProducerStateManager`): after a day of silence, and at any
//! moment if records are dated a day back. A replica that was built anew may never have known it. A
//! producer that is not known may begin with any number, so its second batch gets in without its first.
//! Hence four rules:
//!
//! - *Several batches of a partition are in flight* only to a leader that has confirmed a batch of this
//!   producer since it was elected, while what it may have appended since is young enough. Else the first
//!   one goes alone (`Lane::next`).
//! - *A later batch speaks for an earlier one* only if it was sent by the rule above, and everything was
//!   still young enough when its answer came (`acknowledgement.rs`, `lane/unresolved.rs`).
//! - *An attempt without an answer* that is too old is not repeated: its broker may have appended and
//!   forgotten it. The leader is asked; what it cannot rule out ends as possibly persisted.
//! - *A request without an answer may still arrive*, when its batch was sent again and acknowledged. A
//!   broker that remembers the producer recognises the duplicate. A batch that is dated too far back to be
//!   remembered would make it forget; so that batch does not go under the same id, but under a new one
//!   (`Lane::must_precede`). What may be in the log under the old id is not sent under the new one: it ends
//!   as possibly persisted.
//!
//! Half of what brokers allow counts as young enough. The other half is for requests that arrive late,
//! and for clocks that differ. Brokers tell their setting when a connection is made (DescribeConfigs);
//! of one that does not, the producer's own `producer.id.expiration.ms` counts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_accumulator::Batch;
use kafka_wire::ErrorCode;
use kafka_wire::messages::describe_configs::{
    DescribeConfigsResourceResult, DescribeConfigsResponse,
};

use crate::engine::cluster::node_id::NodeId;

use crate::error::DeliveryError;

/// What a broker remembers a producer by: the batch that it has appended last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastAppend {
    /// From when on its age counts: it was not appended before, or was there then.
    pub(crate) age_from: Instant,
    /// Its latest timestamp: that of its records, or of the broker where it dates batches itself.
    pub(crate) timestamp_ms: i64,
}

impl LastAppend {
    pub(crate) fn of(batch: &Batch<DeliveryError>) -> Self {
        Self {
            age_from: batch.created(),
            timestamp_ms: batch.max_timestamp_ms(),
        }
    }
}

/// What is remembered at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BrokerMemory {
    now: Instant,
    /// The system's clock, if the engine was told what it shows.
    wall_ms: Option<i64>,
    /// For so long a batch is sure to be remembered.
    span: Duration,
    /// The same, in whole milliseconds: a date that is not so far back is within it.
    span_ms: i64,
}

impl BrokerMemory {
    /// What the system's clock shows, if that is known.
    pub(crate) fn wall_ms(&self) -> Option<i64> {
        self.wall_ms
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Whether a request that was given up then may still arrive.
    pub(crate) fn may_still_arrive(&self, since: Instant) -> bool {
        self.now.saturating_duration_since(since) < self.span
    }

    /// Whether a broker that has appended this batch last is sure to remember it.
    pub(crate) fn keeps(&self, last: LastAppend) -> bool {
        let age = self.now.saturating_duration_since(last.age_from);
        // A date in the future is forgotten later than this assumes.
        let dated_back_ms = self
            .wall_ms
            .map_or(0, |wall_ms| wall_ms.saturating_sub(last.timestamp_ms));
        age < self.span && dated_back_ms.max(0) < self.span_ms
    }

    fn remember_for(&mut self, span: Duration) {
        let span_ms = span.as_nanos().div_ceil(1_000_000);
        self.span = span;
        self.span_ms = i64::try_from(span_ms).unwrap_or(i64::MAX);
    }
}

/// What is known of the brokers' `producer.id.expiration.ms`.
#[derive(Debug)]
pub(crate) struct Expiration {
    /// The producer's own setting, for brokers that do not tell.
    setting: Duration,
    brokers: BTreeMap<NodeId, Told>,
    /// By whoever leads, now.
    memory: BrokerMemory,
    asking: Asking,
    /// What the system's clock showed, and when.
    wall_clock: Option<(Instant, i64)>,
}

/// What a broker has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing yet: it has hung up on the question so often in a row.
    HungUp(u32),
    Time(Duration),
    /// It does not tell, and is not asked again.
    Nothing,
}

/// Whether brokers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Allowed,
    /// One has refused: it takes the right to describe the cluster's configuration.
    Denied,
}

impl Expiration {
    pub(crate) fn new(setting: Duration, now: Instant) -> Self {
        let mut memory = BrokerMemory {
            now,
            wall_ms: None,
            span: Duration::ZERO,
            span_ms: 0,
        };
        memory.remember_for(setting / 2);
        Self {
            setting,
            brokers: BTreeMap::new(),
            memory,
            asking: Asking::Allowed,
            wall_clock: None,
        }
    }

    /// Notes what the system's clock shows.
    pub(crate) fn observe_wall_clock(&mut self, now: Instant, wall_ms: i64) {
        self.wall_clock = Some((now, wall_ms));
    }

    /// It is `now`.
    pub(crate) fn pass(&mut self, now: Instant) {
        let elapsed_ms = |since| {
            let elapsed: Duration = now.saturating_duration_since(since);
            i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
        };
        self.memory.now = now;
        self.memory.wall_ms = self
            .wall_clock
            .map(|(since, wall_ms)| wall_ms.saturating_add(elapsed_ms(since)));
    }

    /// What is remembered now.
    pub(crate) fn memory(&self) -> BrokerMemory {
        self.memory
    }

    pub(super) fn asks(&self, id: NodeId) -> bool {
        self.asking == Asking::Allowed && self.brokers.get(&id) != Some(&Told::Nothing)
    }

    /// A broker has answered.
    pub(crate) fn told(&mut self, id: NodeId, answer: &DescribeConfigsResponse) {
        let mut told = Told::Nothing;
        for result in &answer.results {
            match result.error_code {
                ErrorCode::NONE => {
                    let time = self.setting_of(&result.configs);
                    told = time.map_or(told, Told::Time);
                }
                ErrorCode::CLUSTER_AUTHORIZATION_FAILED => self.asking = Asking::Denied,
                _ => {}
            }
        }
        self.note(id, told);
    }

    /// A broker's answer cannot be read.
    pub(crate) fn not_told(&mut self, id: NodeId) {
        self.note(id, Told::Nothing);
    }

    /// A connection was lost while this question was the one to be answered next. A broker that hangs up on
    /// it each time is not asked any more.
    pub(crate) fn hung_up(&mut self, id: NodeId) {
        let told = match self.brokers.get(&id) {
            Some(Told::HungUp(times)) if *times >= HUNG_UP_MAX => Told::Nothing,
            Some(Told::HungUp(times)) => Told::HungUp(times + 1),
            Some(told) => *told,
            None => Told::HungUp(1),
        };
        self.note(id, told);
    }

    fn note(&mut self, id: NodeId, told: Told) {
        self.brokers.insert(id, told);
        // Any broker may come to lead any partition, so the shortest memory counts.
        let times = self.brokers.values().map(|told| match told {
            Told::Time(time) => *time,
            Told::HungUp(_) | Told::Nothing => self.setting,
        });
        let shortest = times.min().unwrap_or(self.setting);
        self.memory.remember_for(shortest / 2);
    }

    /// Before `producer.id.expiration.ms` (KIP-854) the expiration of transactional ids held for all.
    fn setting_of(&self, configs: &[DescribeConfigsResourceResult]) -> Option<Duration> {
        let find = |name: &str| {
            let config = configs.iter().find(|config| config.name == name)?;
            config
                .value
                .as_deref()?
                .parse()
                .ok()
                .map(Duration::from_millis)
        };
        let own = find(PRODUCER_ID_EXPIRATION);
        own.or_else(|| find(TRANSACTIONAL_ID_EXPIRATION).map(|time| time.min(self.setting)))
    }
}

/// So often a question is asked anew on which a broker hangs up.
const HUNG_UP_MAX: u32 = 2;
pub(super) const PRODUCER_ID_EXPIRATION: &str = "producer.id.expiration.ms";
pub(super) const TRANSACTIONAL_ID_EXPIRATION: &str = "transactional.id.expiration.ms";

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOON_MS: i64 = 1_700_000_000_000;

    fn answer(error_code: ErrorCode, configs: &[(&str, &str)]) -> DescribeConfigsResponse {
        use kafka_wire::messages::describe_configs::DescribeConfigsResult;
        let config = |(name, value): &(&str, &str)| {
            DescribeConfigsResourceResult::default()
                .with_name((*name).to_owned())
                .with_value(Some((*value).to_owned()))
        };
        let result = DescribeConfigsResult::default()
            .with_error_code(error_code)
            .with_configs(configs.iter().map(config).collect());
        DescribeConfigsResponse::default().with_results(vec![result])
    }

    #[test]
    fn a_batch_is_kept_for_half_the_time_by_its_age_and_by_its_date() {
        let now = Instant::now();
        let mut expiration = Expiration::new(DAY, now);
        expiration.observe_wall_clock(now, NOON_MS);
        let hour = Duration::from_secs(3_600);
        let hour_ms = 3_600_000;
        let cases = [
            (0, 0, true),
            (11, 11, true),
            (12, 0, false),
            (0, 12, false),
            (0, -48, true),
        ];
        for (age, dated_back, kept) in cases {
            let later = now + hour * age;
            let wall_ms = NOON_MS + i64::from(age) * hour_ms;
            let last = LastAppend {
                age_from: now,
                timestamp_ms: wall_ms - dated_back * hour_ms,
            };
            expiration.pass(later);
            let kept_now = expiration.memory().keeps(last);
            assert_eq!(kept_now, kept, "{age} hours old, {dated_back} back");
        }
    }

    #[test]
    fn dates_do_not_count_before_the_clock_was_seen() {
        let now = Instant::now();
        let last = LastAppend {
            age_from: now,
            timestamp_ms: 0,
        };
        assert!(Expiration::new(DAY, now).memory().keeps(last));
    }

    #[test]
    fn the_shortest_memory_counts_and_of_a_broker_that_does_not_tell_the_setting() {
        let mut expiration = Expiration::new(DAY, Instant::now());
        let tell = [
            (1, PRODUCER_ID_EXPIRATION, "172800000", 86_400),
            (2, TRANSACTIONAL_ID_EXPIRATION, "604800000", 43_200),
            (2, TRANSACTIONAL_ID_EXPIRATION, "20000", 10),
            (2, PRODUCER_ID_EXPIRATION, "172800000", 86_400),
            (3, "other", "1", 43_200),
            (2, PRODUCER_ID_EXPIRATION, "60000", 30),
        ];
        for (node, name, value, span_s) in tell {
            let answer = answer(ErrorCode::NONE, &[(name, value)]);
            expiration.told(NodeId(node), &answer);
            let span = expiration.memory().span;
            assert_eq!(span, Duration::from_secs(span_s), "{node}: {name}={value}");
        }
    }

    #[test]
    fn who_may_not_ask_asks_no_more() {
        let mut expiration = Expiration::new(DAY, Instant::now());
        expiration.told(NodeId(1), &answer(ErrorCode::UNKNOWN_SERVER_ERROR, &[]));
        assert!(!expiration.asks(NodeId(1)), "it does not tell");
        assert!(expiration.asks(NodeId(2)));
        let denied = answer(ErrorCode::CLUSTER_AUTHORIZATION_FAILED, &[]);
        expiration.told(NodeId(1), &denied);
        assert!(!expiration.asks(NodeId(2)));
        assert_eq!(expiration.memory().span, DAY / 2);
    }

    #[test]
    fn who_hangs_up_on_the_question_is_asked_three_times() {
        let mut expiration = Expiration::new(DAY, Instant::now());
        for _ in 0..3 {
            assert!(expiration.asks(NodeId(1)));
            expiration.hung_up(NodeId(1));
        }
        assert!(!expiration.asks(NodeId(1)));
    }
}
