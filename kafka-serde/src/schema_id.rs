//! The id of a schema in bytes, as Confluent's serializers write it and their deserializers read it.
//!
//! [`Framed`](crate::Framed) writes these; a consumer or a test reads them with [`SchemaId::parse`].

use std::error::Error;
use std::fmt;

use crate::Role;

/// By what a schema registry knows a schema.
///
/// ```
/// use kafka_serde::SchemaId;
///
/// let (schema, payload) = SchemaId::parse(b"\0\0\0\x01\x02payload")?;
/// assert_eq!((schema, payload), (SchemaId::Id(258), &b"payload"[..]));
/// assert_eq!(SchemaId::from(258), schema);
/// # Ok::<(), kafka_serde::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaId {
    /// The number that one registry has given to it.
    Id(u32),
    /// What identifies it in all registries, in network order.
    Guid([u8; 16]),
}

impl SchemaId {
    /// Reads magic byte and id, or magic byte and GUID; returns what comes behind, too: the payload, or with Protobuf the
    /// [message indexes](parse_message_indexes).
    ///
    /// The same for a value and for the header that [`Role::schema_header`] names. Readers look for the header first.
    ///
    /// ```
    /// use kafka_serde::{FrameError, SchemaId};
    ///
    /// assert_eq!(SchemaId::parse(b"{}"), Err(FrameError::UnknownMagic { byte: b'{' }));
    /// assert_eq!(SchemaId::parse(b"\0\0\0"), Err(FrameError::TooShort { bytes: 3, needed: 5 }));
    /// ```
    ///
    /// # Errors
    /// If it does not begin with a magic byte, or is cut short.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        match bytes.first() {
            Some(&MAGIC_ID) => {
                let (id, rest) = split::<4>(bytes)?;
                Ok((Self::Id(u32::from_be_bytes(id)), rest))
            }
            Some(&MAGIC_GUID) => {
                let (guid, rest) = split::<16>(bytes)?;
                Ok((Self::Guid(guid), rest))
            }
            Some(&byte) => Err(FrameError::UnknownMagic { byte }),
            None => Err(FrameError::TooShort {
                bytes: 0,
                needed: Self::ID_BYTES,
            }),
        }
    }

    /// Writes what [`parse`](Self::parse) reads to the end of `out`.
    ///
    /// ```
    /// let mut bytes = Vec::new();
    /// kafka_serde::SchemaId::Id(7).write(&mut bytes);
    /// assert_eq!(bytes, [0, 0, 0, 0, 7]);
    /// ```
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Id(id) => {
                out.push(MAGIC_ID);
                out.extend_from_slice(&id.to_be_bytes());
            }
            Self::Guid(guid) => {
                out.push(MAGIC_GUID);
                out.extend_from_slice(&guid);
            }
        }
    }

    pub(crate) const ID_BYTES: usize = 1 + 4;
    pub(crate) const GUID_BYTES: usize = 1 + 16;
}

impl From<u32> for SchemaId {
    fn from(id: u32) -> Self {
        Self::Id(id)
    }
}

impl Role {
    /// The header that has the GUID of the schema of this part of a record.
    ///
    /// ```
    /// use kafka_serde::Role;
    ///
    /// assert_eq!(Role::Key.schema_header(), "__key_schema_id");
    /// assert_eq!(Role::Value.schema_header(), "__value_schema_id");
    /// ```
    pub const fn schema_header(self) -> &'static str {
        match self {
            Self::Key => "__key_schema_id",
            Self::Value => "__value_schema_id",
        }
    }
}

/// What is behind the magic byte, and what is behind that.
fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), FrameError> {
    let rest = bytes.get(1..).unwrap_or_default();
    match rest.split_first_chunk::<N>() {
        Some((id, rest)) => Ok((*id, rest)),
        None => Err(FrameError::TooShort {
            bytes: bytes.len(),
            needed: 1 + N,
        }),
    }
}

/// Reads which message of a Protobuf schema it is; returns the payload behind it, too.
///
/// ```
/// use kafka_serde::{SchemaId, parse_message_indexes};
///
/// let (schema, rest) = SchemaId::parse(b"\0\0\0\0\x07\x04\x02\0payload")?;
/// let (indexes, payload) = parse_message_indexes(rest)?;
/// assert_eq!((schema, &indexes[..], payload), (SchemaId::Id(7), &[1, 0][..], &b"payload"[..]));
///
/// // The first message of a schema has a short form.
/// assert_eq!(parse_message_indexes(b"\0payload")?, (vec![0], &b"payload"[..]));
/// # Ok::<(), kafka_serde::FrameError>(())
/// ```
///
/// # Errors
/// If it is cut short, or a number is not one that a schema can have.
pub fn parse_message_indexes(bytes: &[u8]) -> Result<(Vec<u16>, &[u8]), FrameError> {
    let (count, mut rest) = parse_varint(bytes)?;
    if count == 0 {
        return Ok((vec![0], rest));
    }
    // An index takes a byte at least: no count makes this larger than the input.
    let (needed, bytes) = (usize::from(count), rest.len());
    if needed > bytes {
        return Err(FrameError::TooShort { bytes, needed });
    }
    let mut indexes = Vec::with_capacity(needed);
    for _ in 0..count {
        let (index, behind) = parse_varint(rest)?;
        indexes.push(index);
        rest = behind;
    }
    Ok((indexes, rest))
}

/// The list that is nothing but the first message is one byte; no list is none.
pub(crate) fn write_message_indexes(indexes: &[u16], out: &mut Vec<u8>) {
    match indexes {
        [] => {}
        [0] => out.push(0),
        indexes => {
            write_varint(indexes.len(), out);
            for index in indexes {
                write_varint((*index).into(), out);
            }
        }
    }
}

/// Zigzag, as Kafka's varints: a number that is not negative is doubled.
fn write_varint(number: usize, out: &mut Vec<u8>) {
    let mut left = number << 1;
    while left > 0x7f {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

/// Of at most three bytes: a file has no more messages than that, and a message no deeper nesting.
fn parse_varint(bytes: &[u8]) -> Result<(u16, &[u8]), FrameError> {
    let mut number = 0_u32;
    for (index, byte) in bytes.iter().take(3).enumerate() {
        number |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let is_negative = number & 1 == 1;
            return match u16::try_from(number >> 1) {
                Ok(number) if !is_negative => Ok((number, &bytes[index + 1..])),
                _ => Err(FrameError::BadMessageIndex),
            };
        }
    }
    match bytes.len() {
        0..3 => Err(FrameError::TooShort {
            bytes: bytes.len(),
            needed: bytes.len() + 1,
        }),
        _ => Err(FrameError::BadMessageIndex),
    }
}

const MAGIC_ID: u8 = 0;
const MAGIC_GUID: u8 = 1;

/// Why bytes do not begin with the id of a schema.
///
/// ```
/// let error = kafka_serde::FrameError::TooShort { bytes: 3, needed: 5 };
/// assert_eq!(error.to_string(), "3 bytes are too short for the id of a schema, which needs 5 here");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// It is cut short, or was never framed.
    TooShort {
        /// How many bytes there are.
        bytes: usize,
        /// How many there should be at least.
        needed: usize,
    },
    /// It was written without a schema, or in a format that is not known.
    UnknownMagic {
        /// What it begins with.
        byte: u8,
    },
    /// An index is negative, or larger than 65535; perhaps the payload is not Protobuf.
    BadMessageIndex,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { bytes, needed } => write!(
                f,
                "{bytes} bytes are too short for the id of a schema, which needs {needed} here"
            ),
            Self::UnknownMagic { byte } => write!(
                f,
                "the first byte is {byte}: 0 comes before the id of a schema, 1 before its GUID"
            ),
            Self::BadMessageIndex => f.write_str(
                "a message index is negative or beyond 65535: perhaps the payload is not Protobuf",
            ),
        }
    }
}

impl Error for FrameError {}
