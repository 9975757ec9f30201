//! A batch while it is being written, and while it waits, sealed, to be taken.
//!
//! ```text
//! OpenBatch ──seal──▶ Sealed ──release──▶ Batch (immutable, shared, on its way)
//!  under the queue's lock       outside of it
//! ```
//!
//! Each record is encoded here, once, straight into the buffer that goes to the socket. Nothing
//! here locks, allocates per record or knows of other batches.

use std::{sync::Arc, time::Instant};

use kafka_wire::records::{RecordParts, RecordTooLarge};

use crate::{
    batch::{Batch, Facts},
    buffer::Buffer,
    completion::{Callback, Completion},
    delivery::Delivery,
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
pub(crate) struct Owed<E>(Arc<Completion<E>>);

impl<E> Owed<E> {
    pub(crate) fn new(completion: Arc<Completion<E>>) -> Self {
        Self(completion)
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        &self.0
    }
}

impl<E> Drop for Owed<E> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The callbacks of a batch that is being written. They are handed to its completion when this is
/// dropped, that is after the queue is unlocked.
struct Callbacks<E> {
    completion: Arc<Completion<E>>,
    noted: Vec<(u32, Callback<E>)>,
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
    owed: Owed<E>,
    buffer: Buffer,
    /// How many bytes of records it takes; one that is larger than a batch has its own size.
    room: usize,
    /// How many bytes of the buffer are whole records.
    written: usize,
    facts: Facts,
}

/// What became of an attempt to append.
pub(crate) enum Placed<E> {
    /// It is in; the batch takes more.
    Room(Delivery<E>),
    /// It is in, and another of its kind would hardly find room.
    Filled(Delivery<E>),
    NoRoom,
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
        };
        Self {
            callbacks,
            owed: Owed::new(completion),
            buffer,
            room,
            written: 0,
            facts: Facts {
                created,
                count: 0,
                base_timestamp_ms: 0,
                max_timestamp_ms: 0,
            },
        }
    }

    pub(crate) fn created(&self) -> Instant {
        self.facts.created
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        self.owed.completion()
    }

    /// How many bytes of records are in.
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    /// Encodes the record at the end, if it fits. The first one always does.
    pub(crate) fn append<'a, H>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
    ) -> Result<Placed<E>, RecordTooLarge>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        let index = self.facts.count;
        let timestamp_delta = self.facts.timestamp_delta(record.timestamp_ms);
        // A record takes at least seven bytes and a batch at most `i32::MAX` of them.
        let offset_delta = index as i32;
        let size = record.parts.size(timestamp_delta, offset_delta)?;
        if index > 0 && self.written + size.bytes() > self.room {
            return Ok(Placed::NoRoom);
        }
        let out = self.buffer.bytes_mut();
        // Only after the headers' own iterator panicked is there more than was counted.
        out.truncate(self.written);
        record
            .parts
            .encode(size, timestamp_delta, offset_delta, out);
        self.written = out.len();
        self.facts.note(record.timestamp_ms);
        if let Some(callback) = record.callback.take() {
            self.callbacks.noted.push((index, callback));
        }
        let delivery = Delivery::new(Arc::clone(self.completion()), index);
        Ok(if self.is_as_good_as_full() {
            Placed::Filled(delivery)
        } else {
            Placed::Room(delivery)
        })
    }

    pub(crate) fn seal(self) -> Sealed<E> {
        Sealed(self)
    }

    /// Whether a record of the average size would not find room: better leave now, and let a
    /// sticky partitioner move on, than be found full by a record that then opens a new batch.
    fn is_as_good_as_full(&self) -> bool {
        let left = self.room.saturating_sub(self.written);
        left.saturating_mul(self.facts.count as usize) < self.written
    }
}

/// A batch that nobody writes to any more.
pub(crate) struct Sealed<E>(OpenBatch<E>);

impl<E> Sealed<E> {
    pub(crate) fn created(&self) -> Instant {
        self.0.created()
    }

    pub(crate) fn completion(&self) -> &Arc<Completion<E>> {
        self.0.completion()
    }

    /// Makes it ready for its way. Not under a lock: it allocates.
    pub(crate) fn release(self, key: u32) -> Batch<E> {
        let OpenBatch {
            callbacks,
            owed,
            mut buffer,
            written,
            facts,
            ..
        } = self.0;
        buffer.bytes_mut().truncate(written);
        drop(callbacks);
        Batch::new(key, owed, facts, buffer)
    }
}
