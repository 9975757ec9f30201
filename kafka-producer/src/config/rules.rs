//! Kafka's rules between properties, and the settings that result.
//!
//! The rules are those of Apache Kafka 4.4: the same values are accepted, rejected and adjusted. A value
//! that was set explicitly is rejected where it contradicts another; a default is adjusted. A property
//! whose own value is invalid takes part in no rule.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kafka_wire::STRING_BYTES_MAX;

use super::address::{ADDRESS_FORM, Address, parse_address};
use super::choices::{Acks, DnsLookup, MetadataRecovery, PartitionerClass, SecurityProtocol};
use super::codec;
use super::error::{ConfigError, Warning};
use super::interceptors;
use super::other_names;
use super::partitioners::{ChosenPartitioner, partitioner, partitioning};
use super::plugins::{Plugins, ReporterFactory};
use super::providers::{self, Provided};
use super::reporters::reporters;
use super::security;
use super::settings::{
    BATCH_OVERHEAD_BYTES, BackoffRange, Guarantee, MetricsPush, Sampling, Settings,
    TransactionSettings,
};
use super::values::{Findings, Values};
use crate::security::{Security, TokenProvider};

/// A configuration in which nothing is wrong: what a producer that is built from it goes by.
///
/// ```
/// use kafka_producer::{Acks, ProducerConfig};
///
/// let checked = ProducerConfig::new().bootstrap_servers(["kafka-1:9092"]).check()?;
/// assert_eq!(checked.bootstrap_servers()[0].host, "kafka-1");
/// assert_eq!(checked.acks(), Acks::All);
/// assert!(checked.is_idempotent() && checked.warnings().is_empty());
/// # Ok::<(), kafka_producer::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checked {
    pub(crate) settings: Settings,
    pub(crate) partitioner: ChosenPartitioner,
    /// Those of `metric.reporters` that the program has given.
    #[cfg_attr(
        not(feature = "tokio"),
        allow(dead_code, reason = "the builder of producers goes by it")
    )]
    pub(crate) reporters: Vec<ReporterFactory>,
    pub(crate) warnings: Vec<Warning>,
    /// What no message may show, also later.
    #[cfg_attr(
        not(feature = "tokio"),
        allow(dead_code, reason = "the builder of producers goes by it")
    )]
    pub(crate) provided: Provided,
}

impl Checked {
    /// What is odd about the configuration.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert_eq!(config.set("liger.ms", "0").check()?.warnings().len(), 1);
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// `bootstrap.servers`, each of them once.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert_eq!(config.check()?.bootstrap_servers()[0].to_string(), "localhost:9092");
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn bootstrap_servers(&self) -> &[Address] {
        &self.settings.bootstrap
    }

    /// `client.id`; if it was not set, the name that this producer gets.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert_eq!(config.client_id("till-7").check()?.client_id(), "till-7");
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn client_id(&self) -> &str {
        &self.settings.client_id
    }

    /// `acks`.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert_eq!(config.check()?.acks(), kafka_producer::Acks::All);
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn acks(&self) -> Acks {
        self.settings.guarantee.acks()
    }

    /// `enable.idempotence`, which by default gives way to `acks` and `retries`.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert!(!config.retries(0).check()?.is_idempotent());
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn is_idempotent(&self) -> bool {
        !matches!(self.settings.guarantee, Guarantee::Plain(_))
    }

    /// `transactional.id`.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert_eq!(config.check()?.transactional_id(), None);
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn transactional_id(&self) -> Option<&str> {
        let transactional = self.settings.guarantee.transactional()?;
        Some(&transactional.id)
    }

    /// Whether transactions may be prepared: `transaction.two.phase.commit.enable` with a `transactional.id`
    /// (KIP-939).
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// let config = config.transactional_id("billing-1").transaction_two_phase_commit(true);
    /// assert!(config.check()?.has_two_phase_commit());
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn has_two_phase_commit(&self) -> bool {
        let transactional = self.settings.guarantee.transactional();
        transactional.is_some_and(|transactional| transactional.two_phase_commit)
    }

    /// `max.request.size`, in bytes.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert_eq!(config.check()?.max_request_size(), 1_048_576);
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn max_request_size(&self) -> usize {
        self.settings.max_request_bytes
    }

    /// `delivery.timeout.ms`, which by default is raised to what `linger.ms` and `request.timeout.ms` take
    /// together.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// assert_eq!(config.check()?.delivery_timeout().as_secs(), 120);
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn delivery_timeout(&self) -> Duration {
        self.settings.delivery_timeout
    }

    /// Who chooses partitions: `partitioner.class`, with `partitioner.ignore.keys` in mind.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    /// let checked = config.ignoring_keys().check()?;
    /// assert_eq!(checked.partitioner().name(), "uniform_sticky");
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn partitioner(&self) -> PartitionerClass {
        match self.partitioner {
            ChosenPartitioner::BuiltIn(class) => class,
            ChosenPartitioner::Plugin(_) => PartitionerClass::Plugin,
        }
    }

    /// `security.protocol`: whether connections are encrypted, and whether there is a login.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9093"]);
    /// let checked = config.set("security.protocol", "ssl").check()?;
    /// assert_eq!(checked.security_protocol(), kafka_producer::SecurityProtocol::Ssl);
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn security_protocol(&self) -> SecurityProtocol {
        let Security { tls, sasl } = &self.settings.security;
        match (tls, sasl) {
            (None, None) => SecurityProtocol::Plaintext,
            (Some(_), None) => SecurityProtocol::Ssl,
            (None, Some(_)) => SecurityProtocol::SaslPlaintext,
            (Some(_), Some(_)) => SecurityProtocol::SaslSsl,
        }
    }

    /// `sasl.mechanism`, if there is a login.
    ///
    /// ```
    /// let config = kafka_producer::ProducerConfig::new().bootstrap_servers(["localhost:9093"]);
    /// let config = config.set("security.protocol", "sasl_ssl").sasl_plain("me", "my password");
    /// assert_eq!(config.check()?.sasl_mechanism(), Some("PLAIN"));
    /// # Ok::<(), kafka_producer::ConfigError>(())
    /// ```
    pub fn sasl_mechanism(&self) -> Option<&'static str> {
        let sasl = self.settings.security.sasl.as_ref()?;
        Some(sasl.mechanism())
    }

    /// What the engine goes by.
    #[cfg(feature = "unstable-engine")]
    #[doc(hidden)]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Checks what was set, and `also` what only the caller knows.
pub(super) fn check(
    explicit: &BTreeMap<String, String>,
    provider: Option<&Arc<dyn TokenProvider>>,
    plugins: &Plugins,
    also: impl FnOnce(&Values, &mut Findings),
) -> Result<Checked, ConfigError> {
    let mut findings = Findings::default();
    let resolved = providers::resolve(explicit, &mut findings);
    let provided = resolved.provided;
    let translated = other_names::translate(&resolved.explicit, &provided, &mut findings);
    let values = Values::read(&translated.explicit, &mut findings);
    let values = values.with_invalid(translated.invalid);
    let values = values.with_invalid(resolved.invalid);
    let security = security::security(&values, provider, &mut findings);
    let mut settings = settings(&values, security, &mut findings);
    let partitioner = partitioner(&values, plugins, &mut findings);
    let reporters = reporters(&values, plugins, &mut findings);
    interceptors::check(&values, plugins, &mut findings);
    also(&values, &mut findings);
    let (problems, warnings) = (&mut findings.problems, &mut findings.warnings);
    problems
        .iter_mut()
        .for_each(|problem| provided.hide_in(problem));
    warnings
        .iter_mut()
        .for_each(|warning| provided.hide_in_warning(warning));
    if !findings.problems.is_empty() {
        return Err(ConfigError::new(findings.problems, findings.warnings));
    }
    if !values.is_set("client.id") {
        // Only now, so that invalid configurations use no number.
        let named = settings.guarantee.transactional();
        let named = named.map(|transactional| format!("producer-{}", transactional.id));
        // An id of the greatest length that the protocol allows leaves no room for the prefix.
        let named = named.filter(|id| id.len() <= STRING_BYTES_MAX);
        settings.client_id = named.unwrap_or_else(next_client_id).into();
    }
    Ok(Checked {
        settings,
        partitioner,
        reporters,
        warnings: findings.warnings,
        provided,
    })
}

fn settings(values: &Values, security: Security, findings: &mut Findings) -> Settings {
    let codecs = codec::codecs(values, findings);
    Settings {
        client_id: client_id(values, findings).into(),
        bootstrap: bootstrap(values, findings),
        dns_lookup: dns_lookup(values),
        bootstrap_resolve: values
            .limit("bootstrap.resolve.timeout.ms")
            .filter(|limit| !limit.is_zero()),
        guarantee: guarantee(values, findings),
        accumulator: kafka_accumulator::Settings::default()
            .batch_size(values.count("batch.size"))
            .linger(millis(linger_ms(values)))
            .buffer_memory(values.count("buffer.memory"))
            .batch_overhead(BATCH_OVERHEAD_BYTES),
        codecs,
        max_block: values.time("max.block.ms"),
        max_request_bytes: values.count("max.request.size"),
        max_in_flight: values.count(IN_FLIGHT),
        request_timeout: values.time("request.timeout.ms"),
        delivery_timeout: delivery_timeout(values, findings),
        retries: u32::try_from(values.number("retries")).unwrap_or(u32::MAX),
        retry_backoff: backoff("retry.backoff.ms", "retry.backoff.max.ms", values, findings),
        drop_timeout: values.time("drop.timeout.ms"),
        unresolved: values
            .text("unresolved.batch.policy")
            .and_then(|policy| policy.parse().ok())
            .unwrap_or_default(),
        producer_id_expiration: values.time("producer.id.expiration.ms"),
        reconnect_backoff: reconnect_backoff(values, findings),
        connection_setup: connection_setup(values, findings),
        connections_max_idle: values.limit("connections.max.idle.ms"),
        metadata_max_age: values.time("metadata.max.age.ms"),
        metadata_max_idle: values.time("metadata.max.idle.ms"),
        metadata_recovery: metadata_recovery(values),
        cluster_check: values.flag("metadata.cluster.check.enable")
            && metadata_recovery(values) != MetadataRecovery::None,
        partitioning: partitioning(values, findings),
        metrics_push: metrics_push(values),
        send_buffer_bytes: buffer_bytes("send.buffer.bytes", values),
        receive_buffer_bytes: buffer_bytes("receive.buffer.bytes", values),
        sampling: Sampling {
            samples: u32::try_from(values.number("metrics.num.samples")).unwrap_or(u32::MAX),
            window: values.time("metrics.sample.window.ms"),
        },
        security,
    }
}

/// Empty entries are skipped with a warning, as Kafka's clients did before 4.3, which rejects them.
fn bootstrap(values: &Values, findings: &mut Findings) -> Vec<Address> {
    let name = "bootstrap.servers";
    if !values.is_set(name) {
        findings.missing(name, "host:port of at least one broker");
    }
    let listed = values.list(name);
    let (servers, empty): (Vec<_>, Vec<_>) = listed.iter().partition(|server| !server.is_empty());
    if servers.is_empty() && values.is_set(name) {
        findings.invalid(name, listed.join(","), ADDRESS_FORM);
    } else if !empty.is_empty() {
        findings.warnings.push(Warning::EmptyEntry { name });
    }
    let mut addresses = Vec::new();
    for server in servers {
        match parse_address(server) {
            Some(address) if addresses.contains(&address) => {}
            Some(address) => addresses.push(address),
            None => findings.invalid(name, server.clone(), ADDRESS_FORM),
        }
    }
    addresses
}

fn dns_lookup(values: &Values) -> DnsLookup {
    let canonical = DnsLookup::ResolveCanonicalBootstrapServersOnly;
    match values.text("client.dns.lookup") {
        Some(lookup) if lookup == canonical.name() => canonical,
        _ => DnsLookup::UseAllDnsIps,
    }
}

/// What was set, if anything; the protocol stores its length in 16 bits.
fn client_id(values: &Values, findings: &mut Findings) -> String {
    let client_id = values.text("client.id").unwrap_or_default();
    if client_id.len() > STRING_BYTES_MAX {
        findings.invalid("client.id", client_id.clone(), "at most 32767 bytes");
    }
    client_id
}

/// `producer-1` is the first producer of this process, as in Java.
fn next_client_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("producer-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Idempotence needs `acks=all`, retries and at most five requests in flight (KIP-98, KIP-679). If it
/// was neither set explicitly nor is needed for transactions, the first two switch it off; too many
/// requests in flight are always rejected.
fn guarantee(values: &Values, findings: &mut Findings) -> Guarantee {
    let name = "enable.idempotence";
    let acks = values
        .text("acks")
        .and_then(|acks| acks.parse().ok())
        .unwrap_or(Acks::All);
    let transactional = transactional(values, findings);
    if !values.flag(name) || !values.are_valid(&[name]) {
        if let Some(TransactionSettings { id, .. }) = transactional
            && values.are_valid(&[name])
        {
            let because = format!("transactional.id={id}");
            findings.contradiction(name, "false".to_owned(), "true", because);
        }
        return Guarantee::Plain(acks);
    }
    let asked_for = match &transactional {
        Some(TransactionSettings { id, .. }) => Some(format!("transactional.id={id}")),
        None if values.is_set(name) => Some("enable.idempotence=true".to_owned()),
        None => None,
    };
    let conflicts = [
        (acks != Acks::All).then(|| ("acks", acks.code().to_string(), "all")),
        (values.number("retries") == 0).then(|| ("retries", "0".to_owned(), "at least 1")),
    ];
    let mut guarantee = transactional.map_or(Guarantee::Idempotent, Guarantee::Transactional);
    for (name, value, allowed) in conflicts.into_iter().flatten() {
        guarantee = Guarantee::Plain(acks);
        match &asked_for {
            Some(because) => findings.contradiction(name, value, allowed, because.clone()),
            // What is never sent again is never there twice: the other warning says all.
            None if name == "acks" && values.number("retries") == 0 => {}
            None => findings
                .warnings
                .push(Warning::IdempotenceOff { name, value }),
        }
    }
    let in_flight = values.number(IN_FLIGHT);
    if in_flight > MAX_IN_FLIGHT_IDEMPOTENT {
        let because = "enable.idempotence is not false".to_owned();
        findings.contradiction(IN_FLIGHT, in_flight.to_string(), "at most 5", because);
    }
    guarantee
}

/// Whether transactions are asked for; the protocol stores the id's length in 16 bits.
fn transactional(values: &Values, findings: &mut Findings) -> Option<TransactionSettings> {
    let name = "transactional.id";
    let id = values.text(name).filter(|_| values.are_valid(&[name]))?;
    if id.len() > STRING_BYTES_MAX {
        findings.invalid(name, id, "at most 32767 bytes");
        return None;
    }
    let timeout = "transaction.timeout.ms";
    let two_phase_commit = values.flag(TWO_PHASE);
    if two_phase_commit && values.is_set(timeout) {
        let because = format!("{TWO_PHASE}=true: such transactions never time out");
        let value = values.time(timeout).as_millis().to_string();
        findings.contradiction(timeout, value, "left out", because);
    }
    Some(TransactionSettings {
        id: id.into(),
        timeout: values.time(timeout),
        two_phase_commit,
    })
}

const TWO_PHASE: &str = "transaction.two.phase.commit.enable";

/// Without the feature `telemetry` there is nothing to encode them with.
fn metrics_push(values: &Values) -> MetricsPush {
    if !cfg!(feature = "telemetry") || !values.flag("enable.metrics.push") {
        return MetricsPush::Off;
    }
    let rack = values.text("client.rack");
    let rack = rack.filter(|rack| !rack.is_empty());
    MetricsPush::On {
        rack: rack.map(Arc::from),
    }
}

fn metadata_recovery(values: &Values) -> MetadataRecovery {
    match values.text("metadata.recovery.strategy") {
        Some(strategy) if strategy.eq_ignore_ascii_case("none") => MetadataRecovery::None,
        _ => MetadataRecovery::Rebootstrap {
            trigger: values.time("metadata.recovery.rebootstrap.trigger.ms"),
        },
    }
}

/// Milliseconds; more than Java's `int` holds counts as that, as in Java.
fn linger_ms(values: &Values) -> i64 {
    values.number("linger.ms").min(i32::MAX.into())
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

/// At least the time of one attempt of a batch that lingered (KIP-91); a default is raised to it.
fn delivery_timeout(values: &Values, findings: &mut Findings) -> Duration {
    let name = "delivery.timeout.ms";
    let (linger, request) = (linger_ms(values), values.number("request.timeout.ms"));
    let least = (linger + request).min(i32::MAX.into());
    let wanted = values.number(name);
    if wanted >= least || !values.are_valid(&[name, "linger.ms", "request.timeout.ms"]) {
        return values.time(name);
    }
    if values.is_set(name) {
        let because = format!("linger.ms + request.timeout.ms is {linger} + {request}");
        findings.contradiction(
            name,
            wanted.to_string(),
            &format!("at least {least}"),
            because,
        );
    } else {
        findings
            .warnings
            .push(Warning::DeliveryTimeoutRaised { to_ms: least });
    }
    millis(least)
}

/// A first time above the greatest is cut to it, so that the time never grows (KIP-580).
fn backoff(
    first: &'static str,
    greatest: &'static str,
    values: &Values,
    findings: &mut Findings,
) -> BackoffRange {
    let (initial, max) = (values.number(first), values.number(greatest));
    if initial > max && values.are_valid(&[first, greatest]) {
        findings.warnings.push(Warning::BackoffIsFixed {
            name: first,
            fixed_ms: max,
        });
    }
    BackoffRange {
        initial: values.time(first).min(values.time(greatest)),
        max: values.time(greatest),
    }
}

/// If only the first time is set, it is used for every attempt, as before KIP-144.
fn reconnect_backoff(values: &Values, findings: &mut Findings) -> BackoffRange {
    let (first, greatest) = ("reconnect.backoff.ms", "reconnect.backoff.max.ms");
    if !values.is_set(first) || values.is_set(greatest) {
        return backoff(first, greatest, values, findings);
    }
    let fixed_ms = values.number(first);
    findings.warnings.push(Warning::BackoffIsFixed {
        name: first,
        fixed_ms,
    });
    BackoffRange {
        initial: values.time(first),
        max: values.time(first),
    }
}

/// Kafka accepts limits that no connection can meet (KIP-601); so do we, with a warning.
fn connection_setup(values: &Values, findings: &mut Findings) -> BackoffRange {
    let names = [
        "socket.connection.setup.timeout.ms",
        "socket.connection.setup.timeout.max.ms",
    ];
    for name in names {
        if values.number(name) <= 0 {
            findings.warnings.push(Warning::TimeoutIsZero { name });
        }
    }
    backoff(names[0], names[1], values, findings)
}

/// -1 leaves the size to the operating system, and so does 0, which would be no buffer.
fn buffer_bytes(name: &'static str, values: &Values) -> Option<u32> {
    u32::try_from(values.number(name))
        .ok()
        .filter(|bytes| *bytes > 0)
}

const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";

/// How many batches per partition brokers remember to recognise duplicates.
const MAX_IN_FLIGHT_IDEMPOTENT: i64 = 5;
