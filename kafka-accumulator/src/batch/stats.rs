//! What is known of a batch without looking at its bytes: its age, how many records, their times, and how large
//! they are at most.
//!
//! It is written while records are appended, and read when the header of the batch is.

use std::time::Instant;

/// Counted as records are appended.
#[derive(Clone, Copy)]
pub(super) struct BatchStats {
    created: Instant,
    count: u32,
    /// Of the largest record; a record takes at most `i32::MAX`.
    largest_bytes: u32,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
}

impl BatchStats {
    /// Of a batch without records.
    pub(super) fn new(created: Instant) -> Self {
        Self {
            created,
            count: 0,
            largest_bytes: 0,
            base_timestamp_ms: 0,
            max_timestamp_ms: 0,
        }
    }

    /// Of a part of this batch, which is as old, and whose records are as large at most.
    pub(super) fn of_piece(
        &self,
        count: u32,
        base_timestamp_ms: i64,
        max_timestamp_ms: i64,
    ) -> Self {
        Self {
            created: self.created,
            count,
            largest_bytes: self.largest_bytes,
            base_timestamp_ms,
            max_timestamp_ms,
        }
    }

    /// The distance from the first record. Times may go backwards; those that are too far apart
    /// for the difference come out right when it is added again.
    #[inline(always)]
    pub(super) fn timestamp_delta(&self, timestamp_ms: i64) -> i64 {
        if self.count == 0 {
            return 0;
        }
        timestamp_ms.wrapping_sub(self.base_timestamp_ms)
    }

    /// One more record, of so many bytes.
    #[inline(always)]
    pub(super) fn add(&mut self, timestamp_ms: i64, bytes: usize) {
        if self.count == 0 {
            self.base_timestamp_ms = timestamp_ms;
            self.max_timestamp_ms = timestamp_ms;
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
        self.largest_bytes = self.largest_bytes.max(bytes as u32);
        self.count += 1;
    }

    pub(super) fn created(&self) -> Instant {
        self.created
    }

    #[inline(always)]
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn largest_bytes(&self) -> usize {
        self.largest_bytes as usize
    }

    pub(super) fn base_timestamp_ms(&self) -> i64 {
        self.base_timestamp_ms
    }

    pub(super) fn max_timestamp_ms(&self) -> i64 {
        self.max_timestamp_ms
    }
}
