//! Writes a whole batch at once: for servers, tools and tests.
//!
//! A producer does not use it: it encodes each record straight into its open batch and writes
//! the header when it sends. This builder keeps header and records together until `build`.

use bytes::Bytes;
use thiserror::Error;

use super::attributes::TimestampType;
use super::header::{BATCH_HEADER_BYTES, BatchHeader};
use super::record::{RecordParts, RecordTooLarge};
use crate::compression::{Compression, CompressionError, CompressionLevel, compress};

/// Puts records together to a batch.
///
/// ```
/// use kafka_wire::compression::Compression;
/// use kafka_wire::records::{BatchBuilder, BatchHeader, RecordBatch, RecordParts};
///
/// let mut builder = BatchBuilder::new(BatchHeader::default());
/// builder.push(1_700_000_000_000, &RecordParts::new(Some(b"key"), Some(b"value")))?;
/// let batch = RecordBatch::decode(&mut builder.build(Compression::None)?)?;
/// assert_eq!(batch.header().record_count, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    header: BatchHeader,
    body: Vec<u8>,
    next_offset_delta: i32,
}

impl BatchBuilder {
    /// An empty batch under this header.
    ///
    /// Count, last offset delta and maximum timestamp follow the records. A base timestamp of -1
    /// becomes that of the first record; any other stays (so that a delete horizon can be given),
    /// and with log append time the maximum timestamp stays, being that time.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    /// use kafka_wire::records::{BatchBuilder, BatchHeader, RecordBatch};
    ///
    /// let compacted = BatchHeader { last_offset_delta: 9, ..BatchHeader::default() };
    /// let batch = RecordBatch::decode(&mut BatchBuilder::new(compacted).build(Compression::None)?)?;
    /// assert_eq!((batch.header().record_count, batch.header().last_offset_delta), (0, 9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(header: BatchHeader) -> Self {
        Self {
            header: BatchHeader {
                record_count: 0,
                ..header
            },
            body: Vec::new(),
            next_offset_delta: 0,
        }
    }

    /// Adds a record behind the last one.
    ///
    /// ```
    /// use kafka_wire::records::{BatchBuilder, BatchHeader, RecordParts};
    ///
    /// let mut builder = BatchBuilder::new(BatchHeader::default());
    /// builder.push(0, &RecordParts::new(None, Some(b"v")))?;
    /// # Ok::<(), kafka_wire::records::BuildError>(())
    /// ```
    pub fn push<'a, H>(
        &mut self,
        timestamp: i64,
        record: &RecordParts<'a, H>,
    ) -> Result<(), BuildError>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        self.push_at(self.next_offset_delta, timestamp, record)
    }

    /// Adds a record at this distance from the base offset, leaving a gap as compaction does.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    /// use kafka_wire::records::{BatchBuilder, BatchHeader, RecordBatch, RecordParts};
    ///
    /// let mut builder = BatchBuilder::new(BatchHeader::default());
    /// builder.push_at(5, 0, &RecordParts::new(None, None))?;
    /// let batch = RecordBatch::decode(&mut builder.build(Compression::None)?)?;
    /// assert_eq!(batch.header().last_offset_delta, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_at<'a, H>(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        record: &RecordParts<'a, H>,
    ) -> Result<(), BuildError>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        if offset_delta < self.next_offset_delta || offset_delta == i32::MAX {
            let least = self.next_offset_delta;
            return Err(BuildError::OffsetDelta {
                offset_delta,
                least,
            });
        }
        let base = match self.header {
            BatchHeader {
                base_timestamp: -1,
                record_count: 0,
                ..
            } => timestamp,
            BatchHeader { base_timestamp, .. } => base_timestamp,
        };
        let timestamp_delta = timestamp.wrapping_sub(base);
        let size = record.size(timestamp_delta, offset_delta)?;
        if self.body.len() + size.bytes() > MAX_BODY_BYTES {
            return Err(BuildError::BatchTooLarge);
        }
        record.encode(size, timestamp_delta, offset_delta, &mut self.body);
        self.header.base_timestamp = base;
        self.note(offset_delta, timestamp);
        Ok(())
    }

    fn note(&mut self, offset_delta: i32, timestamp: i64) {
        let header = &mut self.header;
        header.record_count += 1;
        header.last_offset_delta = header.last_offset_delta.max(offset_delta);
        self.next_offset_delta = offset_delta + 1;
        if header.attributes.timestamp_type() == TimestampType::CreateTime {
            header.max_timestamp = header.max_timestamp.max(timestamp);
        }
    }

    /// The batch, its records compressed with the codec's default level.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    /// use kafka_wire::records::{BATCH_HEADER_BYTES, BatchBuilder, BatchHeader};
    ///
    /// let bytes = BatchBuilder::new(BatchHeader::default()).build(Compression::None)?;
    /// assert_eq!(bytes.len(), BATCH_HEADER_BYTES);
    /// # Ok::<(), kafka_wire::records::BuildError>(())
    /// ```
    pub fn build(self, compression: Compression) -> Result<Bytes, BuildError> {
        self.build_with(compression, CompressionLevel::default_of(compression))
    }

    /// The batch, its records compressed at this level.
    ///
    /// ```
    /// use kafka_wire::compression::{Compression, CompressionLevel};
    /// use kafka_wire::records::{BatchBuilder, BatchHeader};
    ///
    /// let builder = BatchBuilder::new(BatchHeader::default());
    /// # #[cfg(feature = "zstd")]
    /// builder.build_with(Compression::Zstd, CompressionLevel::of(Compression::Zstd, 1)?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_with(
        mut self,
        compression: Compression,
        level: CompressionLevel,
    ) -> Result<Bytes, BuildError> {
        self.header.attributes = self.header.attributes.with_compression(compression);
        let mut out = vec![0; BATCH_HEADER_BYTES];
        compress(compression, level, &self.body, &mut out)?;
        let (header, body) = out.split_at_mut(BATCH_HEADER_BYTES);
        if body.len() > MAX_BODY_BYTES {
            return Err(BuildError::BatchTooLarge);
        }
        header.copy_from_slice(&self.header.encode(body));
        Ok(out.into())
    }
}

/// Why a batch could not be put together.
///
/// ```
/// use kafka_wire::records::BuildError;
///
/// assert_eq!(BuildError::BatchTooLarge.to_string(), "a batch cannot be larger than 2 GiB");
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// One record is larger than the format can describe.
    #[error(transparent)]
    RecordTooLarge(#[from] RecordTooLarge),
    /// All records together are larger than the format can describe.
    #[error("a batch cannot be larger than 2 GiB")]
    BatchTooLarge,
    /// The record's place is taken, or beyond what can be counted.
    #[error("offset delta {offset_delta} is impossible: from {least} to 2147483646")]
    OffsetDelta {
        /// What was asked for.
        offset_delta: i32,
        /// The first that is free.
        least: i32,
    },
    /// The codec is not built in, or failed.
    #[error(transparent)]
    Compression(#[from] CompressionError),
}

/// What the length field can count, less the header's part of it.
const MAX_BODY_BYTES: usize = i32::MAX as usize - BATCH_HEADER_BYTES;
