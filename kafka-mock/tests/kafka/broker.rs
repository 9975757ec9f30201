//! One broker, real or embedded, and what it answers.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_mock::{MockCluster, cluster::ClusterConfig};
use kafka_wire::{
    ErrorCode, Request, Uuid, decode_response, encode_request,
    messages::{
        CreateTopicsRequest, FetchRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest,
        SaslAuthenticateRequest, SaslHandshakeRequest,
        create_topics::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
        fetch::{FetchPartition, FetchTopic},
        list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
        metadata::MetadataRequestTopic,
        produce::{PartitionProduceData, TopicProduceData},
    },
};

use crate::batches::Sent;

pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(120);

/// One broker, real or not.
#[derive(Clone)]
pub(crate) struct Broker {
    address: String,
    login: Option<Login>,
}

/// Name and password of a user, for PLAIN.
pub(crate) type Login = (&'static str, &'static str);

impl Broker {
    pub(crate) fn at(address: String) -> Self {
        let login = None;
        Self { address, login }
    }

    /// The same for a user.
    pub(crate) fn by(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// The broker of this id, where this one says that it listens.
    pub(crate) fn other(&self, id: i32) -> Self {
        let nothing = MetadataRequest::default().with_topics(Some(vec![]));
        let brokers = self.ask(12, &nothing).brokers;
        let broker = brokers.iter().find(|it| it.node_id == id).unwrap();
        let address = format!("{}:{}", broker.host, broker.port);
        let login = self.login;
        Self { address, login }
    }

    pub(crate) fn is_at(&self, port: i32) -> bool {
        self.address.ends_with(&format!(":{port}"))
    }

    /// The response, or none if the connection is closed instead.
    pub(crate) fn try_ask<R: Request>(&self, version: i16, request: &R) -> Option<R::Response> {
        let version = R::version(version).unwrap();
        let frame = self.exchange(&encode_request(1, Some("same"), version, request).ok()?)?;
        Some(decode_response::<R>(frame, version).unwrap().1)
    }

    pub(crate) fn ask<R: Request>(&self, version: i16, request: &R) -> R::Response {
        self.try_ask(version, request).expect("it answers")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        if let Some(login) = self.login {
            log_in(&mut stream, login);
        }
        stream
    }

    pub(crate) fn exchange(&self, frame: &[u8]) -> Option<Bytes> {
        let mut stream = self.connect();
        answer(&mut stream, frame)
    }

    /// The broker that leads all partitions of `topic`, once somebody does.
    fn leader_of(&self, topic: &str) -> Self {
        let wanted = MetadataRequestTopic::default().with_name(Some(topic.to_owned()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![wanted]))
            .with_allow_auto_topic_creation(false);
        let deadline = Instant::now() + TIME_LIMIT;
        while Instant::now() < deadline {
            let answer = self.ask(12, &request);
            let partitions = &answer.topics[0].partitions;
            let leader = partitions.first().map_or(-1, |it| it.leader_id);
            if leader >= 0 && partitions.iter().all(|it| it.leader_id == leader) {
                let broker = answer
                    .brokers
                    .iter()
                    .find(|it| it.node_id == leader)
                    .unwrap();
                let broker = self.other(broker.node_id);
                if broker.leads_all(topic, partitions.len()) {
                    return broker;
                }
            }
        }
        panic!("nobody leads {topic}");
    }

    /// The id of a topic that there is.
    pub(crate) fn topic_id(&self, topic: &str) -> Uuid {
        let wanted = MetadataRequestTopic::default().with_name(Some(topic.to_owned()));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
        self.ask(12, &request).topics[0].topic_id
    }

    /// Whether it knows by itself that it leads, which may take longer than metadata.
    fn leads_all(&self, topic: &str, partitions: usize) -> bool {
        let partitions = (0..partitions as i32).map(|partition_index| {
            ListOffsetsPartition::default()
                .with_partition_index(partition_index)
                .with_timestamp(-1)
        });
        let topic = ListOffsetsTopic::default()
            .with_name(topic.to_owned())
            .with_partitions(partitions.collect());
        let request = ListOffsetsRequest::default()
            .with_replica_id(-1)
            .with_topics(vec![topic]);
        let answer = self.ask(9, &request);
        answer.topics[0]
            .partitions
            .iter()
            .all(|it| it.error_code.is_none())
    }

    pub(crate) fn create(&self, topic: &str, partitions: usize, settings: &[(&str, &str)]) -> Self {
        let configs = settings.iter().map(|(name, value)| {
            CreatableTopicConfig::default()
                .with_name((*name).to_owned())
                .with_value(Some((*value).to_owned()))
        });
        // All on one broker, whichever answers.
        let node = self.ask(12, &MetadataRequest::default().with_topics(Some(vec![])));
        let node = node.brokers[0].node_id;
        let assignments = (0..partitions as i32).map(|partition_index| {
            CreatableReplicaAssignment::default()
                .with_partition_index(partition_index)
                .with_broker_ids(vec![node])
        });
        let topic_request = CreatableTopic::default()
            .with_name(topic.to_owned())
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(assignments.collect())
            .with_configs(configs.collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic_request]);
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
pub(crate) enum Outcome {
    Closed,
    Answered {
        code: ErrorCode,
        base_offset: i64,
        has_append_time: bool,
        log_start_offset: i64,
        blamed: Vec<i32>,
    },
}

pub(crate) fn produce(
    broker: &Broker,
    topic: &str,
    partition: i32,
    version: i16,
    sent: &Sent,
) -> Outcome {
    let request = ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(sent.acks)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![
            TopicProduceData::default()
                .with_name(topic.to_owned())
                .with_partition_data(vec![
                    PartitionProduceData::default()
                        .with_index(partition)
                        .with_records(Some(sent.bytes.clone())),
                ]),
        ]);
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

fn answer(stream: &mut TcpStream, frame: &[u8]) -> Option<Bytes> {
    stream.write_all(frame).unwrap();
    let mut length = [0; 4];
    if let Err(error) = stream.read_exact(&mut length) {
        let timed_out = matches!(error.kind(), std::io::ErrorKind::WouldBlock);
        assert!(!timed_out, "neither an answer nor an end of the connection");
        return None;
    }
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).unwrap();
    Some(frame.into())
}

fn log_in(stream: &mut TcpStream, (name, password): Login) {
    let plain = SaslHandshakeRequest::default().with_mechanism("PLAIN".to_owned());
    let message = format!("\0{name}\0{password}");
    let message = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
    for frame in [framed(1, &plain), framed(2, &message)] {
        answer(stream, &frame).expect("it answers who logs in");
    }
}

fn framed<R: Request>(version: i16, request: &R) -> Bytes {
    let version = R::version(version).unwrap();
    encode_request(1, Some("same"), version, request).unwrap()
}

/// Error code and offset of an answer.
pub(crate) type Verdict = (ErrorCode, i64);

pub(crate) fn list(broker: &Broker, topic: &str, timestamp: i64) -> Verdict {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(0)
        .with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default()
        .with_name(topic.to_owned())
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id(-1)
        .with_topics(vec![topic]);
    let answer = broker.ask(9, &request);
    let found = &answer.topics[0].partitions[0];
    (found.error_code, found.offset)
}

pub(crate) fn fetch(broker: &Broker, topic: &str, version: i16, offset: i64) -> (Verdict, Bytes) {
    let partition = FetchPartition::default()
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(topic.to_owned())
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(10)
        .with_min_bytes(1)
        .with_topics(vec![topic]);
    let mut answer = broker.ask(version, &request);
    let data = answer.responses.remove(0).partitions.remove(0);
    (
        (data.error_code, data.high_watermark),
        data.records.unwrap_or_default(),
    )
}

pub(crate) struct Pair {
    pub(crate) kafka: Broker,
    pub(crate) mock: Broker,
    _cluster: MockCluster,
}

pub(crate) fn pair() -> Pair {
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
    let kafka = Broker::at(servers.split(',').next().unwrap().to_owned());
    // Shorter than Kafka's, so that tests end.
    let config = ClusterConfig::default()
        .with_brokers(3)
        .with_transaction_timeout_check(Duration::from_millis(100));
    let cluster = MockCluster::builder().config(config).start_blocking();
    let cluster = cluster.unwrap();
    let mock = cluster
        .bootstrap_servers()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    Pair {
        kafka,
        mock: Broker::at(mock),
        _cluster: cluster,
    }
}
