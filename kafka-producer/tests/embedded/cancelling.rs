//! A future that is dropped, at whichever await point, breaks no promise.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use kafka_mock::MockCluster;
use kafka_producer::{ConsumerGroupMetadata, OffsetToCommit, Producer, TransactionError};

use crate::scene::{TIME_LIMIT, TOPIC, in_time, kafka, producer, record, text, values};

/// No call here waits more often than this.
const POLLS: usize = 4;

/// Drops the future after so many polls, unless it is done by then.
async fn cut_off<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn transactional(kafka: &MockCluster) -> Producer<str, str> {
    let settings = [("transactional.id", "billing"), ("linger.ms", "0")];
    let producer = producer(kafka, &settings);
    in_time(producer.init_transactions()).await.unwrap();
    producer
}

/// A transaction with this record that is committed as it should be.
async fn whole(producer: &Producer<str, str>, value: &str) {
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record(value))).await.unwrap());
    in_time(transaction.commit()).await.unwrap();
}

/// The values that readers of committed records see, sorted.
fn committed(kafka: &MockCluster) -> Vec<String> {
    let mut values: Vec<String> = kafka.committed_records(TOPIC).iter().map(text).collect();
    values.sort();
    values
}

#[tokio::test]
async fn initializing_goes_on_when_its_future_is_dropped() {
    for polls in 1..=POLLS {
        let kafka = kafka(3, 2).await;
        let settings = [("transactional.id", "billing")];
        let producer = producer(&kafka, &settings);
        let cut = cut_off(polls, producer.init_transactions()).await;
        if cut.is_none() {
            in_time(producer.init_transactions()).await.unwrap();
        }
        whole(&producer, "tea").await;
        assert_eq!(committed(&kafka), ["tea"]);
    }
}

#[tokio::test]
async fn a_begin_that_is_dropped_has_begun_nothing() {
    let kafka = kafka(3, 2).await;
    let producer = transactional(&kafka).await;
    for polls in 1..=POLLS {
        drop(cut_off(polls, producer.begin_transaction()).await);
        whole(&producer, &polls.to_string()).await;
    }
    assert_eq!(committed(&kafka), ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_commit_that_is_dropped_goes_on_and_its_outcome_can_be_asked_for() {
    let kafka = kafka(3, 2).await;
    let producer = transactional(&kafka).await;
    let mut expected = Vec::new();
    for polls in 1..=POLLS {
        let value = format!("{polls} cut");
        let transaction = in_time(producer.begin_transaction()).await.unwrap();
        drop(in_time(transaction.send(record(&value))).await.unwrap());
        drop(cut_off(polls, transaction.commit()).await);
        in_time(producer.wait_for_transaction()).await.unwrap();
        expected.push(value);
        assert_eq!(committed(&kafka), expected, "after {polls} polls");
    }
}

#[tokio::test]
async fn an_abort_that_is_dropped_goes_on() {
    let kafka = kafka(3, 2).await;
    let producer = transactional(&kafka).await;
    for polls in 1..=POLLS {
        let transaction = in_time(producer.begin_transaction()).await.unwrap();
        let delivery = in_time(transaction.send(record("no"))).await.unwrap();
        in_time(delivery).await.unwrap();
        drop(cut_off(polls, transaction.abort()).await);
        whole(&producer, &polls.to_string()).await;
    }
    assert_eq!(committed(&kafka), ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_aborted() {
    let kafka = kafka(3, 2).await;
    let producer = transactional(&kafka).await;
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let delivery = in_time(transaction.send(record("no"))).await.unwrap();
    in_time(delivery).await.unwrap();
    drop(transaction);
    in_time(producer.wait_for_transaction()).await.unwrap();
    assert_eq!(values(&kafka), ["no"], "it was sent");
    assert!(committed(&kafka).is_empty(), "and nobody is to see it");
}

#[tokio::test]
async fn offsets_whose_future_is_dropped_go_with_their_transaction() {
    let kafka = kafka(3, 2).await;
    let producer = transactional(&kafka).await;
    let group = ConsumerGroupMetadata::new("readers");
    for polls in 1..=POLLS {
        let transaction = in_time(producer.begin_transaction()).await.unwrap();
        let offset = OffsetToCommit::new(TOPIC, 0, polls as i64);
        drop(cut_off(polls, transaction.send_offsets([offset], &group)).await);
        in_time(transaction.commit()).await.unwrap();
        let found = kafka.with_cluster(|cluster| {
            cluster
                .committed_offset("readers", TOPIC, 0)
                .map(|committed| committed.offset)
        });
        assert_eq!(found, Some(polls as i64));
    }
}

#[tokio::test]
async fn a_send_that_is_dropped_before_it_is_done_has_sent_nothing() {
    for polls in 1..=POLLS {
        let kafka = kafka(3, 2).await;
        let producer = producer(&kafka, &[("linger.ms", "0")]);
        // Nothing is known of the topic yet, so that there is something to wait for.
        let sent = cut_off(polls, producer.send(record("cut"))).await;
        let expected = match sent {
            Some(delivery) => {
                in_time(delivery.unwrap()).await.unwrap();
                vec!["cut", "whole"]
            }
            None => vec!["whole"],
        };
        in_time(in_time(producer.send(record("whole"))).await.unwrap())
            .await
            .unwrap();
        let mut found = values(&kafka);
        found.sort();
        assert_eq!(found, expected, "after {polls} polls");
    }
}

#[tokio::test]
async fn waiting_for_the_end_may_be_dropped_and_closing_ends_what_is_open() {
    let kafka = kafka(3, 2).await;
    let producer = transactional(&kafka).await;
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let delivery = in_time(transaction.send(record("no"))).await.unwrap();
    in_time(delivery).await.unwrap();
    let closer = producer.clone();
    let report = in_time(closer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    let late = in_time(transaction.commit()).await;
    assert!(matches!(late, Err(TransactionError::Closed)), "{late:?}");
    assert!(committed(&kafka).is_empty());
    let hanging = kafka.with_cluster(|cluster| cluster.hanging_transactions().len());
    assert_eq!(hanging, 0);
    drop(cut_off(1, producer.wait_for_transaction()).await);
}
