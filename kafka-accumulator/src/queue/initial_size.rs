//! How much memory the next batch of a queue asks for: as much as the one before it came to use.
//!
//! So a busy partition begins with `batch.size` and never copies a record, while many quiet ones share
//! the memory of a few full batches. Nothing here reserves anything.

use crate::memory::BufferSizes;

/// What a batch begins with. A batch has less than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InitialSize {
    buffer_bytes: u32,
    callback_bytes: u32,
}

impl InitialSize {
    /// For the first batch of a queue.
    pub(super) fn first(sizes: BufferSizes) -> Self {
        Self {
            buffer_bytes: to_u32(sizes.first()),
            callback_bytes: 0,
        }
    }

    /// For the batch after one that used so many bytes of its buffer, and so many for callbacks.
    pub(super) fn after(
        self,
        used_bytes: usize,
        callback_bytes: usize,
        sizes: BufferSizes,
    ) -> Self {
        let callbacks = match callback_bytes {
            0 => 0,
            used => used.checked_next_power_of_two().unwrap_or(used),
        };
        Self {
            buffer_bytes: to_u32(sizes.after(self.buffer_bytes(), used_bytes)),
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
