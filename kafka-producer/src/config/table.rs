//! The table of properties: every name that Apache Kafka 4.3 knows for a producer, and our own.
//!
//! Parsing, defaults, ranges and documentation all come from here; rules between properties are in
//! `checks.rs`. What is not supported is listed too, so that it is refused or warned of with a
//! reason instead of being taken for a slip of the pen.

use std::fmt;

use Allowed::{Any, AtLeast, Between, BetweenDecimals, BetweenOr, NonEmpty, OneOf, OneOfAnyCase};
use Kind::{Bool, Class, Double, Int, List, Long, Password, Short, Text};
use Support::{NoEffect, Refused, Supported};

/// One property of a producer, as Kafka defines it, and what becomes of it here.
///
/// ```
/// use kafka_producer::ProducerConfig;
///
/// let properties = ProducerConfig::properties();
/// let linger = properties.iter().find(|property| property.name == "linger.ms").unwrap();
/// assert_eq!(linger.default, Some("5"));
/// assert_eq!(linger.allowed_values(), "a whole number from 0 to 9223372036854775807");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Property {
    /// Kafka's name.
    pub name: &'static str,
    /// What a value is read as.
    pub kind: Kind,
    /// As it would be written in a file; `None`: unset.
    pub default: Option<&'static str>,
    /// Which values of that kind are accepted.
    pub allowed: Allowed,
    /// Whether the property does anything here.
    pub support: Support,
}

/// What the value of a property is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`, in any case.
    Bool,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// A decimal number.
    Double,
    /// Any text.
    Text,
    /// Texts, separated by commas.
    List,
    /// The name of a class in Java.
    Class,
    /// A text that is never shown.
    Password,
}

/// Which values a property accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// All of the kind.
    Any,
    /// This number or more.
    AtLeast(i64),
    /// From the first to the second, both included.
    Between(i64, i64),
    /// From the first to the second, or the third.
    BetweenOr(i64, i64, i64),
    /// From the first to the second, both included.
    BetweenDecimals(f64, f64),
    /// One of these, in this spelling.
    OneOf(&'static [&'static str]),
    /// One of these, in any case.
    OneOfAnyCase(&'static [&'static str]),
    /// Anything but the empty text.
    NonEmpty,
}

/// Whether a property does anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does this.
    Supported(&'static str),
    /// Any value but the default is an error, for this reason.
    Refused(&'static str),
    /// Accepted with a warning, for this reason.
    NoEffect(&'static str),
}

/// A value that was read and is allowed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Whole(i64),
    Decimal(f64),
    Text(String),
    List(Vec<String>),
}

impl Property {
    /// The property of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        PROPERTIES.iter().find(|property| property.name == name)
    }

    /// What a user may write, in words.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let acks = &ProducerConfig::properties()[0];
    /// assert_eq!((acks.name, &*acks.allowed_values()), ("acks", "one of all, -1, 0, 1"));
    /// ```
    pub fn allowed_values(&self) -> String {
        let (min, max) = self.kind.range();
        let whole = |min: i64, max: i64| format!("a whole number from {min} to {max}");
        match (self.allowed, self.kind) {
            (AtLeast(least), _) => whole(least, max),
            (Between(min, max), _) => whole(min, max),
            (BetweenOr(min, max, or), _) => format!("{}, or {or}", whole(min, max)),
            (BetweenDecimals(min, max), _) => format!("a number from {min} to {max}"),
            (OneOf(names), _) => format!("one of {}", names.join(", ")),
            (OneOfAnyCase(names), _) => format!("one of {} (in any case)", names.join(", ")),
            (NonEmpty, _) => "a text that is not empty".to_owned(),
            (Any, Bool) => "true or false".to_owned(),
            (Any, Short | Int | Long) => whole(min, max),
            (Any, Double) => "a number".to_owned(),
            (Any, List) => "a list, separated by commas".to_owned(),
            (Any, Text | Class | Password) => "a text".to_owned(),
        }
    }

    /// Reads a value as Kafka does; `None` if it is not allowed.
    pub(super) fn read(&self, text: &str) -> Option<Value> {
        // Java's `trim`: blanks and every control character.
        let text = text.trim_matches(|character| character <= ' ');
        let value = match self.kind {
            Bool if text.eq_ignore_ascii_case("true") => Value::Bool(true),
            Bool if text.eq_ignore_ascii_case("false") => Value::Bool(false),
            Bool => return None,
            Short | Int | Long => Value::Whole(self.kind.whole(text)?),
            Double => Value::Decimal(text.parse().ok()?),
            Text | Class | Password => Value::Text(text.to_owned()),
            List if text.is_empty() => Value::List(Vec::new()),
            List => Value::List(text.split(',').map(|item| item.trim().to_owned()).collect()),
        };
        self.allowed.admit(value)
    }

    /// The value, unless it is a secret.
    pub(super) fn shown<'a>(&self, text: &'a str) -> &'a str {
        if self.kind == Password {
            "[hidden]"
        } else {
            text
        }
    }

    /// What to write to leave the property alone.
    pub(super) fn default_or_unset(&self) -> &'static str {
        self.default
            .filter(|default| !default.is_empty())
            .unwrap_or("left unset")
    }

    /// Whether the value says no more than leaving it out would.
    pub(super) fn is_default(&self, value: &Value) -> bool {
        match self.default_value() {
            Some(default) => *value == default,
            None => *value == Value::Text(String::new()),
        }
    }

    /// The default, read; `None` where there is none.
    pub(super) fn default_value(&self) -> Option<Value> {
        self.read(self.default?)
    }
}

impl Kind {
    /// The least and the greatest number of this kind; 0 where it is not whole numbers.
    fn range(self) -> (i64, i64) {
        match self {
            Short => (i16::MIN.into(), i16::MAX.into()),
            Int => (i32::MIN.into(), i32::MAX.into()),
            Long => (i64::MIN, i64::MAX),
            Bool | Double | Text | List | Class | Password => (0, 0),
        }
    }

    fn whole(self, text: &str) -> Option<i64> {
        let (min, max) = self.range();
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
    }
}

impl Allowed {
    /// The value in its canonical spelling, or `None` if it is not allowed.
    fn admit(self, value: Value) -> Option<Value> {
        let admitted = match (self, &value) {
            (AtLeast(min), Value::Whole(number)) => *number >= min,
            (Between(min, max), Value::Whole(number)) => (min..=max).contains(number),
            (BetweenOr(min, max, or), Value::Whole(number)) => {
                (min..=max).contains(number) || *number == or
            }
            (BetweenDecimals(min, max), Value::Decimal(number)) => (min..=max).contains(number),
            (OneOf(names), Value::Text(text)) => names.contains(&text.as_str()),
            (OneOfAnyCase(names), Value::Text(text)) => {
                let name = names.iter().find(|name| name.eq_ignore_ascii_case(text))?;
                return Some(Value::Text((*name).to_owned()));
            }
            (NonEmpty, Value::Text(text)) => !text.is_empty(),
            (_, _) => true,
        };
        admitted.then_some(value)
    }
}

impl fmt::Display for Property {
    /// A line of documentation: `linger.ms = 5: how long …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = self.default.unwrap_or("(unset)");
        match self.support {
            Supported(what) => write!(f, "{} = {default}: {what}", self.name),
            Refused(why) => write!(f, "{} = {default}: not supported: {why}", self.name),
            NoEffect(why) => write!(f, "{} = {default}: no effect: {why}", self.name),
        }
    }
}

const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    allowed: Allowed,
    support: Support,
) -> Property {
    let default = Some(default);
    Property {
        name,
        kind,
        default,
        allowed,
        support,
    }
}

const fn unset(name: &'static str, kind: Kind, allowed: Allowed, support: Support) -> Property {
    Property {
        name,
        kind,
        default: None,
        allowed,
        support,
    }
}

const SERIALIZERS: Support =
    NoEffect("serializers are Rust types, chosen where the producer is built");
const METRICS: Support = NoEffect("metrics are not collected yet");
const ADAPTIVE: Support = NoEffect("records without a key are not weighted by queue length yet");
const JVM: Support = NoEffect("it configures a Java virtual machine");
const TLS: Support = Refused("TLS is not supported yet");
const SASL: Support = Refused("SASL is not supported yet");

// One row a property: first those that do something, then those that do not.
#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property] = &[
    row("acks", Text, "all", OneOf(&["all", "-1", "0", "1"]),
        Supported("how many replicas must have a record: all in sync (all, -1), the leader (1), none (0)")),
    row("batch.size", Int, "16384", AtLeast(0),
        Supported("bytes of a batch before compression; larger records get a batch each; 0: no batching")),
    unset("bootstrap.servers", List, Any,
        Supported("host:port of some brokers, separated by commas, to learn the cluster from")),
    row("buffer.memory", Long, "33554432", AtLeast(0),
        Supported("bytes that all batches and callbacks may take; sends wait when it is used up")),
    row("client.id", Text, "", Any,
        Supported("sent with every request, for quotas and the broker's logs; unset: producer-N")),
    row("compression.gzip.level", Int, "-1", BetweenOr(1, 9, -1),
        Supported("effort of gzip; -1: its own default")),
    row("compression.lz4.level", Int, "9", Between(1, 17),
        Supported("effort of lz4")),
    row("compression.type", Text, "none", OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]),
        Supported("codec of whole batches")),
    row("compression.zstd.level", Int, "3", Between(-131_072, 22),
        Supported("effort of zstd")),
    row("connections.max.idle.ms", Long, "540000", Any,
        Supported("a connection unused for this long is closed; negative: never")),
    row("delivery.timeout.ms", Int, "120000", AtLeast(0),
        Supported("from the append of a record to its outcome, retries included; at least linger.ms + request.timeout.ms")),
    row("enable.idempotence", Bool, "true", Any,
        Supported("no duplicates and no reordering by retries; needs acks=all, retries, at most 5 in flight")),
    row("linger.ms", Long, "5", AtLeast(0),
        Supported("how long a batch waits for more records")),
    row("max.block.ms", Long, "60000", AtLeast(0),
        Supported("how long a send may wait for metadata and memory")),
    row("max.in.flight.requests.per.connection", Int, "5", AtLeast(1),
        Supported("requests to one broker that may await their answers")),
    row("max.request.size", Int, "1048576", AtLeast(0),
        Supported("bytes of a request, and thereby of a record, before compression")),
    row("metadata.max.age.ms", Long, "300000", AtLeast(0),
        Supported("metadata is refreshed after this long without a reason")),
    row("metadata.max.idle.ms", Long, "300000", AtLeast(5000),
        Supported("a topic not used for this long is forgotten")),
    row("metadata.recovery.rebootstrap.trigger.ms", Long, "300000", AtLeast(0),
        Supported("the known brokers are forgotten when there was no metadata for this long")),
    row("metadata.recovery.strategy", Text, "rebootstrap", OneOfAnyCase(&["REBOOTSTRAP", "NONE"]),
        Supported("whether to begin anew with bootstrap.servers when the known brokers have no metadata")),
    unset("partitioner.class", Class, Any,
        Supported("who chooses a partition: default, round_robin, uniform_sticky, or Kafka's class names")),
    row("partitioner.ignore.keys", Bool, "false", Any,
        Supported("whether records with a key are spread like those without")),
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

    row("client.dns.lookup", Text, "use_all_dns_ips", OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
        Refused("bootstrap names are not replaced by canonical ones, which Kerberos alone needs")),
    row("config.providers", List, "", Any,
        Refused("values are not looked up elsewhere: write them out")),
    row("interceptor.classes", List, "", Any,
        Refused("classes of Java cannot be run, and there are no interceptors here yet")),
    row("security.protocol", Text, "PLAINTEXT", OneOfAnyCase(&["SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"]),
        Refused("TLS and SASL are not supported yet")),
    row("transaction.two.phase.commit.enable", Bool, "false", Any,
        Refused("a transaction cannot be prepared and handed on yet (KIP-939)")),

    unset("key.serializer", Class, Any, SERIALIZERS),
    unset("value.serializer", Class, Any, SERIALIZERS),
    row("enable.metrics.push", Bool, "true", Any, METRICS),
    row("metric.reporters", List, "org.apache.kafka.common.metrics.JmxReporter", Any, METRICS),
    row("metrics.num.samples", Int, "2", AtLeast(1), METRICS),
    row("metrics.recording.level", Text, "INFO", OneOf(&["INFO", "DEBUG", "TRACE"]), METRICS),
    row("metrics.sample.window.ms", Long, "30000", AtLeast(0), METRICS),
    row("partitioner.adaptive.partitioning.enable", Bool, "true", Any, ADAPTIVE),
    row("partitioner.availability.timeout.ms", Long, "0", AtLeast(0), ADAPTIVE),
    unset("security.providers", Text, Any, JVM),

    row("ssl.cipher.suites", List, "", Any, TLS),
    row("ssl.enabled.protocols", List, "TLSv1.2,TLSv1.3", Any, TLS),
    row("ssl.endpoint.identification.algorithm", Text, "https", Any, TLS),
    unset("ssl.engine.factory.class", Class, Any, TLS),
    unset("ssl.key.password", Password, Any, TLS),
    row("ssl.keymanager.algorithm", Text, "SunX509", Any, JVM),
    unset("ssl.keystore.certificate.chain", Password, Any, TLS),
    unset("ssl.keystore.key", Password, Any, TLS),
    unset("ssl.keystore.location", Text, Any, TLS),
    unset("ssl.keystore.password", Password, Any, TLS),
    row("ssl.keystore.type", Text, "JKS", Any, TLS),
    row("ssl.protocol", Text, "TLSv1.3", Any, TLS),
    unset("ssl.provider", Text, Any, JVM),
    unset("ssl.secure.random.implementation", Text, Any, JVM),
    row("ssl.trustmanager.algorithm", Text, "PKIX", Any, JVM),
    unset("ssl.truststore.certificates", Password, Any, TLS),
    unset("ssl.truststore.location", Text, Any, TLS),
    unset("ssl.truststore.password", Password, Any, TLS),
    row("ssl.truststore.type", Text, "JKS", Any, TLS),

    unset("sasl.client.callback.handler.class", Class, Any, SASL),
    unset("sasl.jaas.config", Password, Any, SASL),
    row("sasl.kerberos.kinit.cmd", Text, "/usr/bin/kinit", Any, SASL),
    row("sasl.kerberos.min.time.before.relogin", Long, "60000", Any, SASL),
    unset("sasl.kerberos.service.name", Text, Any, SASL),
    row("sasl.kerberos.ticket.renew.jitter", Double, "0.05", Any, SASL),
    row("sasl.kerberos.ticket.renew.window.factor", Double, "0.8", Any, SASL),
    unset("sasl.login.callback.handler.class", Class, Any, SASL),
    unset("sasl.login.class", Class, Any, SASL),
    unset("sasl.login.connect.timeout.ms", Int, Any, SASL),
    unset("sasl.login.read.timeout.ms", Int, Any, SASL),
    row("sasl.login.refresh.buffer.seconds", Short, "300", Between(0, 3600), SASL),
    row("sasl.login.refresh.min.period.seconds", Short, "60", Between(0, 900), SASL),
    row("sasl.login.refresh.window.factor", Double, "0.8", BetweenDecimals(0.5, 1.0), SASL),
    row("sasl.login.refresh.window.jitter", Double, "0.05", BetweenDecimals(0.0, 0.25), SASL),
    row("sasl.login.retry.backoff.max.ms", Long, "10000", Any, SASL),
    row("sasl.login.retry.backoff.ms", Long, "100", Any, SASL),
    row("sasl.mechanism", Text, "GSSAPI", Any, SASL),
    row("sasl.oauthbearer.assertion.algorithm", Text, "RS256", OneOfAnyCase(&["ES256", "RS256"]), SASL),
    unset("sasl.oauthbearer.assertion.claim.aud", Text, Any, SASL),
    row("sasl.oauthbearer.assertion.claim.exp.seconds", Int, "300", Between(0, 86_400), SASL),
    unset("sasl.oauthbearer.assertion.claim.iss", Text, Any, SASL),
    row("sasl.oauthbearer.assertion.claim.jti.include", Bool, "false", Any, SASL),
    row("sasl.oauthbearer.assertion.claim.nbf.seconds", Int, "60", Between(0, 3600), SASL),
    unset("sasl.oauthbearer.assertion.claim.sub", Text, Any, SASL),
    unset("sasl.oauthbearer.assertion.file", Text, Any, SASL),
    unset("sasl.oauthbearer.assertion.private.key.file", Text, Any, SASL),
    unset("sasl.oauthbearer.assertion.private.key.passphrase", Password, Any, SASL),
    unset("sasl.oauthbearer.assertion.template.file", Text, Any, SASL),
    unset("sasl.oauthbearer.client.credentials.client.id", Text, Any, SASL),
    unset("sasl.oauthbearer.client.credentials.client.secret", Password, Any, SASL),
    row("sasl.oauthbearer.clock.skew.seconds", Int, "30", Any, SASL),
    row("sasl.oauthbearer.expected.audience", List, "", Any, SASL),
    unset("sasl.oauthbearer.expected.issuer", Text, Any, SASL),
    row("sasl.oauthbearer.header.urlencode", Bool, "false", Any, SASL),
    row("sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, "3600000", Any, SASL),
    row("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, "10000", Any, SASL),
    row("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, "100", Any, SASL),
    unset("sasl.oauthbearer.jwks.endpoint.url", Text, Any, SASL),
    row("sasl.oauthbearer.jwt.retriever.class", Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Any, SASL),
    row("sasl.oauthbearer.jwt.validator.class", Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Any, SASL),
    unset("sasl.oauthbearer.scope", Text, Any, SASL),
    row("sasl.oauthbearer.scope.claim.name", Text, "scope", Any, SASL),
    row("sasl.oauthbearer.sub.claim.name", Text, "sub", Any, SASL),
    unset("sasl.oauthbearer.token.endpoint.url", Text, Any, SASL),
];
