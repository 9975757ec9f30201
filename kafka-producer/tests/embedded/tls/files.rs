//! Key stores and PEM files: read when a producer is built, and again when they change.

use std::fs;
use std::path::Path;

use kafka_mock::{ClientCertificates, MockTls};
use kafka_producer::{BuildError, Producer};

use crate::scene::{in_time, record, until_told};

use super::{Settings, kafka, producer, trusting};

const PASSWORD: &str = "tea-2026";

/// The file of that name; see the README beside it.
fn fixture(name: &str) -> String {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/");
    format!("{fixtures}{name}")
}

/// The authority that the fixtures are of.
fn authority() -> MockTls {
    let pem = fs::read_to_string(fixture("authority.pem")).unwrap();
    MockTls::with_authority(&pem).unwrap()
}

fn settings(settings: &[(&'static str, &str)]) -> Settings {
    let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
    settings.iter().map(owned).collect()
}

#[tokio::test]
async fn key_stores_of_keytool_are_as_good_as_pem() {
    let authority = authority();
    let tls = authority.client_certificates(ClientCertificates::Required);
    let kafka = kafka(&tls, 1).await;
    for (trust, keys, of_keys) in [
        ("truststore.p12", "keystore.p12", "ssl.keystore.password"),
        (
            "truststore.p12",
            "keystore-java8.p12",
            "ssl.keystore.password",
        ),
        (
            "truststore-openssl.p12",
            "client-encrypted.pem",
            "ssl.key.password",
        ),
    ] {
        let mut security = settings(&[
            ("security.protocol", "SSL"),
            ("ssl.truststore.location", &fixture(trust)),
            ("ssl.truststore.password", PASSWORD),
            ("ssl.keystore.location", &fixture(keys)),
            (of_keys, PASSWORD),
        ]);
        if keys.ends_with(".pem") {
            security.push(("ssl.keystore.type", "PEM".to_owned()));
        }
        let producer = producer(&kafka, &security, &[]);
        let sent = in_time(producer.send(record("tea"))).await.unwrap();
        in_time(sent).await.unwrap();
    }
}

#[test]
fn what_cannot_be_used_is_told_when_the_producer_is_built() {
    let built = Producer::<str, str>::builder()
        .bootstrap_servers(["localhost:9093"])
        .set("security.protocol", "SSL")
        .set("ssl.truststore.location", fixture("truststore.p12"))
        .set("ssl.truststore.password", "not-this-one")
        .set("ssl.keystore.location", fixture("keystore.p12"))
        .set("ssl.keystore.password", "nor-this-one")
        .build();
    let Err(BuildError::Config(error)) = built else {
        panic!("{built:?}")
    };
    let names: Vec<_> = error
        .problems()
        .iter()
        .map(|it| it.name().unwrap())
        .collect();
    assert_eq!(names, ["ssl.truststore.password", "ssl.keystore.password"]);
    let told = error.to_string();
    assert!(!told.contains("this-one"), "{told}");
}

#[tokio::test]
async fn an_authority_that_is_replaced_is_trusted_without_a_restart() {
    let (old, new) = (MockTls::new().unwrap(), MockTls::new().unwrap());
    let kafka = kafka(&new, 1).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    fs::write(&path, old.ca_pem()).unwrap();
    let security = [
        ("security.protocol", "SSL"),
        ("ssl.truststore.type", "PEM"),
        ("ssl.truststore.location", path.to_str().unwrap()),
    ];
    let quick = [("max.block.ms", "300"), ("reconnect.backoff.max.ms", "50")];
    let producer = producer(&kafka, &settings(&security), &quick);
    let sent = in_time(producer.send(record("tea"))).await;
    sent.map(drop).unwrap_err();
    replace(&path, &new.ca_pem());
    drop(until_told(async || producer.send(record("tea")).await.ok()).await);
}

/// As tools do that others must never see half of it.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

#[tokio::test]
async fn a_broker_that_comes_back_goes_on_with_the_session() {
    use kafka_mock::cluster::BrokerId;
    let authority = MockTls::new().unwrap();
    for versions in [MockTls::only_1_2, MockTls::only_1_3] {
        let tls = versions(authority.clone());
        let kafka = kafka(&tls, 1).await;
        let producer = producer(&kafka, &trusting(&authority), &[]);
        let sent = in_time(producer.send(record("tea"))).await.unwrap();
        in_time(sent).await.unwrap();
        let before = kafka.resumed_tls_sessions();
        kafka.kill_broker(BrokerId(1)).unwrap();
        kafka.restart_broker(BrokerId(1)).unwrap();
        let sent = in_time(producer.send(record("coffee"))).await.unwrap();
        in_time(sent).await.unwrap();
        assert!(kafka.resumed_tls_sessions() > before);
    }
}
