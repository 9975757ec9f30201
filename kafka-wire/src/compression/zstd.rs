//! Zstandard: one frame per batch.
//!
//! The compressor's work space is kept from batch to batch. Reading goes through the streaming
//! decoder, which knows how much it has unpacked before it unpacks more; the size
//! that a frame claims is not trusted.

use std::fmt;

use zstd::bulk;
use zstd::stream::read::Decoder;
use zstd::zstd_safe::compress_bound;

use super::bounded::read_bounded;
use super::codec::Compression;
use super::error::CompressionError;
use super::level::CompressionLevel;
use super::space::Space;

/// A zstd compressor and the level it is set to.
#[derive(Default)]
pub(super) struct Writer(Option<(CompressionLevel, bulk::Compressor<'static>)>);

impl Writer {
    pub(super) fn compress(
        &mut self,
        level: CompressionLevel,
        input: &[u8],
        out: &mut Space,
    ) -> Result<(), CompressionError> {
        let room = out.room(compress_bound(input.len()));
        let written = self
            .ready(level)?
            .compress_to_buffer(input, room)
            .map_err(refused)?;
        out.advance(written);
        Ok(())
    }

    fn ready(
        &mut self,
        level: CompressionLevel,
    ) -> Result<&mut bulk::Compressor<'static>, CompressionError> {
        let context = match self.0.take() {
            Some((known, context)) if known == level => context,
            Some((_, mut context)) => {
                context
                    .set_compression_level(level.number())
                    .map_err(refused)?;
                context
            }
            None => bulk::Compressor::new(level.number()).map_err(refused)?,
        };
        Ok(&mut self.0.insert((level, context)).1)
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
    let decoder = Decoder::with_buffer(input)
        .map_err(|error| CompressionError::malformed(Compression::Zstd, error))?;
    read_bounded(Compression::Zstd, decoder, max_bytes)
}

fn refused(error: std::io::Error) -> CompressionError {
    CompressionError::refused(Compression::Zstd, error)
}
