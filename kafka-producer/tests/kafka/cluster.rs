//! The cluster that the environment names, topics in it, and producers for it.
//!
//! Topics are created by a request of our own protocol crate on a socket of the standard library,
//! so that neither the producer nor a Java process is needed for it.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kafka_producer::{ErrorCode, Producer, ProducerBuilder};
use kafka_wire::messages::DeleteTopicsRequest;
use kafka_wire::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use kafka_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use kafka_wire::{Request, decode_response, encode_request};

/// Longer than anything here takes on the busiest machine.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Where the cluster is.
pub(crate) fn servers() -> String {
    environment("KAFKA_BOOTSTRAP_SERVERS")
}

/// What `cargo xtask` says in the environment.
#[allow(
    clippy::disallowed_methods,
    reason = "the only way to be told of the cluster"
)]
pub(crate) fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run these tests by `cargo xtask ci kafka`, or start a cluster \
                by `cargo xtask kafka up` and `eval \"$(cargo xtask kafka env)\"`"
        )
    })
}

/// A name that no other test, nor another run of this one, uses.
pub(crate) fn topic_name(what: &str) -> String {
    format!("it-{what}-{:08x}", fastrand::u32(..))
}

/// A new topic of so many partitions on all three nodes, with settings of its own.
pub(crate) fn create_topic(what: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
    let replication_factor = 3;
    create(
        CreatableTopic::default()
            .with_name(topic_name(what))
            .with_num_partitions(partitions)
            .with_replication_factor(replication_factor)
            .with_configs(
                settings
                    .iter()
                    .map(|(name, value)| setting(name, value))
                    .collect(),
            ),
    )
}

/// A new topic whose partitions lie on these nodes, the preferred leader first.
pub(crate) fn create_topic_on<const REPLICAS: usize>(
    what: &str,
    nodes: &[[i32; REPLICAS]],
) -> String {
    let assignment = |(partition_index, nodes): (i32, &[i32; REPLICAS])| {
        CreatableReplicaAssignment::default()
            .with_partition_index(partition_index)
            .with_broker_ids(nodes.to_vec())
    };
    create(
        CreatableTopic::default()
            .with_name(topic_name(what))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments((0..).zip(nodes).map(assignment).collect()),
    )
}

fn setting(name: &str, value: &str) -> CreatableTopicConfig {
    CreatableTopicConfig::default()
        .with_name(name.to_owned())
        .with_value(Some(value.to_owned()))
}

/// Deletes a topic, and makes another of its name with so many partitions as soon as there can be one.
pub(crate) fn make_anew(topic: &str, partitions: i32) {
    let request = DeleteTopicsRequest::default()
        .with_topic_names(vec![topic.to_owned()])
        .with_timeout_ms(30_000);
    let answer = ask(3, &request);
    assert_eq!(answer.responses[0].error_code, ErrorCode::NONE);
    create(
        CreatableTopic::default()
            .with_name(topic.to_owned())
            .with_num_partitions(partitions)
            .with_replication_factor(3),
    );
}

fn create(topic: CreatableTopic) -> String {
    let name = topic.name.clone();
    let topics = vec![topic];
    let timeout_ms = 30_000;
    let request = CreateTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(timeout_ms)
        .with_validate_only(false);
    let answer = ask(5, &request);
    let created = &answer.topics[0];
    assert_eq!(
        created.error_code,
        ErrorCode::NONE,
        "{name}: {:?}",
        created.error_message
    );
    name
}

/// The leaders of a topic, by partition; -1 where there is none.
pub(crate) fn leaders(topic: &str) -> BTreeMap<i32, i32> {
    let name = Some(topic.to_owned());
    let topics = vec![MetadataRequestTopic::default().with_name(name)];
    let request = MetadataRequest::default().with_topics(Some(topics));
    let answer = ask(9, &request);
    let partitions = answer.topics[0].partitions.iter();
    partitions
        .map(|partition| (partition.partition_index, partition.leader_id))
        .collect()
}

/// Asks the first node that answers; in Kafka's KRaft mode each passes on what the controller is to
/// do.
pub(crate) fn ask<R: Request>(version: i16, request: &R) -> R::Response {
    let servers = servers();
    let mut refusals = Vec::new();
    for server in servers.split(',') {
        match ask_at(server, version, request) {
            Ok(answer) => return answer,
            Err(error) => refusals.push(format!("{server}: {error}")),
        }
    }
    panic!("no node answers: {refusals:?}");
}

/// Asks the node that listens there.
pub(crate) fn ask_at<R: Request>(
    server: &str,
    version: i16,
    request: &R,
) -> io::Result<R::Response> {
    let version = R::version(version).unwrap();
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(TIME_LIMIT / 4))?;
    let frame = encode_request(1, Some("tests"), version, request).map_err(io::Error::other)?;
    stream.write_all(&frame)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    Ok(decode_response::<R>(frame.into(), version).unwrap().1)
}

/// A producer of text with these settings.
pub(crate) fn producer(settings: &[(&str, &str)]) -> Producer<str, str> {
    builder(settings).build().unwrap()
}

/// The same, not built yet.
pub(crate) fn builder(settings: &[(&str, &str)]) -> ProducerBuilder<str, str> {
    // Brokers that have just started, on a busy machine, take long to make what they need.
    let limit_ms = TIME_LIMIT.as_millis().to_string();
    let builder = Producer::builder()
        .set("bootstrap.servers", servers())
        .set("max.block.ms", limit_ms);
    settings
        .iter()
        .fold(builder, |builder, (name, value)| builder.set(name, *value))
}

/// What the future gives, which must not take forever.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIME_LIMIT, future)
        .await
        .expect("it hangs")
}
