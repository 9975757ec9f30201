//! Commits of what a coordinator has aborted already: the code is the same for a zombie and for one
//! that was late, the end is not.

use kafka_mock::MockCluster;
use kafka_mock::cluster::Fault;
use kafka_producer::error::TransactionError;
use kafka_producer::{AbortableError, ErrorCode, FatalError, Producer};
use kafka_wire::ApiKey;

use crate::scene::{in_time, kafka, producer, record};

async fn transactional(kafka: &MockCluster) -> Producer<str, str> {
    let settings = [("transactional.id", "billing"), ("retry.backoff.ms", "5")];
    let producer = producer(kafka, &settings);
    in_time(producer.init_transactions()).await.unwrap();
    producer
}

fn refuse_the_end(kafka: &MockCluster) {
    let refusal = Fault::refuse(ErrorCode::INVALID_TXN_STATE).api(ApiKey::END_TXN);
    kafka.inject(refusal.times(1));
}

#[tokio::test]
async fn a_commit_that_was_too_late_has_failed_and_the_next_transaction_works() {
    let kafka = kafka(1, 1).await;
    let producer = transactional(&kafka).await;
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record("late"))).await.unwrap());
    refuse_the_end(&kafka);
    let refused = in_time(transaction.commit()).await;
    assert!(
        matches!(
            &refused,
            Err(TransactionError::Abortable(AbortableError::Refused { code, .. }))
                if *code == ErrorCode::INVALID_TXN_STATE
        ),
        "{refused:?}"
    );
    let again = in_time(producer.wait_for_transaction()).await;
    assert!(
        matches!(&again, Err(TransactionError::Abortable(_))),
        "{again:?}"
    );
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record("next"))).await.unwrap());
    in_time(transaction.commit()).await.unwrap();
}

#[tokio::test]
async fn an_abort_of_what_is_aborted_is_done() {
    let kafka = kafka(1, 1).await;
    let producer = transactional(&kafka).await;
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    let delivery = in_time(transaction.send(record("1"))).await.unwrap();
    in_time(delivery).await.unwrap();
    refuse_the_end(&kafka);
    in_time(transaction.abort()).await.unwrap();
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record("2"))).await.unwrap());
    in_time(transaction.commit()).await.unwrap();
}

#[tokio::test]
async fn a_zombie_that_commits_what_its_successor_has_ended_is_told_that_it_is_fenced() {
    let kafka = kafka(1, 1).await;
    let zombie = transactional(&kafka).await;
    let transaction = in_time(zombie.begin_transaction()).await.unwrap();
    let delivery = in_time(transaction.send(record("old"))).await.unwrap();
    in_time(delivery).await.unwrap();
    let successor = transactional(&kafka).await;
    refuse_the_end(&kafka);
    let refused = in_time(transaction.commit()).await;
    assert!(
        matches!(
            &refused,
            Err(TransactionError::Fatal(FatalError::Fenced { .. }))
        ),
        "{refused:?}"
    );
    let transaction = in_time(successor.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record("new"))).await.unwrap());
    in_time(transaction.commit()).await.unwrap();
}
