//! Topics that appear and grow while a producer is at work.

use std::collections::BTreeSet;
use std::time::Instant;

use kafka_producer::{DeliveryError, ProducerRecord};

use crate::cluster::{TIME_LIMIT, create_topic, in_time, make_anew, producer, topic_name};
use crate::tools::{kcat, tool};
use kafka_producer::error::Cause;

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn the_first_send_creates_the_topic() {
    let topic = topic_name("created");
    let producer = producer(&[]);
    let delivery = in_time(producer.send(ProducerRecord::new(&topic, "tea")))
        .await
        .unwrap();
    let metadata = in_time(delivery).await.unwrap();
    assert_eq!(metadata.offset, Some(0));
    let read = kcat(&topic);
    assert_eq!(read.len(), 1);
    assert_eq!(
        (read[0].partition, read[0].text()),
        (metadata.partition, "tea")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn new_partitions_are_used_after_a_refresh() {
    let topic = create_topic("grown", 1, &[]);
    let producer = producer(&[("metadata.max.age.ms", "500"), ("batch.size", "200")]);
    let grown = topic.clone();
    let alter = tokio::task::spawn_blocking(move || {
        let arguments = ["--alter", "--topic", &grown, "--partitions", "4"];
        tool("org.apache.kafka.tools.TopicCommand", &arguments)
    });
    let (started, mut used, mut sent) = (Instant::now(), BTreeSet::new(), 0);
    while used.len() < 4 {
        assert!(started.elapsed() < TIME_LIMIT, "only {used:?} are used");
        let value = format!("{sent} record without a key");
        let delivery = in_time(producer.send(ProducerRecord::new(&topic, &*value)))
            .await
            .unwrap();
        used.insert(in_time(delivery).await.unwrap().partition);
        sent += 1;
    }
    in_time(alter).await.unwrap();
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
    let read = kcat(&topic);
    let values: BTreeSet<_> = read.iter().map(|record| record.text().to_owned()).collect();
    assert_eq!((read.len(), values.len()), (sent, sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn records_for_a_partition_that_is_added_meanwhile_wait_for_it() {
    let topic = create_topic("awaited", 1, &[]);
    let producer = producer(&[]);
    let first = in_time(producer.send(ProducerRecord::new(&topic, "first").partition(0)));
    in_time(first.await.unwrap()).await.unwrap();
    let grown = topic.clone();
    let alter = tokio::task::spawn_blocking(move || {
        let arguments = ["--alter", "--topic", &grown, "--partitions", "3"];
        tool("org.apache.kafka.tools.TopicCommand", &arguments)
    });
    for number in 0..24 {
        let value = number.to_string();
        let record = ProducerRecord::new(&topic, &*value).partition(1);
        let delivery = in_time(producer.send(record)).await.unwrap();
        assert_eq!(in_time(delivery).await.unwrap().offset, Some(number));
    }
    in_time(alter).await.unwrap();
    assert_eq!(in_time(producer.partitions_for(&topic)).await.unwrap(), 3);
    assert_eq!(kcat(&topic).len(), 25);
}

/// That the record was for a partition of the topic before.
fn is_of_the_topic_before(error: &DeliveryError) -> bool {
    matches!(error.cause(), Cause::Refused { message: Some(why), .. } if why.contains("made anew"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_topic_made_anew_with_fewer_partitions_is_written_to_without_waiting_for_a_timeout() {
    let topic = create_topic("anew", 6, &[]);
    let producer = producer(&[]);
    let keys: Vec<String> = (0..60).map(|key| key.to_string()).collect();
    let send = async |key: Option<&str>| {
        let record = ProducerRecord::new(&topic, "tea");
        let record = match key {
            Some(key) => record.key(key),
            None => record,
        };
        let delivery = in_time(producer.send(record)).await.unwrap();
        in_time(delivery).await
    };
    for key in &keys {
        send(Some(key)).await.unwrap();
    }
    make_anew(&topic, 2);
    let begun = Instant::now();
    let (mut failed, mut delivered) = (0, 0);
    for key in &keys {
        for key in [Some(&**key), None] {
            match send(key).await {
                Ok(_) => delivered += 1,
                Err(error) => {
                    assert!(is_of_the_topic_before(&error), "{error}");
                    // Whether the topic before had it is told by `tests/engine/made_anew.rs`: here
                    // it depends on how late the broker heard of the deletion.
                    failed += 1;
                }
            }
        }
    }
    assert!(failed <= 1, "the first finds out: {failed}");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    assert_eq!(in_time(producer.partitions_for(&topic)).await.unwrap(), 2);
    assert_eq!(kcat(&topic).len(), delivered);
}
