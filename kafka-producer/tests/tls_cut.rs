//! Connections that are cut at random moments of the handshake of TLS leave nothing behind: no socket, no
//! thread, no memory. Alone in its process, so that these can be counted.
//!
//! `TLS_CUTS=20000 cargo test -p kafka-producer --test tls_cut -- --nocapture` cuts that many.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]
#![cfg(target_os = "linux")]

mod cutter;

use kafka_mock::{MockCluster, MockTls};
use kafka_producer::Producer;

use crate::cutter::{Cutter, cuts};

/// A whole handshake is less than that, and more than half of it.
const BYTES_MAX: usize = 1_800;

#[tokio::test]
async fn connections_that_are_cut_leave_nothing_behind() {
    fastrand::seed(42);
    let tls = MockTls::new().unwrap();
    let described = MockCluster::builder().topic("orders", 1).tls(tls.clone());
    let kafka = described.start().await.unwrap();
    let broker = kafka.bootstrap_servers().parse().unwrap();
    let cutter = Cutter::start(broker, cuts("TLS_CUTS"), BYTES_MAX).await;
    let producer = Producer::<str, str>::builder()
        .bootstrap_servers([cutter.address.to_string()])
        .set("security.protocol", "SSL")
        .set("ssl.truststore.type", "PEM")
        .set("ssl.truststore.certificates", tls.ca_pem())
        .set("reconnect.backoff.ms", "0")
        .set("reconnect.backoff.max.ms", "0")
        .set("max.block.ms", "1000")
        .build()
        .unwrap();
    cutter.send_through(&producer).await;
}
