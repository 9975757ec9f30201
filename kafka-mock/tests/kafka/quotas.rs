//! Quotas of a real Apache Kafka and of the embedded cluster: who is throttled, what a throttled client is given, and
//! what AlterClientQuotas and DescribeClientQuotas answer. How long a client is throttled depends on the time, and is
//! not compared.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_wire::{
    ErrorCode, Request, decode_response, encode_request,
    messages::{
        AlterClientQuotasRequest, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
        FetchRequest, MetadataRequest, ProduceRequest,
        alter_client_quotas::{EntityData, EntryData, OpData},
        describe_client_quotas::ComponentData,
        fetch::{FetchPartition, FetchTopic},
        produce::{PartitionProduceData, TopicProduceData},
    },
};

use crate::{
    batches::{batch, now_ms},
    broker::{Broker, pair},
    transactor::eventually,
};

/// A connection of one client.
struct Client {
    stream: TcpStream,
    id: String,
}

impl Client {
    fn of(broker: &Broker, id: &str) -> Self {
        let stream = broker.connect();
        let id = id.to_owned();
        Self { stream, id }
    }

    fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let version = R::version(version).unwrap();
        let frame = encode_request(1, Some(&self.id), version, request).unwrap();
        self.stream.write_all(&frame).unwrap();
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).unwrap();
        decode_response::<R>(frame.into(), version).unwrap().1
    }
}

fn part(kind: &str, name: Option<&str>) -> EntityData {
    EntityData::default()
        .with_entity_type(kind.to_owned())
        .with_entity_name(name.map(str::to_owned))
}

fn set(key: &str, value: f64) -> OpData {
    OpData::default().with_key(key.to_owned()).with_value(value)
}

fn take_back(key: &str) -> OpData {
    set(key, 0.0).with_remove(true)
}

fn alter(broker: &Broker, entity: Vec<EntityData>, ops: Vec<OpData>) -> Vec<ErrorCode> {
    let entry = EntryData::default().with_entity(entity).with_ops(ops);
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let answer = broker.ask(1, &request);
    answer.entries.iter().map(|it| it.error_code).collect()
}

fn produce(topic: &str) -> ProduceRequest {
    let records = PartitionProduceData::default().with_records(Some(batch(&[&"v".repeat(4000)])));
    let topic = TopicProduceData::default()
        .with_name(topic.to_owned())
        .with_partition_data(vec![records]);
    ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic])
}

fn fetch(topic: &str) -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(topic.to_owned())
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(10)
        .with_min_bytes(1)
        .with_topics(vec![topic])
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn a_client_above_its_quota_is_throttled_and_muted_as_by_kafka() {
    let pair = pair();
    for broker in [&pair.kafka, &pair.mock] {
        let (topic, id) = (format!("quota-{}", now_ms()), format!("slow-{}", now_ms()));
        let leader = broker.create(&topic, 1, &[]);
        let entity = vec![part("client-id", Some(&id))];
        let limits = vec![
            set("producer_byte_rate", 1000.0),
            set("consumer_byte_rate", 1000.0),
        ];
        assert_eq!(alter(broker, entity.clone(), limits), [ErrorCode::NONE]);

        let about = ComponentData::default()
            .with_entity_type("client-id".to_owned())
            .with_match(Some(id.clone()));
        let about = DescribeClientQuotasRequest::default().with_components(vec![about]);
        eventually(|| {
            let known = leader.ask(1, &about).entries;
            known.is_some_and(|it| !it.is_empty()).then_some(())
        });

        // Above ten thousand bytes, once the broker goes by what it knows.
        let mut client = Client::of(&leader, &id);
        let (started, throttled) = eventually(|| {
            let started = Instant::now();
            let answer = client.ask(12, &produce(&topic));
            let code = answer.responses[0].partition_responses[0].error_code;
            assert_eq!(code, ErrorCode::NONE, "what is too much is appended");
            (answer.throttle_time_ms > 0).then_some((started, answer.throttle_time_ms))
        });
        client.ask(12, &MetadataRequest::default().with_topics(Some(vec![])));
        // Kafka counts whole milliseconds of its clock, and the one that had begun is one of them.
        let muted_for = Duration::from_millis(throttled as u64 - 1);
        assert!(started.elapsed() >= muted_for, "{throttled}");

        let mut reader = Client::of(&leader, &id);
        let given = eventually(|| {
            let answer = reader.ask(12, &fetch(&topic));
            (answer.throttle_time_ms > 0).then_some(answer)
        });
        assert_eq!((given.error_code, given.session_id), (ErrorCode::NONE, 0));
        assert_eq!(given.responses, []);

        // Of another client, nothing is asked.
        let mut other = Client::of(&leader, "another");
        assert_eq!(other.ask(12, &produce(&topic)).throttle_time_ms, 0);
        let answer = other.ask(12, &fetch(&topic));
        assert_eq!(answer.throttle_time_ms, 0);
        let records = answer.responses[0].partitions[0].records.as_ref();
        assert!(records.is_some_and(|records: &Bytes| records.len() > 10_000));

        let back = vec![
            take_back("producer_byte_rate"),
            take_back("consumer_byte_rate"),
        ];
        assert_eq!(alter(broker, entity, back), [ErrorCode::NONE]);
    }
}

/// Quotas of those that fit, in an order that does not depend on the broker.
fn described(answer: DescribeClientQuotasResponse) -> (ErrorCode, Vec<String>) {
    let entries = answer.entries.unwrap_or_default().into_iter();
    let entries = entries.map(|mut entry| {
        entry
            .entity
            .sort_by(|one, other| one.entity_type.cmp(&other.entity_type));
        entry.values.sort_by(|one, other| one.key.cmp(&other.key));
        format!("{entry:?}")
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    (answer.error_code, entries)
}

const ALICE: &str = "same-alice";
const APP: &str = "same-app";

/// Four that there may be, and some that not.
fn entities() -> Vec<Vec<EntityData>> {
    vec![
        vec![part("user", Some(ALICE))],
        vec![part("user", Some(ALICE)), part("client-id", Some(APP))],
        vec![part("user", Some(ALICE)), part("client-id", None)],
        vec![part("client-id", Some(APP))],
        vec![part("client-id", Some(""))],
        vec![part("group", Some(APP))],
        vec![],
    ]
}

fn changes() -> Vec<Vec<OpData>> {
    vec![
        vec![set("producer_byte_rate", 4096.0)],
        vec![
            set("consumer_byte_rate", 512.0),
            take_back("producer_byte_rate"),
        ],
        vec![set("producer_byte_rate", 0.5)],
        vec![set("no_such_rate", 1.0)],
        vec![
            set("producer_byte_rate", 1.0),
            set("producer_byte_rate", 2.0),
        ],
        vec![take_back("producer_byte_rate")],
        vec![set("producer_byte_rate", 8192.0)],
    ]
}

fn wanted(kind: &str, match_type: i8, name: Option<&str>) -> ComponentData {
    ComponentData::default()
        .with_entity_type(kind.to_owned())
        .with_match_type(match_type)
        .with_match(name.map(str::to_owned))
}

fn filters() -> Vec<Vec<ComponentData>> {
    let alice = || wanted("user", 0, Some(ALICE));
    vec![
        vec![alice()],
        vec![alice(), wanted("client-id", 0, Some(APP))],
        vec![alice(), wanted("client-id", 1, None)],
        vec![alice(), wanted("client-id", 2, None)],
        vec![wanted("client-id", 0, Some(APP))],
        vec![wanted("client-id", 0, None)],
        vec![wanted("client-id", 1, Some(APP))],
        vec![wanted("client-id", 3, None)],
        vec![wanted("user", 2, None), wanted("user", 2, None)],
        vec![wanted("", 2, None)],
        vec![wanted("group", 2, None)],
        vec![wanted("user", 2, None), wanted("ip", 2, None)],
    ]
}

fn describe(
    broker: &Broker,
    version: i16,
    filter: &[ComponentData],
    strict: bool,
) -> (ErrorCode, Vec<String>) {
    let request = DescribeClientQuotasRequest::default()
        .with_components(filter.to_vec())
        .with_strict(strict);
    described(broker.ask(version, &request))
}

/// What a broker says to each change and to each filter.
fn altered_and_described(broker: &Broker) -> Vec<String> {
    let mut notes = Vec::new();
    for entity in entities() {
        for ops in changes() {
            let codes = alter(broker, entity.clone(), ops.clone());
            notes.push(format!("{entity:?} {ops:?}: {codes:?}"));
        }
    }
    // Until the broker knows what the controller has decided.
    eventually(|| {
        let last = [wanted("client-id", 0, Some(APP))];
        let all = describe(broker, 1, &last, true).1.concat();
        (all.contains("8192") && all.contains("512")).then_some(())
    });
    for filter in filters() {
        for (strict, version) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
            let found = describe(broker, version, &filter, strict);
            notes.push(format!("{filter:?} {strict} {version}: {found:?}"));
        }
    }
    for entity in entities().into_iter().take(4) {
        let ops = vec![
            take_back("producer_byte_rate"),
            take_back("consumer_byte_rate"),
        ];
        assert_eq!(alter(broker, entity, ops), [ErrorCode::NONE]);
    }
    notes
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn quotas_are_altered_and_described_as_by_kafka() {
    let pair = pair();
    let theirs = altered_and_described(&pair.kafka);
    let ours = altered_and_described(&pair.mock);
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(theirs.len(), ours.len());
}
