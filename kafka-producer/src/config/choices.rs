//! The values that users name by a word: `acks`, `partitioner.class`, `unresolved.batch.policy`,
//! `metadata.recovery.strategy`, `client.dns.lookup`, `security.protocol`.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// How the partition of a record is chosen that does not name one (`partitioner.class`).
///
/// ```
/// use kafka_producer::config::PartitionerClass;
///
/// let java = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
/// assert_eq!(java.parse(), Ok(PartitionerClass::RoundRobin));
/// assert_eq!("uniform_sticky".parse(), Ok(PartitionerClass::UniformSticky));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartitionerClass {
    /// By the hash of the key; without a key, one partition per batch.
    #[default]
    Default,
    /// The next partition for each record, with or without a key.
    RoundRobin,
    /// One partition per batch, with or without a key.
    UniformSticky,
    /// What a program has given the name that `partitioner.class` has
    /// ([`Plugins`](super::Plugins)).
    Plugin,
}

impl PartitionerClass {
    /// The short name, as in a properties file; `plugin` for [`Plugin`](Self::Plugin), which has no short
    /// name.
    ///
    /// ```
    /// use kafka_producer::config::PartitionerClass;
    /// assert_eq!(PartitionerClass::RoundRobin.name(), "round_robin");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::RoundRobin => "round_robin",
            Self::UniformSticky => "uniform_sticky",
            Self::Plugin => "plugin",
        }
    }
}

impl FromStr for PartitionerClass {
    type Err = UnknownPartitioner;

    /// A short name, or Kafka's name of the class; two of them are gone since Apache Kafka 4.0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "default" | "org.apache.kafka.clients.producer.internals.DefaultPartitioner" => {
                Ok(Self::Default)
            }
            "round_robin" | "org.apache.kafka.clients.producer.RoundRobinPartitioner" => {
                Ok(Self::RoundRobin)
            }
            "uniform_sticky" | "org.apache.kafka.clients.producer.UniformStickyPartitioner" => {
                Ok(Self::UniformSticky)
            }
            _ => Err(UnknownPartitioner),
        }
    }
}

/// The text names no partitioner.
///
/// ```
/// use kafka_producer::config::PartitionerClass;
///
/// let error = "com.example.Mine".parse::<PartitionerClass>().unwrap_err();
/// assert!(error.to_string().starts_with("one of default, round_robin, uniform_sticky"));
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "one of default, round_robin, uniform_sticky, Kafka's name of such a class, or a name of Plugins"
)]
#[non_exhaustive]
pub struct UnknownPartitioner;

/// How many replicas must have a record before it counts as delivered.
///
/// ```
/// use kafka_producer::Acks;
/// assert_eq!("-1".parse(), Ok(Acks::All));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Acks {
    /// None: a record counts as delivered when it is written to the socket, at an unknown offset. At most
    /// once.
    None,
    /// The leader alone.
    Leader,
    /// All replicas in sync, `min.insync.replicas` of them at least.
    #[default]
    All,
}

impl Acks {
    /// The number in a produce request.
    ///
    /// ```
    /// assert_eq!(kafka_producer::Acks::All.code(), -1);
    /// ```
    pub fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

impl FromStr for Acks {
    type Err = UnknownAcks;

    /// `all`, `-1`, `0` or `1`, in any case, with blanks around or not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "-1" => Ok(Self::All),
            "0" => Ok(Self::None),
            "1" => Ok(Self::Leader),
            text if text.eq_ignore_ascii_case("all") => Ok(Self::All),
            _ => Err(UnknownAcks),
        }
    }
}

/// The text is no value of `acks`.
///
/// ```
/// use kafka_producer::Acks;
///
/// let error = "2".parse::<Acks>().unwrap_err();
/// assert_eq!(error.to_string(), "acks must be one of all, -1, 0, 1");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("acks must be one of all, -1, 0, 1")]
#[non_exhaustive]
pub struct UnknownAcks;

/// What an idempotent producer does with a batch that may be in the log, because an attempt had no
/// answer, when the broker no longer accepts its sequence number (`unresolved.batch.policy`).
///
/// ```
/// use kafka_producer::UnresolvedPolicy;
/// assert_eq!("resend".parse(), Ok(UnresolvedPolicy::Resend));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnresolvedPolicy {
    /// It asks the partition's leader for the last sequence number of this producer (KIP-664), which
    /// needs the right to read the topic. If that does not settle it, the batch fails as *possibly
    /// persisted*.
    #[default]
    Ask,
    /// It sends the batch again under a new epoch, as Kafka's own client does: nothing fails, and
    /// its records may be there twice.
    Resend,
    /// The batch fails as *possibly persisted*, at once.
    Fail,
}

impl UnresolvedPolicy {
    /// The value of `unresolved.batch.policy`.
    ///
    /// ```
    /// use kafka_producer::UnresolvedPolicy;
    /// assert_eq!(UnresolvedPolicy::Ask.name(), "ask");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Resend => "resend",
            Self::Fail => "fail",
        }
    }
}

impl FromStr for UnresolvedPolicy {
    type Err = UnknownPolicy;

    /// `ask`, `resend` or `fail`, with blanks around or not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        [Self::Ask, Self::Resend, Self::Fail]
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or(UnknownPolicy)
    }
}

/// The text is no value of `unresolved.batch.policy`.
///
/// ```
/// use kafka_producer::UnresolvedPolicy;
///
/// let error = "guess".parse::<UnresolvedPolicy>().unwrap_err();
/// assert_eq!(error.to_string(), "one of ask, resend, fail");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("one of ask, resend, fail")]
#[non_exhaustive]
pub struct UnknownPolicy;

/// What is done when no known broker has metadata (`metadata.recovery.strategy`, KIP-899).
///
/// ```
/// use std::time::Duration;
/// use kafka_producer::{ProducerConfig, config::MetadataRecovery};
///
/// let trigger = Duration::from_secs(60);
/// let config = ProducerConfig::new().metadata_recovery(MetadataRecovery::Rebootstrap { trigger });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetadataRecovery {
    /// The known brokers are asked again and again.
    None,
    /// The producer starts again from the bootstrap servers, after `trigger` or when a broker asks for it.
    Rebootstrap {
        /// `metadata.recovery.rebootstrap.trigger.ms`.
        trigger: Duration,
    },
}

/// What becomes of the host names in `bootstrap.servers` (`client.dns.lookup`). In either case all
/// addresses of a name are tried, and names are resolved anew for each connection.
///
/// ```
/// use kafka_producer::config::DnsLookup;
/// assert_eq!(DnsLookup::default().name(), "use_all_dns_ips");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DnsLookup {
    /// They are used as they are written.
    #[default]
    UseAllDnsIps,
    /// Each is replaced by the names of its addresses (reverse lookup), by which TLS and logins then know the
    /// brokers: for an alias whose brokers have certificates for their own names.
    ResolveCanonicalBootstrapServersOnly,
}

impl DnsLookup {
    /// The value of `client.dns.lookup`.
    ///
    /// ```
    /// use kafka_producer::config::DnsLookup;
    ///
    /// let lookup = DnsLookup::ResolveCanonicalBootstrapServersOnly;
    /// assert_eq!(lookup.name(), "resolve_canonical_bootstrap_servers_only");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::UseAllDnsIps => "use_all_dns_ips",
            Self::ResolveCanonicalBootstrapServersOnly => {
                "resolve_canonical_bootstrap_servers_only"
            }
        }
    }
}

/// How brokers are talked to (`security.protocol`): over TLS or not, and with a login or without.
///
/// ```
/// use kafka_producer::SecurityProtocol;
///
/// assert_eq!("sasl_ssl".parse(), Ok(SecurityProtocol::SaslSsl));
/// assert!(SecurityProtocol::SaslSsl.has_tls() && SecurityProtocol::SaslSsl.has_sasl());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecurityProtocol {
    /// Neither.
    #[default]
    Plaintext,
    /// TLS; the producer may have a certificate.
    Ssl,
    /// A login that anybody on the way can read, or parts of it.
    SaslPlaintext,
    /// A login over TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// The value of `security.protocol`.
    ///
    /// ```
    /// use kafka_producer::SecurityProtocol;
    /// assert_eq!(SecurityProtocol::SaslSsl.name(), "SASL_SSL");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether connections are encrypted, and brokers known by their certificates.
    ///
    /// ```
    /// assert!(kafka_producer::SecurityProtocol::Ssl.has_tls());
    /// ```
    pub fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether there is a login on each connection.
    ///
    /// ```
    /// assert!(!kafka_producer::SecurityProtocol::Ssl.has_sasl());
    /// ```
    pub fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

impl FromStr for SecurityProtocol {
    type Err = UnknownProtocol;

    /// In any case, with blanks around or not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        [
            Self::Plaintext,
            Self::Ssl,
            Self::SaslPlaintext,
            Self::SaslSsl,
        ]
        .into_iter()
        .find(|protocol| protocol.name().eq_ignore_ascii_case(text))
        .ok_or(UnknownProtocol)
    }
}

/// The text is no value of `security.protocol`.
///
/// ```
/// use kafka_producer::SecurityProtocol;
///
/// let error = "TLS".parse::<SecurityProtocol>().unwrap_err();
/// assert_eq!(error.to_string(), "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")]
#[non_exhaustive]
pub struct UnknownProtocol;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_are_read_in_any_case_and_with_blanks_around() {
        assert_eq!("all".parse(), Ok(Acks::All));
        assert_eq!(" ALL\t".parse(), Ok(Acks::All));
        assert_eq!("-1".parse(), Ok(Acks::All));
        assert_eq!(" 0".parse(), Ok(Acks::None));
        assert_eq!("1".parse(), Ok(Acks::Leader));
    }

    #[test]
    fn other_numbers_of_acks_are_refused() {
        for text in ["", "2", "-2", "01", "+1", "al l", "none"] {
            assert_eq!(text.parse::<Acks>(), Err(UnknownAcks), "{text:?}");
        }
    }

    #[test]
    fn every_short_name_of_a_partitioner_is_read_again() {
        use PartitionerClass::{Default, RoundRobin, UniformSticky};
        for class in [Default, RoundRobin, UniformSticky] {
            assert_eq!(class.name().parse(), Ok(class));
        }
    }
}
