//! Compression levels: `compression.gzip.level`, `compression.lz4.level`, `compression.zstd.level`.
//!
//! Checked when the configuration is read, so that compressing never rejects one.

use std::ops::RangeInclusive;

use thiserror::Error;

use super::codec::Compression;

/// A compression level that its codec has.
///
/// ```
/// use kafka_wire::compression::{Compression, CompressionLevel};
///
/// let level = CompressionLevel::of(Compression::Zstd, 7)?;
/// assert_eq!(level.number(), 7);
/// assert!(CompressionLevel::of(Compression::Gzip, 10).is_err());
/// # Ok::<(), kafka_wire::compression::InvalidLevel>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CompressionLevel(i32);

impl CompressionLevel {
    /// This level of `codec`, if there is such.
    ///
    /// gzip knows 1 to 9 and -1 for its own default, lz4 1 to 17, zstd -131072 to 22; none and
    /// snappy have no levels, and so accept any.
    ///
    /// With lz4 the default of 9 is the fast compressor; every other number asks for the slow one,
    /// from 2 times (1, 2) to 60 times (12 and above) the effort, as in Apache Kafka. The slow one is
    /// built in with the feature `lz4-hc` alone.
    ///
    /// ```
    /// use kafka_wire::compression::{Compression, CompressionLevel};
    ///
    /// let refused = CompressionLevel::of(Compression::Gzip, 0).unwrap_err();
    /// assert_eq!(refused.to_string(), "gzip has no level 0: 1 to 9, or -1 for its default");
    /// ```
    pub fn of(codec: Compression, level: i32) -> Result<Self, InvalidLevel> {
        let known = levels(codec).contains(&level);
        if known || (codec, level) == (Compression::Gzip, GZIP_DEFAULT) {
            Ok(Self(level))
        } else {
            Err(InvalidLevel { codec, level })
        }
    }

    /// The level Kafka takes if none is configured: -1 for gzip, 9 for lz4, 3 for zstd.
    ///
    /// ```
    /// use kafka_wire::compression::{Compression, CompressionLevel};
    ///
    /// assert_eq!(CompressionLevel::default_of(Compression::Lz4).number(), 9);
    /// ```
    pub fn default_of(codec: Compression) -> Self {
        Self(match codec {
            Compression::None | Compression::Snappy => 0,
            Compression::Gzip => GZIP_DEFAULT,
            Compression::Lz4 => LZ4_DEFAULT,
            Compression::Zstd => 3,
        })
    }

    /// The level as a number.
    ///
    /// ```
    /// use kafka_wire::compression::{Compression, CompressionLevel};
    ///
    /// assert_eq!(CompressionLevel::default_of(Compression::Gzip).number(), -1);
    /// ```
    pub fn number(self) -> i32 {
        self.0
    }
}

fn levels(codec: Compression) -> RangeInclusive<i32> {
    match codec {
        Compression::None | Compression::Snappy => i32::MIN..=i32::MAX,
        Compression::Gzip => 1..=9,
        Compression::Lz4 if cfg!(feature = "lz4-hc") => 1..=17,
        Compression::Lz4 => LZ4_DEFAULT..=LZ4_DEFAULT,
        Compression::Zstd => -131_072..=22,
    }
}

/// A level that the codec does not have.
///
/// ```
/// use kafka_wire::compression::{Compression, CompressionLevel};
///
/// let refused = CompressionLevel::of(Compression::Zstd, 23).unwrap_err();
/// assert_eq!(refused.to_string(), "zstd has no level 23: -131072 to 22");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{codec} has no level {level}: {}", allowed(*.codec))]
#[non_exhaustive]
pub struct InvalidLevel {
    /// Whose level it should have been.
    pub codec: Compression,
    /// What was asked for.
    pub level: i32,
}

fn allowed(codec: Compression) -> String {
    let (low, high) = levels(codec).into_inner();
    match codec {
        Compression::Gzip => format!("{low} to {high}, or {GZIP_DEFAULT} for its default"),
        Compression::Lz4 if low == high => {
            format!("{low}; 1 to 17 with the feature `lz4-hc` of kafka-wire")
        }
        _ => format!("{low} to {high}"),
    }
}

const GZIP_DEFAULT: i32 = -1;
const LZ4_DEFAULT: i32 = 9;
