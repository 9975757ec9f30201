//! The facade against an embedded cluster that speaks TLS, or does not.

mod failing;
mod files;
mod mangled;
mod sending;

use kafka_mock::{MockCluster, MockTls};
use kafka_producer::{Producer, ProducerBuilder};

use crate::scene::{TOPIC, builder};

/// Settings, in owned text, because most are made by the test.
type Settings = Vec<(&'static str, String)>;

/// A cluster of one broker that speaks TLS, with [`TOPIC`] of so many partitions.
async fn kafka(tls: &MockTls, partitions: i32) -> MockCluster {
    let described = MockCluster::builder().topic(TOPIC, partitions);
    described.tls(tls.clone()).start().await.unwrap()
}

/// TLS that trusts an authority, and has no certificate of its own.
fn trusting(authority: &MockTls) -> Settings {
    vec![
        ("security.protocol", "SSL".to_owned()),
        ("ssl.truststore.type", "PEM".to_owned()),
        ("ssl.truststore.certificates", authority.ca_pem()),
    ]
}

/// The same, with a certificate of that authority.
fn known_to(authority: &MockTls) -> Settings {
    let mut settings = trusting(authority);
    settings.extend(with_certificate_of(authority));
    settings
}

/// A certificate of this authority.
fn with_certificate_of(authority: &MockTls) -> Settings {
    let pem = authority.client_pem("till-7").unwrap();
    vec![
        ("ssl.keystore.type", "PEM".to_owned()),
        ("ssl.keystore.key", pem.clone()),
        ("ssl.keystore.certificate.chain", pem),
    ]
}

fn secured(
    kafka: &MockCluster,
    security: &Settings,
    settings: &[(&str, &str)],
) -> ProducerBuilder<str, str> {
    let builder = builder(&kafka.bootstrap_servers(), settings);
    security
        .iter()
        .fold(builder, |builder, (name, value)| builder.set(name, value))
}

fn producer(
    kafka: &MockCluster,
    security: &Settings,
    settings: &[(&str, &str)],
) -> Producer<str, str> {
    secured(kafka, security, settings).build().unwrap()
}
