//! Quotas of brokers: the producer pauses for as long as it is told to, and nothing is lost.

use std::time::{Duration, Instant};

use kafka_mock::MockCluster;
use kafka_mock::cluster::{Quota, QuotaEntity};
use kafka_producer::Producer;

use crate::scene::{TIME_LIMIT, TOPIC, in_time, numbers, producer, record, values};

fn billing() -> QuotaEntity {
    QuotaEntity::client_id("billing")
}

async fn kafka(bytes_per_second: u64) -> MockCluster {
    let quota = Quota::default().with_producer_byte_rate(Some(bytes_per_second));
    let described = MockCluster::builder().topic(TOPIC, 1);
    described.quota(billing(), quota).start().await.unwrap()
}

/// The longest pause that it was told of; none counts as zero.
fn throttle_max_ms(producer: &Producer<str, str>) -> f64 {
    let metrics = producer.metrics();
    let max = metrics.number("producer-metrics", "produce-throttle-time-max", &[]);
    max.unwrap().max(0.0)
}

#[tokio::test]
async fn a_producer_above_its_quota_pauses_and_loses_nothing() {
    // Ten seconds' worth may pass at once: 10,000 bytes. Each that goes beyond takes a millisecond.
    let kafka = kafka(1000).await;
    let producer = producer(&kafka, &[("client.id", "billing"), ("linger.ms", "0")]);
    let started = Instant::now();
    let mut sent = vec!["v".repeat(10_500)];
    sent.extend(numbers(100));
    for value in &sent {
        drop(in_time(producer.send(record(value))).await.unwrap());
    }
    in_time(producer.flush()).await.unwrap();
    // The next request waits until the first pause is over.
    assert!(started.elapsed() >= Duration::from_millis(500));
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(values(&kafka), sent);
}

#[tokio::test]
async fn others_are_not_throttled_and_neither_is_who_has_no_quota_any_more() {
    let kafka = kafka(1).await;
    let other = producer(&kafka, &[("client.id", "shipping")]);
    let delivery = in_time(other.send(record("of another client"))).await;
    in_time(delivery.unwrap()).await.unwrap();
    assert_eq!(throttle_max_ms(&other), 0.0);

    kafka.with_cluster(|cluster| cluster.set_quota(billing(), Quota::default()));
    let freed = producer(&kafka, &[("client.id", "billing")]);
    let delivery = in_time(freed.send(record("at last"))).await;
    in_time(delivery.unwrap()).await.unwrap();
    assert_eq!(throttle_max_ms(&freed), 0.0);
    assert_eq!(values(&kafka), ["of another client", "at last"]);
}
