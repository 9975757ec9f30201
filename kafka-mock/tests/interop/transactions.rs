//! Java's transactional producer, and Java's reader of committed records.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_mock::{
    MockCluster,
    cluster::{
        Answer, BrokerId, Cluster, ClusterConfig, ConnectionId, CoordinatorKind, Now,
        TransactionOutcome, TransactionState,
    },
};
use kafka_wire::{
    ApiKey, ErrorCode, Request,
    compression::Compression,
    decode_response, encode_request,
    messages::{
        EndTxnRequest, InitProducerIdRequest, ProduceRequest,
        produce::{PartitionProduceData, TopicProduceData},
    },
    records::{Attributes, BatchBuilder, BatchHeader, RecordParts},
};

use crate::program::{java, output};

const COUNT: usize = 2000;
pub(crate) const PARTITIONS: i32 = 2;

/// Asks the model itself.
pub(crate) fn ask<R: Request>(
    cluster: &mut Cluster,
    broker: BrokerId,
    version: i16,
    request: &R,
) -> R::Response {
    let version = R::version(version).unwrap();
    let frame = encode_request(1, None, version, request)
        .unwrap()
        .slice(4..);
    let now = Now::new(Instant::now(), 1_700_000_000_000);
    match cluster.handle(now, broker, ConnectionId(u64::MAX), frame) {
        Answer::Send(answer) => decode_response::<R>(answer.slice(4..), version).unwrap().1,
        other => panic!("{other:?}"),
    }
}

fn produce(cluster: &mut Cluster, partition: i32, header: BatchHeader, value: &'static str) {
    let transactional = header.attributes.is_transactional();
    let mut builder = BatchBuilder::new(header);
    let record = RecordParts::new(None, Some(value.as_bytes()));
    builder.push(1_700_000_000_000, &record).unwrap();
    let records: Bytes = builder.build(Compression::None).unwrap();
    let request = ProduceRequest::default()
        .with_transactional_id(transactional.then(|| "ours".to_owned()))
        .with_acks(-1)
        .with_timeout_ms(1000)
        .with_topic_data(vec![
            TopicProduceData::default()
                .with_name("orders".to_owned())
                .with_partition_data(vec![
                    PartitionProduceData::default()
                        .with_index(partition)
                        .with_records(Some(records)),
                ]),
        ]);
    let leader = cluster.leader("orders", partition).unwrap().unwrap();
    let answer = ask(cluster, leader, 12, &request);
    let outcome = &answer.responses[0].partition_responses[0];
    assert_eq!(outcome.error_code, ErrorCode::NONE, "{outcome:?}");
}

/// The client `ours` of the model, in a transaction.
pub(crate) struct Ours {
    pub(crate) coordinator: BrokerId,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
}

impl Ours {
    /// Writes a record to every partition in a transaction, which stays open. For the model it is 2023.
    pub(crate) fn begin(cluster: &mut Cluster) -> Self {
        let coordinator = cluster.coordinator(CoordinatorKind::Transaction, "ours");
        let coordinator = coordinator.unwrap();
        let init = InitProducerIdRequest::default()
            .with_transactional_id(Some("ours".to_owned()))
            .with_transaction_timeout_ms(60_000);
        let identity = ask(cluster, coordinator, 5, &init);
        for partition in 0..PARTITIONS {
            let header = BatchHeader {
                attributes: Attributes::default().transactional(),
                producer_id: identity.producer_id,
                producer_epoch: identity.producer_epoch,
                base_sequence: 0,
                ..BatchHeader::default()
            };
            produce(cluster, partition, header, "aborted");
        }
        Self {
            coordinator,
            producer_id: identity.producer_id,
            producer_epoch: identity.producer_epoch,
        }
    }

    pub(crate) fn abort(&self, cluster: &mut Cluster) {
        let end = EndTxnRequest::default()
            .with_transactional_id("ours".to_owned())
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.producer_epoch)
            .with_committed(false);
        let ended = ask(cluster, self.coordinator, 5, &end);
        assert_eq!(ended.error_code, ErrorCode::NONE);
    }
}

/// Writes a record to every partition in a transaction that is aborted, and one behind it.
fn abort(cluster: &mut Cluster) {
    Ours::begin(cluster).abort(cluster);
    for partition in 0..PARTITIONS {
        produce(cluster, partition, BatchHeader::default(), "behind");
    }
}

/// Java's producer writes in transactions of a few milliseconds each: in several, even if it has to
/// catch up with all records at once.
fn write(kafka: &MockCluster) {
    let mut producer = java("org.apache.kafka.tools.ProducerPerformance");
    producer.args(["--topic", "orders", "--record-size", "16"]);
    producer.args(["--num-records", &COUNT.to_string(), "--throughput", "2000"]);
    producer.args([
        "--transactional-id",
        "theirs",
        "--transaction-duration-ms",
        "5",
    ]);
    let servers = format!("bootstrap.servers={}", kafka.bootstrap_servers());
    producer.args(["--producer-props", &servers, "batch.size=200"]);
    output(&mut producer, "");
}

fn read(kafka: &MockCluster, partition: i32, count: usize) -> Vec<String> {
    let mut consumer = java("org.apache.kafka.tools.consumer.ConsoleConsumer");
    consumer.args(["--bootstrap-server", &kafka.bootstrap_servers()]);
    consumer.args(["--topic", "orders", "--partition", &partition.to_string()]);
    consumer.args([
        "--offset",
        "earliest",
        "--isolation-level",
        "read_committed",
    ]);
    consumer.args([
        "--max-messages",
        &count.to_string(),
        "--timeout-ms",
        "240000",
    ]);
    let printed = output(&mut consumer, "");
    printed.lines().map(str::to_owned).collect()
}

/// Waits until the markers are written.
fn await_committed(kafka: &MockCluster, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while kafka.committed_records("orders").len() < count {
        assert!(Instant::now() < deadline, "the markers were never written");
    }
}

/// The level of the feature that both follow, and what Java asks for at that level.
fn check(transaction_version: i16, adds: bool) {
    let config = ClusterConfig::default()
        .with_brokers(3)
        .with_transaction_version(transaction_version)
        .with_marker_delay(Duration::from_millis(1)..=Duration::from_millis(30));
    let builder = MockCluster::builder().config(config);
    let kafka = builder
        .topic("orders", PARTITIONS)
        .start_blocking()
        .unwrap();
    write(&kafka);
    let seen = |api| kafka.requests().iter().filter(|it| it.api == api).count();
    assert!(
        seen(ApiKey::END_TXN) > 1,
        "{} transactions",
        seen(ApiKey::END_TXN)
    );
    assert_eq!(seen(ApiKey::ADD_PARTITIONS_TO_TXN) > 0, adds);

    await_committed(&kafka, COUNT);
    let hanging = kafka.with_cluster(|cluster| {
        let theirs = cluster.transactions().remove(0).state;
        assert_eq!(
            theirs,
            TransactionState::Complete(TransactionOutcome::Commit)
        );
        cluster.hanging_transactions()
    });
    assert_eq!(hanging, []);
    kafka.with_cluster(abort);
    await_committed(&kafka, COUNT + PARTITIONS as usize);

    let committed = kafka.committed_records("orders");
    for partition in 0..PARTITIONS {
        let expected = committed.iter().filter(|it| it.partition == partition);
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let expected: Vec<_> = expected
            .map(|it| text(it.value.as_ref().unwrap()))
            .collect();
        assert_eq!(read(&kafka, partition, expected.len()), expected);
    }
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_transactions_are_read_when_they_are_committed() {
    check(2, false);
    check(1, true);
}
