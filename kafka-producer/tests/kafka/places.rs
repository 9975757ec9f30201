//! What the acknowledgement says of a record is what the consumer prints of it.

use kafka_producer::{ProducerRecord, RecordMetadata};

use crate::cluster::{create_topic, in_time, producer};
use crate::tools::{ReadBack, console_consumer, kcat};

/// Sends one record and waits for its acknowledgement.
macro_rules! place_of {
    ($producer:expr, $record:expr) => {{
        let delivery = in_time($producer.send($record)).await.unwrap();
        in_time(delivery).await.unwrap()
    }};
}

/// The place that was acknowledged, as it is printed.
fn shown(kind: &str, metadata: &RecordMetadata) -> (i32, i64, String) {
    let timestamp = format!("{kind}:{}", metadata.timestamp_ms);
    (metadata.partition, metadata.offset.unwrap(), timestamp)
}

fn place(record: &ReadBack) -> (i32, i64, String) {
    (record.partition, record.offset, record.timestamp.clone())
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn what_is_acknowledged_is_what_the_consumer_prints() {
    let create = create_topic("create-time", 3, &[]);
    let append = create_topic(
        "append-time",
        3,
        &[("message.timestamp.type", "LogAppendTime")],
    );
    let producer = producer(&[]);
    let mut expected = Vec::new();
    for number in 0..30_i64 {
        let value = format!("create {number}");
        let record = ProducerRecord::new(&create, &*value);
        // Some with a partition and a time of their own.
        let explicit = number % 3 != 0;
        let record = match explicit {
            true => record
                .partition((number % 3) as i32)
                .timestamp_ms(1_700_000_000_000 + number),
            false => record,
        };
        let metadata = place_of!(producer, record);
        if explicit {
            assert_eq!(metadata.partition, (number % 3) as i32);
            assert_eq!(metadata.timestamp_ms, 1_700_000_000_000 + number);
        }
        assert_eq!(*metadata.topic, create);
        expected.push((value, shown("CreateTime", &metadata)));
        let value = format!("append {number}");
        // Whatever time the record says, the broker's counts.
        let record = ProducerRecord::new(&append, &*value).timestamp_ms(1_700_000_000_000);
        let metadata = place_of!(producer, record);
        assert!(metadata.timestamp_ms > 1_700_000_000_000, "{metadata:?}");
        expected.push((value, shown("LogAppendTime", &metadata)));
    }
    let read = console_consumer(&[&create, &append], expected.len());
    let mut read: Vec<_> = read
        .iter()
        .map(|record| (record.text().to_owned(), place(record)))
        .collect();
    expected.sort();
    read.sort();
    assert_eq!(read, expected);
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn headers_nulls_and_empty_parts_arrive_as_they_were_sent() {
    let topic = create_topic("parts", 1, &[]);
    let producer = producer(&[]);
    let record = ProducerRecord::new(&topic, "v")
        .key("k")
        .header("b", "1")
        .header("a", "2");
    let record = record
        .header("b", "3")
        .header("null", None::<&str>)
        .header("empty", "");
    place_of!(producer, record);
    place_of!(producer, ProducerRecord::tombstone(&topic, "k"));
    place_of!(producer, ProducerRecord::new(&topic, "").key(""));
    place_of!(producer, ProducerRecord::bare(&topic));
    let headers: Vec<_> = [
        ("b", text("1")),
        ("a", text("2")),
        ("b", text("3")),
        ("null", None),
        ("empty", text("")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let read = console_consumer(&[&topic], 4);
    assert_eq!(read[0].headers, headers);
    let parts: Vec<_> = read
        .iter()
        .map(|record| (record.key.clone(), record.value.clone()))
        .collect();
    let expected = [
        (text("k"), text("v")),
        (text("k"), None),
        (text(""), text("")),
        (None, None),
    ];
    assert_eq!(parts, expected);
    assert!(read[1..].iter().all(|record| record.headers.is_empty()));
    assert_eq!(kcat(&topic).len(), 4);
}
