//! Topics that grow, logs that start later, and settings that change, over the wire.

use kafka_mock::cluster::{BrokerId, ClusterConfig};
use kafka_wire::{
    ErrorCode,
    messages::{
        CreatePartitionsRequest, DeleteRecordsRequest, DescribeConfigsRequest,
        IncrementalAlterConfigsRequest, ListOffsetsRequest,
        create_partitions::{CreatePartitionsAssignment, CreatePartitionsTopic},
        delete_records::{DeleteRecordsPartition, DeleteRecordsTopic},
        describe_configs::DescribeConfigsResource,
        incremental_alter_configs::{AlterConfigsResource, AlterableConfig},
        list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
    },
};

use crate::driver::{Driver, ONE, batch};

fn grown(name: &str, count: i32) -> CreatePartitionsTopic {
    CreatePartitionsTopic::default()
        .with_name(name.to_owned())
        .with_count(count)
        .with_assignments(None)
}

fn placed(count: i32, brokers: &[&[i32]]) -> CreatePartitionsTopic {
    let assignments = brokers
        .iter()
        .map(|ids| CreatePartitionsAssignment::default().with_broker_ids(ids.to_vec()));
    grown("t", count).with_assignments(Some(assignments.collect()))
}

fn grow(driver: &mut Driver, version: i16, topic: CreatePartitionsTopic) -> ErrorCode {
    let request = CreatePartitionsRequest::default().with_topics(vec![topic]);
    driver.ask(ONE, version, &request).results[0].error_code
}

#[test]
fn topics_grow_in_every_version() {
    let mut driver = Driver::new(3);
    for version in 0..=3 {
        let count = 3 + i32::from(version);
        let code = grow(&mut driver, version, grown("t", count));
        assert_eq!(code, ErrorCode::NONE);
        assert_eq!(driver.cluster.partitions("t"), Some(count));
    }
}

#[test]
fn topics_that_kafka_would_not_grow_stay() {
    let check = |topic, expected| {
        let mut driver = Driver::new(3);
        assert_eq!(grow(&mut driver, 3, topic), expected);
        assert_eq!(driver.cluster.partitions("t"), Some(2));
    };
    check(grown("t", 2), ErrorCode::INVALID_PARTITIONS);
    check(grown("t", 1), ErrorCode::INVALID_PARTITIONS);
    check(grown("t", -1), ErrorCode::INVALID_PARTITIONS);
    check(grown("no", 3), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let refused = ErrorCode::INVALID_REPLICA_ASSIGNMENT;
    check(placed(4, &[&[1, 2, 3]]), refused);
    check(placed(3, &[&[1, 2]]), refused);
    check(placed(3, &[&[1, 1, 2]]), refused);
    check(placed(3, &[&[1, 2, 9]]), refused);
    check(placed(3, &[&[]]), refused);
}

#[test]
fn a_request_adds_ten_thousand_partitions_and_no_more() {
    let mut driver = Driver::new(1);
    driver
        .cluster
        .create_topic("u", driver.cluster.config().topic(1))
        .unwrap();
    let mut check = |topics: &[(&str, i32)], expected: &[ErrorCode]| {
        let topics = topics.iter().map(|(name, count)| grown(name, *count));
        let request = CreatePartitionsRequest::default()
            .with_topics(topics.collect())
            .with_validate_only(true);
        let results = driver.ask(ONE, 3, &request).results;
        let codes: Vec<_> = results.iter().map(|it| it.error_code).collect();
        assert_eq!(codes, expected);
    };
    let (none, many) = (ErrorCode::NONE, ErrorCode::POLICY_VIOLATION);
    check(&[("t", 10_002)], &[none]);
    check(&[("t", 10_003)], &[many]);
    check(&[("t", i32::MAX)], &[many]);
    check(&[("t", 5_002), ("u", 5_001)], &[none, none]);
    check(&[("t", 5_002), ("u", 5_002)], &[many, many]);
    // One that shrinks, or is unknown, does not count.
    let invalid = ErrorCode::INVALID_PARTITIONS;
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    check(&[("t", 10_002), ("u", 0)], &[none, invalid]);
    check(&[("t", 10_002), ("no", 9)], &[none, unknown]);
}

/// The settings of `t` or a broker: source and synonyms of each.
fn described(
    driver: &mut Driver,
    kind: i8,
    name: &str,
    keys: &[&str],
) -> Vec<(String, i8, Vec<i8>)> {
    let keys = keys.iter().map(|it| (*it).to_owned());
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(name.to_owned())
        .with_configuration_keys(Some(keys.collect()));
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true);
    let configs = driver.ask(ONE, 4, &request).results.remove(0).configs;
    let told = configs.into_iter().map(|it| {
        let synonyms = it.synonyms.iter().map(|it| it.source);
        let value = format!("{}={}", it.name, it.value.unwrap());
        (value, it.config_source, synonyms.collect())
    });
    told.collect()
}

#[test]
fn a_setting_comes_from_the_topic_the_broker_or_kafkas_default() {
    const STATIC: i8 = 4;
    let config = ClusterConfig::default().with_message_max_bytes(500);
    let mut driver = Driver::with(config);
    let size = |value: &str| format!("max.message.bytes={value}");
    let mut check = |value, source, synonyms: &[i8]| {
        let told = described(&mut driver, 2, "t", &["max.message.bytes"]);
        assert_eq!(told, [(size(value), source, synonyms.to_vec())]);
        let own = set("max.message.bytes", "500");
        assert_eq!(alter(&mut driver, "t", &[own]), ErrorCode::NONE);
    };
    check("500", STATIC, &[STATIC, DEFAULT]);
    check("500", DYNAMIC, &[DYNAMIC, STATIC, DEFAULT]);
    let all = described(&mut driver, 2, "t", &[]);
    assert_eq!(all.len(), 37);

    let told = described(
        &mut driver,
        4,
        "1",
        &["message.max.bytes", "num.partitions"],
    );
    let size = (
        "message.max.bytes=500".to_owned(),
        STATIC,
        vec![STATIC, DEFAULT],
    );
    let count = ("num.partitions=1".to_owned(), DEFAULT, vec![DEFAULT]);
    assert_eq!(told, [size, count]);
    assert_eq!(described(&mut driver, 4, "", &[]), []);
    assert_eq!(described(&mut driver, 4, "2", &[]), []);
}

#[test]
fn new_partitions_are_where_they_were_assigned() {
    let mut driver = Driver::new(3);
    let code = grow(&mut driver, 3, placed(4, &[&[3, 1, 2], &[2, 3, 1]]));
    assert_eq!(code, ErrorCode::NONE);
    let leader = |partition| driver.cluster.leader("t", partition).unwrap();
    assert_eq!(
        [leader(2), leader(3)],
        [Some(BrokerId(3)), Some(BrokerId(2))]
    );
}

#[test]
fn to_validate_grows_nothing_and_a_name_given_twice_is_refused() {
    let mut driver = Driver::new(3);
    let request = CreatePartitionsRequest::default().with_topics(vec![grown("t", 4)]);
    let validated = driver.ask(ONE, 3, &request.with_validate_only(true));
    assert_eq!(validated.results[0].error_code, ErrorCode::NONE);
    let twice = vec![grown("t", 4), grown("t", 5)];
    let request = CreatePartitionsRequest::default().with_topics(twice);
    let results = driver.ask(ONE, 3, &request).results;
    let codes: Vec<_> = results.iter().map(|it| it.error_code).collect();
    assert_eq!(codes, [ErrorCode::INVALID_REQUEST]);
    assert_eq!(driver.cluster.partitions("t"), Some(2));
}

fn delete(driver: &mut Driver, version: i16, partition: i32, offset: i64) -> (ErrorCode, i64) {
    let partition = DeleteRecordsPartition::default()
        .with_partition_index(partition)
        .with_offset(offset);
    let topic = DeleteRecordsTopic::default()
        .with_name("t".to_owned())
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]);
    let answer = driver.ask(ONE, version, &request);
    let result = &answer.topics[0].partitions[0];
    (result.error_code, result.low_watermark)
}

fn earliest(driver: &mut Driver) -> i64 {
    let partition = ListOffsetsPartition::default().with_timestamp(-2);
    let topic = ListOffsetsTopic::default()
        .with_name("t".to_owned())
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default().with_topics(vec![topic]);
    driver.ask(ONE, 9, &request).topics[0].partitions[0].offset
}

#[test]
fn a_log_starts_later_when_records_are_deleted_and_never_earlier() {
    let mut driver = Driver::new(1);
    driver.produce(batch(&["a", "b", "c", "d", "e"]));
    for (version, offset, start) in [(0, 1, 1), (1, 3, 3), (2, 2, 3), (2, 0, 3), (2, -1, 5)] {
        let deleted = delete(&mut driver, version, 0, offset);
        assert_eq!(deleted, (ErrorCode::NONE, start), "before {offset}");
        assert_eq!(earliest(&mut driver), start);
        assert_eq!(driver.cluster.records("t").len() as i64, 5 - start);
    }
    let out_of_range = (ErrorCode::OFFSET_OUT_OF_RANGE, -1);
    assert_eq!(delete(&mut driver, 2, 0, 6), out_of_range);
    assert_eq!(delete(&mut driver, 2, 0, -2), out_of_range);
    let unknown = (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, -1);
    assert_eq!(delete(&mut driver, 2, 9, 0), unknown);
}

#[test]
fn records_are_deleted_by_the_leader_and_not_from_a_compacted_topic() {
    let mut driver = Driver::new(2);
    driver.cluster.move_leader("t", 0, BrokerId(2)).unwrap();
    let (code, _) = delete(&mut driver, 2, 0, 0);
    assert_eq!(code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    driver.cluster.move_leader("t", 0, ONE).unwrap();
    let compact = [set("cleanup.policy", "compact")];
    assert_eq!(alter(&mut driver, "t", &compact), ErrorCode::NONE);
    let (code, _) = delete(&mut driver, 2, 0, 0);
    assert_eq!(code, ErrorCode::POLICY_VIOLATION);
}

fn change(operation: i8, name: &str, value: Option<&str>) -> AlterableConfig {
    AlterableConfig::default()
        .with_name(name.to_owned())
        .with_config_operation(operation)
        .with_value(value.map(str::to_owned))
}

fn set(name: &str, value: &str) -> AlterableConfig {
    change(0, name, Some(value))
}

fn topic_changes(name: &str, changes: &[AlterableConfig]) -> AlterConfigsResource {
    AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(name.to_owned())
        .with_configs(changes.to_vec())
}

fn alter(driver: &mut Driver, topic: &str, changes: &[AlterableConfig]) -> ErrorCode {
    let resources = vec![topic_changes(topic, changes)];
    let request = IncrementalAlterConfigsRequest::default().with_resources(resources);
    driver.ask(ONE, 1, &request).responses[0].error_code
}

/// Value and source of a setting of `t`.
fn told(driver: &mut Driver, name: &str) -> Option<(String, i8)> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name("t".to_owned())
        .with_configuration_keys(Some(vec![name.to_owned()]));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let configs = driver.ask(ONE, 4, &request).results.remove(0).configs;
    let setting = configs.into_iter().next()?;
    Some((setting.value.unwrap(), setting.config_source))
}

const DYNAMIC: i8 = 1;
const DEFAULT: i8 = 5;

/// `retention.ms`, if nobody has set it.
fn week() -> Option<(String, i8)> {
    Some(("604800000".to_owned(), DEFAULT))
}

#[test]
fn a_changed_setting_acts_and_a_deleted_one_is_the_default_again() {
    let mut driver = Driver::new(1);
    let one = batch(&["a"]);
    let size = set("max.message.bytes", "10");
    assert_eq!(alter(&mut driver, "t", &[size]), ErrorCode::NONE);
    assert_eq!(
        driver.verdict(one.clone()),
        ErrorCode::MESSAGE_TOO_LARGE,
        "it acts"
    );
    let size = || Some(("10".to_owned(), DYNAMIC));
    assert_eq!(told(&mut driver, "max.message.bytes"), size());
    let gone = change(1, "max.message.bytes", None);
    assert_eq!(alter(&mut driver, "t", &[gone]), ErrorCode::NONE);
    assert_eq!(driver.verdict(one), ErrorCode::NONE);
    let default = Some(("1048588".to_owned(), DEFAULT));
    assert_eq!(told(&mut driver, "max.message.bytes"), default);

    let same = set("max.message.bytes", "1048588");
    assert_eq!(alter(&mut driver, "t", &[same]), ErrorCode::NONE);
    let own = Some(("1048588".to_owned(), DYNAMIC));
    assert_eq!(told(&mut driver, "max.message.bytes"), own);
}

#[test]
fn lists_are_appended_to_and_subtracted_from() {
    let mut driver = Driver::new(1);
    let mut check = |operation, value, expected: &str| {
        let change = change(operation, "cleanup.policy", Some(value));
        assert_eq!(alter(&mut driver, "t", &[change]), ErrorCode::NONE);
        let told = told(&mut driver, "cleanup.policy");
        assert_eq!(told, Some((expected.to_owned(), DYNAMIC)));
    };
    check(2, "compact", "delete,compact");
    check(2, "delete", "delete,compact");
    check(3, "delete", "compact");
    check(3, "compact", "");
    check(2, "delete", "delete");
}

#[test]
fn changes_that_kafka_refuses_change_nothing() {
    let good = set("retention.ms", "7");
    let check = |topic, bad: AlterableConfig, expected| {
        let mut driver = Driver::new(1);
        let changes = [good.clone(), bad];
        assert_eq!(alter(&mut driver, topic, &changes), expected, "{changes:?}");
        assert_eq!(told(&mut driver, "retention.ms"), week());
    };
    let config = ErrorCode::INVALID_CONFIG;
    check("t", set("no.such", "1"), config);
    check("t", set("max.message.bytes", "x"), config);
    check("t", set("segment.bytes", "1"), config);
    check("t", set("cleanup.policy", "delete,"), config);
    check("t", change(2, "max.message.bytes", Some("1")), config);
    check("t", change(3, "retention.bytes", Some("1")), config);
    let request = ErrorCode::INVALID_REQUEST;
    check("t", change(0, "max.message.bytes", None), request);
    let unknown = ErrorCode::UNKNOWN_SERVER_ERROR;
    check("t", change(9, "max.message.bytes", Some("1")), unknown);
    check("t", set("retention.ms", "8"), request);
    check("", set("max.message.bytes", "1"), request);
    let name = ErrorCode::INVALID_TOPIC_EXCEPTION;
    check("a b", set("max.message.bytes", "1"), name);
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    check("no", set("max.message.bytes", "1"), unknown);
}

#[test]
fn to_validate_changes_nothing_and_a_resource_given_twice_is_refused() {
    let mut driver = Driver::new(1);
    let changes = topic_changes("t", &[set("retention.ms", "7")]);
    let broker = AlterConfigsResource::default()
        .with_resource_type(4)
        .with_resource_name("1".to_owned());
    for version in 0..=1 {
        let request = IncrementalAlterConfigsRequest::default()
            .with_resources(vec![changes.clone()])
            .with_validate_only(true);
        let code = driver.ask(ONE, version, &request).responses[0].error_code;
        assert_eq!(code, ErrorCode::NONE);
    }
    let resources = vec![changes.clone(), broker, changes];
    let request = IncrementalAlterConfigsRequest::default().with_resources(resources);
    let responses = driver.ask(ONE, 1, &request).responses;
    let codes: Vec<_> = responses.iter().map(|it| it.error_code).collect();
    assert_eq!(codes, [ErrorCode::INVALID_REQUEST; 3]);
    assert_eq!(told(&mut driver, "retention.ms"), week());
}
