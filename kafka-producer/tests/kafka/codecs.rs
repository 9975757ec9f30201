//! Every codec, with and without keys: bytes and partitions are those of Kafka's own clients.

use std::collections::BTreeMap;

use kafka_producer::ProducerRecord;

use crate::cluster::{TIME_LIMIT, create_topic, in_time, producer};
use crate::tools::{ReadBack, console_consumer, console_producer, kcat};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const PARTITIONS: i32 = 12;
const KEYS: usize = 200;

/// Keys of all lengths, in several scripts.
fn keys() -> Vec<String> {
    let scripts = ["k", "key-\u{e9}\u{df}-", "\u{9375}", "\u{1f5dd}\u{fe0f}"];
    let key = |number: usize| format!("{}{}", scripts[number % 4].repeat(number % 7 + 1), number);
    (0..KEYS).map(key).collect()
}

/// Compressible and not, short and long.
fn value(codec: &str, keyed: &str, number: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let noise: String = (0..number).map(|_| random.alphanumeric()).collect();
    format!(
        "{codec} {keyed} {number} {} {noise}",
        "tea \u{2615} ".repeat(number % 50)
    )
}

/// Sends the same records with one codec; gives key and value of each.
async fn send_all(topic: &str, codec: &str) -> Vec<(Option<String>, String)> {
    let settings = [
        ("compression.type", codec),
        ("batch.size", "30000"),
        ("linger.ms", "20"),
    ];
    let producer = producer(&settings);
    let mut sent = Vec::new();
    for (number, key) in keys().into_iter().enumerate() {
        for key in [Some(key), None] {
            let value = value(
                codec,
                if key.is_some() { "keyed" } else { "unkeyed" },
                number,
            );
            let mut record = ProducerRecord::new(topic, &*value);
            record.key = key.as_deref();
            drop(in_time(producer.send(record)).await.unwrap());
            sent.push((key, value));
        }
    }
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean(), "{codec}: {report:?}");
    sent
}

fn contents(records: &[ReadBack]) -> Vec<(Option<String>, String)> {
    let content = |record: &ReadBack| (record.key.clone(), record.text().to_owned());
    let mut contents: Vec<_> = records.iter().map(content).collect();
    contents.sort();
    contents
}

/// The partition of each key; records with the same key must share one.
fn partitions<'a>(records: impl Iterator<Item = &'a ReadBack>) -> BTreeMap<String, i32> {
    let mut partitions = BTreeMap::new();
    for record in records {
        let key = record.key.clone().expect("a key");
        let partition = *partitions.entry(key).or_insert(record.partition);
        assert_eq!(partition, record.partition, "{record:?}");
    }
    partitions
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn what_was_sent_in_any_codec_is_what_kafkas_consumer_reads_where_javas_producer_puts_it() {
    let (ours, javas) = (
        create_topic("codecs", PARTITIONS, &[]),
        create_topic("java", PARTITIONS, &[]),
    );
    let mut sent = Vec::new();
    for codec in CODECS {
        sent.extend(send_all(&ours, codec).await);
    }
    sent.sort();
    let of_java: Vec<_> = keys()
        .into_iter()
        .map(|key| (key, "by java".to_owned()))
        .collect();
    console_producer(&javas, &of_java);

    let read = console_consumer(&[&ours, &javas], sent.len() + KEYS);
    let (of_java, of_us): (Vec<_>, Vec<_>) = read
        .into_iter()
        .partition(|record| record.text() == "by java");
    assert!(
        contents(&of_us) == sent,
        "what Kafka's consumer read is not what was sent"
    );
    let (by_kcat, by_java) = (kcat(&ours), of_us.clone());
    assert!(by_kcat == by_java, "the consumers differ");

    let keyed = of_us.iter().filter(|record| record.key.is_some());
    let chosen = partitions(keyed);
    assert_eq!(chosen.len(), KEYS);
    assert_eq!(chosen, partitions(of_java.iter()));
}
