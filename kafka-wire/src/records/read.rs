//! Records as a reader sees them: parsed one by one from a batch's (unpacked) body.
//!
//! Keys, values and headers are slices of that body, not copies. Each record must fill exactly the
//! length it claims, and the records exactly the body; anything else ends the reading with an
//! error.

use bytes::{Buf, Bytes};

use super::attributes::TimestampType;
use super::error::{RecordFault, RecordsError};
use super::header::BatchHeader;
use super::read_headers::RecordHeaders;
use super::sequence::next_sequence;
use crate::DecodeError;
use crate::varint::{read_zigzag_i32, read_zigzag_i64};

/// A record as it was read.
///
/// ```
/// use kafka_wire::compression::Compression;
/// use kafka_wire::records::{BatchBuilder, BatchHeader, RecordBatch, RecordParts};
///
/// let mut builder = BatchBuilder::new(BatchHeader { base_offset: 40, ..BatchHeader::default() });
/// builder.push(7_000, &RecordParts::new(Some(b"k"), None))?;
/// let batch = RecordBatch::decode(&mut builder.build(Compression::None)?)?;
/// let record = batch.records().next().expect("one record")?;
/// assert_eq!((record.offset, record.timestamp), (40, 7_000));
/// assert_eq!((record.key.as_deref(), record.value), (Some(&b"k"[..]), None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its place in the partition.
    pub offset: i64,
    /// Its place in the batch, the first record being 0.
    pub offset_delta: i32,
    /// Milliseconds since 1970: the producer's, or the broker's if the batch says so.
    pub timestamp: i64,
    /// Its sequence number, if an idempotent producer sent it.
    pub sequence: Option<i32>,
    /// The key, or null.
    pub key: Option<Bytes>,
    /// The value, or null.
    pub value: Option<Bytes>,
    /// The headers, in order; names may repeat.
    pub headers: RecordHeaders,
}

/// The records of one batch, in order, each or the reason why not.
///
/// After an error nothing follows, and what came before it should not be used: collect into a
/// `Result` to get all or none.
///
/// ```
/// use kafka_wire::compression::Compression;
/// use kafka_wire::records::{BatchBuilder, BatchHeader, RecordBatch, RecordParts};
///
/// let mut builder = BatchBuilder::new(BatchHeader::default());
/// builder.push(0, &RecordParts::new(None, Some(b"one")))?;
/// builder.push(1, &RecordParts::new(None, Some(b"two")))?;
/// let batch = RecordBatch::decode(&mut builder.build(Compression::None)?)?;
/// assert_eq!(batch.records().collect::<Result<Vec<_>, _>>()?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Records {
    header: BatchHeader,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// The body could not be decompressed, which was not returned yet.
    Broken(RecordsError),
    Reading {
        rest: Bytes,
        index: i32,
        least_offset_delta: i32,
    },
    Ended,
}

impl Records {
    pub(super) fn new(header: BatchHeader, body: Result<Bytes, RecordsError>) -> Self {
        let state = match body {
            Ok(rest) => State::Reading {
                rest,
                index: 0,
                least_offset_delta: 0,
            },
            Err(error) => State::Broken(error),
        };
        Self { header, state }
    }
}

impl Iterator for Records {
    type Item = Result<Record, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut rest, index, least) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return None,
            State::Broken(error) => return Some(Err(error)),
            State::Reading {
                rest,
                index,
                least_offset_delta,
            } => (rest, index, least_offset_delta),
        };
        if index == self.header.record_count {
            let bytes = rest.len();
            return (bytes > 0).then_some(Err(RecordsError::TrailingBytes { bytes }));
        }
        match read_record(&self.header, least, &mut rest) {
            Err(fault) => Some(Err(RecordsError::Record { index, fault })),
            Ok(record) => {
                self.state = State::Reading {
                    rest,
                    index: index + 1,
                    least_offset_delta: record.offset_delta.saturating_add(1),
                };
                Some(Ok(record))
            }
        }
    }
}

fn read_record(
    batch: &BatchHeader,
    least_offset_delta: i32,
    rest: &mut Bytes,
) -> Result<Record, RecordFault> {
    let length = varint(rest)?;
    let mut rest = take(rest, "record", length)?;
    let _attributes = take(&mut rest, "attributes", 1)?;
    let timestamp_delta = read_with(&mut rest, read_zigzag_i64)?;
    let offset_delta = varint(&mut rest)?;
    if offset_delta < least_offset_delta || offset_delta > batch.last_offset_delta {
        return Err(RecordFault::OffsetDelta {
            found: offset_delta,
            least: least_offset_delta,
            most: batch.last_offset_delta,
        });
    }
    let key = nullable(&mut rest, "key")?;
    let value = nullable(&mut rest, "value")?;
    let header_count = varint(&mut rest)?;
    let headers = RecordHeaders::read(header_count, rest)?;
    Ok(Record {
        // Wraps as in Java, so that the reader's sum undoes the writer's difference.
        offset: batch.base_offset.wrapping_add(i64::from(offset_delta)),
        offset_delta,
        timestamp: match batch.attributes.timestamp_type() {
            TimestampType::CreateTime => batch.base_timestamp.wrapping_add(timestamp_delta),
            TimestampType::LogAppendTime => batch.max_timestamp,
        },
        sequence: Some(next_sequence(batch.base_sequence, offset_delta)).filter(|it| *it >= 0),
        key,
        value,
        headers,
    })
}

fn nullable(rest: &mut Bytes, what: &'static str) -> Result<Option<Bytes>, RecordFault> {
    match varint(rest)? {
        -1 => Ok(None),
        length => take(rest, what, length).map(Some),
    }
}

fn take(rest: &mut Bytes, what: &'static str, length: i32) -> Result<Bytes, RecordFault> {
    match usize::try_from(length) {
        Ok(bytes) if bytes <= rest.len() => Ok(rest.split_to(bytes)),
        _ => Err(RecordFault::Length {
            what,
            length,
            available: rest.len(),
        }),
    }
}

fn varint(rest: &mut Bytes) -> Result<i32, RecordFault> {
    read_with(rest, read_zigzag_i32)
}

fn read_with<T>(
    rest: &mut Bytes,
    read: impl FnOnce(&mut &[u8]) -> Result<T, DecodeError>,
) -> Result<T, RecordFault> {
    let mut input = &rest[..];
    let value = read(&mut input)?;
    let used = rest.len() - input.len();
    rest.advance(used);
    Ok(value)
}
