//! Topics that grow, or are made anew, while somebody writes to them.

use std::collections::BTreeSet;

use kafka_producer::error::{Cause, DeliveryError};
use kafka_producer::{ErrorCode, ProducerRecord, TrySendError, WaitsFor};

use crate::scene::{TOPIC, in_time, kafka, numbers, producer, record};

#[tokio::test]
async fn a_record_for_a_partition_that_is_added_meanwhile_waits_for_it() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    let early = producer.try_send(record("early").partition(1));
    assert!(matches!(
        early,
        Err(TrySendError::WouldWait(_, WaitsFor::Metadata))
    ));
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.send(record("tea").partition(1)).await }
    });
    tokio::task::yield_now().await;
    kafka.grow_topic(TOPIC, 3).unwrap();
    let delivery = in_time(waiting).await.unwrap().unwrap();
    assert_eq!(in_time(delivery).await.unwrap().partition, 1);
    assert_eq!(in_time(producer.partitions_for(TOPIC)).await.unwrap(), 3);
}

/// Whether the record was for a partition that is gone.
fn is_of_a_partition_that_is_gone(error: &DeliveryError) -> bool {
    let gone = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    matches!(error.cause(), Cause::Refused { code, .. } if *code == gone)
}

#[tokio::test]
async fn a_topic_made_anew_with_fewer_partitions_is_written_to_without_waiting_for_a_timeout() {
    let kafka = kafka(3, 6).await;
    let producer = producer(&kafka, &[("retry.backoff.max.ms", "200")]);
    let keys = numbers(60);
    for key in &keys {
        let sent = in_time(producer.send(record("before").key(key))).await;
        in_time(sent.unwrap()).await.unwrap();
    }
    kafka.delete_topic(TOPIC).unwrap();
    kafka.create_topic(TOPIC, 2).unwrap();
    let (mut delivered, mut partitions) = (0, BTreeSet::new());
    // The first of them finds out; what is sent behind it goes where the topic is.
    for round in 0..2 {
        for key in &keys {
            for keyed in [true, false] {
                let record: ProducerRecord<'_, str, str> = ProducerRecord::new(TOPIC, "after");
                let record = if keyed {
                    record.key(key.as_str())
                } else {
                    record
                };
                let sent = in_time(producer.send(record)).await.unwrap();
                match in_time(sent).await {
                    Ok(metadata) => {
                        delivered += 1;
                        partitions.insert(metadata.partition);
                    }
                    Err(error) => {
                        assert!(is_of_a_partition_that_is_gone(&error), "{error}");
                        assert_eq!(round, 0, "{error}");
                    }
                }
            }
        }
        assert_eq!(in_time(producer.partitions_for(TOPIC)).await.unwrap(), 2);
    }
    assert!(delivered >= 2 * 2 * 60 - 1, "{delivered}");
    assert_eq!(partitions, BTreeSet::from([0, 1]));
}
