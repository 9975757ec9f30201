//! How large buffers are: few sizes, so that one that comes back fits a later batch.
//!
//! A batch begins with as much as the one before it came to use. So a busy partition begins with `batch.size`
//! and never copies a record, while many quiet ones share the memory of a few full batches.
//!
//! Nothing here allocates or counts; it is arithmetic over `batch.size`.

/// The sizes that buffers have: powers of two, `batch.size`, and beyond it eighths of a power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferSizes {
    /// A batch has less than 4 GiB, and there is one of these for each partition.
    batch_bytes: u32,
}

impl BufferSizes {
    /// For batches of at most so many bytes: `batch.size`, or all the memory there is.
    pub(crate) fn new(batch_bytes: usize) -> Self {
        let batch_bytes = to_u32(batch_bytes);
        Self { batch_bytes }
    }

    /// The most bytes of a batch that holds more than one record.
    pub(crate) fn batch_bytes(self) -> usize {
        self.batch_bytes as usize
    }

    /// The smallest size that holds so much.
    pub(crate) fn holding(self, bytes: usize) -> usize {
        if bytes <= self.batch_bytes() {
            let power = bytes.next_power_of_two().max(SMALLEST_BYTES);
            return power.min(self.batch_bytes());
        }
        let power = bytes.checked_next_power_of_two();
        let step = power.map_or(1, |power| (power / STEPS_BEYOND_BATCH).max(1));
        bytes.checked_next_multiple_of(step).unwrap_or(bytes)
    }

    /// What the first batch of a queue begins with, of which nothing is known yet.
    pub(crate) fn first(self) -> usize {
        self.holding(FIRST_BYTES.min(self.batch_bytes()))
    }

    /// What a batch begins with after one that began with `before` came to use `used`: as much, but
    /// one small batch among large ones does not make all the others grow again.
    pub(crate) fn after(self, before: usize, used: usize) -> usize {
        self.holding(used.max(before / 2).min(self.batch_bytes()))
    }
}

/// What a batch begins with. A batch has less than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InitialSize {
    buffer_bytes: u32,
    callback_bytes: u32,
}

impl InitialSize {
    /// For the first batch of a queue.
    pub(crate) fn first(sizes: BufferSizes) -> Self {
        Self {
            buffer_bytes: to_u32(sizes.first()),
            callback_bytes: 0,
        }
    }

    /// For the batch after one that used so many bytes of its buffer, and so many for callbacks.
    pub(crate) fn after(
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

/// Smaller buffers are not worth their bookkeeping.
const SMALLEST_BYTES: usize = 512;
/// A few records.
const FIRST_BYTES: usize = 1_024;
/// Between a power of two and the next, for records that are larger than a batch.
const STEPS_BEYOND_BATCH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: BufferSizes = BufferSizes {
        batch_bytes: 100_000,
    };

    #[test]
    fn sizes_are_few_and_hold_what_they_are_asked_for() {
        let table = [
            (0, 512),
            (512, 512),
            (513, 1_024),
            (65_537, 100_000),
            (100_000, 100_000),
            (100_001, 106_496),
            (1_000_075, 1_048_576),
            (usize::MAX, usize::MAX),
        ];
        for (bytes, size) in table {
            assert_eq!(SIZES.holding(bytes), size, "for {bytes}");
            assert_eq!(SIZES.holding(size), size, "it is one of them");
        }
    }

    #[test]
    fn none_is_larger_than_a_small_batch() {
        for batch_bytes in [1, 100, 512, 700] {
            let sizes = BufferSizes::new(batch_bytes);
            assert_eq!(sizes.first(), batch_bytes);
            assert_eq!(sizes.after(batch_bytes, 1), batch_bytes.min(512));
        }
    }

    #[test]
    fn a_batch_begins_with_what_the_one_before_it_used() {
        assert_eq!(SIZES.after(1_024, 90_000), 100_000);
        assert_eq!(SIZES.after(1_024, 3_000), 4_096);
        assert_eq!(SIZES.after(1_024, 10), 512);
        assert_eq!(SIZES.after(512, 2_000_000), 100_000, "one large record");
    }

    #[test]
    fn a_small_batch_among_large_ones_halves_what_the_next_begins_with() {
        let mut size = 100_000;
        let mut sizes = Vec::new();
        while size > 512 {
            size = SIZES.after(size, 10);
            sizes.push(size);
        }
        let halved = [65_536, 32_768, 16_384, 8_192, 4_096, 2_048, 1_024, 512];
        assert_eq!(sizes, halved);
    }
}
