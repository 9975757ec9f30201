//! The facade against an embedded cluster that speaks TLS, or does not.

mod failing;
mod sending;

use kafka_mock::{MockCluster, MockTls};
use kafka_producer::security::{Identity, Secret, Security, Tls, TlsVersion, Trust};
use kafka_producer::{Producer, ProducerBuilder};

use crate::scene::{TOPIC, builder};

/// A cluster of one broker that speaks TLS, with [`TOPIC`] of so many partitions.
async fn kafka(tls: &MockTls, partitions: i32) -> MockCluster {
    let described = MockCluster::builder().topic(TOPIC, partitions);
    described.tls(tls.clone()).start().await.unwrap()
}

/// TLS that trusts an authority, and has no certificate of its own.
fn trusting(authority: &MockTls) -> Tls {
    Tls {
        trust: Trust::Pem(Secret::new(authority.ca_pem())),
        identity: None,
        verify_host_name: true,
        versions: vec![TlsVersion::V12, TlsVersion::V13],
        cipher_suites: Vec::new(),
    }
}

/// The same, with a certificate of that authority.
fn known_to(authority: &MockTls) -> Tls {
    let pem = authority.client_pem("till-7").unwrap();
    Tls {
        identity: Some(Identity::Pem {
            key: Secret::new(pem.clone()),
            chain: Secret::new(pem),
            key_password: None,
        }),
        ..trusting(authority)
    }
}

fn secured(kafka: &MockCluster, tls: Tls, settings: &[(&str, &str)]) -> ProducerBuilder<str, str> {
    builder(&kafka.bootstrap_servers(), settings).security(Security {
        tls: Some(tls),
        sasl: None,
    })
}

fn producer(kafka: &MockCluster, tls: Tls, settings: &[(&str, &str)]) -> Producer<str, str> {
    secured(kafka, tls, settings).build().unwrap()
}
