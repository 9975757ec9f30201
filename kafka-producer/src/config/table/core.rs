//! What a producer does, and to whom it connects: first the properties that are supported, then those
//! that are not, each with the reason.

use super::property::Allowed::{Any, AtLeast, Between, BetweenOr, NonEmpty, OneOf, OneOfAnyCase};
use super::property::Kind::{Bool, Class, Int, List, Long, Text};
use super::property::Support::{NoEffect, Supported};
use super::property::{Property, Support, row, unset};

const SERIALIZERS: Support = Supported(
    "Kafka's class that writes the same as the type that the producer is built with, or a name of Plugins; \
     another is an error",
);
const JVM: Support = NoEffect("it configures a Java virtual machine");

// One row a property.
#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property] = &[
    row("acks", Text, "all", OneOf(&["all", "-1", "0", "1"]),
        Supported("how many replicas must have a record: all in sync (all, -1), the leader (1), none (0)")),
    row("batch.size", Int, "16384", AtLeast(0),
        Supported("bytes of a batch before compression; larger records get a batch each; 0: no batching")),
    row("bootstrap.resolve.timeout.ms", Long, "0", AtLeast(0),
        Supported("how long the names in bootstrap.servers may take to be resolved before the producer fails for good; \
            0: it goes on, and max.block.ms bounds how long a send waits")),
    unset("bootstrap.servers", List, Any,
        Supported("host:port of some brokers, separated by commas, to learn the cluster from")),
    row("buffer.memory", Long, "33554432", AtLeast(0),
        Supported("bytes that all batches and callbacks may take; sends wait when it is used up; half of it is guaranteed to brokers, to each the same")),
    row("client.dns.lookup", Text, "use_all_dns_ips", OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
        Supported("whether the names in bootstrap.servers are used as they are, or replaced by those of their addresses; \
            all addresses of a name are tried in either case")),
    row("client.id", Text, "", Any,
        Supported("sent with every request, for quotas and the broker's logs; unset: producer-N")),
    row("client.rack", Text, "", Any,
        Supported("where this producer stands, as brokers have it in broker.rack; for partitioner.rack.aware")),
    row("compression.gzip.level", Int, "-1", BetweenOr(1, 9, -1),
        Supported("effort of gzip; -1: its own default")),
    row("compression.lz4.level", Int, "9", Between(1, 17),
        Supported("effort of lz4")),
    row("compression.type", Text, "none", OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]),
        Supported("codec of whole batches")),
    row("compression.type.by.topic", List, "", Any,
        Supported("our own: the codecs of topics that have another than compression.type, as topic:codec")),
    row("compression.zstd.level", Int, "3", Between(-131_072, 22),
        Supported("effort of zstd")),
    row("config.providers", List, "", Any,
        Supported("names of providers, which give values like ${NAME:PATH:KEY}; each has a \
            config.providers.NAME.class: FileConfigProvider, DirectoryConfigProvider or EnvVarConfigProvider")),
    row("connections.max.idle.ms", Long, "540000", Any,
        Supported("a connection unused for this long is closed; negative: never")),
    row("delivery.timeout.ms", Int, "120000", AtLeast(0),
        Supported("from the append of a record to its outcome, retries included; at least linger.ms + request.timeout.ms")),
    row("drop.timeout.ms", Long, "5000", AtLeast(0),
        Supported("our own: how long dropping the last handle waits for what was accepted, if the producer was not closed; \
            what is left then is warned of, and sent in the background; 0: it does not wait")),
    row("enable.idempotence", Bool, "true", Any,
        Supported("no duplicates and no reordering by retries; needs acks=all, retries, at most 5 in flight")),
    row("interceptor.classes", List, "", Any,
        Supported("who sees each record before it is serialized, and its outcome: names of Plugins, since classes of \
            Java cannot be run")),
    row("linger.ms", Long, "5", AtLeast(0),
        Supported("how long a batch waits for more records")),
    row("max.block.ms", Long, "60000", AtLeast(0),
        Supported("how long a send may wait for metadata and memory")),
    row("max.in.flight.requests.per.connection", Int, "5", AtLeast(1),
        Supported("requests to one broker that may await their answers")),
    row("max.request.size", Int, "1048576", AtLeast(0),
        Supported("bytes of a request, and thereby of a record, before compression")),
    row("metadata.cluster.check.enable", Bool, "true", Any,
        Supported("whether brokers are told which broker of which cluster a connection is meant for, so that one \
            that leads elsewhere is closed before it is used; not with metadata.recovery.strategy=none")),
    row("metadata.max.age.ms", Long, "300000", AtLeast(0),
        Supported("metadata is refreshed after this long without a reason")),
    row("metadata.max.idle.ms", Long, "300000", AtLeast(5000),
        Supported("a topic not used for this long is forgotten")),
    row("metadata.recovery.rebootstrap.trigger.ms", Long, "300000", AtLeast(0),
        Supported("the known brokers are forgotten when there was no metadata for this long")),
    row("metadata.recovery.strategy", Text, "rebootstrap", OneOfAnyCase(&["REBOOTSTRAP", "NONE"]),
        Supported("whether to begin anew with bootstrap.servers when the known brokers have no metadata")),
    row("partitioner.adaptive.partitioning.enable", Bool, "true", Any,
        Supported("whether records without a key go less to partitions for which more batches wait")),
    row("partitioner.availability.timeout.ms", Long, "0", AtLeast(0),
        Supported("partitions whose leader could not be sent to for longer get no records without a key; 0: they do")),
    unset("partitioner.class", Class, Any,
        Supported("who chooses a partition: default, round_robin, uniform_sticky, Kafka's class names, or a name of Plugins")),
    row("partitioner.ignore.keys", Bool, "false", Any,
        Supported("whether records with a key are spread like those without")),
    row("partitioner.rack.aware", Bool, "false", Any,
        Supported("whether records without a key go to partitions with a leader in client.rack, if there are any")),
    row("receive.buffer.bytes", Int, "32768", AtLeast(-1),
        Supported("SO_RCVBUF; -1: as the operating system likes")),
    row("producer.id.expiration.ms", Long, "86400000", AtLeast(1),
        Supported("our own: how long brokers remember a producer that does not write, if they do not tell; \
            the setting of the same name of the brokers")),
    row("reconnect.backoff.max.ms", Long, "1000", AtLeast(0),
        Supported("the longest wait before connecting again")),
    row("reconnect.backoff.ms", Long, "50", AtLeast(0),
        Supported("the first wait before connecting again; doubles with each failure")),
    row("request.timeout.ms", Int, "30000", AtLeast(0),
        Supported("how long an answer may take before its connection is given up")),
    row("retries", Int, "2147483647", Between(0, 2_147_483_647),
        Supported("attempts after the first; delivery.timeout.ms is the better bound")),
    row("retry.backoff.max.ms", Long, "1000", AtLeast(0),
        Supported("the longest wait before trying a request again")),
    row("retry.backoff.ms", Long, "100", AtLeast(0),
        Supported("the first wait before trying a request again; doubles with each failure")),
    row("security.protocol", Text, "PLAINTEXT", OneOfAnyCase(&["SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"]),
        Supported("whether connections are encrypted (SSL), have a login (SASL_PLAINTEXT), both (SASL_SSL) or neither")),
    row("send.buffer.bytes", Int, "131072", AtLeast(-1),
        Supported("SO_SNDBUF; -1: as the operating system likes")),
    row("socket.connection.setup.timeout.max.ms", Long, "30000", Any,
        Supported("the longest time for a connection to be set up")),
    row("socket.connection.setup.timeout.ms", Long, "10000", Any,
        Supported("the time for a connection to be set up; doubles with each failure")),
    row("unresolved.batch.policy", Text, "ask", OneOf(&["ask", "resend", "fail"]),
        Supported("our own: what becomes of a batch that may be in the log and whose number is refused: \
            the leader is asked (ask; needs READ on the topic), it is sent again and may be there twice, as by \
            Java's client (resend), it fails as possibly persisted (fail)")),
    row("transaction.timeout.ms", Int, "60000", Any,
        Supported("how long a transaction may be open before the cluster aborts it; at most the brokers' transaction.max.timeout.ms")),
    unset("transactional.id", Text, NonEmpty,
        Supported("makes the producer transactional; one that comes later with the same id fences this one")),

    row("transaction.two.phase.commit.enable", Bool, "false", Any,
        Supported("transactions may be prepared, and are then ended by whoever has stored that, also after a restart \
            (KIP-939); they never time out; the brokers must allow it by their setting of the same name")),
    unset("key.serializer", Class, Any, SERIALIZERS),
    unset("value.serializer", Class, Any, SERIALIZERS),
    row("buffer.memory.allocation.strategy", Text, "full", OneOfAnyCase(&["FULL", "INCREMENTAL"]),
        NoEffect("a batch begins with as much memory as the one before it used, and grows")),
    unset("security.providers", Text, Any, JVM),
];
