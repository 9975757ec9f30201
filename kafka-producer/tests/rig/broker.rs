//! One broker that leads every partition of one topic and accepts whatever comes.
//!
//! Bytes in, bytes out: the same broker answers a socket and an engine without any. It keeps
//! nothing but how many requests and batches it has seen.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use kafka_producer::Address;
use kafka_wire::messages::api_versions::ApiVersion;
use kafka_wire::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use kafka_wire::messages::produce::{
    PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use kafka_wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse, InitProducerIdRequest, InitProducerIdResponse,
    ProduceRequest,
};
use kafka_wire::{ApiKey, Reader, Request, RequestHeader, Uuid, decode_request, encode_response};

/// The topic that it leads.
pub(crate) const TOPIC: &str = "orders";

/// Keys of 16 bytes that spread over all partitions.
pub(crate) fn keys() -> Vec<String> {
    (0..1_000)
        .map(|number| format!("customer-{number:07}"))
        .collect()
}

pub(crate) struct Broker {
    pub(crate) address: Address,
    pub(crate) partitions: i32,
    frames: AtomicUsize,
    requests: AtomicUsize,
    batches: AtomicUsize,
}

impl Broker {
    pub(crate) fn new(address: Address, partitions: i32) -> Self {
        Self {
            address,
            partitions,
            frames: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            batches: AtomicUsize::new(0),
        }
    }

    /// Requests of any kind so far.
    pub(crate) fn frames(&self) -> usize {
        self.frames.load(Ordering::SeqCst)
    }

    /// Produce requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Batches in them.
    pub(crate) fn batches(&self) -> usize {
        self.batches.load(Ordering::SeqCst)
    }

    /// The answer to a request (which comes without its length), if one is wanted.
    pub(crate) fn answer(&self, frame: Bytes) -> Option<Bytes> {
        self.frames.fetch_add(1, Ordering::SeqCst);
        let mut input = Reader::new(frame);
        let header = RequestHeader::decode(&mut input).unwrap();
        match header.api_key {
            ApiKey::API_VERSIONS => Some(say::<ApiVersionsRequest>(&header, &spoken())),
            ApiKey::METADATA => {
                let asked: MetadataRequest = decode_request(&header, input).unwrap();
                Some(say::<MetadataRequest>(&header, &self.tell(asked)))
            }
            ApiKey::INIT_PRODUCER_ID => {
                let given = InitProducerIdResponse::default().with_producer_id(7_000);
                Some(say::<InitProducerIdRequest>(&header, &given))
            }
            ApiKey::PRODUCE => {
                let request: ProduceRequest = decode_request(&header, input).unwrap();
                let accepted = self.accept(&request);
                (request.acks != 0).then(|| say::<ProduceRequest>(&header, &accepted))
            }
            other => panic!("a producer that only sends asks for {other}"),
        }
    }

    fn tell(&self, asked: MetadataRequest) -> MetadataResponse {
        let topics = asked.topics.unwrap_or_default().into_iter();
        let partition = |index| {
            MetadataResponsePartition::default()
                .with_partition_index(index)
                .with_leader_id(ID)
                .with_leader_epoch(1)
        };
        MetadataResponse::default()
            .with_brokers(vec![
                MetadataResponseBroker::default()
                    .with_node_id(ID)
                    .with_host(self.address.host.clone())
                    .with_port(self.address.port.into()),
            ])
            .with_topics(
                topics
                    .map(|topic| {
                        MetadataResponseTopic::default()
                            .with_name(topic.name)
                            .with_topic_id(TOPIC_ID)
                            .with_partitions((0..self.partitions).map(partition).collect())
                    })
                    .collect(),
            )
    }

    fn accept(&self, request: &ProduceRequest) -> ProduceResponse {
        let topics = request.topic_data.iter();
        let partitions = topics.flat_map(|topic| &topic.partition_data);
        let accepted = acceptance(partitions.map(|partition| partition.index));
        let batches = accepted.responses[0].partition_responses.len();
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.batches.fetch_add(batches, Ordering::SeqCst);
        accepted
    }
}

/// The answer to a request for these partitions.
pub(super) fn acceptance(partitions: impl Iterator<Item = i32>) -> ProduceResponse {
    let accepted = partitions.map(|index| PartitionProduceResponse::default().with_index(index));
    ProduceResponse::default().with_responses(vec![
        TopicProduceResponse::default()
            .with_name(TOPIC.to_owned())
            .with_topic_id(TOPIC_ID)
            .with_partition_responses(accepted.collect()),
    ])
}

fn say<R: Request>(header: &RequestHeader, answer: &R::Response) -> Bytes {
    encode_response::<R>(header.correlation_id, header.version(), answer).unwrap()
}

fn spoken() -> ApiVersionsResponse {
    fn range<R: Request>() -> ApiVersion {
        ApiVersion::default()
            .with_api_key(R::KEY)
            .with_min_version(R::STABLE_VERSIONS.oldest)
            .with_max_version(R::STABLE_VERSIONS.latest)
    }
    ApiVersionsResponse::default().with_api_keys(vec![
        range::<ProduceRequest>(),
        range::<MetadataRequest>(),
        range::<ApiVersionsRequest>(),
        range::<InitProducerIdRequest>(),
    ])
}

const ID: i32 = 1;
const TOPIC_ID: Uuid = Uuid([7; 16]);
