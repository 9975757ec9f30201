//! The 61 bytes in front of a batch: what a broker knows of it without reading its records.
//!
//! A producer writes them last, when the batch is sealed and again for each attempt: producer id,
//! epoch and sequence may change between two attempts, the body never does. Hence header and body
//! are kept apart; the checksum runs over both without joining them.

use super::attributes::Attributes;
use super::checksum;
use super::error::RecordsError;
use super::sequence::{NO_SEQUENCE, next_sequence};
use crate::compression::Compression;

/// The length of a batch's header, up to its first record.
pub const BATCH_HEADER_BYTES: usize = 61;

/// What stands in front of a batch, but for its length and checksum, which follow from the body.
///
/// The default is that of a producer without idempotence: offset 0, to be replaced by the broker,
/// and -1 for all that is not known.
///
/// The format fixes its fields, so others will not follow: it can be written as a literal.
///
/// ```
/// use kafka_wire::records::{BatchHeader, RecordBatch, RecordParts};
///
/// let mut body = Vec::new();
/// let record = RecordParts::new(None, Some(b"hello"));
/// record.encode(record.size(0, 0)?, 0, 0, &mut body);
///
/// let header = BatchHeader {
///     base_timestamp: 1_700_000_000_000,
///     max_timestamp: 1_700_000_000_000,
///     record_count: 1,
///     ..BatchHeader::default()
/// };
/// let batch = [&header.encode(&body)[..], &body].concat();
/// assert_eq!(RecordBatch::decode(&mut batch.into())?.header(), &header);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record. A producer sends 0; the broker puts the true one.
    pub base_offset: i64,
    /// Epoch of the leader that appended the batch; not covered by the checksum.
    pub partition_leader_epoch: i32,
    /// Codec, kind of timestamps, transaction, control.
    pub attributes: Attributes,
    /// Offset of the last record less `base_offset`, kept when records are compacted away.
    pub last_offset_delta: i32,
    /// What the distances of the records' timestamps are counted from.
    pub base_timestamp: i64,
    /// The largest timestamp; the time of appending where the broker gives the timestamps.
    pub max_timestamp: i64,
    /// The idempotent producer's id, or -1.
    pub producer_id: i64,
    /// The idempotent producer's epoch, or -1.
    pub producer_epoch: i16,
    /// Sequence of the first record, or -1.
    pub base_sequence: i32,
    /// How many records the body holds.
    pub record_count: i32,
}

impl Default for BatchHeader {
    fn default() -> Self {
        Self {
            base_offset: 0,
            partition_leader_epoch: -1,
            attributes: Attributes::default(),
            last_offset_delta: 0,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: NO_SEQUENCE,
            record_count: 0,
        }
    }
}

impl BatchHeader {
    /// The header of a batch with this (already compressed) body.
    ///
    /// # Panics
    /// If the body has more than 2147483598 bytes, which no request could hold.
    ///
    /// ```
    /// use kafka_wire::records::{BATCH_HEADER_BYTES, BatchHeader};
    ///
    /// let header = BatchHeader::default().encode(b"");
    /// assert_eq!(header.len(), BATCH_HEADER_BYTES);
    /// assert_eq!(header[8..12], [0, 0, 0, 49]); // all that follows the length itself
    /// ```
    pub fn encode(&self, body: &[u8]) -> [u8; BATCH_HEADER_BYTES] {
        let mut out = self.unsummed(body.len());
        let crc = checksum::append(checksum::of(&out[SUMMED_FROM..]), body);
        out[CRC_AT].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// The same, for a body whose [`checksum`] is known, without reading the body again.
    ///
    /// # Panics
    /// If the body has more than 2147483598 bytes, which no request could hold.
    ///
    /// ```
    /// use kafka_wire::records::{BatchHeader, checksum};
    ///
    /// let body = b"as it was summed when the batch was sealed";
    /// let retried = BatchHeader { base_sequence: 7, ..BatchHeader::default() };
    /// assert_eq!(
    ///     retried.encode_with_body_crc(body.len(), checksum::of(body)),
    ///     retried.encode(body),
    /// );
    /// ```
    pub fn encode_with_body_crc(
        &self,
        body_bytes: usize,
        body_crc: u32,
    ) -> [u8; BATCH_HEADER_BYTES] {
        let mut out = self.unsummed(body_bytes);
        let crc = checksum::join(checksum::of(&out[SUMMED_FROM..]), body_crc, body_bytes);
        out[CRC_AT].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// Sequence of the last record, or -1.
    ///
    /// ```
    /// use kafka_wire::records::BatchHeader;
    ///
    /// let header = BatchHeader { base_sequence: i32::MAX, last_offset_delta: 2, ..BatchHeader::default() };
    /// assert_eq!(header.last_sequence(), 1);
    /// ```
    pub fn last_sequence(&self) -> i32 {
        next_sequence(self.base_sequence, self.last_offset_delta)
    }

    /// Offset of the last record.
    ///
    /// ```
    /// use kafka_wire::records::BatchHeader;
    ///
    /// let header = BatchHeader { base_offset: 40, last_offset_delta: 2, ..BatchHeader::default() };
    /// assert_eq!(header.last_offset(), 42);
    /// ```
    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .saturating_add(i64::from(self.last_offset_delta))
    }

    /// The time from which tombstones and markers of the batch may be removed (KIP-534).
    ///
    /// ```
    /// use kafka_wire::records::{Attributes, BatchHeader};
    ///
    /// let attributes = Attributes::default().with_delete_horizon();
    /// let header = BatchHeader { attributes, base_timestamp: 7, ..BatchHeader::default() };
    /// assert_eq!(header.delete_horizon_ms(), Some(7));
    /// ```
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.attributes
            .has_delete_horizon()
            .then_some(self.base_timestamp)
    }

    /// Reads the header of `batch`, which is exactly one whole batch, and checks all that can be
    /// checked without unpacking its records.
    pub(super) fn decode(batch: &[u8]) -> Result<(Self, Compression), RecordsError> {
        let header: &[u8; BATCH_HEADER_BYTES] = batch
            .first_chunk()
            .expect("a whole batch is as long as its header at least");
        let magic = header[MAGIC_AT] as i8;
        if magic != MAGIC {
            return Err(RecordsError::Magic { magic });
        }
        let stored = u32::from_be_bytes(field(header, CRC_AT.start));
        let computed = checksum::of(&batch[SUMMED_FROM..]);
        if stored != computed {
            return Err(RecordsError::Checksum { stored, computed });
        }
        let header = Self::parse(header);
        let compression = header
            .attributes
            .compression()
            .map_err(|id| RecordsError::UnknownCompression { id })?;
        header.check_counts()?;
        Ok((header, compression))
    }

    fn parse(bytes: &[u8; BATCH_HEADER_BYTES]) -> Self {
        Self {
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            partition_leader_epoch: i32::from_be_bytes(field(bytes, 12)),
            attributes: Attributes::from_bits(i16::from_be_bytes(field(bytes, 21))),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, 35)),
            producer_id: i64::from_be_bytes(field(bytes, 43)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            record_count: i32::from_be_bytes(field(bytes, 57)),
        }
    }

    /// Offsets grow by one at least, so there cannot be more records than places for them.
    fn check_counts(&self) -> Result<(), RecordsError> {
        let places = i64::from(self.last_offset_delta) + 1;
        if self.record_count < 0 || places < 1 || i64::from(self.record_count) > places {
            return Err(RecordsError::RecordCount {
                record_count: self.record_count,
                last_offset_delta: self.last_offset_delta,
            });
        }
        Ok(())
    }

    /// Everything but the checksum.
    fn unsummed(&self, body_bytes: usize) -> [u8; BATCH_HEADER_BYTES] {
        let length = i32::try_from(body_bytes + BATCH_HEADER_BYTES - LENGTH_COUNTS_FROM)
            .expect("a batch is smaller than 2 GiB");
        let mut out = [0; BATCH_HEADER_BYTES];
        out[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        out[8..12].copy_from_slice(&length.to_be_bytes());
        out[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        out[MAGIC_AT] = MAGIC as u8;
        out[21..23].copy_from_slice(&self.attributes.bits().to_be_bytes());
        out[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        out[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        out[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        out[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        out[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        out
    }
}

/// The `N` bytes of a field; every place asked for lies within the header.
fn field<const N: usize>(header: &[u8; BATCH_HEADER_BYTES], at: usize) -> [u8; N] {
    header[at..at + N].try_into().expect("a slice of N bytes")
}

/// The format's version; 0 and 1 went away with Kafka 4.
const MAGIC: i8 = 2;
/// The length field does not count itself nor the base offset before it.
const LENGTH_COUNTS_FROM: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: std::ops::Range<usize> = 17..21;
/// The checksum covers everything behind itself: attributes and on.
const SUMMED_FROM: usize = 21;
