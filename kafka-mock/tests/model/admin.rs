//! Topics made, unmade and described over the wire.

use kafka_mock::cluster::CoordinatorKind;
use kafka_wire::{
    ErrorCode,
    messages::{
        CreateTopicsRequest, DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest,
        FindCoordinatorRequest,
        create_topics::{
            CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicResult,
        },
        delete_topics::DeleteTopicState,
        describe_configs::DescribeConfigsResource,
    },
};

use crate::driver::{Driver, ONE};

fn topic(name: &str) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(name.to_owned())
        .with_num_partitions(4)
        .with_replication_factor(2)
}

fn setting(name: &str, value: Option<&str>) -> CreatableTopicConfig {
    CreatableTopicConfig::default()
        .with_name(name.to_owned())
        .with_value(value.map(str::to_owned))
}

fn create(driver: &mut Driver, version: i16, topic: CreatableTopic) -> CreatableTopicResult {
    let request = CreateTopicsRequest::default().with_topics(vec![topic]);
    driver.ask(ONE, version, &request).topics.remove(0)
}

fn refusal(topic: CreatableTopic) -> ErrorCode {
    let mut driver = Driver::new(3);
    let before = driver.cluster.topics().count();
    let code = create(&mut driver, 7, topic).error_code;
    assert_eq!(driver.cluster.topics().count(), before);
    code
}

#[test]
fn topics_are_created_in_every_version() {
    let mut driver = Driver::new(3);
    for version in 2..=7 {
        let name = format!("new{version}");
        let result = create(&mut driver, version, topic(&name));
        assert_eq!(
            result.error_code,
            ErrorCode::NONE,
            "{:?}",
            result.error_message
        );
        assert_eq!(driver.cluster.partitions(&name), Some(4));
        if version >= 5 {
            assert_eq!((result.num_partitions, result.replication_factor), (4, 2));
        }
        if version >= 7 {
            assert_eq!(result.topic_id, driver.topic_id(&name));
        }
    }
}

#[test]
fn what_kafka_refuses_is_refused() {
    let with = |change: fn(&mut CreatableTopic)| {
        let mut topic = topic("new");
        change(&mut topic);
        refusal(topic)
    };
    assert_eq!(
        with(|it| it.name = "t".to_owned()),
        ErrorCode::TOPIC_ALREADY_EXISTS
    );
    assert_eq!(
        with(|it| it.name = "a b".to_owned()),
        ErrorCode::INVALID_TOPIC_EXCEPTION
    );
    assert_eq!(
        with(|it| it.num_partitions = 0),
        ErrorCode::INVALID_PARTITIONS
    );
    assert_eq!(
        with(|it| it.num_partitions = 10_000),
        ErrorCode::POLICY_VIOLATION
    );
    assert_eq!(
        with(|it| it.num_partitions = i32::MAX),
        ErrorCode::POLICY_VIOLATION
    );
    assert_eq!(
        with(|it| it.replication_factor = 4),
        ErrorCode::INVALID_REPLICATION_FACTOR
    );
    assert_eq!(
        with(|it| it.replication_factor = 0),
        ErrorCode::INVALID_REPLICATION_FACTOR
    );
    let config = ErrorCode::INVALID_CONFIG;
    assert_eq!(
        with(|it| it.configs = vec![setting("no.such", Some("1"))]),
        config
    );
    assert_eq!(
        with(|it| it.configs = vec![setting("cleanup.policy", Some("burn"))]),
        config
    );
    assert_eq!(
        with(|it| it.configs = vec![setting("max.message.bytes", Some("-1"))]),
        config
    );
    assert_eq!(
        with(|it| it.configs = vec![setting("max.message.bytes", None)]),
        config
    );
}

#[test]
fn replicas_can_be_assigned_by_hand() {
    let assigned = |partitions: &[(i32, &[i32])]| {
        topic("new")
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(
                partitions
                    .iter()
                    .map(|&(partition_index, brokers)| {
                        CreatableReplicaAssignment::default()
                            .with_partition_index(partition_index)
                            .with_broker_ids(brokers.to_vec())
                    })
                    .collect(),
            )
    };
    let mut driver = Driver::new(3);
    create(&mut driver, 7, assigned(&[(0, &[3, 1]), (1, &[2, 3])]));
    assert_eq!(
        driver.cluster.leader("new", 0).unwrap().map(|it| it.0),
        Some(3)
    );
    assert_eq!(
        driver.cluster.leader("new", 1).unwrap().map(|it| it.0),
        Some(2)
    );
    let refused = ErrorCode::INVALID_REPLICA_ASSIGNMENT;
    assert_eq!(refusal(assigned(&[(1, &[1])])), refused, "no partition 0");
    assert_eq!(
        refusal(assigned(&[(0, &[1, 1])])),
        refused,
        "twice the same broker"
    );
    assert_eq!(refusal(assigned(&[(0, &[9])])), refused, "no such broker");
    assert_eq!(
        refusal(assigned(&[(0, &[1]), (1, &[1, 2])])),
        refused,
        "uneven"
    );
    assert_eq!(refusal(assigned(&[(0, &[])])), refused, "no replicas");
    let both = assigned(&[(0, &[1])]).with_num_partitions(1);
    assert_eq!(refusal(both), ErrorCode::INVALID_REQUEST);
}

#[test]
fn a_name_given_twice_creates_nothing() {
    let mut driver = Driver::new(3);
    let topics = vec![topic("new"), topic("new"), topic("other")];
    let request = CreateTopicsRequest::default().with_topics(topics);
    let results = driver.ask(ONE, 7, &request).topics;
    let results: Vec<_> = results
        .iter()
        .map(|it| (it.name.as_str(), it.error_code))
        .collect();
    assert_eq!(
        results,
        [
            ("new", ErrorCode::INVALID_REQUEST),
            ("other", ErrorCode::NONE)
        ]
    );
}

#[test]
fn to_validate_creates_nothing() {
    let mut driver = Driver::new(3);
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic("new")])
        .with_validate_only(true);
    assert_eq!(
        driver.ask(ONE, 7, &request).topics[0].error_code,
        ErrorCode::NONE
    );
    assert_eq!(driver.cluster.partitions("new"), None);
}

#[test]
fn settings_are_told_as_they_were_given() {
    let mut driver = Driver::new(3);
    let mut asked = topic("new");
    asked.configs = vec![
        setting("cleanup.policy", Some("compact,delete")),
        setting("max.message.bytes", Some("1234")),
        setting("retention.ms", Some("99")),
    ];
    create(&mut driver, 7, asked);
    for version in 1..=4 {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name("new".to_owned())
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let result = driver.ask(ONE, version, &request).results.remove(0);
        assert_eq!(result.error_code, ErrorCode::NONE);
        let value = |name: &str| {
            let setting = result.configs.iter().find(|it| it.name == name).unwrap();
            setting.value.clone().unwrap()
        };
        assert_eq!(value("cleanup.policy"), "compact,delete");
        assert_eq!(value("max.message.bytes"), "1234");
        assert_eq!(value("retention.ms"), "99");
        assert_eq!(value("min.insync.replicas"), "1");
    }
}

#[test]
fn topics_are_deleted_by_name_and_by_id() {
    let mut driver = Driver::new(1);
    for version in 1..=5 {
        driver
            .cluster
            .create_topic("gone", driver.cluster.config().topic(1))
            .unwrap();
        let request = DeleteTopicsRequest::default().with_topic_names(vec!["gone".to_owned()]);
        let code = |driver: &mut Driver| driver.ask(ONE, version, &request).responses[0].error_code;
        assert_eq!(code(&mut driver), ErrorCode::NONE);
        assert_eq!(code(&mut driver), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    let topic_id = driver.topic_id("t");
    let request = DeleteTopicsRequest::default().with_topics(vec![
        DeleteTopicState::default()
            .with_name(None)
            .with_topic_id(topic_id),
    ]);
    let result = driver.ask(ONE, 6, &request).responses.remove(0);
    assert_eq!(
        (result.error_code, result.name.as_deref()),
        (ErrorCode::NONE, Some("t"))
    );
    assert_eq!(
        driver.ask(ONE, 6, &request).responses[0].error_code,
        ErrorCode::UNKNOWN_TOPIC_ID
    );
}

#[test]
fn the_cluster_is_described() {
    let mut driver = Driver::new(3);
    for version in 0..=2 {
        let answer = driver.ask(ONE, version, &DescribeClusterRequest::default());
        assert_eq!(
            (answer.error_code, answer.brokers.len()),
            (ErrorCode::NONE, 3)
        );
        assert_eq!(answer.controller_id, 1);
    }
    let controllers = DescribeClusterRequest::default().with_endpoint_type(2);
    let code = driver.ask(ONE, 2, &controllers).error_code;
    assert_eq!(code, ErrorCode::MISMATCHED_ENDPOINT_TYPE);
}

#[test]
fn some_broker_coordinates_every_key() {
    let mut driver = Driver::new(3);
    let kind = CoordinatorKind::Group;
    let [one, a, b] =
        ["group", "a", "b"].map(|key| driver.cluster.coordinator(kind, key).unwrap().0);
    for version in 0..=3 {
        let request = FindCoordinatorRequest::default().with_key("group".to_owned());
        let answer = driver.ask(ONE, version, &request);
        assert_eq!((answer.error_code, answer.node_id), (ErrorCode::NONE, one));
    }
    for version in 4..=6 {
        let coordinator_keys = vec!["a".to_owned(), "b".to_owned()];
        let request = FindCoordinatorRequest::default().with_coordinator_keys(coordinator_keys);
        let answer = driver.ask(ONE, version, &request);
        let found = answer.coordinators.iter();
        let found: Vec<_> = found.map(|it| (it.node_id, it.port > 0)).collect();
        assert_eq!(found, [(a, true), (b, true)]);
    }
}
