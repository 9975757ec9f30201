//! What is longer than the protocol can say: an error that names the field, and never a part of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use kafka_wire::{
    EncodeError, EncodeProblem, ProduceFrame, Reader, Request, RequestHeader, STRING_BYTES_MAX,
    Uuid, Version, Wire, encode_request, encode_response,
    messages::{
        MetadataRequest, ProduceRequest, metadata::MetadataRequestTopic,
        metadata::MetadataResponse, metadata::MetadataResponseBroker,
        produce::PartitionProduceData, produce::TopicProduceData,
    },
};

/// A classic and a compact version of Metadata.
const VERSIONS: [i16; 2] = [8, 9];

fn topics(names: &[&str]) -> MetadataRequest {
    let topics = names
        .iter()
        .map(|name| MetadataRequestTopic::default().with_name(Some((*name).to_owned())));
    MetadataRequest::default().with_topics(Some(topics.collect()))
}

fn too_long(error: &EncodeError) -> (&str, &EncodeProblem) {
    (error.field(), error.problem())
}

#[test]
fn a_string_is_written_whole_or_not_at_all() {
    let longest = "x".repeat(STRING_BYTES_MAX);
    let longer = "x".repeat(STRING_BYTES_MAX + 1);
    for number in VERSIONS {
        let version = MetadataRequest::version(number).unwrap();
        let mut out = BytesMut::new();
        let request = topics(&["t", &longest]);
        request.encode(&mut out, version).unwrap();
        let read = MetadataRequest::decode(&mut Reader::new(out.freeze()), version);
        assert_eq!(read, Ok(request));

        let error = encode_request(1, None, version, &topics(&["t", &longer])).unwrap_err();
        let problem = EncodeProblem::StringTooLong { bytes: 32_768 };
        assert_eq!(too_long(&error), ("topics[1].name", &problem));
        let text = "a string of 32768 bytes cannot be written; allowed are 32767 in field \
                    `topics[1].name`";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_string_is_counted_in_bytes_and_never_cut_at_a_character() {
    let letters = "ö".repeat(16_384);
    let version = MetadataRequest::version(8).unwrap();
    let error = encode_request(1, None, version, &topics(&[&letters])).unwrap_err();
    let problem = EncodeProblem::StringTooLong { bytes: 32_768 };
    assert_eq!(error.problem(), &problem);
}

#[test]
fn a_header_and_an_answer_are_checked_as_requests_are() {
    let longer = "x".repeat(40_000);
    let version = MetadataRequest::version(9).unwrap();
    let problem = EncodeProblem::StringTooLong { bytes: 40_000 };
    let error = encode_request(1, Some(&longer), version, &topics(&[])).unwrap_err();
    assert_eq!(too_long(&error), ("client_id", &problem));
    let header = RequestHeader::new(MetadataRequest::KEY, 9, 1);
    let header = header.with_client_id(Some(longer.clone()));
    let error = header.encode(&mut BytesMut::new()).unwrap_err();
    assert_eq!(too_long(&error), ("client_id", &problem));
    let broker = MetadataResponseBroker::default().with_host(longer);
    let answer = MetadataResponse::default().with_brokers(vec![broker]);
    let error = encode_response::<MetadataRequest>(1, version, &answer).unwrap_err();
    assert_eq!(too_long(&error), ("brokers[0].host", &problem));
}

#[test]
fn a_compact_string_that_kafka_would_not_write_is_not_read() {
    // 32,768 + 1 as an unsigned varint.
    let bytes = [&[0x81, 0x80, 0x02][..], &[b'x'; 32_768]].concat();
    let compact = Version::of(9, Some(9));
    let error = String::decode(&mut Reader::new(bytes), compact).unwrap_err();
    let text = "a string of 32768 bytes is longer than the 32767 that are allowed at offset 0";
    assert_eq!(error.to_string(), text);
}

/// Memory that nobody touches: the system has not given it yet.
fn two_gibibytes() -> Bytes {
    vec![0; 1 << 31].into()
}

#[test]
fn bytes_beyond_two_gibibytes_are_an_error_of_their_field() {
    let partition = PartitionProduceData::default()
        .with_index(0)
        .with_records(Some(two_gibibytes()));
    let topic = TopicProduceData::default()
        .with_name("t".to_owned())
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default().with_topic_data(vec![topic]);
    for number in [8, 9] {
        let version = ProduceRequest::version(number).unwrap();
        let error = encode_request(1, None, version, &request).unwrap_err();
        let problem = EncodeProblem::LengthTooLarge { length: 1 << 31 };
        let field = "topic_data[0].partition_data[0].records";
        assert_eq!(too_long(&error), (field, &problem));
    }
}

fn produce(
    version: i16,
    client_id: &str,
    topic: &str,
    bodies: &[Bytes],
) -> Result<(), EncodeError> {
    let version = ProduceRequest::version(version).unwrap();
    let mut frame = ProduceFrame::begin(version, 1, Some(client_id), None, -1, 30_000, 1);
    frame.topic(topic, Uuid::ZERO, bodies.len());
    for body in bodies {
        frame.partition(0, &[0; 61], body.clone());
    }
    frame.finish().map(drop)
}

#[test]
fn a_produce_frame_tells_what_is_too_long_when_it_is_finished() {
    let longer = "x".repeat(40_000);
    let string = EncodeProblem::StringTooLong { bytes: 40_000 };
    let few = [Bytes::from_static(b"records")];
    let half = two_gibibytes().slice(..1 << 30);
    for version in [8, 9, 12] {
        assert_eq!(produce(version, "app", "t", &few), Ok(()));
        let error = produce(version, &longer, "t", &few).unwrap_err();
        assert_eq!(too_long(&error), ("client_id", &string));
        let error = produce(version, "app", &longer, &few).unwrap_err();
        assert_eq!(too_long(&error), ("topic_data.name", &string));
        let error = produce(version, "app", "t", &[two_gibibytes()]).unwrap_err();
        let field = "topic_data.partition_data.records";
        let length = (1 << 31) + 61;
        assert_eq!(
            too_long(&error),
            (field, &EncodeProblem::LengthTooLarge { length })
        );
        // Each fits, both together do not.
        let error = produce(version, "app", "t", &[half.clone(), half.clone()]).unwrap_err();
        assert!(
            matches!(error.problem(), EncodeProblem::FrameTooLarge { bytes } if *bytes > 1 << 31),
            "{error}"
        );
    }
}
