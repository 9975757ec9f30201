//! Many records with one call: each has its outcome, and none goes ahead of one that is missing.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use kafka_mock::MockCluster;
use kafka_producer::{ProducerRecord, SendError, blocking};

use crate::scene::{FOR_EVER, TOPIC, in_time, kafka, numbers, producer, record, values};

#[tokio::test]
async fn every_record_has_its_outcome_in_the_order_of_the_call() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let numbers = numbers(2_000);
    let sent = in_time(producer.send_all(numbers.iter().map(|number| record(number)))).await;
    assert!(sent.is_complete());
    let offsets = sent
        .outcomes
        .iter()
        .map(|outcome| outcome.as_ref().unwrap().offset);
    assert!(offsets.eq((0..2_000).map(Some)));
    assert_eq!(values(&kafka), numbers);
}

#[tokio::test]
async fn it_stops_at_the_first_record_that_is_not_accepted() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let records = [
        record("0"),
        record("1"),
        record("nowhere").partition(-1),
        record("3"),
    ];
    let sent = in_time(producer.send_all(records)).await;
    assert_eq!(sent.outcomes.len(), 2);
    assert!(sent.outcomes.iter().all(Result::is_ok));
    let stopped = sent.stopped.as_ref();
    assert!(matches!(stopped, Some(SendError::InvalidPartition { .. })));
    assert!(!sent.is_complete());
    assert_eq!(values(&kafka), ["0", "1"]);
}

#[tokio::test]
async fn dropped_it_leaves_the_accepted_records_to_be_sent_and_no_others() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    let records = [
        record("0"),
        record("1"),
        ProducerRecord::new("unknown", "2"),
        record("3"),
    ];
    {
        let mut sending = pin!(producer.send_all(records));
        poll_fn(|context| {
            assert!(sending.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    in_time(producer.flush()).await.unwrap();
    assert_eq!(values(&kafka), ["0", "1"]);
}

#[test]
fn a_thread_is_blocked_until_all_have_their_outcomes() {
    let described = MockCluster::builder().topic(TOPIC, 1);
    let kafka = described.start_blocking().unwrap();
    let producer = blocking::Producer::from(producer(&kafka, &[]));
    let sent = producer.send_all([record("0"), record("1")]);
    assert!(sent.is_complete());
    assert_eq!(values(&kafka), ["0", "1"]);
}
