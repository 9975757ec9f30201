//! Splits a batch that is too large for the broker.
//!
//! `batch.size` may allow more than the topic's `max.message.bytes` does, which only the broker's answer
//! shows (`MESSAGE_TOO_LARGE`). The batch is then split in two by its records. The halves take its place in
//! the lane, in order, with the numbers that their records had, and are in flight one at a time. A half
//! that is still too large is split again, down to a single record, so that every record that can be
//! delivered is. The refusal does not count as an attempt.
//!
//! A compressed batch is decompressed for that (`batch_records`). The driver compresses the halves as any batch.

use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Batch, Piece};
use kafka_wire::ErrorCode;

use crate::engine::context::Context;
use crate::engine::produce::batch_records::{piece, read};
use crate::engine::produce::lane::Lane;
use crate::engine::produce::lane::slot::{Slot, SlotState};
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
