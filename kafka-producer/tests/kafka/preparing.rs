//! Two-phase commit (KIP-939) with a real Apache Kafka, read by its own consumer.
//!
//! Apache Kafka 4.4 keeps no transaction over its producer: what was stored is committed under its own id and epoch.

use kafka_producer::{CompletedTxn, PreparedTxnState, Producer, ProducerRecord};

use crate::cluster::{TIME_LIMIT, create_topic, in_time, producer, topic_name};
use crate::tools::tool;

fn two_phase(id: &str) -> Producer<str, str> {
    producer(&[
        ("transactional.id", id),
        ("transaction.two.phase.commit.enable", "true"),
    ])
}

async fn completed(
    producer: &Producer<str, str>,
    stored: Option<PreparedTxnState>,
) -> CompletedTxn {
    in_time(producer.complete_transaction(stored))
        .await
        .unwrap()
}

/// Prepares a transaction of one record in each of three partitions.
async fn prepare(producer: &Producer<str, str>, topic: &str, value: &str) -> PreparedTxnState {
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    for partition in 0..3 {
        let record = ProducerRecord::new(topic, value).partition(partition);
        drop(in_time(transaction.send(record)).await.unwrap());
    }
    in_time(transaction.prepare()).await.unwrap().state()
}

async fn commit(producer: &Producer<str, str>, topic: &str, value: &str) {
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let record = ProducerRecord::new(topic, value).partition(0);
    drop(in_time(transaction.send(record)).await.unwrap());
    in_time(transaction.commit()).await.unwrap();
}

/// So many records, as Kafka's own consumer reads what is committed.
fn committed(topic: &str, count: usize) -> Vec<String> {
    let count = count.to_string();
    let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    let arguments = [
        "--topic",
        topic,
        "--from-beginning",
        "--timeout-ms",
        "240000",
    ];
    let committed = [
        "--isolation-level",
        "read_committed",
        "--max-messages",
        &count,
    ];
    let output = tool(class, &[&arguments[..], &committed[..]].concat());
    let mut values: Vec<String> = output.lines().map(str::to_owned).collect();
    values.sort();
    values
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn what_was_stored_is_committed_once_and_what_was_not_is_aborted() {
    let topic = create_topic("preparing", 3, &[]);
    let id = topic_name("id");
    let first = two_phase(&id);
    assert_eq!(completed(&first, None).await, CompletedTxn::NotOpen);
    // Dropped, it stays prepared.
    let state = prepare(&first, &topic, "completed by its own producer").await;
    assert_eq!(
        completed(&first, Some(state)).await,
        CompletedTxn::Committed
    );
    let stored = prepare(&first, &topic, "stored").await.to_string();
    in_time(first.close(TIME_LIMIT)).await.unwrap();

    let stored = Some(stored.parse().unwrap());
    let second = two_phase(&id);
    assert_eq!(completed(&second, stored).await, CompletedTxn::Committed);
    commit(&second, &topic, "second").await;
    prepare(&second, &topic, "not stored").await;
    in_time(second.close(TIME_LIMIT)).await.unwrap();

    // What is stored still is the one before.
    let third = two_phase(&id);
    assert_eq!(completed(&third, stored).await, CompletedTxn::NotOpen);
    commit(&third, &topic, "third").await;
    prepare(&third, &topic, "not stored either").await;
    let fourth = two_phase(&id);
    assert_eq!(completed(&fourth, None).await, CompletedTxn::NotOpen);
    commit(&fourth, &topic, "fourth").await;

    let mut expected = vec!["second", "third", "fourth"];
    expected.extend(["completed by its own producer"; 3]);
    expected.extend(["stored"; 3]);
    expected.sort_unstable();
    assert_eq!(committed(&topic, expected.len()), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn the_end_that_was_asked_for_before_a_crash_is_told_again() {
    let topic = create_topic("preparing", 3, &[]);
    let id = topic_name("id");
    let first = two_phase(&id);
    in_time(first.init_transactions()).await.unwrap();
    let transaction = in_time(first.begin_transaction()).await.unwrap();
    let record = ProducerRecord::new(&topic, "tea").partition(0);
    drop(in_time(transaction.send(record)).await.unwrap());
    let prepared = in_time(transaction.prepare()).await.unwrap();
    let stored = prepared.state();
    in_time(prepared.commit()).await.unwrap();
    in_time(first.close(TIME_LIMIT)).await.unwrap();
    let second = two_phase(&id);
    let told = completed(&second, Some(stored)).await;
    assert_eq!(
        told,
        CompletedTxn::Committed,
        "with its epoch it is the same end"
    );
    commit(&second, &topic, "cake").await;
    assert_eq!(committed(&topic, 2), ["cake", "tea"]);
}
