//! Transactions that go wrong; those that go right are compared with the cluster's.

use std::time::Duration;

use kafka_producer::error::{Cause, Misuse, NoTwoPhaseCommit};
use kafka_producer::mock::{Failure, MockBroker, MockTransaction};
use kafka_producer::{AbortableError, FatalError, Producer, Status, TransactionError};
use pollster::block_on;

use crate::scene::{TOPIC, record, scene, values};

fn transactional() -> (Producer<str, str>, MockBroker) {
    let (producer, broker) = scene(&[("transactional.id", "billing-1")]);
    block_on(producer.init_transactions()).unwrap();
    (producer, broker)
}

#[test]
fn a_record_that_fails_makes_the_commit_fail_and_the_next_transaction_can_begin() {
    let (producer, broker) = transactional();
    let transaction = block_on(producer.begin_transaction()).unwrap();
    drop(transaction.try_send(record(0, "a")).unwrap());
    broker.fail_next(Failure::expired());
    drop(transaction.try_send(record(0, "b")).unwrap());
    let doomed = transaction.try_send(record(0, "c")).unwrap_err();
    assert!(doomed.to_string().contains("must be aborted"), "{doomed}");
    let error = block_on(transaction.commit()).unwrap_err();
    let TransactionError::Abortable(AbortableError::Delivery(_)) = error else {
        panic!("{error}");
    };
    assert!(broker.committed_records(TOPIC).is_empty());
    assert_eq!(
        broker.records(TOPIC)[0].transaction,
        Some(MockTransaction::Aborted)
    );

    let transaction = block_on(producer.begin_transaction()).unwrap();
    drop(transaction.try_send(record(0, "d")).unwrap());
    block_on(transaction.commit()).unwrap();
    assert_eq!(values(&broker.committed_records(TOPIC)), ["d"]);
}

#[test]
fn a_commit_while_records_are_held_times_out_and_goes_on() {
    let (producer, broker) = transactional();
    broker.hold();
    let transaction = block_on(producer.begin_transaction()).unwrap();
    drop(["a", "b"].map(|value| transaction.try_send(record(0, value)).unwrap()));
    let is_time_out = |outcome| matches!(outcome, Err(TransactionError::TimedOut(_)));
    assert!(is_time_out(block_on(transaction.commit())));
    assert!(is_time_out(
        block_on(producer.begin_transaction()).map(drop)
    ));
    broker.complete_next();
    assert!(is_time_out(block_on(producer.wait_for_transaction())));
    broker.complete_next();
    block_on(producer.wait_for_transaction()).unwrap();
    assert_eq!(values(&broker.committed_records(TOPIC)), ["a", "b"]);
    block_on(block_on(producer.begin_transaction()).unwrap().commit()).unwrap();
}

#[test]
fn a_record_that_fails_while_its_transaction_is_committed_aborts_it() {
    let (producer, broker) = transactional();
    broker.hold();
    let transaction = block_on(producer.begin_transaction()).unwrap();
    let deliveries = ["a", "b"].map(|value| transaction.try_send(record(0, value)).unwrap());
    assert!(block_on(transaction.commit()).is_err());
    broker.fail_next(Failure::expired());
    let outcome = block_on(producer.wait_for_transaction());
    assert!(
        matches!(outcome, Err(TransactionError::Abortable(_))),
        "{outcome:?}"
    );
    let [failed, aborted] = deliveries.map(|delivery| delivery.wait().unwrap_err());
    assert!(matches!(failed.cause(), Cause::Expired { .. }));
    assert_eq!(aborted.cause(), &Cause::Aborted);
    assert!(broker.committed_records(TOPIC).is_empty());
}

#[test]
fn what_is_held_when_its_transaction_is_aborted_or_dropped_is_not_stored() {
    let (producer, broker) = transactional();
    broker.hold();
    for explicit in [true, false] {
        let transaction = block_on(producer.begin_transaction()).unwrap();
        let delivery = transaction.try_send(record(0, "a")).unwrap();
        match explicit {
            true => block_on(transaction.abort()).unwrap(),
            false => drop(transaction),
        }
        assert_eq!(delivery.status(), Status::Failed);
        assert_eq!(delivery.wait().unwrap_err().cause(), &Cause::Aborted);
    }
    assert!(broker.records(TOPIC).is_empty());
}

#[test]
fn a_transaction_of_a_fenced_producer_never_becomes_visible() {
    let (producer, broker) = transactional();
    let transaction = block_on(producer.begin_transaction()).unwrap();
    drop(transaction.try_send(record(0, "a")).unwrap());
    broker.fence();
    let error = block_on(transaction.commit()).unwrap_err();
    assert!(
        matches!(error, TransactionError::Fatal(FatalError::Fenced { .. })),
        "{error}"
    );
    assert_eq!(broker.records(TOPIC).len(), 1);
    assert!(broker.committed_records(TOPIC).is_empty());
}

#[test]
fn a_close_aborts_what_is_open() {
    let (producer, broker) = transactional();
    let transaction = block_on(producer.begin_transaction()).unwrap();
    drop(transaction.try_send(record(0, "a")).unwrap());
    assert!(block_on(producer.close(Duration::ZERO)).unwrap().is_clean());
    let error = block_on(transaction.commit()).unwrap_err();
    assert!(matches!(error, TransactionError::Closed), "{error}");
    assert!(broker.committed_records(TOPIC).is_empty());
}

#[test]
fn calls_that_are_not_allowed_are_told_so() {
    let (plain, _broker) = scene(&[]);
    let error = block_on(plain.init_transactions()).unwrap_err();
    assert!(matches!(
        error,
        TransactionError::Misused(Misuse::NotTransactional)
    ));
    let two_phase = [
        ("transactional.id", "billing-1"),
        ("transaction.two.phase.commit.enable", "true"),
    ];
    let (producer, _broker) = scene(&two_phase);
    let error = block_on(producer.init_transactions()).unwrap_err();
    let not_here = TransactionError::NoTwoPhaseCommit(NoTwoPhaseCommit::FirstProtocol);
    assert_eq!(error.to_string(), not_here.to_string());
}
