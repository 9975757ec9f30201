//! The same requests to a real Apache Kafka and to the embedded cluster: the same verdicts.
//!
//! Needs `KAFKA_BOOTSTRAP_SERVERS`. Each case is a list of batches for a partition of its own, and
//! what is compared is what a producer goes by: error code, base offset, time, blamed records.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use kafka_mock::MockCluster;
use kafka_wire::{
    ErrorCode, Request,
    compression::Compression,
    decode_response, encode_request,
    messages::{
        ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, FetchRequest,
        InitProducerIdRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest,
        create_topics::{CreatableTopic, CreatableTopicConfig},
        fetch::{FetchPartition, FetchTopic},
        list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
        metadata::MetadataRequestTopic,
        produce::{PartitionProduceData, TopicProduceData},
    },
    records::{Attributes, BatchBuilder, BatchHeader, RecordParts, TimestampType},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// One broker, real or not.
struct Broker {
    address: String,
}

impl Broker {
    /// The response, or none if the connection is closed instead.
    fn try_ask<R: Request>(&self, version: i16, request: &R) -> Option<R::Response> {
        let version = R::version(version).unwrap();
        let frame = self.exchange(&encode_request(1, Some("same"), version, request))?;
        Some(decode_response::<R>(frame, version).unwrap().1)
    }

    fn ask<R: Request>(&self, version: i16, request: &R) -> R::Response {
        self.try_ask(version, request).expect("it answers")
    }

    fn exchange(&self, frame: &[u8]) -> Option<Bytes> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(frame).unwrap();
        let mut length = [0; 4];
        if let Err(error) = stream.read_exact(&mut length) {
            let patience = matches!(error.kind(), std::io::ErrorKind::WouldBlock);
            assert!(!patience, "neither an answer nor an end of the connection");
            return None;
        }
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame).unwrap();
        Some(frame.into())
    }

    /// The broker that leads all partitions of `topic`, once somebody does.
    fn leader_of(&self, topic: &str) -> Self {
        let wanted = MetadataRequestTopic {
            name: Some(topic.to_owned()),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: Some(vec![wanted]),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let deadline = std::time::Instant::now() + PATIENCE;
        while std::time::Instant::now() < deadline {
            let answer = self.ask(12, &request);
            let partitions = &answer.topics[0].partitions;
            let leader = partitions.first().map_or(-1, |it| it.leader_id);
            if leader >= 0 && partitions.iter().all(|it| it.leader_id == leader) {
                let broker = answer
                    .brokers
                    .iter()
                    .find(|it| it.node_id == leader)
                    .unwrap();
                let broker = Self {
                    address: format!("{}:{}", broker.host, broker.port),
                };
                if broker.leads_all(topic, partitions.len()) {
                    return broker;
                }
            }
        }
        panic!("nobody leads {topic}");
    }

    /// Whether it knows by itself that it leads, which may take longer than metadata.
    fn leads_all(&self, topic: &str, partitions: usize) -> bool {
        let partitions = (0..partitions as i32).map(|partition_index| ListOffsetsPartition {
            partition_index,
            timestamp: -1,
            ..Default::default()
        });
        let topic = ListOffsetsTopic {
            name: topic.to_owned(),
            partitions: partitions.collect(),
        };
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.ask(9, &request);
        answer.topics[0]
            .partitions
            .iter()
            .all(|it| it.error_code.is_none())
    }

    fn create(&self, topic: &str, partitions: usize, settings: &[(&str, &str)]) -> Self {
        let configs = settings.iter().map(|(name, value)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        });
        // All on one broker, whichever answers.
        let node = self.ask(
            12,
            &MetadataRequest {
                topics: Some(vec![]),
                ..Default::default()
            },
        );
        let node = node.brokers[0].node_id;
        let assignments = (0..partitions as i32).map(|partition_index| {
            kafka_wire::messages::create_topics::CreatableReplicaAssignment {
                partition_index,
                broker_ids: vec![node],
            }
        });
        let topic_request = CreatableTopic {
            name: topic.to_owned(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: assignments.collect(),
            configs: configs.collect(),
        };
        let request = CreateTopicsRequest {
            topics: vec![topic_request],
            ..Default::default()
        };
        let answer = self.ask(7, &request);
        assert_eq!(
            answer.topics[0].error_code,
            ErrorCode::NONE,
            "{:?}",
            answer.topics[0]
        );
        self.leader_of(topic)
    }
}

/// What a producer learns of a batch.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Closed,
    Answered {
        code: ErrorCode,
        base_offset: i64,
        has_append_time: bool,
        log_start_offset: i64,
        blamed: Vec<i32>,
    },
}

fn produce(broker: &Broker, topic: &str, partition: i32, version: i16, sent: &Sent) -> Outcome {
    let request = ProduceRequest {
        transactional_id: None,
        acks: sent.acks,
        timeout_ms: 10_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(sent.bytes.clone()),
            }],
            ..Default::default()
        }],
    };
    let Some(answer) = broker.try_ask(version, &request) else {
        return Outcome::Closed;
    };
    let outcome = &answer.responses[0].partition_responses[0];
    Outcome::Answered {
        code: outcome.error_code,
        base_offset: outcome.base_offset,
        has_append_time: outcome.log_append_time_ms >= 0,
        log_start_offset: outcome.log_start_offset,
        blamed: outcome
            .record_errors
            .iter()
            .map(|it| it.batch_index)
            .collect(),
    }
}

struct Sent {
    acks: i16,
    bytes: Bytes,
}

impl From<Bytes> for Sent {
    fn from(bytes: Bytes) -> Self {
        Self { acks: -1, bytes }
    }
}

struct Case {
    what: &'static str,
    version: i16,
    batches: Vec<Sent>,
}

fn case(what: &'static str, batches: impl IntoIterator<Item = Bytes>) -> Case {
    Case {
        what,
        version: 12,
        batches: batches.into_iter().map(Sent::from).collect(),
    }
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
}

fn batch(values: &[&str]) -> Bytes {
    under(BatchHeader::default(), values)
}

fn under(header: BatchHeader, values: &[&str]) -> Bytes {
    in_codec(header, values, Compression::None)
}

fn in_codec(header: BatchHeader, values: &[&str], codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(header);
    for value in values {
        builder
            .push(
                now_ms(),
                &RecordParts::new(Some(b"k"), Some(value.as_bytes())),
            )
            .unwrap();
    }
    builder.build(codec).unwrap()
}

fn at(offset_ms: i64) -> Bytes {
    let mut builder = BatchBuilder::new(BatchHeader::default());
    builder
        .push(
            now_ms() + offset_ms,
            &RecordParts::new(Some(b"k"), Some(b"v")),
        )
        .unwrap();
    builder.build(Compression::None).unwrap()
}

fn seq(epoch: i16, first: i32, records: usize) -> Bytes {
    let header = BatchHeader {
        producer_id: 9_000_000,
        producer_epoch: epoch,
        base_sequence: first,
        ..BatchHeader::default()
    };
    under(header, &vec!["v"; records])
}

fn altered(batch: &Bytes, place: usize, byte: u8) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[place] = byte;
    bytes.into()
}

/// A batch of this body under a header that is right by itself.
fn sealed(record_count: i32, last_offset_delta: i32, codec: Compression, body: &[u8]) -> Bytes {
    let header = BatchHeader {
        record_count,
        last_offset_delta,
        base_timestamp: now_ms(),
        max_timestamp: now_ms(),
        attributes: Attributes::new(codec),
        ..BatchHeader::default()
    };
    [&header.encode(body)[..], body].concat().into()
}

fn batches_by_themselves() -> Vec<Case> {
    let good = batch(&["a"]);
    let twice = [&good[..], &good[..]].concat();
    let attributes = |attributes| {
        let header = BatchHeader {
            attributes,
            max_timestamp: now_ms(),
            ..Default::default()
        };
        under(header, &["a"])
    };
    let two = batch(&["a", "b"]).slice(61..);
    vec![
        case("good batches", [batch(&["a", "b"]), batch(&["c"])]),
        case("nothing", [Bytes::new()]),
        case("half a batch", [good.slice(..65)]),
        case("half a header", [good.slice(..40)]),
        case("a few bytes", [good.slice(..5)]),
        case("two batches", [twice.into()]),
        case(
            "a batch and a few bytes",
            [[&good[..], b"abc"].concat().into()],
        ),
        case("format 0", [altered(&good, 16, 0)]),
        case("format 1", [altered(&good, 16, 1)]),
        case("format 3", [altered(&good, 16, 3)]),
        case("another checksum", [altered(&good, 17, good[17] ^ 1)]),
        case("other bytes", [altered(&good, 66, good[66] ^ 1)]),
        case("a length below the header", [altered(&good, 11, 10)]),
        case("a negative length", [altered(&good, 8, 0xff)]),
        case("a base offset", [altered(&good, 7, 1)]),
        case("a leader epoch", [altered(&good, 15, 7)]),
        case("no records", [sealed(0, 0, Compression::None, b"")]),
        case(
            "no records but a place",
            [sealed(0, -1, Compression::None, b"")],
        ),
        case(
            "fewer records than places",
            [sealed(1, 1, Compression::None, &two)],
        ),
        case(
            "fewer records than bytes",
            [sealed(1, 0, Compression::None, &two)],
        ),
        case(
            "more records than bytes",
            [sealed(3, 2, Compression::None, &two)],
        ),
        case("a negative count", [sealed(-1, 1, Compression::None, &two)]),
        case(
            "garbage for records",
            [sealed(2, 1, Compression::None, b"garbage, really")],
        ),
        case(
            "garbage for gzip",
            [sealed(2, 1, Compression::Gzip, b"garbage, really")],
        ),
        case(
            "garbage for snappy",
            [sealed(2, 1, Compression::Snappy, b"garbage, really")],
        ),
        case(
            "garbage for lz4",
            [sealed(2, 1, Compression::Lz4, b"garbage, really")],
        ),
        case(
            "garbage for zstd",
            [sealed(2, 1, Compression::Zstd, b"garbage, really")],
        ),
        case(
            "an unknown codec",
            [attributes(Attributes::from_bits(5))].map(|_| {
                let header = BatchHeader {
                    record_count: 1,
                    base_timestamp: now_ms(),
                    max_timestamp: now_ms(),
                    attributes: Attributes::from_bits(5),
                    ..BatchHeader::default()
                };
                let body = batch(&["a"]).slice(61..);
                [&header.encode(&body)[..], &body].concat().into()
            }),
        ),
        case(
            "control records",
            [attributes(Attributes::default().control())],
        ),
        case(
            "the broker's time",
            [attributes(
                Attributes::default().with_timestamp_type(TimestampType::LogAppendTime),
            )],
        ),
        case(
            "no transaction",
            [under(
                BatchHeader {
                    attributes: Attributes::default().transactional(),
                    producer_id: 9_000_001,
                    producer_epoch: 0,
                    base_sequence: 0,
                    ..BatchHeader::default()
                },
                &["a"],
            )],
        ),
        case("a timestamp two hours ahead", [at(7_200_000)]),
        case("a timestamp of long ago", [at(-1_000_000_000_000)]),
        case("a timestamp an hour ahead, nearly", [at(3_500_000)]),
        case("a large batch", [batch(&[&"x".repeat(1_048_588)])]),
    ]
}

fn codecs() -> Vec<Case> {
    let versions = [3, 6, 7, 9, 12].into_iter();
    let cases = versions.flat_map(|version| {
        Compression::ALL.map(|codec| {
            let batch = in_codec(BatchHeader::default(), &["a", "b"], codec);
            Case {
                version,
                ..case(codec.name(), [batch])
            }
        })
    });
    cases.collect()
}

fn acks() -> Vec<Case> {
    let sent = |acks, bytes: Bytes| Case {
        what: "acks",
        version: 12,
        batches: vec![Sent { acks, bytes }],
    };
    let mut cases: Vec<_> = [1, 2, -2].map(|acks| sent(acks, batch(&["a"]))).into();
    // A refusal without acks closes the connection.
    cases.push(sent(0, altered(&batch(&["a"]), 17, 0)));
    cases
}

fn sequences() -> Vec<Case> {
    let six = (0..6).map(|n| seq(0, n, 1));
    vec![
        case("in order", [seq(0, 0, 2), seq(0, 2, 1)]),
        case(
            "a duplicate",
            [seq(0, 0, 2), seq(0, 2, 1), seq(0, 0, 2), seq(0, 2, 1)],
        ),
        case("a gap", [seq(0, 0, 2), seq(0, 3, 1), seq(0, 2, 1)]),
        case("an old duplicate", six.clone().chain([seq(0, 0, 1)])),
        case("the oldest one remembered", six.chain([seq(0, 1, 1)])),
        case(
            "another cut",
            [seq(0, 0, 2), seq(0, 2, 2), seq(0, 2, 1), seq(0, 0, 4)],
        ),
        case(
            "a beginning in the middle",
            [seq(3, 500, 1), seq(3, 501, 1)],
        ),
        case("a new epoch", [seq(0, 0, 1), seq(1, 0, 1), seq(1, 1, 1)]),
        case("a new epoch in the middle", [seq(0, 0, 1), seq(1, 1, 1)]),
        case("an old epoch", [seq(1, 0, 1), seq(0, 1, 1), seq(0, 0, 1)]),
        case("an epoch skipped", [seq(0, 0, 1), seq(5, 0, 1)]),
        case(
            "the end of the numbers",
            [seq(0, i32::MAX, 1), seq(0, 0, 1), seq(0, i32::MAX, 1)],
        ),
        case(
            "across the end",
            [
                seq(0, i32::MAX - 1, 4),
                seq(0, 2, 1),
                seq(0, i32::MAX - 1, 4),
            ],
        ),
        case("no sequence", [seq(0, -1, 1)]),
        case("no epoch", [seq(-1, 0, 1)]),
    ]
}

struct Pair {
    kafka: Broker,
    mock: Broker,
    _cluster: MockCluster,
}

fn pair() -> Pair {
    #[allow(
        clippy::disallowed_methods,
        reason = "where Kafka is, is told by who runs the test"
    )]
    let servers = std::env::var("KAFKA_BOOTSTRAP_SERVERS").unwrap_or_else(|_| {
        panic!(
            "KAFKA_BOOTSTRAP_SERVERS must name a running Apache Kafka 4; \
             `cargo xtask ci kafka` starts one and sets it"
        )
    });
    let kafka = Broker {
        address: servers.split(',').next().unwrap().to_owned(),
    };
    let cluster = MockCluster::builder().brokers(3).start_blocking().unwrap();
    let mock = cluster
        .bootstrap_servers()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    Pair {
        kafka,
        mock: Broker { address: mock },
        _cluster: cluster,
    }
}

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
    let gone = DeleteTopicsRequest {
        topic_names: vec![topic],
        ..Default::default()
    };
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
    compare("batches", &[], &batches_by_themselves());
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn codecs_and_versions_are_judged_as_kafka_judges_them() {
    compare("codecs", &[], &codecs());
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn acks_are_judged_as_kafka_judges_them() {
    compare("acks", &[], &acks());
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn sequences_are_judged_as_kafka_judges_them() {
    compare("sequences", &[], &sequences());
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

/// Error code and offset of an answer.
type Verdict = (ErrorCode, i64);

fn list(broker: &Broker, topic: &str, timestamp: i64) -> Verdict {
    let partition = ListOffsetsPartition {
        partition_index: 0,
        timestamp,
        ..Default::default()
    };
    let topic = ListOffsetsTopic {
        name: topic.to_owned(),
        partitions: vec![partition],
    };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![topic],
        ..Default::default()
    };
    let answer = broker.ask(9, &request);
    let found = &answer.topics[0].partitions[0];
    (found.error_code, found.offset)
}

fn fetch(broker: &Broker, topic: &str, version: i16, offset: i64) -> (Verdict, Bytes) {
    let partition = FetchPartition {
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic: topic.to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = FetchRequest {
        max_wait_ms: 10,
        min_bytes: 1,
        topics: vec![topic],
        ..Default::default()
    };
    let mut answer = broker.ask(version, &request);
    let data = answer.responses.remove(0).partitions.remove(0);
    (
        (data.error_code, data.high_watermark),
        data.records.unwrap_or_default(),
    )
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
    let gone = DeleteTopicsRequest {
        topic_names: vec![topic],
        ..Default::default()
    };
    pair.kafka.ask(5, &gone);
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

    let future = frame(b"\0\x12\0\x63\0\0\0\x01\xff\xff\0whatever");
    let (theirs, ours) = (pair.kafka.exchange(&future), pair.mock.exchange(&future));
    assert_eq!(theirs, ours, "ApiVersions of the future");

    let named = |name: &str| ApiVersionsRequest {
        client_software_name: name.to_owned(),
        client_software_version: "1".to_owned(),
    };
    for name in ["same", "a b", "", "-a"] {
        let code = |broker: &Broker| broker.ask(4, &named(name)).error_code;
        assert_eq!(code(&pair.kafka), code(&pair.mock), "{name}");
    }

    let init = |transactional_id: Option<&str>| InitProducerIdRequest {
        transactional_id: transactional_id.map(str::to_owned),
        transaction_timeout_ms: 60_000,
        producer_id: 7,
        producer_epoch: 3,
        ..Default::default()
    };
    for id in [None, Some("")] {
        let answer = |broker: &Broker| {
            let answer = broker.ask(5, &init(id));
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
        let topic = MetadataRequestTopic {
            name: name.map(str::to_owned),
            topic_id: kafka_wire::Uuid(id),
        };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
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
