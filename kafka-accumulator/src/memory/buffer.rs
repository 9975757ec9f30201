//! The bytes of a batch, and the pool they come from and go back to.
//!
//! A [`Buffer`] is a vector together with the memory that is reserved for its batch: for the vector,
//! for what a batch takes beside it, and for the callbacks of its records. Both are given back
//! by its `Drop`, that is when the *last* reference is gone, perhaps that of a socket that still
//! writes a request nobody waits for any more. So a buffer cannot be written to while it is on
//! the wire (KAFKA-19012), and its memory does not count as free while it is not.
//!
//! Buffers have few [sizes](BufferSizes), so that one that comes back fits a later batch. Of each size the last one
//! returned is taken first (it is still in the CPU's caches), and the pool never keeps more than the
//! budget has free: idle buffers and those in use are together within `buffer.memory`.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    account::Account,
    budget::Budget,
    reservation::{OpenShare, Reservation},
    sizes::BufferSizes,
};
use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// Idle buffers.
pub(crate) struct BufferPool {
    sizes: BufferSizes,
    /// What a batch takes beside its buffer.
    batch_overhead: usize,
    budget: Arc<Budget>,
    /// None are kept any more when the accumulator is gone, however long its queues live on.
    idle: Mutex<Option<Idle>>,
}

#[derive(Default)]
struct Idle {
    bytes: usize,
    by_size: BTreeMap<usize, Vec<Vec<u8>>>,
}

impl Idle {
    fn push(&mut self, buffer: Vec<u8>) {
        self.bytes += buffer.len();
        self.by_size.entry(buffer.len()).or_default().push(buffer);
    }

    fn pop(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let buffer = self.by_size.get_mut(&bytes)?.pop()?;
        self.bytes -= bytes;
        Some(buffer)
    }

    /// Takes out the largest ones until at most so much is left.
    fn trim(&mut self, affordable: usize) -> Vec<Vec<u8>> {
        let mut surplus = Vec::new();
        for (bytes, buffers) in self.by_size.iter_mut().rev() {
            while self.bytes > affordable
                && let Some(buffer) = buffers.pop()
            {
                self.bytes -= bytes;
                surplus.push(buffer);
            }
        }
        surplus
    }
}

impl BufferPool {
    pub(crate) fn new(sizes: BufferSizes, batch_overhead: usize, budget: Arc<Budget>) -> Self {
        let idle = Mutex::new(Some(Idle::default()));
        Self {
            sizes,
            batch_overhead,
            budget,
            idle,
        }
    }

    /// An empty buffer for `capacity` bytes, for which `reservation` pays, as for what else the batch
    /// takes; if need be together with what is reserved for the one that it is to replace.
    pub(crate) fn fetch(self: &Arc<Self>, capacity: usize, reservation: Reservation) -> Buffer {
        let mut idle = lock(&self.idle);
        let bytes = idle.as_mut().and_then(|idle| idle.pop(capacity));
        drop(idle);
        Buffer {
            bytes: bytes.unwrap_or_else(|| self.allocate(capacity)),
            written: 0,
            pool: Arc::clone(self),
            account: Arc::clone(reservation.account()),
            held: AtomicUsize::new(reservation.take()),
        }
    }

    /// Frees idle buffers that free memory no longer covers, and makes a new one.
    #[cold]
    fn allocate(&self, capacity: usize) -> Vec<u8> {
        let mut idle = lock(&self.idle);
        let surplus = idle.as_mut().map(|idle| idle.trim(self.budget.free()));
        drop(idle);
        drop(surplus);
        vec![0; capacity]
    }

    /// Frees all idle buffers, and those that come back from now on.
    pub(crate) fn retire(&self) {
        let idle = lock(&self.idle).take();
        drop(idle);
    }

    /// Keeps `bytes` for a later batch if they have one of the sizes and are covered by free memory,
    /// `held` included, which is about to become free.
    fn put(&self, bytes: Vec<u8>, held: usize) {
        if bytes.is_empty() || self.sizes.holding(bytes.len()) != bytes.len() {
            return;
        }
        let free_soon = self.budget.free().saturating_add(held);
        if let Some(idle) = &mut *lock(&self.idle)
            && idle.bytes.saturating_add(bytes.len()) <= free_soon
        {
            idle.push(bytes);
        }
    }
}

/// Bytes, and the memory reserved for them; both go back on `Drop`.
pub(crate) struct Buffer {
    /// All of its capacity, initialised once, so that records are copied to their place without
    /// a look at the vector's length.
    bytes: Vec<u8>,
    /// How many bytes are records; what is behind them means nothing.
    written: usize,
    pool: Arc<BufferPool>,
    /// What the memory is charged to.
    account: Arc<Account>,
    /// How much is reserved.
    held: AtomicUsize,
}

impl Buffer {
    /// How many bytes are written.
    #[inline]
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    /// How many bytes it holds at most.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes from the written ones up to `end`, if there are as many.
    #[inline]
    pub(crate) fn place(&mut self, end: usize) -> Option<&mut [u8]> {
        self.bytes.get_mut(self.written..end)
    }

    /// Notes that the next `bytes` are written.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
    }

    /// Counts its memory as an open batch's.
    pub(crate) fn open(&self) -> OpenShare {
        OpenShare::of(self.account(), self.held())
    }

    /// What its memory is charged to.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// How much memory is reserved for it and its batch.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    /// How much of that is neither for the bytes nor for what every batch takes beside them.
    pub(crate) fn spare(&self) -> usize {
        let taken = self.capacity() + self.pool.batch_overhead;
        self.held().saturating_sub(taken)
    }

    /// Adds what is reserved, and charged to the same account, to what this one may spare.
    pub(crate) fn absorb(&self, reservation: &Reservation) {
        self.held.fetch_add(reservation.take(), Ordering::AcqRel);
    }

    /// Puts `bytes` in place of what it holds, if they fit without growing it.
    pub(crate) fn overwrite(&mut self, bytes: &[u8]) -> bool {
        let Some(place) = self.bytes.get_mut(..bytes.len()) else {
            return false;
        };
        place.copy_from_slice(bytes);
        self.written = bytes.len();
        true
    }

    /// Moves what is written, and all the memory of both, to the larger `next`, which then is this
    /// one; what is left has neither. What is in memory twice for a moment is not paid for twice.
    pub(crate) fn move_to(&mut self, next: &mut Self) {
        let written = self.as_ref();
        next.bytes[..written.len()].copy_from_slice(written);
        next.written = written.len();
        let held = self.held.swap(0, Ordering::AcqRel);
        next.held.fetch_add(held, Ordering::AcqRel);
        std::mem::swap(self, next);
    }

    /// Makes a buffer of `bytes` that takes over so much of this one's memory, at most all: what is in
    /// memory twice for a moment is not paid for twice.
    pub(crate) fn succeed(&self, bytes: Vec<u8>, held: usize) -> Self {
        Self {
            written: bytes.len(),
            bytes,
            pool: Arc::clone(&self.pool),
            account: Arc::clone(&self.account),
            held: AtomicUsize::new(self.carve(held)),
        }
    }
}

impl Buffer {
    /// Takes up to `bytes` off what it holds.
    fn carve(&self, bytes: usize) -> usize {
        let left = |held: usize| Some(held.saturating_sub(bytes));
        let held = self
            .held
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, left);
        bytes.min(held.unwrap_or(0))
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.written]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // First the bytes, then the memory: whoever is woken by it finds them.
        let bytes = std::mem::take(&mut self.bytes);
        let held = self.held();
        self.pool.put(bytes, held);
        self.pool.budget.discharge(&self.account, held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Asks;

    #[test]
    fn what_lies_idle_is_covered_by_free_memory_whatever_sizes_it_has() {
        let budget = Arc::new(Budget::new(8_192, 4_096, Arc::default()));
        let account = Arc::new(Account::new());
        let pool = BufferPool::new(BufferSizes::new(4_096), 0, Arc::clone(&budget));
        let pool = Arc::new(pool);
        let fetch = |bytes| {
            let reserved = Reservation::of(&budget, &account, bytes, Asks::InTurn);
            pool.fetch(bytes, reserved.unwrap())
        };
        let idle = || lock(&pool.idle).as_ref().map_or(0, |idle| idle.bytes);

        drop([fetch(4_096), fetch(4_096)]);
        assert_eq!(idle(), 8_192);
        let small = [fetch(512), fetch(1_024)];
        assert_eq!(idle(), 4_096, "one was let go for the new ones");
        drop(small);
        assert_eq!(idle(), 4_096 + 1_536);
        drop(fetch(1_024));
        assert_eq!(idle(), 4_096 + 1_536, "it was used again");
        pool.retire();
        assert_eq!(idle(), 0);
    }
}
