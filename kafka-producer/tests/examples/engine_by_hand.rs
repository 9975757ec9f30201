//! `engine-by-hand`: the engine, driven by a loop of its own.

use kafka_mock::MockCluster;

use crate::program::run;

#[test]
fn a_record_is_delivered_without_the_driver() {
    let builder = MockCluster::builder().brokers(3).topic("orders", 1);
    let kafka = builder.start_blocking().unwrap();
    let ended = run("engine-by-hand", &[&kafka.bootstrap_servers()], b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("offset: 0"), "{ended:?}");
    assert_eq!(kafka.records("orders").len(), 1);
}
