//! Many threads on one producer: the order of each is kept in every partition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use kafka_producer::{ProducerRecord, blocking};

use crate::cluster::{TIME_LIMIT, builder, create_topic};
use crate::tools::kcat;

const THREADS: usize = 4;
const RECORDS: usize = 5_000;
const PARTITIONS: i32 = 6;

/// Sends the numbers of one thread, by turns to all partitions.
fn send_all(
    producer: &blocking::Producer<str, str>,
    topic: &str,
    thread: usize,
    told: &Arc<AtomicU64>,
) {
    for number in 0..RECORDS {
        let value = format!("{thread} {number}");
        let record = ProducerRecord::new(topic, &*value);
        let record = record.partition((number % PARTITIONS as usize) as i32);
        let told = Arc::clone(told);
        let callback = move |outcome: Result<_, &_>| {
            told.fetch_add(u64::from(outcome.is_ok()), Ordering::Relaxed);
        };
        producer.send_with(record, callback).unwrap();
        if number == RECORDS / 2 {
            producer.flush().unwrap();
        }
    }
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn the_order_of_each_thread_is_kept_in_every_partition() {
    let topic = create_topic("order", PARTITIONS, &[]);
    let built = builder(&[("compression.type", "lz4")]).build();
    let producer = blocking::Producer::from(built.unwrap());
    let told = Arc::new(AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (producer, topic, told) = (producer.clone(), &topic, &told);
            scope.spawn(move || send_all(&producer, topic, thread, told));
        }
    });
    producer.flush().unwrap();
    let report = producer.close(TIME_LIMIT).unwrap();
    assert!(
        report.is_clean() && report.delivered == 0,
        "flush left something: {report:?}"
    );
    assert_eq!(producer.as_async().memory_in_use(), 0);
    assert_eq!(told.load(Ordering::Relaxed), (THREADS * RECORDS) as u64);

    let mut numbers: BTreeMap<(i32, String), Vec<usize>> = BTreeMap::new();
    for record in kcat(&topic) {
        let (thread, number) = record.text().split_once(' ').unwrap();
        let sender = (record.partition, thread.to_owned());
        numbers
            .entry(sender)
            .or_default()
            .push(number.parse().unwrap());
    }
    assert_eq!(numbers.len(), THREADS * PARTITIONS as usize);
    for ((partition, thread), numbers) in numbers {
        let expected = (partition as usize..RECORDS).step_by(PARTITIONS as usize);
        assert!(
            numbers.into_iter().eq(expected),
            "thread {thread}, partition {partition}"
        );
    }
}
