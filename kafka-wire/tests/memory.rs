//! What is read takes memory in proportion to what it is made of, however small its parts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use kafka_wire::compression::Compression;
use kafka_wire::messages::ProduceResponse;
use kafka_wire::records::{BatchBuilder, BatchHeader, MAX_HEADERS, RecordBatch, RecordFault};
use kafka_wire::records::{RecordParts, RecordsError};
use kafka_wire::{DecodeProblem, Reader, Request, Wire, decode_response, messages::ProduceRequest};

const MIB: usize = 1024 * 1024;

/// A batch of so many records with so many empty headers each.
fn of_empty_headers(records: usize, headers: usize, codec: Compression) -> Bytes {
    let headers = std::iter::repeat_n(("", None), headers);
    let record = RecordParts::new(None, None).with_headers(headers);
    let mut builder = BatchBuilder::new(BatchHeader::default());
    for _ in 0..records {
        builder.push(0, &record).unwrap();
    }
    builder.build(codec).unwrap()
}

#[cfg(feature = "zstd")]
#[test]
fn millions_of_empty_headers_take_three_times_what_they_unpack_to() {
    let (records, headers) = (32, MAX_HEADERS);
    let mut bytes = of_empty_headers(records, headers, Compression::Zstd);
    assert!(bytes.len() < 10_000, "{} bytes are no bomb", bytes.len());
    let batch = RecordBatch::decode(&mut bytes).unwrap();
    let mut seen = 0;
    let used = measure(|| {
        for record in batch.records() {
            seen += record.unwrap().headers.into_iter().count();
        }
    });
    assert_eq!(seen, records * headers);
    // A buffer that grows holds its old half while that is copied.
    let unpacked = 2 * records * headers;
    let (held, allowed) = (used.bytes_max as usize, 3 * unpacked + MIB);
    assert!(
        held <= allowed,
        "{held} bytes for {unpacked}, allowed are {allowed}"
    );
}

#[cfg(feature = "zstd")]
#[test]
fn a_few_kilobytes_of_sixty_million_empty_headers_are_refused_in_three_times_what_they_unpack_to() {
    let headers = 60_000_000;
    let mut bytes = of_empty_headers(1, headers, Compression::Zstd);
    assert!(bytes.len() < 20_000, "{} bytes are no bomb", bytes.len());
    let batch = RecordBatch::decode(&mut bytes).unwrap();
    let mut told = None;
    let used = measure(|| told = batch.records().next());
    let refused = told.unwrap().unwrap_err();
    assert!(
        matches!(
            refused,
            RecordsError::Record {
                fault: RecordFault::HeaderCount { .. },
                ..
            }
        ),
        "{refused}"
    );
    let (held, allowed) = (used.bytes_max as usize, 3 * 2 * headers + MIB);
    assert!(held <= allowed, "{held} bytes, allowed are {allowed}");
}

#[test]
fn headers_that_are_not_asked_for_take_nothing() {
    let mut bytes = of_empty_headers(4, MAX_HEADERS, Compression::None);
    let batch = RecordBatch::decode(&mut bytes).unwrap();
    let used = measure(|| assert_eq!(batch.records().filter(Result::is_ok).count(), 4));
    assert!(used.bytes_max < 4096, "{} bytes", used.bytes_max);
}

#[test]
fn a_record_with_too_many_headers_is_refused() {
    let mut bytes = of_empty_headers(1, MAX_HEADERS + 1, Compression::None);
    let batch = RecordBatch::decode(&mut bytes).unwrap();
    let refused = batch.records().next().unwrap().unwrap_err();
    let fault = RecordFault::HeaderCount {
        count: MAX_HEADERS as i32 + 1,
        available: 2 * (MAX_HEADERS + 1),
    };
    assert_eq!(refused, RecordsError::Record { index: 0, fault });
    assert!(
        refused.to_string().ends_with("allowed are 524288"),
        "{refused}"
    );
}

#[test]
fn an_answer_of_topics_of_three_bytes_is_refused_before_it_takes_memory() {
    // Three megabytes: an empty name, no partitions, no tags, a million times.
    let version = ProduceRequest::version(9).unwrap();
    let mut bytes = BytesMut::new();
    kafka_wire::varint::put_unsigned(&mut bytes, 1_000_000 + 1);
    bytes.extend_from_slice(&[1, 1, 0].repeat(1_000_000));
    bytes.extend_from_slice(&[0; 5]);
    let bytes = bytes.freeze();
    let used = measure(|| {
        let error = ProduceResponse::decode(&mut Reader::new(bytes.clone()), version).unwrap_err();
        assert_eq!(error.field(), "responses");
        assert!(
            matches!(error.problem(), DecodeProblem::TooMuchMemory { needed, .. } if *needed > 60_000_000),
            "{error}"
        );
    });
    assert!(used.bytes_max < 4096, "{} bytes", used.bytes_max);
}

#[test]
fn an_answer_of_a_hundred_mebibytes_of_three_byte_topics_takes_nothing_but_itself() {
    let topics = 100 * MIB / 3;
    let version = ProduceRequest::version(9).unwrap();
    let mut bytes = BytesMut::with_capacity(4 + 5 + 3 * topics + 5);
    bytes.extend_from_slice(&[0, 0, 0, 7, 0]);
    kafka_wire::varint::put_unsigned(&mut bytes, topics as u32 + 1);
    bytes.extend_from_slice(&[1, 1, 0].repeat(topics));
    bytes.extend_from_slice(&[0; 5]);
    let frame = bytes.freeze();
    let used = measure(|| {
        let error = decode_response::<ProduceRequest>(frame.clone(), version).unwrap_err();
        assert!(
            matches!(error.problem(), DecodeProblem::TooMuchMemory { .. }),
            "{error}"
        );
    });
    assert!(used.bytes_max < 4096, "{} bytes", used.bytes_max);
}

#[test]
fn memory_is_counted_over_all_arrays_of_a_message_those_in_tags_too() {
    // Ten thousand answers each fit, all of them do not; the endpoints are a tagged field.
    let version = ProduceRequest::version(10).unwrap();
    let endpoint = [0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0];
    let endpoints = 100_000;
    let mut tag = BytesMut::new();
    kafka_wire::varint::put_unsigned(&mut tag, endpoints + 1);
    tag.extend_from_slice(&endpoint.repeat(endpoints as usize));
    let mut bytes = BytesMut::from(&[1, 0, 0, 0, 0][..]);
    kafka_wire::varint::put_unsigned(&mut bytes, 3);
    for _ in 0..3 {
        kafka_wire::varint::put_unsigned(&mut bytes, 0);
        kafka_wire::varint::put_unsigned(&mut bytes, tag.len() as u32);
        bytes.extend_from_slice(&tag);
    }
    let bytes = bytes.freeze();
    let used = measure(|| {
        let answer = ProduceResponse::decode(&mut Reader::new(bytes.clone()), version).unwrap();
        assert_eq!(answer.node_endpoints.len(), endpoints as usize);
    });
    let allowed = (Reader::MEMORY_PER_BYTE + 1) * bytes.len() + Reader::MEMORY_ALWAYS;
    assert!(
        used.bytes_max as usize <= allowed,
        "{} bytes",
        used.bytes_max
    );
}
