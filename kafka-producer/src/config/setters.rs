//! One typed setter per supported property; each writes what a properties file would say.
//!
//! Kafka counts time in whole milliseconds, to which durations are rounded up. A value that the type
//! allows and Kafka does not is rejected by [`check`](ProducerConfig::check), like anything else.

use std::time::Duration;

use super::choices::{Acks, DnsLookup, MetadataRecovery, PartitionerClass, UnresolvedPolicy};
use super::producer_config::ProducerConfig;

/// ```
/// use std::time::Duration;
/// use kafka_producer::{Acks, ProducerConfig};
///
/// let typed = ProducerConfig::new()
///     .bootstrap_servers(["kafka-1:9092", "kafka-2:9092"])
///     .acks(Acks::All)
///     .delivery_timeout(Duration::from_secs(60))
///     .send_buffer_bytes(None);
/// let named = ProducerConfig::from_properties([
///     ("bootstrap.servers", "kafka-1:9092,kafka-2:9092"),
///     ("acks", "-1"),
///     ("delivery.timeout.ms", "60000"),
///     ("send.buffer.bytes", "-1"),
/// ]);
/// assert_eq!(typed, named);
/// ```
impl ProducerConfig {
    /// `bootstrap.servers`: `host:port` of some brokers, from which the others are learnt.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().bootstrap_servers(["kafka-1:9092", "kafka-2:9092"]);
    /// assert_eq!(config, ProducerConfig::new().set("bootstrap.servers", "kafka-1:9092,kafka-2:9092"));
    /// ```
    pub fn bootstrap_servers(self, servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let servers: Vec<String> = servers.into_iter().map(Into::into).collect();
        self.put("bootstrap.servers", servers.join(","))
    }

    /// `bootstrap.resolve.timeout.ms`: how long, from the first connection on, the names of the bootstrap
    /// servers may take to be resolved. If none is by then, the producer fails for good, with
    /// [`FatalError::BootstrapUnresolved`](crate::FatalError::BootstrapUnresolved). Zero, the default: it
    /// goes on.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// use std::time::Duration;
    ///
    /// let config = ProducerConfig::new().bootstrap_resolve_timeout(Duration::from_secs(60));
    /// assert_eq!(config, ProducerConfig::new().set("bootstrap.resolve.timeout.ms", "60000"));
    /// ```
    pub fn bootstrap_resolve_timeout(self, time: Duration) -> Self {
        self.put_time("bootstrap.resolve.timeout.ms", time)
    }

    /// `client.dns.lookup`: by which names the bootstrap servers are known.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// use kafka_producer::config::DnsLookup;
    ///
    /// let config = ProducerConfig::new().dns_lookup(DnsLookup::UseAllDnsIps);
    /// assert_eq!(config, ProducerConfig::new().set("client.dns.lookup", "use_all_dns_ips"));
    /// ```
    pub fn dns_lookup(self, lookup: DnsLookup) -> Self {
        self.put("client.dns.lookup", lookup.name().to_owned())
    }

    /// `client.id`: sent with every request, for quotas and the broker's logs; by default
    /// `producer-N`.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().client_id("till-7");
    /// assert_eq!(config, ProducerConfig::new().set("client.id", "till-7"));
    /// ```
    pub fn client_id(self, id: impl Into<String>) -> Self {
        self.put("client.id", id.into())
    }

    /// `acks`: how many replicas must have a record before it counts as delivered.
    ///
    /// ```
    /// # use kafka_producer::{Acks, ProducerConfig};
    /// let config = ProducerConfig::new().acks(Acks::Leader);
    /// assert_eq!(config, ProducerConfig::new().set("acks", "1"));
    /// ```
    pub fn acks(self, acks: Acks) -> Self {
        self.put("acks", acks.code())
    }

    /// `enable.idempotence=true`: no duplicates and no reordering by retries, and an error if
    /// something rules that out; by default it is on, but gives way to `acks` and `retries`.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().idempotent();
    /// assert_eq!(config, ProducerConfig::new().set("enable.idempotence", "true"));
    /// ```
    pub fn idempotent(self) -> Self {
        self.put("enable.idempotence", true)
    }

    /// `enable.idempotence=false`: retries may duplicate records, and reorder them where several
    /// requests are in flight.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().not_idempotent();
    /// assert_eq!(config, ProducerConfig::new().set("enable.idempotence", "false"));
    /// ```
    pub fn not_idempotent(self) -> Self {
        self.put("enable.idempotence", false)
    }

    /// `transactional.id`: makes the producer transactional, and fences an earlier one with the
    /// same id (KIP-98).
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().transactional_id("billing-1");
    /// assert_eq!(config, ProducerConfig::new().set("transactional.id", "billing-1"));
    /// ```
    pub fn transactional_id(self, id: impl Into<String>) -> Self {
        self.put("transactional.id", id.into())
    }

    /// `transaction.timeout.ms`: how long a transaction may be open before the cluster aborts it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().transaction_timeout(Duration::from_secs(30));
    /// assert_eq!(config, ProducerConfig::new().set("transaction.timeout.ms", "30000"));
    /// ```
    pub fn transaction_timeout(self, timeout: Duration) -> Self {
        self.put_time("transaction.timeout.ms", timeout)
    }

    /// `transaction.two.phase.commit.enable`: whether transactions may be prepared, and completed after a restart
    /// (KIP-939); they never time out.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().transaction_two_phase_commit(true);
    /// assert_eq!(config, ProducerConfig::new().set("transaction.two.phase.commit.enable", "true"));
    /// ```
    pub fn transaction_two_phase_commit(self, enabled: bool) -> Self {
        self.put("transaction.two.phase.commit.enable", enabled.to_string())
    }

    /// `retries`: attempts after the first;
    /// [`delivery_timeout`](Self::delivery_timeout) is the better bound.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().retries(3);
    /// assert_eq!(config, ProducerConfig::new().set("retries", "3"));
    /// ```
    pub fn retries(self, attempts: u32) -> Self {
        self.put("retries", attempts)
    }

    /// `max.in.flight.requests.per.connection`: produce requests to one broker that may await
    /// their answers.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().max_in_flight(1);
    /// assert_eq!(config, ProducerConfig::new().set("max.in.flight.requests.per.connection", "1"));
    /// ```
    pub fn max_in_flight(self, requests: u32) -> Self {
        self.put("max.in.flight.requests.per.connection", requests)
    }

    /// `batch.size`: bytes of a batch before compression; 0: every record is a batch.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().batch_size(65_536);
    /// assert_eq!(config, ProducerConfig::new().set("batch.size", "65536"));
    /// ```
    pub fn batch_size(self, bytes: usize) -> Self {
        self.put("batch.size", bytes)
    }

    /// `linger.ms`: how long a batch waits for more records.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().linger(Duration::from_millis(20));
    /// assert_eq!(config, ProducerConfig::new().set("linger.ms", "20"));
    /// ```
    pub fn linger(self, time: Duration) -> Self {
        self.put_time("linger.ms", time)
    }

    /// `buffer.memory`: bytes that all batches together may take, each with the callbacks of its records
    /// and about 768 bytes of bookkeeping; sends wait when it is used up. Beyond that the producer takes
    /// some MiB, and 0.7 KiB for each partition.
    ///
    /// Half of it is divided equally among the brokers that records are sent to, and guaranteed to each: a
    /// broker that is slow or does not answer never takes the part of another. One broker alone may use
    /// everything.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().buffer_memory(64 << 20);
    /// assert_eq!(config, ProducerConfig::new().set("buffer.memory", "67108864"));
    /// ```
    pub fn buffer_memory(self, bytes: u64) -> Self {
        self.put("buffer.memory", bytes)
    }

    /// `max.block.ms`: how long a send may wait for metadata and memory together.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().max_block(Duration::from_secs(5));
    /// assert_eq!(config, ProducerConfig::new().set("max.block.ms", "5000"));
    /// ```
    pub fn max_block(self, time: Duration) -> Self {
        self.put_time("max.block.ms", time)
    }

    /// `max.request.size`: bytes of a request, and thereby of a record, before compression.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().max_request_size(4 << 20);
    /// assert_eq!(config, ProducerConfig::new().set("max.request.size", "4194304"));
    /// ```
    pub fn max_request_size(self, bytes: usize) -> Self {
        self.put("max.request.size", bytes)
    }

    /// `request.timeout.ms`: how long an answer may take before its connection is given up.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().request_timeout(Duration::from_secs(10));
    /// assert_eq!(config, ProducerConfig::new().set("request.timeout.ms", "10000"));
    /// ```
    pub fn request_timeout(self, time: Duration) -> Self {
        self.put_time("request.timeout.ms", time)
    }

    /// `delivery.timeout.ms`: from the append of a record to its outcome, retries included.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().delivery_timeout(Duration::from_secs(60));
    /// assert_eq!(config, ProducerConfig::new().set("delivery.timeout.ms", "60000"));
    /// ```
    pub fn delivery_timeout(self, time: Duration) -> Self {
        self.put_time("delivery.timeout.ms", time)
    }

    /// `retry.backoff.ms`: the first wait before trying a request again; doubles with each failure.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().retry_backoff(Duration::from_millis(50));
    /// assert_eq!(config, ProducerConfig::new().set("retry.backoff.ms", "50"));
    /// ```
    pub fn retry_backoff(self, time: Duration) -> Self {
        self.put_time("retry.backoff.ms", time)
    }

    /// `retry.backoff.max.ms`: the longest wait before trying a request again.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().retry_backoff_max(Duration::from_secs(2));
    /// assert_eq!(config, ProducerConfig::new().set("retry.backoff.max.ms", "2000"));
    /// ```
    pub fn retry_backoff_max(self, time: Duration) -> Self {
        self.put_time("retry.backoff.max.ms", time)
    }

    /// `reconnect.backoff.ms`: the first wait before connecting again, and the longest if no other
    /// is set; doubles with each failure.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().reconnect_backoff(Duration::from_millis(100));
    /// assert_eq!(config, ProducerConfig::new().set("reconnect.backoff.ms", "100"));
    /// ```
    pub fn reconnect_backoff(self, time: Duration) -> Self {
        self.put_time("reconnect.backoff.ms", time)
    }

    /// `reconnect.backoff.max.ms`: the longest wait before connecting again.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().reconnect_backoff_max(Duration::from_secs(10));
    /// assert_eq!(config, ProducerConfig::new().set("reconnect.backoff.max.ms", "10000"));
    /// ```
    pub fn reconnect_backoff_max(self, time: Duration) -> Self {
        self.put_time("reconnect.backoff.max.ms", time)
    }

    /// `socket.connection.setup.timeout.ms`: the time for a connection to be set up; doubles with
    /// each failure.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().connection_setup_timeout(Duration::from_secs(3));
    /// assert_eq!(config, ProducerConfig::new().set("socket.connection.setup.timeout.ms", "3000"));
    /// ```
    pub fn connection_setup_timeout(self, time: Duration) -> Self {
        self.put_time("socket.connection.setup.timeout.ms", time)
    }

    /// `socket.connection.setup.timeout.max.ms`: the longest time for a connection to be set up.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().connection_setup_timeout_max(Duration::from_secs(15));
    /// assert_eq!(config, ProducerConfig::new().set("socket.connection.setup.timeout.max.ms", "15000"));
    /// ```
    pub fn connection_setup_timeout_max(self, time: Duration) -> Self {
        self.put_time("socket.connection.setup.timeout.max.ms", time)
    }

    /// `connections.max.idle.ms`: a connection unused for this long is closed; `None`: never.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().connections_max_idle(None);
    /// assert_eq!(config, ProducerConfig::new().set("connections.max.idle.ms", "-1"));
    /// ```
    pub fn connections_max_idle(self, time: Option<Duration>) -> Self {
        match time {
            Some(time) => self.put_time("connections.max.idle.ms", time),
            None => self.put("connections.max.idle.ms", -1),
        }
    }

    /// `metadata.max.age.ms`: metadata is refreshed after this long without a reason.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().metadata_max_age(Duration::from_secs(60));
    /// assert_eq!(config, ProducerConfig::new().set("metadata.max.age.ms", "60000"));
    /// ```
    pub fn metadata_max_age(self, time: Duration) -> Self {
        self.put_time("metadata.max.age.ms", time)
    }

    /// `metadata.max.idle.ms`: a topic not used for this long is forgotten; at least five seconds.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().metadata_max_idle(Duration::from_secs(600));
    /// assert_eq!(config, ProducerConfig::new().set("metadata.max.idle.ms", "600000"));
    /// ```
    pub fn metadata_max_idle(self, time: Duration) -> Self {
        self.put_time("metadata.max.idle.ms", time)
    }

    /// `metadata.recovery.strategy`, and `metadata.recovery.rebootstrap.trigger.ms` with it: whether
    /// to start again from `bootstrap.servers` when no known broker has metadata, and after what time.
    ///
    /// ```
    /// # use kafka_producer::{ProducerConfig, config::MetadataRecovery};
    /// let config = ProducerConfig::new().metadata_recovery(MetadataRecovery::None);
    /// assert_eq!(config, ProducerConfig::new().set("metadata.recovery.strategy", "none"));
    /// ```
    pub fn metadata_recovery(self, recovery: MetadataRecovery) -> Self {
        match recovery {
            MetadataRecovery::None => self.put("metadata.recovery.strategy", "none"),
            MetadataRecovery::Rebootstrap { trigger } => self
                .put("metadata.recovery.strategy", "rebootstrap")
                .put_time("metadata.recovery.rebootstrap.trigger.ms", trigger),
        }
    }

    /// `metadata.cluster.check.enable=false`: brokers are not asked whether they are those of the cluster
    /// that the producer means (KIP-1242).
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().without_cluster_check();
    /// assert_eq!(config, ProducerConfig::new().set("metadata.cluster.check.enable", "false"));
    /// ```
    pub fn without_cluster_check(self) -> Self {
        self.put("metadata.cluster.check.enable", false)
    }

    /// `send.buffer.bytes`: `SO_SNDBUF` of each connection; `None`: the operating system's default.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().send_buffer_bytes(Some(1 << 20));
    /// assert_eq!(config, ProducerConfig::new().set("send.buffer.bytes", "1048576"));
    /// ```
    pub fn send_buffer_bytes(self, bytes: Option<u32>) -> Self {
        self.put("send.buffer.bytes", bytes.map_or(-1, i64::from))
    }

    /// `receive.buffer.bytes`: `SO_RCVBUF` of each connection; `None`: the operating system's
    /// default.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().receive_buffer_bytes(None);
    /// assert_eq!(config, ProducerConfig::new().set("receive.buffer.bytes", "-1"));
    /// ```
    pub fn receive_buffer_bytes(self, bytes: Option<u32>) -> Self {
        self.put("receive.buffer.bytes", bytes.map_or(-1, i64::from))
    }

    /// `partitioner.class`: who chooses the partition of a record that does not name one.
    ///
    /// ```
    /// # use kafka_producer::{ProducerConfig, config::PartitionerClass};
    /// let config = ProducerConfig::new().partitioner(PartitionerClass::RoundRobin);
    /// assert_eq!(config, ProducerConfig::new().set("partitioner.class", "round_robin"));
    /// ```
    pub fn partitioner(self, class: PartitionerClass) -> Self {
        self.put("partitioner.class", class.name())
    }

    /// `partitioner.ignore.keys=true`: records with a key are spread like those without.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().ignoring_keys();
    /// assert_eq!(config, ProducerConfig::new().set("partitioner.ignore.keys", "true"));
    /// ```
    pub fn ignoring_keys(self) -> Self {
        self.put("partitioner.ignore.keys", true)
    }

    /// `partitioner.adaptive.partitioning.enable=false`: records without a key are spread evenly, however
    /// many batches wait for a partition.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().without_adaptive_partitioning();
    /// assert_eq!(config, ProducerConfig::new().set("partitioner.adaptive.partitioning.enable", "false"));
    /// ```
    pub fn without_adaptive_partitioning(self) -> Self {
        self.put("partitioner.adaptive.partitioning.enable", false)
    }

    /// `partitioner.availability.timeout.ms`: partitions whose leader could not be sent to for longer get
    /// no records without a key, as long as there are others. Zero: they do.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().partitioner_availability_timeout(Duration::from_secs(2));
    /// assert_eq!(config, ProducerConfig::new().set("partitioner.availability.timeout.ms", "2000"));
    /// ```
    pub fn partitioner_availability_timeout(self, time: Duration) -> Self {
        self.put_time("partitioner.availability.timeout.ms", time)
    }

    /// `client.rack`: where this producer stands, in the words of the brokers' `broker.rack`.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().client_rack("eu-west-1a");
    /// assert_eq!(config, ProducerConfig::new().set("client.rack", "eu-west-1a"));
    /// ```
    pub fn client_rack(self, rack: impl Into<String>) -> Self {
        self.set("client.rack", rack)
    }

    /// `partitioner.rack.aware=true`: records without a key go to partitions whose leader is in
    /// [`client_rack`](Self::client_rack), as long as there are any.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().client_rack("eu-west-1a").rack_aware();
    /// let same = ProducerConfig::new().client_rack("eu-west-1a").set("partitioner.rack.aware", "true");
    /// assert_eq!(config, same);
    /// ```
    pub fn rack_aware(self) -> Self {
        self.put("partitioner.rack.aware", true)
    }

    /// `drop.timeout.ms`: how long dropping the last handle of a producer that was not closed waits for what
    /// was accepted.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().drop_timeout(Duration::ZERO); // it does not wait
    /// assert_eq!(config, ProducerConfig::new().set("drop.timeout.ms", "0"));
    /// ```
    pub fn drop_timeout(self, time: Duration) -> Self {
        self.put_time("drop.timeout.ms", time)
    }

    /// `unresolved.batch.policy`: what to do with a batch that may be in the log, when the broker no
    /// longer accepts its sequence number.
    ///
    /// ```
    /// # use kafka_producer::{ProducerConfig, UnresolvedPolicy};
    /// let config = ProducerConfig::new().unresolved_batches(UnresolvedPolicy::Fail);
    /// assert_eq!(config, ProducerConfig::new().set("unresolved.batch.policy", "fail"));
    /// ```
    pub fn unresolved_batches(self, policy: UnresolvedPolicy) -> Self {
        self.put("unresolved.batch.policy", policy.name())
    }

    /// `producer.id.expiration.ms`: how long brokers remember a producer that does not write, if they do
    /// not tell: their own setting of this name.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().producer_id_expiration(Duration::from_secs(3600));
    /// assert_eq!(config, ProducerConfig::new().set("producer.id.expiration.ms", "3600000"));
    /// ```
    pub fn producer_id_expiration(self, time: Duration) -> Self {
        self.put_time("producer.id.expiration.ms", time)
    }

    pub(super) fn put(self, name: &'static str, value: impl ToString) -> Self {
        self.set(name, value.to_string())
    }

    pub(super) fn put_time(self, name: &'static str, time: Duration) -> Self {
        let millis = time.as_nanos().div_ceil(1_000_000);
        self.put(name, i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use kafka_wire::compression::Compression;

    use super::super::{SecurityProtocol, Support};
    use super::*;

    #[test]
    fn every_supported_property_but_those_of_files_has_a_setter_that_sets_it_to_an_allowed_value() {
        let second = Duration::from_secs(1);
        let config = ProducerConfig::new()
            .bootstrap_servers(["localhost:9092"])
            .bootstrap_resolve_timeout(second)
            .dns_lookup(DnsLookup::ResolveCanonicalBootstrapServersOnly)
            .client_id("me")
            .acks(Acks::All)
            .idempotent()
            .transactional_id("me")
            .transaction_timeout(second)
            .transaction_two_phase_commit(false)
            .retries(9)
            .max_in_flight(5)
            .batch_size(9)
            .linger(second)
            .buffer_memory(9)
            .max_block(second * 4)
            .max_request_size(9)
            .compression(Compression::None)
            .topic_compression("logs", Compression::None)
            .gzip_level(9)
            .lz4_level(9)
            .zstd_level(9)
            .request_timeout(second)
            .delivery_timeout(second * 4)
            .retry_backoff(second)
            .retry_backoff_max(second * 4)
            .reconnect_backoff(second)
            .reconnect_backoff_max(second * 4)
            .connection_setup_timeout(second)
            .connection_setup_timeout_max(second * 4)
            .connections_max_idle(Some(second))
            .metadata_max_age(second * 4)
            .metadata_max_idle(second * 5)
            .metadata_recovery(MetadataRecovery::Rebootstrap { trigger: second })
            .without_cluster_check()
            .send_buffer_bytes(None)
            .receive_buffer_bytes(None)
            .partitioner(PartitionerClass::Default)
            .ignoring_keys()
            .without_adaptive_partitioning()
            .partitioner_availability_timeout(second)
            .client_rack("here")
            .rack_aware()
            .drop_timeout(second)
            .unresolved_batches(UnresolvedPolicy::Fail)
            .producer_id_expiration(second * 60)
            .metrics_windows(9, second)
            .security_protocol(SecurityProtocol::Plaintext);
        let config = match cfg!(feature = "telemetry") {
            true => config.without_metrics_push(),
            false => config,
        };
        let properties = ProducerConfig::properties();
        let supported = properties
            .filter(|property| matches!(property.support, Support::Supported(_)))
            .filter(|property| !IN_FILES.iter().any(|kind| property.name.starts_with(kind)));
        let names: Vec<&str> = config.explicit.keys().map(String::as_str).collect();
        let mut expected: Vec<&str> = supported.map(|property| property.name).collect();
        expected.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(config.check().map(|checked| checked.warnings), Ok(vec![]));
    }

    /// What a program has no use for, or writes as a file would.
    const IN_FILES: [&str; 8] = [
        "config.providers",
        "interceptor.classes",
        "key.serializer",
        "metric.reporters",
        "metrics.recording.level",
        "sasl.",
        "ssl.",
        "value.serializer",
    ];

    #[test]
    fn durations_are_rounded_up_to_milliseconds() {
        let millis = |time| ProducerConfig::new().linger(time).explicit["linger.ms"].clone();
        assert_eq!(millis(Duration::ZERO), "0");
        assert_eq!(millis(Duration::from_nanos(1)), "1");
        assert_eq!(millis(Duration::from_micros(1500)), "2");
        assert_eq!(millis(Duration::MAX), i64::MAX.to_string());
    }
}
