//! Connections that are cut at random bytes of a SASL exchange leave nothing behind: no socket, no thread, no
//! task, no memory. Alone in its process, so that these can be counted.
//!
//! `SASL_CUTS=20000 cargo test -p kafka-producer --test sasl_cut -- --nocapture` cuts that many.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]
#![cfg(target_os = "linux")]

mod cutter;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{SaslConfig, SaslMechanism};
use kafka_producer::security::ScramHash;
use kafka_producer::{Producer, ProducerConfig, SecurityProtocol};
use kafka_wire::ApiKey;

use crate::cutter::{Cutter, cuts};

/// A whole exchange is less than that, and more than half of it. It begins with ApiVersions.
const BYTES_MAX: usize = 800;

#[tokio::test]
async fn exchanges_that_are_cut_leave_nothing_behind() {
    fastrand::seed(42);
    let sasl = SaslConfig::new([SaslMechanism::ScramSha512]).with_user("me", "tea-2026");
    let described = MockCluster::builder().topic("orders", 1).sasl(sasl);
    let kafka = described.start().await.unwrap();
    let broker = kafka.bootstrap_servers().parse().unwrap();
    let cutter = Cutter::start(broker, cuts("SASL_CUTS"), BYTES_MAX).await;
    let config = ProducerConfig::new()
        .bootstrap_servers([cutter.address.to_string()])
        .security_protocol(SecurityProtocol::SaslPlaintext)
        .sasl_scram(ScramHash::Sha512, "me", "tea-2026")
        .set("reconnect.backoff.ms", "0")
        .set("reconnect.backoff.max.ms", "0")
        .set("max.block.ms", "1000");
    let producer = Producer::<str, str>::builder().config(config).build();
    cutter.send_through(&producer.unwrap()).await;
    let requests = kafka.requests();
    let count = |api| requests.iter().filter(|seen| seen.api == api).count();
    let (versions, handshakes) = (count(ApiKey::API_VERSIONS), count(ApiKey::SASL_HANDSHAKE));
    let messages = count(ApiKey::SASL_AUTHENTICATE);
    println!(
        "{versions} of ApiVersions, {handshakes} of SaslHandshake, {messages} of SaslAuthenticate"
    );
    assert!(
        handshakes < versions && handshakes / 4 < messages,
        "they were cut elsewhere"
    );
}
