//! What a real leader answers when it is none any more: the base offset says whether it has appended
//! the batch before.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};

use kafka_producer::ErrorCode;
use kafka_wire::compression::Compression;
use kafka_wire::messages::DeleteTopicsRequest;
use kafka_wire::messages::describe_producers::{DescribeProducersRequest, TopicRequest};
use kafka_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use kafka_wire::records::{BatchBuilder, BatchHeader, RecordParts};
use serde_json::json;

use crate::cluster::{TIME_LIMIT, ask, ask_at, create_topic_on, servers};
use crate::nodes::{Cluster, Harm, all_in_sync, inflict, leader_of, others, wait_for};
use crate::tools::tool;

/// What a node answers to a batch of one record: its code and its base offset.
type Said = (ErrorCode, i64);

/// From this version on the base offset counts.
const VERSION: i16 = 9;
const PRODUCER_ID: i64 = 4711;

fn server(node: i32) -> String {
    let servers = servers();
    let server = servers.split(',').nth(usize::try_from(node - 1).unwrap());
    server.unwrap().to_owned()
}

fn batch(sequence: i32) -> bytes::Bytes {
    let header = BatchHeader {
        producer_id: PRODUCER_ID,
        producer_epoch: 0,
        base_sequence: sequence,
        ..BatchHeader::default()
    };
    let mut builder = BatchBuilder::new(header);
    builder
        .push(1_700_000_000_000, &RecordParts::new(None, Some(b"tea")))
        .unwrap();
    builder.build(Compression::None).unwrap()
}

/// Sends the batch of one record that has this sequence to a node, for all replicas to have it.
fn produce(node: i32, topic: &str, index: i32, sequence: i32) -> Said {
    let partition = PartitionProduceData::default()
        .with_index(index)
        .with_records(Some(batch(sequence)));
    let topic = TopicProduceData::default()
        .with_name(topic.to_owned())
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(60_000)
        .with_topic_data(vec![topic]);
    let answer = ask_at(&server(node), VERSION, &request).unwrap();
    let PartitionProduceResponse {
        error_code,
        base_offset,
        ..
    } = answer.responses[0].partition_responses[0];
    (error_code, base_offset)
}

/// A topic of one partition whose replicas all have its first record, and its leader.
///
/// A node names a leader before that leader has opened its log, and a follower knows nothing of a
/// topic until it has heard of it from the controller. Who has the record has done both.
async fn topic_with_a_record() -> (String, i32) {
    let topic = create_topic_on("deposed", &[[1, 2, 3]]);
    all_in_sync().await;
    let leader = leader_of(&topic).await;
    wait_for(
        "the first record to be everywhere",
        TIME_LIMIT,
        || match produce(leader, &topic, 0, 0) {
            (ErrorCode::NONE, offset) => offset == 0,
            (ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, _) => false,
            other => panic!("{other:?}"),
        },
    )
    .await;
    (topic, leader)
}

/// A second record that its leader has appended, and that waits for a replica that is frozen.
async fn appended_and_waiting(topic: &str, leader: i32, frozen: i32) -> JoinHandle<Said> {
    inflict(Harm::Pause, &[frozen]).await;
    let sent = {
        let topic = topic.to_owned();
        thread::spawn(move || produce(leader, &topic, 0, 1))
    };
    let request = DescribeProducersRequest::default().with_topics(vec![
        TopicRequest::default()
            .with_name(topic.to_owned())
            .with_partition_indexes(vec![0]),
    ]);
    wait_for("the batch to be appended", TIME_LIMIT, || {
        let answer = ask_at(&server(leader), 0, &request).unwrap();
        let producers = &answer.topics[0].partitions[0].active_producers;
        // An answer that comes before is for the test to judge, not to be waited for.
        sent.is_finished() || producers.iter().any(|producer| producer.last_sequence == 1)
    })
    .await;
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn what_is_refused_before_the_append_has_no_base_offset() {
    let _cluster = Cluster::take().await;
    let (topic, leader) = topic_with_a_record().await;
    for follower in others(leader) {
        let said = produce(follower, &topic, 0, 1);
        assert_eq!(said, (ErrorCode::NOT_LEADER_OR_FOLLOWER, -1));
    }
    let said = produce(leader, &topic, 9, 0);
    assert_eq!(said, (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, -1));
    assert_eq!(
        produce(leader, &topic, 0, 1),
        (ErrorCode::NONE, 1),
        "one record was before it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn what_a_leader_has_appended_before_its_topic_was_deleted_has_a_base_offset() {
    let _cluster = Cluster::take().await;
    for _ in 0..TRIES {
        let (topic, leader) = topic_with_a_record().await;
        let frozen = others(leader)[0];
        let sent = appended_and_waiting(&topic, leader, frozen).await;
        let request = DeleteTopicsRequest::default()
            .with_topic_names(vec![topic])
            .with_timeout_ms(30_000);
        assert_eq!(ask(3, &request).responses[0].error_code, ErrorCode::NONE);
        let (code, base_offset) = tokio::task::block_in_place(|| sent.join()).unwrap();
        inflict(Harm::Resume, &[frozen]).await;
        // The frozen replica may have been given up before the topic was gone.
        if code != ErrorCode::NONE {
            let expected = (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, 1);
            assert_eq!((code, base_offset), expected);
            return;
        }
    }
    panic!("the topic was never deleted in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn what_a_leader_has_appended_before_another_was_elected_has_a_base_offset() {
    let _cluster = Cluster::take().await;
    for _ in 0..TRIES {
        let (topic, leader) = topic_with_a_record().await;
        let [next, frozen] = others(leader)[..] else {
            unreachable!("there are three")
        };
        prefer(&topic, &[next, leader, frozen]);
        let sent = appended_and_waiting(&topic, leader, frozen).await;
        tokio::task::block_in_place(|| elect_preferred(next, &topic));
        let (code, base_offset) = tokio::task::block_in_place(|| sent.join()).unwrap();
        inflict(Harm::Resume, &[frozen]).await;
        // The frozen replica may have been given up before there was another leader.
        if code != ErrorCode::NONE {
            let expected = (ErrorCode::NOT_LEADER_OR_FOLLOWER, 1);
            assert_eq!((code, base_offset), expected);
            return;
        }
    }
    panic!("the leader was never deposed in time");
}

/// So often a batch is to lose its leader before the replica that it waits for is given up.
const TRIES: usize = 5;

/// Has the first of these nodes lead a topic's partition from the next election on.
fn prefer(topic: &str, replicas: &[i32]) {
    let partition = json!({"topic": topic, "partition": 0, "replicas": replicas});
    let plan = file(&json!({"version": 1, "partitions": [partition]}));
    let class = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
    let path = plan.path().to_str().unwrap();
    let arguments = ["--execute", "--reassignment-json-file", path];
    tokio::task::block_in_place(|| tool(class, &arguments));
}

/// Has the preferred leader elected, by a request to a node that answers (`ElectLeaders`, version 0).
fn elect_preferred(node: i32, topic: &str) {
    let (one, partition, timeout_ms) = (1_i32, 0_i32, 30_000_i32);
    let mut request = Vec::new();
    request.extend([0, 43, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
    request.extend(one.to_be_bytes());
    request.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(one.to_be_bytes());
    request.extend(partition.to_be_bytes());
    request.extend(timeout_ms.to_be_bytes());
    let length = u32::try_from(request.len()).unwrap();
    let mut stream = TcpStream::connect(server(node)).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.write_all(&length.to_be_bytes()).unwrap();
    stream.write_all(&request).unwrap();
    // What it says is not needed: the leader that is deposed tells.
    stream.read_exact(&mut [0; 4]).unwrap();
}

fn file(content: &serde_json::Value) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.to_string().as_bytes()).unwrap();
    file
}
