//! One batch as it stands in a log or a request: read, checked, and taken apart on demand.
//!
//! Reading a batch parses its header and checks its checksum; its records are decompressed and
//! parsed only when asked for. Only compressed records are copied.

use bytes::{Buf, Bytes};

use super::error::RecordsError;
use super::header::{BATCH_HEADER_BYTES, BatchHeader};
use super::read::Records;
use crate::compression::{Compression, decompress};

/// The most that the records of one batch may unpack to, if nothing else is said: 128 MiB.
///
/// A batch is at most as large as a request (`max.request.size`, 1 MiB by default), a broker's
/// `message.max.bytes` about the same; even dense text stays far below.
pub const MAX_DECOMPRESSED_BYTES: usize = 128 * 1024 * 1024;

/// A batch whose header and checksum were found in order.
///
/// ```
/// use kafka_wire::compression::Compression;
/// use kafka_wire::records::{BatchBuilder, BatchHeader, RecordBatch, RecordParts};
///
/// let mut builder = BatchBuilder::new(BatchHeader::default());
/// builder.push(1_700_000_000_000, &RecordParts::new(None, Some(b"hello")))?;
/// let mut bytes = builder.build(Compression::None)?;
///
/// let batch = RecordBatch::decode(&mut bytes)?;
/// assert!(bytes.is_empty());
/// for record in batch.records() {
///     assert_eq!(record?.value.as_deref(), Some(&b"hello"[..]));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordBatch {
    header: BatchHeader,
    compression: Compression,
    body: Bytes,
}

impl RecordBatch {
    /// Takes one batch from the front of `input`, without copying; on an error `input` is as it
    /// was.
    ///
    /// Length, format, checksum, codec and counts are checked; the records are not looked at.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use kafka_wire::records::{BatchHeader, RecordBatch, RecordsError};
    ///
    /// let mut bytes = BatchHeader::default().encode(b"").to_vec();
    /// bytes[60] ^= 1;
    /// let error = RecordBatch::decode(&mut Bytes::from(bytes)).unwrap_err();
    /// assert!(matches!(error, RecordsError::Checksum { .. }));
    /// ```
    pub fn decode(input: &mut Bytes) -> Result<Self, RecordsError> {
        let total = batch_bytes(input)?;
        let (header, compression) = BatchHeader::decode(&input[..total])?;
        let mut body = input.split_to(total);
        body.advance(BATCH_HEADER_BYTES);
        Ok(Self {
            header,
            compression,
            body,
        })
    }

    /// What stands in front of the records.
    ///
    /// ```
    /// use kafka_wire::records::{BatchHeader, RecordBatch};
    ///
    /// let empty = BatchHeader { last_offset_delta: 9, ..BatchHeader::default() };
    /// let batch = RecordBatch::decode(&mut empty.encode(b"").to_vec().into())?;
    /// assert_eq!(batch.header().last_offset(), 9);
    /// # Ok::<(), kafka_wire::records::RecordsError>(())
    /// ```
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The codec of the body.
    ///
    /// ```
    /// use kafka_wire::compression::Compression;
    /// use kafka_wire::records::{BatchHeader, RecordBatch};
    ///
    /// let batch = RecordBatch::decode(&mut BatchHeader::default().encode(b"").to_vec().into())?;
    /// assert_eq!(batch.compression(), Compression::None);
    /// # Ok::<(), kafka_wire::records::RecordsError>(())
    /// ```
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The records as they stand in the batch, still compressed: what a server needs to store the
    /// batch under another header.
    ///
    /// ```
    /// use kafka_wire::records::{BatchHeader, RecordBatch};
    ///
    /// let batch = RecordBatch::decode(&mut BatchHeader::default().encode(b"").to_vec().into())?;
    /// assert!(batch.body().is_empty());
    /// # Ok::<(), kafka_wire::records::RecordsError>(())
    /// ```
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The records, unpacked to at most [`MAX_DECOMPRESSED_BYTES`].
    ///
    /// ```
    /// use kafka_wire::records::{BatchHeader, RecordBatch};
    ///
    /// let batch = RecordBatch::decode(&mut BatchHeader::default().encode(b"").to_vec().into())?;
    /// assert_eq!(batch.records().count(), 0);
    /// # Ok::<(), kafka_wire::records::RecordsError>(())
    /// ```
    pub fn records(&self) -> Records {
        self.records_within(MAX_DECOMPRESSED_BYTES)
    }

    /// The records, unpacked to at most `max_decompressed_bytes`.
    ///
    /// What is not compressed is not copied, and so not limited.
    ///
    /// ```
    /// use kafka_wire::records::{BatchHeader, RecordBatch};
    ///
    /// let batch = RecordBatch::decode(&mut BatchHeader::default().encode(b"").to_vec().into())?;
    /// assert_eq!(batch.records_within(1024).count(), 0);
    /// # Ok::<(), kafka_wire::records::RecordsError>(())
    /// ```
    pub fn records_within(&self, max_decompressed_bytes: usize) -> Records {
        let body = match self.compression {
            Compression::None => Ok(self.body.clone()),
            // A batch whose records were all compacted away has no body, whatever its codec.
            _ if self.body.is_empty() => Ok(Bytes::new()),
            codec => decompress(codec, &self.body, max_decompressed_bytes)
                .map(Bytes::from)
                .map_err(RecordsError::from),
        };
        Records::new(self.header.clone(), body)
    }
}

/// Batches one after the other, as the records field of a request or response holds them.
///
/// ```
/// use kafka_wire::records::{BatchHeader, RecordBatches};
///
/// let one = BatchHeader::default().encode(b"");
/// let both = [one, one].concat();
/// assert_eq!(RecordBatches::new(both.clone().into()).count(), 2);
/// assert!(RecordBatches::new(both[..100].to_vec().into()).any(|batch| batch.is_err()));
/// ```
#[derive(Clone, Debug)]
pub struct RecordBatches {
    rest: Bytes,
    end: End,
}

/// What may stand at the end of the batches.
#[derive(Clone, Copy, Debug)]
enum End {
    Exact,
    /// A broker cuts its answer to a Fetch at a number of bytes, not at a batch.
    MayBeCut,
}

impl RecordBatches {
    /// Every byte must belong to a batch, as in a Produce request.
    ///
    /// ```
    /// assert_eq!(kafka_wire::records::RecordBatches::new(bytes::Bytes::new()).count(), 0);
    /// ```
    pub fn new(records: Bytes) -> Self {
        Self {
            rest: records,
            end: End::Exact,
        }
    }

    /// The last batch may be incomplete, as in a Fetch response, and is left out then.
    ///
    /// ```
    /// use kafka_wire::records::{BatchHeader, RecordBatches};
    ///
    /// let one = BatchHeader::default().encode(b"");
    /// let cut = [&one[..], &one[..30]].concat();
    /// assert_eq!(RecordBatches::fetched(cut.into()).count(), 1);
    /// ```
    pub fn fetched(records: Bytes) -> Self {
        Self {
            rest: records,
            end: End::MayBeCut,
        }
    }
}

impl Iterator for RecordBatches {
    type Item = Result<RecordBatch, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let batch = RecordBatch::decode(&mut self.rest);
        if let Err(error) = &batch {
            // Where the next one begins is unknown.
            self.rest.clear();
            if let (End::MayBeCut, RecordsError::Incomplete { .. }) = (self.end, error) {
                return None;
            }
        }
        Some(batch)
    }
}

/// How many bytes the batch at the front takes; all of them are there.
fn batch_bytes(input: &[u8]) -> Result<usize, RecordsError> {
    let available = input.len();
    let incomplete = |needed| RecordsError::Incomplete { needed, available };
    let length = input
        .get(LENGTH_AT)
        .ok_or_else(|| incomplete(BATCH_HEADER_BYTES))?;
    let length = i32::from_be_bytes(length.try_into().expect("the range is four bytes long"));
    let total = usize::try_from(length)
        .unwrap_or(0)
        .saturating_add(LENGTH_AT.end);
    match total {
        ..BATCH_HEADER_BYTES => Err(RecordsError::BatchLength { length }),
        _ if total > available => Err(incomplete(total)),
        _ => Ok(total),
    }
}

const LENGTH_AT: std::ops::Range<usize> = 8..12;
