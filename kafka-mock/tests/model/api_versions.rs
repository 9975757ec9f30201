//! What is advertised, and how a newer client finds out.

use kafka_mock::cluster::Answer;
use kafka_wire::{
    ApiKey, ErrorCode, Request,
    messages::{ApiVersionsRequest, MetadataRequest, ProduceRequest},
};

use crate::driver::{CONNECTION, Driver, ONE, decode};

fn named(name: &str, version: &str) -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(name.to_owned())
        .with_client_software_version(version.to_owned())
}

/// Lines computed by Apache Kafka's own classes.
fn golden(file: &str) -> String {
    #[allow(
        clippy::disallowed_methods,
        reason = "other vectors of the same layout may be given"
    )]
    let given = std::env::var("KAFKA_GOLDEN_DIR").ok();
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let path = format!("{}/{file}", given.as_deref().unwrap_or(ours));
    let lines = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(!lines.trim().is_empty(), "{path} is empty");
    lines
}

#[test]
fn what_is_advertised_is_what_a_kafka_broker_advertises_of_it() {
    let golden = golden("api_keys.jsonl");
    let answer = Driver::new(1).ask(ONE, 4, &named("test", "1.0"));
    assert_eq!(answer.error_code, ErrorCode::NONE);
    assert_eq!(answer.api_keys.len(), 40);
    for api in answer.api_keys {
        let id = format!("{{\"id\":{},", api.api_key.0);
        let line = golden
            .lines()
            .find(|line| line.starts_with(&id))
            .expect("Kafka has it");
        let (min, mut max) = (api.min_version, api.max_version);
        if api.api_key == ApiKey::LIST_TRANSACTIONS {
            assert_eq!(max, 1, "the next one selects by patterns of RE2");
            max = 2;
        }
        let expected = format!("\"advertised_by_broker\":{{\"min\":{min},\"max\":{max}}}");
        assert!(line.contains(&expected), "{}: {min} to {max}", api.api_key);
    }
}

#[test]
fn a_version_from_the_future_is_answered_in_version_0() {
    let mut frame = b"\x00\x12\x00\x63\x00\x00\x00\x4d\x00\x04test\x00".to_vec();
    frame.extend_from_slice(b"whatever version 99 looks like");
    let mut driver = Driver::new(1);
    let Answer::Send(frame) = driver
        .cluster
        .handle(driver.now, ONE, CONNECTION, frame.into())
    else {
        panic!("it must be answered");
    };
    let answer = decode::<ApiVersionsRequest>(frame, 0);
    assert_eq!(answer.error_code, ErrorCode::UNSUPPORTED_VERSION);
    assert_eq!(answer.api_keys.len(), 1);
    let ours = &answer.api_keys[0];
    assert_eq!(
        (ours.api_key, ours.min_version, ours.max_version),
        (ApiKey::API_VERSIONS, 0, 5)
    );
}

#[test]
fn every_version_that_is_advertised_is_answered() {
    let mut driver = Driver::new(1);
    for version in ApiVersionsRequest::STABLE_VERSIONS.oldest..=5 {
        assert!(
            !driver
                .ask(ONE, version, &named("a", "b"))
                .api_keys
                .is_empty()
        );
    }
    for version in MetadataRequest::STABLE_VERSIONS.oldest..=13 {
        assert_eq!(
            driver
                .ask(ONE, version, &MetadataRequest::default())
                .brokers
                .len(),
            1
        );
    }
    for version in ProduceRequest::STABLE_VERSIONS.oldest..=13 {
        assert!(
            driver
                .ask(ONE, version, &ProduceRequest::default().with_acks(1))
                .responses
                .is_empty()
        );
    }
}

#[test]
fn a_client_that_means_another_broker_or_cluster_is_told_so() {
    let mut driver = Driver::new(2);
    let ours = driver.cluster.id().to_string();
    let meant = |cluster: Option<&str>, node| {
        let named = named("a", "b").with_node_id(node);
        named.with_cluster_id(cluster.map(str::to_owned))
    };
    let mut check = |version, cluster, node, code| {
        let answer = driver.ask(ONE, version, &meant(cluster, node));
        assert_eq!(answer.error_code, code, "{version} {cluster:?} {node}");
        assert_eq!(answer.api_keys.is_empty(), !code.is_none());
    };
    check(5, None, -1, ErrorCode::NONE);
    check(5, Some(&ours), 1, ErrorCode::NONE);
    check(5, Some(&ours), 2, ErrorCode::REBOOTSTRAP_REQUIRED);
    check(5, Some("another"), 1, ErrorCode::REBOOTSTRAP_REQUIRED);
    check(5, Some(&ours), -1, ErrorCode::INVALID_REQUEST);
    check(5, None, 1, ErrorCode::INVALID_REQUEST);
    check(4, Some("another"), 2, ErrorCode::NONE);
}

#[test]
fn a_client_with_an_invalid_name_is_refused() {
    for (name, version) in [("", "1"), ("a b", "1"), ("-a", "1"), ("a", "1."), ("a", "")] {
        let answer = Driver::new(1).ask(ONE, 4, &named(name, version));
        assert_eq!(
            answer.error_code,
            ErrorCode::INVALID_REQUEST,
            "{name} {version}"
        );
    }
}
