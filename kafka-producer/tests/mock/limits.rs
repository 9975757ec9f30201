//! Limits that are real: sizes and memory.

use kafka_producer::{SendError, TrySendError};

use crate::scene::{TOPIC, record, scene};

#[test]
fn memory_that_held_records_take_is_missing_at_once_and_comes_back() {
    let (producer, broker) = scene(&[("buffer.memory", "40000"), ("batch.size", "16384")]);
    let value = "x".repeat(10_000);
    broker.hold();
    let send = || pollster::block_on(producer.send(record(0, &value)));
    let mut held = Vec::new();
    let error = loop {
        match send() {
            Ok(delivery) => held.push(delivery),
            Err(error) => break error,
        }
        assert!(held.len() < 10, "40 kB are not enough for 100 kB");
    };
    assert!(
        matches!(error, SendError::BufferExhausted { .. }),
        "{error}"
    );
    let refused = producer.try_send(record(0, &value)).unwrap_err();
    assert!(matches!(refused, TrySendError::WouldWait(..)), "{refused}");
    assert!(broker.complete_next());
    drop(send().unwrap());
    broker.release();
    assert!(held.into_iter().all(|delivery| delivery.wait().is_ok()));
    assert_eq!(producer.memory_in_use(), 0);
}

#[test]
fn a_record_that_is_too_large_is_refused() {
    let (producer, broker) = scene(&[("max.request.size", "1000")]);
    let refused = pollster::block_on(producer.send(record(0, &"x".repeat(1_000)))).unwrap_err();
    let SendError::RecordTooLarge { setting, limit, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!((setting, limit), ("max.request.size", 1_000));
    assert!(broker.history().is_empty());
    assert_eq!(broker.records(TOPIC).len(), 0);
}
