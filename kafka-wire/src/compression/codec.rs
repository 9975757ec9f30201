//! Which codec a batch is compressed with: the number in its attributes, the name in the settings.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A codec of Kafka's. All five exist whatever features are on: a program can always say what a
/// batch was compressed with, even where it cannot read it.
///
/// ```
/// use kafka_wire::compression::Compression;
///
/// assert_eq!("lz4".parse(), Ok(Compression::Lz4));
/// assert_eq!(Compression::Zstd.id(), 4);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not compressed.
    #[default]
    None,
    /// DEFLATE in a gzip wrapper.
    Gzip,
    /// Snappy blocks in the framing of snappy-java.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// Zstandard frames.
    Zstd,
}

impl Compression {
    /// Every codec, in the order of their ids.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    ///
    /// assert!(Compression::all().all(|codec| Compression::from_id(codec.id()) == Some(codec)));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter()
    }

    /// The number that names the codec in the attributes of a batch.
    ///
    /// ```
    /// assert_eq!(kafka_wire::compression::Compression::Snappy.id(), 2);
    /// ```
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The codec of a number.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    ///
    /// assert_eq!(Compression::from_id(1), Some(Compression::Gzip));
    /// assert_eq!(Compression::from_id(5), None);
    /// ```
    pub fn from_id(id: u8) -> Option<Self> {
        ALL.get(usize::from(id)).copied()
    }

    /// The name that `compression.type` knows the codec by.
    ///
    /// ```
    /// assert_eq!(kafka_wire::compression::Compression::None.name(), "none");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

const ALL: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|codec| codec.name() == name)
            .ok_or_else(|| UnknownCompression {
                name: name.to_owned(),
            })
    }
}

/// A name that is no codec's.
///
/// ```
/// use kafka_wire::compression::Compression;
///
/// assert_eq!(
///     "brotli".parse::<Compression>().unwrap_err().to_string(),
///     "unknown compression \"brotli\": none, gzip, snappy, lz4 and zstd are known",
/// );
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown compression {name:?}: none, gzip, snappy, lz4 and zstd are known")]
#[non_exhaustive]
pub struct UnknownCompression {
    /// What was asked for.
    pub name: String,
}
