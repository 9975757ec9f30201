//! Any message, in every version, comes back as it was sent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bytes::BytesMut;
use kafka_wire::{
    Message, Reader, Request, Version, Wire, for_each_request, json::Json, messages::*,
};
use proptest::test_runner::{Config, TestRunner};

macro_rules! round_trips {
    ($($request:ident,)*) => {
        #[test]
        fn every_request_and_response_survives_the_wire_in_every_version() {
            $(check_api::<$request>();)*
        }
    };
}
for_each_request!(round_trips);

fn check_api<R: Request + Json>()
where
    R::Response: Json,
{
    for number in R::VERSIONS.oldest..=R::VERSIONS.latest {
        let version = R::version(number).unwrap();
        check::<R>(version);
        check::<R::Response>(version);
    }
}

fn check<T: Message + Json>(version: Version) {
    let schema = T::schema();
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(24)
    });
    let result = runner.run(&support::any_struct(&schema, version), |json| {
        let message: T = support::from_json(&json, version);
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes, version).unwrap();
        let mut input = Reader::new(bytes.freeze());
        let back = T::decode(&mut input, version).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(back, message);
        assert_eq!(input.remaining(), 0);
        assert_eq!(back.to_json(version), message.to_json(version));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{} {version}: {error}", schema.name));
}

#[test]
fn a_field_that_matters_is_missed_in_a_version_without_it() {
    let mut request = MetadataRequest::default().with_topics(Some(vec![]));
    let missing = |request: &MetadataRequest, version: i16| {
        request.missing_in(MetadataRequest::version(version).unwrap())
    };
    assert_eq!(missing(&request, 0), None);
    // Version 4 lets the client forbid the creation of topics; before, it happens in silence.
    request.allow_auto_topic_creation = false;
    assert_eq!(
        missing(&request, 3).as_deref(),
        Some("allow_auto_topic_creation")
    );
    assert_eq!(missing(&request, 4), None);

    let topic = TxnOffsetCommitRequestTopic::default().with_partitions(vec![Default::default()]);
    let commit = TxnOffsetCommitRequest::default()
        .with_member_id("consumer-1".to_owned())
        .with_topics(vec![topic]);
    let version = TxnOffsetCommitRequest::version(2).unwrap();
    assert_eq!(commit.missing_in(version).as_deref(), Some("member_id"));
}

#[test]
fn a_null_that_a_version_has_no_form_for_is_sent_as_empty() {
    let everything = MetadataRequest::default().with_topics(None);
    let encode = |number| {
        let mut out = BytesMut::new();
        everything
            .encode(&mut out, MetadataRequest::version(number).unwrap())
            .unwrap();
        out
    };
    assert_eq!(&encode(0)[..], [0, 0, 0, 0]);
    assert_eq!(&encode(1)[..], [0xff, 0xff, 0xff, 0xff]);
}
