//! A client of the model: requests in, decoded answers out, under a clock of its own.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_mock::cluster::{Answer, BrokerId, Cluster, ClusterConfig, ConnectionId, Now, Release};
use kafka_wire::{
    ErrorCode, Request, Uuid,
    compression::Compression,
    decode_response, encode_request,
    messages::{
        ProduceRequest,
        produce::{PartitionProduceData, PartitionProduceResponse, TopicProduceData},
    },
    records::{BatchBuilder, BatchHeader, RecordParts},
};

pub(crate) const ONE: BrokerId = BrokerId(1);
pub(crate) const TWO: BrokerId = BrokerId(2);
pub(crate) const ACKS_ALL: i16 = -1;
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// The answer to every request of this driver must come on this connection.
pub(crate) const CONNECTION: ConnectionId = ConnectionId(1);

#[derive(Clone)]
pub(crate) struct Driver {
    pub(crate) cluster: Cluster,
    pub(crate) now: Now,
    started: Instant,
}

impl Driver {
    /// A cluster of so many brokers, with topic `t` of two partitions.
    pub(crate) fn new(brokers: u16) -> Self {
        Self::with(ClusterConfig::default().with_brokers(brokers))
    }

    pub(crate) fn with(config: ClusterConfig) -> Self {
        let mut cluster = Cluster::new(config, 1);
        cluster
            .create_topic("t", cluster.config().topic(2))
            .unwrap();
        let started = Instant::now();
        Self {
            cluster,
            now: Now::new(started, START_MS),
            started,
        }
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now.instant += by;
        self.now.wall_ms += by.as_millis() as i64;
    }

    pub(crate) fn elapsed_ms(&self) -> u128 {
        (self.now.instant - self.started).as_millis()
    }

    /// What the model says to a request, undecoded.
    pub(crate) fn send<R: Request>(
        &mut self,
        broker: BrokerId,
        version: i16,
        request: &R,
    ) -> Answer {
        self.send_on(broker, CONNECTION, version, request)
    }

    pub(crate) fn send_on<R: Request>(
        &mut self,
        broker: BrokerId,
        connection: ConnectionId,
        version: i16,
        request: &R,
    ) -> Answer {
        let version = R::version(version).unwrap();
        let frame = encode_request(CORRELATION_ID, Some("test"), version, request)
            .unwrap()
            .slice(4..);
        self.cluster.handle(self.now, broker, connection, frame)
    }

    /// The answer to a request that is answered at once.
    pub(crate) fn ask<R: Request>(
        &mut self,
        broker: BrokerId,
        version: i16,
        request: &R,
    ) -> R::Response {
        match self.send(broker, version, request) {
            Answer::Send(frame) => decode::<R>(frame, version),
            other => panic!("not answered at once: {other:?}"),
        }
    }

    /// Waits, in its own time, for the next answers that were held.
    pub(crate) fn next_releases(&mut self) -> Vec<Release> {
        loop {
            let deadline = self.cluster.deadline().expect("something is held");
            let wait = deadline.saturating_duration_since(self.now.instant);
            self.advance(wait);
            let releases = self.cluster.tick(self.now);
            if !releases.is_empty() {
                return releases;
            }
        }
    }

    pub(crate) fn topic_id(&self, topic: &str) -> Uuid {
        self.cluster.topic_id(topic).unwrap()
    }

    /// What becomes of a batch for partition 0 of `t`, sent in the last version to its leader.
    pub(crate) fn produce(&mut self, batch: Bytes) -> PartitionProduceResponse {
        let leader = self
            .cluster
            .leader("t", 0)
            .unwrap()
            .expect("somebody leads");
        self.produce_to(leader, 13, ACKS_ALL, batch)
    }

    pub(crate) fn produce_to(
        &mut self,
        broker: BrokerId,
        version: i16,
        acks: i16,
        batch: Bytes,
    ) -> PartitionProduceResponse {
        let request = produce_request(self.topic_id("t"), 0, acks, batch);
        only_outcome(self.ask(broker, version, &request))
    }

    /// The error code for a batch for partition 0 of `t`.
    pub(crate) fn verdict(&mut self, batch: Bytes) -> ErrorCode {
        self.produce(batch).error_code
    }
}

pub(crate) fn decode<R: Request>(frame: Bytes, version: i16) -> R::Response {
    let version = R::version(version).unwrap();
    let length = u32::from_be_bytes(frame[..4].try_into().unwrap());
    assert_eq!(length as usize, frame.len() - 4);
    let (id, response) = decode_response::<R>(frame.slice(4..), version).unwrap();
    assert_eq!(id, CORRELATION_ID);
    response
}

pub(crate) fn only_outcome(
    response: kafka_wire::messages::ProduceResponse,
) -> PartitionProduceResponse {
    let [topic] = <[_; 1]>::try_from(response.responses).unwrap();
    let [partition] = <[_; 1]>::try_from(topic.partition_responses).unwrap();
    partition
}

/// One batch for one partition of `t`, in any version.
pub(crate) fn produce_request(
    topic_id: Uuid,
    partition: i32,
    acks: i16,
    batch: Bytes,
) -> ProduceRequest {
    ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(acks)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![
            TopicProduceData::default()
                .with_name("t".to_owned())
                .with_topic_id(topic_id)
                .with_partition_data(vec![
                    PartitionProduceData::default()
                        .with_index(partition)
                        .with_records(Some(batch)),
                ]),
        ])
}

/// A batch of records that were created when the test began, with these values.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    batch_under(BatchHeader::default(), values)
}

pub(crate) fn batch_under(header: BatchHeader, values: &[&str]) -> Bytes {
    compressed(header, values, Compression::None)
}

pub(crate) fn compressed(header: BatchHeader, values: &[&str], codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(header);
    for value in values {
        builder
            .push(
                START_MS,
                &RecordParts::new(Some(b"k"), Some(value.as_bytes())),
            )
            .unwrap();
    }
    builder.build(codec).unwrap()
}

/// The header of an idempotent producer.
pub(crate) fn stamped(producer_id: i64, producer_epoch: i16, base_sequence: i32) -> BatchHeader {
    BatchHeader {
        producer_id,
        producer_epoch,
        base_sequence,
        ..BatchHeader::default()
    }
}

const CORRELATION_ID: i32 = 77;
