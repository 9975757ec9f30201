//! Records written to the embedded cluster in raw frames, for others to read.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use kafka_mock::{MockCluster, cluster::BrokerId};
use kafka_wire::{
    ErrorCode, Request,
    compression::Compression,
    decode_response, encode_request,
    messages::{
        ProduceRequest,
        produce::{PartitionProduceData, TopicProduceData},
    },
    records::{BatchBuilder, BatchHeader, RecordParts},
};

/// Texts, so that every client prints them alike.
pub(crate) struct Written {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

/// A cluster with topic `orders`, in both partitions of which there is a batch of each codec.
pub(crate) fn cluster() -> (MockCluster, Vec<Written>) {
    let kafka = MockCluster::builder()
        .brokers(2)
        .topic("orders", 2)
        .start_blocking()
        .unwrap();
    let mut all = Vec::new();
    for partition in 0..2 {
        let mut offset = 0;
        for codec in Compression::all() {
            let records = records(partition, codec, offset);
            offset += records.len() as i64;
            append(&kafka, partition, codec, &records);
            all.extend(records);
        }
    }
    (kafka, all)
}

fn records(partition: i32, codec: Compression, offset: i64) -> Vec<Written> {
    let record = |n: i64, key: Option<&str>, value: Option<&str>| Written {
        partition,
        offset: offset + n,
        timestamp: 1_600_000_000_000 + 1000 * (offset + n),
        key: key.map(|key| format!("{key}-{codec}")),
        value: value.map(|value| format!("{value}-{codec}-{partition}")),
        headers: Vec::new(),
    };
    let long = "a long value that repeats itself, ".repeat(100);
    vec![
        record(0, Some("key"), Some("value")),
        record(1, None, Some("käse 🧀")),
        record(2, Some("tombstone"), None),
        Written {
            headers: vec![("h", "1"), ("trace", "x y"), ("h", "2")],
            ..record(3, None, Some("with headers"))
        },
        record(4, Some("long"), Some(&long)),
    ]
}

fn append(kafka: &MockCluster, partition: i32, codec: Compression, records: &[Written]) {
    let mut builder = BatchBuilder::new(BatchHeader::default());
    for record in records {
        let headers = record
            .headers
            .iter()
            .map(|(name, value)| (*name, Some(value.as_bytes())));
        let parts = RecordParts::new(
            record.key.as_deref().map(str::as_bytes),
            record.value.as_deref().map(str::as_bytes),
        )
        .with_headers(headers);
        builder.push(record.timestamp, &parts).unwrap();
    }
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![
            TopicProduceData::default()
                .with_name("orders".to_owned())
                .with_partition_data(vec![
                    PartitionProduceData::default()
                        .with_index(partition)
                        .with_records(Some(builder.build(codec).unwrap())),
                ]),
        ]);
    let leader = kafka
        .with_cluster(|cluster| cluster.leader("orders", partition))
        .unwrap();
    let response = ask(kafka, leader.unwrap(), &request);
    assert_eq!(
        response.responses[0].partition_responses[0].error_code,
        ErrorCode::NONE
    );
}

fn ask(
    kafka: &MockCluster,
    broker: BrokerId,
    request: &ProduceRequest,
) -> kafka_wire::messages::ProduceResponse {
    let mut stream = TcpStream::connect(kafka.address(broker).unwrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let version = ProduceRequest::version(12).unwrap();
    stream
        .write_all(&encode_request(1, None, version, request).unwrap())
        .unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).unwrap();
    decode_response::<ProduceRequest>(frame.into(), version)
        .unwrap()
        .1
}
