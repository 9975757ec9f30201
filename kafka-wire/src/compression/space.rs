//! Where a codec puts what comes out: bytes that are zeroed once, not for every batch.
//!
//! A codec asks for as much room as it may need at worst, and then says how much of that it used.
//! The space keeps the largest size that was asked for.

/// A buffer that is filled from the front.
#[derive(Default)]
pub(super) struct Space {
    bytes: Vec<u8>,
    filled: usize,
}

impl Space {
    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// At least `bytes` of room behind what is filled; its content is undefined.
    pub(super) fn room(&mut self, bytes: usize) -> &mut [u8] {
        let needed = self.filled + bytes;
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        &mut self.bytes[self.filled..]
    }

    /// Adds the first `bytes` of the room.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.filled += bytes;
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.advance(bytes.len());
    }
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Space")
            .field("room", &self.bytes.len())
            .field("filled", &self.filled)
            .finish()
    }
}
