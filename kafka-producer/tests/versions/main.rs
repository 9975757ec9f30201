//! Against one node of an older Apache Kafka: what was sent is what that version's own consumer reads.
//!
//! Run by `cargo xtask ci versions`, which starts one version after the other and says in the
//! environment which it is. What each version is spoken to in is a table here, and in the README.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

#[allow(dead_code, reason = "the tests of the newest version use more of it")]
#[path = "../kafka/cluster.rs"]
mod cluster;
#[allow(dead_code, reason = "the tests of the newest version use more of it")]
#[path = "../kafka/tools.rs"]
mod tools;

use std::collections::BTreeMap;

use kafka_producer::error::TransactionError;
use kafka_producer::{ConsumerGroupMetadata, FatalError, OffsetToCommit, Producer, ProducerRecord};
use kafka_wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse, InitProducerIdRequest, ProduceRequest,
};
use kafka_wire::{ApiKey, Request};

use cluster::{TIME_LIMIT, ask_at, environment, in_time, producer, servers, topic_name};
use tools::java;

/// What is spoken with a version: Produce, InitProducerId, and the protocol of transactions, if they can be
/// used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spoken(i16, i16, Option<i16>);

/// By major and minor number.
const TABLE: [((u16, u16), Spoken); 9] = [
    ((2, 1), Spoken(7, 1, None)),
    ((2, 4), Spoken(8, 2, None)),
    ((2, 8), Spoken(9, 4, Some(1))),
    ((3, 0), Spoken(9, 4, Some(1))),
    ((3, 3), Spoken(9, 4, Some(1))),
    ((3, 6), Spoken(9, 4, Some(1))),
    ((3, 9), Spoken(11, 5, Some(1))),
    ((4, 0), Spoken(12, 5, Some(2))),
    ((4, 4), Spoken(13, 5, Some(2))),
];

/// Major and minor number of the version that runs.
fn version() -> (u16, u16) {
    let text = environment("KAFKA_VERSION");
    let mut numbers = text.split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn expected() -> Spoken {
    let mut rows = TABLE.into_iter();
    let row = rows.find(|(known, _)| *known == version());
    row.expect("a version of the table").1
}

/// So many records of a topic, as the console consumer of this version reads what is committed: key and
/// value, sorted.
fn consumed(topic: &str, count: usize) -> Vec<(String, String)> {
    let class = match version() {
        (..=2, _) | (3, ..=6) => "kafka.tools.ConsoleConsumer",
        _ => "org.apache.kafka.tools.consumer.ConsoleConsumer",
    };
    let mut consumer = java(class);
    consumer.args(["--bootstrap-server", &servers(), "--topic", topic]);
    consumer.args(["--from-beginning", "--timeout-ms", "240000"]);
    consumer.args(["--max-messages", &count.to_string()]);
    consumer.args(["--isolation-level", "read_committed"]);
    let property = match version() {
        (..=3, _) | (4, ..=1) => "--property",
        _ => "--formatter-property",
    };
    consumer.args([property, "print.key=true"]);
    let output = consumer.run("");
    let pair = |line: &str| {
        let (key, value) = line.split_once('\t').unwrap();
        (key.to_owned(), value.to_owned())
    };
    let mut read: Vec<_> = output.lines().map(pair).collect();
    read.sort();
    read
}

fn api_versions(version: i16) -> ApiVersionsResponse {
    let request = ApiVersionsRequest::default()
        .with_client_software_name("tests".to_owned())
        .with_client_software_version("1".to_owned());
    ask_at(&servers(), version, &request).unwrap()
}

/// The newest version of an API that the broker and we have.
fn newest<R: Request>(latest: &BTreeMap<ApiKey, i16>) -> i16 {
    latest[&R::KEY].min(R::STABLE_VERSIONS.latest)
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci versions"]
fn what_is_spoken_with_this_version_is_what_the_table_says() {
    let apis = api_versions(0).api_keys.into_iter();
    let latest: BTreeMap<_, _> = apis.map(|api| (api.api_key, api.max_version)).collect();
    let level = match latest[&ApiKey::API_VERSIONS] {
        3.. => {
            let mut features = api_versions(3).finalized_features.into_iter();
            let level = features.find(|feature| feature.name == "transaction.version");
            level.map_or(0, |feature| feature.max_version_level)
        }
        _ => 0,
    };
    let ids = newest::<InitProducerIdRequest>(&latest);
    let transactions = (ids >= 3).then_some(level.max(1));
    let found = Spoken(newest::<ProduceRequest>(&latest), ids, transactions);
    println!("Kafka {}: {found:?}", environment("KAFKA_VERSION"));
    assert_eq!(found, expected());
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci versions"]
async fn records_of_every_codec_and_guarantee_are_what_this_version_s_consumer_reads() {
    let topic = topic_name("codecs");
    let mut sent = Vec::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        for idempotence in ["true", "false"] {
            let settings = [
                ("compression.type", codec),
                ("enable.idempotence", idempotence),
            ];
            sent.extend(send(&producer(&settings), &topic, codec, idempotence).await);
        }
    }
    sent.sort();
    assert_eq!(consumed(&topic, sent.len()), sent);
}

async fn send(
    producer: &Producer<str, str>,
    topic: &str,
    codec: &str,
    idempotence: &str,
) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    for number in 0..20 {
        let (key, value) = (
            format!("k{number}"),
            format!("{codec} {idempotence} {number}").repeat(9),
        );
        let record = ProducerRecord::new(topic, &*value).key(&*key);
        drop(in_time(producer.send(record)).await.unwrap());
        sent.push((key, value));
    }
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean(), "{codec}: {report:?}");
    sent
}

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci versions"]
async fn what_is_committed_is_read_and_what_is_aborted_is_not_or_why_there_are_no_transactions() {
    let (topic, id) = (topic_name("transactions"), topic_name("id"));
    let producer = producer(&[("transactional.id", &id)]);
    let begun = in_time(producer.init_transactions()).await;
    if expected().2.is_none() {
        let Err(TransactionError::Fatal(FatalError::Unsupported(why))) = begun else {
            panic!("{begun:?}");
        };
        assert!(why.to_string().contains("InitProducerId"), "{why}");
        return;
    }
    begun.unwrap();
    let group = ConsumerGroupMetadata::new(topic_name("group"));
    for (value, commits) in [("aborted", false), ("committed", true), ("too", true)] {
        let transaction = in_time(producer.begin_transaction()).await.unwrap();
        let record = ProducerRecord::new(&topic, value).key("k");
        drop(in_time(transaction.send(record)).await.unwrap());
        let consumed = OffsetToCommit::new(&*topic, 0, 1);
        let offsets = transaction.send_offsets([consumed], &group);
        in_time(offsets).await.unwrap();
        match commits {
            true => in_time(transaction.commit()).await.unwrap(),
            false => in_time(transaction.abort()).await.unwrap(),
        }
    }
    let pair = |value: &str| ("k".to_owned(), value.to_owned());
    assert_eq!(consumed(&topic, 2), ["committed", "too"].map(pair));
}

/// With the settings that brokers have by default none takes part.
#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci versions"]
async fn two_phase_commit_is_refused_with_what_is_to_be_set() {
    let (id, two_phase) = (topic_name("id"), "transaction.two.phase.commit.enable");
    let producer = producer(&[("transactional.id", &id), (two_phase, "true")]);
    let refused = in_time(producer.complete_transaction(None)).await;
    let Err(TransactionError::NoTwoPhaseCommit(why)) = refused else {
        panic!("{refused:?}");
    };
    println!("{why}");
    assert!(
        why.to_string().contains("unstable.api.versions.enable"),
        "{why}"
    );
}
