//! A batch while it is being written, and while it waits, sealed, to be taken.
//!
//! ```text
//! OpenBatch ──seal──▶ SealedBatch ──release──▶ Batch (immutable, shared, on its way)
//!  under the queue's lock       outside of it
//! ```
//!
//! Each record is encoded here, once, straight into the buffer that goes to the socket. Nothing
//! here locks, allocates per record or knows of other batches.

use std::{sync::Arc, time::Instant};

use kafka_wire::records::{BATCH_HEADER_BYTES, RecordParts, RecordTooLarge};

use crate::{
    batch::{Batch, BatchStats},
    completion::{Callback, Completion},
    delivery::{Delivery, Receipt},
    memory::{Buffer, OpenShare, Reservation, price_of},
};

/// A record on its way into a batch.
///
/// ```
/// use kafka_accumulator::NewRecord;
/// use kafka_wire::records::RecordParts;
///
/// let headers = [("trace", Some(&b"42"[..]))];
/// let parts = RecordParts { key: Some(b"k"), value: None, headers: headers.iter().copied() };
/// let record = NewRecord::<_, String>::new(1_700_000_000_000, parts);
/// assert!(record.callback.is_none());
/// ```
pub struct NewRecord<'a, H, E> {
    /// When it happened, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Key, value and headers, borrowed: they are copied once, into the batch.
    pub parts: RecordParts<'a, H>,
    /// Called when it is decided. Taken by the append that succeeds.
    pub callback: Option<Callback<E>>,
}

impl<'a, H, E> NewRecord<'a, H, E> {
    /// A record without a callback.
    pub fn new(timestamp_ms: i64, parts: RecordParts<'a, H>) -> Self {
        Self {
            timestamp_ms,
            parts,
            callback: None,
        }
    }
}

/// What is still owed to the records of a batch: an end. If it is dropped while the batch is not
/// decided, the records are told that they were abandoned, so that nobody waits for ever.
pub(crate) struct CompletionGuard<E>(Arc<Completion<E>>);

impl<E> CompletionGuard<E> {
    pub(crate) fn new(completion: Arc<Completion<E>>) -> Self {
        Self(completion)
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        &self.0
    }
}

impl<E> Drop for CompletionGuard<E> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The callbacks of a batch that is being written. They are handed to its completion when this is
/// dropped, that is after the queue is unlocked.
struct Callbacks<E> {
    completion: Arc<Completion<E>>,
    noted: Vec<(u32, Callback<E>)>,
    /// What those noted take; paid for by what the buffer has to spare.
    bytes: usize,
}

impl<E> Drop for Callbacks<E> {
    fn drop(&mut self) {
        self.completion.attach(std::mem::take(&mut self.noted));
    }
}

/// The newest batch of a queue.
pub(crate) struct OpenBatch<E> {
    // In this order: callbacks are handed over before what is owed is given up.
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
    /// It is in; the batch takes more.
    Appended(Delivery<E>),
    /// It is in, and another of its kind would hardly find room.
    AppendedFull(Delivery<E>),
    /// It is not in: the buffer must grow first.
    NeedsMemory(GrowRequest),
    /// It is not in, and the batch is full.
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
        let callbacks = Callbacks {
            completion: Arc::clone(&completion),
            noted: Vec::new(),
            bytes: 0,
        };
        Self {
            callbacks,
            guard: CompletionGuard::new(completion),
            share: buffer.open(),
            writable_end: writable_end(&buffer, room),
            buffer,
            room,
            stats: BatchStats {
                created,
                count: 0,
                base_timestamp_ms: 0,
                max_timestamp_ms: 0,
            },
        }
    }

    pub(crate) fn created(&self) -> Instant {
        self.stats.created
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        self.guard.completion()
    }

    /// How many bytes of records are in.
    pub(crate) fn written(&self) -> usize {
        self.buffer.written()
    }

    /// Encodes the record at the end if it is a short one and fits: what is done for nearly all.
    #[inline(always)]
    pub(crate) fn append_short<'a, R, H>(&mut self, record: &mut NewRecord<'a, H, E>) -> Option<R>
    where
        R: Receipt<E>,
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        let timestamp_delta = self.stats.timestamp_delta(record.timestamp_ms);
        let place = self.buffer.place(self.writable_end + SCRIBBLE_BYTES)?;
        let bytes = record
            .parts
            .encode_short(timestamp_delta, self.stats.count as i32, place)?;
        Some(self.note(record, bytes))
    }

    /// Encodes the record at the end, if it fits. The first one always does.
    pub(crate) fn append<'a, H>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
    ) -> Result<AppendResult<E>, RecordTooLarge>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        let delivery = match self.append_short(record) {
            Some(delivery) => Ok(delivery),
            None => self.append_any(record)?,
        };
        Ok(match delivery {
            Err(NoFit::BatchFull) => AppendResult::BatchFull,
            Err(NoFit::NeedsMemory(request)) => AppendResult::NeedsMemory(request),
            Ok(delivery) if self.is_as_good_as_full() => AppendResult::AppendedFull(delivery),
            Ok(delivery) => AppendResult::Appended(delivery),
        })
    }

    /// Moves to a larger buffer, if `growth` is larger than the one that it has (others may have been
    /// faster), or takes memory for callbacks.
    pub(crate) fn grow(&mut self, growth: &mut Growth) {
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
        self.callbacks.bytes
    }

    /// What its callbacks take more than is paid for: at most the last one of them.
    fn debt(&self) -> usize {
        self.callbacks.bytes.saturating_sub(self.buffer.spare())
    }

    /// How far records may be written: no further while there is a debt.
    fn writable_end(&self) -> usize {
        match self.debt() {
            0 => writable_end(&self.buffer, self.room),
            _ => self.written(),
        }
    }

    fn append_any<'a, H>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
    ) -> Result<Result<Delivery<E>, NoFit>, RecordTooLarge>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        let timestamp_delta = self.stats.timestamp_delta(record.timestamp_ms);
        // A record takes at least seven bytes and a batch at most `i32::MAX` of them.
        let offset_delta = self.stats.count as i32;
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
        Ok(Ok(self.note(record, size.bytes())))
    }

    /// What is missing for records up to `end`.
    fn no_fit(&self, end: usize) -> NoFit {
        if end > self.room {
            return NoFit::BatchFull;
        }
        if self.debt() > 0 {
            // As much again as there is, so that few records take the long way.
            let bytes = self.debt() + self.callbacks.bytes;
            return NoFit::NeedsMemory(GrowRequest::Callbacks { bytes });
        }
        let from = self.buffer.capacity();
        let least = (end + BATCH_HEADER_BYTES).max(2 * from);
        let to = least
            .next_power_of_two()
            .min(self.room + BATCH_HEADER_BYTES);
        NoFit::NeedsMemory(GrowRequest::Buffer { from, to })
    }

    /// Counts a record whose `bytes` were written.
    #[inline(always)]
    fn note<R: Receipt<E>, H>(&mut self, record: &mut NewRecord<'_, H, E>, bytes: usize) -> R {
        self.buffer.advance(bytes);
        let index = self.stats.count;
        self.stats.note(record.timestamp_ms);
        if record.callback.is_some() {
            self.keep_callback(index, record);
        }
        R::of(self.completion(), index)
    }

    #[inline(never)]
    fn keep_callback<'a, H>(&mut self, index: u32, record: &mut NewRecord<'a, H, E>) {
        if let Some(callback) = record.callback.take() {
            self.callbacks.bytes += price_of(&callback);
            self.callbacks.noted.push((index, callback));
            if self.debt() > 0 {
                self.writable_end = self.writable_end();
            }
        }
    }

    pub(crate) fn seal(self) -> SealedBatch<E> {
        let Self {
            callbacks,
            guard,
            buffer,
            stats,
            ..
        } = self;
        SealedBatch {
            callbacks,
            guard,
            buffer,
            stats,
        }
    }

    /// Whether a record of the average size would not find room: better leave now, and let a
    /// sticky partitioner move on, than be found full by a record that then opens a new batch.
    #[inline]
    pub(crate) fn is_as_good_as_full(&self) -> bool {
        let left = self.room.saturating_sub(self.written());
        left.saturating_mul(self.stats.count as usize) < self.written()
    }
}

/// Why a record does not fit.
enum NoFit {
    BatchFull,
    NeedsMemory(GrowRequest),
}

/// How many bytes of records go into a buffer: its memory pays for the batch's header, too.
fn writable_end(buffer: &Buffer, room: usize) -> usize {
    let writable_end = buffer.capacity().saturating_sub(BATCH_HEADER_BYTES);
    writable_end.min(room)
}

/// A batch that nobody writes to any more.
pub(crate) struct SealedBatch<E> {
    // In this order, as above.
    callbacks: Callbacks<E>,
    guard: CompletionGuard<E>,
    buffer: Buffer,
    stats: BatchStats,
}

impl<E> SealedBatch<E> {
    pub(crate) fn created(&self) -> Instant {
        self.stats.created
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        self.guard.completion()
    }

    /// Makes it ready for its way. Not under a lock: it allocates.
    pub(crate) fn release(self) -> Batch<E> {
        let Self {
            callbacks,
            guard,
            buffer,
            stats,
        } = self;
        drop(callbacks);
        Batch::new(guard, stats, buffer)
    }
}

/// How far behind a record [`RecordParts::encode_short`] writes. A buffer is that much longer than
/// the room for records, because the batch's header is paid for but not in it.
const SCRIBBLE_BYTES: usize = 8;

const _: () = assert!(SCRIBBLE_BYTES <= BATCH_HEADER_BYTES);
