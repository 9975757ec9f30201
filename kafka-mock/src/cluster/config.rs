//! What can be chosen about the cluster and its topics, with Apache Kafka 4's defaults.
//!
//! Plain data; nothing here decides. `topic_config` reads the same settings by Kafka's names.

use std::{ops::RangeInclusive, time::Duration};

use kafka_wire::{ApiKey, records::TimestampType};

use super::{
    acl::Authorizer,
    defect::Defect,
    partition::UncleanElection,
    quota::{Quota, QuotaEntity},
    sasl::SaslConfig,
    setters::settings,
    telemetry::TelemetryConfig,
};

settings! {
    /// What can be chosen about the cluster.
    ///
    /// ```
    /// use kafka_mock::cluster::ClusterConfig;
    ///
    /// let config = ClusterConfig::default().with_brokers(3);
    /// assert_eq!(config.topic(6).replication_factor, 3);
    /// ```
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ClusterConfig {
        /// How many brokers there are; their ids count from 1.
        pub brokers: u16,
        /// `broker.rack` of the brokers, in the order of their ids; those after the last one have none.
        pub racks: Vec<String>,
        /// Whether asking for the metadata of a topic creates it (`auto.create.topics.enable`).
        pub auto_create_topics: bool,
        /// Partitions of a topic by default (`num.partitions`).
        pub default_partitions: i32,
        /// Replicas of a partition by default; no more than there are brokers. Kafka's
        /// own default is 1; 3 lets a broker be killed without loss of service.
        pub default_replication_factor: i16,
        /// `min.insync.replicas` of topics that have none of their own.
        pub min_insync_replicas: i16,
        /// `message.max.bytes`: the largest batch, for topics that have none of their own.
        pub message_max_bytes: i32,
        /// `socket.request.max.bytes`: the largest request.
        pub request_max_bytes: usize,
        /// How many requests [`Cluster::requests`](super::Cluster::requests) remembers.
        pub requests_remembered: usize,
        /// Versions of APIs above which a broker offers none, as an older one would.
        pub version_caps: Vec<(ApiKey, i16)>,
        /// The finalized level of the feature `transaction.version` at the start, 0 to 2: clients
        /// of level 2 add partitions by writing to them (KIP-890).
        pub transaction_version: i16,
        /// Whether transactions can be prepared (KIP-939).
        pub two_phase_commit: TwoPhaseCommit,
        /// `producer.id.expiration.ms`: a partition forgets an idempotent producer whose last batch
        /// has a largest timestamp that is this old, unless a transaction of it is open there.
        pub producer_id_expiration: Duration,
        /// `producer.id.expiration.check.interval.ms`: how often such producers are looked for.
        pub producer_id_expiration_check: Duration,
        /// `transaction.max.timeout.ms`: the longest timeout that a producer may ask for.
        pub transaction_timeout_max: Duration,
        /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`: how often transactions
        /// that took too long are looked for.
        pub transaction_timeout_check: Duration,
        /// How long the marker of a decided transaction takes to reach a partition.
        pub marker_delay: RangeInclusive<Duration>,
        /// How long an appended batch takes to reach the followers.
        pub replication_delay: RangeInclusive<Duration>,
        /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more members when the
        /// first one joins. Kafka's own default is three seconds.
        pub group_initial_rebalance_delay: Duration,
        /// `group.consumer.session.timeout.ms`: how long a member of a group of KIP-848 may be silent.
        pub group_session_timeout: Duration,
        /// `group.consumer.heartbeat.interval.ms`: how often such a member is to be heard.
        pub group_heartbeat_interval: Duration,
        /// `group.min.session.timeout.ms` and `group.max.session.timeout.ms`: what members of the
        /// classic protocol may ask for.
        pub group_session_timeouts: RangeInclusive<Duration>,
        /// How long a new coordinator loads what its predecessor knew.
        pub coordinator_load: RangeInclusive<Duration>,
        /// `broker.session.timeout.ms`: how long a frozen broker still counts as alive.
        pub broker_session_timeout: Duration,
        /// `unclean.leader.election.enable`.
        pub unclean_election: UncleanElection,
        /// How clients authenticate (SASL); `None`: they do not.
        pub sasl: Option<SaslConfig>,
        /// Who may do what; `None`: everybody may do everything.
        pub authorizer: Option<Authorizer>,
        /// Which metrics of clients the brokers want (KIP-714); `None`: they do not receive any.
        pub telemetry: Option<TelemetryConfig>,
        /// How many bytes per second clients may write and read.
        pub quotas: Vec<(QuotaEntity, Quota)>,
        /// A promise that the brokers break; for tests of checkers only.
        pub defect: Option<Defect>,
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            brokers: 1,
            racks: Vec::new(),
            auto_create_topics: true,
            default_partitions: 1,
            default_replication_factor: 3,
            min_insync_replicas: 1,
            message_max_bytes: 1_048_588,
            request_max_bytes: kafka_wire::FRAME_BYTES_MAX_DEFAULT,
            requests_remembered: 100_000,
            version_caps: Vec::new(),
            transaction_version: 2,
            two_phase_commit: TwoPhaseCommit::NotOffered,
            producer_id_expiration: Duration::from_secs(86_400),
            producer_id_expiration_check: Duration::from_secs(600),
            transaction_timeout_max: Duration::from_secs(900),
            transaction_timeout_check: Duration::from_secs(10),
            marker_delay: Duration::ZERO..=Duration::ZERO,
            replication_delay: Duration::ZERO..=Duration::ZERO,
            group_initial_rebalance_delay: Duration::ZERO,
            group_session_timeout: Duration::from_secs(45),
            group_heartbeat_interval: Duration::from_secs(5),
            group_session_timeouts: Duration::from_secs(6)..=Duration::from_secs(1800),
            coordinator_load: Duration::ZERO..=Duration::ZERO,
            broker_session_timeout: Duration::from_secs(9),
            unclean_election: UncleanElection::Refused,
            sasl: None,
            authorizer: None,
            telemetry: None,
            quotas: Vec::new(),
            defect: None,
        }
    }
}

impl ClusterConfig {
    /// A topic of `partitions` partitions with this cluster's defaults.
    ///
    /// ```
    /// use kafka_mock::cluster::ClusterConfig;
    ///
    /// assert_eq!(ClusterConfig::default().topic(6).partitions, 6);
    /// ```
    #[must_use]
    pub fn topic(&self, partitions: i32) -> TopicConfig {
        let brokers = i16::try_from(self.brokers).unwrap_or(i16::MAX);
        TopicConfig {
            partitions,
            replication_factor: self.default_replication_factor.min(brokers),
            min_insync_replicas: self.min_insync_replicas,
            max_message_bytes: self.message_max_bytes,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: HOUR_MS,
            cleanup: Cleanup::Delete,
        }
    }
}

settings! {
    /// What can be chosen about a topic.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cleanup, ClusterConfig};
    ///
    /// let defaults = ClusterConfig::default().topic(1);
    /// let compacted = defaults.with_cleanup(Cleanup::Compact);
    /// assert_eq!(compacted.partitions, 1);
    /// ```
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TopicConfig {
        /// How many partitions.
        pub partitions: i32,
        /// How many replicas of each.
        pub replication_factor: i16,
        /// In-sync replicas without which `acks=all` is refused (`min.insync.replicas`).
        pub min_insync_replicas: i16,
        /// The largest batch (`max.message.bytes`).
        pub max_message_bytes: i32,
        /// Whose timestamps are kept (`message.timestamp.type`).
        pub timestamp_type: TimestampType,
        /// How far behind the broker's clock a timestamp may be
        /// (`message.timestamp.before.max.ms`).
        pub timestamp_before_max_ms: i64,
        /// How far ahead of the broker's clock a timestamp may be
        /// (`message.timestamp.after.max.ms`).
        pub timestamp_after_max_ms: i64,
        /// What becomes of old records (`cleanup.policy`); nothing is ever removed here, but a
        /// compacted topic refuses records without a key.
        pub cleanup: Cleanup,
    }
}

/// How brokers take part in two-phase commit (KIP-939).
///
/// ```
/// use kafka_mock::cluster::{ClusterConfig, TwoPhaseCommit};
///
/// assert_eq!(ClusterConfig::default().two_phase_commit, TwoPhaseCommit::NotOffered);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TwoPhaseCommit {
    /// They offer no version of InitProducerId that could ask for it: `unstable.api.versions.enable=false`.
    #[default]
    NotOffered,
    /// They offer one, and refuse who asks: `transaction.two.phase.commit.enable=false`.
    Off,
    /// A transaction never times out, but is not kept over its producer, as with Apache Kafka 4.4.
    WithoutKeeping,
    /// A transaction never times out, and may be kept over its producer.
    On,
}

/// `cleanup.policy`.
///
/// ```
/// assert_eq!(kafka_mock::cluster::Cleanup::default(), kafka_mock::cluster::Cleanup::Delete);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cleanup {
    /// By age and size.
    #[default]
    Delete,
    /// The last record of each key is kept.
    Compact,
    /// Both.
    CompactAndDelete,
    /// Neither: all records stay, as with an empty list.
    Keep,
}

impl Cleanup {
    /// Whether records need a key, by which they are compacted.
    pub(super) fn is_compacting(self) -> bool {
        matches!(self, Self::Compact | Self::CompactAndDelete)
    }
}

const HOUR_MS: i64 = 3_600_000;
