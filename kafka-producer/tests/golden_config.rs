//! The configuration against that of Apache Kafka's own client.
//!
//! `tests/golden/configs*.jsonl` were made with kafka-clients 4.4.0; `KAFKA_GOLDEN_DIR` names
//! another directory with the same files.

use std::path::PathBuf;

use kafka_producer::ProducerConfig;
use kafka_producer::config::{
    Allowed, Checked, ConfigError, Kind, PartitionerClass, Problem, Property, parse_properties,
};
use kafka_producer::settings::{Adaptive, Guarantee};
use kafka_wire::compression::{Compression, CompressionError, decompress};
use serde_json::Value;

/// What Kafka tells of this has no place in our settings: without transactions nothing has their timeout.
const NOT_IN_SETTINGS: [&str; 1] = ["transaction.timeout.ms"];

/// Kafka's client has no such settings: it takes brokers to remember it, and always sends a batch again.
const OUR_OWN: [&str; 4] = [
    "compression.type.by.topic",
    "drop.timeout.ms",
    "producer.id.expiration.ms",
    "unresolved.batch.policy",
];

#[test]
fn every_property_has_the_kind_the_default_and_the_range_that_kafka_gives_it() {
    let cases = golden("configs.jsonl");
    for case in &cases {
        let name = text(&case["name"]);
        let property = property(name);
        assert_eq!(property.kind, kind(text(&case["type"])), "{name}");
        assert_eq!(property.default, case["default"].as_str(), "{name}");
        assert_eq!(property.allowed, allowed(&case["validator"]), "{name}");
    }
    assert_eq!(
        cases.len() + OUR_OWN.len(),
        ProducerConfig::properties().count(),
        "no other name that Kafka lacks"
    );
    for name in OUR_OWN {
        assert!(!cases.iter().any(|case| case["name"] == name), "{name}");
        property(name);
    }
}

#[test]
fn settings_are_accepted_refused_and_adjusted_as_kafka_does() {
    let mut without_codec: u32 = 0;
    for case in golden("configs_effective.jsonl") {
        let checked = config(&case["props"]).check();
        if let Err(error) = &checked
            && case["effective"].is_object()
            && lacks_codec(error)
        {
            without_codec += 1;
            continue;
        }
        match checked {
            Ok(checked) => compare(&case, &checked),
            Err(error) => compare_refusal(&case, &error),
        }
    }
    let codecs = Compression::all().filter(|codec| !is_built_in(*codec));
    if !is_elsewhere() {
        assert_eq!(
            without_codec,
            codecs.count() as u32,
            "all other lines match"
        );
    }
}

/// Made with `java.util.Properties` of Java 17, from random arrangements of what is special.
#[test]
fn texts_are_read_as_javas_properties_read_them() {
    let mut malformed = 0;
    for case in lines(include_str!("golden/properties.jsonl")) {
        let text: String = bytes(text(&case["hex"]))
            .into_iter()
            .map(char::from)
            .collect();
        match parse_properties(&text) {
            Ok(pairs) => {
                let pairs = pairs.into_iter();
                let found: serde_json::Map<_, _> = pairs
                    .map(|(name, value)| (name, Value::from(value)))
                    .collect();
                assert_eq!(Value::from(found), case["properties"], "{text:?}");
            }
            Err(error) => {
                malformed += 1;
                assert!(case["error"].is_string(), "{text:?}: {error}");
            }
        }
    }
    assert!(malformed > 10, "{malformed} are malformed");
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let digits = digits.map(|two| std::str::from_utf8(two).expect("hexadecimal digits"));
    digits
        .map(|two| u8::from_str_radix(two, 16).expect("hexadecimal digits"))
        .collect()
}

/// Whether the configuration would be right if its codec were built in.
fn lacks_codec(error: &ConfigError) -> bool {
    let [Problem::Unsupported { name, value, .. }] = error.problems() else {
        return false;
    };
    *name == "compression.type" && value.parse().is_ok_and(|codec| !is_built_in(codec))
}

fn is_built_in(codec: Compression) -> bool {
    !matches!(
        decompress(codec, &[], 0),
        Err(CompressionError::NotBuiltIn { .. })
    )
}

fn compare_refusal(case: &Value, error: &ConfigError) {
    assert!(
        case["error"].is_string(),
        "{case} is accepted by Kafka, but: {error}"
    );
    let message = text(&case["error_message"]);
    let told = error.to_string();
    let mut names = ProducerConfig::properties().map(|property| property.name);
    assert!(
        names.any(|name| message.contains(name) && told.contains(name)),
        "{message}, but: {error}"
    );
}

fn compare(case: &Value, checked: &Checked) {
    let Some(effective) = case["effective"].as_object() else {
        panic!("{case} is accepted as {checked:?}")
    };
    for (name, expected) in effective {
        if name == "transactional.id" {
            compare_transactions(effective, checked);
            continue;
        }
        if NOT_IN_SETTINGS.contains(&name.as_str()) {
            continue;
        }
        let found = effect(name, checked);
        assert_eq!(
            found,
            adjusted(name, text(expected), effective),
            "{name} of {case}"
        );
    }
}

fn compare_transactions(effective: &serde_json::Map<String, Value>, checked: &Checked) {
    let transactional = checked.settings().guarantee.transactional();
    let id = transactional.map(|transactional| &*transactional.id);
    assert_eq!(id, effective["transactional.id"].as_str());
    if let Some(transactional) = transactional {
        let timeout_ms = transactional.timeout.as_millis().to_string();
        assert_eq!(timeout_ms, text(&effective["transaction.timeout.ms"]));
    }
}

/// What our settings say, in Kafka's words.
fn effect(name: &str, checked: &Checked) -> String {
    let settings = checked.settings();
    match name {
        "acks" => settings.guarantee.acks().code().to_string(),
        "enable.idempotence" => (!matches!(settings.guarantee, Guarantee::Plain(_))).to_string(),
        "retries" => settings.retries.to_string(),
        "max.in.flight.requests.per.connection" => settings.max_in_flight.to_string(),
        "client.id" => without_number(&settings.client_id),
        "batch.size" => settings.accumulator.batch_size.to_string(),
        "linger.ms" => settings.accumulator.linger.as_millis().to_string(),
        "buffer.memory" => settings.accumulator.buffer_memory.to_string(),
        "compression.type" => settings.codecs.of("t").compression.to_string(),
        "delivery.timeout.ms" => settings.delivery_timeout.as_millis().to_string(),
        "request.timeout.ms" => settings.request_timeout.as_millis().to_string(),
        "max.block.ms" => settings.max_block.as_millis().to_string(),
        "max.request.size" => settings.max_request_bytes.to_string(),
        "partitioner.ignore.keys" => {
            (checked.partitioner() == PartitionerClass::UniformSticky).to_string()
        }
        "partitioner.adaptive.partitioning.enable" => {
            (settings.partitioning.adaptive != Adaptive::Off).to_string()
        }
        "metadata.max.age.ms" => settings.metadata_max_age.as_millis().to_string(),
        "reconnect.backoff.ms" => settings.reconnect_backoff.initial.as_millis().to_string(),
        "reconnect.backoff.max.ms" => settings.reconnect_backoff.max.as_millis().to_string(),
        "retry.backoff.ms" => settings.retry_backoff.initial.as_millis().to_string(),
        "retry.backoff.max.ms" => settings.retry_backoff.max.as_millis().to_string(),
        _ => panic!("{name} is not compared"),
    }
}

/// Kafka's value as the Java client then uses it: its lists tell some values as they were written.
fn adjusted(name: &str, value: &str, effective: &serde_json::Map<String, Value>) -> String {
    let most = match name {
        "linger.ms" => i32::MAX.to_string(),
        "retry.backoff.ms" => text(&effective["retry.backoff.max.ms"]).to_owned(),
        "reconnect.backoff.ms" => text(&effective["reconnect.backoff.max.ms"]).to_owned(),
        _ => return value.to_owned(),
    };
    let number = |text: &str| text.parse::<i64>().expect("a whole number");
    number(value).min(number(&most)).to_string()
}

fn without_number(client_id: &str) -> String {
    match client_id.strip_prefix("producer-") {
        Some(number) if number.parse::<u64>().is_ok() => "producer-N".to_owned(),
        _ => client_id.to_owned(),
    }
}

fn config(props: &Value) -> ProducerConfig {
    let props = props.as_object().expect("an object of texts").iter();
    let props = props.map(|(name, value)| (name.clone(), text(value)));
    ProducerConfig::from_properties(props).bootstrap_servers(["localhost:9092"])
}

fn property(name: &str) -> &'static Property {
    let mut properties = ProducerConfig::properties();
    properties
        .find(|property| property.name == name)
        .unwrap_or_else(|| panic!("{name} is unknown"))
}

fn kind(name: &str) -> Kind {
    match name {
        "BOOLEAN" => Kind::Bool,
        "SHORT" => Kind::Short,
        "INT" => Kind::Int,
        "LONG" => Kind::Long,
        "DOUBLE" => Kind::Double,
        "STRING" => Kind::Text,
        "LIST" => Kind::List,
        "CLASS" => Kind::Class,
        "PASSWORD" => Kind::Password,
        _ => panic!("{name} is no kind"),
    }
}

/// Reads `[0,...]`, `[1,...,9] or -1`, `(case insensitive) [A, B]` and so on.
fn allowed(validator: &Value) -> Allowed {
    let Some(validator) = validator.as_str().filter(|text| !text.is_empty()) else {
        return Allowed::Any;
    };
    if validator == "non-empty string" {
        return Allowed::NonEmpty;
    }
    let (range, or) = validator
        .split_once(" or ")
        .map_or((validator, None), |(a, b)| (a, Some(b)));
    let any_case = range.starts_with("(case insensitive) ");
    let range = range.trim_start_matches("(case insensitive) ");
    let inner = range
        .strip_prefix('[')
        .and_then(|range| range.strip_suffix(']'))
        .expect("a range in brackets");
    let whole = |text: &str| text.parse::<i64>().expect("a whole number");
    let decimal = |text: &str| text.parse::<f64>().expect("a decimal number");
    match inner
        .split_once(",...")
        .map(|(min, max)| (min, max.strip_prefix(',')))
    {
        None => names(inner, any_case),
        Some((min, None)) => Allowed::AtLeast(whole(min)),
        Some((min, Some(max))) if min.contains('.') => {
            Allowed::BetweenDecimals(decimal(min), decimal(max))
        }
        Some((min, Some(max))) => match or {
            None => Allowed::Between(whole(min), whole(max)),
            Some(or) => Allowed::BetweenOr(whole(min), whole(max), whole(or)),
        },
    }
}

fn names(inner: &str, any_case: bool) -> Allowed {
    let names: Vec<&'static str> = inner
        .split(", ")
        .map(|name| &*name.to_owned().leak())
        .collect();
    let names: &'static [&'static str] = names.leak();
    if any_case {
        Allowed::OneOfAnyCase(names)
    } else {
        Allowed::OneOf(names)
    }
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not a text"))
}

fn golden(file: &str) -> Vec<Value> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = elsewhere().unwrap_or(own).join(file);
    let lines = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let cases = self::lines(&lines);
    assert!(!cases.is_empty(), "{} is empty", path.display());
    cases
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect()
}

fn is_elsewhere() -> bool {
    elsewhere().is_some()
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test may be pointed at other vectors"
)]
fn elsewhere() -> Option<PathBuf> {
    std::env::var("KAFKA_GOLDEN_DIR").ok().map(PathBuf::from)
}
