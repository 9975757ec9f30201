//! gzip as zlib writes it, in Rust: what `gzip` uses without the feature `gzip-libdeflate`.

use flate2::{Compress, Compression as Effort, FlushCompress, Status};

use super::codec::Compression;
use super::error::CompressionError;
use super::level::CompressionLevel;

/// A DEFLATE compressor; its work space is kept from batch to batch.
pub(super) struct Encoder(Compress);

impl Encoder {
    pub(super) fn new(level: CompressionLevel) -> Self {
        let effort = match level.number() {
            ..1 => Effort::default(),
            number => Effort::new(number.min(9).unsigned_abs()),
        };
        Self(Compress::new_gzip(effort, WINDOW_BITS))
    }

    /// The most that so many bytes come to: zlib's own bound for any settings, and the wrapper.
    pub(super) fn bound(&self, bytes: usize) -> usize {
        bytes + bytes.div_ceil(8) + bytes.div_ceil(64) + 64
    }

    /// Writes the gzip form of `input` to the beginning of `room`; returns its length.
    pub(super) fn encode(
        &mut self,
        input: &[u8],
        room: &mut [u8],
    ) -> Result<usize, CompressionError> {
        let refused = |reason: String| CompressionError::refused(Compression::Gzip, reason);
        self.0.reset();
        let status = self.0.compress(input, room, FlushCompress::Finish);
        match status.map_err(|error| refused(error.to_string()))? {
            Status::StreamEnd => Ok(self.0.total_out() as usize),
            status => Err(refused(format!("it ends with {status:?}"))),
        }
    }
}

/// 32 KiB, all that DEFLATE has.
const WINDOW_BITS: u8 = 15;
