//! What is wrong with a configuration, and what deserves a warning.
//!
//! All problems are reported at once, one per line: the property, its value, what is allowed; then the
//! warnings, one per line, because one of them may be the reason. Values of passwords are never shown,
//! nor those of unknown names.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::other_names::Origin;
use crate::error::readable::readable_debug;

/// A configuration that no producer can be built from.
///
/// ```
/// use kafka_producer::ProducerConfig;
///
/// let error = ProducerConfig::from_properties([("acks", "2"), ("linger.ms", "soon")])
///     .check()
///     .unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "acks=\"2\": must be one of all, -1, 0, 1; for more replicas than the leader: all\n\
///      linger.ms=\"soon\": must be a whole number from 0 to 9223372036854775807\n\
///      bootstrap.servers is required: host:port of at least one broker",
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<Problem>, warnings: Vec<Warning>) -> Self {
        Self { problems, warnings }
    }

    /// Everything that is wrong; never empty.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let error = ProducerConfig::new().check().unwrap_err();
    /// assert_eq!(error.problems()[0].name(), Some("bootstrap.servers"));
    /// ```
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The warnings; one of them may be the reason for a problem.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let error = ProducerConfig::from_properties([("boostrap.servers", "localhost:9092")])
    ///     .check()
    ///     .unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "bootstrap.servers is required: host:port of at least one broker; \
    ///      there is no property \"boostrap.servers\"\n\
    ///      warning: unknown property \"boostrap.servers\" is ignored: did you mean bootstrap.servers?",
    /// );
    /// assert_eq!(error.warnings().len(), 1);
    /// ```
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = self.problems.iter().map(Problem::to_string);
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|warning| format!("warning: {warning}"));
        for (index, line) in problems.chain(warnings).enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{line}")?;
        }
        Ok(())
    }
}

readable_debug!(struct ConfigError { problems, warnings });

impl std::error::Error for ConfigError {}

/// One thing that is wrong with a configuration.
///
/// ```
/// use kafka_producer::ProducerConfig;
///
/// let error = ProducerConfig::new().set("acks", "2").check().unwrap_err();
/// let names: Vec<_> = error.problems().iter().filter_map(|problem| problem.name()).collect();
/// assert_eq!(names, ["acks", "bootstrap.servers"]);
/// ```
#[derive(Clone, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The value is not of the property's kind, or out of its range.
    #[error("{name}={value:?}: must be {allowed}")]
    #[non_exhaustive]
    Invalid {
        /// Kafka's name of the property.
        name: &'static str,
        /// As it was given.
        value: String,
        /// What could have been given.
        allowed: String,
    },
    /// The value is allowed, but not together with that of another property.
    #[error("{name}={value:?}: must be {allowed}, because {because}")]
    #[non_exhaustive]
    Contradiction {
        /// Kafka's name of the property.
        name: &'static str,
        /// Its value.
        value: String,
        /// What could have been given.
        allowed: String,
        /// The other property, and its value.
        because: String,
    },
    /// Kafka allows the value; this producer does not support it.
    #[error("{name}={value:?}: must be {allowed}, because {reason}")]
    #[non_exhaustive]
    Unsupported {
        /// Kafka's name of the property.
        name: &'static str,
        /// As it was given.
        value: String,
        /// What could have been given.
        allowed: String,
        /// Why not.
        reason: String,
    },
    /// A setting was given different values, by names that mean the same.
    #[error(
        "{name}={value:?} contradicts {other}={other_value:?}: both set {setting}, keep one of them"
    )]
    #[non_exhaustive]
    Disagreement {
        /// One of the names; not today's.
        name: &'static str,
        /// As it was given.
        value: String,
        /// The other name.
        other: &'static str,
        /// As that was given.
        other_value: String,
        /// Kafka's name of what both mean.
        setting: &'static str,
    },
    /// A property that has no default was not set.
    #[error("{name} is required: {allowed}{}", misspelling(misspelt))]
    #[non_exhaustive]
    Missing {
        /// Kafka's name of the property.
        name: &'static str,
        /// What should have been given.
        allowed: String,
        /// The unknown name that was set and is most similar to this one.
        misspelt: Option<String>,
    },
    /// A setting whose file, text or name cannot be used, which only reading it tells: of `ssl.*`, or one
    /// whose value a provider should give.
    #[error("{name}{}: {reason}", as_set(value))]
    #[non_exhaustive]
    Unusable {
        /// Kafka's name of the property.
        name: &'static str,
        /// As it was given, if it is no secret.
        value: Option<String>,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A properties file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    #[non_exhaustive]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said, or that it is not UTF-8.
        reason: String,
    },
    /// The value of an environment variable is no text.
    #[error("the environment variable {variable} is not UTF-8")]
    #[non_exhaustive]
    NotUnicode {
        /// Its name.
        variable: String,
    },
    /// A line of properties is not written as Java's `Properties` allow.
    #[error("line {line}: {reason}")]
    #[non_exhaustive]
    Malformed {
        /// Where the line begins, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

readable_debug!(enum Problem {
    Invalid { name, value, allowed },
    Contradiction { name, value, allowed, because },
    Unsupported { name, value, allowed, reason },
    Disagreement { name, value, other, other_value, setting },
    Missing { name, allowed, misspelt },
    Unusable { name, value, reason },
    Unreadable { path, reason },
    NotUnicode { variable },
    Malformed { line, reason },
});

fn as_set(value: &Option<String>) -> String {
    let shown = |value| format!("={value:?}");
    value.as_ref().map(shown).unwrap_or_default()
}

fn misspelling(misspelt: &Option<String>) -> String {
    let told = |name| format!("; there is no property {name:?}");
    misspelt.as_ref().map(told).unwrap_or_default()
}

impl Problem {
    /// The property this is about, if it is about one; by the name that it was given.
    ///
    /// ```
    /// use kafka_producer::config::parse_properties;
    ///
    /// let error = parse_properties("acks=all\nname=\\u12").unwrap_err();
    /// assert_eq!(error.problems()[0].name(), None); // it is about a line of the file
    /// assert!(error.to_string().starts_with("line 2: "));
    /// ```
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { name, .. }
            | Self::Contradiction { name, .. }
            | Self::Disagreement { name, .. }
            | Self::Unsupported { name, .. }
            | Self::Missing { name, .. }
            | Self::Unusable { name, .. } => Some(name),
            Self::Unreadable { .. } | Self::NotUnicode { .. } | Self::Malformed { .. } => None,
        }
    }
}

/// Something about a valid configuration that is probably not meant.
///
/// ```
/// use kafka_producer::ProducerConfig;
///
/// let checked = ProducerConfig::new()
///     .bootstrap_servers(["localhost:9092"])
///     .set("liger.ms", "0")
///     .check()?;
/// assert_eq!(
///     checked.warnings()[0].to_string(),
///     "unknown property \"liger.ms\" is ignored: did you mean linger.ms?",
/// );
/// # Ok::<(), kafka_producer::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// No property has this name; it is ignored.
    #[non_exhaustive]
    Unknown {
        /// As it was given.
        name: String,
        /// The most similar property, if one is similar.
        nearest: Option<&'static str>,
    },
    /// A name that is understood, but is not Kafka's name of today.
    #[non_exhaustive]
    OtherName {
        /// As it was given.
        name: &'static str,
        /// Whose name it is.
        origin: Origin,
        /// What to write instead: `NAME=VALUE`, or several.
        instead: String,
    },
    /// A property that has no effect here: of Kafka's, or by another name.
    #[non_exhaustive]
    NoEffect {
        /// The name of the property.
        name: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// A value has a variable (`${PROVIDER:…}`) of a provider that `config.providers` does not name: it is
    /// left as it is.
    #[non_exhaustive]
    NoSuchProvider {
        /// The name of the property.
        name: &'static str,
    },
    /// A list has an empty entry, for example by a comma too many: it is skipped.
    #[non_exhaustive]
    EmptyEntry {
        /// Kafka's name of the property.
        name: &'static str,
    },
    /// An entry of a list is not supported, and passed over, because others are.
    #[non_exhaustive]
    EntryNotSupported {
        /// Kafka's name of the property.
        name: &'static str,
        /// The entry.
        entry: String,
    },
    /// `enable.idempotence` was left at its default, and another setting rules it out: it is off.
    #[non_exhaustive]
    IdempotenceOff {
        /// The property that rules it out.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// `delivery.timeout.ms` was left at its default, which is too short: it was raised.
    #[non_exhaustive]
    DeliveryTimeoutRaised {
        /// To `linger.ms` + `request.timeout.ms`.
        to_ms: i64,
    },
    /// A backoff that should grow with each failure does not: it is always `fixed_ms`.
    #[non_exhaustive]
    BackoffIsFixed {
        /// Kafka's name of the first time.
        name: &'static str,
        /// Every time.
        fixed_ms: i64,
    },
    /// What is secret goes to another host without TLS.
    #[non_exhaustive]
    SecretInPlain {
        /// Kafka's name of the property.
        name: &'static str,
        /// Where it goes to.
        value: String,
    },
    /// A time limit of zero or less, which no connection can meet.
    #[non_exhaustive]
    TimeoutIsZero {
        /// Kafka's name of the property.
        name: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown {
                name,
                nearest: Some(nearest),
            } => {
                write!(
                    f,
                    "unknown property {name:?} is ignored: did you mean {nearest}?"
                )
            }
            Self::Unknown {
                name,
                nearest: None,
            } => {
                write!(f, "unknown property {name:?} is ignored")
            }
            Self::OtherName {
                name,
                origin,
                instead,
            } => write!(f, "{name} is {origin}: write {instead}"),
            Self::NoSuchProvider { name } => write!(
                f,
                "{name} has a variable (${{PROVIDER:...}}) that is left as it is: config.providers does \
                 not name its provider"
            ),
            Self::NoEffect { name, reason } => write!(f, "{name} has no effect: {reason}"),
            Self::EmptyEntry { name } => {
                write!(f, "{name} has an empty entry, which is passed over")
            }
            Self::EntryNotSupported { name, entry } => {
                write!(f, "{name}: {entry:?} is not supported, and passed over")
            }
            Self::IdempotenceOff { name, value } => {
                let risk = match *name {
                    "retries" => "a record is sent once, and lost if that fails",
                    _ => "records that are sent again may be duplicated or reordered",
                };
                write!(
                    f,
                    "enable.idempotence is off, because {name}={value}: {risk}"
                )
            }
            Self::DeliveryTimeoutRaised { to_ms } => write!(
                f,
                "delivery.timeout.ms is raised to {to_ms}, \
                 the sum of linger.ms and request.timeout.ms"
            ),
            Self::BackoffIsFixed { name, fixed_ms } => write!(
                f,
                "{name} does not grow with each failure: the time is always {fixed_ms} ms"
            ),
            Self::SecretInPlain { name, value } => write!(
                f,
                "{name}={value}: what is secret can be read on the way, because that is not https"
            ),
            Self::TimeoutIsZero { name } => {
                write!(
                    f,
                    "{name} leaves no time: no connection will ever be set up"
                )
            }
        }
    }
}
