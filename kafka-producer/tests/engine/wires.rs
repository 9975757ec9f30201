//! What goes over the wire between the engine and the brokers of these tests: requests read, and
//! answers written, by nothing but the protocol's own crate.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use kafka_accumulator::Batch;
use kafka_producer::engine::{Outgoing, Payload};
use kafka_producer::error::DeliveryError;
use kafka_wire::messages::api_versions::ApiVersion;
use kafka_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult,
};
use kafka_wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState,
    TopicResponse,
};
use kafka_wire::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use kafka_wire::messages::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
    ProduceResponse, TopicProduceResponse,
};
use kafka_wire::messages::{
    ApiVersionsRequest, ApiVersionsResponse, GetTelemetrySubscriptionsRequest,
    InitProducerIdRequest, ProduceRequest, PushTelemetryRequest, SaslAuthenticateRequest,
    SaslHandshakeRequest,
};
use kafka_wire::records::{BatchHeader, Record, RecordBatch};
use kafka_wire::{
    ApiKey, ErrorCode, Reader, Request, RequestHeader, Uuid, decode_request, encode_response,
};

use crate::transactions::{Ask, SPOKEN};

/// A request as a broker reads it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) header: RequestHeader,
    pub(crate) what: What,
    pub(crate) frame_bytes: usize,
    /// The batches of a produce request as the driver has them, as long as the engine does.
    pub(crate) shared: Vec<Weak<Batch<DeliveryError>>>,
    /// Brokers that the answer to a produce request tells the addresses of (KIP-951).
    pub(crate) endpoints: Vec<NodeEndpoint>,
}

#[derive(Debug)]
pub(crate) enum What {
    /// Cluster and node that are meant.
    ApiVersions(Option<(String, i32)>),
    Sasl(SaslStep),
    Metadata(Vec<String>),
    ProducerId,
    Transaction(Ask),
    /// How long a broker remembers producers.
    Expiration,
    /// Which metrics are wanted of this client.
    Subscription(Uuid),
    MetricsPush(PushTelemetryRequest),
    /// What the log of a partition has of its producers.
    Producers {
        topic: String,
        partitions: Vec<i32>,
    },
    Produce {
        acks: i16,
        batches: Vec<Sent>,
    },
}

/// A request of a login.
#[derive(Clone, Debug)]
pub(crate) enum SaslStep {
    Mechanism(String),
    Says(Bytes),
}

/// One batch of a produce request.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) topic: String,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
    pub(crate) header: BatchHeader,
    pub(crate) values: Vec<String>,
    pub(crate) records: Vec<Record>,
}

impl Sent {
    /// Epoch and first sequence number.
    pub(crate) fn numbers(&self) -> (i16, i32) {
        (self.header.producer_epoch, self.header.base_sequence)
    }
}

impl Asked {
    pub(crate) fn read(outgoing: &Outgoing) -> Self {
        let frame = match &outgoing.payload {
            Payload::Whole(frame) => frame.clone(),
            Payload::Produce(order) => order.frame().unwrap().into_bytes(),
        };
        let length = i32::from_be_bytes(*frame.first_chunk().unwrap());
        assert_eq!(length as usize, frame.len() - 4, "a frame says its length");
        let mut input = Reader::new(frame.slice(4..));
        let header = RequestHeader::decode(&mut input).unwrap();
        assert_eq!(header.correlation_id, outgoing.correlation_id);
        assert_eq!(header.client_id.as_deref(), Some("scripted"));
        let what = match header.api_key {
            ApiKey::API_VERSIONS => greeting(decode_request(&header, input).unwrap()),
            ApiKey::SASL_HANDSHAKE => {
                let request: SaslHandshakeRequest = decode_request(&header, input).unwrap();
                assert_eq!(
                    header.api_version, 1,
                    "version 0 is followed by bare tokens"
                );
                What::Sasl(SaslStep::Mechanism(request.mechanism))
            }
            ApiKey::SASL_AUTHENTICATE => {
                let request: SaslAuthenticateRequest = decode_request(&header, input).unwrap();
                What::Sasl(SaslStep::Says(request.auth_bytes))
            }
            ApiKey::METADATA => {
                let request: MetadataRequest = decode_request(&header, input).unwrap();
                let topics = request.topics.unwrap_or_default().into_iter();
                What::Metadata(topics.filter_map(|topic| topic.name).collect())
            }
            ApiKey::INIT_PRODUCER_ID => {
                let ask = input.clone();
                let request: InitProducerIdRequest = decode_request(&header, input).unwrap();
                match request.transactional_id {
                    None => What::ProducerId,
                    Some(_) => What::Transaction(Ask::read(&header, ask).unwrap()),
                }
            }
            ApiKey::DESCRIBE_CONFIGS => What::Expiration,
            ApiKey::GET_TELEMETRY_SUBSCRIPTIONS => {
                subscription(&decode_request(&header, input).unwrap())
            }
            ApiKey::PUSH_TELEMETRY => What::MetricsPush(decode_request(&header, input).unwrap()),
            ApiKey::DESCRIBE_PRODUCERS => {
                let request: DescribeProducersRequest = decode_request(&header, input).unwrap();
                let [topic] = request.topics.try_into().expect("one topic");
                What::Producers {
                    topic: topic.name,
                    partitions: topic.partition_indexes,
                }
            }
            ApiKey::PRODUCE => {
                let request: ProduceRequest = decode_request(&header, input).unwrap();
                produce(request)
            }
            other => match Ask::read(&header, input) {
                Some(ask) => What::Transaction(ask),
                None => panic!("the engine asked for {other}"),
            },
        };
        let shared = match &outgoing.payload {
            Payload::Whole(_) => Vec::new(),
            Payload::Produce(order) => order.batches().map(Arc::downgrade).collect(),
        };
        Self {
            header,
            what,
            frame_bytes: frame.len(),
            shared,
            endpoints: Vec::new(),
        }
    }

    /// The answer of a broker, as the driver hands it over.
    pub(crate) fn answer<R: Request>(&self, response: &R::Response) -> Bytes {
        let version = self.header.version();
        encode_response::<R>(self.header.correlation_id, version, response)
            .unwrap()
            .slice(4..)
    }

    pub(crate) fn batches(&self) -> &[Sent] {
        match &self.what {
            What::Produce { batches, .. } => batches,
            other => panic!("{other:?} holds no batches"),
        }
    }

    /// The answer to a produce request: `says` what became of each batch.
    pub(crate) fn produced(&self, throttle_time_ms: i32, says: Vec<Says>) -> Bytes {
        let batches = self.batches();
        assert_eq!(
            says.len(),
            batches.len(),
            "one word for each of {batches:?}"
        );
        let mut responses: Vec<TopicProduceResponse> = Vec::new();
        for (sent, says) in batches.iter().zip(says) {
            let Some(answer) = says.about(sent.partition) else {
                continue;
            };
            match responses.last_mut() {
                Some(last) if last.name == sent.topic && last.topic_id == sent.topic_id => {
                    last.partition_responses.push(answer);
                }
                _ => responses.push(
                    TopicProduceResponse::default()
                        .with_name(sent.topic.clone())
                        .with_topic_id(sent.topic_id)
                        .with_partition_responses(vec![answer]),
                ),
            }
        }
        self.answer::<ProduceRequest>(
            &ProduceResponse::default()
                .with_responses(responses)
                .with_throttle_time_ms(throttle_time_ms)
                .with_node_endpoints(self.endpoints.clone()),
        )
    }
}

impl Asked {
    /// The answer of a broker that forgets producers after this time.
    pub(crate) fn expiration(&self, told: Result<Duration, ErrorCode>) -> Bytes {
        let config = |time: Duration| {
            DescribeConfigsResourceResult::default()
                .with_name("producer.id.expiration.ms".to_owned())
                .with_value(Some(time.as_millis().to_string()))
        };
        let result = DescribeConfigsResult::default()
            .with_error_code(told.err().unwrap_or_default())
            .with_configs(told.ok().map(config).into_iter().collect());
        self.answer::<DescribeConfigsRequest>(
            &DescribeConfigsResponse::default().with_results(vec![result]),
        )
    }

    /// The answer to a question about the producers of a partition: the last sequence of each id
    /// and epoch.
    pub(crate) fn producers(&self, told: Result<&[(i64, i16, i32)], ErrorCode>) -> Bytes {
        let What::Producers { topic, partitions } = &self.what else {
            panic!("{:?} asks for no producers", self.what);
        };
        let producers = told.unwrap_or_default().iter();
        let active_producers = producers.map(|&(producer_id, epoch, last_sequence)| {
            ProducerState::default()
                .with_producer_id(producer_id)
                .with_producer_epoch(epoch.into())
                .with_last_sequence(last_sequence)
        });
        let active_producers: Vec<_> = active_producers.collect();
        let partitions = partitions.iter().map(|&partition_index| {
            PartitionResponse::default()
                .with_partition_index(partition_index)
                .with_error_code(told.err().unwrap_or_default())
                .with_active_producers(active_producers.clone())
        });
        let topic = TopicResponse::default()
            .with_name(topic.clone())
            .with_partitions(partitions.collect());
        let told = DescribeProducersResponse::default().with_topics(vec![topic]);
        self.answer::<DescribeProducersRequest>(&told)
    }
}

fn greeting(request: ApiVersionsRequest) -> What {
    let (cluster, node) = (request.cluster_id, request.node_id);
    assert_eq!(cluster.is_some(), node != -1, "both ids or none");
    What::ApiVersions(cluster.map(|cluster| (cluster, node)))
}

fn subscription(request: &GetTelemetrySubscriptionsRequest) -> What {
    What::Subscription(request.client_instance_id)
}

fn produce(request: ProduceRequest) -> What {
    let mut batches = Vec::new();
    for topic in request.topic_data {
        for partition in topic.partition_data {
            let mut records = partition.records.unwrap();
            let batch = RecordBatch::decode(&mut records).unwrap();
            assert!(records.is_empty(), "one batch for a partition in a request");
            let records: Vec<Record> = batch.records().collect::<Result<_, _>>().unwrap();
            let values = records.iter().map(|record| {
                let value = record.value.as_ref().unwrap();
                String::from_utf8(value.to_vec()).unwrap()
            });
            batches.push(Sent {
                topic: topic.name.clone(),
                topic_id: topic.topic_id,
                partition: partition.index,
                header: batch.header().clone(),
                values: values.collect(),
                records,
            });
        }
    }
    What::Produce {
        acks: request.acks,
        batches,
    }
}

/// What a broker says of one batch.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// Nothing: the answer leaves the partition out.
    Nothing,
    This(PartitionProduceResponse),
}

impl Says {
    fn about(self, index: i32) -> Option<PartitionProduceResponse> {
        match self {
            Self::Nothing => None,
            Self::This(answer) => Some(answer.with_index(index)),
        }
    }

    /// With words of the broker's own.
    pub(crate) fn because(self, message: &str) -> Self {
        self.with(|answer| answer.error_message = Some(message.to_owned()))
    }

    /// Naming the leader that it knows of (KIP-951).
    pub(crate) fn leader_is(self, leader_id: i32, leader_epoch: i32) -> Self {
        self.with(|answer| {
            answer.current_leader = LeaderIdAndEpoch::default()
                .with_leader_id(leader_id)
                .with_leader_epoch(leader_epoch)
        })
    }

    /// Telling the first offset that the log still has.
    pub(crate) fn log_starts_at(self, offset: i64) -> Self {
        self.with(|answer| answer.log_start_offset = offset)
    }

    /// Appended at this offset before.
    pub(crate) fn after_append(self, base_offset: i64) -> Self {
        self.with(|answer| answer.base_offset = base_offset)
    }

    /// Dated by the broker.
    pub(crate) fn appended_at(self, log_append_time_ms: i64) -> Self {
        self.with(|answer| answer.log_append_time_ms = log_append_time_ms)
    }

    /// Naming the records that are to blame (KIP-467).
    pub(crate) fn blaming(self, records: &[(i32, Option<&str>)]) -> Self {
        self.with(|answer| {
            let errors = records.iter().map(|(index, why)| {
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(*index)
                    .with_batch_index_error_message(why.map(str::to_owned))
            });
            answer.record_errors = errors.collect();
        })
    }

    fn with(mut self, change: impl FnOnce(&mut PartitionProduceResponse)) -> Self {
        if let Self::This(answer) = &mut self {
            change(answer);
        }
        self
    }
}

/// Appended, from this offset on.
pub(crate) fn ok(base_offset: i64) -> Says {
    Says::This(PartitionProduceResponse::default().with_base_offset(base_offset))
}

/// Refused before the append, if the code leaves it open.
pub(crate) fn error(error_code: ErrorCode) -> Says {
    Says::This(
        PartitionProduceResponse::default()
            .with_error_code(error_code)
            .with_base_offset(-1),
    )
}

/// What the brokers speak: every request of a producer, Produce up to this version.
pub(crate) fn versions(produce_latest: i16) -> ApiVersionsResponse {
    let range = |api_key, min_version, max_version| {
        ApiVersion::default()
            .with_api_key(api_key)
            .with_min_version(min_version)
            .with_max_version(max_version)
    };
    let transactions = SPOKEN.map(|(api_key, latest)| range(api_key, 0, latest));
    let mut spoken = ApiVersionsResponse::default().with_api_keys(vec![
        range(ApiKey::PRODUCE, 0, produce_latest),
        range(ApiKey::METADATA, 0, 13),
        range(
            ApiKey::API_VERSIONS,
            0,
            ApiVersionsRequest::STABLE_VERSIONS.latest,
        ),
        range(ApiKey::INIT_PRODUCER_ID, 0, 5),
        range(ApiKey::DESCRIBE_PRODUCERS, 0, 0),
        range(ApiKey::DESCRIBE_CONFIGS, 1, 4),
        range(ApiKey::GET_TELEMETRY_SUBSCRIPTIONS, 0, 0),
        range(ApiKey::PUSH_TELEMETRY, 0, 0),
        range(ApiKey::SASL_HANDSHAKE, 0, 1),
        range(ApiKey::SASL_AUTHENTICATE, 0, 2),
    ]);
    spoken.api_keys.extend(transactions);
    spoken
}

/// The cluster as its brokers tell of it.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    pub(crate) brokers: Vec<i32>,
    pub(crate) topics: Vec<TopicOnMap>,
    /// How often all topics were deleted and made anew.
    pub(crate) life: u8,
    /// Whether topics have ids (KIP-516).
    pub(crate) ids: bool,
    /// The id of the cluster, if it is told.
    pub(crate) cluster: Option<&'static str>,
    /// Where brokers stand, if they tell.
    pub(crate) racks: BTreeMap<i32, &'static str>,
}

#[derive(Clone, Debug)]
pub(crate) struct TopicOnMap {
    pub(crate) name: Arc<str>,
    /// If not NONE, that is all there is to say.
    pub(crate) error_code: ErrorCode,
    /// Leader and leader epoch of each partition; -1: none.
    pub(crate) leaders: Vec<(i32, i32)>,
}

impl Map {
    /// One topic: partition n is led by the nth broker named.
    pub(crate) fn of(topic: &str, leaders: &[i32]) -> Self {
        let mut brokers: Vec<i32> = leaders.iter().copied().filter(|id| *id >= 0).collect();
        brokers.sort_unstable();
        brokers.dedup();
        Self {
            brokers,
            topics: vec![TopicOnMap::of(topic, leaders)],
            life: 0,
            ids: true,
            cluster: Some("tea"),
            racks: BTreeMap::new(),
        }
    }

    /// Moves a partition of the first topic, under the next epoch.
    pub(crate) fn moves(&mut self, partition: usize, leader: i32) {
        let (led_by, epoch) = &mut self.topics[0].leaders[partition];
        *led_by = leader;
        *epoch += 1;
        if leader >= 0 && !self.brokers.contains(&leader) {
            self.brokers.push(leader);
        }
    }

    pub(crate) fn topic_id(&self, name: &str) -> Uuid {
        let at = self.topics.iter().position(|topic| *topic.name == *name);
        let mut id = [7; 16];
        id[14] = self.life;
        id[15] = at.unwrap() as u8;
        Uuid(id)
    }

    /// The answer to a question about these topics.
    pub(crate) fn tell(&self, asked: &[String]) -> MetadataResponse {
        let brokers = self.brokers.iter().map(|&node_id| {
            MetadataResponseBroker::default()
                .with_node_id(node_id)
                .with_host(format!("broker-{node_id}"))
                .with_port(9092)
                .with_rack(self.racks.get(&node_id).map(|rack| (*rack).to_owned()))
        });
        MetadataResponse::default()
            .with_cluster_id(self.cluster.map(str::to_owned))
            .with_brokers(brokers.collect())
            .with_topics(asked.iter().map(|name| self.tell_topic(name)).collect())
    }

    fn tell_topic(&self, name: &str) -> MetadataResponseTopic {
        let Some(topic) = self.topics.iter().find(|topic| *topic.name == *name) else {
            return MetadataResponseTopic::default()
                .with_error_code(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
                .with_name(Some(name.to_owned()));
        };
        let partitions = topic.leaders.iter().zip(0..);
        let partitions = partitions.map(|(&(leader_id, leader_epoch), partition_index)| {
            let error_code = match leader_id {
                0.. => ErrorCode::NONE,
                _ => ErrorCode::LEADER_NOT_AVAILABLE,
            };
            MetadataResponsePartition::default()
                .with_error_code(error_code)
                .with_partition_index(partition_index)
                .with_leader_id(leader_id)
                .with_leader_epoch(leader_epoch)
        });
        MetadataResponseTopic::default()
            .with_error_code(topic.error_code)
            .with_name(Some(name.to_owned()))
            .with_topic_id(match self.ids {
                true => self.topic_id(name),
                false => Uuid::ZERO,
            })
            .with_partitions(match topic.error_code {
                ErrorCode::NONE => partitions.collect(),
                _ => Vec::new(),
            })
    }
}

impl TopicOnMap {
    pub(crate) fn of(name: &str, leaders: &[i32]) -> Self {
        Self {
            name: Arc::from(name),
            error_code: ErrorCode::NONE,
            leaders: leaders.iter().map(|&leader| (leader, 1)).collect(),
        }
    }
}
