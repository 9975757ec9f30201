//! Metadata: topics by name and id, and those that do not exist yet.

use kafka_mock::cluster::ClusterConfig;
use kafka_wire::{
    ErrorCode, Uuid,
    messages::{
        MetadataRequest,
        metadata::{MetadataRequestTopic, MetadataResponseTopic},
    },
};

use crate::driver::{Driver, ONE};

fn by_name(name: &str) -> MetadataRequest {
    let topic = MetadataRequestTopic::default().with_name(Some(name.to_owned()));
    MetadataRequest::default().with_topics(Some(vec![topic]))
}

fn by_id(topic_id: Uuid) -> MetadataRequest {
    let topic = MetadataRequestTopic::default()
        .with_name(None)
        .with_topic_id(topic_id);
    MetadataRequest::default().with_topics(Some(vec![topic]))
}

fn only_topic(
    driver: &mut Driver,
    version: i16,
    request: &MetadataRequest,
) -> MetadataResponseTopic {
    let [topic] = <[_; 1]>::try_from(driver.ask(ONE, version, request).topics).unwrap();
    topic
}

#[test]
fn brokers_partitions_and_leaders_are_told() {
    let mut driver = Driver::new(3);
    let answer = driver.ask(ONE, 12, &by_name("t"));
    assert_eq!(
        answer
            .brokers
            .iter()
            .map(|it| it.node_id)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(answer.controller_id, 1);
    assert_eq!(answer.cluster_id, Some(driver.cluster.id().to_string()));
    let [topic] = <[_; 1]>::try_from(answer.topics).unwrap();
    assert!(!topic.topic_id.is_zero());
    let leaders: Vec<_> = topic
        .partitions
        .iter()
        .map(|it| (it.leader_id, it.leader_epoch))
        .collect();
    assert_eq!(leaders, [(1, 0), (2, 0)]);
    assert_eq!(topic.partitions[1].replica_nodes, [2, 3, 1]);
    assert_eq!(topic.partitions[1].isr_nodes, [2, 3, 1]);
}

#[test]
fn brokers_stand_in_the_racks_of_the_configuration() {
    let racks = vec!["a".to_owned(), "b".to_owned()];
    let config = ClusterConfig::default().with_brokers(3).with_racks(racks);
    let mut driver = Driver::with(config);
    let brokers = driver.ask(ONE, 12, &by_name("t")).brokers;
    let racks: Vec<_> = brokers.iter().map(|it| it.rack.as_deref()).collect();
    assert_eq!(racks, [Some("a"), Some("b"), None]);
}

#[test]
fn null_is_all_topics_and_empty_is_none_except_in_version_0() {
    let mut driver = Driver::new(1);
    let none = MetadataRequest::default().with_topics(Some(vec![]));
    let all = MetadataRequest::default().with_topics(None);
    assert_eq!(driver.ask(ONE, 0, &none).topics.len(), 1);
    assert_eq!(driver.ask(ONE, 1, &none).topics.len(), 0);
    assert_eq!(driver.ask(ONE, 1, &all).topics.len(), 1);
}

#[test]
fn a_topic_is_found_by_its_id() {
    let mut driver = Driver::new(1);
    let id = driver.topic_id("t");
    let topic = only_topic(&mut driver, 12, &by_id(id));
    assert_eq!(
        (topic.error_code, topic.name.as_deref()),
        (ErrorCode::NONE, Some("t"))
    );
}

#[test]
fn an_unknown_topic_id_creates_nothing() {
    let mut driver = Driver::new(1);
    let topic = only_topic(&mut driver, 12, &by_id(Uuid([9; 16])));
    assert_eq!(
        (topic.error_code, topic.name),
        (ErrorCode::UNKNOWN_TOPIC_ID, None)
    );
    assert_eq!(driver.cluster.topics().count(), 1);
}

#[test]
fn a_topic_that_is_asked_for_is_there_the_next_time() {
    let mut driver = Driver::new(1);
    let code = |driver: &mut Driver| only_topic(driver, 12, &by_name("new")).error_code;
    assert_eq!(code(&mut driver), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(code(&mut driver), ErrorCode::NONE);
    assert_eq!(driver.cluster.partitions("new"), Some(1));
}

#[test]
fn nothing_is_created_where_the_client_or_the_broker_does_not_want_it() {
    let mut driver = Driver::new(1);
    let request = by_name("new").with_allow_auto_topic_creation(false);
    only_topic(&mut driver, 12, &request);
    assert_eq!(driver.cluster.partitions("new"), None);

    let config = ClusterConfig::default().with_auto_create_topics(false);
    let mut driver = Driver::with(config);
    only_topic(&mut driver, 12, &by_name("new"));
    assert_eq!(driver.cluster.partitions("new"), None);
}

#[test]
fn an_impossible_name_is_no_topic() {
    let topic = only_topic(&mut Driver::new(1), 12, &by_name("a b"));
    assert_eq!(topic.error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    assert_eq!(Driver::new(1).topic_id("t"), Driver::new(1).topic_id("t"));
}
