//! The codecs of record batches: the records of one batch are compressed, and decompressed.
//!
//! ```text
//! sealed body ─compress─▶ what a Produce request carries ─decompress─▶ records()
//! ```
//!
//! Each codec is a feature of the same name (`gzip`, `snappy`, `lz4`, `zstd`); a codec left out is
//! still known by name and id, and asking for it is an error that names the feature. Of these only
//! `zstd` compiles C. `gzip-libdeflate` and `lz4-hc` do, too: the one writes gzip in less time, the
//! other brings lz4's levels. Nothing here starts a thread: the work is done on the caller's.

#[cfg(any(feature = "gzip", feature = "zstd"))]
mod bounded;
mod codec;
mod compressor;
mod error;
#[cfg(feature = "gzip")]
mod gzip;
mod level;
#[cfg(feature = "gzip-libdeflate")]
mod libdeflate;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "snappy")]
mod snappy;
mod space;
#[cfg(all(feature = "gzip", not(feature = "gzip-libdeflate")))]
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

pub use codec::{Compression, UnknownCompression};
pub use compressor::{Compressor, compress, decompress};
pub use error::CompressionError;
pub use level::{CompressionLevel, InvalidLevel};
