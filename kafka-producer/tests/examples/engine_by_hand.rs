//! `engine-by-hand`: the engine, driven by a loop of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use kafka_mock::MockCluster;
use kafka_mock::cluster::{Fault, When};
use kafka_wire::ApiKey;

use crate::program::run;

#[test]
fn a_record_of_now_is_delivered_without_the_driver() {
    let builder = MockCluster::builder().brokers(3).topic("orders", 1);
    let kafka = builder.start_blocking().unwrap();
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let ended = run("engine-by-hand", &[&kafka.bootstrap_servers()], b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("offset: 0"), "{ended:?}");
    let records = kafka.records("orders");
    assert_eq!(records.len(), 1);
    assert!(records[0].timestamp >= i64::try_from(begun.as_millis()).unwrap());
}

#[test]
fn an_io_error_is_told_though_a_record_waits() {
    let builder = MockCluster::builder().topic("orders", 1);
    let kafka = builder.start_blocking().unwrap();
    kafka.inject(Fault::disconnect(When::BeforeHandling).api(ApiKey::PRODUCE));
    let ended = run("engine-by-hand", &[&kafka.bootstrap_servers()], b"");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with("Error: "), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}
