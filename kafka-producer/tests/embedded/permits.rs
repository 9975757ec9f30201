//! Memory that is reserved for a record before there is one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{BrokerId, Effect, Fault, When};
use kafka_producer::{Producer, ProducerRecord, SendError, TrySendError, WaitsFor};

use crate::scene::{TOPIC, in_time, kafka, producer, record, until_told};

const SETTINGS: [(&str, &str); 4] = [
    ("buffer.memory", "60000"),
    ("batch.size", "8000"),
    ("linger.ms", "0"),
    ("max.block.ms", "120000"),
];

/// A producer whose broker does not answer any more.
async fn before_a_silent_broker() -> (MockCluster, Producer<str, str>) {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &SETTINGS);
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    let silence = Fault::new(Effect::Silence(When::BeforeHandling));
    kafka.inject(silence.broker(BrokerId(1)).always());
    (kafka, producer)
}

/// Writes until that would have to wait for memory.
async fn flood(producer: &Producer<str, str>) {
    let value = "x".repeat(5_000);
    until_told(async || match producer.try_send(record(&value)) {
        Ok(_) => None,
        Err(TrySendError::WouldWait(_, WaitsFor::Memory { .. })) => Some(()),
        Err(error) => panic!("{error}"),
    })
    .await;
}

#[tokio::test]
async fn a_permit_sends_without_waiting_while_others_wait_for_memory() {
    let (_kafka, producer) = before_a_silent_broker().await;
    let permit = in_time(producer.reserve(TOPIC, 5_000)).await.unwrap();
    assert_eq!(permit.record_bytes(), 5_000);
    flood(&producer).await;
    let value = "y".repeat(5_000);
    let delivery = permit.send(record(&value)).unwrap();
    assert!(producer.memory_in_use() <= 60_000);
    let report = in_time(producer.close(Duration::ZERO)).await.unwrap();
    assert!(report.failed + report.unknown > 0);
    in_time(delivery).await.unwrap_err();
    assert_eq!(producer.memory_in_use(), 0);
}

#[tokio::test]
async fn a_permit_that_is_dropped_gives_its_memory_back_and_so_does_a_wait_for_one() {
    let (_kafka, producer) = before_a_silent_broker().await;
    let before = producer.memory_in_use();
    let permit = in_time(producer.reserve(TOPIC, 20_000)).await.unwrap();
    assert!(producer.memory_in_use() >= before + 20_000);
    {
        let mut second = pin!(producer.reserve(TOPIC, 40_000));
        let polled = poll_fn(|context| Poll::Ready(second.as_mut().poll(context))).await;
        assert!(polled.is_pending(), "the first permit holds what it needs");
    }
    drop(permit);
    assert_eq!(producer.memory_in_use(), before);
}

#[tokio::test]
async fn a_record_that_is_larger_than_its_permit_is_refused_if_no_other_memory_is_there() {
    let (_kafka, producer) = before_a_silent_broker().await;
    let permit = in_time(producer.reserve(TOPIC, 100)).await.unwrap();
    flood(&producer).await;
    let value = "y".repeat(5_000);
    let error = permit.send(record(&value)).unwrap_err();
    let expected =
        "the record takes 5000 bytes in a batch of its own, more than what was reserved=100";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn what_cannot_be_reserved_is_said_before_anything_is_waited_for() {
    let (_kafka, producer) = before_a_silent_broker().await;
    let error = in_time(producer.reserve(TOPIC, 70_000)).await.unwrap_err();
    let SendError::RecordTooLarge { setting, limit, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((setting, limit), ("buffer.memory", 60_000));
    let error = in_time(producer.reserve("no topic", 1)).await.unwrap_err();
    assert!(matches!(error, SendError::InvalidTopic { .. }), "{error}");
}

#[tokio::test]
async fn a_record_of_a_topic_that_was_not_named_would_have_to_wait() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let permit = in_time(producer.reserve(TOPIC, 100)).await.unwrap();
    let error = permit
        .send(ProducerRecord::new("unknown", "tea"))
        .unwrap_err();
    assert!(matches!(error, SendError::WouldWait { .. }), "{error}");
    let permit = in_time(producer.reserve(TOPIC, 100)).await.unwrap();
    let delivery = permit.send(record("tea")).unwrap();
    assert_eq!(in_time(delivery).await.unwrap().offset, Some(0));
}
