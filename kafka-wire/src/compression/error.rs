//! Why bytes could not be compressed, or not be read again.

use thiserror::Error;

use super::codec::Compression;

/// Why bytes could not be compressed, or not be read again.
///
/// ```
/// use kafka_wire::compression::{Compression, CompressionError, decompress};
///
/// let error = decompress(Compression::None, &[0; 11], 10).unwrap_err();
/// assert_eq!(error, CompressionError::TooLarge { codec: Compression::None, limit: 10 });
/// assert_eq!(error.to_string(), "none data unpacks to more than the allowed 10 bytes");
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompressionError {
    /// The program was built without this codec.
    #[error("{codec} is not built in: enable the feature `{codec}` of kafka-wire")]
    NotBuiltIn {
        /// The codec asked for; its feature has the same name.
        codec: Compression,
    },
    /// Reading on would take more memory than allowed; the rest was not unpacked.
    #[error("{codec} data unpacks to more than the allowed {limit} bytes")]
    TooLarge {
        /// What the data is compressed with.
        codec: Compression,
        /// The most that was to come out.
        limit: usize,
    },
    /// The bytes are not what this codec writes.
    #[error("malformed {codec} data: {reason}")]
    Malformed {
        /// What the data should have been compressed with.
        codec: Compression,
        /// What is wrong with it, as the codec's library says.
        reason: String,
    },
    /// The codec's library refused to compress.
    #[error("{codec} could not compress: {reason}")]
    Refused {
        /// The codec asked for.
        codec: Compression,
        /// Why, as the codec's library says.
        reason: String,
    },
}

#[cfg(any(
    feature = "gzip",
    feature = "snappy",
    feature = "lz4",
    feature = "zstd"
))]
impl CompressionError {
    #[cold]
    pub(super) fn malformed(codec: Compression, reason: impl ToString) -> Self {
        Self::Malformed {
            codec,
            reason: reason.to_string(),
        }
    }

    #[cold]
    pub(super) fn refused(codec: Compression, reason: impl ToString) -> Self {
        Self::Refused {
            codec,
            reason: reason.to_string(),
        }
    }
}
