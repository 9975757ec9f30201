//! What a queue holds, to be touched only under its lock: the open batch, the sealed ones, and what
//! of them the engine knows.
//!
//! Its steps say who must be rung for; ringing is done after unlocking, by the queue. Nothing here
//! locks, waits or takes memory.

use std::{collections::VecDeque, time::Duration};

use kafka_wire::records::{BATCH_HEADER_BYTES, RecordTooLarge};

use crate::{
    batch::{AppendResult, GrowRequest, Growth, NewRecord, OpenBatch, SealedBatch},
    delivery::Delivery,
    memory::Sizes,
    queue::{
        Appended, Filled,
        attention::{Attention, Ring},
    },
};

pub(crate) struct QueueState<E> {
    pub(crate) stage: Stage,
    pub(crate) attention: Attention,
    pub(crate) open: Option<OpenBatch<E>>,
    /// Apart, so that all that an append touches lies together.
    pub(crate) sealed: Box<SealedBatches<E>>,
    sizes: Sizes,
    initial_size: InitialSize,
    /// Bytes that left in batches that were not full, since a sticky partitioner was last told to
    /// move on; what the open batch held then is taken off beforehand.
    pub(crate) left_unfilled: isize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Accepting,
    Closed,
}

/// What came of trying to append to the open batch.
pub(crate) enum Attempt<E> {
    Appended(Appended<Delivery<E>>),
    /// The open batch has room, but must grow.
    NeedsMemory(GrowRequest),
    /// There is no open batch; if there was one, it is sealed now: it was full or could not grow.
    NeedsBatch(NewBatch),
    Closed,
}

/// A new batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewBatch {
    /// Whether there was one before it.
    pub(crate) filled: Filled,
    pub(crate) initial_size: InitialSize,
}

/// What a batch begins with: what the one before it came to use. A batch has less than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InitialSize {
    buffer_bytes: u32,
    callback_bytes: u32,
}

impl InitialSize {
    fn first(sizes: Sizes) -> Self {
        Self {
            buffer_bytes: to_u32(sizes.first()),
            callback_bytes: 0,
        }
    }

    /// What follows for the next batch.
    fn after<E>(self, open: &OpenBatch<E>, sizes: Sizes) -> Self {
        let used = BATCH_HEADER_BYTES + open.written();
        let callbacks = match open.callback_bytes() {
            0 => 0,
            used => used.checked_next_power_of_two().unwrap_or(used),
        };
        Self {
            buffer_bytes: to_u32(sizes.after(self.buffer_bytes(), used)),
            callback_bytes: to_u32(callbacks.max(self.callback_bytes() / 2)),
        }
    }

    /// For its buffer.
    pub(crate) fn buffer_bytes(self) -> usize {
        self.buffer_bytes as usize
    }

    /// For the callbacks of its records.
    pub(crate) fn callback_bytes(self) -> usize {
        self.callback_bytes as usize
    }
}

fn to_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The sealed batches of a queue, oldest first.
pub(crate) struct SealedBatches<E> {
    batches: VecDeque<SealedBatch<E>>,
}

impl<E> SealedBatches<E> {
    fn new() -> Self {
        let batches = VecDeque::new();
        Self { batches }
    }

    /// The first one gets room for itself alone: most queues never hold two.
    fn push(&mut self, sealed: SealedBatch<E>) {
        if self.batches.capacity() == 0 {
            self.batches.reserve_exact(1);
        }
        self.batches.push_back(sealed);
    }

    /// Takes the oldest, and lets go of the room when there is much of it: a queue that was long once
    /// is not paid for by anybody.
    pub(crate) fn pop(&mut self) -> Option<SealedBatch<E>> {
        let oldest = self.batches.pop_front();
        if self.batches.is_empty() && self.batches.capacity() > KEPT_BATCHES {
            self.batches = VecDeque::new();
        }
        oldest
    }

    pub(crate) fn oldest(&self) -> Option<&SealedBatch<E>> {
        self.batches.front()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SealedBatch<E>> {
        self.batches.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.batches.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

/// What to do with a batch that would have to grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cramped {
    Tell,
    Seal,
}

impl<E> QueueState<E> {
    pub(crate) fn new(sizes: Sizes) -> Self {
        Self {
            stage: Stage::Accepting,
            attention: Attention::Away,
            open: None,
            sealed: Box::new(SealedBatches::new()),
            sizes,
            initial_size: InitialSize::first(sizes),
            left_unfilled: 0,
        }
    }

    pub(crate) fn append<'a, H>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
        cramped: Cramped,
    ) -> Result<(Attempt<E>, Ring), RecordTooLarge>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        if self.stage == Stage::Closed {
            return Ok((Attempt::Closed, Ring::Needless));
        }
        let Some(open) = &mut self.open else {
            return Ok((self.needs_batch(Filled::Room), Ring::Needless));
        };
        let placed = open.append(record)?;
        Ok(self.note(placed, cramped))
    }

    /// Appends to the open batch after it has grown, if that is still what it needs.
    pub(crate) fn append_grown<'a, H>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
        growth: &mut Growth,
    ) -> Result<(Attempt<E>, Ring), RecordTooLarge>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        let found = self.append(record, Cramped::Tell)?;
        match (&found, &mut self.open) {
            ((Attempt::NeedsMemory(_), _), Some(open)) => open.grow(growth),
            _ => return Ok(found),
        }
        self.append(record, Cramped::Tell)
    }

    fn needs_batch(&self, filled: Filled) -> Attempt<E> {
        let initial_size = self.initial_size;
        Attempt::NeedsBatch(NewBatch {
            filled,
            initial_size,
        })
    }

    /// Seals the open batch if what became of the last append says so.
    pub(crate) fn note(&mut self, placed: AppendResult<E>, cramped: Cramped) -> (Attempt<E>, Ring) {
        let (delivery, filled, ring) = match placed {
            AppendResult::Appended(delivery) => (delivery, self.share_taken(), Ring::Needless),
            AppendResult::AppendedFull(delivery) => (delivery, Filled::Filled, self.seal_full()),
            AppendResult::NeedsMemory(request) if cramped == Cramped::Tell => {
                return (Attempt::NeedsMemory(request), Ring::Needless);
            }
            AppendResult::NeedsMemory(_) | AppendResult::BatchFull => {
                let ring = self.seal_full();
                return (self.needs_batch(Filled::Filled), ring);
            }
        };
        (Attempt::Appended(Appended { delivery, filled }), ring)
    }

    /// Whether the partition got as much as a full batch holds, in several that were not full: a
    /// slow producer, too, is to spread over the partitions (KIP-794).
    pub(crate) fn share_taken(&mut self) -> Filled {
        if self.left_unfilled <= 0 {
            return Filled::Room;
        }
        let open = self.open.as_ref().map_or(0, OpenBatch::written);
        if self.left_unfilled + (open as isize) < self.sizes.batch_bytes as isize {
            return Filled::Room;
        }
        self.left_unfilled = -((BATCH_HEADER_BYTES + open) as isize);
        Filled::Filled
    }

    pub(crate) fn seal_full(&mut self) -> Ring {
        let ring = self.seal_open();
        self.left_unfilled = 0;
        ring
    }

    pub(crate) fn open_with(&mut self, fresh: OpenBatch<E>, linger: Duration) -> Ring {
        self.open = Some(fresh);
        self.attention.batch_opened(linger)
    }

    pub(crate) fn seal_open(&mut self) -> Ring {
        let Some(sealed) = self.take_open() else {
            return Ring::Needless;
        };
        self.sealed.push(sealed);
        self.attention.batch_sealed()
    }

    pub(crate) fn take_open(&mut self) -> Option<SealedBatch<E>> {
        let open = self.open.take()?;
        self.left_unfilled += (BATCH_HEADER_BYTES + open.written()) as isize;
        self.initial_size = self.initial_size.after(&open, self.sizes);
        Some(open.seal())
    }

    pub(crate) fn left_behind(&mut self) {
        if self.open.is_none() && self.sealed.is_empty() {
            self.attention.emptied();
        }
    }
}

/// Room for so many sealed batches is kept when they are gone.
const KEPT_BATCHES: usize = 4;
