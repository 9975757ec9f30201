//! Settings of topics by Kafka's names: read from CreateTopics and
//! IncrementalAlterConfigs, returned by DescribeConfigs.
//!
//! Settings that the cluster uses are parsed; the others that Kafka knows are stored and returned
//! as they are; an unknown name is an error, as in Kafka.

use std::collections::BTreeMap;

use kafka_wire::records::TimestampType;

use super::config::{Cleanup, TopicConfig};

/// The settings of one topic: those that act here, and all that were given.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    config: TopicConfig,
    given: Given,
}

/// Settings that a topic has of its own, by Kafka's names, as they were given but for spaces.
pub(super) type Given = BTreeMap<String, String>;

impl Settings {
    pub(super) fn new(config: TopicConfig, given: Given) -> Self {
        Self { config, given }
    }

    /// Those of a topic that has none of its own.
    pub(super) fn of(config: TopicConfig) -> Self {
        Self::new(config, Given::new())
    }

    pub(super) fn config_mut(&mut self) -> &mut TopicConfig {
        &mut self.config
    }

    pub(super) fn into_parts(self) -> (TopicConfig, Given) {
        (self.config, self.given)
    }

    /// Sets one that Kafka knows, to a value that it allows.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        apply(&mut self.config, name, value)?;
        let parts: Vec<_> = value.split(',').map(str::trim).collect();
        self.given.insert(name.to_owned(), parts.join(","));
        Ok(())
    }

    /// Gives one back to the default.
    pub(super) fn unset(&mut self, name: &str, defaults: &Self) -> Result<(), String> {
        if list(&self.config).iter().any(|(known, _)| *known == name) {
            apply(&mut self.config, name, &defaults.value(name))?;
        }
        self.given.remove(name);
        Ok(())
    }

    /// The value that counts; empty, if it is not known.
    pub(super) fn value(&self, name: &str) -> String {
        let acting = list(&self.config).into_iter();
        let acting = acting
            .filter(|(known, _)| *known == name)
            .map(|(_, value)| value);
        let given = self.given.get(name).cloned();
        given.into_iter().chain(acting).next().unwrap_or_default()
    }
}

/// What of `config` differs from the defaults of the cluster.
pub(super) fn own(config: &TopicConfig, defaults: &TopicConfig) -> Given {
    let pairs = list(config).into_iter().zip(list(defaults));
    let own = pairs.filter(|(own, default)| own != default);
    own.map(|((name, value), _)| (name.to_owned(), value))
        .collect()
}

/// Whether values can be appended to this setting.
pub(super) fn is_list(name: &str) -> bool {
    LISTS.contains(&name)
}

/// Applies the setting `name` to `config`, if it acts here.
fn apply(config: &mut TopicConfig, name: &str, value: &str) -> Result<(), String> {
    match name {
        "min.insync.replicas" => config.min_insync_replicas = number(name, value, 1)?,
        "max.message.bytes" => config.max_message_bytes = number(name, value, 0)?,
        "message.timestamp.before.max.ms" => {
            config.timestamp_before_max_ms = number(name, value, 0)?;
        }
        "message.timestamp.after.max.ms" => {
            config.timestamp_after_max_ms = number(name, value, 0)?;
        }
        "message.timestamp.type" => {
            config.timestamp_type = match value {
                "CreateTime" => TimestampType::CreateTime,
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => return Err(refuse(name, value, "CreateTime or LogAppendTime")),
            };
        }
        "cleanup.policy" => config.cleanup = cleanup(name, value)?,
        _ if OTHERS.contains(&name) => {}
        _ => return Err(format!("Unknown topic config name: {name}")),
    }
    Ok(())
}

/// The settings that the cluster uses, with Kafka's names.
pub(super) fn list(config: &TopicConfig) -> [(&'static str, String); 6] {
    let timestamp_type = match config.timestamp_type {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    };
    let cleanup = match config.cleanup {
        Cleanup::Delete => "delete",
        Cleanup::Compact => "compact",
        Cleanup::CompactAndDelete => "compact,delete",
    };
    [
        ("cleanup.policy", cleanup.to_owned()),
        ("max.message.bytes", config.max_message_bytes.to_string()),
        (
            "message.timestamp.after.max.ms",
            config.timestamp_after_max_ms.to_string(),
        ),
        (
            "message.timestamp.before.max.ms",
            config.timestamp_before_max_ms.to_string(),
        ),
        ("message.timestamp.type", timestamp_type.to_owned()),
        (
            "min.insync.replicas",
            config.min_insync_replicas.to_string(),
        ),
    ]
}

fn cleanup(name: &str, value: &str) -> Result<Cleanup, String> {
    let (mut compact, mut delete) = (false, false);
    for policy in value.split(',').map(str::trim) {
        match policy {
            "compact" => compact = true,
            "delete" => delete = true,
            _ => return Err(refuse(name, value, "a list of `compact` and `delete`")),
        }
    }
    Ok(match (compact, delete) {
        (true, true) => Cleanup::CompactAndDelete,
        (true, false) => Cleanup::Compact,
        _ => Cleanup::Delete,
    })
}

fn number<T>(name: &str, value: &str, least: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let parsed = value.trim().parse().ok().filter(|number| *number >= least);
    parsed.ok_or_else(|| refuse(name, value, &format!("a number from {least}")))
}

fn refuse(name: &str, value: &str, allowed: &str) -> String {
    format!("Invalid value {value} for configuration {name}: must be {allowed}")
}

/// Settings that are lists.
const LISTS: &[&str] = &[
    "cleanup.policy",
    "follower.replication.throttled.replicas",
    "leader.replication.throttled.replicas",
];

/// Settings of Kafka 4 that change nothing here.
const OTHERS: &[&str] = &[
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "internal.segment.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "message.downconversion.enable",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
];
