//! The bytes of a batch, and the pool they come from and go back to.
//!
//! A [`Buffer`] is a vector together with the memory that is reserved for it. Both are given back
//! by its `Drop`, that is when the *last* holder is done with it, be it a socket that is still
//! writing a request nobody waits for any more. So a buffer cannot be written to while it is on
//! the wire (KAFKA-19012), and memory is not called free while it is not.
//!
//! The pool keeps buffers of one size only, the last one returned first (it is still in the
//! caches), and never more than the budget has free: what lies idle and what is in use are
//! together within `buffer.memory`.

use std::sync::Arc;

use crate::{
    budget::{Budget, OpenShare, Reservation},
    sync::{Mutex, lock},
};

/// Idle buffers of the size of a batch.
pub(crate) struct Pool {
    buffer_bytes: usize,
    budget: Arc<Budget>,
    /// None are kept any more when the accumulator is gone, however long its queues live on.
    idle: Mutex<Option<Vec<Vec<u8>>>>,
}

impl Pool {
    pub(crate) fn new(buffer_bytes: usize, budget: Arc<Budget>) -> Self {
        let idle = Mutex::new(Some(Vec::new()));
        Self {
            buffer_bytes,
            budget,
            idle,
        }
    }

    /// An empty buffer for `capacity` bytes, which `reservation` pays for.
    pub(crate) fn fetch(self: &Arc<Self>, capacity: usize, reservation: Reservation) -> Buffer {
        let bytes = if capacity == self.buffer_bytes {
            lock(&self.idle).as_mut().and_then(Vec::pop)
        } else {
            self.trim();
            None
        };
        Buffer {
            bytes: bytes.unwrap_or_else(|| vec![0; capacity]),
            written: 0,
            pool: Arc::clone(self),
            reservation,
        }
    }

    /// Lets go of idle buffers that are no longer covered by free memory.
    fn trim(&self) {
        let Some(affordable) = self.budget.free().checked_div(self.buffer_bytes) else {
            return;
        };
        let mut idle = lock(&self.idle);
        let surplus = idle
            .as_mut()
            .map(|idle| idle.split_off(affordable.min(idle.len())));
        drop(idle);
        drop(surplus);
    }

    /// Lets go of all idle buffers, and of those that come back from now on.
    pub(crate) fn retire(&self) {
        let idle = lock(&self.idle).take();
        drop(idle);
    }

    /// Keeps `bytes` for the next batch, if they are of the right size and `held`, which is about
    /// to become free, still covers them.
    fn put(&self, bytes: Vec<u8>, held: usize) {
        if bytes.len() != self.buffer_bytes || self.buffer_bytes == 0 {
            return;
        }
        let free_soon = self.budget.free().saturating_add(held);
        if let Some(idle) = &mut *lock(&self.idle)
            && idle.len() < free_soon / self.buffer_bytes
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
    pool: Arc<Pool>,
    reservation: Reservation,
}

impl Buffer {
    /// How many bytes are written.
    #[inline]
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    /// What lies between the written bytes and `end`, if there is as much.
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
        self.pool.budget.open(self.held())
    }

    /// How much memory is reserved for it.
    pub(crate) fn held(&self) -> usize {
        self.reservation.bytes()
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

    /// Makes a buffer of `bytes` and lets it take over as much of this one's memory as it needs,
    /// at most all: what is in memory twice for a moment is not paid for twice.
    pub(crate) fn succeed(&self, bytes: Vec<u8>, held: usize) -> Self {
        Self {
            written: bytes.len(),
            bytes,
            pool: Arc::clone(&self.pool),
            reservation: self.reservation.carve(held),
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.written]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // First the bytes, then (by its own drop) the memory: who is woken by it finds them.
        let bytes = std::mem::take(&mut self.bytes);
        self.pool.put(bytes, self.reservation.bytes());
    }
}
