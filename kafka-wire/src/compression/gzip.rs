//! gzip: one DEFLATE stream in the wrapper of RFC 1952.
//!
//! Written by zlib's Rust translation, or by libdeflate where that feature is on. Reading takes any
//! number of members in a row, as Java's reader does, and is bounded, so that goes through flate2.

use std::fmt;

use flate2::bufread::MultiGzDecoder;

use super::bounded::read_bounded;
use super::codec::Compression;
use super::error::CompressionError;
use super::level::CompressionLevel;
#[cfg(feature = "gzip-libdeflate")]
use super::libdeflate::Encoder;
use super::space::Space;
#[cfg(not(feature = "gzip-libdeflate"))]
use super::zlib::Encoder;

/// A compressor and the level it is set to.
#[derive(Default)]
pub(super) struct Writer(Option<(CompressionLevel, Encoder)>);

impl Writer {
    pub(super) fn compress(
        &mut self,
        level: CompressionLevel,
        input: &[u8],
        out: &mut Space,
    ) -> Result<(), CompressionError> {
        let encoder = self.ready(level);
        let room = out.room(encoder.bound(input.len()));
        let written = encoder.encode(input, room)?;
        out.advance(written);
        Ok(())
    }

    fn ready(&mut self, level: CompressionLevel) -> &mut Encoder {
        if self.0.as_ref().is_none_or(|(known, _)| *known != level) {
            self.0 = None;
        }
        let (_, encoder) = self.0.get_or_insert_with(|| (level, Encoder::new(level)));
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
