//! Brokers that stop where they stand, and take as much of the memory as they are given, beside one that goes on.

use std::time::{Duration, Instant};

use kafka_producer::{Delivery, Producer, ProducerRecord, TrySendError, WaitsFor};

use crate::cluster::{TIME_LIMIT, create_topic_on, in_time, producer};
use crate::nodes::{Cluster, Harm, inflict};
use crate::read_back::log_of;

/// No partition has a copy elsewhere, so that no leader moves.
const LEADERS: [[i32; 1]; 3] = [[1], [2], [3]];
const SETTINGS: [(&str, &str); 5] = [
    ("buffer.memory", "2000000"),
    ("linger.ms", "0"),
    ("request.timeout.ms", "86400000"),
    ("delivery.timeout.ms", "90000000"),
    ("connections.max.idle.ms", "-1"),
];
/// More than there is memory for.
const RECORDS: usize = 50_000;

/// Numbers what is sent, so that what is read can be compared.
#[derive(Default)]
struct Numbers(u64);

impl Numbers {
    /// The next number, in so many digits.
    fn next(&mut self, digits: usize) -> String {
        self.0 += 1;
        format!("{:0digits$}", self.0 - 1)
    }
}

fn record<'a>(topic: &'a str, partition: i32, value: &'a str) -> ProducerRecord<'a, str, str> {
    ProducerRecord::new(topic, value).partition(partition)
}

type Sending<'a> = (&'a Producer<str, str>, &'a str);

/// Writes to a partition until that would have to wait for memory; returns what was taken.
fn flood((producer, topic): Sending<'_>, numbers: &mut Numbers, partition: i32) -> Vec<Delivery> {
    let mut taken = Vec::new();
    loop {
        let next = numbers.0;
        match producer.try_send(record(topic, partition, &numbers.next(1_000))) {
            Ok(delivery) => taken.push(delivery),
            Err(TrySendError::WouldWait(_, WaitsFor::Memory { .. })) => {
                numbers.0 = next;
                return taken;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// How long it takes until the third broker has acknowledged many records.
async fn to_the_third((producer, topic): Sending<'_>, numbers: &mut Numbers) -> Duration {
    let began = Instant::now();
    let mut last = None;
    for _ in 0..RECORDS {
        let sent = in_time(producer.send(record(topic, 2, &numbers.next(100)))).await;
        last = Some(sent.unwrap());
    }
    in_time(last.unwrap()).await.unwrap();
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn with_two_of_three_brokers_stopped_the_third_is_written_to_as_before() {
    let _cluster = Cluster::take().await;
    let topic = create_topic_on("isolated", &LEADERS);
    let producer = producer(&SETTINGS);
    let (sending, mut numbers) = ((&producer, &*topic), Numbers::default());
    for partition in 0..3 {
        let sent = in_time(producer.send(record(&topic, partition, &numbers.next(1)))).await;
        in_time(sent.unwrap()).await.unwrap();
    }
    let before = to_the_third(sending, &mut numbers).await;
    inflict(Harm::Pause, &[1, 2]).await;
    let mut taken = flood(sending, &mut numbers, 0);
    taken.extend(flood(sending, &mut numbers, 1));
    let during = to_the_third(sending, &mut numbers).await;
    let rate = |took: Duration| RECORDS as f64 / took.as_secs_f64();
    println!(
        "two of three brokers stopped: {:.0} records/s to the third before, {:.0} meanwhile",
        rate(before),
        rate(during)
    );
    assert!(during < before * 10 + SLACK, "{before:?} {during:?}");
    inflict(Harm::Resume, &[1, 2]).await;
    for delivery in taken {
        in_time(delivery).await.unwrap();
    }
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    let log = log_of(&topic).await;
    let mut read: Vec<u64> = log.iter().map(|record| record.number).collect();
    read.sort_unstable();
    assert!(read.into_iter().eq(0..numbers.0), "lost or twice");
}

/// How late a busy machine may be.
const SLACK: Duration = Duration::from_secs(10);
