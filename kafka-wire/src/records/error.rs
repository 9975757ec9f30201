//! Why bytes are not a batch of records.

use thiserror::Error;

use crate::DecodeError;
use crate::compression::CompressionError;

/// Why bytes are not a batch of records.
///
/// ```
/// use kafka_wire::records::{BatchHeader, RecordBatch, RecordsError};
///
/// let cut = BatchHeader::default().encode(b"")[..40].to_vec();
/// let error = RecordBatch::decode(&mut cut.into()).unwrap_err();
/// assert_eq!(error, RecordsError::Incomplete { needed: 61, available: 40 });
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordsError {
    /// The bytes end within a batch.
    #[error("incomplete batch: {available} of at least {needed} bytes")]
    Incomplete {
        /// How many bytes the batch takes, as far as it can be told.
        needed: usize,
        /// How many there are.
        available: usize,
    },
    /// The batch claims to be shorter than its own header.
    #[error("batch length {length} is impossible: at least 49")]
    BatchLength {
        /// The length field, which counts what follows it.
        length: i32,
    },
    /// The batch is in a format that Kafka 4 no longer knows, or does not know yet.
    #[error("record format {magic} is not supported: only 2")]
    Magic {
        /// The format the batch claims.
        magic: i8,
    },
    /// The batch was damaged under way.
    #[error("corrupt batch: its checksum is {stored:#010x}, that of its bytes {computed:#010x}")]
    Checksum {
        /// What stands in the header.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// No codec has this id.
    #[error("unknown compression id {id}: 0 to 4 are known")]
    UnknownCompression {
        /// What stands in the attributes.
        id: u8,
    },
    /// Count and offsets in the header contradict each other.
    #[error("{record_count} records with a last offset delta of {last_offset_delta} is impossible")]
    RecordCount {
        /// How many records the header announces.
        record_count: i32,
        /// Where the last of them is to be.
        last_offset_delta: i32,
    },
    /// The body could not be unpacked.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// A record is not what the format allows.
    #[error("record {index}: {fault}")]
    Record {
        /// Which record of the batch, counted from 0.
        index: i32,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// There are more bytes than records.
    #[error("{bytes} bytes left over after the last record")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
}

/// What is wrong with one record.
///
/// ```
/// use kafka_wire::records::RecordFault;
///
/// let fault = RecordFault::Length { what: "key", length: 10, available: 4 };
/// assert_eq!(fault.to_string(), "length 10 of its key, with 4 bytes left");
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordFault {
    /// A variable-length integer is cut short or too long.
    #[error(transparent)]
    Varint(#[from] DecodeError),
    /// Something is longer than what is left, or its length is negative and not null's -1.
    #[error("length {length} of its {what}, with {available} bytes left")]
    Length {
        /// Record, key, value, header name, header value.
        what: &'static str,
        /// The length claimed.
        length: i32,
        /// How many bytes are left.
        available: usize,
    },
    /// More headers than there are bytes for, or than [`MAX_HEADERS`], or a
    /// negative count.
    #[error(
        "{count} headers, with {available} bytes left; allowed are {}",
        MAX_HEADERS
    )]
    HeaderCount {
        /// The count claimed.
        count: i32,
        /// How many bytes are left.
        available: usize,
    },
    /// Its offset is not after the one before it, or beyond the last of the batch.
    #[error("offset delta {found} is not between {least} and {most}")]
    OffsetDelta {
        /// What the record says.
        found: i32,
        /// One more than the record before.
        least: i32,
        /// The last offset delta of the batch.
        most: i32,
    },
    /// The record's content ends before its length says.
    #[error("{bytes} bytes left over within it")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
}

/// The most headers that one record may have: as many as fit into a batch of a broker's default
/// `message.max.bytes`. A record with more is refused
/// ([`HeaderCount`](RecordFault::HeaderCount)).
pub const MAX_HEADERS: usize = 512 * 1024;
