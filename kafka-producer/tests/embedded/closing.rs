//! The end: what `close` delivers, gives up and reports, and what happens without it.

use std::time::Duration;

use kafka_mock::cluster::{BrokerId, Effect, Fault, When};
use kafka_producer::error::Cause;
use kafka_producer::{CloseReport, Persistence, SendError, TrySendError};
use kafka_wire::ApiKey;

use crate::scene::{
    FOR_EVER, TIME_LIMIT, TOPIC, in_time, is_ready, kafka, lose_the_broker, numbers, producer,
    record, until_told, values,
};

/// Who waited for this would wait for longer than a test may take.
const LATE: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn close_delivers_what_lingers_and_says_so() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    let sent = numbers(10);
    for value in &sent {
        drop(in_time(producer.send(record(value))).await.unwrap());
    }
    assert!(producer.memory_in_use() > 0);
    let report = in_time(producer.close(LATE)).await.unwrap();
    assert_eq!(
        (report.delivered, report.failed, report.unknown),
        (10, 0, 0)
    );
    assert!(report.is_clean());
    assert_eq!(values(&kafka), sent);
    assert_eq!(producer.memory_in_use(), 0);
}

#[tokio::test]
async fn close_of_an_unused_producer_returns_at_once() {
    let settings = [("bootstrap.servers", "127.0.0.1:1")];
    let producer = crate::scene::builder("127.0.0.1:1", &settings)
        .build()
        .unwrap();
    assert_eq!(
        in_time(producer.close(LATE)).await.unwrap(),
        CloseReport::default()
    );
}

#[tokio::test]
async fn closing_twice_is_allowed() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    drop(in_time(producer.send(record("tea"))).await.unwrap());
    let (one, other) = tokio::join!(producer.close(LATE), producer.close(LATE));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one.is_clean() && other.is_clean());
    assert_eq!(one.delivered, 1);
    assert!(in_time(producer.close(LATE)).await.unwrap().is_clean());
    in_time(producer.flush()).await.unwrap();
}

#[tokio::test]
async fn a_closed_producer_accepts_nothing_by_any_handle() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let other = producer.clone();
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    in_time(producer.close(LATE)).await.unwrap();
    let error = in_time(other.send(record("late"))).await.unwrap_err();
    assert!(matches!(error, SendError::Closed), "{error}");
    assert_eq!(error.to_string(), "the producer is closed");
    let refused = other.try_send(record("late")).unwrap_err();
    assert!(
        matches!(refused, TrySendError::Refused(SendError::Closed)),
        "{refused}"
    );
    let unknown = in_time(other.warm_up(["unknown"])).await.unwrap_err();
    assert!(matches!(unknown, SendError::Closed), "{unknown}");
    assert!(values(&kafka).is_empty());
}

#[tokio::test]
async fn close_refuses_the_sends_that_still_wait() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let waiting = producer.clone();
    let waits = tokio::spawn(async move {
        let record = kafka_producer::ProducerRecord::new("unknown", "tea");
        waiting.send(record).await.map(drop)
    });
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    in_time(producer.close(LATE)).await.unwrap();
    let error = in_time(waits).await.unwrap().unwrap_err();
    assert!(matches!(error, SendError::Closed), "{error}");
}

#[tokio::test]
async fn a_producer_that_is_dropped_delivers_what_it_accepted() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    let sent = numbers(100);
    let mut last = None;
    for value in &sent {
        last = Some(in_time(producer.send(record(value))).await.unwrap());
    }
    drop(producer);
    assert_eq!(in_time(last.unwrap()).await.unwrap().offset, Some(99));
    assert_eq!(values(&kafka), sent);
}

#[tokio::test]
async fn what_was_never_sent_fails_as_not_persisted_when_the_deadline_of_close_comes() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("linger.ms", "0"), ("max.block.ms", "300")]);
    is_ready(&producer).await;
    lose_the_broker(&kafka, &producer).await;
    let delivery = producer.try_send(record("tea")).unwrap();
    let report = in_time(producer.close(Duration::from_millis(300)))
        .await
        .unwrap();
    assert_eq!((report.delivered, report.failed, report.unknown), (0, 1, 0));
    assert!(!report.is_clean());
    let error = in_time(delivery).await.unwrap_err();
    assert_eq!(*error.cause(), Cause::Closed);
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    assert_eq!(producer.memory_in_use(), 0);
}

#[tokio::test]
async fn what_was_sent_without_an_answer_is_unknown_when_the_deadline_of_close_comes() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("linger.ms", "0")]);
    kafka.inject(Fault::new(Effect::Silence(When::AfterHandling)).api(ApiKey::PRODUCE));
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    in_time(kafka.wait_for_records(TOPIC, 1, TIME_LIMIT))
        .await
        .unwrap();
    let report = in_time(producer.close(Duration::from_millis(300)))
        .await
        .unwrap();
    assert_eq!((report.delivered, report.failed, report.unknown), (0, 0, 1));
    let error = in_time(delivery).await.unwrap_err();
    assert_eq!(*error.cause(), Cause::Closed);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert!(error.to_string().contains("may be in the log"), "{error}");
    assert_eq!(producer.memory_in_use(), 0);
}

#[tokio::test]
async fn closing_goes_on_when_its_future_is_dropped() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    // While there is no broker it cannot be done already.
    kafka.kill_broker(BrokerId(1)).unwrap();
    {
        let close = std::pin::pin!(producer.close(LATE));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(close.poll(&mut context).is_pending());
    }
    kafka.restart_broker(BrokerId(1)).unwrap();
    assert!(in_time(delivery).await.is_ok());
    assert!(matches!(
        in_time(producer.send(record("late"))).await,
        Err(SendError::Closed)
    ));
}

#[tokio::test]
async fn closing_again_after_the_connection_has_broken_ends_well() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[("linger.ms", "0")]);
    let first = in_time(producer.send(record("tea"))).await.unwrap();
    in_time(first).await.unwrap();
    kafka.inject(Fault::new(Effect::Silence(When::BeforeHandling)).api(ApiKey::PRODUCE));
    let delivery = in_time(producer.send(record("coffee"))).await.unwrap();

    let number = |name| {
        let metrics = producer.metrics();
        metrics.number("producer-metrics", name, &[]).unwrap()
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut close = std::pin::pin!(producer.close(LATE));
    assert!(close.as_mut().poll(&mut context).is_pending());
    kafka.kill_broker(BrokerId(1)).unwrap();
    until_told(async || (number("connection-close-total") > 0.0).then_some(())).await;
    let mut again = std::pin::pin!(producer.close(LATE));
    assert!(again.as_mut().poll(&mut context).is_pending());
    kafka.restart_broker(BrokerId(1)).unwrap();

    assert!(in_time(close).await.unwrap().is_clean());
    assert!(in_time(again).await.unwrap().is_clean());
    assert!(in_time(delivery).await.is_ok());
    assert_eq!(number("connection-count"), 0.0);
    assert_eq!(number("requests-in-flight"), 0.0);
}
