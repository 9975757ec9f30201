//! Who decides: partitioners and serializers, Kafka's own choices and the application's.

use std::sync::atomic::{AtomicUsize, Ordering};

use kafka_mock::MockCluster;
use kafka_producer::partition::{Partitioner, RecordView, TopicView, partition_for_key};
use kafka_producer::serialize::{Context, SerializeError, Serializer, Utf8};
use kafka_producer::{Producer, SendError, TrySendError};

use crate::scene::{TOPIC, builder, configured, in_time, kafka, numbers, producer, record, text};

/// To the partition that the value begins with.
#[derive(Debug)]
struct ByFirstDigit;

impl Partitioner for ByFirstDigit {
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        assert_eq!(topic.name, TOPIC);
        i32::from(record.value.unwrap()[0] - b'0')
    }
}

fn partitions(kafka: &MockCluster) -> Vec<i32> {
    let log = kafka.records(TOPIC);
    log.iter().map(|record| record.partition).collect()
}

#[tokio::test]
async fn a_partitioner_of_ones_own_decides_but_not_over_an_explicit_partition() {
    let kafka = kafka(1, 4).await;
    let builder = builder(&kafka.bootstrap_servers(), &[]).partitioner(ByFirstDigit);
    let producer = builder.build().unwrap();
    for value in ["0a", "1b", "3c", "3d"] {
        drop(in_time(producer.send(record(value))).await.unwrap());
    }
    drop(
        in_time(producer.send(record("0e").partition(2)))
            .await
            .unwrap(),
    );
    in_time(producer.flush()).await.unwrap();
    let log = kafka.records(TOPIC);
    let places: Vec<_> = log
        .iter()
        .map(|record| (record.partition, text(record)))
        .collect();
    let expected = [(0, "0a"), (1, "1b"), (2, "0e"), (3, "3c"), (3, "3d")];
    assert!(
        places
            .iter()
            .map(|(at, value)| (*at, &**value))
            .eq(expected),
        "{places:?}"
    );
}

#[tokio::test]
async fn a_partitioner_that_is_wrong_is_an_error_of_its_record_alone() {
    let kafka = kafka(1, 4).await;
    let builder = builder(&kafka.bootstrap_servers(), &[]).partitioner(ByFirstDigit);
    let producer = builder.build().unwrap();
    let error = in_time(producer.send(record("9"))).await.unwrap_err();
    assert!(
        matches!(
            error,
            SendError::PartitionOutOfRange {
                partition: 9,
                partitions: 4,
                ..
            }
        ),
        "{error}"
    );
    let good = in_time(producer.send(record("3"))).await.unwrap();
    assert_eq!(in_time(good).await.unwrap().partition, 3);
}

#[tokio::test]
async fn a_key_has_its_partition_and_records_without_one_stick_to_another() {
    let kafka = kafka(1, 7).await;
    let producer = producer(&kafka, &[("linger.ms", "60000")]);
    let keys = numbers(50);
    for key in &keys {
        drop(
            in_time(producer.send(record("keyed").key(key)))
                .await
                .unwrap(),
        );
    }
    in_time(producer.flush()).await.unwrap();
    for lies in kafka.records(TOPIC) {
        let key = lies.key.unwrap();
        assert_eq!(lies.partition, partition_for_key(&key, 7), "{key:?}");
    }
    let mut chosen = Vec::new();
    for _ in 0..50 {
        let delivery = in_time(producer.send(record("unkeyed"))).await.unwrap();
        chosen.push(delivery);
    }
    in_time(producer.flush()).await.unwrap();
    let mut stuck = Vec::new();
    for delivery in chosen {
        stuck.push(in_time(delivery).await.unwrap().partition);
    }
    stuck.dedup();
    assert_eq!(stuck.len(), 1, "one batch, one partition: {stuck:?}");
}

#[tokio::test]
async fn records_that_wait_for_memory_are_spread_like_others() {
    let kafka = kafka(1, 3).await;
    // One batch at a time, and one record in each.
    let settings = [("buffer.memory", "18000"), ("linger.ms", "0")];
    let producer = producer(&kafka, &settings);
    let value = "v".repeat(10_000);
    for _ in 0..60 {
        drop(in_time(producer.send(record(&value))).await.unwrap());
    }
    in_time(producer.flush()).await.unwrap();
    let mut chosen = partitions(&kafka);
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen, [0, 1, 2]);
}

#[tokio::test]
async fn a_slow_producer_moves_on_between_batches_when_they_have_taken_a_full_one_s_bytes() {
    let kafka = kafka(1, 3).await;
    let producer = producer(&kafka, &[("batch.size", "1000"), ("linger.ms", "0")]);
    let value = "v".repeat(300);
    let mut chosen = Vec::new();
    for _ in 0..60 {
        let delivery = in_time(producer.send(record(&value))).await.unwrap();
        chosen.push(in_time(delivery).await.unwrap().partition);
    }
    // Three batches of one record each exceed a thousand bytes.
    let together = |three: &[i32]| three.iter().all(|partition| *partition == three[0]);
    assert!(chosen.chunks(3).all(together), "{chosen:?}");
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen, [0, 1, 2]);
}

#[tokio::test]
async fn a_turn_is_one_record_s_also_when_it_waits_for_memory_or_batches_leave_early() {
    let kafka = kafka(1, 3).await;
    let settings = [
        ("partitioner.class", "round_robin"),
        ("batch.size", "200"),
        ("linger.ms", "0"),
        ("buffer.memory", "2000"),
    ];
    let producer = producer(&kafka, &settings);
    let value = "v".repeat(90);
    let mut deliveries = Vec::new();
    for _ in 0..90 {
        deliveries.push(in_time(producer.send(record(&value))).await.unwrap());
    }
    for (turn, delivery) in deliveries.into_iter().enumerate() {
        let partition = in_time(delivery).await.unwrap().partition;
        assert_eq!(usize::try_from(partition).unwrap(), turn % 3);
    }
}

#[tokio::test]
async fn round_robin_takes_one_partition_after_the_other() {
    let kafka = kafka(1, 3).await;
    let class = [(
        "partitioner.class",
        "org.apache.kafka.clients.producer.RoundRobinPartitioner",
    )];
    let producer = producer(&kafka, &class);
    for value in &numbers(30) {
        drop(
            in_time(producer.send(record(value).key("same")))
                .await
                .unwrap(),
        );
    }
    in_time(producer.flush()).await.unwrap();
    let taken = partitions(&kafka);
    for partition in 0..3 {
        let count = taken.iter().filter(|taken| **taken == partition).count();
        assert_eq!(count, 10, "partition {partition}");
    }
}

#[tokio::test]
async fn uniform_sticky_and_ignored_keys_stay_until_a_batch_is_full() {
    for setting in [
        ("partitioner.class", "uniform_sticky"),
        ("partitioner.ignore.keys", "true"),
    ] {
        let kafka = kafka(1, 5).await;
        let settings = [setting, ("linger.ms", "60000"), ("batch.size", "2000")];
        let producer = producer(&kafka, &settings);
        let (values, filler) = (numbers(10), "x".repeat(150));
        for value in &values {
            drop(
                in_time(producer.send(record(value).key(value)))
                    .await
                    .unwrap(),
            );
        }
        in_time(producer.flush()).await.unwrap();
        let mut first = partitions(&kafka);
        first.dedup();
        assert_eq!(first.len(), 1, "{setting:?}: {first:?}");
        for _ in 0..500 {
            drop(
                in_time(producer.send(record(&filler).key("same")))
                    .await
                    .unwrap(),
            );
        }
        in_time(producer.flush()).await.unwrap();
        let mut all = partitions(&kafka);
        all.dedup();
        assert_eq!(all.len(), 5, "{setting:?}: {all:?}");
    }
}

/// Writes the text in capitals, and notes in the headers that it did.
#[derive(Debug, Default)]
struct Capitals(AtomicUsize);

impl Serializer<str> for Capitals {
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a str,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        let nth = self.0.fetch_add(1, Ordering::Relaxed);
        context.headers.add("nth", nth.to_string());
        scratch.clear();
        scratch.extend(value.bytes().map(|byte| byte.to_ascii_uppercase()));
        Ok(Some(scratch))
    }
}

#[tokio::test]
async fn a_serializer_of_ones_own_may_add_headers() {
    let kafka = kafka(1, 1).await;
    let builder = Producer::<str, str>::builder_with(Utf8, Capitals::default());
    let builder = configured(builder, &kafka.bootstrap_servers(), &[]);
    let producer = builder.build().unwrap();
    let Err(TrySendError::WouldWait(back, _)) = producer.try_send(record("tea").header("a", "b"))
    else {
        panic!("the topic cannot be known yet");
    };
    assert_eq!(
        back.headers.len(),
        1,
        "the serializer's headers stay with the record"
    );
    in_time(producer.warm_up([TOPIC])).await.unwrap();
    let delivery = producer.try_send(back).unwrap();
    in_time(delivery).await.unwrap();
    let log = kafka.records(TOPIC);
    assert_eq!(text(&log[0]), "TEA");
    let names: Vec<_> = log[0].headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["a", "nth"]);
    assert_eq!(log[0].headers[1].1.as_deref(), Some(&b"1"[..]));
}

#[tokio::test]
async fn keys_and_values_of_other_types_are_sent_as_java_would() {
    let kafka = kafka(1, 1).await;
    let builder = configured(
        Producer::<i64, f64>::builder(),
        &kafka.bootstrap_servers(),
        &[],
    );
    let producer = builder.build().unwrap();
    let record = kafka_producer::ProducerRecord::new(TOPIC, &1.5).key(&258);
    let delivery = in_time(producer.send(record)).await.unwrap();
    in_time(delivery).await.unwrap();
    let lies = kafka.records(TOPIC).remove(0);
    assert_eq!(lies.key.as_deref(), Some(&[0, 0, 0, 0, 0, 0, 1, 2][..]));
    assert_eq!(
        lies.value.as_deref(),
        Some(&[0x3f, 0xf8, 0, 0, 0, 0, 0, 0][..])
    );
}
