//! Each way in which TLS fails, and what is said of it.

use std::time::Instant;

use kafka_mock::{ClientCertificates, MockCluster, MockTls};
use kafka_producer::SendError;
use kafka_producer::error::WaitReason;
use tokio::net::TcpListener;

use crate::scene::{TOPIC, builder, in_time, record, until_told};

use super::{Settings, kafka, known_to, producer, trusting, with_certificate_of};

/// What the first record is told.
async fn told(kafka: &MockCluster, security: &Settings) -> String {
    let settings = [
        ("max.block.ms", "2000"),
        ("reconnect.backoff.ms", "20"),
        ("delivery.timeout.ms", "3000"),
        ("request.timeout.ms", "2000"),
    ];
    let producer = producer(kafka, security, &settings);
    let sent = in_time(producer.send(record("tea"))).await;
    sent.map(drop).unwrap_err().to_string()
}

#[track_caller]
fn says(told: &str, words: &[&str]) {
    for words in words {
        assert!(told.contains(words), "{words:?} is not in {told:?}");
    }
}

#[tokio::test]
async fn a_broker_whose_issuer_is_not_trusted_is_refused() {
    let (ours, theirs) = (MockTls::new().unwrap(), MockTls::new().unwrap());
    let kafka = kafka(&theirs, 1).await;
    let told = told(&kafka, &trusting(&ours)).await;
    says(
        &told,
        &[
            "issued by nobody that is trusted",
            "ssl.truststore.location",
        ],
    );
}

#[tokio::test]
async fn a_certificate_for_another_host_is_named_with_its_hosts() {
    let authority = MockTls::new().unwrap();
    let kafka = kafka(
        &authority.clone().for_hosts(["kafka.example", "10.0.0.1"]),
        1,
    )
    .await;
    let told = told(&kafka, &trusting(&authority)).await;
    let words = [
        "not for the host \"127.0.0.1\" but for kafka.example, 10.0.0.1",
        "ssl.endpoint.identification.algorithm",
    ];
    says(&told, &words);
}

#[tokio::test]
async fn a_certificate_for_another_host_is_enough_if_the_host_does_not_matter() {
    let (authority, other) = (MockTls::new().unwrap(), MockTls::new().unwrap());
    let elsewhere = authority.clone().for_hosts(["kafka.example"]);
    let kafka = kafka(&elsewhere, 1).await;
    let off = ("ssl.endpoint.identification.algorithm", String::new());
    let security = [trusting(&authority), vec![off.clone()]].concat();
    let producer = producer(&kafka, &security, &[]);
    let sent = in_time(producer.send(record("tea"))).await.unwrap();
    in_time(sent).await.unwrap();
    // All else is still checked.
    let security = [trusting(&other), vec![off]].concat();
    let told = told(&kafka, &security).await;
    says(&told, &["issued by nobody that is trusted"]);
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_named_with_the_day() {
    let authority = MockTls::new().unwrap();
    let expired = kafka(&authority.clone().expired(), 1).await;
    let heard = told(&expired, &trusting(&authority)).await;
    says(&heard, &["has expired on 2020-01-01 (today is 2"]);
    let early = kafka(&authority.clone().not_yet_valid(), 1).await;
    let heard = told(&early, &trusting(&authority)).await;
    says(&heard, &["is not valid before 2090-01-01", "clock"]);
}

#[tokio::test]
async fn a_broker_that_wants_a_certificate_says_so_in_either_version() {
    let (authority, other) = (MockTls::new().unwrap(), MockTls::new().unwrap());
    for versions in [MockTls::only_1_2, MockTls::only_1_3] {
        let tls = versions(authority.clone());
        let tls = tls.client_certificates(ClientCertificates::Required);
        let kafka = kafka(&tls, 1).await;
        let heard = told(&kafka, &trusting(&authority)).await;
        says(&heard, &["ssl.keystore.location"]);
        // One that it does not know.
        let stranger = [trusting(&authority), with_certificate_of(&other)].concat();
        let heard = told(&kafka, &stranger).await;
        says(
            &heard,
            &["does not accept our certificate", "ssl.keystore.location"],
        );
    }
}

#[tokio::test]
async fn nothing_in_common_names_versions_and_cipher_suites() {
    let authority = MockTls::new().unwrap();
    let settings = ["ssl.enabled.protocols", "ssl.cipher.suites"];
    for (versions, ours) in [
        (MockTls::only_1_2 as fn(MockTls) -> MockTls, "TLSv1.3"),
        (MockTls::only_1_3, "TLSv1.2"),
    ] {
        let kafka = kafka(&versions(authority.clone()), 1).await;
        let enabled = ("ssl.enabled.protocols", ours.to_owned());
        let heard = told(&kafka, &[trusting(&authority), vec![enabled]].concat()).await;
        says(&heard, &settings);
    }
    // The broker's key is of the other kind.
    let kafka = kafka(&authority.clone().only_1_2(), 1).await;
    let suite = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
    let suite = ("ssl.cipher.suites", suite.to_owned());
    let heard = told(&kafka, &[trusting(&authority), vec![suite]].concat()).await;
    says(&heard, &settings);
}

#[tokio::test]
async fn a_port_without_tls_is_recognised() {
    let kafka = MockCluster::builder()
        .topic(TOPIC, 1)
        .start()
        .await
        .unwrap();
    let authority = MockTls::new().unwrap();
    let begun = Instant::now();
    let heard = told(&kafka, &trusting(&authority)).await;
    println!("told after {:?}: {heard}", begun.elapsed());
    says(
        &heard,
        &["answers without TLS", "security.protocol", "PLAINTEXT"],
    );
}

#[tokio::test]
async fn what_accepts_connections_and_closes_them_is_not_called_a_port_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let servers = listener.local_addr().unwrap().to_string();
    // A proxy whose broker is down.
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let settings = [
        ("security.protocol", "SSL"),
        ("max.block.ms", "2000"),
        ("reconnect.backoff.ms", "20"),
    ];
    let producer = builder(&servers, &settings).build().unwrap();
    let told = until_told(async || match producer.send(record("tea")).await {
        Err(SendError::TopicUnknown {
            last: Some(why), ..
        }) => Some(why),
        Err(SendError::TopicUnknown { last: None, .. }) => None,
        other => panic!("{other:?}"),
    })
    .await;
    assert!(matches!(told, WaitReason::NoServer(_)), "{told:?}");
    says(
        &told.to_string(),
        &[
            "closed the connection",
            "does not answer without TLS either",
        ],
    );
}

#[tokio::test]
async fn a_port_with_tls_is_recognised_by_who_does_not_speak_it() {
    let authority = MockTls::new().unwrap();
    let kafka = kafka(&authority, 1).await;
    let heard = told(&kafka, &Vec::new()).await;
    says(&heard, &["the broker speaks TLS", "SSL or SASL_SSL"]);
}

#[tokio::test]
async fn no_secret_is_printed() {
    let authority = MockTls::new().unwrap();
    let security = known_to(&authority);
    let (_, key) = &security[4];
    let middle = key.lines().nth(1).unwrap();
    let kafka = kafka(&authority, 1).await;
    let builder = super::secured(&kafka, &security, &[]);
    assert!(!format!("{builder:?}").contains(middle));
}
