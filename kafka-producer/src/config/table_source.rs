//! Any self-describing format of serde's as a source of settings: JSON, TOML, YAML and the like.
//!
//! The settings are a table of names to texts, numbers, booleans, or lists of these, which are joined by
//! commas. Tables in it are joined by dots, so that `[ssl.truststore]` may stand above `location`. What is
//! null was not set.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::producer_config::ProducerConfig;

/// A table of Kafka's names, or of tables that join to them. Nothing is checked before
/// [`check`](ProducerConfig::check).
///
/// ```
/// use kafka_producer::ProducerConfig;
///
/// let config: ProducerConfig = serde_json::from_str(
///     r#"{
///         "bootstrap.servers": ["kafka-1:9092", "kafka-2:9092"],
///         "enable.idempotence": true,
///         "retry": { "backoff.ms": 50 }
///     }"#,
/// )?;
/// let same = ProducerConfig::from_properties([
///     ("bootstrap.servers", "kafka-1:9092,kafka-2:9092"),
///     ("enable.idempotence", "true"),
///     ("retry.backoff.ms", "50"),
/// ]);
/// assert_eq!(config, same);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for ProducerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = BTreeMap::new();
        deserializer.deserialize_map(Entry {
            name: "",
            settings: &mut settings,
        })?;
        Ok(Self::from_properties(settings))
    }
}

/// What stands behind a name; the whole has none.
struct Entry<'a> {
    name: &'a str,
    settings: &'a mut BTreeMap<String, String>,
}

impl Entry<'_> {
    fn set<E: Error>(self, value: impl ToString) -> Result<(), E> {
        if self.name.is_empty() {
            return Err(E::custom(
                "the settings of a producer are a table of names and values",
            ));
        }
        match self
            .settings
            .insert(self.name.to_owned(), value.to_string())
        {
            None => Ok(()),
            Some(_) => Err(E::custom(format_args!("{} is there twice", self.name))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            "" => f.write_str("a table of names and values"),
            name => write!(
                f,
                "for {name} a text, a number, true or false, a list of these, or a table"
            ),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.set(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.set(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.set(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.set(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.set(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut items: Vec<String> = Vec::new();
        while let Some(item) = list.next_element_seed(Item { name: self.name })? {
            items.push(item);
        }
        self.set(items.join(","))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<(), A::Error> {
        while let Some(key) = table.next_key::<String>()? {
            let joined = match self.name {
                "" => key,
                name => format!("{name}.{key}"),
            };
            table.next_value_seed(Entry {
                name: &joined,
                settings: self.settings,
            })?;
        }
        Ok(())
    }
}

/// One of a list.
struct Item<'a> {
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Item<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "in the list of {} a text, a number, true or false",
            self.name
        )
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<ProducerConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn properties(pairs: &[(&str, &str)]) -> ProducerConfig {
        ProducerConfig::from_properties(pairs.iter().copied())
    }

    #[test]
    fn every_kind_of_value_is_written_as_a_file_would() {
        let config = json(
            r#"{"linger.ms": 5, "enable.idempotence": true, "acks": "all", "retries": -1,
                "sasl.login.refresh.window.factor": 0.75, "client.id": null,
                "bootstrap.servers": ["a:1", "b:2"], "metric.reporters": [], "x": [1, true, 0.5]}"#,
        );
        let expected = properties(&[
            ("linger.ms", "5"),
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("retries", "-1"),
            ("sasl.login.refresh.window.factor", "0.75"),
            ("bootstrap.servers", "a:1,b:2"),
            ("metric.reporters", ""),
            ("x", "1,true,0.5"),
        ]);
        assert_eq!(config.unwrap(), expected);
    }

    #[test]
    fn tables_join_to_kafkas_names() {
        let toml = "bootstrap.servers = ['a:1', 'b:2']\nretry.backoff.ms = 50\nretry.backoff.max.ms = 60\n\
                    'compression.type' = 'zstd'\n[ssl.truststore]\nlocation = 'ca.pem'\ntype = 'PEM'\n";
        let config: ProducerConfig = toml::from_str(toml).unwrap();
        let expected = properties(&[
            ("bootstrap.servers", "a:1,b:2"),
            ("retry.backoff.ms", "50"),
            ("retry.backoff.max.ms", "60"),
            ("compression.type", "zstd"),
            ("ssl.truststore.location", "ca.pem"),
            ("ssl.truststore.type", "PEM"),
        ]);
        assert_eq!(config, expected);
    }

    #[test]
    fn a_name_that_is_there_twice_is_an_error() {
        let error = json(r#"{"linger.ms": 5, "linger": {"ms": 6}}"#).unwrap_err();
        assert!(error.starts_with("linger.ms is there twice"), "{error}");
        let error = json(r#"{"acks": 0, "acks": 1}"#).unwrap_err();
        assert!(error.starts_with("acks is there twice"), "{error}");
    }

    #[test]
    fn what_is_no_setting_is_an_error_that_names_it() {
        let error = json(r#"{"ssl": {"key": {"password": [["x"]]}}}"#).unwrap_err();
        assert!(
            error.contains("in the list of ssl.key.password a text"),
            "{error}"
        );
        let error = json(r#"[1]"#).unwrap_err();
        assert!(error.contains("a table of names and values"), "{error}");
        assert!(json("{").is_err());
    }

    #[test]
    fn a_part_of_a_larger_configuration_can_be_a_producers() {
        let config: BTreeMap<String, ProducerConfig> =
            toml::from_str("[kafka]\nacks = 1\n").unwrap();
        assert_eq!(config["kafka"], properties(&[("acks", "1")]));
    }
}
