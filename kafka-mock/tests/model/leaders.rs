//! Leaders that move and brokers that die.

use kafka_mock::cluster::{Answer, ClusterConfig, ClusterError};
use kafka_wire::{ErrorCode, messages::MetadataRequest};

use crate::driver::{ACKS_ALL, Driver, ONE, TWO, batch, produce_request};

#[test]
fn a_broker_that_does_not_lead_names_the_leader_from_version_10_on() {
    let mut driver = Driver::new(2);
    driver.cluster.move_leader("t", 0, TWO).unwrap();
    let request = produce_request(driver.topic_id("t"), 0, ACKS_ALL, batch(&["a"]));
    for version in 3..=13 {
        let answer = driver.ask(ONE, version, &request);
        let outcome = &answer.responses[0].partition_responses[0];
        assert_eq!(outcome.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
        let leader = &outcome.current_leader;
        let endpoints: Vec<_> = answer.node_endpoints.iter().map(|it| it.node_id).collect();
        if version < 10 {
            assert_eq!((leader.leader_id, endpoints.len()), (-1, 0));
        } else {
            assert_eq!(
                (leader.leader_id, leader.leader_epoch, endpoints),
                (2, 1, vec![2])
            );
        }
    }
    assert_eq!(driver.cluster.record_count("t"), 0);
}

#[test]
fn only_a_live_replica_in_sync_can_lead() {
    let mut driver = Driver::new(2);
    driver.cluster.kill_broker(TWO).unwrap();
    let error = driver.cluster.move_leader("t", 0, TWO).unwrap_err();
    assert!(matches!(error, ClusterError::NotInSync { .. }));
}

#[test]
fn a_dead_broker_answers_nothing_and_is_not_told_of() {
    let mut driver = Driver::new(2);
    driver.cluster.kill_broker(ONE).unwrap();
    assert_eq!(
        driver.send(ONE, 12, &MetadataRequest::default()),
        Answer::Close
    );
    let all = MetadataRequest::default().with_topics(None);
    let answer = driver.ask(TWO, 12, &all);
    assert_eq!(
        answer
            .brokers
            .iter()
            .map(|it| it.node_id)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(answer.controller_id, 2);
    for partition in &answer.topics[0].partitions {
        assert_eq!(
            (partition.leader_id, &partition.isr_nodes[..]),
            (2, &[2][..])
        );
        assert_eq!(partition.offline_replicas, [1]);
    }
}

#[test]
fn a_partition_without_a_live_replica_has_no_leader_until_one_returns() {
    let config = ClusterConfig::default()
        .with_brokers(2)
        .with_default_replication_factor(1);
    let mut driver = Driver::with(config);
    driver.produce(batch(&["a"]));
    driver.cluster.kill_broker(ONE).unwrap();
    let all = MetadataRequest::default().with_topics(None);
    let answer = driver.ask(TWO, 12, &all);
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(partition.error_code, ErrorCode::LEADER_NOT_AVAILABLE);
    assert_eq!(
        (partition.leader_id, &partition.offline_replicas[..]),
        (-1, &[1][..])
    );
    driver.cluster.restart_broker(ONE).unwrap();
    assert_eq!(driver.produce(batch(&["b"])).base_offset, 1);
}

#[test]
fn too_few_replicas_in_sync_refuse_acks_all_and_no_other() {
    let config = ClusterConfig::default()
        .with_brokers(2)
        .with_min_insync_replicas(2);
    let mut driver = Driver::with(config);
    driver.cluster.kill_broker(TWO).unwrap();
    assert_eq!(
        driver.verdict(batch(&["a"])),
        ErrorCode::NOT_ENOUGH_REPLICAS
    );
    assert_eq!(
        driver.produce_to(ONE, 12, 1, batch(&["a"])).error_code,
        ErrorCode::NONE
    );
    driver.cluster.restart_broker(TWO).unwrap();
    assert_eq!(driver.verdict(batch(&["a"])), ErrorCode::NONE);
}

#[test]
fn a_topic_that_is_deleted_and_created_again_is_another() {
    let mut driver = Driver::new(1);
    driver.produce(batch(&["a"]));
    let old = driver.topic_id("t");
    driver.cluster.delete_topic("t").unwrap();
    driver
        .cluster
        .create_topic("t", driver.cluster.config().topic(1))
        .unwrap();
    assert_ne!(driver.topic_id("t"), old);
    let request = produce_request(old, 0, ACKS_ALL, batch(&["b"]));
    let answer = driver.ask(ONE, 13, &request);
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(driver.cluster.record_count("t"), 0);
}
