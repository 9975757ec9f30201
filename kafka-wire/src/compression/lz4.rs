//! LZ4 in the LZ4 frame format, as Kafka's own clients write and read it.
//!
//! ```text
//! magic 4 · flags 1 · block size 1 · [content size 8] · header checksum 1
//! (length 4, high bit: stored as is · block · [checksum 4])* · end mark 4 · [checksum 4]
//! ```
//!
//! The frame is ours, the blocks are `lz4_flex`'s: that writes twice as fast as its own frame
//! encoder, and reading takes memory for what comes out rather than for what a header announces.
//! Its blocks are as quick as those of the C library and a little smaller. It has one level only;
//! the others are the C library's "high compression", as they are in Java, with the feature `lz4-hc`.
//! Written are independent blocks of 64 KiB without checksums of the content (the batch has its
//! own), as Java does; read is every frame without a dictionary, several in a row too.

use std::fmt;

#[cfg(feature = "lz4-hc")]
use lz4::block::{CompressionMode, compress_to_buffer};
use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into_with_dict, get_maximum_output_size,
};
use twox_hash::XxHash32;

use super::codec::Compression;
use super::error::CompressionError;
use super::level::CompressionLevel;
use super::space::Space;

/// An LZ4 block compressor; its table is kept from batch to batch.
pub(super) struct Writer(CompressTable);

impl Default for Writer {
    fn default() -> Self {
        Self(CompressTable::large())
    }
}

impl Writer {
    pub(super) fn compress(
        &mut self,
        level: CompressionLevel,
        input: &[u8],
        out: &mut Space,
    ) -> Result<(), CompressionError> {
        out.put(&MAGIC.to_le_bytes());
        out.put(&DESCRIPTOR);
        out.put(&[header_checksum(&DESCRIPTOR)]);
        for block in input.chunks(BLOCK_BYTES) {
            self.compress_block(level, block, out)?;
        }
        out.put(&END_MARK.to_le_bytes());
        Ok(())
    }

    fn compress_block(
        &mut self,
        level: CompressionLevel,
        block: &[u8],
        out: &mut Space,
    ) -> Result<(), CompressionError> {
        let room = out.room(LENGTH_BYTES + get_maximum_output_size(block.len()));
        let (length, room) = room.split_at_mut(LENGTH_BYTES);
        let written = match level.number().clamp(1, SLOWEST_LEVEL) {
            FAST_LEVEL => self.fast(block, room)?,
            #[cfg(feature = "lz4-hc")]
            number => {
                let mode = CompressionMode::HIGHCOMPRESSION(number);
                compress_to_buffer(block, Some(mode), false, room).map_err(refused)?
            }
            // Of another codec; ours are checked (`CompressionLevel::of`).
            #[cfg(not(feature = "lz4-hc"))]
            _ => self.fast(block, room)?,
        };
        if written < block.len() {
            length.copy_from_slice(&(written as u32).to_le_bytes());
            out.advance(LENGTH_BYTES + written);
        } else {
            out.put(&(block.len() as u32 | STORED).to_le_bytes());
            out.put(block);
        }
        Ok(())
    }

    fn fast(&mut self, block: &[u8], room: &mut [u8]) -> Result<usize, CompressionError> {
        compress_into_with_table(block, room, &mut self.0).map_err(refused)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

pub(super) fn decompress(input: &[u8], max_bytes: usize) -> Result<Vec<u8>, CompressionError> {
    let mut rest = Input(input);
    let mut out = Vec::new();
    loop {
        let frame = Frame::read(&mut rest)?;
        frame.unpack(&mut rest, max_bytes, &mut out)?;
        if rest.0.is_empty() {
            return Ok(out);
        }
    }
}

/// What a frame says of itself.
struct Frame {
    flags: u8,
    block_bytes: usize,
    content_bytes: Option<u64>,
}

impl Frame {
    fn read(input: &mut Input<'_>) -> Result<Self, CompressionError> {
        if u32::from_le_bytes(input.take()?) != MAGIC {
            return Err(malformed("no LZ4 frame"));
        }
        let described = input.0;
        let [flags, size] = input.take()?;
        if flags & VERSION_MASK != VERSION || flags & RESERVED_FLAG != 0 {
            return Err(malformed("unknown version or flag of the frame"));
        }
        if flags & DICTIONARY != 0 {
            return Err(malformed("the frame needs a dictionary"));
        }
        // 4 to 7: 64 KiB, 256 KiB, 1 MiB, 4 MiB.
        let block_bytes = match size >> 4 {
            id @ 4..=7 if size & 0x0f == 0 => 1 << (2 * id + 8),
            _ => return Err(malformed("unknown block size")),
        };
        let content_bytes = match flags & CONTENT_SIZE {
            0 => None,
            _ => Some(u64::from_le_bytes(input.take()?)),
        };
        let described = &described[..described.len() - input.0.len()];
        if input.take()? != [header_checksum(described)] {
            return Err(malformed("checksum of the frame's header"));
        }
        Ok(Self {
            flags,
            block_bytes,
            content_bytes,
        })
    }

    fn unpack(
        &self,
        input: &mut Input<'_>,
        max_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressionError> {
        let start = out.len();
        loop {
            let length = u32::from_le_bytes(input.take()?);
            if length == END_MARK {
                break;
            }
            let block = input.split((length & !STORED) as usize)?;
            self.check(BLOCK_CHECKSUM, block, input)?;
            if length & STORED == 0 {
                self.unpack_block(block, start, max_bytes, out)?;
            } else {
                self.store_block(block, max_bytes, out)?;
            }
        }
        self.check(CONTENT_CHECKSUM, &out[start..], input)?;
        match self.content_bytes {
            Some(bytes) if bytes != (out.len() - start) as u64 => {
                Err(malformed("the content's size is another than announced"))
            }
            _ => Ok(()),
        }
    }

    fn unpack_block(
        &self,
        block: &[u8],
        frame_start: usize,
        max_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressionError> {
        let allowed = max_bytes - out.len();
        let dense = block.len().saturating_mul(MOST_FROM_ONE_BYTE);
        let room = self.block_bytes.min(dense);
        let start = out.len();
        out.resize(start + room.min(allowed), 0);
        let (done, space) = out.split_at_mut(start);
        let window = match self.flags & INDEPENDENT {
            0 => &done[frame_start.max(start.saturating_sub(WINDOW_BYTES))..],
            _ => &[],
        };
        let written = decompress_into_with_dict(block, space, window).map_err(|error| {
            if allowed < room {
                too_large(max_bytes)
            } else {
                malformed(error)
            }
        })?;
        out.truncate(start + written);
        Ok(())
    }

    fn store_block(
        &self,
        block: &[u8],
        max_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressionError> {
        if block.len() > self.block_bytes {
            return Err(malformed("a block is larger than announced"));
        }
        if block.len() > max_bytes - out.len() {
            return Err(too_large(max_bytes));
        }
        out.extend_from_slice(block);
        Ok(())
    }

    /// Reads and compares the checksum of `bytes`, if the frame has this kind.
    fn check(&self, kind: u8, bytes: &[u8], input: &mut Input<'_>) -> Result<(), CompressionError> {
        if self.flags & kind != 0
            && u32::from_le_bytes(input.take()?) != XxHash32::oneshot(SEED, bytes)
        {
            return Err(malformed("checksum"));
        }
        Ok(())
    }
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], CompressionError> {
        let (taken, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or_else(|| malformed("cut short"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn split(&mut self, bytes: usize) -> Result<&'a [u8], CompressionError> {
        let (taken, rest) = self
            .0
            .split_at_checked(bytes)
            .ok_or_else(|| malformed("block cut short"))?;
        self.0 = rest;
        Ok(taken)
    }
}

/// The second byte of the hash of everything between magic and checksum.
fn header_checksum(described: &[u8]) -> u8 {
    (XxHash32::oneshot(SEED, described) >> 8) as u8
}

fn refused(reason: impl ToString) -> CompressionError {
    CompressionError::refused(Compression::Lz4, reason)
}

fn malformed(reason: impl ToString) -> CompressionError {
    CompressionError::malformed(Compression::Lz4, reason)
}

fn too_large(limit: usize) -> CompressionError {
    CompressionError::TooLarge {
        codec: Compression::Lz4,
        limit,
    }
}

/// Java's default: its level that means the fast compressor, not the ninth of the slow one.
const FAST_LEVEL: i32 = 9;
const SLOWEST_LEVEL: i32 = 17;
const MAGIC: u32 = 0x184d_2204;
const END_MARK: u32 = 0;
/// In a block's length: the block is stored as it was.
const STORED: u32 = 0x8000_0000;
const LENGTH_BYTES: usize = 4;

/// What we write: version 1 with independent blocks, of 64 KiB.
const DESCRIPTOR: [u8; 2] = [VERSION | INDEPENDENT, 4 << 4];
const BLOCK_BYTES: usize = 64 * 1024;

const VERSION_MASK: u8 = 0xc0;
const VERSION: u8 = 0x40;
const INDEPENDENT: u8 = 0x20;
const BLOCK_CHECKSUM: u8 = 0x10;
const CONTENT_SIZE: u8 = 0x08;
const CONTENT_CHECKSUM: u8 = 0x04;
const RESERVED_FLAG: u8 = 0x02;
const DICTIONARY: u8 = 0x01;

const SEED: u32 = 0;
/// How far back a match may reach.
const WINDOW_BYTES: usize = 64 * 1024;
/// A length grows by at most 255 a byte.
const MOST_FROM_ONE_BYTE: usize = 256;
