//! What brokers refuse, lose and delay: worth another attempt or not, and what is said in the end.

use std::time::{Duration, Instant};

use kafka_mock::MockCluster;
use kafka_mock::cluster::{BrokerId, Effect, Fault, When};
use kafka_producer::error::Cause;
use kafka_producer::{Delivery, ErrorCode, Persistence, Producer};
use kafka_wire::ApiKey;

use crate::scene::{
    TIME_LIMIT, TOPIC, in_time, is_ready, kafka, lose_the_broker, numbers, producer, record, text,
    until_told, values,
};

/// Attempts follow each other quickly, so that tests do.
const QUICK: [(&str, &str); 3] = [
    ("retry.backoff.ms", "5"),
    ("retry.backoff.max.ms", "20"),
    ("linger.ms", "0"),
];

async fn send(producer: &Producer<str, str>, value: &str) -> Delivery {
    in_time(producer.send(record(value))).await.unwrap()
}

fn asked(kafka: &MockCluster, api: ApiKey) -> usize {
    let seen = kafka.requests().into_iter();
    seen.filter(|seen| seen.api == api).count()
}

#[tokio::test]
async fn what_is_refused_for_a_while_is_sent_again_in_order_and_once() {
    for code in [
        ErrorCode::CORRUPT_MESSAGE,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::LEADER_NOT_AVAILABLE,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::REPLICA_NOT_AVAILABLE,
        ErrorCode::NETWORK_EXCEPTION,
        ErrorCode::NOT_ENOUGH_REPLICAS,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode::FENCED_LEADER_EPOCH,
        ErrorCode::UNKNOWN_LEADER_EPOCH,
    ] {
        let kafka = kafka(1, 1).await;
        kafka.inject(Fault::refuse(code).partition(TOPIC, 0).after(1).times(3));
        let producer = producer(&kafka, &QUICK);
        let sent = numbers(60);
        for value in &sent {
            drop(send(&producer, value).await);
        }
        let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
        assert!(report.is_clean(), "{code}: {report:?}");
        assert_eq!(values(&kafka), sent, "{code}");
    }
}

#[tokio::test]
async fn what_was_appended_but_reported_as_failed_is_not_appended_again() {
    for code in [
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode::KAFKA_STORAGE_ERROR,
    ] {
        let kafka = kafka(1, 1).await;
        kafka.inject(Fault::misreport(code).partition(TOPIC, 0).times(3));
        let producer = producer(&kafka, &QUICK);
        let sent = numbers(60);
        let mut deliveries = Vec::new();
        for value in &sent {
            deliveries.push(send(&producer, value).await);
        }
        for (offset, delivery) in (0..).zip(deliveries) {
            assert_eq!(
                in_time(delivery).await.unwrap().offset,
                Some(offset),
                "{code}"
            );
        }
        assert_eq!(values(&kafka), sent, "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_duplicate() {
    let kafka = kafka(1, 1).await;
    let lost = Fault::disconnect(When::AfterHandling).api(ApiKey::PRODUCE);
    kafka.inject(lost.after(1).times(2));
    let producer = producer(&kafka, &QUICK);
    let sent = numbers(100);
    for value in &sent {
        drop(send(&producer, value).await);
    }
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
    assert_eq!(values(&kafka), sent);
}

#[tokio::test]
async fn what_is_refused_for_good_fails_as_itself_and_the_next_record_goes() {
    for code in [
        ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        ErrorCode::INVALID_TOPIC_EXCEPTION,
        ErrorCode::INVALID_REQUIRED_ACKS,
        ErrorCode::INVALID_TIMESTAMP,
        ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT,
        ErrorCode::POLICY_VIOLATION,
        ErrorCode::INVALID_RECORD,
    ] {
        let kafka = kafka(1, 1).await;
        kafka.inject(Fault::refuse(code));
        let producer = producer(&kafka, &QUICK);
        let refused = send(&producer, "refused").await;
        let error = in_time(refused).await.unwrap_err();
        assert!(
            matches!(error.cause(), Cause::Refused { code: told, .. } if *told == code),
            "{error}"
        );
        assert_eq!(error.persistence(), Persistence::NotPersisted);
        assert_eq!((error.code(), error.history().attempts), (Some(code), 1));
        assert_eq!(error.history().broker, Some(1));
        assert!(error.to_string().starts_with("orders-0: "), "{error}");
        let next = send(&producer, "next").await;
        assert!(in_time(next).await.is_ok(), "after {code}");
        assert_eq!(values(&kafka), ["next"], "after {code}");
    }
}

#[tokio::test]
async fn a_leader_that_moved_is_asked_for_and_found() {
    let kafka = kafka(3, 1).await;
    let producer = producer(&kafka, &[("linger.ms", "0")]);
    let before = send(&producer, "before").await;
    in_time(before).await.unwrap();
    let leader = kafka
        .with_cluster(|cluster| cluster.leader(TOPIC, 0))
        .unwrap()
        .unwrap();
    kafka
        .move_leader(TOPIC, 0, BrokerId(leader.0 % 3 + 1))
        .unwrap();
    let questions = asked(&kafka, ApiKey::METADATA);
    let after = send(&producer, "after").await;
    // Without a question it takes five minutes.
    assert_eq!(in_time(after).await.unwrap().offset, Some(1));
    assert!(asked(&kafka, ApiKey::METADATA) <= questions + 3);
    assert_eq!(values(&kafka), ["before", "after"]);
}

#[tokio::test]
async fn records_follow_the_leaders_of_a_broker_that_dies() {
    let kafka = kafka(3, 6).await;
    let producer = producer(&kafka, &QUICK);
    let sent = numbers(600);
    for (at, value) in sent.iter().enumerate() {
        if at == 200 {
            kafka.kill_broker(BrokerId(2)).unwrap();
        }
        let record = record(value).partition((at % 6) as i32);
        drop(in_time(producer.send(record)).await.unwrap());
    }
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
    let log = kafka.records(TOPIC);
    for partition in 0..6 {
        let lies = log
            .iter()
            .filter(|record| record.partition == partition)
            .map(text);
        let expected = (0..100).map(|at| (at * 6 + partition).to_string());
        assert!(lies.eq(expected), "partition {partition}");
    }
}

#[tokio::test]
async fn a_silent_broker_does_not_stop_the_others() {
    let kafka = kafka(3, 3).await;
    // Who waited for the silent one would wait for longer than the test may take.
    let long_timeouts = [
        ("request.timeout.ms", "86400000"),
        ("delivery.timeout.ms", "90000000"),
    ];
    let producer = producer(&kafka, &[&QUICK[..], &long_timeouts].concat());
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    let silent = kafka
        .with_cluster(|cluster| cluster.leader(TOPIC, 1))
        .unwrap()
        .unwrap();
    let silence = Fault::new(Effect::Silence(When::BeforeHandling));
    kafka.inject(silence.api(ApiKey::PRODUCE).broker(silent).always());
    let stuck = in_time(producer.send(record("stuck").partition(1)))
        .await
        .unwrap();
    let sent = numbers(200);
    for (at, value) in sent.iter().enumerate() {
        let record = record(value).partition(if at % 2 == 0 { 0 } else { 2 });
        let delivery = in_time(producer.send(record)).await.unwrap();
        in_time(delivery).await.unwrap();
    }
    assert!(stuck.try_outcome().is_none());
    kafka
        .move_leader(TOPIC, 1, BrokerId(silent.0 % 3 + 1))
        .unwrap();
    in_time(producer.close(Duration::from_millis(100)))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_refused_until_delivery_timeout_ms_is_not_in_the_log() {
    let kafka = kafka(1, 1).await;
    kafka.inject(Fault::refuse(ErrorCode::NOT_ENOUGH_REPLICAS).always());
    let limits = [
        ("delivery.timeout.ms", "800"),
        ("request.timeout.ms", "500"),
    ];
    let producer = producer(&kafka, &[&QUICK[..], &limits].concat());
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    let error = until_told(async || {
        let started = Instant::now();
        let error = send(&producer, "tea").await.await.unwrap_err();
        assert!(started.elapsed() >= Duration::from_millis(790), "{error}");
        assert!(matches!(error.cause(), Cause::Expired { .. }), "{error}");
        // One that is just on its way when the time is up may be appended, on a busy machine.
        let refused_each_time = error.persistence() == Persistence::NotPersisted;
        (error.history().attempts > 1 && refused_each_time).then_some(error)
    })
    .await;
    let limit = Duration::from_millis(800);
    let expired =
        |cause: &Cause| matches!(cause, Cause::Expired { limit: told, .. } if *told == limit);
    assert!(expired(error.cause()), "{error}");
    assert_eq!(error.code(), Some(ErrorCode::NOT_ENOUGH_REPLICAS));
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    assert_eq!(
        error.history().last_error,
        Some(ErrorCode::NOT_ENOUGH_REPLICAS)
    );
    kafka.clear_faults();
    until_told(async || send(&producer, "next").await.await.ok()).await;
    assert!(values(&kafka).iter().all(|value| value == "next"));
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
    assert_eq!(producer.memory_in_use(), 0);
}

#[tokio::test]
async fn what_is_never_answered_until_delivery_timeout_ms_may_be_in_the_log() {
    let kafka = kafka(1, 1).await;
    let silence = Fault::new(Effect::Silence(When::AfterHandling));
    kafka.inject(silence.api(ApiKey::PRODUCE).always());
    let limits = [
        ("delivery.timeout.ms", "900"),
        ("request.timeout.ms", "300"),
    ];
    let producer = producer(&kafka, &[&QUICK[..], &limits].concat());
    // One that was not even sent in time is not in the log; the next may be.
    until_told(async || {
        let error = send(&producer, "tea").await.await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Expired { .. }), "{error}");
        (error.persistence() == Persistence::PossiblyPersisted).then_some(())
    })
    .await;
    let before = values(&kafka);
    assert!(!before.is_empty() && before.iter().all(|value| value == "tea"));
    kafka.clear_faults();
    until_told(async || send(&producer, "next").await.await.ok()).await;
    let after = values(&kafka).split_off(before.len());
    assert!(after.iter().all(|value| value == "next"), "{after:?}");
}

#[tokio::test]
async fn records_of_a_broker_that_is_away_expire_without_having_been_sent() {
    let kafka = kafka(1, 1).await;
    let limits = [
        ("delivery.timeout.ms", "700"),
        ("request.timeout.ms", "500"),
        ("max.block.ms", "300"),
    ];
    let producer = producer(&kafka, &[&QUICK[..], &limits].concat());
    is_ready(&producer).await;
    lose_the_broker(&kafka, &producer).await;
    let delivery = send(&producer, "tea").await;
    let error = in_time(delivery).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Expired { .. }), "{error}");
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    kafka.restart_broker(BrokerId(1)).unwrap();
    until_told(async || send(&producer, "next").await.await.ok()).await;
    assert!(values(&kafka).iter().all(|value| value == "next"));
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
    assert_eq!(producer.memory_in_use(), 0);
}

#[tokio::test]
async fn retries_that_are_used_up_end_with_the_last_error() {
    let kafka = kafka(1, 1).await;
    kafka.inject(Fault::refuse(ErrorCode::NOT_ENOUGH_REPLICAS).always());
    let limits = [("retries", "2"), ("enable.idempotence", "false")];
    let producer = producer(&kafka, &[&QUICK[..], &limits].concat());
    let delivery = send(&producer, "tea").await;
    let error = in_time(delivery).await.unwrap_err();
    let code = ErrorCode::NOT_ENOUGH_REPLICAS;
    let exhausted = matches!(error.cause(), Cause::RetriesExhausted { .. });
    assert!(exhausted && error.code() == Some(code), "{error}");
    assert_eq!(error.history().attempts, 3);
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    assert_eq!(asked(&kafka, ApiKey::PRODUCE), 3);
}

#[tokio::test]
async fn without_the_right_to_a_producer_id_records_fail_until_it_is_given() {
    let kafka = kafka(1, 1).await;
    let denied = Fault::refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    kafka.inject(denied.api(ApiKey::INIT_PRODUCER_ID).always());
    let producer = producer(&kafka, &QUICK);
    for value in ["tea", "next"] {
        let delivery = send(&producer, value).await;
        let error = in_time(delivery).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED));
        assert_eq!(error.persistence(), Persistence::NotPersisted);
    }
    kafka.clear_faults();
    let delivery = send(&producer, "at last").await;
    in_time(delivery).await.unwrap();
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert_eq!(producer.memory_in_use(), 0);
    assert_eq!(values(&kafka), ["at last"]);
}

#[tokio::test]
async fn a_broker_that_asks_for_a_pause_gets_it() {
    let kafka = kafka(1, 1).await;
    kafka.inject(Fault::throttle(Duration::from_millis(600)).api(ApiKey::PRODUCE));
    let producer = producer(&kafka, &QUICK);
    // The pause begins with the first answer.
    let started = Instant::now();
    for value in ["first", "second"] {
        let delivery = send(&producer, value).await;
        in_time(delivery).await.unwrap();
    }
    assert!(started.elapsed() >= Duration::from_millis(600));
}

#[tokio::test]
async fn connections_that_break_at_every_turn_lose_and_duplicate_nothing() {
    let kafka = kafka(3, 3).await;
    for at in 1..20 {
        let when = if at % 2 == 0 {
            When::BeforeHandling
        } else {
            When::AfterHandling
        };
        kafka.inject(Fault::disconnect(when).after(at));
    }
    let reconnect = [
        ("reconnect.backoff.ms", "1"),
        ("reconnect.backoff.max.ms", "5"),
    ];
    let producer = producer(&kafka, &[&QUICK[..], &reconnect].concat());
    let sent = numbers(600);
    for (at, value) in sent.iter().enumerate() {
        let record = record(value).partition((at % 3) as i32);
        drop(in_time(producer.send(record)).await.unwrap());
        if at % 20 == 0 {
            in_time(producer.flush()).await.unwrap();
        }
    }
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
    let log = kafka.records(TOPIC);
    for partition in 0..3 {
        let lies = log
            .iter()
            .filter(|record| record.partition == partition)
            .map(text);
        let expected = (0..200).map(|at| (at * 3 + partition).to_string());
        assert!(lies.eq(expected), "partition {partition}");
    }
}
