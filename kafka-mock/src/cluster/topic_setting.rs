//! Every setting of a topic that Apache Kafka 4.4 has: its type, the values that it allows, its default,
//! and the broker's setting that it falls back to.
//!
//! A table; `topic_config` applies those that act here.

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct TopicSetting {
    pub(super) name: &'static str,
    kind: Kind,
    /// What Kafka takes if nobody has set it.
    pub(super) default: &'static str,
    /// The setting of brokers that topics without their own value follow.
    pub(super) of_brokers: Option<&'static str>,
}

/// Which values a setting allows.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Boolean,
    /// Not `true`: brokers without tiered storage refuse that.
    Off,
    Int(i64, i64),
    /// From 1 to 9, or -1.
    GzipLevel,
    Long(i64),
    /// From 0 to 1.
    Ratio,
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
    /// `*`, or partitions with brokers, as `0:1,1:2`.
    Replicas,
}

/// The setting of this name, if Kafka knows it.
pub(super) fn find(name: &str) -> Option<&'static TopicSetting> {
    let found = SETTINGS.iter().find(|it| it.name == name);
    found.or_else(|| (name == INTERNAL.name).then_some(&INTERNAL))
}

/// Those that are told, by name.
pub(super) fn all() -> impl Iterator<Item = &'static TopicSetting> {
    SETTINGS.iter()
}

impl TopicSetting {
    /// As `DescribeConfigsResponse.ConfigType`.
    pub(super) fn type_number(&self) -> i8 {
        match self.kind {
            Kind::Boolean | Kind::Off => 1,
            Kind::OneOf(_) => 2,
            Kind::Int(..) | Kind::GzipLevel => 3,
            Kind::Long(_) => 5,
            Kind::Ratio => 6,
            Kind::ListOf(_) | Kind::Replicas => 7,
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.kind, Kind::ListOf(_) | Kind::Replicas)
    }

    /// The value as Kafka tells it afterwards, or why it is refused.
    pub(super) fn normalized(&self, value: &str) -> Result<String, String> {
        let name = self.name;
        let read = self.kind.read(value.trim());
        read.map_err(|reason| format!("Invalid value {value} for configuration {name}: {reason}"))
    }
}

impl Kind {
    fn read(self, value: &str) -> Result<String, String> {
        match self {
            Self::Boolean | Self::Off => self.read_boolean(value),
            Self::Int(..) | Self::GzipLevel | Self::Long(_) => self.read_number(value),
            Self::Ratio => match value.parse::<f64>() {
                Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(format!("{ratio:?}")),
                Ok(_) => Err("Value must be from 0 to 1".to_owned()),
                Err(_) => Err("Not a number of type DOUBLE".to_owned()),
            },
            Self::OneOf(allowed) if allowed.contains(&value) => Ok(value.to_owned()),
            Self::OneOf(allowed) => Err(must_be_one_of(allowed)),
            Self::ListOf(_) | Self::Replicas => self.read_list(value),
        }
    }

    fn read_boolean(self, value: &str) -> Result<String, String> {
        match value.to_ascii_lowercase().as_str() {
            "true" if matches!(self, Self::Off) => {
                Err("Tiered Storage functionality is disabled in the broker".to_owned())
            }
            known @ ("true" | "false") => Ok(known.to_owned()),
            _ => Err("Expected value to be either true or false".to_owned()),
        }
    }

    fn read_number(self, value: &str) -> Result<String, String> {
        let (kind, widest) = match self {
            Self::Long(_) => ("LONG", i64::MAX),
            _ => ("INT", i64::from(i32::MAX)),
        };
        let number = value.parse().ok();
        let number = number.filter(|it: &i64| (-1 - widest..=widest).contains(it));
        let number = number.ok_or_else(|| format!("Not a number of type {kind}"))?;
        match self {
            Self::Int(least, _) | Self::Long(least) if number < least => {
                Err(format!("Value must be at least {least}"))
            }
            Self::Int(_, most) if number > most => {
                Err(format!("Value must be no more than {most}"))
            }
            Self::GzipLevel if number != -1 && !(1..=9).contains(&number) => {
                Err("Value must be between 1 and 9 or equal to -1".to_owned())
            }
            _ => Ok(number.to_string()),
        }
    }

    fn read_list(self, value: &str) -> Result<String, String> {
        let mut parts: Vec<&str> = Vec::new();
        for part in value.split(',').map(str::trim) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        match self {
            _ if value.is_empty() => {}
            Self::ListOf(_) if parts.contains(&"") => {
                return Err("values must not be empty".to_owned());
            }
            Self::ListOf(allowed) if !parts.iter().all(|it| allowed.contains(it)) => {
                return Err(must_be_one_of(allowed));
            }
            Self::Replicas if parts != ["*"] && !parts.iter().all(|it| is_replica(it)) => {
                return Err("must be `*` or a list of partition:broker".to_owned());
            }
            _ => {}
        }
        Ok(parts.join(","))
    }
}

/// As `0:1`: a partition and a broker.
fn is_replica(text: &str) -> bool {
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let pair = text.split_once(':');
    pair.is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
}

fn must_be_one_of(allowed: &[&str]) -> String {
    format!("String must be one of: {}", allowed.join(", "))
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    of_brokers: Option<&'static str>,
) -> TopicSetting {
    TopicSetting {
        name,
        kind,
        default,
        of_brokers,
    }
}

const INT_MAX: i64 = i32::MAX as i64;
const LONG_MAX: &str = "9223372036854775807";
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
const TIMESTAMP_TYPES: &[&str] = &["CreateTime", "LogAppendTime"];
const POLICIES: &[&str] = &["compact", "delete"];

/// Can be set, and is told to nobody.
static INTERNAL: TopicSetting = setting(
    "internal.segment.bytes",
    Kind::Int(i64::MIN, INT_MAX),
    "",
    None,
);

#[rustfmt::skip]
static SETTINGS: [TopicSetting; 37] = [
    setting("cleanup.policy", Kind::ListOf(POLICIES), "delete", Some("log.cleanup.policy")),
    setting("compression.gzip.level", Kind::GzipLevel, "-1", Some("compression.gzip.level")),
    setting("compression.lz4.level", Kind::Int(1, 17), "9", Some("compression.lz4.level")),
    setting("compression.type", Kind::OneOf(CODECS), "producer", Some("compression.type")),
    setting("compression.zstd.level", Kind::Int(-131_072, 22), "3", Some("compression.zstd.level")),
    setting("delete.retention.ms", Kind::Long(0), "86400000", Some("log.cleaner.delete.retention.ms")),
    setting("errors.deadletterqueue.group.enable", Kind::Boolean, "false", None),
    setting("file.delete.delay.ms", Kind::Long(0), "60000", Some("log.segment.delete.delay.ms")),
    setting("flush.messages", Kind::Long(1), LONG_MAX, Some("log.flush.interval.messages")),
    setting("flush.ms", Kind::Long(0), LONG_MAX, None),
    setting("follower.replication.throttled.replicas", Kind::Replicas, "", None),
    setting("index.interval.bytes", Kind::Int(0, INT_MAX), "4096", Some("log.index.interval.bytes")),
    setting("leader.replication.throttled.replicas", Kind::Replicas, "", None),
    setting("local.retention.bytes", Kind::Long(-2), "-2", Some("log.local.retention.bytes")),
    setting("local.retention.ms", Kind::Long(-2), "-2", Some("log.local.retention.ms")),
    setting("max.compaction.lag.ms", Kind::Long(1), LONG_MAX, Some("log.cleaner.max.compaction.lag.ms")),
    setting("max.decompressed.message.bytes", Kind::Int(1, INT_MAX), "2147483639", Some("max.decompressed.message.bytes")),
    setting("max.message.bytes", Kind::Int(0, INT_MAX), "1048588", Some("message.max.bytes")),
    setting("message.timestamp.after.max.ms", Kind::Long(0), "3600000", Some("log.message.timestamp.after.max.ms")),
    setting("message.timestamp.before.max.ms", Kind::Long(0), LONG_MAX, Some("log.message.timestamp.before.max.ms")),
    setting("message.timestamp.type", Kind::OneOf(TIMESTAMP_TYPES), "CreateTime", Some("log.message.timestamp.type")),
    setting("min.cleanable.dirty.ratio", Kind::Ratio, "0.5", Some("log.cleaner.min.cleanable.ratio")),
    setting("min.compaction.lag.ms", Kind::Long(0), "0", Some("log.cleaner.min.compaction.lag.ms")),
    setting("min.insync.replicas", Kind::Int(1, INT_MAX), "1", Some("min.insync.replicas")),
    setting("preallocate", Kind::Boolean, "false", Some("log.preallocate")),
    setting("remote.copy.lag.bytes", Kind::Long(-1), "-1", Some("log.remote.copy.lag.bytes")),
    setting("remote.copy.lag.ms", Kind::Long(-1), "0", Some("log.remote.copy.lag.ms")),
    setting("remote.log.copy.disable", Kind::Boolean, "false", None),
    setting("remote.log.delete.on.disable", Kind::Boolean, "false", None),
    setting("remote.storage.enable", Kind::Off, "false", None),
    setting("retention.bytes", Kind::Long(i64::MIN), "-1", Some("log.retention.bytes")),
    setting("retention.ms", Kind::Long(-1), "604800000", None),
    setting("segment.bytes", Kind::Int(1_048_576, INT_MAX), "1073741824", Some("log.segment.bytes")),
    setting("segment.index.bytes", Kind::Int(4, INT_MAX), "10485760", Some("log.index.size.max.bytes")),
    setting("segment.jitter.ms", Kind::Long(0), "0", None),
    setting("segment.ms", Kind::Long(1), "604800000", None),
    setting("unclean.leader.election.enable", Kind::Boolean, "false", Some("unclean.leader.election.enable")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_by_name_and_their_defaults_are_allowed() {
        assert!(SETTINGS.is_sorted_by_key(|it| it.name));
        for setting in all() {
            let told = setting.normalized(setting.default);
            assert_eq!(told.as_deref(), Ok(setting.default), "{}", setting.name);
        }
    }

    #[test]
    fn values_are_told_as_kafka_reads_them_or_refused() {
        let check = |name: &str, value: &str, expected: Option<&str>| {
            let read = find(name).unwrap().normalized(value);
            assert_eq!(read.as_deref().ok(), expected, "{name} {value:?} {read:?}");
        };
        check("retention.ms", " +5 ", Some("5"));
        check("retention.ms", "-1", Some("-1"));
        check("retention.ms", "-2", None);
        check("retention.ms", "5.0", None);
        check("retention.bytes", "-100", Some("-100"));
        check("segment.bytes", "1048575", None);
        check("segment.bytes", "2147483647", Some("2147483647"));
        check("segment.bytes", "2147483648", None);
        check("compression.gzip.level", "0", None);
        check("compression.gzip.level", "9", Some("9"));
        check("compression.gzip.level", "10", None);
        check("compression.lz4.level", "18", None);
        check("compression.zstd.level", "-131072", Some("-131072"));
        check("min.cleanable.dirty.ratio", "1", Some("1.0"));
        check("min.cleanable.dirty.ratio", "1.1", None);
        check("min.cleanable.dirty.ratio", "NaN", None);
        check("preallocate", "TRUE", Some("true"));
        check("preallocate", "yes", None);
        check("remote.storage.enable", "true", None);
        check("compression.type", " gzip ", Some("gzip"));
        check("compression.type", "Gzip", None);
        check(
            "cleanup.policy",
            "compact, delete,compact",
            Some("compact,delete"),
        );
        check("cleanup.policy", " ", Some(""));
        check("cleanup.policy", "delete,", None);
        check("cleanup.policy", "none", None);
        check(
            "leader.replication.throttled.replicas",
            "0:1, 1:2",
            Some("0:1,1:2"),
        );
        check("leader.replication.throttled.replicas", "*", Some("*"));
        check("leader.replication.throttled.replicas", "0:", None);
        check("internal.segment.bytes", "1", Some("1"));
        assert!(find("message.downconversion.enable").is_none());
    }
}
