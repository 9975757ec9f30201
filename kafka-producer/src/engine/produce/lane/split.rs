//! What a broker finds too large goes in halves.
//!
//! `batch.size` may allow more than the topic's `max.message.bytes` does, and only the broker's
//! answer tells (`MESSAGE_TOO_LARGE`). The batch is then cut in two by its records, and the halves
//! stand in its place in the lane: in order, under the numbers that their records had, one on its
//! way at a time. A half that is still too large is cut again; a single record is refused alone, so
//! that every record that can be delivered is. The refusal counts as no attempt.
//!
//! What was compressed is unpacked again here. That is work per byte, which the engine does nowhere
//! else; it is rare, and the halves are compressed by the driver as any batch is.

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
    /// Puts its halves in place of a batch that is too large; `None` if that cannot be done.
    pub(super) fn split(&mut self, cx: &mut Context, position: usize) -> Option<()> {
        let slot = self.slots.get_mut(position)?;
        let pieces = halves(&slot.batch)?;
        let (batches, outcome) = slot.batch.prepare_split(pieces).ok()?;
        cx.end_split(Arc::clone(&slot.batch), outcome);
        slot.last_error = Some(ErrorCode::MESSAGE_TOO_LARGE);
        self.replace(position, batches, cx.now);
        Some(())
    }

    /// Puts pieces in place of a batch, under the numbers that their records had. That the whole was
    /// refused counts as no attempt.
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

/// The records of a batch, in two; `None` if there is only one, or if they cannot be read again, which is no
/// more than a reason to leave them together.
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
