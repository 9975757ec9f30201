//! A producer leaves no thread behind, and no file. In a process of its own, because it counts them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafka_mock::MockCluster;
use kafka_producer::ProducerRecord;
use kafka_producer::blocking::Producer;

/// Longer than anything here takes on the busiest machine.
const TIME_LIMIT: Duration = Duration::from_secs(60);

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
    let _alone = alone();
    let kafka = MockCluster::builder()
        .topic("orders", 1)
        .start_blocking()
        .unwrap();
    for linger_ms in ["0", "5"] {
        let producer = Producer::<str, str>::builder()
            .bootstrap_servers([kafka.bootstrap_servers()])
            .set("linger.ms", linger_ms)
            .set("compression.type", "lz4")
            .build()
            .unwrap();
        let delivery = producer.send(ProducerRecord::new("orders", "tea")).unwrap();
        delivery.wait().unwrap();
        assert!(threads() > 0);
        producer.close(TIME_LIMIT).unwrap();
        let deadline = Instant::now() + TIME_LIMIT;
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

/// How many files, sockets and the like this process has open.
fn files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Resident memory.
fn memory_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.unwrap().trim().trim_end_matches(" kB");
    kib.parse().unwrap()
}

/// Builds a producer, uses it, closes it, and lets go of it.
fn come_and_go(kafka: &MockCluster, number: usize) {
    let producer = Producer::<str, str>::builder()
        .bootstrap_servers([kafka.bootstrap_servers()])
        .set(
            "linger.ms",
            if number.is_multiple_of(2) { "0" } else { "5" },
        )
        .build()
        .unwrap();
    let record = ProducerRecord::new("orders", "tea");
    producer.send(record).unwrap().wait().unwrap();
    if !number.is_multiple_of(3) {
        producer.close(TIME_LIMIT).unwrap();
    }
}

/// Waits until there are no more threads of producers, and at most so many files.
fn wait_for_the_end(files_before: usize) {
    let deadline = Instant::now() + TIME_LIMIT;
    while threads() > 0 || files() > files_before {
        let left = (threads(), files());
        assert!(
            Instant::now() < deadline,
            "(threads, files) are {left:?}, were (0, {files_before})"
        );
        std::thread::yield_now();
    }
}

/// `PRODUCERS=10000 cargo test -p kafka-producer --all-features --test threads -- --nocapture` has more
/// of them, and shows what is measured on the way.
#[test]
fn producers_that_come_and_go_leave_no_threads_and_no_files() {
    let _alone = alone();
    #[allow(clippy::disallowed_methods, reason = "the test may be made longer")]
    let wanted = std::env::var("PRODUCERS").ok();
    let producers: usize = wanted.map_or(300, |count| count.parse().unwrap());
    crowd(1);
    wait_for_the_end(usize::MAX);
    let files_before = files();
    for quarter in 1..=4 {
        crowd(producers / 4);
        wait_for_the_end(files_before);
        show(quarter * producers / 4);
    }
}

/// So many producers, and a cluster of their own, which takes what it remembers with it.
fn crowd(producers: usize) {
    let kafka = MockCluster::builder()
        .topic("orders", 1)
        .start_blocking()
        .unwrap();
    (0..producers).for_each(|number| come_and_go(&kafka, number));
}

#[allow(
    clippy::print_stdout,
    reason = "what is measured is for people to read"
)]
fn show(producers: usize) {
    println!(
        "after {producers} producers: {} files, {} threads of producers, {} KiB resident",
        files(),
        threads(),
        memory_kib()
    );
}

/// All tests here count what belongs to the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
