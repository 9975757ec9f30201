//! gzip: one DEFLATE stream in the wrapper of RFC 1952.
//!
//! Written by libdeflate, which takes a whole batch at once and needs a third of zlib's time, with
//! work space (some hundred KiB) that is kept from batch to batch. Its levels are not zlib's:
//! [`effort`] says which of them stands for which. Reading takes any number of members in a row,
//! as Java's reader does, and is bounded, so that goes through flate2.

use std::fmt;

use flate2::bufread::MultiGzDecoder;
use libdeflater::CompressionLvl;

use super::bounded::read_bounded;
use super::codec::Compression;
use super::error::CompressionError;
use super::level::CompressionLevel;
use super::space::Space;

/// A compressor and the level it is set to.
#[derive(Default)]
pub(super) struct Writer(Option<(CompressionLevel, libdeflater::Compressor)>);

impl Writer {
    pub(super) fn compress(
        &mut self,
        level: CompressionLevel,
        input: &[u8],
        out: &mut Space,
    ) -> Result<(), CompressionError> {
        let encoder = self.ready(level);
        let room = out.room(encoder.gzip_compress_bound(input.len()));
        let written = encoder
            .gzip_compress(input, room)
            .map_err(|error| CompressionError::refused(Compression::Gzip, error))?;
        out.advance(written);
        Ok(())
    }

    fn ready(&mut self, level: CompressionLevel) -> &mut libdeflater::Compressor {
        if self.0.as_ref().is_none_or(|(known, _)| *known != level) {
            self.0 = None;
        }
        let (_, encoder) = self
            .0
            .get_or_insert_with(|| (level, libdeflater::Compressor::new(effort(level))));
        encoder
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

/// libdeflate's level for one of zlib's: one that comes near its size in less time, measured on
/// batches of 64 KiB of logs and of JSON.
///
/// At 6, the default, logs come out 5 % larger than zlib's, in a third of its time, where
/// libdeflate's 7 would be 2 % smaller in three quarters of it. What repeats itself all the time
/// comes out larger than zlib's at 1 to 3.
fn effort(level: CompressionLevel) -> CompressionLvl {
    let number = match level.number() {
        ..1 => 6,
        1 | 2 => 1,
        5 => 6,
        number => number.min(9),
    };
    CompressionLvl::new(number).unwrap_or_default()
}
