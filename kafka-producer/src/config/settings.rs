//! What the engine and the driver use: the configuration after every check.
//!
//! `ProducerConfig` is what users write, with Kafka's names and defaults, and may contradict itself.
//! [`Settings`] is made from it once, when the producer is built, and has no room for a contradiction,
//! so that nothing after this point validates anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_wire::compression::{Compression, CompressionLevel};

pub use super::address::Address;
pub use super::choices::{Acks, DnsLookup, MetadataRecovery, UnresolvedPolicy};
#[cfg(not(feature = "unstable-engine"))]
pub(crate) use crate::security::Security;
#[cfg(feature = "unstable-engine")]
pub use crate::security::Security;

/// Consistent settings of one producer.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `client.id`, sent with every request.
    pub client_id: Arc<str>,
    /// `bootstrap.servers`: at least one.
    pub bootstrap: Vec<Address>,
    /// `client.dns.lookup`: by which names the bootstrap servers are known.
    pub dns_lookup: DnsLookup,
    /// `bootstrap.resolve.timeout.ms`: the producer fails if none of their names is resolved in that time;
    /// `None`: never.
    pub bootstrap_resolve: Option<Duration>,
    /// What is promised of a record that reports success.
    pub guarantee: Guarantee,
    /// `batch.size`, `linger.ms`, `buffer.memory`.
    pub accumulator: kafka_accumulator::Settings,
    /// `compression.*`.
    pub codecs: Codecs,
    /// `max.block.ms`: how long a send may wait for metadata and memory together.
    pub max_block: Duration,
    /// `max.request.size`: bounds a request and thereby a record, before compression.
    pub max_request_bytes: usize,
    /// `max.in.flight.requests.per.connection`: produce requests awaiting their answer.
    pub max_in_flight: usize,
    /// `request.timeout.ms`: how long an answer may take before its connection is given up.
    pub request_timeout: Duration,
    /// `delivery.timeout.ms`: from the append to the outcome, whatever happens between.
    pub delivery_timeout: Duration,
    /// `retries`: attempts after the first.
    pub retries: u32,
    /// `retry.backoff.ms` to `retry.backoff.max.ms`.
    pub retry_backoff: BackoffRange,
    /// `drop.timeout.ms`: how long dropping the last handle waits for what was accepted.
    pub drop_timeout: Duration,
    /// `unresolved.batch.policy`: what becomes of a batch that may be in the log.
    pub unresolved: UnresolvedPolicy,
    /// `producer.id.expiration.ms`: how long a broker that does not tell is taken to remember a
    /// producer after its last batch in a partition.
    pub producer_id_expiration: Duration,
    /// `reconnect.backoff.ms` to `reconnect.backoff.max.ms`.
    pub reconnect_backoff: BackoffRange,
    /// `socket.connection.setup.timeout.ms` to `….max.ms`.
    pub connection_setup: BackoffRange,
    /// `connections.max.idle.ms`; `None`: connections are kept.
    pub connections_max_idle: Option<Duration>,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Duration,
    /// `metadata.max.idle.ms`: a topic unused for that long is no longer asked about.
    pub metadata_max_idle: Duration,
    /// `metadata.recovery.strategy`, and `metadata.recovery.rebootstrap.trigger.ms` with it.
    pub metadata_recovery: MetadataRecovery,
    /// `metadata.cluster.check.enable`: whether brokers are asked if they are those that are meant; never
    /// without beginning anew.
    pub cluster_check: bool,
    /// What threads that choose partitions are told of their leaders.
    pub partitioning: Partitioning,
    /// `enable.metrics.push`.
    pub metrics_push: MetricsPush,
    /// `send.buffer.bytes`; `None`: the operating system's choice.
    pub send_buffer_bytes: Option<u32>,
    /// `receive.buffer.bytes`; `None`: the operating system's choice.
    pub receive_buffer_bytes: Option<u32>,
    /// `metrics.num.samples` and `metrics.sample.window.ms`.
    pub sampling: Sampling,
    /// `security.protocol`, `ssl.*` and `sasl.*`.
    pub security: Security,
}

/// What batches are compressed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codecs {
    general: Codec,
    by_topic: BTreeMap<Arc<str>, Codec>,
    /// Asked with each request.
    compress: bool,
}

/// A codec, and how hard it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    /// Which.
    pub compression: Compression,
    /// `compression.*.level` of it.
    pub level: CompressionLevel,
}

impl Codec {
    /// This one, with its default level.
    pub fn new(compression: Compression) -> Self {
        let level = CompressionLevel::default_of(compression);
        Self { compression, level }
    }
}

/// None.
impl Default for Codec {
    fn default() -> Self {
        Self::new(Compression::None)
    }
}

/// Of every topic.
impl From<Compression> for Codecs {
    fn from(compression: Compression) -> Self {
        Self::new(Codec::new(compression), BTreeMap::new())
    }
}

impl Codecs {
    /// `general` for all topics but these.
    pub fn new(general: Codec, by_topic: BTreeMap<Arc<str>, Codec>) -> Self {
        let mut all = [general].into_iter().chain(by_topic.values().copied());
        let compress = all.any(|codec| codec.compression != Compression::None);
        Self {
            general,
            by_topic,
            compress,
        }
    }

    /// That of a topic.
    pub fn of(&self, topic: &str) -> Codec {
        // Mostly empty.
        let own = self.by_topic.get(topic);
        own.copied().unwrap_or(self.general)
    }

    /// Whether a topic of this name, or of any other, is compressed.
    pub fn compress(&self) -> bool {
        self.compress
    }

    /// Those that may be used.
    pub fn all(&self) -> impl Iterator<Item = Codec> {
        let by_topic = self.by_topic.values().copied();
        [self.general].into_iter().chain(by_topic)
    }
}

/// Which measurements averages, maxima and rates are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// `metrics.num.samples`: so many windows.
    pub samples: u32,
    /// `metrics.sample.window.ms`: how long each is.
    pub window: Duration,
}

/// Kafka's.
impl Default for Sampling {
    fn default() -> Self {
        Self {
            samples: 2,
            window: Duration::from_secs(30),
        }
    }
}

/// What a success means, and what is done for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// No producer id: a retry may duplicate, and with several requests in flight reorder.
    Plain(Acks),
    /// `enable.idempotence`: `acks=all`, and the broker drops what it has already (KIP-98).
    Idempotent,
    /// `transactional.id`: idempotent, and records become visible together or not at all.
    Transactional(TransactionSettings),
}

/// The id of a transactional producer, and how long its transactions may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionSettings {
    /// `transactional.id`: of two producers with the same one, the later fences the earlier.
    pub id: Arc<str>,
    /// `transaction.timeout.ms`: the coordinator aborts a transaction that is open for longer.
    pub timeout: Duration,
    /// `transaction.two.phase.commit.enable`: transactions may be prepared, and never time out (KIP-939).
    pub two_phase_commit: bool,
}

impl Guarantee {
    /// The `acks` that every produce request asks for.
    pub fn acks(&self) -> Acks {
        match self {
            Self::Plain(acks) => *acks,
            Self::Idempotent | Self::Transactional(_) => Acks::All,
        }
    }

    /// The settings of a transactional producer.
    pub fn transactional(&self) -> Option<&TransactionSettings> {
        match self {
            Self::Transactional(settings) => Some(settings),
            Self::Plain(_) | Self::Idempotent => None,
        }
    }
}

/// What counts of a partition when one is chosen for records without a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partitioning {
    /// `partitioner.adaptive.partitioning.enable`.
    pub adaptive: Adaptive,
    /// `client.rack`, if `partitioner.rack.aware`.
    pub own_rack: Option<Arc<str>>,
}

impl Partitioning {
    /// `partitioner.availability.timeout.ms`, if it counts.
    pub fn availability_timeout(&self) -> Option<Duration> {
        match self.adaptive {
            Adaptive::On {
                availability_timeout,
            } => availability_timeout,
            Adaptive::Off => None,
        }
    }
}

/// Whether it counts how many batches wait for a partition (KIP-794).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adaptive {
    /// It does not.
    Off,
    /// It does.
    On {
        /// `partitioner.availability.timeout.ms`: how long the leader of a partition may take
        /// nothing before the partition is left out; `None`: for ever.
        availability_timeout: Option<Duration>,
    },
}

impl Default for Adaptive {
    fn default() -> Self {
        let availability_timeout = None;
        Self::On {
            availability_timeout,
        }
    }
}

/// Whether metrics are pushed to brokers that ask for them (KIP-714).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MetricsPush {
    /// They are not.
    #[default]
    Off,
    /// They are.
    On {
        /// `client.rack`, which they are labelled with.
        rack: Option<Arc<str>>,
    },
}

/// A waiting time that doubles from `initial` to `max` with every failure in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffRange {
    /// After the first failure.
    pub initial: Duration,
    /// Never more than this, before jitter.
    pub max: Duration,
}

/// The memory of a batch beside its records: its completion, its place in the partition's queue and in
/// a request, and the result in an answer. `tests/memory.rs` measures it.
pub const BATCH_OVERHEAD_BYTES: usize = 768;
