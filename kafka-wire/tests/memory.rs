//! What is read takes memory in proportion to what it is made of, however small its parts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use allocation_counter::measure;
use bytes::Bytes;
use kafka_wire::compression::Compression;
use kafka_wire::records::{BatchBuilder, BatchHeader, MAX_HEADERS, RecordBatch, RecordFault};
use kafka_wire::records::{RecordParts, RecordsError};

const MIB: usize = 1024 * 1024;

/// A batch of so many records with so many empty headers each.
fn of_empty_headers(records: usize, headers: usize, codec: Compression) -> Bytes {
    let headers = std::iter::repeat_n(("", None), headers);
    let record = RecordParts {
        key: None,
        value: None,
        headers,
    };
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
