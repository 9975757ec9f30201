//! Settings that shape requests, and the sizes at their edges.

use kafka_producer::error::Cause;
use kafka_producer::{ErrorCode, Persistence, ProducerRecord, SendError};

use crate::cluster::{TIME_LIMIT, create_topic, in_time, producer};
use crate::tools::{kcat, wait_for};

/// The values in a topic of one partition, in their order.
fn values(topic: &str) -> Vec<String> {
    kcat(topic)
        .iter()
        .map(|record| record.text().to_owned())
        .collect()
}

/// Sends one record to a new topic until its leader has acknowledged it. Metadata may name a leader that has
/// not opened its log yet; what is sent to it with `acks=0` is lost, and nobody can be told.
async fn open_log(topic: &str, value: &str) {
    let producer = producer(&[]);
    let sent = in_time(producer.send(ProducerRecord::new(topic, value))).await;
    assert_eq!(in_time(sent.unwrap()).await.unwrap().offset, Some(0));
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
}

/// Sends these values with these settings into a new topic of one partition, and reads it.
async fn round_trip(what: &str, settings: &[(&str, &str)], sent: &[String]) {
    let topic = create_topic(what, 1, &[]);
    let (first, later) = sent.split_first().unwrap();
    open_log(&topic, first).await;
    let producer = producer(settings);
    let mut last = None;
    for value in later {
        last = Some(
            in_time(producer.send(ProducerRecord::new(&topic, value)))
                .await
                .unwrap(),
        );
    }
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean(), "{settings:?}: {report:?}");
    let offset = in_time(last.unwrap()).await.unwrap().offset;
    let known = (sent.len() as i64) - 1;
    let expected = (settings[0] != ("acks", "0")).then_some(known);
    assert_eq!(offset, expected, "{settings:?}");
    wait_for(&topic, sent.len());
    assert!(
        values(&topic) == sent,
        "{settings:?}: what was read is not what was sent"
    );
    assert_eq!(producer.memory_in_use(), 0);
}

fn numbered(count: usize, filler: &str) -> Vec<String> {
    (0..count)
        .map(|number| format!("{number} {filler}"))
        .collect()
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn every_kind_of_acknowledgement_delivers_all_records_in_order() {
    let sent = numbered(1_000, "record");
    for (acks, idempotence) in [
        ("0", "false"),
        ("1", "false"),
        ("all", "false"),
        ("all", "true"),
    ] {
        let settings = [("acks", acks), ("enable.idempotence", idempotence)];
        round_trip("acks", &settings, &sent).await;
    }
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn every_size_of_batches_delivers_all_records_in_order() {
    let sent = numbered(300, "record");
    round_trip("linger-0", &[("linger.ms", "0")], &sent).await;
    round_trip("alone", &[("batch.size", "0")], &sent).await;
    let large = numbered(60, &"x".repeat(100_000));
    let settings = [("batch.size", "1000000"), ("linger.ms", "200")];
    round_trip("megabytes", &settings, &large).await;
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn the_largest_record_that_max_request_size_allows_is_delivered_and_the_next_is_refused() {
    let topic = create_topic("largest", 1, &[]);
    let producer = producer(&[]);
    let (limit, mut length) = (1_048_576, 1_048_576);
    let accepted = loop {
        let value = "x".repeat(length);
        match in_time(producer.send(ProducerRecord::new(&topic, &*value))).await {
            Ok(delivery) => break delivery,
            Err(SendError::RecordTooLarge {
                bytes,
                setting,
                limit: told,
                ..
            }) => {
                assert_eq!((setting, told), ("max.request.size", limit));
                assert!(bytes > limit);
                length -= 1;
            }
            Err(error) => panic!("{error}"),
        }
    };
    assert!(length > limit - 100, "{length}");
    assert_eq!(in_time(accepted).await.unwrap().offset, Some(0));
    assert_eq!(values(&topic)[0].len(), length);
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_record_over_max_message_bytes_fails_alone_in_the_midst_of_others() {
    for settings in [
        &[("batch.size", "0")][..],
        &[("batch.size", "0"), ("enable.idempotence", "false")],
    ] {
        let topic = create_topic("too-large", 2, &[("max.message.bytes", "10000")]);
        let producer = producer(settings);
        let large = "x".repeat(20_000);
        let mut deliveries = Vec::new();
        let mut good = Vec::new();
        for number in 0..40 {
            let value = if number % 10 == 5 {
                large.clone()
            } else {
                format!("{number:02}")
            };
            let record = ProducerRecord::new(&topic, &*value).partition(number % 2);
            deliveries.push((number, in_time(producer.send(record)).await.unwrap()));
            if number % 10 != 5 {
                good.push(value);
            }
        }
        for (number, delivery) in deliveries {
            match in_time(delivery).await {
                Ok(_) => assert_ne!(number % 10, 5, "{number} is too large"),
                Err(error) => {
                    assert_eq!(number % 10, 5, "{number}: {error}");
                    assert_eq!(error.code(), Some(ErrorCode::MESSAGE_TOO_LARGE), "{error}");
                    assert_eq!(error.persistence(), Persistence::NotPersisted, "{error}");
                    let message = error.to_string();
                    assert!(message.contains("MESSAGE_TOO_LARGE"), "{message}");
                    assert!(
                        message.ends_with("the record is not in the log"),
                        "{message}"
                    );
                }
            }
        }
        let mut read = values(&topic);
        read.sort();
        assert_eq!(read, good, "{settings:?}");
        in_time(producer.close(TIME_LIMIT)).await.unwrap();
        assert_eq!(producer.memory_in_use(), 0);
    }
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_record_without_a_key_in_a_compacted_topic_is_told_from_those_that_were_with_it() {
    let topic = create_topic("compacted", 1, &[("cleanup.policy", "compact")]);
    let producer = producer(&[("linger.ms", "60000")]);
    let mut deliveries = Vec::new();
    for number in 0..4 {
        let record = ProducerRecord::new(&topic, "tea");
        let record = match number {
            2 => record,
            _ => record.key("customer"),
        };
        deliveries.push(in_time(producer.send(record)).await.unwrap());
    }
    in_time(producer.flush()).await.unwrap();
    for (number, delivery) in deliveries.into_iter().enumerate() {
        let error = in_time(delivery).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::INVALID_RECORD), "{error}");
        assert_eq!(error.persistence(), Persistence::NotPersisted);
        let is_to_blame = matches!(error.cause(), Cause::Refused { .. });
        assert_eq!(is_to_blame, number == 2, "{number}: {error}");
        assert!(error.to_string().contains("without key"), "{error}");
    }
}
