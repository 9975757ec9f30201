//! Writes one record into a batch, whatever its size and headers.
//!
//! The caller of `send` runs this under the lock of its partition; the bytes are not read again.
//! Lengths are computed once. Most records are short and have no headers: `short.rs` writes them in
//! a third of the time, and only those that open a batch are written here.
//!
//! A record does not know its batch: its timestamp and offset are distances from the batch's
//! first record, passed as arguments. Nothing here is compressed or checksummed.

use bytes::BufMut;
use thiserror::Error;

use crate::varint::{put_unsigned_u64, unsigned_len_u64};

/// The largest record the format can describe: its length is an `i32`.
const MAX_RECORD_BYTES: u64 = i32::MAX as u64;
/// Bytes are copied in pieces of this size: for larger ones C libraries use an instruction
/// (`rep movsb`) that on some processors takes ten times as long when the target lies up to 64
/// bytes behind the source, seen within their pages. A large value and a large buffer begin at the
/// same place of a page each, so that is where a record would put it.
const PIECE_BYTES: usize = 1_024;

/// The headers of a record that has none.
///
/// ```
/// use kafka_wire::records::{NoHeaders, RecordParts};
///
/// let parts: RecordParts<'_, NoHeaders<'_>> = RecordParts::new(Some(b"key"), Some(b"value"));
/// # assert!(parts.size(0, 0).is_ok());
/// ```
pub type NoHeaders<'a> = std::iter::Empty<(&'a str, Option<&'a [u8]>)>;

/// What a record is made of, borrowed from its owner.
///
/// `H` yields the headers in order: name and value. It is walked twice (to measure, then to
/// write) and must yield the same both times.
///
/// ```
/// use kafka_wire::records::RecordParts;
///
/// let headers = [("trace", Some(&b"42"[..]))];
/// let record = RecordParts::new(None, Some(b"hello")).with_headers(headers.iter().copied());
/// let size = record.size(0, 0)?;
///
/// let mut body = Vec::new();
/// record.encode(size, 0, 0, &mut body);
/// assert_eq!(body.len(), size.bytes());
/// # Ok::<(), kafka_wire::records::RecordTooLarge>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordParts<'a, H = NoHeaders<'a>> {
    /// The key, or null.
    pub key: Option<&'a [u8]>,
    /// The value, or null (a tombstone in a compacted topic).
    pub value: Option<&'a [u8]>,
    /// Names and values of the headers, in order; names may repeat.
    pub headers: H,
}

impl<'a> RecordParts<'a> {
    /// A record without headers.
    ///
    /// ```
    /// use kafka_wire::records::RecordParts;
    ///
    /// assert_eq!(RecordParts::new(None, Some(b"v")).size(0, 0)?.bytes(), 8);
    /// # Ok::<(), kafka_wire::records::RecordTooLarge>(())
    /// ```
    #[inline]
    pub fn new(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        Self {
            key,
            value,
            headers: std::iter::empty(),
        }
    }
}

impl<'a, H> RecordParts<'a, H> {
    /// The same record with these headers.
    ///
    /// ```
    /// use kafka_wire::records::RecordParts;
    ///
    /// let headers = [("trace", Some(&b"42"[..]))];
    /// let record = RecordParts::new(None, Some(b"v")).with_headers(headers.into_iter());
    /// assert_eq!(record.headers.count(), 1);
    /// ```
    #[inline]
    pub fn with_headers<I>(self, headers: I) -> RecordParts<'a, I>
    where
        I: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        RecordParts {
            key: self.key,
            value: self.value,
            headers,
        }
    }
}

impl<'a, H> RecordParts<'a, H>
where
    H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
{
    /// How many bytes the record takes in a batch, this far from its first record.
    ///
    /// ```
    /// use kafka_wire::records::RecordParts;
    ///
    /// let record = RecordParts::new(Some(b"key"), Some(b"value"));
    /// assert_eq!(record.size(0, 0)?.bytes(), 15);
    /// assert_eq!(record.size(1_000, 64)?.bytes(), 17); // larger distances take more digits
    /// # Ok::<(), kafka_wire::records::RecordTooLarge>(())
    /// ```
    pub fn size(
        &self,
        timestamp_delta: i64,
        offset_delta: i32,
    ) -> Result<RecordSize, RecordTooLarge> {
        let (header_count, header_bytes) = self.measure_headers();
        let bytes = (bytes_in(self.key) + bytes_in(self.value)).saturating_add(header_bytes);
        let lengths = digits(length_of(self.key)) + digits(length_of(self.value));
        let distances = digits(zigzag(timestamp_delta)) + digits(zigzag(i64::from(offset_delta)));
        let body = bytes.saturating_add(ATTRIBUTES_BYTES + distances + lengths);
        RecordSize::of(body, header_count)
    }

    /// How many headers there are, and what they take together with their number.
    fn measure_headers(&self) -> (u64, u64) {
        let mut count = 0;
        let mut bytes = 0_u64;
        for (name, value) in self.headers.clone() {
            count += 1;
            bytes = bytes.saturating_add(sized_len(Some(name.as_bytes())) + sized_len(value));
        }
        let bytes = bytes.saturating_add(digits(length_number(count)));
        (count, bytes)
    }

    /// Appends the record to `out`, which must have room for [`size.bytes()`](RecordSize::bytes) if
    /// it does not grow.
    ///
    /// `size` must come from [`size`](Self::size) with the same distances.
    ///
    /// ```
    /// use kafka_wire::records::RecordParts;
    ///
    /// let record = RecordParts::new(None, Some(b"v"));
    /// let mut body = Vec::new();
    /// record.encode(record.size(0, 0)?, 0, 0, &mut body);
    /// assert_eq!(body, [14, 0, 0, 0, 1, 2, b'v', 0]);
    /// # Ok::<(), kafka_wire::records::RecordTooLarge>(())
    /// ```
    pub fn encode(
        &self,
        size: RecordSize,
        timestamp_delta: i64,
        offset_delta: i32,
        out: &mut impl BufMut,
    ) {
        let start = out.remaining_mut();
        put_unsigned_u64(out, length_number(size.body as u64));
        put_unsigned_u64(out, RECORD_ATTRIBUTES);
        put_unsigned_u64(out, zigzag(timestamp_delta));
        put_unsigned_u64(out, zigzag(i64::from(offset_delta)));
        put_sized(out, self.key);
        put_sized(out, self.value);
        self.encode_headers(size.headers, out);
        debug_assert_eq!(
            start - out.remaining_mut(),
            size.bytes(),
            "size() and encode() disagree"
        );
    }

    fn encode_headers(&self, count: i32, out: &mut impl BufMut) {
        put_unsigned_u64(out, length_number(count as u64));
        for (name, value) in self.headers.clone() {
            put_sized(out, Some(name.as_bytes()));
            put_sized(out, value);
        }
    }
}

/// The measure of one record, taken once and used again to write it.
///
/// ```
/// use kafka_wire::records::RecordParts;
///
/// let size = RecordParts::new(None, Some(&[0; 100])).size(0, 0)?;
/// assert_eq!(size.bytes(), 109);
/// # Ok::<(), kafka_wire::records::RecordTooLarge>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSize {
    /// Bytes of the length itself.
    prefix: u32,
    /// Bytes after the length.
    body: i32,
    headers: i32,
}

impl RecordSize {
    fn of(body: u64, headers: u64) -> Result<Self, RecordTooLarge> {
        if body > MAX_RECORD_BYTES {
            return Err(RecordTooLarge { bytes: body });
        }
        // A header takes two bytes at least, so their count is smaller than the body.
        Ok(Self {
            prefix: digits(length_number(body)) as u32,
            body: body as i32,
            headers: headers as i32,
        })
    }

    /// The bytes behind the length prefix.
    #[inline]
    pub fn body_bytes(self) -> usize {
        self.body as usize
    }

    /// All bytes of the record, its length prefix included.
    #[inline]
    pub fn bytes(self) -> usize {
        self.prefix as usize + self.body as usize
    }
}

/// A record is larger than the format can describe.
///
/// ```
/// use kafka_wire::records::RecordParts;
///
/// let header = ("a name", Some(&[0; 1 << 20][..]));
/// let record = RecordParts::new(None, None).with_headers(std::iter::repeat_n(header, 3_000));
/// let error = record.size(0, 0).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "a record of 3145761007 bytes is larger than the 2147483647 that the format can describe",
/// );
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "a record of {bytes} bytes is larger than the {MAX_RECORD_BYTES} that the format can describe"
)]
#[non_exhaustive]
pub struct RecordTooLarge {
    /// What the record would take, without its length prefix.
    pub bytes: u64,
}

/// Appends length and bytes of a nullable byte string.
pub(super) fn put_sized(out: &mut impl BufMut, bytes: Option<&[u8]>) {
    put_unsigned_u64(out, length_of(bytes));
    match bytes.unwrap_or_default() {
        short if short.len() <= PIECE_BYTES => out.put_slice(short),
        long => long
            .chunks(PIECE_BYTES)
            .for_each(|piece| out.put_slice(piece)),
    }
}

/// What length and bytes of a nullable byte string take.
#[inline]
fn sized_len(bytes: Option<&[u8]>) -> u64 {
    digits(length_of(bytes)) + bytes_in(bytes)
}

#[inline]
pub(super) fn bytes_in(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(0, <[u8]>::len) as u64
}

/// The length of a nullable byte string, as it is written.
#[inline]
fn length_of(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(NULL_LENGTH, |bytes| length_number(bytes.len() as u64))
}

/// A length zigzag-coded; it is never negative, and a slice is never longer than `isize::MAX`.
#[inline]
pub(super) fn length_number(length: u64) -> u64 {
    length << 1
}

#[inline]
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// How many bytes a number takes.
#[inline]
fn digits(number: u64) -> u64 {
    unsigned_len_u64(number) as u64
}

/// Records have an attributes byte that no version of Kafka uses.
pub(super) const RECORD_ATTRIBUTES: u64 = 0;
const ATTRIBUTES_BYTES: u64 = 1;
/// The length of what is null: -1, zigzag-coded.
pub(super) const NULL_LENGTH: u64 = 1;
