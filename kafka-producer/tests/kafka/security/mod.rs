//! Each kind of security that `cargo xtask kafka up --security` knows: what is written with it is read,
//! sessions go on, and failures are told with their reason.

mod cases;
mod delivery;
mod failures;
mod beside_java;
mod renewal;
mod token_endpoint;

use kafka_producer::config::parse_properties;
use kafka_producer::{Producer, ProducerBuilder};

use crate::cluster::{TIME_LIMIT, environment};

/// The kinds, as `cargo xtask kafka up --security` names them.
const KINDS: [&str; 13] = [
    "plaintext",
    "tls",
    "mtls",
    "sasl-plain",
    "sasl-scram",
    "sasl-scram-512",
    "sasl-oauth",
    "sasl-oidc",
    "sasl-ssl-plain",
    "sasl-ssl-scram",
    "sasl-ssl-scram-512",
    "sasl-ssl-oauth",
    "sasl-ssl-oidc",
];

type Properties = Vec<(String, String)>;

/// What a client of this kind is told: the file that Java's clients are told, too.
fn properties(kind: &str) -> Properties {
    let path = format!("{}/{kind}.properties", environment("KAFKA_CLIENTS"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    parse_properties(&text).unwrap()
}

/// The value of a property that is there.
fn value<'a>(properties: &'a Properties, name: &str) -> &'a str {
    let mut properties = properties.iter();
    let found = properties.find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).unwrap()
}

/// A producer of text with these properties, not built yet.
fn builder(properties: &Properties) -> ProducerBuilder<str, str> {
    let builder = Producer::builder().set("max.block.ms", TIME_LIMIT.as_millis().to_string());
    let set = |builder: ProducerBuilder<str, str>, (name, value): &(String, String)| {
        builder.set(name.as_str(), value.as_str())
    };
    properties.iter().fold(builder, set)
}
