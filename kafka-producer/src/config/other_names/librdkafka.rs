//! librdkafka's names that no version of Kafka has had. Its callbacks are not here: no file can name them.

use super::name::Conversion::{
    Grant, Kibibytes, Oidc, Partitioner, PemFile, PemText, ZeroIsForever,
};
use super::name::Origin::Librdkafka;
use super::name::{OtherName, converted, joined, no_effect, refused, same};

const LOGS: &str = "warnings go to tracing or log, as the program has set them up";
const VERSIONS: &str = "every broker is asked for its versions, on every connection";
const OPENSSL: &str = "it configures OpenSSL, and TLS is rustls";
const CHOSEN_TLS: &str =
    "the provider of TLS that is built in chooses: build with the one that fits (features tls-*)";
const KERBEROS: &str = "GSSAPI (Kerberos) is not supported";
const TWO_PEM_FILES: &str = "a key and its certificates are read from one file: put both into \
    ssl.keystore.location, with ssl.keystore.type=PEM; or give their texts as ssl.keystore.key and \
    ssl.keystore.certificate.chain, which config.providers can read of files";
const TOKEN_ENDPOINT: &str =
    "the token endpoint's authority is an option of sasl.jaas.config: ssl.truststore.location";

// One row a name.
#[rustfmt::skip]
pub(super) static NAMES: &[OtherName] = &[
    same("max.in.flight", Librdkafka, "max.in.flight.requests.per.connection"),
    converted("message.timeout.ms", Librdkafka, "delivery.timeout.ms", ZeroIsForever),
    same("socket.timeout.ms", Librdkafka, "request.timeout.ms"),
    same("message.max.bytes", Librdkafka, "max.request.size"),
    converted("queue.buffering.max.kbytes", Librdkafka, "buffer.memory", Kibibytes),
    same("socket.send.buffer.bytes", Librdkafka, "send.buffer.bytes"),
    same("socket.receive.buffer.bytes", Librdkafka, "receive.buffer.bytes"),
    converted("partitioner", Librdkafka, "partitioner.class", Partitioner),
    joined("compression.level", Librdkafka, "compression.*.level", "compression.type"),
    refused("enable.gapless.guarantee", Librdkafka, "false",
        "records behind one that fails are sent: if none may follow, end the producer when a Delivery fails"),
    refused("queuing.strategy", Librdkafka, "fifo", "records are sent in the order of their appends"),

    no_effect("sticky.partitioning.linger.ms", Librdkafka,
        "records without a key go to another partition with each batch"),
    no_effect("message.copy.max.bytes", Librdkafka, "every record is copied once, into its batch"),
    no_effect("receive.message.max.bytes", Librdkafka, "responses are bounded by what was asked for"),
    no_effect("queue.buffering.backpressure.threshold", Librdkafka, "batches wait while a broker has all that it accepts"),
    no_effect("delivery.report.only.error", Librdkafka, "each record's outcome goes to whoever asks for it"),
    no_effect("produce.offset.report", Librdkafka, "every record's offset is reported"),
    no_effect("metadata.request.timeout.ms", Librdkafka, "every request is bounded by request.timeout.ms"),
    no_effect("topic.metadata.refresh.fast.interval.ms", Librdkafka, "metadata is asked for again after retry.backoff.ms"),
    no_effect("topic.metadata.refresh.fast.cnt", Librdkafka, "librdkafka does not use it any more"),
    no_effect("topic.metadata.refresh.sparse", Librdkafka, "only topics that are written to are asked about"),
    no_effect("topic.metadata.propagation.max.ms", Librdkafka, "how long a send waits for a new topic is bounded by max.block.ms"),
    no_effect("topic.blacklist", Librdkafka, "only topics that are written to are asked about"),
    no_effect("allow.auto.create.topics", Librdkafka, "the brokers decide, by their auto.create.topics.enable"),

    no_effect("socket.keepalive.enable", Librdkafka, "TCP keeps every connection alive, as with Java's client"),
    no_effect("socket.nagle.disable", Librdkafka, "it always is: a request leaves at once"),
    no_effect("socket.blocking.max.ms", Librdkafka, "librdkafka does not use it any more"),
    no_effect("socket.max.fails", Librdkafka, "a connection is given up with its first failure, which is librdkafka's default"),
    no_effect("broker.address.ttl", Librdkafka, "a name is resolved whenever a connection is made"),
    no_effect("broker.address.family", Librdkafka, "all addresses of a name are tried, of both families"),
    no_effect("reconnect.backoff.jitter.ms", Librdkafka, "librdkafka does not use it any more"),

    no_effect("api.version.request", Librdkafka, VERSIONS),
    no_effect("api.version.request.timeout.ms", Librdkafka, VERSIONS),
    no_effect("api.version.fallback.ms", Librdkafka, VERSIONS),
    no_effect("broker.version.fallback", Librdkafka, VERSIONS),
    no_effect("builtin.features", Librdkafka, "the features of the crate are chosen when the program is built"),
    refused("plugin.library.paths", Librdkafka, "", "libraries of C cannot be loaded"),
    no_effect("debug", Librdkafka, LOGS),
    no_effect("log_level", Librdkafka, LOGS),
    no_effect("log.queue", Librdkafka, LOGS),
    no_effect("log.thread.name", Librdkafka, LOGS),
    no_effect("log.connection.close", Librdkafka, LOGS),
    no_effect("enabled_events", Librdkafka, "there are no events to poll: outcomes are awaited, or given to callbacks"),
    no_effect("statistics.interval.ms", Librdkafka, "a MetricsReporter is called at the interval that it says itself"),
    no_effect("enable.random.seed", Librdkafka, "every producer has a seed of its own"),
    no_effect("internal.termination.signal", Librdkafka, "no signal is needed to end the producer's thread"),

    converted("ssl.ca.location", Librdkafka, "ssl.truststore.location", PemFile),
    converted("ssl.ca.pem", Librdkafka, "ssl.truststore.certificates", PemText).secret(),
    refused("ssl.certificate.location", Librdkafka, "", TWO_PEM_FILES),
    refused("ssl.key.location", Librdkafka, "", TWO_PEM_FILES),
    converted("ssl.certificate.pem", Librdkafka, "ssl.keystore.certificate.chain", PemText).secret(),
    converted("ssl.key.pem", Librdkafka, "ssl.keystore.key", PemText).secret(),
    refused("enable.ssl.certificate.verification", Librdkafka, "true",
        "a broker's certificate is always verified: name the authority that signed it, with ssl.truststore.location"),
    refused("ssl.crl.location", Librdkafka, "", "certificates that were revoked are not looked up"),
    refused("ssl.curves.list", Librdkafka, "", CHOSEN_TLS),
    refused("ssl.sigalgs.list", Librdkafka, "", CHOSEN_TLS),
    no_effect("ssl.ca.certificate.stores", Librdkafka, "without ssl.truststore.* that of the platform is used"),
    no_effect("ssl.providers", Librdkafka, OPENSSL),
    no_effect("ssl.engine.location", Librdkafka, OPENSSL),
    no_effect("ssl.engine.id", Librdkafka, OPENSSL),
    refused("https.ca.location", Librdkafka, "", TOKEN_ENDPOINT),
    refused("https.ca.pem", Librdkafka, "", TOKEN_ENDPOINT).secret(),

    same("sasl.mechanisms", Librdkafka, "sasl.mechanism"),
    joined("sasl.username", Librdkafka, "sasl.jaas.config", "sasl.password and sasl.mechanism").secret(),
    joined("sasl.password", Librdkafka, "sasl.jaas.config", "sasl.username and sasl.mechanism").secret(),
    no_effect("sasl.kerberos.principal", Librdkafka, KERBEROS),
    no_effect("sasl.kerberos.keytab", Librdkafka, KERBEROS),
    converted("sasl.oauthbearer.method", Librdkafka, "sasl.login.callback.handler.class", Oidc),
    same("sasl.oauthbearer.client.id", Librdkafka, "sasl.oauthbearer.client.credentials.client.id"),
    same("sasl.oauthbearer.client.secret", Librdkafka, "sasl.oauthbearer.client.credentials.client.secret").secret(),
    converted("sasl.oauthbearer.grant.type", Librdkafka, "sasl.oauthbearer.jwt.retriever.class", Grant),
    same("sasl.oauthbearer.assertion.jwt.template.file", Librdkafka, "sasl.oauthbearer.assertion.template.file"),
    refused("sasl.oauthbearer.assertion.private.key.pem", Librdkafka, "",
        "the key is read from a file: use sasl.oauthbearer.assertion.private.key.file").secret(),
    refused("sasl.oauthbearer.config", Librdkafka, "",
        "use sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
            unsecuredLoginStringClaim_sub=\"NAME\";").secret(),
    refused("enable.sasl.oauthbearer.unsecure.jwt", Librdkafka, "false",
        "unsecured tokens are asked for by the option unsecuredLoginStringClaim_sub of sasl.jaas.config"),
    refused("sasl.oauthbearer.extensions", Librdkafka, "",
        "extensions are options of sasl.jaas.config: extension_NAME=\"VALUE\""),
    refused("sasl.oauthbearer.metadata.authentication.type", Librdkafka, "none",
        "give a TokenProvider; on AWS use sasl.mechanism=AWS_MSK_IAM"),
];
