//! What a seed decides before anything happens: the configuration, the cluster, who sends how much,
//! and what goes wrong when.
//!
//! Numbers are small, so that little time holds much: timeouts of a second or two, memory for a few
//! batches, batches of a few records.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use kafka_mock::cluster::{ClusterConfig, Fault};
use kafka_producer::settings::{
    Acks, Address, BATCH_OVERHEAD_BYTES, BackoffRange, DnsLookup, Guarantee, MetricsPush, Settings,
    TransactionSettings, UnresolvedPolicy,
};
use kafka_wire::compression::Compression;
use kafka_wire::{ApiKey, ErrorCode};

use crate::faults::FaultKind;

/// The whole of one run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) cluster: ClusterConfig,
    pub(crate) topics: Vec<TopicPlan>,
    pub(crate) callers: Vec<CallerPlan>,
    /// How long things go wrong.
    pub(crate) storm: Duration,
    /// When within the storm, and what.
    pub(crate) faults: Vec<(Duration, FaultKind)>,
    pub(crate) network: NetworkPlan,
    pub(crate) ending: Ending,
    /// The epoch that a producer without transactions begins with: none is left after the last.
    pub(crate) first_epoch: i16,
    /// By how many parts in a million the wall clock of producers is too fast.
    pub(crate) clock_drift_ppm: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct TopicPlan {
    pub(crate) name: Arc<str>,
    pub(crate) partitions: i32,
    pub(crate) max_message_bytes: i32,
}

/// One caller of the producer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallerPlan {
    pub(crate) records: usize,
    /// The longest pause between two records.
    pub(crate) pause_max: Duration,
    /// Of a value, beyond its number.
    pub(crate) filler_max: usize,
    /// By how much the oldest of its records are dated back.
    pub(crate) age_max: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct NetworkPlan {
    pub(crate) latency_min: Duration,
    pub(crate) latency_max: Duration,
    /// By how much the driver may be late, mostly.
    pub(crate) driver_delay_max: Duration,
}

/// How the producer is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// After everything has an outcome.
    Calm,
    /// While everything is on its way.
    InStorm {
        at: Duration,
        patience: Option<Duration>,
    },
}

impl Plan {
    /// The run of this seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let random = &mut random;
        let storm = ms(random.u64(1_000..6_000));
        let cluster = cluster(random);
        let settings = settings(random, &cluster);
        let topics = topics(random, &settings);
        let mut callers = callers(random, &settings, storm);
        let transactional = settings.guarantee.transactional().is_some();
        if transactional {
            // There is one transaction at a time.
            callers.truncate(1);
        }
        let faults = faults(random, storm, transactional);
        let network = network(random);
        let ending = ending(random, storm);
        let first_epoch = [0, 0, i16::MAX - 1, i16::MAX][random.usize(..4)];
        let clock_drift_ppm = match random.bool() {
            true => random.i64(-10_000..=10_000),
            false => 0,
        };
        let mut plan = Self {
            seed,
            settings,
            cluster,
            topics,
            callers,
            storm,
            faults,
            network,
            ending,
            first_epoch,
            clock_drift_ppm,
        };
        plan.prepare_transactions();
        plan.demand_logins();
        plan.exchange_addresses();
        plan.want_metrics();
        plan
    }

    /// The run of this seed, with faults of these kinds only, as far as they fit.
    pub(crate) fn of_kinds(seed: u64, kinds: &[FaultKind]) -> Self {
        let mut plan = Self::of(seed);
        let faults = std::mem::take(&mut plan.faults).into_iter();
        let fitting = kinds.iter().filter(|kind| plan.can_have(**kind));
        let mut fitting = fitting.cycle();
        let faults = faults.filter_map(|(at, _)| Some((at, *fitting.next()?)));
        plan.faults = faults.collect();
        plan
    }

    /// Whether each broker tells the ids of topics. Without, a topic that is made anew cannot be told
    /// from itself.
    pub(crate) fn has_topic_ids(&self) -> bool {
        let caps = &self.cluster.version_caps;
        !caps
            .iter()
            .any(|(api, cap)| *api == ApiKey::METADATA && *cap < 10)
    }

    /// Whether records may be dated so far back that brokers forget their producer at once.
    pub(crate) fn dates_back(&self) -> bool {
        let oldest = self.callers.iter().map(|caller| caller.age_max).max();
        oldest.is_some_and(|oldest| oldest + LATE_MAX >= self.cluster.producer_id_expiration)
    }

    /// Brokers that forget producers too soon for the half of it that a producer takes do not tell how
    /// soon that is.
    pub(crate) fn expiration_denied(&self) -> Option<Fault> {
        let denied = Fault::refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
        (self.cluster.producer_id_expiration < LATE_MAX * 2)
            .then(|| denied.api(ApiKey::DESCRIBE_CONFIGS))
    }

    /// Whether a fault of this kind is planned.
    pub(crate) fn has(&self, kind: FaultKind) -> bool {
        self.faults.iter().any(|(_, planned)| *planned == kind)
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.settings.guarantee.transactional().is_some()
    }

    /// After the faults have stopped, by when connections, metadata and coordinators must be found
    /// again: the longest waits that may be under way, and a few questions.
    pub(crate) fn recovery(&self) -> Duration {
        let settings = &self.settings;
        let setups = 1 + u32::from(settings.security.sasl.is_some());
        let waits = settings.connection_setup.max * setups + settings.reconnect_backoff.max;
        let questions = settings.retry_backoff.max + self.network.latency_max * 4;
        let brokers = *self.cluster.replication_delay.end()
            + *self.cluster.coordinator_load.end()
            + *self.cluster.marker_delay.end();
        waits * 2 + settings.request_timeout * 2 + questions * 8 + brokers * 4 + ms(500)
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn one_in(random: &mut fastrand::Rng, n: u32) -> bool {
    random.u32(..n) == 0
}

fn cluster(random: &mut fastrand::Rng) -> ClusterConfig {
    let brokers = random.u16(1..=4);
    let version_caps = version_caps(random);
    // Brokers that finalize the second generation of transactions speak all that it needs.
    let generations = match version_caps.is_empty() {
        true => [0, 1, 1, 2, 2, 2].as_slice(),
        false => [0, 1].as_slice(),
    };
    let replicas = i16::try_from(brokers.min(3)).unwrap_or(1);
    // Half of all brokers remember producers for as long as by default, the others shortly.
    let producer_id_expiration = match random.u32(..4) {
        0 => LATE_MAX + ms(random.u64(100..1_000)),
        1 => LATE_MAX + ms(random.u64(1_000..3_000)),
        2 => LATE_MAX * 2 + ms(random.u64(0..3_000)),
        _ => DAY,
    };
    ClusterConfig::default()
        .with_brokers(brokers)
        .with_auto_create_topics(false)
        .with_default_replication_factor(3)
        .with_min_insync_replicas(random.i16(1..=replicas.clamp(1, 2)))
        .with_requests_remembered(0)
        .with_version_caps(version_caps)
        .with_transaction_version(generations[random.usize(..generations.len())])
        .with_producer_id_expiration(producer_id_expiration)
        .with_producer_id_expiration_check(ms(random.u64(1..200)))
        .with_transaction_timeout_check(ms(50))
        .with_marker_delay(delay(random, 60))
        .with_replication_delay(delay(random, 30))
        .with_coordinator_load(delay(random, 100))
        .with_broker_session_timeout(ms(random.u64(50..1_500)))
}

/// Brokers as new as can be, or older ones.
fn version_caps(random: &mut fastrand::Rng) -> Vec<(ApiKey, i16)> {
    if !one_in(random, 3) {
        return Vec::new();
    }
    let produce = [8, 9, 11, 12][random.usize(..4)];
    let metadata = [9, 10, 11, 12][random.usize(..4)];
    vec![(ApiKey::PRODUCE, produce), (ApiKey::METADATA, metadata)]
}

fn delay(random: &mut fastrand::Rng, most_ms: u64) -> RangeInclusive<Duration> {
    let most = match random.u32(..3) {
        0 => 0,
        1 => random.u64(..=most_ms / 10 + 1),
        _ => random.u64(..=most_ms),
    };
    Duration::ZERO..=ms(most)
}

fn guarantee(random: &mut fastrand::Rng) -> Guarantee {
    match random.u32(..20) {
        0 => Guarantee::Plain(Acks::None),
        1 | 2 => Guarantee::Plain(Acks::Leader),
        3..6 => Guarantee::Plain(Acks::All),
        6..13 => Guarantee::Idempotent,
        _ => Guarantee::Transactional(TransactionSettings {
            id: Arc::from(TRANSACTIONAL_ID),
            timeout: ms(random.u64(300..6_000)),
            two_phase_commit: false,
        }),
    }
}

fn settings(random: &mut fastrand::Rng, cluster: &ClusterConfig) -> Settings {
    let compression = match random.u32(..12) {
        0 => Compression::Gzip,
        1 => Compression::Snappy,
        2 | 3 => Compression::Lz4,
        4 => Compression::Zstd,
        _ => Compression::None,
    };
    let request_timeout = ms(random.u64(100..1_200));
    let linger = match random.bool() {
        true => Duration::ZERO,
        false => ms(random.u64(1..30)),
    };
    let delivery_timeout = request_timeout + linger + ms(random.u64(200..5_000));
    let max_request_bytes = match random.bool() {
        true => 1 << 20,
        false => random.usize(700..3_000),
    };
    Settings {
        client_id: Arc::from("simulated"),
        bootstrap: bootstrap(random, cluster),
        dns_lookup: DnsLookup::UseAllDnsIps,
        bootstrap_resolve: None,
        guarantee: guarantee(random),
        accumulator: accumulator(random, linger),
        codecs: compression.into(),
        max_block: ms(random.u64(100..3_000)),
        max_request_bytes,
        max_in_flight: random.usize(1..=5),
        request_timeout,
        delivery_timeout,
        retries: match one_in(random, 5) {
            true => random.u32(0..6),
            false => i32::MAX as u32,
        },
        retry_backoff: backoff(random, 5..100, 300),
        drop_timeout: Duration::ZERO,
        unresolved: match random.u32(..12) {
            0 | 1 => UnresolvedPolicy::Fail,
            2 => UnresolvedPolicy::Resend,
            _ => UnresolvedPolicy::Ask,
        },
        producer_id_expiration: assumed_expiration(cluster),
        reconnect_backoff: backoff(random, 5..50, 300),
        connection_setup: backoff(random, 50..300, 600),
        connections_max_idle: one_in(random, 4).then(|| ms(random.u64(100..2_000))),
        metadata_max_age: ms(random.u64(300..5_000)),
        metadata_max_idle: ms(random.u64(2_000..20_000)),
        metadata_recovery: kafka_producer::settings::MetadataRecovery::Rebootstrap {
            trigger: match random.bool() {
                true => ms(random.u64(200..5_000)),
                false => Duration::from_secs(300),
            },
        },
        cluster_check: true,
        partitioning: Default::default(),
        metrics_push: MetricsPush::On { rack: None },
        send_buffer_bytes: None,
        receive_buffer_bytes: None,
        sampling: Default::default(),
        security: Default::default(),
    }
}

/// What a producer may assume that brokers remember, of which it takes half: at most what they do, and
/// so little that what arrives late arrives in time.
fn assumed_expiration(cluster: &ClusterConfig) -> Duration {
    let brokers = cluster.producer_id_expiration;
    brokers.min((brokers - LATE_MAX) * 2)
}

fn accumulator(random: &mut fastrand::Rng, linger: Duration) -> kafka_accumulator::Settings {
    let batch_size = [0, 300, 1_000, 4_000][random.usize(..4)];
    let buffer_memory = random.usize(5_000..60_000);
    // No draw of its own: the seeds that are kept keep their stories.
    let batch_overhead = match buffer_memory % 5 {
        0 => BATCH_OVERHEAD_BYTES,
        _ => 0,
    };
    kafka_accumulator::Settings::default()
        .batch_size(batch_size)
        .linger(linger)
        .buffer_memory(buffer_memory)
        .batch_overhead(batch_overhead)
}

fn backoff(
    random: &mut fastrand::Rng,
    initial: std::ops::Range<u64>,
    more_max: u64,
) -> BackoffRange {
    let initial = ms(random.u64(initial));
    BackoffRange {
        initial,
        max: initial + ms(random.u64(0..more_max)),
    }
}

fn bootstrap(random: &mut fastrand::Rng, cluster: &ClusterConfig) -> Vec<Address> {
    let mut ports: Vec<u16> = (0..cluster.brokers).map(|n| FIRST_PORT + n).collect();
    random.shuffle(&mut ports);
    ports.truncate(random.usize(1..=ports.len()));
    if one_in(random, 4) {
        ports.push(NOBODYS_PORT);
    }
    let address = |port| Address::new("127.0.0.1", port);
    ports.into_iter().map(address).collect()
}

fn topics(random: &mut fastrand::Rng, settings: &Settings) -> Vec<TopicPlan> {
    let names = ["orders", "payments", "events"];
    let small = i32::try_from(settings.accumulator.batch_size / 2).unwrap_or(i32::MAX);
    let count = random.usize(1..=names.len());
    let topic = |&name: &&str| TopicPlan {
        name: Arc::from(name),
        partitions: random.i32(1..=4),
        max_message_bytes: match small > 200 && one_in(random, 5) {
            true => small,
            false => 1 << 20,
        },
    };
    names[..count].iter().map(topic).collect()
}

fn callers(random: &mut fastrand::Rng, settings: &Settings, storm: Duration) -> Vec<CallerPlan> {
    let most = settings
        .max_request_bytes
        .min(settings.accumulator.buffer_memory)
        / 2;
    let count = random.usize(1..=4);
    // Who repeats what happened the other day dates it back.
    let age_max = match random.u32(..8) {
        0 => DAY * 3,
        1 => DAY + ms(2_000),
        2 => ms(random.u64(1..6_000)),
        _ => Duration::ZERO,
    };
    let caller = |_| {
        let records = random.usize(20..120);
        let even = storm / records as u32;
        CallerPlan {
            records,
            pause_max: even * random.u32(0..3),
            filler_max: random.usize(1..most.min(600)),
            age_max,
        }
    };
    (0..count).map(caller).collect()
}

fn faults(
    random: &mut fastrand::Rng,
    storm: Duration,
    transactional: bool,
) -> Vec<(Duration, FaultKind)> {
    let count = match random.u32(..20) {
        0 => 0,
        1..6 => random.usize(1..6),
        _ => random.usize(6..30),
    };
    let storm_us = storm.as_micros() as u64;
    let fault = |_| {
        let at = Duration::from_micros(random.u64(..storm_us));
        (at, FaultKind::any(random, transactional))
    };
    (0..count).map(fault).collect()
}

fn network(random: &mut fastrand::Rng) -> NetworkPlan {
    let latency_min = Duration::from_micros(random.u64(20..2_000));
    NetworkPlan {
        latency_min,
        latency_max: latency_min + Duration::from_micros(random.u64(10..8_000)),
        driver_delay_max: match random.u32(..3) {
            0 => Duration::from_micros(1),
            1 => Duration::from_micros(100),
            _ => Duration::from_micros(3_000),
        },
    }
}

fn ending(random: &mut fastrand::Rng, storm: Duration) -> Ending {
    if !one_in(random, 7) {
        return Ending::Calm;
    }
    let at = Duration::from_micros(random.u64(..storm.as_micros() as u64));
    let patience = random.bool().then(|| ms(random.u64(0..1_500)));
    Ending::InStorm { at, patience }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            guarantee,
            accumulator,
            codecs,
            ..
        } = &self.settings;
        writeln!(
            f,
            "seed {}: {guarantee:?}, {codecs:?}, {accumulator:?}",
            self.seed
        )?;
        let settings = &self.settings;
        writeln!(
            f,
            "  in flight {}, retries {}, request {:?}, delivery {:?}, block {:?}, request bytes {}",
            settings.max_in_flight,
            settings.retries,
            settings.request_timeout,
            settings.delivery_timeout,
            settings.max_block,
            settings.max_request_bytes,
        )?;
        writeln!(
            f,
            "  retry {:?}, reconnect {:?}, setup {:?}, idle {:?}, metadata age {:?}",
            settings.retry_backoff,
            settings.reconnect_backoff,
            settings.connection_setup,
            settings.connections_max_idle,
            settings.metadata_max_age,
        )?;
        writeln!(f, "  {:?}", self.cluster)?;
        writeln!(f, "  {:?}", self.topics)?;
        writeln!(f, "  {:?}", self.callers)?;
        writeln!(f, "  {:?}", self.network)?;
        write!(
            f,
            "  producer id expiration {:?}, {} faults in {:?}, ending {:?}, first epoch {}",
            self.settings.producer_id_expiration,
            self.faults.len(),
            self.storm,
            self.ending,
            self.first_epoch,
        )
    }
}

/// The port of the first broker of the model, and one where nobody listens.
pub(crate) const FIRST_PORT: u16 = 9092;
const NOBODYS_PORT: u16 = 9999;

/// Longer than any request takes from the producer to the log: through a slow network, a broker that
/// does nothing for a while, and one that is late. A copy of a batch may come that much later than
/// it was sent, by a clock that is a little off; what producers take brokers' memory for must be
/// shorter by that.
const LATE_MAX: Duration = Duration::from_secs(8);

/// Brokers that remember for longer than this do so for the whole of a run.
pub(crate) const LULL_MAX: Duration = Duration::from_secs(20);

/// How long brokers remember a producer by default.
const DAY: Duration = Duration::from_secs(86_400);

/// Of every transactional producer.
pub(crate) const TRANSACTIONAL_ID: &str = "till";
