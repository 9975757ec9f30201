//! The records of a batch that has left its queue: read as a broker reads them, and written again as a batch of fewer.
//!
//! A batch that is compressed is decompressed for it. That is work for each byte, which the engine does only for a
//! batch that is too large.

use bytes::{BufMut, BytesMut};
use kafka_accumulator::{Batch, Piece};
use kafka_wire::records::{Attributes, Record, RecordBatch, RecordParts, RecordsError};

use crate::engine::produce::request::unnumbered_header;
use crate::error::DeliveryError;

/// The records of a batch.
pub(crate) fn read(batch: &Batch<DeliveryError>) -> Result<Vec<Record>, RecordsError> {
    let (body, codec) = batch.records_and_codec();
    let header = unnumbered_header(batch, Attributes::new(codec));
    let mut whole = BytesMut::new();
    whole.put_slice(&header.encode(&body));
    whole.put_slice(&body);
    RecordBatch::decode(&mut whole.freeze())?
        .records_within(batch.uncompressed_bytes())
        .collect()
}

/// A piece of a batch, with these of its records; `None` if there are none, or if one cannot be written.
pub(crate) fn piece(records: &[Record]) -> Option<Piece> {
    let base_timestamp_ms = records.first()?.timestamp;
    let max_timestamp_ms = records.iter().map(|record| record.timestamp).max()?;
    let mut body = Vec::new();
    for (record, index) in records.iter().zip(0..) {
        let headers = record.headers.iter();
        let parts = RecordParts::new(record.key.as_deref(), record.value.as_deref())
            .with_headers(headers.map(|(key, value)| (name(key), value)));
        let timestamp_delta = record.timestamp.wrapping_sub(base_timestamp_ms);
        let size = parts.size(timestamp_delta, index).ok()?;
        parts.encode(size, timestamp_delta, index, &mut body);
    }
    let count = records.len() as u32;
    Some(Piece::new(body, count, base_timestamp_ms, max_timestamp_ms))
}

/// A header's name: it was text when it was written.
fn name(key: &[u8]) -> &str {
    std::str::from_utf8(key).unwrap_or_default()
}
