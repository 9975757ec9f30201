//! Two-phase commit (KIP-939): what is prepared ends as its owner says, whatever becomes of the producer.

use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{BrokerId, ClusterConfig, Fault, TwoPhaseCommit};
use kafka_producer::error::{Misuse, NoTwoPhaseCommit, TransactionError};
use kafka_producer::{
    CompletedTxn, ErrorCode, PreparedTransaction, PreparedTxnState, Producer, blocking,
};
use kafka_wire::ApiKey;

use crate::scene::{TIME_LIMIT, TOPIC, in_time, producer, record, text};

const ENABLED: (&str, &str) = ("transaction.two.phase.commit.enable", "true");

/// Both ways in which brokers take part.
const TAKING_PART: [TwoPhaseCommit; 2] = [TwoPhaseCommit::On, TwoPhaseCommit::WithoutKeeping];

async fn kafka(two_phase: TwoPhaseCommit, level: i16) -> MockCluster {
    let config = ClusterConfig::default()
        .with_two_phase_commit(two_phase)
        .with_transaction_version(level);
    let described = MockCluster::builder().config(config).topic(TOPIC, 2);
    described.start().await.unwrap()
}

fn two_phase(kafka: &MockCluster) -> Producer<str, str> {
    producer(
        kafka,
        &[
            ("transactional.id", "outbox"),
            ("retry.backoff.ms", "5"),
            ENABLED,
        ],
    )
}

async fn prepared<'p>(producer: &'p Producer<str, str>, value: &str) -> PreparedTransaction<'p> {
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record(value))).await.unwrap());
    in_time(transaction.prepare()).await.unwrap()
}

async fn completed(
    producer: &Producer<str, str>,
    stored: Option<PreparedTxnState>,
) -> CompletedTxn {
    in_time(producer.complete_transaction(stored))
        .await
        .unwrap()
}

/// The next transaction works.
async fn goes_on(producer: &Producer<str, str>) {
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record("next"))).await.unwrap());
    in_time(transaction.commit()).await.unwrap();
}

fn committed(kafka: &MockCluster) -> Vec<String> {
    let mut values: Vec<String> = kafka.committed_records(TOPIC).iter().map(text).collect();
    values.sort();
    values
}

fn in_the_log(kafka: &MockCluster) -> usize {
    kafka.records(TOPIC).len()
}

#[tokio::test]
async fn what_is_prepared_is_in_the_log_and_visible_once_it_is_committed() {
    for two_phase_commit in TAKING_PART {
        let kafka = kafka(two_phase_commit, 2).await;
        let producer = two_phase(&kafka);
        in_time(producer.init_transactions()).await.unwrap();
        let ready = prepared(&producer, "tea").await;
        assert_eq!((in_the_log(&kafka), committed(&kafka).len()), (1, 0));
        in_time(ready.commit()).await.unwrap();
        assert_eq!(committed(&kafka), ["tea"]);
        in_time(prepared(&producer, "cake").await.abort())
            .await
            .unwrap();
        goes_on(&producer).await;
        assert_eq!(committed(&kafka), ["next", "tea"]);
        let timed = |name| producer.metrics().number("producer-metrics", name, &[]);
        assert!(timed("txn-prepare-time-ns-total") > Some(0.0));
    }
}

#[tokio::test]
async fn a_later_producer_commits_what_was_stored_exactly_once() {
    for two_phase_commit in TAKING_PART {
        let kafka = kafka(two_phase_commit, 2).await;
        let first = two_phase(&kafka);
        in_time(first.init_transactions()).await.unwrap();
        let stored = prepared(&first, "tea").await.state().to_string();
        // It ends as it is, and so does what it has prepared.
        in_time(first.close(TIME_LIMIT)).await.unwrap();
        assert_eq!((in_the_log(&kafka), committed(&kafka).len()), (1, 0));

        let stored = Some(stored.parse().unwrap());
        let second = two_phase(&kafka);
        assert_eq!(completed(&second, stored).await, CompletedTxn::Committed);
        assert_eq!(committed(&kafka), ["tea"]);
        goes_on(&second).await;
        // As one does that ended before it could forget what was stored.
        let third = two_phase(&kafka);
        assert_eq!(completed(&third, stored).await, CompletedTxn::NotOpen);
        goes_on(&third).await;
        assert_eq!(committed(&kafka), ["next", "next", "tea"]);
    }
}

#[tokio::test]
async fn a_later_producer_aborts_what_was_not_stored() {
    for two_phase_commit in TAKING_PART {
        for is_one_stored in [true, false] {
            let kafka = kafka(two_phase_commit, 2).await;
            let first = two_phase(&kafka);
            in_time(first.init_transactions()).await.unwrap();
            let before = prepared(&first, "tea").await;
            let stored = Some(before.state()).filter(|_| is_one_stored);
            in_time(before.commit()).await.unwrap();
            // Prepared, and not stored any more.
            let _ = prepared(&first, "cake").await;
            in_time(first.close(TIME_LIMIT)).await.unwrap();

            let second = two_phase(&kafka);
            assert_eq!(completed(&second, stored).await, CompletedTxn::NotOpen);
            goes_on(&second).await;
            assert_eq!(committed(&kafka), ["next", "tea"]);
        }
    }
}

#[tokio::test]
async fn nothing_that_comes_after_what_was_stored_is_taken_for_it() {
    for two_phase_commit in TAKING_PART {
        for is_committed in [true, false] {
            let kafka = kafka(two_phase_commit, 2).await;
            let first = two_phase(&kafka);
            in_time(first.init_transactions()).await.unwrap();
            // Nothing is in it, so that no coordinator knows of it.
            let transaction = in_time(first.begin_transaction()).await.unwrap();
            let empty = in_time(transaction.prepare()).await.unwrap();
            let stored = Some(empty.state());
            let ended = match is_committed {
                true => in_time(empty.commit()).await,
                false => in_time(empty.abort()).await,
            };
            ended.unwrap();
            let next = in_time(first.begin_transaction()).await.unwrap();
            drop(in_time(next.send(record("cake"))).await.unwrap());
            in_time(next.flush()).await.unwrap();
            assert_eq!(in_the_log(&kafka), 1);
            // It dies: nothing aborts what is open.
            std::mem::forget(next);

            let second = two_phase(&kafka);
            assert_eq!(completed(&second, stored).await, CompletedTxn::NotOpen);
            assert!(committed(&kafka).is_empty(), "{:?}", committed(&kafka));
            goes_on(&second).await;
            assert_eq!(committed(&kafka), ["next"]);
        }
    }
}

#[tokio::test]
async fn a_producer_that_was_replaced_cannot_end_what_it_has_prepared() {
    let kafka = kafka(TwoPhaseCommit::On, 2).await;
    let first = two_phase(&kafka);
    in_time(first.init_transactions()).await.unwrap();
    let zombie = prepared(&first, "tea").await;
    let second = two_phase(&kafka);
    assert_eq!(completed(&second, None).await, CompletedTxn::NotOpen);
    let refused = in_time(zombie.commit()).await;
    assert!(refused.is_err());
    goes_on(&second).await;
    assert_eq!(committed(&kafka), ["next"]);
}

#[tokio::test]
async fn what_was_completed_cannot_be_ended_again_and_ends_nothing_else() {
    for is_committed in [true, false] {
        let kafka = kafka(TwoPhaseCommit::On, 2).await;
        let producer = two_phase(&kafka);
        in_time(producer.init_transactions()).await.unwrap();
        let completed_since = prepared(&producer, "tea").await;
        assert_eq!(completed(&producer, None).await, CompletedTxn::NotOpen);
        let next = in_time(producer.begin_transaction()).await.unwrap();
        drop(in_time(next.send(record("cake"))).await.unwrap());
        in_time(next.flush()).await.unwrap();
        let refused = match is_committed {
            true => in_time(completed_since.commit()).await,
            false => in_time(completed_since.abort()).await,
        };
        assert!(
            matches!(refused, Err(TransactionError::Misused(Misuse::NotPrepared))),
            "{refused:?}"
        );
        assert!(committed(&kafka).is_empty());
        in_time(next.commit()).await.unwrap();
        assert_eq!(committed(&kafka), ["cake"]);
    }
}

#[tokio::test]
async fn dropped_it_stays_prepared_and_its_producer_can_still_complete_it() {
    for two_phase_commit in TAKING_PART {
        let kafka = kafka(two_phase_commit, 2).await;
        let producer = two_phase(&kafka);
        in_time(producer.init_transactions()).await.unwrap();
        for (value, is_stored) in [("tea", true), ("cake", false)] {
            let state = prepared(&producer, value).await.state();
            let refused = in_time(producer.begin_transaction()).await.map(drop);
            let prepared = Misuse::TransactionPrepared;
            assert!(matches!(refused, Err(TransactionError::Misused(why)) if why == prepared));
            let expected = match is_stored {
                true => CompletedTxn::Committed,
                false => CompletedTxn::NotOpen,
            };
            let stored = Some(state).filter(|_| is_stored);
            assert_eq!(completed(&producer, stored).await, expected);
        }
        goes_on(&producer).await;
        assert_eq!(committed(&kafka), ["next", "tea"]);
    }
}

#[tokio::test]
async fn whoever_stops_waiting_for_it_to_be_prepared_has_it_aborted() {
    let kafka = kafka(TwoPhaseCommit::On, 2).await;
    let producer = two_phase(&kafka);
    in_time(producer.init_transactions()).await.unwrap();
    goes_on(&producer).await;
    let broker = BrokerId(1);
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    // From here on nothing is answered, and so nothing can be prepared.
    kafka.with_cluster(|cluster| cluster.freeze_broker(broker).unwrap());
    drop(in_time(transaction.send(record("tea"))).await.unwrap());
    let waiting = tokio::time::timeout(Duration::ZERO, transaction.prepare());
    assert!(waiting.await.is_err(), "it is polled once and dropped");
    kafka.with_cluster(|cluster| cluster.thaw_broker(broker).unwrap());
    goes_on(&producer).await;
    assert_eq!(committed(&kafka), ["next", "next"]);
}

#[tokio::test]
async fn a_record_that_fails_keeps_its_transaction_from_being_prepared() {
    let kafka = kafka(TwoPhaseCommit::On, 2).await;
    let producer = two_phase(&kafka);
    in_time(producer.init_transactions()).await.unwrap();
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    kafka.inject(Fault::refuse(denied).api(ApiKey::PRODUCE).times(1));
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record("tea"))).await.unwrap());
    let refused = in_time(transaction.prepare()).await.map(drop);
    assert!(
        matches!(refused, Err(TransactionError::Abortable(_))),
        "{refused:?}"
    );
    goes_on(&producer).await;
    assert_eq!(committed(&kafka), ["next"]);
}

#[tokio::test]
async fn brokers_that_do_not_take_part_are_refused_with_what_is_to_be_set() {
    for (two_phase_commit, level, expected) in [
        (
            TwoPhaseCommit::NotOffered,
            2,
            "unstable.api.versions.enable=true",
        ),
        (TwoPhaseCommit::On, 1, "transaction.version is 2"),
        (
            TwoPhaseCommit::Off,
            2,
            "brokers need transaction.two.phase.commit.enable=true",
        ),
    ] {
        let kafka = kafka(two_phase_commit, level).await;
        let producer = two_phase(&kafka);
        for _ in 0..2 {
            let told = [
                in_time(producer.init_transactions()).await,
                in_time(producer.complete_transaction(None)).await.map(drop),
            ];
            for refused in told {
                let Err(TransactionError::NoTwoPhaseCommit(why)) = refused else {
                    panic!("{two_phase_commit:?}: {refused:?}");
                };
                assert!(why.to_string().contains(expected), "{why}");
                let is_refused = matches!(why, NoTwoPhaseCommit::Refused { .. });
                assert_eq!(is_refused, two_phase_commit == TwoPhaseCommit::Off);
            }
        }
    }
}

#[tokio::test]
async fn without_the_setting_nothing_is_prepared() {
    let kafka = kafka(TwoPhaseCommit::On, 2).await;
    let producer = producer(&kafka, &[("transactional.id", "outbox")]);
    let misused = |refused: Result<(), TransactionError>| {
        assert!(
            matches!(refused, Err(TransactionError::Misused(Misuse::NotTwoPhase))),
            "{refused:?}"
        );
    };
    misused(in_time(producer.complete_transaction(None)).await.map(drop));
    in_time(producer.init_transactions()).await.unwrap();
    let transaction = in_time(producer.begin_transaction()).await.unwrap();
    drop(in_time(transaction.send(record("tea"))).await.unwrap());
    misused(in_time(transaction.prepare()).await.map(drop));
    goes_on(&producer).await;
    assert_eq!(committed(&kafka), ["next"]);
}

#[test]
fn without_async_it_is_the_same() {
    let config = ClusterConfig::default().with_two_phase_commit(TwoPhaseCommit::On);
    let described = MockCluster::builder().config(config).topic(TOPIC, 1);
    let kafka = described.start_blocking().unwrap();
    let build = || -> blocking::Producer<str, str> {
        let builder = blocking::Producer::builder().set("transactional.id", "outbox");
        let builder = builder.bootstrap_servers([kafka.bootstrap_servers()]);
        builder.set(ENABLED.0, ENABLED.1).build().unwrap()
    };
    let first = build();
    assert_eq!(
        first.complete_transaction(None).unwrap(),
        CompletedTxn::NotOpen
    );
    let transaction = first.begin_transaction().unwrap();
    transaction.send_and_forget(record("tea")).unwrap();
    let stored = transaction.prepare().unwrap().state();
    first.close(TIME_LIMIT).unwrap();
    let second = build();
    let how = second.complete_transaction(Some(stored)).unwrap();
    assert_eq!(how, CompletedTxn::Committed);
    assert_eq!(committed(&kafka), ["tea"]);
    let transaction = second.begin_transaction().unwrap();
    transaction.send_and_forget(record("cake")).unwrap();
    transaction.prepare().unwrap().commit().unwrap();
    assert_eq!(committed(&kafka), ["cake", "tea"]);
}
