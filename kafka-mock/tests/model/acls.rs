//! What ACLs let through, and what they keep to themselves; `tests/kafka` compares all of it with Kafka.

use kafka_mock::cluster::{Acl, AclOperation, AclResource, Authorizer, ClusterConfig};
use kafka_wire::{
    ErrorCode,
    messages::{
        AclCreation, CreateAclsRequest, DeleteAclsFilter, DeleteAclsRequest, DescribeAclsRequest,
        InitProducerIdRequest, MetadataRequest, MetadataRequestTopic,
    },
};

use crate::driver::{Driver, ONE, batch};

const EVERYBODY: &str = "User:*";

fn driver(acls: Vec<Acl>) -> Driver {
    let authorizer = Authorizer::default().with_acls(acls);
    Driver::with(ClusterConfig::default().with_authorizer(Some(authorizer)))
}

fn allow(operation: AclOperation) -> Acl {
    Acl::allow(EVERYBODY, operation, AclResource::topic("t"))
}

/// Name and code of each topic that is told.
fn metadata(driver: &mut Driver, names: Option<&[&str]>) -> Vec<(String, ErrorCode)> {
    let topics = names.map(|names| {
        let topics = names.iter();
        let topic = |name: &&str| MetadataRequestTopic::default().with_name(Some((*name).into()));
        topics.map(topic).collect()
    });
    let answer = driver.ask(ONE, 12, &MetadataRequest::default().with_topics(topics));
    let topics = answer.topics.into_iter();
    topics
        .map(|it| (it.name.unwrap_or_default(), it.error_code))
        .collect()
}

#[test]
fn a_topic_that_may_not_be_seen_is_told_like_one_that_is_not_there() {
    let mut driver = driver(vec![]);
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let named = ["t", "absent"].map(|name| (name.to_owned(), denied));
    assert_eq!(metadata(&mut driver, Some(&["t", "absent"])), named);
    assert_eq!(metadata(&mut driver, None), []);
    driver.cluster.add_acl(allow(AclOperation::Describe));
    let seen = [("t".to_owned(), ErrorCode::NONE)];
    assert_eq!(metadata(&mut driver, None), seen);
}

#[test]
fn a_topic_is_created_by_asking_only_for_who_may_create_it() {
    let seen = |name: &str| Acl::allow(EVERYBODY, AclOperation::Describe, AclResource::topic(name));
    let mut driver = driver(vec![seen("new")]);
    let told = metadata(&mut driver, Some(&["new"]));
    assert_eq!(told[0].1, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    let create = AclOperation::Create;
    let may = Acl::allow(EVERYBODY, create, AclResource::cluster());
    driver.cluster.add_acl(may);
    let told = metadata(&mut driver, Some(&["new"]));
    assert_eq!(told[0].1, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let told = metadata(&mut driver, Some(&["new"]));
    assert_eq!(told[0].1, ErrorCode::NONE);
}

#[test]
fn a_denied_batch_leaves_nothing_and_an_acl_may_come_and_go() {
    let mut driver = driver(vec![allow(AclOperation::Describe)]);
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    assert_eq!(driver.verdict(batch(&["no"])), denied);
    driver.cluster.add_acl(allow(AclOperation::Write));
    assert_eq!(driver.produce(batch(&["yes"])).base_offset, 0);
    assert!(driver.cluster.remove_acl(&allow(AclOperation::Write)));
    assert!(!driver.cluster.remove_acl(&allow(AclOperation::Write)));
    assert_eq!(driver.verdict(batch(&["no"])), denied);
}

#[test]
fn a_producer_id_is_for_who_may_write_anywhere_or_has_leave_for_it() {
    let code = |acls: Vec<Acl>| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(-1)
            .with_producer_epoch(-1);
        driver(acls).ask(ONE, 4, &request).error_code
    };
    assert_eq!(code(vec![]), ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    let read = allow(AclOperation::Read);
    assert_eq!(code(vec![read]), ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    assert_eq!(code(vec![allow(AclOperation::Write)]), ErrorCode::NONE);
    let idempotent = AclOperation::IdempotentWrite;
    let leave = Acl::allow(EVERYBODY, idempotent, AclResource::cluster());
    assert_eq!(code(vec![leave]), ErrorCode::NONE);
}

fn creation(host: &str) -> AclCreation {
    AclCreation::default()
        .with_resource_type(2)
        .with_resource_name("t".to_owned())
        .with_principal(EVERYBODY.to_owned())
        .with_host(host.to_owned())
        .with_operation(4)
        .with_permission_type(3)
}

fn created(driver: &mut Driver, asked: AclCreation) -> (ErrorCode, Option<String>) {
    let request = CreateAclsRequest::default().with_creations(vec![asked]);
    let result = driver.ask(ONE, 3, &request).results.remove(0);
    (result.error_code, result.error_message)
}

#[test]
fn acls_are_created_described_and_deleted_over_the_wire_by_who_may() {
    let mut driver = driver(vec![]);
    let (code, _) = created(&mut driver, creation("*"));
    assert_eq!(code, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    let all = Acl::allow(EVERYBODY, AclOperation::All, AclResource::cluster());
    driver.cluster.add_acl(all);
    let twice = [creation("*"), creation("*")].map(|it| created(&mut driver, it).0);
    assert_eq!(twice, [ErrorCode::NONE; 2]);
    assert_eq!(driver.verdict(batch(&["yes"])), ErrorCode::NONE);
    let about = DescribeAclsRequest::default()
        .with_resource_type_filter(2)
        .with_resource_name_filter(None)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1);
    let described = driver.ask(ONE, 3, &about).resources;
    assert_eq!((described.len(), described[0].acls.len()), (1, 1));
    let filter = DeleteAclsFilter::default()
        .with_resource_type_filter(2)
        .with_resource_name_filter(Some("t".to_owned()))
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1);
    let request = DeleteAclsRequest::default().with_filters(vec![filter]);
    let results = driver.ask(ONE, 3, &request).filter_results;
    assert_eq!(results[0].matching_acls.len(), 1);
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    assert_eq!(driver.verdict(batch(&["no"])), denied);
}

#[test]
fn what_is_no_acl_is_refused_with_the_reason() {
    let mut driver = driver(vec![]);
    let all = Acl::allow(EVERYBODY, AclOperation::All, AclResource::cluster());
    driver.cluster.add_acl(all);
    for (asked, expected) in [
        (creation("10.0.0.1"), "no host but *"),
        (creation("*").with_resource_type(4), "kafka-cluster"),
        (creation("*").with_resource_type(77), "no such resources"),
        (creation("*").with_operation(77), "no such operation"),
        (creation("*").with_permission_type(1), "allows or denies"),
        (
            creation("*").with_resource_pattern_type(1),
            "literal or prefixed",
        ),
        (creation("*").with_principal("alice".to_owned()), "no colon"),
        (
            creation("*").with_resource_name(String::new()),
            "not be empty",
        ),
    ] {
        let (code, message) = created(&mut driver, asked);
        assert_eq!(code, ErrorCode::INVALID_REQUEST, "{expected}");
        assert!(message.unwrap().contains(expected), "{expected}");
    }
    driver.cluster.set_authorizer(None);
    let (code, message) = created(&mut driver, creation("*"));
    assert_eq!(code, ErrorCode::SECURITY_DISABLED);
    assert_eq!(message.as_deref(), Some("No Authorizer is configured."));
}
