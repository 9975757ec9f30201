//! Brokers that do not answer take their own part of the memory and what is common, and nothing more: what goes
//! to another broker goes on.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{BrokerId, Effect, Fault, When};
use kafka_producer::{Producer, TrySendError, WaitsFor};

use crate::scene::{TOPIC, in_time, kafka, producer, record, until_told};

const MEMORY: usize = 240_000;

fn leader(kafka: &MockCluster, partition: i32) -> BrokerId {
    let leader = kafka.with_cluster(|cluster| cluster.leader(TOPIC, partition));
    leader.unwrap().expect("somebody leads it")
}

/// Writes to a partition until that would have to wait for memory.
async fn flood(producer: &Producer<str, str>, partition: i32) {
    let value = "x".repeat(8_000);
    until_told(
        async || match producer.try_send(record(&value).partition(partition)) {
            Ok(_) => None,
            Err(TrySendError::WouldWait(_, WaitsFor::Memory { .. })) => Some(()),
            Err(error) => panic!("{error}"),
        },
    )
    .await;
}

async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
    let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context)));
    polled.await.is_pending()
}

#[tokio::test]
async fn with_two_of_three_brokers_frozen_the_third_is_written_to_as_before() {
    let kafka = kafka(3, 3).await;
    let settings = [
        ("buffer.memory", "240000"),
        ("batch.size", "10000"),
        ("linger.ms", "0"),
        ("max.block.ms", "120000"),
    ];
    let producer = producer(&kafka, &settings);
    for partition in 0..3 {
        let delivery = producer.send(record("first").partition(partition));
        in_time(in_time(delivery).await.unwrap()).await.unwrap();
    }
    for frozen in [0, 1] {
        let silence = Fault::new(Effect::Silence(When::BeforeHandling));
        kafka.inject(silence.broker(leader(&kafka, frozen)).always());
        flood(&producer, frozen).await;
    }
    let value = "y".repeat(1_000);
    let large = "x".repeat(8_000);
    let mut waiting = Box::pin(producer.send(record(&large).partition(0)));
    assert!(is_pending(waiting.as_mut()).await);
    assert!(producer.memory_in_use() > MEMORY / 2);
    // Several times as much as there is memory.
    for offset in 1..1_000 {
        let delivery = producer.send(record(&value).partition(2));
        let delivery = in_time(delivery).await.unwrap();
        assert_eq!(in_time(delivery).await.unwrap().offset, Some(offset));
        assert!(producer.memory_in_use() <= MEMORY);
    }
    assert!(is_pending(waiting.as_mut()).await, "its broker is silent");
    drop(waiting);
    in_time(producer.close(Duration::ZERO)).await.unwrap();
    assert_eq!(producer.memory_in_use(), 0);
}
