//! A batch while it is being written: the newest of its queue.
//!
//! Each record is encoded here, once, straight into the buffer that goes to the socket. A batch that has to
//! grow says so under its queue's lock; the accumulator reserves the memory while nothing is locked, and hands
//! it over under the lock again. Nothing here locks, reserves, allocates per record or knows of other batches.

use std::{sync::Arc, time::Instant};

use kafka_wire::records::{BATCH_HEADER_BYTES, RecordTooLarge};

use super::{callbacks::Callbacks, sealed::SealedBatch, stats::BatchStats};
use crate::{
    completion::{Callback, Completion, CompletionGuard},
    delivery::{Delivery, Receipt},
    memory::{Account, Buffer, OpenShare, Reservation},
    record::{NewRecord, RecordHeaders},
};

/// The newest batch of a queue.
pub(crate) struct OpenBatch<E> {
    // In this order: callbacks are handed over before the guard gives up.
    callbacks: Callbacks<E>,
    guard: CompletionGuard<E>,
    share: OpenShare,
    buffer: Buffer,
    /// How many bytes of records the buffer takes.
    writable_end: usize,
    /// How many bytes of records it takes as it grows: `batch.size`; one record that is larger has
    /// its own size.
    room: usize,
    stats: BatchStats,
}

/// What became of an attempt to append.
pub(crate) enum AppendResult<E> {
    /// It is appended; the batch takes more.
    Appended(Delivery<E>),
    /// It is appended, and another one of average size would not fit.
    AppendedFull(Delivery<E>),
    /// It is not appended: the batch must grow first.
    NeedsMemory(GrowRequest),
    /// It is not appended, and the batch is full.
    BatchFull,
}

/// What an open batch needs in order to take a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrowRequest {
    /// A larger buffer than the one it has.
    Buffer { from: usize, to: usize },
    /// Memory for callbacks.
    Callbacks { bytes: usize },
}

impl GrowRequest {
    /// How much memory is missing for it.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Buffer { from, to } => to - from,
            Self::Callbacks { bytes } => bytes,
        }
    }
}

/// What an open batch gets in order to grow; after that, what it left behind. It is dropped after
/// the queue is unlocked.
pub(crate) struct Growth {
    pub(crate) share: OpenShare,
    pub(crate) by: GrowBy,
}

/// What a batch grows by.
pub(crate) enum GrowBy {
    /// Only the memory that it takes more than the one of `from` bytes is reserved for it.
    Buffer { from: usize, buffer: Buffer },
    /// Memory for callbacks.
    Callbacks(Reservation),
}

impl<E> OpenBatch<E> {
    pub(crate) fn new(
        completion: Arc<Completion<E>>,
        buffer: Buffer,
        room: usize,
        created: Instant,
    ) -> Self {
        Self {
            callbacks: Callbacks::new(Arc::clone(&completion)),
            guard: CompletionGuard::new(completion),
            share: buffer.open(),
            writable_end: writable_end(&buffer, room),
            buffer,
            room,
            stats: BatchStats::new(created),
        }
    }

    pub(crate) fn created(&self) -> Instant {
        self.stats.created()
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        self.guard.completion()
    }

    /// How many bytes the records take.
    pub(crate) fn written(&self) -> usize {
        self.buffer.written()
    }

    /// Encodes the record at the end if it is a short one and fits, which is so for nearly all.
    #[inline(always)]
    pub(crate) fn append_short<'a, R: Receipt<E>, H: RecordHeaders<'a>>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
    ) -> Option<R> {
        let timestamp_delta = self.stats.timestamp_delta(record.timestamp_ms);
        let place = self.buffer.place(self.writable_end + SCRIBBLE_BYTES)?;
        let bytes = record
            .parts
            .encode_short(timestamp_delta, self.stats.count() as i32, place)?;
        Some(self.count(record, bytes))
    }

    /// Encodes the record at the end, if it fits. The first one always does.
    pub(crate) fn try_append<'a, H: RecordHeaders<'a>>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
    ) -> Result<AppendResult<E>, RecordTooLarge> {
        let delivery = match self.append_short(record) {
            Some(delivery) => Ok(delivery),
            None => self.append_sized(record)?,
        };
        Ok(match delivery {
            Err(NoFit::BatchFull) => AppendResult::BatchFull,
            Err(NoFit::NeedsMemory(request)) => AppendResult::NeedsMemory(request),
            Ok(delivery) if self.is_as_good_as_full() => AppendResult::AppendedFull(delivery),
            Ok(delivery) => AppendResult::Appended(delivery),
        })
    }

    /// What its memory is charged to.
    pub(crate) fn account(&self) -> &Arc<Account> {
        self.buffer.account()
    }

    /// Moves to a larger buffer, if `growth` is larger than the one that it has (others may have been
    /// faster), or takes memory for callbacks. Nothing comes of a growth that is meant for a batch of another
    /// account, which was open before this one.
    pub(crate) fn grow(&mut self, growth: &mut Growth) {
        if !growth.share.is_in(self.account()) {
            return;
        }
        match &mut growth.by {
            GrowBy::Buffer { from, .. } if *from != self.buffer.capacity() => return,
            GrowBy::Buffer { buffer, .. } => self.buffer.move_to(buffer),
            GrowBy::Callbacks(reservation) => self.buffer.absorb(reservation),
        }
        self.share.absorb(&mut growth.share);
        self.writable_end = self.writable_end();
    }

    /// What the callbacks of its records take.
    pub(crate) fn callback_bytes(&self) -> usize {
        self.callbacks.bytes()
    }

    /// How much memory its callbacks take beyond what is reserved: at most that of the last one.
    fn unreserved(&self) -> usize {
        self.callbacks.bytes().saturating_sub(self.buffer.spare())
    }

    /// Up to where records may be written: no further while more memory is taken than reserved.
    fn writable_end(&self) -> usize {
        match self.unreserved() {
            0 => writable_end(&self.buffer, self.room),
            _ => self.written(),
        }
    }

    fn append_sized<'a, H: RecordHeaders<'a>>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
    ) -> Result<Result<Delivery<E>, NoFit>, RecordTooLarge> {
        let timestamp_delta = self.stats.timestamp_delta(record.timestamp_ms);
        // A record takes at least seven bytes and a batch at most `i32::MAX` of them.
        let offset_delta = self.stats.count() as i32;
        let size = record.parts.size(timestamp_delta, offset_delta)?;
        let end = self.written().saturating_add(size.bytes());
        if end > self.writable_end {
            return Ok(Err(self.no_fit(end)));
        }
        let Some(mut place) = self.buffer.place(end) else {
            return Ok(Err(NoFit::BatchFull));
        };
        record
            .parts
            .encode(size, timestamp_delta, offset_delta, &mut place);
        Ok(Ok(self.count(record, size.bytes())))
    }

    /// What is missing for records up to `end`.
    fn no_fit(&self, end: usize) -> NoFit {
        if end > self.room {
            return NoFit::BatchFull;
        }
        if self.unreserved() > 0 {
            // As much again as there is, so that this happens to few records.
            let bytes = self.unreserved() + self.callbacks.bytes();
            return NoFit::NeedsMemory(GrowRequest::Callbacks { bytes });
        }
        let from = self.buffer.capacity();
        let least = (end + BATCH_HEADER_BYTES).max(2 * from);
        let to = least
            .next_power_of_two()
            .min(self.room + BATCH_HEADER_BYTES);
        NoFit::NeedsMemory(GrowRequest::Buffer { from, to })
    }

    /// How many records it holds.
    pub(crate) fn records(&self) -> u32 {
        self.stats.count()
    }

    /// Counts a record whose `bytes` were written.
    #[inline(always)]
    fn count<R: Receipt<E>, H>(&mut self, record: &mut NewRecord<'_, H, E>, bytes: usize) -> R {
        self.buffer.advance(bytes);
        let index = self.stats.count();
        self.stats.add(record.timestamp_ms, bytes);
        if let Some(callback) = record.callback.take() {
            self.keep_callback(index, callback);
        }
        R::of(self.completion(), index)
    }

    #[inline(never)]
    fn keep_callback(&mut self, index: u32, callback: Callback<E>) {
        self.callbacks.push(index, callback);
        if self.unreserved() > 0 {
            self.writable_end = self.writable_end();
        }
    }

    pub(crate) fn seal(self) -> SealedBatch<E> {
        SealedBatch::new(self.callbacks, self.guard, self.buffer, self.stats)
    }

    /// Whether a record of average size would not fit. Then the batch had better leave now, and a sticky
    /// partitioner move on, than be found full by a record that opens a batch for itself.
    #[inline]
    pub(crate) fn is_as_good_as_full(&self) -> bool {
        let left = self.room.saturating_sub(self.written());
        left.saturating_mul(self.stats.count() as usize) < self.written()
    }
}

/// Why a record does not fit.
enum NoFit {
    BatchFull,
    NeedsMemory(GrowRequest),
}

/// How many bytes of records fit into a buffer: its memory pays for the batch's header, too.
fn writable_end(buffer: &Buffer, room: usize) -> usize {
    let writable_end = buffer.capacity().saturating_sub(BATCH_HEADER_BYTES);
    writable_end.min(room)
}

/// How many bytes beyond the end of a record [`RecordParts::encode_short`] may write. A buffer has room for
/// them, because memory for the batch's header is in it and the header is not.
const SCRIBBLE_BYTES: usize = 8;

const _: () = assert!(SCRIBBLE_BYTES <= BATCH_HEADER_BYTES);
