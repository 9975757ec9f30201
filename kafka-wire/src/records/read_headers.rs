//! The headers of a record as a reader sees them: a slice of the batch's body.
//!
//! An empty header takes two bytes in a batch and thirty times that as a value of its own. So
//! headers are checked when their record is read, and made one by one when they are asked for;
//! [`len`](RecordHeaders::len) tells beforehand how many there are.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::error::{MAX_HEADERS, RecordFault};
use super::record::put_sized;
use crate::varint::read_zigzag_i32;

/// The headers of a record, in order; names may repeat.
///
/// ```
/// use bytes::Bytes;
/// use kafka_wire::records::{RecordHeader, RecordHeaders};
///
/// let trace = RecordHeader { key: Bytes::from_static(b"trace"), value: None };
/// let headers: RecordHeaders = [trace.clone()].into_iter().collect();
/// assert_eq!(headers.len(), 1);
/// assert_eq!(headers.iter().next(), Some((&b"trace"[..], None)));
/// assert_eq!(headers.into_iter().next(), Some(trace));
/// ```
#[derive(Clone, Default)]
pub struct RecordHeaders {
    count: usize,
    /// Name and value of each, as a record has them; they are known to be valid.
    bytes: Bytes,
}

impl RecordHeaders {
    /// Takes `count` headers that end with `bytes`, if they are what they say.
    pub(super) fn read(count: i32, bytes: Bytes) -> Result<Self, RecordFault> {
        let available = bytes.len();
        let count = usize::try_from(count)
            .ok()
            .filter(|count| *count <= MAX_HEADERS.min(available / SMALLEST_HEADER_BYTES))
            .ok_or(RecordFault::HeaderCount { count, available })?;
        let mut rest = &bytes[..];
        for _ in 0..count {
            read_header(&mut rest)?;
        }
        match rest.len() {
            0 => Ok(Self { count, bytes }),
            bytes => Err(RecordFault::TrailingBytes { bytes }),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Names and values.
    #[must_use]
    pub fn iter(&self) -> HeaderParts<'_> {
        HeaderParts { rest: &self.bytes }
    }
}

impl PartialEq for RecordHeaders {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.iter().eq(other.iter())
    }
}

impl Eq for RecordHeaders {}

impl fmt::Debug for RecordHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl FromIterator<RecordHeader> for RecordHeaders {
    fn from_iter<I: IntoIterator<Item = RecordHeader>>(headers: I) -> Self {
        let (mut count, mut bytes) = (0, Vec::new());
        for header in headers {
            count += 1;
            put_sized(&mut bytes, Some(&header.key));
            put_sized(&mut bytes, header.value.as_deref());
        }
        Self {
            count,
            bytes: bytes.into(),
        }
    }
}

impl<'a> IntoIterator for &'a RecordHeaders {
    type Item = (&'a [u8], Option<&'a [u8]>);
    type IntoIter = HeaderParts<'a>;

    fn into_iter(self) -> HeaderParts<'a> {
        self.iter()
    }
}

impl IntoIterator for RecordHeaders {
    type Item = RecordHeader;
    type IntoIter = HeadersOfRecord;

    fn into_iter(self) -> HeadersOfRecord {
        HeadersOfRecord { rest: self.bytes }
    }
}

/// Names and values of headers, borrowed: [`RecordHeaders::iter`].
#[derive(Clone, Debug)]
pub struct HeaderParts<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for HeaderParts<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        read_header(&mut self.rest).ok()
    }
}

/// Headers that share the memory of their batch's body.
#[derive(Clone, Debug)]
pub struct HeadersOfRecord {
    rest: Bytes,
}

impl Iterator for HeadersOfRecord {
    type Item = RecordHeader;

    fn next(&mut self) -> Option<RecordHeader> {
        let mut parts = HeaderParts { rest: &self.rest };
        let (key, value) = parts.next()?;
        let header = RecordHeader {
            key: self.rest.slice_ref(key),
            value: value.map(|value| self.rest.slice_ref(value)),
        };
        self.rest = self.rest.slice_ref(parts.rest);
        Some(header)
    }
}

/// A header of a record as it was read.
///
/// The format fixes its fields, so others will not follow.
///
/// ```
/// use bytes::Bytes;
/// use kafka_wire::records::RecordHeader;
///
/// let header = RecordHeader { key: Bytes::from_static(b"trace"), value: None };
/// assert_eq!(header.name(), "trace");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// The name, in UTF-8 if its producer kept to the rules.
    pub key: Bytes,
    /// The value, or null.
    pub value: Option<Bytes>,
}

impl RecordHeader {
    /// The name as text, with U+FFFD for what is not UTF-8, as Java's clients read it.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use kafka_wire::records::RecordHeader;
    ///
    /// let header = RecordHeader { key: Bytes::from_static(b"a\xff"), value: None };
    /// assert_eq!(header.name(), "a\u{fffd}");
    /// ```
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.key)
    }
}

/// Takes one header off the front of `rest`.
fn read_header<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], Option<&'a [u8]>), RecordFault> {
    let length = read_zigzag_i32(rest)?;
    let key = take(rest, "header name", length)?;
    let value = match read_zigzag_i32(rest)? {
        -1 => None,
        length => Some(take(rest, "header value", length)?),
    };
    Ok((key, value))
}

fn take<'a>(rest: &mut &'a [u8], what: &'static str, length: i32) -> Result<&'a [u8], RecordFault> {
    let available = rest.len();
    let taken = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_off(..length));
    taken.ok_or(RecordFault::Length {
        what,
        length,
        available,
    })
}

/// Two lengths, of an empty name and an empty or null value.
const SMALLEST_HEADER_BYTES: usize = 2;
