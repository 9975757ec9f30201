//! A batch that is no longer written to: first in its queue, then on its way.
//!
//! It leaves its queue once and never comes back; what must be sent again waits in the engine. Its bytes
//! are the records without the 61-byte header, which is written for each attempt. It may be shared: one
//! thread compresses it while another puts it into a request.
//!
//! A batch that is dropped before it is completed fails its records as abandoned.

use std::{fmt, sync::Arc, time::Instant};

use bytes::Bytes;
use kafka_wire::compression::Compression;

use super::{callbacks::Callbacks, stats::BatchStats};
use crate::{
    completion::{BatchOutcome, Completed, Completion, CompletionGuard},
    error::{AlreadyCompleted, AlreadyCompressed, SplitError},
    memory::Buffer,
    sync::{Mutex, lock},
};

/// A sealed batch in its queue.
pub(crate) struct SealedBatch<E> {
    // In this order: callbacks are handed over before the guard gives up.
    callbacks: Callbacks<E>,
    guard: CompletionGuard<E>,
    buffer: Buffer,
    stats: BatchStats,
}

impl<E> SealedBatch<E> {
    /// How many records it holds.
    pub(crate) fn count(&self) -> u32 {
        self.stats.count()
    }

    pub(super) fn new(
        callbacks: Callbacks<E>,
        guard: CompletionGuard<E>,
        buffer: Buffer,
        stats: BatchStats,
    ) -> Self {
        Self {
            callbacks,
            guard,
            buffer,
            stats,
        }
    }

    pub(crate) fn created(&self) -> Instant {
        self.stats.created()
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        self.guard.completion()
    }

    /// The batch as it is taken. Not under a lock: it allocates, and hands callbacks to the completion.
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

/// Records of one partition that travel, and end, together.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_accumulator::records::RecordParts;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
/// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
/// # queue.flush();
/// # let batch = queue.take(now).expect("it was flushed");
/// assert_eq!((&**batch.topic(), batch.partition(), batch.count()), ("orders", 0, 1));
/// let body = batch.records();
/// assert_eq!(body.len(), batch.uncompressed_bytes());
/// batch.complete(BatchOutcome::Delivered { base_offset: 0, log_append_time_ms: None })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Batch<E> {
    guard: CompletionGuard<E>,
    stats: BatchStats,
    uncompressed_bytes: usize,
    body: Mutex<Body>,
}

/// The records' bytes as they are now.
struct Body {
    /// How they were replaced, if they were.
    replaced: Option<Compression>,
    bytes: Bytes,
    /// The owner of `bytes`, for its memory.
    buffer: Arc<Buffer>,
}

impl Body {
    fn new(buffer: Buffer) -> Self {
        let buffer = Arc::new(buffer);
        Self {
            replaced: None,
            bytes: share(&buffer),
            buffer,
        }
    }

    /// Puts `bytes` in place of what was there; returns the old buffer if they are not in it.
    fn replace(&mut self, bytes: &[u8], codec: Compression) -> Option<Arc<Buffer>> {
        self.replaced = Some(codec);
        // Other readers of the old bytes have a reference of their own.
        self.bytes = Bytes::new();
        let overwritten = Arc::get_mut(&mut self.buffer).is_some_and(|own| own.overwrite(bytes));
        let raw = (!overwritten).then(|| {
            let beside = self.buffer.held().saturating_sub(self.buffer.capacity());
            let held = beside.saturating_add(bytes.len());
            let apart = Arc::new(self.buffer.succeed(bytes.to_vec(), held));
            std::mem::replace(&mut self.buffer, apart)
        });
        self.bytes = share(&self.buffer);
        raw
    }

    fn codec(&self) -> Compression {
        self.replaced.unwrap_or(Compression::None)
    }
}

fn share(buffer: &Arc<Buffer>) -> Bytes {
    Bytes::from_owner(Shared(Arc::clone(buffer)))
}

/// A holder of a buffer.
struct Shared(Arc<Buffer>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

/// The records of a part of a batch, encoded for a batch of their own.
///
/// ```
/// use kafka_accumulator::Piece;
/// use kafka_accumulator::records::RecordParts;
///
/// let record = RecordParts::new(None, Some(b"second"));
/// let mut records = Vec::new();
/// record.encode(record.size(0, 0)?, 0, 0, &mut records);
/// let piece = Piece::new(records, 1, 5, 5);
/// assert_eq!(piece.count, 1);
/// # Ok::<(), kafka_accumulator::records::RecordTooLarge>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// How many records.
    pub count: u32,
    /// The first one's timestamp.
    pub base_timestamp_ms: i64,
    /// The latest timestamp.
    pub max_timestamp_ms: i64,
    /// The records, uncompressed, counted from 0 again.
    pub records: Vec<u8>,
}

impl Piece {
    /// So many `records`, uncompressed and counted from 0 again, with the timestamp of the first and the
    /// latest one.
    pub fn new(
        records: Vec<u8>,
        count: u32,
        base_timestamp_ms: i64,
        max_timestamp_ms: i64,
    ) -> Self {
        Self {
            count,
            base_timestamp_ms,
            max_timestamp_ms,
            records,
        }
    }
}

impl<E> Batch<E> {
    fn new(guard: CompletionGuard<E>, stats: BatchStats, buffer: Buffer) -> Self {
        Self {
            guard,
            stats,
            uncompressed_bytes: buffer.as_ref().len(),
            body: Mutex::new(Body::new(buffer)),
        }
    }

    /// The topic it is for.
    pub fn topic(&self) -> &Arc<str> {
        self.completion().topic()
    }

    /// The partition it is for.
    pub fn partition(&self) -> i32 {
        self.completion().partition()
    }

    /// When its first record was appended.
    pub fn created(&self) -> Instant {
        self.stats.created()
    }

    /// How many records it holds.
    pub fn count(&self) -> u32 {
        self.stats.count()
    }

    /// The timestamp of the first record, from which those of the others are counted.
    pub fn base_timestamp_ms(&self) -> i64 {
        self.stats.base_timestamp_ms()
    }

    /// The latest timestamp.
    pub fn max_timestamp_ms(&self) -> i64 {
        self.stats.max_timestamp_ms()
    }

    /// How many bytes the records take uncompressed, without the header of the batch.
    pub fn uncompressed_bytes(&self) -> usize {
        self.uncompressed_bytes
    }

    /// How many bytes its largest record takes uncompressed. Of a part of a batch that was split, it is that of
    /// the whole.
    pub fn largest_record_bytes(&self) -> usize {
        self.stats.largest_bytes()
    }

    /// Its bytes as they are now, without the header. They are shared, not copied.
    pub fn records(&self) -> Bytes {
        lock(&self.body).bytes.clone()
    }

    /// How the bytes are compressed.
    pub fn codec(&self) -> Compression {
        lock(&self.body).codec()
    }

    /// The bytes together with their codec, both of the same moment.
    pub fn records_and_codec(&self) -> (Bytes, Compression) {
        let body = lock(&self.body);
        (body.bytes.clone(), body.codec())
    }

    /// How much of the buffer memory it holds.
    pub fn memory_held(&self) -> usize {
        lock(&self.body).buffer.held()
    }

    /// Where the outcome of its records is set.
    pub fn completion(&self) -> &Arc<Completion<E>> {
        self.guard.completion()
    }

    /// Completes the batch; short for [`Completion::complete`].
    pub fn complete(&self, outcome: BatchOutcome<E>) -> Result<Completed, AlreadyCompleted> {
        self.completion().complete(outcome)
    }

    /// Puts the compressed bytes in place of the records: into the same buffer, so that compression
    /// allocates nothing. Only if the records are still being read, or the compressed bytes are more, do
    /// they get memory of their own.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
    /// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// # queue.flush();
    /// # let batch = queue.take(now).expect("it was flushed");
    /// use kafka_accumulator::Compression;
    ///
    /// batch.replace_records(&[1, 2, 3], Compression::Zstd)?;
    /// assert_eq!(batch.codec(), Compression::Zstd);
    /// assert!(batch.replace_records(&[4], Compression::Lz4).is_err(), "once only");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace_records(
        &self,
        compressed: &[u8],
        codec: Compression,
    ) -> Result<(), AlreadyCompressed> {
        let mut body = lock(&self.body);
        if let Some(codec) = body.replaced {
            return Err(AlreadyCompressed { codec });
        }
        let raw = body.replace(compressed, codec);
        drop(body);
        drop(raw);
        Ok(())
    }

    /// Completes the batch by putting `pieces` in its place: each is a batch of its own, as old as this
    /// one, and the records' deliveries and callbacks follow to the piece that holds them.
    ///
    /// The memory that the batch holds is divided among the pieces.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
    /// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// # queue.flush();
    /// # let batch = queue.take(now).expect("it was flushed");
    /// let times = (batch.base_timestamp_ms(), batch.max_timestamp_ms());
    /// let whole = Piece::new(batch.records().to_vec(), batch.count(), times.0, times.1);
    /// let pieces = batch.split(vec![whole])?;
    /// pieces[0].complete(BatchOutcome::Delivered { base_offset: 3, log_append_time_ms: None })?;
    /// assert_eq!(delivery.try_outcome().map(|end| end.is_ok()), Some(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(&self, pieces: Vec<Piece>) -> Result<Vec<Self>, SplitError> {
        let (batches, outcome) = self.prepare_split(pieces)?;
        self.complete(outcome)?;
        Ok(batches)
    }

    /// Like [`split`](Self::split), but does not complete the batch: returns the pieces, and the outcome
    /// that the batch is to be [completed](Self::complete) with before any of them is.
    ///
    /// ```
    /// # use std::{sync::Arc, time::{Duration, Instant}};
    /// # use kafka_accumulator::*;
    /// # use kafka_accumulator::records::RecordParts;
    /// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
    /// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
    /// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
    /// # let now = Instant::now();
    /// # let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"hello")));
    /// # let delivery = accumulator.append(&queue, &mut record, None, || now)?.delivery;
    /// # queue.flush();
    /// # let batch = queue.take(now).expect("it was flushed");
    /// # let times = (batch.base_timestamp_ms(), batch.max_timestamp_ms());
    /// # let whole = Piece::new(batch.records().to_vec(), batch.count(), times.0, times.1);
    /// let (pieces, outcome) = batch.prepare_split(vec![whole])?;
    /// batch.complete(outcome)?;
    /// assert!(delivery.try_outcome().is_none());
    /// pieces[0].complete(BatchOutcome::Delivered { base_offset: 3, log_append_time_ms: None })?;
    /// assert_eq!(delivery.try_outcome().map(|end| end.is_ok()), Some(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    // Hidden: for an engine that completes batches later, when it holds no lock.
    #[doc(hidden)]
    pub fn prepare_split(
        &self,
        pieces: Vec<Piece>,
    ) -> Result<(Vec<Self>, BatchOutcome<E>), SplitError> {
        self.check_pieces(&pieces)?;
        let body = lock(&self.body);
        let whole = Arc::clone(&body.buffer);
        drop(body);
        let held = whole.held();
        let bytes: usize = pieces.iter().map(|piece| piece.records.len()).sum();
        let share = |piece: &Piece| held.saturating_mul(piece.records.len()) / bytes.max(1);
        let batches: Vec<_> = pieces
            .into_iter()
            .map(|piece| {
                let share = share(&piece);
                self.piece(piece, &whole, share)
            })
            .collect();
        let mut first = 0;
        let completions = batches.iter().map(|batch| {
            let index = first;
            first += batch.count();
            (index, Arc::clone(batch.completion()))
        });
        let outcome = BatchOutcome::Split(completions.collect());
        Ok((batches, outcome))
    }

    fn check_pieces(&self, pieces: &[Piece]) -> Result<(), SplitError> {
        let total: u64 = pieces.iter().map(|piece| u64::from(piece.count)).sum();
        if total != u64::from(self.count()) || pieces.iter().any(|piece| piece.count == 0) {
            return Err(SplitError::Uneven {
                pieces: total,
                batch: self.count(),
            });
        }
        if self.completion().batch_outcome().is_some() {
            return Err(AlreadyCompleted.into());
        }
        Ok(())
    }

    fn piece(&self, piece: Piece, whole: &Buffer, share: usize) -> Self {
        let guard = CompletionGuard::new(Arc::new(self.completion().sibling()));
        let stats =
            self.stats
                .of_piece(piece.count, piece.base_timestamp_ms, piece.max_timestamp_ms);
        let buffer = whole.succeed(piece.records, share);
        Self::new(guard, stats, buffer)
    }
}

impl<E> fmt::Debug for Batch<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("topic", self.topic())
            .field("partition", &self.partition())
            .field("count", &self.count())
            .field("uncompressed_bytes", &self.uncompressed_bytes)
            .finish_non_exhaustive()
    }
}
