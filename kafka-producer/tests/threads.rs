//! A producer leaves no thread behind. In a process of its own, because it counts threads by name.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::time::{Duration, Instant};

use kafka_mock::MockCluster;
use kafka_producer::{Producer, ProducerRecord};

/// Longer than anything here takes on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many threads of producers this process has.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names
        .filter(|name| name.starts_with("kafka-producer"))
        .count()
}

#[test]
fn a_producer_that_is_closed_while_nothing_is_on_its_way_ends_its_threads() {
    let kafka = MockCluster::builder()
        .topic("orders", 1)
        .start_blocking()
        .unwrap();
    for linger_ms in ["0", "5"] {
        let producer = Producer::<str, str>::builder()
            .bootstrap_servers([kafka.bootstrap_servers()])
            .set("linger.ms", linger_ms)
            .set("compression.type", "lz4")
            .build_blocking()
            .unwrap();
        let delivery = producer.send(ProducerRecord::new("orders", "tea")).unwrap();
        delivery.wait().unwrap();
        assert!(threads() > 0);
        producer.close(PATIENCE);
        let deadline = Instant::now() + PATIENCE;
        while threads() > 0 {
            assert!(
                Instant::now() < deadline,
                "{} threads, linger.ms={linger_ms}",
                threads()
            );
            std::thread::yield_now();
        }
    }
}
