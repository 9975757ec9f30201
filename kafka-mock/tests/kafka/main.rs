//! The same requests to a real Apache Kafka and to the embedded cluster: the same verdicts.
//!
//! Needs `KAFKA_BOOTSTRAP_SERVERS`. Each case is a list of batches for a partition of its own, and
//! what is compared is what a producer goes by: error code, base offset, time, blamed records.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod acls;
mod admin;
mod attempt;
mod batches;
mod broker;
mod cases;
mod groups;
mod quotas;
mod transactions;
mod transactor;

use std::time::Instant;

use kafka_wire::{
    ErrorCode, Uuid,
    compression::Compression,
    messages::{
        ApiVersionsRequest, DeleteTopicsRequest, InitProducerIdRequest, MetadataRequest,
        metadata::MetadataRequestTopic,
    },
    records::{Attributes, BatchBuilder, BatchHeader, RecordParts, TimestampType},
};

use crate::{
    batches::{Sent, at, batch, now_ms, seq, under},
    broker::{Broker, TIME_LIMIT, fetch, list, pair, produce},
    cases::{Case, case},
};

/// Sends every case to both, each to a partition of its own of a topic with these settings.
fn compare(name: &str, settings: &[(&str, &str)], cases: &[Case]) {
    let pair = pair();
    let topic = format!("same-{name}-{}", now_ms());
    let kafka = pair.kafka.create(&topic, cases.len(), settings);
    let mock = pair.mock.create(&topic, cases.len(), settings);
    let mut different = Vec::new();
    for (
        partition,
        Case {
            what,
            version,
            batches,
        },
    ) in (0..).zip(cases)
    {
        for (n, sent) in batches.iter().enumerate() {
            let theirs = produce(&kafka, &topic, partition, *version, sent);
            let ours = produce(&mock, &topic, partition, *version, sent);
            if theirs != ours {
                let what = format!("{what} in version {version}, batch {n}");
                different.push(format!("{what}\n  Kafka: {theirs:?}\n  mock:  {ours:?}"));
            }
        }
    }
    let gone = DeleteTopicsRequest::default().with_topic_names(vec![topic]);
    pair.kafka.ask(5, &gone);
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn batches_are_judged_as_kafka_judges_them() {
    compare("frames", &[], &cases::frames());
    compare("contents", &[], &cases::contents());
    compare("oddities", &[], &cases::oddities());
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn codecs_and_versions_are_judged_as_kafka_judges_them() {
    compare("codecs", &[], &cases::codecs());
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn acks_are_judged_as_kafka_judges_them() {
    compare("acks", &[], &cases::acks());
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn sequences_are_judged_as_kafka_judges_them() {
    compare("sequences", &[], &cases::sequences());
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn settings_of_topics_act_as_they_do_with_kafka() {
    let keyless = |places: &[bool]| {
        let mut builder = BatchBuilder::new(BatchHeader::default());
        for &keyed in places {
            let key = keyed.then_some(&b"k"[..]);
            builder
                .push(now_ms(), &RecordParts::new(key, Some(b"v")))
                .unwrap();
        }
        builder.build(Compression::None).unwrap()
    };
    let cases = [case(
        "keys",
        [keyless(&[true, false, true, false]), keyless(&[true])],
    )];
    compare("compact", &[("cleanup.policy", "compact")], &cases);

    let cases = [
        case("time", [batch(&["a"]), at(9_000_000_000)]),
        case("again", [seq(0, 0, 1), seq(0, 0, 1)]),
    ];
    compare(
        "append-time",
        &[("message.timestamp.type", "LogAppendTime")],
        &cases,
    );

    let size = batch(&["a"]).len().to_string();
    let cases = [case("size", [batch(&["a"]), batch(&["ab"])])];
    compare("small", &[("max.message.bytes", &size)], &cases);

    let cases = [case("min.insync.replicas", [batch(&["a"])])];
    compare("replicas", &[("min.insync.replicas", "2")], &cases);
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn what_is_read_is_what_kafka_would_give() {
    let pair = pair();
    let topic = format!("same-reads-{}", now_ms());
    let (kafka, mock) = (
        pair.kafka.create(&topic, 1, &[]),
        pair.mock.create(&topic, 1, &[]),
    );
    let attributes = Attributes::default().with_timestamp_type(TimestampType::LogAppendTime);
    let odd = BatchHeader {
        attributes,
        max_timestamp: now_ms() + 5000,
        ..Default::default()
    };
    let odd = under(odd, &["the broker's time, says the producer"]);
    for sent in [batch(&["a", "b"]), seq(0, 0, 3), batch(&["c"]), odd] {
        let sent = Sent::from(sent);
        for broker in [&kafka, &mock] {
            produce(broker, &topic, 0, 12, &sent);
        }
    }
    for timestamp in [-1, -2, -3, -4, -5, 0, 1, now_ms() + 1_000_000] {
        let (theirs, ours) = (
            list(&kafka, &topic, timestamp),
            list(&mock, &topic, timestamp),
        );
        assert_eq!(theirs, ours, "offset for time {timestamp}");
    }
    for version in 4..=12 {
        for offset in [0, 1, 2, 5, 6, 7, 8, -1] {
            let theirs = fetch(&kafka, &topic, version, offset);
            let ours = fetch(&mock, &topic, version, offset);
            assert_eq!(theirs, ours, "from {offset} on, in version {version}");
        }
    }
    let gone = DeleteTopicsRequest::default().with_topic_names(vec![topic]);
    pair.kafka.ask(5, &gone);
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn who_reads_by_an_old_version_gets_zstd_as_from_kafka() {
    let pair = pair();
    for (n, codec) in ["producer", "zstd"].into_iter().enumerate() {
        let topic = format!("same-zstd-{n}-{}", now_ms());
        let mut builder = BatchBuilder::new(BatchHeader::default());
        builder
            .push(now_ms(), &RecordParts::new(None, Some(b"v")))
            .unwrap();
        let sent = Sent::from(builder.build(Compression::Zstd).unwrap());
        let settings = [("compression.type", codec)];
        let [kafka, mock] =
            [&pair.kafka, &pair.mock].map(|broker| broker.create(&topic, 1, &settings));
        for broker in [&kafka, &mock] {
            produce(broker, &topic, 0, 12, &sent);
        }
        for (version, offset) in [(4, 0), (9, 0), (9, 1), (9, 2), (10, 0), (12, 0)] {
            let [theirs, ours] =
                [&kafka, &mock].map(|broker| fetch(broker, &topic, version, offset));
            assert_eq!(
                theirs, ours,
                "{codec}: from {offset} on, in version {version}"
            );
        }
        let gone = DeleteTopicsRequest::default().with_topic_names(vec![topic]);
        pair.kafka.ask(5, &gone);
    }
}

fn named(name: &str) -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(name.to_owned())
        .with_client_software_version("1".to_owned())
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn who_means_another_broker_or_cluster_is_told_as_by_kafka() {
    let pair = pair();
    for (cluster, node) in [
        ("ours", 0),
        ("ours", 1),
        ("ours", -1),
        ("another", 0),
        ("", 1),
    ] {
        let code = |broker: &Broker| {
            let ours = broker.ask(12, &MetadataRequest::default());
            let id = ours.cluster_id.unwrap();
            let itself = ours.brokers.iter().find(|other| broker.is_at(other.port));
            let itself = itself.unwrap().node_id;
            let cluster = match cluster {
                "ours" => Some(id),
                "" => None,
                other => Some(other.to_owned()),
            };
            let meant = named("same").with_cluster_id(cluster);
            let node = if node < 0 { node } else { itself + node };
            let answer = broker.ask(5, &meant.with_node_id(node));
            (answer.error_code, answer.api_keys.is_empty())
        };
        assert_eq!(code(&pair.kafka), code(&pair.mock), "{cluster} {node}");
    }
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn what_is_not_served_ends_as_it_does_with_kafka() {
    let pair = pair();
    let frame = |body: &[u8]| [&(body.len() as u32).to_be_bytes()[..], body].concat();
    let old_produce = frame(b"\0\0\0\x02\0\0\0\x01\xff\xff\xff\xff\0\0\0\0\0\0\0\0");
    let future_metadata = frame(b"\0\x03\0\x63\0\0\0\x01\xff\xff\0");
    let unknown_api = frame(b"\x03\xe7\0\0\0\0\0\x01\xff\xff");
    let half_a_header = frame(b"\0\x03\0");
    for bytes in [old_produce, future_metadata, unknown_api, half_a_header] {
        let (theirs, ours) = (pair.kafka.exchange(&bytes), pair.mock.exchange(&bytes));
        assert_eq!(
            (theirs.is_none(), ours.is_none()),
            (true, true),
            "{bytes:?}"
        );
    }

    // All topics, in the way of librdkafka.
    let with_more = frame(b"\0\x03\0\x0c\0\0\0\x01\xff\xff\0\0\0\0\0\0\0\0");
    for broker in [&pair.kafka, &pair.mock] {
        assert!(broker.exchange(&with_more).is_some(), "bytes are left over");
    }

    let future = frame(b"\0\x12\0\x63\0\0\0\x01\xff\xff\0whatever");
    let (theirs, ours) = (pair.kafka.exchange(&future), pair.mock.exchange(&future));
    assert_eq!(theirs, ours, "ApiVersions of the future");

    for name in ["same", "a b", "", "-a"] {
        let code = |broker: &Broker| broker.ask(4, &named(name)).error_code;
        assert_eq!(code(&pair.kafka), code(&pair.mock), "{name}");
    }

    let init = |transactional_id: Option<&str>| {
        InitProducerIdRequest::default()
            .with_transactional_id(transactional_id.map(str::to_owned))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(7)
            .with_producer_epoch(3)
    };
    for id in [None, Some("")] {
        let answer = |broker: &Broker| {
            let mut answer = broker.ask(5, &init(id));
            // A Kafka that just started fetches its block of ids first.
            let deadline = Instant::now() + TIME_LIMIT;
            while answer.error_code == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
                && Instant::now() < deadline
            {
                answer = broker.ask(5, &init(id));
            }
            (
                answer.error_code,
                answer.producer_epoch,
                answer.producer_id >= 0,
            )
        };
        assert_eq!(answer(&pair.kafka), answer(&pair.mock), "{id:?}");
    }
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn unknown_topics_end_as_they_do_with_kafka() {
    let pair = pair();
    let sent = Sent::from(batch(&["a"]));
    let of = |broker: &Broker| {
        let name = "same-no-such-topic";
        (
            produce(broker, name, 0, 12, &sent),
            list(broker, name, -1),
            fetch(broker, name, 12, 0).0.0,
        )
    };
    assert_eq!(of(&pair.kafka), of(&pair.mock));

    let metadata = |broker: &Broker, name: Option<&str>, id| {
        let topic = MetadataRequestTopic::default()
            .with_name(name.map(str::to_owned))
            .with_topic_id(Uuid(id));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        let answer = broker.ask(12, &request).topics.remove(0);
        (answer.error_code, answer.name, answer.partitions.len())
    };
    for (name, id) in [
        (Some("a b"), [0; 16]),
        (Some("same-unknown"), [0; 16]),
        (None, [9; 16]),
    ] {
        let (theirs, ours) = (
            metadata(&pair.kafka, name, id),
            metadata(&pair.mock, name, id),
        );
        assert_eq!(theirs, ours, "{name:?}");
    }
}
