//! `warm_up`: after it, the first record of a topic needs one request and its answer.

use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{BrokerId, CoordinatorKind};
use kafka_producer::{Producer, ProducerRecord, SendError};
use kafka_wire::{ApiKey, ErrorCode};

use crate::scene::{TIME_LIMIT, in_time, kafka, producer};

const TOPICS: [&str; 3] = ["orders", "payments", "events"];

async fn three_topics() -> MockCluster {
    let described = TOPICS
        .iter()
        .fold(MockCluster::builder().brokers(3), |described, topic| {
            described.topic(*topic, 6)
        });
    described.without_auto_create().start().await.unwrap()
}

/// What was asked of any broker so far.
fn asked(kafka: &MockCluster) -> Vec<ApiKey> {
    kafka.with_cluster(|cluster| cluster.requests().map(|seen| seen.api).collect())
}

async fn send(producer: &Producer<str, str>, topic: &str, partition: i32) {
    let record = ProducerRecord::new(topic, "tea").partition(partition);
    let delivery = in_time(producer.send(record)).await.unwrap();
    in_time(delivery).await.unwrap();
}

#[tokio::test]
async fn the_first_record_of_each_partition_is_one_request() {
    for idempotence in ["true", "false"] {
        let kafka = three_topics().await;
        let producer = producer(&kafka, &[("enable.idempotence", idempotence)]);
        in_time(producer.warm_up(TOPICS)).await.unwrap();
        for topic in TOPICS {
            for partition in 0..6 {
                let before = asked(&kafka).len();
                send(&producer, topic, partition).await;
                assert_eq!(asked(&kafka)[before..], [ApiKey::PRODUCE]);
            }
        }
        let before = asked(&kafka).len();
        in_time(producer.warm_up(TOPICS)).await.unwrap();
        assert_eq!(asked(&kafka).len(), before, "all is ready");
    }
}

#[tokio::test]
async fn a_transactional_producer_needs_init_transactions_and_nothing_more() {
    let kafka = three_topics().await;
    let coordinator = BrokerId(1);
    kafka.with_cluster(|cluster| {
        cluster
            .move_coordinator(CoordinatorKind::Transaction, "till", coordinator)
            .unwrap();
    });
    let producer = producer(&kafka, &[("transactional.id", "till")]);
    in_time(producer.warm_up(TOPICS)).await.unwrap();
    assert!(!asked(&kafka).contains(&ApiKey::INIT_PRODUCER_ID));
    in_time(producer.init_transactions()).await.unwrap();
    let before = asked(&kafka).len();
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let record = ProducerRecord::new("orders", "tea").partition(0);
    let delivery = in_time(transaction.send(record)).await.unwrap();
    in_time(delivery).await.unwrap();
    assert_eq!(asked(&kafka)[before..], [ApiKey::PRODUCE]);
    in_time(transaction.commit()).await.unwrap();
}

#[tokio::test]
async fn the_topic_and_the_broker_that_is_not_reached_are_named() {
    let kafka = kafka(3, 6).await;
    let way_in = kafka.bootstrap_servers();
    let (way_in, _) = way_in.split_once(',').unwrap();
    // Nobody listens there.
    let told = kafka.with_cluster(|cluster| cluster.set_address(BrokerId(2), "127.0.0.1", 1));
    told.unwrap();
    let settings = [("max.block.ms", "1500"), ("bootstrap.servers", way_in)];
    let producer = producer(&kafka, &settings);
    let error = in_time(producer.warm_up(["orders"])).await.unwrap_err();
    let SendError::NotReady { topic, waited, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(&**topic, "orders");
    assert!(*waited >= Duration::from_millis(1500), "{waited:?}");
    let words = "broker 2 at 127.0.0.1:1: ";
    assert!(error.to_string().starts_with(words), "{error}");
    let words = "; topic orders is not ready after ";
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn an_unknown_topic_is_told_as_by_send() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("max.block.ms", "300")]);
    let topics = ["orders", "unknown"];
    let error = in_time(producer.warm_up(topics)).await.unwrap_err();
    let SendError::TopicUnknown { topic, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(&**topic, "unknown");
    let error = in_time(producer.warm_up(["or ders"])).await.unwrap_err();
    assert!(matches!(error, SendError::InvalidTopic { .. }), "{error}");
}

#[tokio::test]
async fn a_warm_up_that_is_dropped_or_overtaken_by_close_leaves_nothing_behind() {
    let kafka = kafka(1, 1).await;
    let fault = kafka_mock::cluster::Fault::refuse(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    kafka.with_cluster(|cluster| cluster.inject(fault.api(ApiKey::INIT_PRODUCER_ID)));
    let producer = producer(&kafka, &[]);
    let dropped = tokio::time::timeout(Duration::ZERO, producer.warm_up(["orders"])).await;
    assert!(dropped.is_err());
    let (ended, report) = tokio::join!(producer.warm_up(["orders"]), async {
        producer.close(TIME_LIMIT).await
    });
    assert!(matches!(ended, Err(SendError::Closed)), "{ended:?}");
    assert!(report.unwrap().is_clean());
}
