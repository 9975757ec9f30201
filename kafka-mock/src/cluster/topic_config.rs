//! Settings of topics by Kafka's names: read from CreateTopics and
//! IncrementalAlterConfigs, returned by DescribeConfigs.
//!
//! All that Kafka knows are checked and stored (`topic_setting`), those that the cluster uses are applied;
//! an unknown name is an error, as in Kafka.

use std::collections::BTreeMap;

use kafka_wire::records::TimestampType;

use super::{
    config::{Cleanup, TopicConfig},
    topic_setting,
};

/// The settings of one topic: those that act here, and all that were given.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    config: TopicConfig,
    given: Given,
}

/// Settings that a topic has of its own, by Kafka's names, as Kafka reads their values.
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
        let known = topic_setting::find(name);
        let known = known.ok_or_else(|| format!("Unknown topic config name: {name}"))?;
        let value = known.normalized(value)?;
        apply(&mut self.config, name, &value)?;
        self.given.insert(name.to_owned(), value);
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

/// Applies the setting `name` to `config`, if it acts here. Kafka has allowed the value.
fn apply(config: &mut TopicConfig, name: &str, value: &str) -> Result<(), String> {
    match name {
        "min.insync.replicas" => config.min_insync_replicas = number(name, value)?,
        "max.message.bytes" => config.max_message_bytes = number(name, value)?,
        "message.timestamp.before.max.ms" => {
            config.timestamp_before_max_ms = number(name, value)?;
        }
        "message.timestamp.after.max.ms" => {
            config.timestamp_after_max_ms = number(name, value)?;
        }
        "message.timestamp.type" => {
            config.timestamp_type = match value {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            };
        }
        "cleanup.policy" => config.cleanup = cleanup(value),
        _ => {}
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
        Cleanup::Keep => "",
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

fn cleanup(value: &str) -> Cleanup {
    let has = |policy| value.split(',').any(|it| it == policy);
    match (has("compact"), has("delete")) {
        (true, true) => Cleanup::CompactAndDelete,
        (true, false) => Cleanup::Compact,
        (false, true) => Cleanup::Delete,
        (false, false) => Cleanup::Keep,
    }
}

/// Some numbers are smaller here than in Kafka.
fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    let parsed = value.parse().ok();
    parsed.ok_or_else(|| format!("Invalid value {value} for configuration {name}: too large"))
}
