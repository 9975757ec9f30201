//! Reads what a decoder gives, up to a limit: for the codecs that decompress as a stream.

use std::io::Read;

use super::codec::Compression;
use super::error::CompressionError;

/// Reads a codec's decoder to its end, but no further than `max_bytes`.
pub(super) fn read_bounded(
    codec: Compression,
    decoder: impl Read,
    max_bytes: usize,
) -> Result<Vec<u8>, CompressionError> {
    let mut out = Vec::new();
    // One byte more than allowed tells too much from just enough.
    let limit = (max_bytes as u64).saturating_add(1);
    decoder
        .take(limit)
        .read_to_end(&mut out)
        .map_err(|error| CompressionError::malformed(codec, error))?;
    if out.len() > max_bytes {
        return Err(CompressionError::TooLarge {
            codec,
            limit: max_bytes,
        });
    }
    Ok(out)
}
