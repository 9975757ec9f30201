//! Compresses the records of one batch, and decompresses them, with any of the five codecs.
//!
//! Compression runs once per batch, after it is sealed, on whatever thread the caller chose, never
//! under a lock. A [`Compressor`] keeps the work space of its codecs between batches; decompressing
//! stops at a limit that the caller gives, and allocates only for what really comes out.

use std::cell::RefCell;

use super::codec::Compression;
use super::error::CompressionError;
#[cfg(feature = "gzip")]
use super::gzip;
use super::level::CompressionLevel;
#[cfg(feature = "lz4")]
use super::lz4;
#[cfg(feature = "snappy")]
use super::snappy;
use super::space::Space;
#[cfg(feature = "zstd")]
use super::zstd;

/// Compresses batch after batch, reusing the work space of its codecs.
///
/// It allocates nothing more once it has seen a batch of the largest size.
///
/// ```
/// use kafka_wire::compression::{Compression, CompressionLevel, Compressor};
///
/// let codec = Compression::None;
/// let mut out = Vec::new();
/// Compressor::default().compress(codec, CompressionLevel::default_of(codec), b"abc", &mut out)?;
/// assert_eq!(out, b"abc");
/// # Ok::<(), kafka_wire::compression::CompressionError>(())
/// ```
#[derive(Debug, Default)]
pub struct Compressor {
    /// What came out last.
    out: Space,
    #[cfg(feature = "gzip")]
    gzip: gzip::Writer,
    #[cfg(feature = "snappy")]
    snappy: snappy::Writer,
    #[cfg(feature = "lz4")]
    lz4: lz4::Writer,
    #[cfg(feature = "zstd")]
    zstd: zstd::Writer,
}

impl Compressor {
    /// Appends the compressed form of `input` to `out`; on an error `out` is as it was.
    ///
    /// A level of another codec counts as the nearest one that this codec has.
    ///
    /// ```
    /// use kafka_wire::compression::{Compression, CompressionLevel, Compressor, decompress};
    ///
    /// let mut compressor = Compressor::default();
    /// # #[cfg(feature = "lz4")]
    /// for batch in [&b"one one one"[..], b"two two two"] {
    ///     let mut out = Vec::new();
    ///     let level = CompressionLevel::default_of(Compression::Lz4);
    ///     compressor.compress(Compression::Lz4, level, batch, &mut out)?;
    ///     assert_eq!(decompress(Compression::Lz4, &out, 1024)?, batch);
    /// }
    /// # Ok::<(), kafka_wire::compression::CompressionError>(())
    /// ```
    pub fn compress(
        &mut self,
        codec: Compression,
        level: CompressionLevel,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CompressionError> {
        out.extend_from_slice(self.compressed(codec, level, input)?);
        Ok(())
    }

    /// The compressed form of `input`, in the compressor's own work space.
    ///
    /// For callers that have not decided yet whether, or where, to keep it.
    ///
    /// ```
    /// use kafka_wire::compression::{Compression, CompressionLevel, Compressor};
    ///
    /// let mut compressor = Compressor::default();
    /// let level = CompressionLevel::default_of(Compression::Snappy);
    /// # #[cfg(feature = "snappy")]
    /// assert!(compressor.compressed(Compression::Snappy, level, &[7; 1000])?.len() < 100);
    /// # Ok::<(), kafka_wire::compression::CompressionError>(())
    /// ```
    #[cfg_attr(
        not(all(
            feature = "gzip",
            feature = "snappy",
            feature = "lz4",
            feature = "zstd"
        )),
        allow(unused_variables)
    )]
    pub fn compressed(
        &mut self,
        codec: Compression,
        level: CompressionLevel,
        input: &[u8],
    ) -> Result<&[u8], CompressionError> {
        let out = &mut self.out;
        out.clear();
        match codec {
            Compression::None => out.put(input),
            #[cfg(feature = "gzip")]
            Compression::Gzip => self.gzip.compress(level, input, out)?,
            #[cfg(feature = "snappy")]
            Compression::Snappy => self.snappy.compress(input, out)?,
            #[cfg(feature = "lz4")]
            Compression::Lz4 => self.lz4.compress(level, input, out)?,
            #[cfg(feature = "zstd")]
            Compression::Zstd => self.zstd.compress(level, input, out)?,
            #[allow(unreachable_patterns, reason = "reached by the codecs left out")]
            codec => return Err(CompressionError::NotBuiltIn { codec }),
        }
        Ok(self.out.filled())
    }
}

/// Appends the compressed form of `input` to `out`, with the [`Compressor`] of this thread.
///
/// ```
/// use kafka_wire::compression::{Compression, CompressionLevel, compress, decompress};
///
/// # #[cfg(feature = "gzip")] {
/// let mut out = Vec::new();
/// let level = CompressionLevel::of(Compression::Gzip, 9)?;
/// compress(Compression::Gzip, level, b"to be or not to be", &mut out)?;
/// assert_eq!(decompress(Compression::Gzip, &out, 1024)?, b"to be or not to be");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compress(
    codec: Compression,
    level: CompressionLevel,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    thread_local! {
        static COMPRESSOR: RefCell<Compressor> = RefCell::default();
    }
    COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(codec, level, input, out))
}

/// What was compressed to `input`, unless it is more than `max_bytes`.
///
/// ```
/// use kafka_wire::compression::{Compression, decompress};
///
/// assert_eq!(decompress(Compression::None, b"abc", 3)?, b"abc");
/// assert!(decompress(Compression::None, b"abc", 2).is_err());
/// # Ok::<(), kafka_wire::compression::CompressionError>(())
/// ```
pub fn decompress(
    codec: Compression,
    input: &[u8],
    max_bytes: usize,
) -> Result<Vec<u8>, CompressionError> {
    match codec {
        Compression::None if input.len() <= max_bytes => Ok(input.to_vec()),
        Compression::None => Err(CompressionError::TooLarge {
            codec,
            limit: max_bytes,
        }),
        #[cfg(feature = "gzip")]
        Compression::Gzip => gzip::decompress(input, max_bytes),
        #[cfg(feature = "snappy")]
        Compression::Snappy => snappy::decompress(input, max_bytes),
        #[cfg(feature = "lz4")]
        Compression::Lz4 => lz4::decompress(input, max_bytes),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::decompress(input, max_bytes),
        #[allow(unreachable_patterns, reason = "reached by the codecs left out")]
        codec => Err(CompressionError::NotBuiltIn { codec }),
    }
}
