//! The facade against an embedded cluster whose clients must authenticate.

use std::time::{Duration, Instant};

use kafka_mock::cluster::{SaslConfig, SaslMechanism};
use kafka_mock::{MockCluster, MockTls};
use kafka_producer::error::Cause;
use kafka_producer::{Producer, SendError};
use kafka_wire::ApiKey;

use crate::scene::{self, TOPIC, builder, in_time, numbers, record, until_told, values};

fn users(password: &str) -> SaslConfig {
    SaslConfig::new(SaslMechanism::ALL).with_user("alice", password)
}

async fn kafka(sasl: SaslConfig) -> MockCluster {
    let described = MockCluster::builder().topic(TOPIC, 1).sasl(sasl);
    described.start().await.unwrap()
}

/// How often clients have begun to authenticate, or to authenticate anew.
fn exchanges(kafka: &MockCluster) -> usize {
    let seen = kafka.requests().into_iter();
    seen.filter(|seen| seen.api == ApiKey::SASL_HANDSHAKE)
        .count()
}

/// Authenticates as alice.
fn producer(kafka: &MockCluster, mechanism: &str) -> Producer<str, str> {
    let module = match mechanism {
        "PLAIN" => "plain.PlainLoginModule",
        _ => "scram.ScramLoginModule",
    };
    let jaas = format!(
        "org.apache.kafka.common.security.{module} required username=\"alice\" password=\"tea-2026\";"
    );
    let settings = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", mechanism),
        ("sasl.jaas.config", &jaas),
    ];
    let builder = builder(&kafka.bootstrap_servers(), &settings);
    builder.build().unwrap()
}

#[tokio::test]
async fn records_are_sent_with_each_mechanism() {
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let kafka = kafka(users("tea-2026")).await;
        let producer = producer(&kafka, mechanism);
        for value in &numbers(10) {
            let delivery = in_time(producer.send(record(value))).await.unwrap();
            in_time(delivery).await.unwrap();
        }
        assert_eq!(values(&kafka), numbers(10), "{mechanism}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_heals_once_it_is_right() {
    let kafka = kafka(users("coffee-2026")).await;
    let producer = producer(&kafka, "SCRAM-SHA-512");
    let refused = in_time(producer.send(record("tea"))).await.unwrap_err();
    let SendError::Authentication(why) = refused else {
        panic!("{refused}");
    };
    assert_eq!(why.user.as_deref(), Some("alice"));
    assert!(why.reason.contains("invalid credentials"), "{why}");
    kafka.with_cluster(|cluster| cluster.set_sasl(users("tea-2026")));
    let delivery = until_told(async || producer.send(record("tea")).await.ok()).await;
    in_time(delivery).await.unwrap();
    assert_eq!(values(&kafka), ["tea"]);
}

#[tokio::test]
async fn a_port_that_asks_for_sasl_is_told_to_a_client_without_it() {
    let authority = MockTls::new().unwrap();
    let certificates = authority.ca_pem();
    let trust = [
        ("security.protocol", "SSL"),
        ("ssl.truststore.type", "PEM"),
        ("ssl.truststore.certificates", certificates.as_str()),
    ];
    for (tls, settings, right) in [
        (None, &[][..], "SASL_PLAINTEXT"),
        (Some(authority.clone()), &trust[..], "SASL_SSL"),
    ] {
        let sasl = SaslConfig::new([SaslMechanism::ScramSha512]);
        let mut described = MockCluster::builder().topic(TOPIC, 1).sasl(sasl);
        if let Some(tls) = tls {
            described = described.tls(tls);
        }
        let kafka = described.start().await.unwrap();
        let producer = scene::producer(&kafka, settings);
        let begun = Instant::now();
        let refused = in_time(producer.send(record("tea"))).await.unwrap_err();
        println!("{right}: told after {:?}: {refused}", begun.elapsed());
        let SendError::Authentication(why) = refused else {
            panic!("{refused}");
        };
        for said in ["SCRAM-SHA-512", "security.protocol", right] {
            assert!(why.reason.contains(said), "{said}: {why}");
        }
        // One connection was closed, the next was asked why.
        assert_eq!(exchanges(&kafka), 1);
        let again = in_time(producer.send(record("tea"))).await.unwrap_err();
        assert!(matches!(again, SendError::Authentication(_)), "{again}");
    }
}

#[tokio::test]
async fn sessions_that_end_cost_no_record_and_a_changed_password_fails_the_next() {
    let mut sasl = users("tea-2026");
    sasl.max_reauth = Duration::from_millis(500);
    let kafka = kafka(sasl.clone()).await;
    let producer = producer(&kafka, "PLAIN");
    let mut sent = 0;
    while exchanges(&kafka) < 5 {
        let delivery = in_time(producer.send(record("tea"))).await.unwrap();
        in_time(delivery).await.unwrap();
        sent += 1;
    }
    assert_eq!(values(&kafka).len(), sent, "each once");
    kafka.with_cluster(|cluster| cluster.set_sasl(sasl.with_user("alice", "coffee-2026")));
    let told = until_told(async || match producer.send(record("tea")).await {
        Ok(delivery) => delivery.await.err().map(|error| error.cause().clone()),
        Err(SendError::Authentication(why)) => Some(Cause::Authentication(why)),
        Err(other) => panic!("{other}"),
    })
    .await;
    assert!(matches!(told, Cause::Authentication(_)), "{told}");
}
