//! What a batch takes of the buffer memory: its buffer, a fixed overhead, and the callbacks of its
//! records.
//!
//! All of it is reserved together when a batch begins, and more when it grows, so that `buffer.memory`
//! bounds the memory that batches really take, however small they are. Here it is only added up; the
//! [budget](super::budget) reserves it, and the [buffer](super::buffer) holds what was reserved.

use crate::{completion::Callback, error::AppendError};

/// The cost of a batch that is to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The buffer that its first record needs.
    pub(crate) first_bytes: usize,
    /// The buffer that it begins with if there is memory.
    pub(crate) buffer_bytes: usize,
    /// What it takes beside its buffer, the callback of its first record included.
    pub(crate) beside_bytes: usize,
    /// The callbacks that are likely to follow.
    pub(crate) later_bytes: usize,
}

impl Cost {
    /// The least that it can begin with.
    pub(crate) fn least(self) -> usize {
        self.first_bytes.saturating_add(self.beside_bytes)
    }

    /// Whether it can begin at all, with so much memory in total.
    pub(crate) fn check(self, total: usize) -> Result<(), AppendError> {
        let too_large = |bytes, limit| AppendError::TooLarge { bytes, limit };
        if self.first_bytes > BATCH_BYTES_MAX {
            return Err(too_large(self.first_bytes, BATCH_BYTES_MAX));
        }
        if self.least() > total {
            return Err(too_large(self.least(), total));
        }
        Ok(())
    }

    /// What it asks for.
    pub(crate) fn all(self) -> usize {
        let bytes = self.buffer_bytes.saturating_add(self.beside_bytes);
        bytes.saturating_add(self.later_bytes)
    }

    /// Its buffer, when so much is reserved for it.
    pub(crate) fn buffer_of(self, reserved: usize) -> usize {
        let left = reserved.saturating_sub(self.beside_bytes);
        self.buffer_bytes.min(left)
    }
}

/// What a callback takes: its own memory, and its place in a list that doubles.
pub(crate) fn price_of<E>(callback: &Callback<E>) -> usize {
    let place = 2 * size_of::<(u32, Callback<E>)>();
    match size_of_val(&**callback) {
        0 => place,
        bytes => place + (bytes + ALLOCATION_BYTES).next_multiple_of(ALLOCATION_BYTES),
    }
}

/// The length of a batch is an `i32` on the wire.
pub(crate) const BATCH_BYTES_MAX: usize = i32::MAX as usize;
/// What an allocation takes more than was asked for, at most, and what it is a multiple of.
const ALLOCATION_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_taken_off_the_buffer_and_not_off_what_is_beside_it() {
        let cost = Cost {
            first_bytes: 200,
            buffer_bytes: 1_024,
            beside_bytes: 700,
            later_bytes: 300,
        };
        assert_eq!((cost.least(), cost.all()), (900, 2_024));
        let table = [(900, 200), (1_000, 300), (1_724, 1_024), (2_024, 1_024)];
        for (reserved, buffer) in table {
            assert_eq!(cost.buffer_of(reserved), buffer, "of {reserved}");
        }
    }

    #[test]
    fn a_callback_costs_what_it_has_captured_and_two_places() {
        let nothing: Callback<()> = Box::new(|_, _| {});
        let captured = [7_u64; 4];
        let four_words: Callback<()> = Box::new(move |_, _| drop(captured.to_vec()));
        assert_eq!((price_of(&nothing), price_of(&four_words)), (48, 48 + 48));
    }
}
