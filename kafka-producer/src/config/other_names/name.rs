//! One row of the table: a name that is not Kafka's of today, and what it means.

use std::fmt;

use Conversion::{
    Block, Codec, Encoder, Grant, Kibibytes, NegativeIsForever, Oidc, Partitioner, PemFile,
    PemText, ZeroIsForever,
};
use Meaning::{Converted, Joined, NoEffect, Refused, Same};

/// A name that is not one of Kafka's properties of today, but is understood.
///
/// ```
/// use kafka_producer::ProducerConfig;
/// use kafka_producer::config::{Meaning, Origin};
///
/// let mut names = ProducerConfig::other_names();
/// let brokers = names.find(|name| name.name == "metadata.broker.list").unwrap();
/// assert_eq!(brokers.origin, Origin::OlderKafka);
/// assert_eq!(brokers.meaning, Meaning::Same("bootstrap.servers"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtherName {
    /// As it is written in a file.
    pub name: &'static str,
    /// Whose name it is.
    pub origin: Origin,
    /// What it means today.
    pub meaning: Meaning,
    /// Whether its value is never shown.
    pub is_secret: bool,
}

/// Whose name it is.
///
/// ```
/// use kafka_producer::config::Origin;
///
/// assert_eq!(Origin::Librdkafka.to_string(), "librdkafka's name");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The producers of Kafka 0.8 to 0.10, many of whose names librdkafka has too; or a name that a later
    /// version dropped.
    OlderKafka,
    /// librdkafka, and the clients that are built on it.
    Librdkafka,
    /// Nobody's, but often written.
    Mistake,
}

/// What another name means today.
///
/// ```
/// use kafka_producer::ProducerConfig;
/// use kafka_producer::config::{Conversion, Meaning};
///
/// let mut names = ProducerConfig::other_names();
/// let memory = names.find(|name| name.name == "queue.buffering.max.kbytes").unwrap();
/// let by = Conversion::Kibibytes;
/// assert_eq!(memory.meaning, Meaning::Converted { to: "buffer.memory", by });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// This property, with the same values.
    Same(&'static str),
    /// This property, with other values.
    Converted {
        /// Kafka's name of the property.
        to: &'static str,
        /// What becomes of the value.
        by: Conversion,
    },
    /// Together with others, this property.
    Joined {
        /// Kafka's name of the property.
        to: &'static str,
        /// What else it depends on.
        with: &'static str,
    },
    /// Accepted with a warning, for this reason.
    NoEffect(&'static str),
    /// An error, unless it has this value, which changes nothing.
    Refused {
        /// In any case; empty: left unset.
        unless: &'static str,
        /// Why, and what to use instead.
        reason: &'static str,
    },
}

/// What becomes of the value of another name.
///
/// ```
/// use kafka_producer::config::Conversion;
///
/// assert_eq!(Conversion::Kibibytes.to_string(), "in units of 1024 bytes");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conversion {
    /// Units of 1024 bytes.
    Kibibytes,
    /// 0 is no limit.
    ZeroIsForever,
    /// A negative number is no limit.
    NegativeIsForever,
    /// Whether a send waits for memory without a limit.
    Block,
    /// A codec by its number, or by its name.
    Codec,
    /// A partitioner of librdkafka's.
    Partitioner,
    /// An encoder of the first producer's, in Scala.
    Encoder,
    /// A file with PEM, whose type must be said.
    PemFile,
    /// PEM itself, whose type must be said.
    PemText,
    /// How tokens are got: `oidc`, or by a callback.
    Oidc,
    /// A grant of OAuth.
    Grant,
}

impl OtherName {
    /// The property of today that it means, if there is one.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let mut names = ProducerConfig::other_names();
    /// let zookeeper = names.find(|name| name.name == "zk.connect").unwrap();
    /// assert_eq!(zookeeper.today(), None);
    /// ```
    pub fn today(&self) -> Option<&'static str> {
        match self.meaning {
            Same(to) | Converted { to, .. } | Joined { to, .. } => Some(to),
            NoEffect(_) | Refused { .. } => None,
        }
    }

    pub(super) const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }
}

impl fmt::Display for OtherName {
    /// A line of documentation: `timeout.ms: request.timeout.ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match self.meaning {
            Same(to) => write!(f, "{to}"),
            Converted { to, by } => write!(f, "{to}, {by}"),
            Joined { to, with } => write!(f, "{to}, with {with}"),
            NoEffect(reason) => write!(f, "no effect: {reason}"),
            Refused { unless: "", reason } => write!(f, "not supported: {reason}"),
            Refused { unless, reason } => write!(f, "not supported unless {unless}: {reason}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OlderKafka => "an older name",
            Self::Librdkafka => "librdkafka's name",
            Self::Mistake => "no name of Kafka's",
        })
    }
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kibibytes => "in units of 1024 bytes",
            ZeroIsForever => "where 0 is no limit",
            NegativeIsForever => "where a negative number is no limit",
            Block => "where true is no limit; false changes nothing",
            Codec => "where 0 is none, 1 gzip and 2 snappy",
            Partitioner => {
                "murmur2_random as default, random as uniform_sticky; others are refused"
            }
            Encoder => {
                "where StringEncoder is StringSerializer, and DefaultEncoder ByteArraySerializer"
            }
            PemFile | PemText => "together with the type PEM",
            Oidc => "oidc as OAuthBearerLoginCallbackHandler; default changes nothing",
            Grant => "client_credentials or jwt-bearer as the retriever of that grant",
        })
    }
}

pub(super) const fn same(name: &'static str, origin: Origin, to: &'static str) -> OtherName {
    row(name, origin, Same(to))
}

pub(super) const fn converted(
    name: &'static str,
    origin: Origin,
    to: &'static str,
    by: Conversion,
) -> OtherName {
    row(name, origin, Converted { to, by })
}

pub(super) const fn joined(
    name: &'static str,
    origin: Origin,
    to: &'static str,
    with: &'static str,
) -> OtherName {
    row(name, origin, Joined { to, with })
}

pub(super) const fn no_effect(
    name: &'static str,
    origin: Origin,
    reason: &'static str,
) -> OtherName {
    row(name, origin, NoEffect(reason))
}

pub(super) const fn refused(
    name: &'static str,
    origin: Origin,
    unless: &'static str,
    reason: &'static str,
) -> OtherName {
    row(name, origin, Refused { unless, reason })
}

const fn row(name: &'static str, origin: Origin, meaning: Meaning) -> OtherName {
    OtherName {
        name,
        origin,
        meaning,
        is_secret: false,
    }
}
