//! Transactions, as other clients see them: kcat and Kafka's tools read what is committed.

use kafka_producer::error::{Cause, Misuse, TransactionError};
use kafka_producer::{
    AbortableError, ConsumerGroupMetadata, ErrorCode, FatalError, OffsetToCommit, Producer,
    ProducerRecord, SendError,
};

use crate::cluster::{TIME_LIMIT, create_topic, in_time, producer, topic_name};
use crate::tools::{kcat, tool};

async fn transactional(id: &str, settings: &[(&str, &str)]) -> Producer<str, str> {
    let mut all = vec![("transactional.id", id)];
    all.extend(settings);
    let producer = producer(&all);
    in_time(producer.init_transactions()).await.unwrap();
    producer
}

fn values(topic: &str) -> Vec<String> {
    let read = kcat(topic).into_iter();
    read.map(|record| record.text().to_owned()).collect()
}

/// Waits until the open transaction has timed out: the coordinator looks for such every ten seconds.
fn is_aborted_by_its_coordinator(id: &str) {
    let class = "org.apache.kafka.tools.TransactionsCommand";
    let deadline = std::time::Instant::now() + TIME_LIMIT;
    loop {
        let told = tool(class, &["describe", "--transactional-id", id]);
        if told.contains("CompleteAbort") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn what_is_committed_is_visible_and_what_is_aborted_is_not() {
    let topic = create_topic("transactions", 3, &[]);
    let producer = transactional(&topic_name("id"), &[]).await;
    let mut committed = Vec::new();
    for number in 0..20 {
        let transaction = in_time(producer.begin_transaction()).await.unwrap();
        let mut deliveries = Vec::new();
        for part in 0..10 {
            let value = format!("{number} {part}");
            let record = ProducerRecord::new(&topic, &*value).partition(part % 3);
            match part {
                9 => in_time(transaction.send_and_forget(record)).await.unwrap(),
                _ => deliveries.push(in_time(transaction.send(record)).await.unwrap()),
            }
            if number % 3 == 0 {
                committed.push(value);
            }
        }
        match number % 3 {
            0 => in_time(transaction.commit()).await.unwrap(),
            1 => in_time(transaction.abort()).await.unwrap(),
            _ => drop(transaction),
        }
        for delivery in deliveries {
            let outcome = in_time(delivery).await;
            match outcome {
                Ok(_) => {}
                Err(error) => {
                    assert_ne!(number % 3, 0, "{error}");
                    assert_eq!(error.cause(), &Cause::Aborted);
                }
            }
        }
    }
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
    let mut read = values(&topic);
    read.sort();
    committed.sort();
    assert_eq!(read, committed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn offsets_are_committed_with_the_transaction_or_not_at_all() {
    let topic = create_topic("offsets", 1, &[]);
    let group = topic_name("group");
    let producer = transactional(&topic_name("id"), &[]).await;
    let metadata = ConsumerGroupMetadata::new(&*group);
    for (offset, commit) in [(7, true), (9, false)] {
        let transaction = in_time(producer.begin_transaction()).await.unwrap();
        let consumed = OffsetToCommit::new(&*topic, 0, offset);
        in_time(transaction.send_offsets([consumed], &metadata))
            .await
            .unwrap();
        match commit {
            true => in_time(transaction.commit()).await.unwrap(),
            false => in_time(transaction.abort()).await.unwrap(),
        }
    }
    let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let told = tool(class, &["--describe", "--group", &group]);
    let line = told.lines().find(|line| line.contains(&topic)).unwrap();
    let offset = line.split_whitespace().nth(3);
    assert_eq!(offset, Some("7"), "{told}");
    // A member that the group does not know commits nothing, and the producer can go on.
    let stranger = ConsumerGroupMetadata::new(&*group).member("nobody", 3);
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let consumed = OffsetToCommit::new(&*topic, 0, 11);
    let refused = in_time(transaction.send_offsets([consumed], &stranger)).await;
    assert!(
        matches!(
            &refused,
            Err(TransactionError::Abortable(AbortableError::Refused { .. }))
        ),
        "{refused:?}"
    );
    let refused = in_time(transaction.commit()).await;
    assert!(
        matches!(&refused, Err(TransactionError::Abortable(_))),
        "{refused:?}"
    );
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    in_time(transaction.send_offsets([], &metadata))
        .await
        .unwrap();
    in_time(transaction.commit()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_later_producer_of_the_same_id_fences_the_earlier() {
    let topic = create_topic("zombie", 1, &[]);
    let id = topic_name("id");
    let zombie = transactional(&id, &[]).await;
    let open = in_time(zombie.begin_transaction()).await.unwrap();
    let delivery = in_time(open.send(ProducerRecord::new(&topic, "old").partition(0))).await;
    in_time(delivery.unwrap()).await.unwrap();
    let successor = transactional(&id, &[]).await;
    let _ = in_time(open.send(ProducerRecord::new(&topic, "late").partition(0))).await;
    let refused = in_time(open.commit()).await;
    assert!(refused.is_err(), "a zombie commits nothing");
    let fenced = in_time(zombie.begin_transaction()).await;
    assert!(
        matches!(
            &fenced,
            Err(TransactionError::Fatal(FatalError::Fenced { .. }))
        ),
        "{fenced:?}"
    );
    let transaction = in_time(successor.begin_transaction()).await.unwrap();
    let record = ProducerRecord::new(&topic, "new").partition(0);
    drop(in_time(transaction.send(record)).await.unwrap());
    in_time(transaction.commit()).await.unwrap();
    assert_eq!(values(&topic), ["new"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_transaction_that_took_too_long_is_aborted_and_the_next_one_works() {
    let topic = create_topic("timeout", 1, &[]);
    let id = topic_name("id");
    let settings = [("transaction.timeout.ms", "1500"), ("linger.ms", "0")];
    let producer = transactional(&id, &settings).await;
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let first = in_time(transaction.send(ProducerRecord::new(&topic, "1").partition(0))).await;
    in_time(first.unwrap()).await.unwrap();
    is_aborted_by_its_coordinator(&id);
    let late = in_time(transaction.send(ProducerRecord::new(&topic, "2").partition(0))).await;
    let late = in_time(late.unwrap()).await.unwrap_err();
    assert_eq!(late.code(), Some(ErrorCode::INVALID_PRODUCER_EPOCH));
    let refused = in_time(transaction.commit()).await;
    assert!(
        matches!(&refused, Err(TransactionError::Abortable(_))),
        "{refused:?}"
    );
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let record = ProducerRecord::new(&topic, "3").partition(0);
    drop(in_time(transaction.send(record)).await.unwrap());
    in_time(transaction.commit()).await.unwrap();
    assert_eq!(values(&topic), ["3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn calls_that_do_not_belong_where_they_are_made_are_refused() {
    let plain = producer(&[]);
    let refused = in_time(plain.init_transactions()).await;
    assert!(matches!(
        refused,
        Err(TransactionError::Misused(Misuse::NotTransactional))
    ));
    let producer = producer(&[("transactional.id", &topic_name("id"))]);
    let refused = in_time(producer.begin_transaction()).await;
    assert!(matches!(
        refused,
        Err(TransactionError::Misused(Misuse::NotInitialized))
    ));
    in_time(producer.init_transactions()).await.unwrap();
    let refused = in_time(producer.init_transactions()).await;
    assert!(matches!(
        refused,
        Err(TransactionError::Misused(Misuse::AlreadyInitialized))
    ));
    let refused = in_time(producer.send(ProducerRecord::new("any", "x"))).await;
    assert!(matches!(refused, Err(SendError::NoTransaction)));
    let open = in_time(producer.begin_transaction()).await.unwrap();
    let refused = in_time(producer.begin_transaction()).await;
    assert!(matches!(
        refused,
        Err(TransactionError::Misused(Misuse::TransactionOpen))
    ));
    in_time(open.commit()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_transaction_in_which_a_send_failed_cannot_be_committed_and_the_next_one_can() {
    let topic = create_topic("doomed", 1, &[]);
    // A record for a partition that does not exist may be refused at once, or when its time is up.
    let settings = [("max.block.ms", "10000")];
    let producer = transactional(&topic_name("id"), &settings).await;
    let two_megabytes = "x".repeat(2 << 20);
    let too_large = ProducerRecord::new(&topic, &*two_megabytes);
    let nowhere = ProducerRecord::new(&topic, "nowhere").partition(9);
    for refused in [too_large, nowhere] {
        let transaction = in_time(producer.begin_transaction()).await.unwrap();
        let kept = ProducerRecord::new(&topic, "without the other");
        in_time(transaction.send_and_forget(kept)).await.unwrap();
        let missing = in_time(transaction.send_and_forget(refused)).await;
        let missing = missing.unwrap_err().to_string();
        let told = in_time(transaction.commit()).await;
        let Err(TransactionError::Abortable(AbortableError::Send(first))) = told else {
            panic!("{told:?}");
        };
        assert_eq!(first.to_string(), missing);
    }
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let record = ProducerRecord::new(&topic, "whole");
    in_time(transaction.send_and_forget(record)).await.unwrap();
    in_time(transaction.commit()).await.unwrap();
    assert_eq!(values(&topic), ["whole"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn offsets_of_a_transaction_that_took_too_long_do_not_end_the_producer() {
    let topic = create_topic("late-offsets", 1, &[]);
    let group = topic_name("group");
    let metadata = ConsumerGroupMetadata::new(&*group);
    let id = topic_name("id");
    let settings = [("transaction.timeout.ms", "6000"), ("linger.ms", "0")];
    let producer = transactional(&id, &settings).await;
    let offset = |offset| [OffsetToCommit::new(&*topic, 0, offset)];
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    in_time(transaction.send_offsets(offset(1), &metadata))
        .await
        .unwrap();
    is_aborted_by_its_coordinator(&id);
    let refused = in_time(transaction.send_offsets(offset(2), &metadata)).await;
    let Err(TransactionError::Abortable(why)) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why.code(), Some(ErrorCode::INVALID_PRODUCER_EPOCH));
    let refused = in_time(transaction.commit()).await;
    assert!(
        matches!(&refused, Err(TransactionError::Abortable(_))),
        "{refused:?}"
    );
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    in_time(transaction.send_offsets(offset(3), &metadata))
        .await
        .unwrap();
    in_time(transaction.commit()).await.unwrap();
    let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let told = tool(class, &["--describe", "--group", &group]);
    let line = told.lines().find(|line| line.contains(&topic)).unwrap();
    assert_eq!(line.split_whitespace().nth(3), Some("3"), "{told}");
}
