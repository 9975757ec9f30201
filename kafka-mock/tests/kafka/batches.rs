//! Batches as producers send them, and as they should not.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kafka_wire::{
    compression::Compression,
    records::{Attributes, BatchBuilder, BatchHeader, RecordParts},
};

/// A batch on its way.
pub(crate) struct Sent {
    pub(crate) acks: i16,
    pub(crate) bytes: Bytes,
}

impl From<Bytes> for Sent {
    fn from(bytes: Bytes) -> Self {
        Self { acks: -1, bytes }
    }
}

pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
}

pub(crate) fn batch(values: &[&str]) -> Bytes {
    under(BatchHeader::default(), values)
}

pub(crate) fn under(header: BatchHeader, values: &[&str]) -> Bytes {
    in_codec(header, values, Compression::None)
}

pub(crate) fn in_codec(header: BatchHeader, values: &[&str], codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(header);
    for value in values {
        builder
            .push(
                now_ms(),
                &RecordParts::new(Some(b"k"), Some(value.as_bytes())),
            )
            .unwrap();
    }
    builder.build(codec).unwrap()
}

pub(crate) fn at(offset_ms: i64) -> Bytes {
    let mut builder = BatchBuilder::new(BatchHeader::default());
    builder
        .push(
            now_ms() + offset_ms,
            &RecordParts::new(Some(b"k"), Some(b"v")),
        )
        .unwrap();
    builder.build(Compression::None).unwrap()
}

pub(crate) fn seq(epoch: i16, first: i32, records: usize) -> Bytes {
    let header = BatchHeader {
        producer_id: 9_000_000,
        producer_epoch: epoch,
        base_sequence: first,
        ..BatchHeader::default()
    };
    under(header, &vec!["v"; records])
}

pub(crate) fn altered(batch: &Bytes, place: usize, byte: u8) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[place] = byte;
    bytes.into()
}

/// A batch of this body under a header that is right by itself.
pub(crate) fn sealed(
    record_count: i32,
    last_offset_delta: i32,
    codec: Compression,
    body: &[u8],
) -> Bytes {
    let header = BatchHeader {
        record_count,
        last_offset_delta,
        base_timestamp: now_ms(),
        max_timestamp: now_ms(),
        attributes: Attributes::new(codec),
        ..BatchHeader::default()
    };
    [&header.encode(body)[..], body].concat().into()
}
