//! Snappy, in the framing of snappy-java that Kafka's own clients write.
//!
//! ```text
//! magic 8 · version 4 · compatible version 4 · (length 4 · raw snappy block)*
//! ```
//!
//! Some clients send one raw block without any framing; that is read as well, never written.

use std::fmt;

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::codec::Compression;
use super::error::CompressionError;
use super::space::Space;

/// A snappy compressor; its table is kept from batch to batch.
pub(super) struct Writer(Encoder);

impl Default for Writer {
    fn default() -> Self {
        Self(Encoder::new())
    }
}

impl Writer {
    pub(super) fn compress(
        &mut self,
        input: &[u8],
        out: &mut Space,
    ) -> Result<(), CompressionError> {
        out.put(&STREAM_HEADER);
        for block in input.chunks(BLOCK_BYTES) {
            self.compress_block(block, out)?;
        }
        Ok(())
    }

    fn compress_block(&mut self, block: &[u8], out: &mut Space) -> Result<(), CompressionError> {
        let room = out.room(LENGTH_BYTES + max_compress_len(block.len()));
        let (length, room) = room.split_at_mut(LENGTH_BYTES);
        let written = self
            .0
            .compress(block, room)
            .map_err(|error| CompressionError::refused(Compression::Snappy, error))?;
        // A block of 32 KiB never grows to more than an `i32` can count.
        length.copy_from_slice(&(written as i32).to_be_bytes());
        out.advance(LENGTH_BYTES + written);
        Ok(())
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

pub(super) fn decompress(input: &[u8], max_bytes: usize) -> Result<Vec<u8>, CompressionError> {
    let mut out = Vec::new();
    if !input.starts_with(&MAGIC) {
        unpack(input, max_bytes, &mut out)?;
        return Ok(out);
    }
    let mut rest = input;
    while !rest.is_empty() {
        // Streams that were joined bring their header along.
        if rest.starts_with(&MAGIC) {
            rest = rest
                .get(STREAM_HEADER.len()..)
                .ok_or_else(|| malformed("header cut short"))?;
            continue;
        }
        let block;
        (block, rest) = split_block(rest)?;
        unpack(block, max_bytes, &mut out)?;
    }
    Ok(out)
}

fn split_block(input: &[u8]) -> Result<(&[u8], &[u8]), CompressionError> {
    let (length, rest) = input
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or_else(|| malformed("length cut short"))?;
    let length = usize::try_from(i32::from_be_bytes(*length))
        .map_err(|_| malformed("negative length of a block"))?;
    rest.split_at_checked(length)
        .ok_or_else(|| malformed("block cut short"))
}

fn unpack(block: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> Result<(), CompressionError> {
    let claimed = decompress_len(block).map_err(malformed)?;
    if claimed > block.len().saturating_mul(MOST_FROM_ONE_BYTE) {
        return Err(malformed("a block claims more than it can hold"));
    }
    let start = out.len();
    if claimed > max_bytes - start {
        return Err(CompressionError::TooLarge {
            codec: Compression::Snappy,
            limit: max_bytes,
        });
    }
    out.resize(start + claimed, 0);
    Decoder::new()
        .decompress(block, &mut out[start..])
        .map_err(malformed)?;
    Ok(())
}

fn malformed(reason: impl ToString) -> CompressionError {
    CompressionError::malformed(Compression::Snappy, reason)
}

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// Magic, version 1, readable by version 1.
const STREAM_HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
/// snappy-java's own block size.
const BLOCK_BYTES: usize = 32 * 1024;
const LENGTH_BYTES: usize = 4;
/// The densest element of the format copies 64 bytes and takes three.
const MOST_FROM_ONE_BYTE: usize = 22;
