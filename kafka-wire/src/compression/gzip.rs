//! gzip: one DEFLATE stream in the wrapper of RFC 1952.
//!
//! Writing keeps the compressor's work space (some hundred KiB) from batch to batch, so the ten
//! bytes in front and the eight behind are written here. Reading takes any number of members in a
//! row, as Java's reader does.

use std::fmt;

use flate2::bufread::MultiGzDecoder;
use flate2::{Compress, Crc, FlushCompress, Status};

use super::codec::Compression;
use super::compressor::read_bounded;
use super::error::CompressionError;
use super::level::CompressionLevel;

/// A DEFLATE compressor and the level it is set to.
#[derive(Default)]
pub(super) struct Writer(Option<(CompressionLevel, Compress)>);

impl Writer {
    pub(super) fn compress(
        &mut self,
        level: CompressionLevel,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CompressionError> {
        out.extend_from_slice(&MEMBER_HEADER);
        deflate(self.ready(level), input, out)?;
        let mut crc = Crc::new();
        crc.update(input);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        // The format's length is modulo 2^32.
        out.extend_from_slice(&(input.len() as u32).to_le_bytes());
        Ok(())
    }

    fn ready(&mut self, level: CompressionLevel) -> &mut Compress {
        if self.0.as_ref().is_none_or(|(known, _)| *known != level) {
            self.0 = None;
        }
        let (_, stream) = self
            .0
            .get_or_insert_with(|| (level, Compress::new(effort(level), false)));
        stream.reset();
        stream
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Writer")
            .field(&self.0.as_ref().map(|(level, _)| level))
            .finish()
    }
}

pub(super) fn decompress(input: &[u8], max_bytes: usize) -> Result<Vec<u8>, CompressionError> {
    read_bounded(Compression::Gzip, MultiGzDecoder::new(input), max_bytes)
}

fn deflate(stream: &mut Compress, input: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
    loop {
        let taken = stream.total_in() as usize;
        // Half of the rest is the usual outcome; whatever does not fit makes another round.
        out.reserve((input.len() - taken) / 2 + SMALLEST_ROOM);
        let status = stream
            .compress_vec(&input[taken..], out, FlushCompress::Finish)
            .map_err(|error| CompressionError::refused(Compression::Gzip, error))?;
        if status == Status::StreamEnd {
            return Ok(());
        }
    }
}

fn effort(level: CompressionLevel) -> flate2::Compression {
    match level.number() {
        ..1 => flate2::Compression::default(),
        number => flate2::Compression::new(number.min(9) as u32),
    }
}

/// Magic, DEFLATE, no flags, no time, no extra flags, unknown system: Java's writer puts the same.
const MEMBER_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Enough for a stream's end, so that each round gets somewhere.
const SMALLEST_ROOM: usize = 64;
