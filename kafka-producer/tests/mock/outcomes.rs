//! What the test says of records, and what the application is told.

use std::time::Duration;

use kafka_producer::error::Cause;
use kafka_producer::mock::{Failure, MockOutcome};
use kafka_producer::{
    ErrorCode, FatalError, Persistence, Producer, ProducerRecord, SendError, Standing, Status,
    blocking,
};

use crate::scene::{TOPIC, record, scene, sent, values};

#[test]
fn records_are_stored_at_once_with_an_offset_of_their_partition() {
    let (producer, broker) = scene(&[]);
    let offset = |partition| {
        let delivery = producer.try_send(record(partition, "tea")).unwrap();
        assert_eq!(
            (&**delivery.topic(), delivery.partition()),
            (TOPIC, partition)
        );
        delivery.try_outcome().unwrap().unwrap().offset
    };
    let offsets = [0, 1, 0, 2, 0].map(offset);
    assert_eq!(offsets, [0, 0, 1, 0, 2].map(Some));
    assert_eq!(broker.records(TOPIC).len(), 5);
    assert!(broker.records("payments").is_empty());
    assert_eq!(broker.held(), 0);
}

#[test]
fn every_way_to_send_works_without_a_runtime() {
    let (producer, broker) = scene(&[("linger.ms", "86400000")]);
    pollster::block_on(async {
        producer.connect().await.unwrap();
        producer.warm_up([TOPIC]).await.unwrap();
        producer.send(record(0, "a")).await.unwrap().await.unwrap();
        producer.send_and_forget(record(0, "b")).await.unwrap();
        producer.send_with(record(0, "c"), |_| {}).await.unwrap();
        let permit = producer.reserve(TOPIC, 100).await.unwrap();
        drop(permit.send(record(0, "d")).unwrap());
        let sent = producer.send_all([record(0, "e"), record(1, "f")]).await;
        assert!(sent.outcomes.iter().all(Result::is_ok));
        producer.flush().await.unwrap();
        let report = producer.close(Duration::from_secs(60)).await.unwrap();
        assert!(report.is_clean());
    });
    assert_eq!(
        values(&broker.records(TOPIC)),
        ["a", "b", "c", "d", "e", "f"]
    );
    assert!(broker.is_closed());
}

#[test]
fn a_blocking_producer_is_built_in_the_same_way() {
    let builder = blocking::Producer::<str, str>::builder();
    let (producer, broker) = builder.build_mock([(TOPIC, 1)]).unwrap();
    let metadata = producer.send(record(0, "tea")).unwrap().wait().unwrap();
    assert_eq!(metadata.offset, broker.records(TOPIC)[0].offset());
    let closed = producer.close(Duration::ZERO).unwrap();
    assert!(closed.is_clean());
}

#[test]
fn with_acks_0_nobody_is_told_an_offset() {
    let (producer, broker) = scene(&[("acks", "0"), ("enable.idempotence", "false")]);
    let metadata = sent(&producer, "tea").wait().unwrap();
    assert_eq!(metadata.offset, None);
    assert_eq!(broker.records(TOPIC)[0].offset(), Some(0));
}

#[test]
fn held_records_are_stored_one_by_one_in_their_order() {
    let (producer, broker) = scene(&[]);
    broker.hold();
    let deliveries = ["a", "b", "c"].map(|value| sent(&producer, value));
    let statuses = || deliveries.each_ref().map(kafka_producer::Delivery::status);
    let (pending, delivered) = (Status::Pending, Status::Delivered);
    assert_eq!(statuses(), [pending; 3]);
    assert!(broker.complete_next());
    assert_eq!(statuses(), [delivered, pending, pending]);
    broker.fail_next(Failure::expired());
    assert_eq!(statuses(), [delivered, Status::Failed, pending]);
    broker.release();
    assert_eq!(statuses(), [delivered, Status::Failed, delivered]);
    assert!(!broker.complete_next());
    assert_eq!(values(&broker.records(TOPIC)), ["a", "c"]);
    assert_eq!(values(&broker.history()), ["a", "b", "c"]);
    assert!(matches!(
        broker.history()[1].outcome,
        MockOutcome::Failed(_)
    ));
    assert_eq!(sent(&producer, "d").wait().unwrap().offset, Some(2));
}

#[test]
fn failures_are_for_the_next_records_and_leave_no_gap() {
    let (producer, broker) = scene(&[]);
    let (large, invalid) = (ErrorCode::MESSAGE_TOO_LARGE, ErrorCode::INVALID_RECORD);
    broker.fail_next(Failure::refused(large));
    broker.fail_next(Failure::retries_exhausted(invalid).possibly_persisted());
    let [first, second, third] = ["a", "b", "c"].map(|value| sent(&producer, value).wait());
    let (first, second) = (first.unwrap_err(), second.unwrap_err());
    assert!(matches!(first.cause(), Cause::Refused { .. }), "{first}");
    assert_eq!(first.code(), Some(large));
    assert_eq!(first.persistence(), Persistence::NotPersisted);
    assert_eq!(
        (&*first.history().topic, first.history().partition),
        (TOPIC, 0)
    );
    assert!(matches!(second.cause(), Cause::RetriesExhausted { .. }));
    assert_eq!(second.persistence(), Persistence::PossiblyPersisted);
    assert_eq!(third.unwrap().offset, Some(0));
}

#[test]
fn a_flush_waits_for_what_is_held_and_for_nothing_else() {
    let (producer, broker) = scene(&[]);
    pollster::block_on(producer.flush()).unwrap();
    broker.hold();
    let delivery = sent(&producer, "tea");
    let mut flush = Box::pin(producer.flush());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(flush.as_mut().poll(&mut context).is_pending());
    assert!(broker.complete_next());
    assert!(flush.as_mut().poll(&mut context).is_ready());
    assert_eq!(delivery.status(), Status::Delivered);
}

#[test]
fn a_close_gives_up_what_is_held_at_once() {
    let (producer, broker) = scene(&[]);
    drop(sent(&producer, "a"));
    broker.hold();
    let held = sent(&producer, "b");
    let report = pollster::block_on(producer.close(Duration::from_secs(3_600))).unwrap();
    assert_eq!((report.delivered, report.failed, report.unknown), (0, 0, 1));
    assert_eq!(held.wait().unwrap_err().cause(), &Cause::Closed);
    assert!(broker.is_closed());
    let refused = pollster::block_on(producer.send(record(0, "c"))).unwrap_err();
    assert!(matches!(refused, SendError::Closed), "{refused}");
    let again = pollster::block_on(producer.close(Duration::ZERO)).unwrap();
    assert!(again.is_clean());
    assert_eq!(broker.history().len(), 2, "they are shown after the close");
}

#[test]
fn the_drop_of_the_last_handle_closes_at_once_and_frees_everything() {
    let (producer, broker) = scene(&[]);
    let clone = producer.clone();
    drop(producer);
    assert!(!broker.is_closed());
    broker.hold();
    let held = sent(&clone, "a");
    drop(clone);
    assert!(broker.is_closed());
    assert_eq!(held.wait().unwrap_err().cause(), &Cause::Closed);
}

#[test]
fn a_producer_that_is_fenced_fails_and_so_does_what_is_held() {
    let (producer, broker) = scene(&[]);
    broker.hold();
    let held = sent(&producer, "a");
    broker.fence();
    let error = held.wait().unwrap_err();
    assert!(matches!(
        error.cause(),
        Cause::Fatal(FatalError::Fenced { .. })
    ));
    let refused = pollster::block_on(producer.send(record(0, "b"))).unwrap_err();
    assert!(matches!(
        refused,
        SendError::Fatal(FatalError::Fenced { .. })
    ));
    let standing = pollster::block_on(producer.explain(TOPIC, 0))
        .unwrap()
        .standing;
    assert!(matches!(standing, Standing::Failed(_)), "{standing:?}");
    let report = pollster::block_on(producer.close(Duration::ZERO)).unwrap();
    assert!(report.is_clean());
}

#[test]
fn a_topic_that_is_refused_or_unknown_is_told_without_waiting() {
    let (producer, broker) = scene(&[]);
    let send = |topic: &str| {
        let record = ProducerRecord::new(topic, "tea");
        pollster::block_on(producer.send_and_forget(record))
    };
    let unknown = send("payments").unwrap_err();
    assert!(
        matches!(unknown, SendError::TopicUnknown { .. }),
        "{unknown}"
    );
    assert_eq!(unknown.code(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    broker.refuse_topic(TOPIC, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    let refused = send(TOPIC).unwrap_err();
    assert!(
        matches!(refused, SendError::TopicRefused { .. }),
        "{refused}"
    );
    assert_eq!(refused.code(), Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    broker.allow_topic(TOPIC);
    send(TOPIC).unwrap();
    let outside = pollster::block_on(producer.send_and_forget(record(3, "tea"))).unwrap_err();
    let SendError::PartitionOutOfRange { partitions: 3, .. } = outside else {
        panic!("{outside}");
    };
}

#[test]
fn why_a_record_is_held_can_be_asked() {
    let (producer, broker) = scene(&[]);
    let explain = || {
        pollster::block_on(producer.explain(TOPIC, 0))
            .unwrap()
            .standing
    };
    assert_eq!(explain(), Standing::Nothing);
    broker.hold();
    drop(["a", "b"].map(|value| sent(&producer, value)));
    assert!(matches!(explain(), Standing::Waiting { records: 2, .. }));
}

#[test]
fn a_bad_configuration_is_refused_as_by_build() {
    let built = Producer::<str, str>::builder()
        .set("acks", "2")
        .build_mock([(TOPIC, 1)]);
    assert!(built.unwrap_err().to_string().contains("acks"));
}

#[test]
fn without_a_key_the_choice_of_partitions_is_the_same_in_each_run() {
    let partitions = || {
        let builder = Producer::<str, str>::builder().set("batch.size", "200");
        let (producer, broker) = builder.build_mock([(TOPIC, 30)]).unwrap();
        for _ in 0..100 {
            drop(
                producer
                    .try_send(ProducerRecord::new(TOPIC, "tea"))
                    .unwrap(),
            );
        }
        let records = broker.records(TOPIC).into_iter();
        records.map(|record| record.partition).collect::<Vec<_>>()
    };
    let first = partitions();
    assert!(
        first.iter().any(|partition| *partition != first[0]),
        "{first:?}"
    );
    assert_eq!(first, partitions());
}
