//! The sealed batches of a queue, oldest first.
//!
//! A plain list: it knows nothing of locks or of the engine. It keeps little room when it is empty, because
//! there is one for each partition that is written to.

use std::collections::VecDeque;

use crate::batch::SealedBatch;

/// The batches of a queue that nobody writes to any more.
pub(super) struct SealedBatches<E> {
    batches: VecDeque<SealedBatch<E>>,
}

impl<E> SealedBatches<E> {
    pub(super) fn new() -> Self {
        let batches = VecDeque::new();
        Self { batches }
    }

    /// Adds the newest. The first one gets room for itself alone: most queues never hold two.
    pub(super) fn push(&mut self, sealed: SealedBatch<E>) {
        if self.batches.capacity() == 0 {
            self.batches.reserve_exact(1);
        }
        self.batches.push_back(sealed);
    }

    /// Takes the oldest. Releases the list's own memory when the last one is gone and the list was long:
    /// no reservation pays for it.
    pub(super) fn pop(&mut self) -> Option<SealedBatch<E>> {
        let oldest = self.batches.pop_front();
        if self.batches.is_empty() && self.batches.capacity() > KEPT_BATCHES {
            self.batches = VecDeque::new();
        }
        oldest
    }

    pub(super) fn oldest(&self) -> Option<&SealedBatch<E>> {
        self.batches.front()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SealedBatch<E>> {
        self.batches.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

/// Room for so many sealed batches is kept when they are gone.
const KEPT_BATCHES: usize = 4;
