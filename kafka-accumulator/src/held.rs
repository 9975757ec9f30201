//! What a queue holds, to be touched only under its lock: the open batch, the sealed ones, and what
//! of them the engine knows.
//!
//! Its steps say who must be rung for; ringing is done after unlocking, by the queue. Nothing here
//! locks, waits or takes memory.

use std::{collections::VecDeque, time::Duration};

use kafka_wire::records::{BATCH_HEADER_BYTES, RecordTooLarge};

use crate::{
    attention::{Attention, Ring},
    delivery::Delivery,
    open::{NewRecord, OpenBatch, Placed, Sealed},
    queue::{Appended, Filled},
};

pub(crate) struct Held<E> {
    pub(crate) stage: Stage,
    pub(crate) attention: Attention,
    pub(crate) open: Option<OpenBatch<E>>,
    pub(crate) sealed: VecDeque<Sealed<E>>,
    /// `batch.size`.
    batch_bytes: usize,
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
    /// There is no open batch; if there was one, it was full and is sealed now.
    NeedsBatch(Filled),
    Closed,
}

impl<E> Held<E> {
    pub(crate) fn new(batch_bytes: usize) -> Self {
        Self {
            stage: Stage::Accepting,
            attention: Attention::Away,
            open: None,
            sealed: VecDeque::new(),
            batch_bytes,
            left_unfilled: 0,
        }
    }

    pub(crate) fn append<'a, H>(
        &mut self,
        record: &mut NewRecord<'a, H, E>,
    ) -> Result<(Attempt<E>, Ring), RecordTooLarge>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        if self.stage == Stage::Closed {
            return Ok((Attempt::Closed, Ring::Needless));
        }
        let Some(open) = &mut self.open else {
            return Ok((Attempt::NeedsBatch(Filled::Room), Ring::Needless));
        };
        let placed = open.append(record)?;
        Ok(self.note(placed))
    }

    /// Seals the open batch if what became of the last append says so.
    pub(crate) fn note(&mut self, placed: Placed<E>) -> (Attempt<E>, Ring) {
        let (delivery, filled, ring) = match placed {
            Placed::Room(delivery) => (delivery, self.share_taken(), Ring::Needless),
            Placed::Filled(delivery) => (delivery, Filled::Filled, self.seal_full()),
            Placed::NoRoom => return (Attempt::NeedsBatch(Filled::Filled), self.seal_full()),
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
        if self.left_unfilled + (open as isize) < self.batch_bytes as isize {
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
        let Some(open) = self.open.take() else {
            return Ring::Needless;
        };
        self.left_unfilled += (BATCH_HEADER_BYTES + open.written()) as isize;
        self.sealed.push_back(open.seal());
        self.attention.batch_sealed()
    }

    pub(crate) fn take_open(&mut self) -> Option<Sealed<E>> {
        let open = self.open.take()?;
        self.left_unfilled += (BATCH_HEADER_BYTES + open.written()) as isize;
        Some(open.seal())
    }

    pub(crate) fn left_behind(&mut self) {
        if self.open.is_none() && self.sealed.is_empty() {
            self.attention.emptied();
        }
    }
}
