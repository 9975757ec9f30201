//! Splits a batch that is too large for the broker.
//!
//! `batch.size` may allow more than the topic's `max.message.bytes` does, which only the broker's answer
//! shows (`MESSAGE_TOO_LARGE`). The batch is then split in two by its records. The halves take its place in
//! the lane, in order, with the numbers that their records had, and are in flight one at a time. A half
//! that is still too large is split again, down to a single record, so that every record that can be
//! delivered is. The refusal does not count as an attempt.
//!
//! A compressed batch is decompressed here. That is work for each byte, which the engine does nowhere else,
//! but it is rare. The driver compresses the halves as any batch.

use std::sync::Arc;
use std::time::Instant;

use bytes::{BufMut, BytesMut};
use kafka_accumulator::{Batch, Piece};
use kafka_wire::ErrorCode;
use kafka_wire::records::{Attributes, Record, RecordBatch, RecordParts, RecordsError};

use crate::engine::context::Context;
use crate::engine::produce::lane::Lane;
use crate::engine::produce::lane::slot::{Slot, SlotState};
use crate::engine::produce::request::unnumbered_header;
use crate::error::DeliveryError;

impl Lane {
    /// Replaces a batch that is too large by its halves; `None` if it cannot be split.
    pub(super) fn split(&mut self, cx: &mut Context, position: usize) -> Option<()> {
        let slot = self.slots.get_mut(position)?;
        let pieces = halves(&slot.batch)?;
        let (batches, outcome) = slot.batch.prepare_split(pieces).ok()?;
        cx.end_split(Arc::clone(&slot.batch), outcome);
        slot.last_error = Some(ErrorCode::MESSAGE_TOO_LARGE);
        self.replace(position, batches, cx.now);
        Some(())
    }

    /// Replaces a batch by pieces, with the numbers that their records had. The refusal of the whole does
    /// not count as an attempt.
    fn replace(&mut self, position: usize, pieces: Vec<Batch<DeliveryError>>, now: Instant) {
        let Some(whole) = self.slots.remove(position) else {
            return;
        };
        let (mut serial, mut number) = (whole.serial, whole.number);
        for (piece, at) in pieces.into_iter().zip(position..) {
            let count = piece.count();
            let slot = Slot {
                serial,
                batch: Arc::new(piece),
                number,
                attempts: whole.attempts.saturating_sub(1),
                state: SlotState::Waiting { until: now },
                ..whole.clone()
            };
            self.slots.insert(at, slot);
            serial += u64::from(count);
            number = number.map(|number| number.behind(count));
        }
    }
}

/// The two halves of a batch's records; `None` if there is only one record, or if they cannot be read.
fn halves(batch: &Batch<DeliveryError>) -> Option<Vec<Piece>> {
    if batch.count() < 2 {
        return None;
    }
    let records = read(batch).ok()?;
    let (front, back) = records.split_at(records.len() / 2);
    Some(vec![piece(front)?, piece(back)?])
}

/// The records of a batch, as a broker reads them.
fn read(batch: &Batch<DeliveryError>) -> Result<Vec<Record>, RecordsError> {
    let (body, codec) = batch.records_and_codec();
    let header = unnumbered_header(batch, Attributes::new(codec));
    let mut whole = BytesMut::new();
    whole.put_slice(&header.encode(&body));
    whole.put_slice(&body);
    RecordBatch::decode(&mut whole.freeze())?
        .records_within(batch.uncompressed_bytes())
        .collect()
}

fn piece(records: &[Record]) -> Option<Piece> {
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
