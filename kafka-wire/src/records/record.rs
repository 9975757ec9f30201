//! Writes one record into a batch: the hottest loop of the workspace.
//!
//! The caller of `send` comes here once per record, under the lock of its partition, and nobody
//! looks at the bytes again. Hence: lengths are computed once, the variable-length integers are
//! put together in a small array on the stack, and the batch's buffer grows by whole slices.
//!
//! A record does not know its batch: its timestamp and offset are distances from the batch's
//! first record, handed in. Nothing here is compressed or checksummed.

use thiserror::Error;

use crate::varint::zigzag_len_i64;

/// The largest record the format can describe: its length is an `i32`.
const MAX_RECORD_BYTES: u64 = i32::MAX as u64;

/// The headers of a record that has none.
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
/// let record = RecordParts { key: None, value: Some(b"hello"), headers: headers.iter().copied() };
/// let size = record.size(0, 0)?;
///
/// let mut body = Vec::new();
/// record.encode(size, 0, 0, &mut body);
/// assert_eq!(body.len(), size.bytes());
/// # Ok::<(), kafka_wire::records::RecordTooLarge>(())
/// ```
#[derive(Clone, Debug)]
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
    #[inline]
    pub fn size(
        &self,
        timestamp_delta: i64,
        offset_delta: i32,
    ) -> Result<RecordSize, RecordTooLarge> {
        let mut header_count = 0;
        let mut header_bytes = 0_u64;
        for (name, value) in self.headers.clone() {
            header_count += 1;
            let bytes = sized_len(Some(name.as_bytes())) + sized_len(value);
            header_bytes = header_bytes.saturating_add(bytes);
        }
        let body = (ATTRIBUTES_BYTES
            + zigzag_len(timestamp_delta)
            + zigzag_len(i64::from(offset_delta))
            + sized_len(self.key)
            + sized_len(self.value)
            + zigzag_len(header_count))
        .saturating_add(header_bytes);
        RecordSize::of(body, header_count)
    }

    /// Appends the record to `out`.
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
    #[inline]
    pub fn encode(
        &self,
        size: RecordSize,
        timestamp_delta: i64,
        offset_delta: i32,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let mut head = Digits::new();
        head.put(i64::from(size.body));
        head.put_byte(RECORD_ATTRIBUTES);
        head.put(timestamp_delta);
        head.put(i64::from(offset_delta));
        if let Some(key) = self.key {
            head.put(length_of(key));
            out.extend_from_slice(head.as_slice());
            out.extend_from_slice(key);
            head = Digits::new();
        } else {
            head.put(NULL_LENGTH);
        }
        head.put(self.value.map_or(NULL_LENGTH, length_of));
        out.extend_from_slice(head.as_slice());
        if let Some(value) = self.value {
            out.extend_from_slice(value);
        }
        if size.headers == 0 {
            out.push(0);
        } else {
            self.encode_headers(size, out);
        }
        debug_assert_eq!(
            out.len() - start,
            size.bytes(),
            "size() and encode() disagree"
        );
    }

    fn encode_headers(&self, size: RecordSize, out: &mut Vec<u8>) {
        let mut count = Digits::new();
        count.put(i64::from(size.headers));
        out.extend_from_slice(count.as_slice());
        for (name, value) in self.headers.clone() {
            let mut length = Digits::new();
            length.put(length_of(name.as_bytes()));
            out.extend_from_slice(length.as_slice());
            out.extend_from_slice(name.as_bytes());
            let mut length = Digits::new();
            length.put(value.map_or(NULL_LENGTH, length_of));
            out.extend_from_slice(length.as_slice());
            out.extend_from_slice(value.unwrap_or_default());
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
    /// Bytes after the length itself.
    body: i32,
    headers: i32,
}

impl RecordSize {
    fn of(body: u64, headers: i64) -> Result<Self, RecordTooLarge> {
        if body > MAX_RECORD_BYTES {
            return Err(RecordTooLarge { bytes: body });
        }
        // A header takes two bytes at least, so their count is smaller than the body.
        Ok(Self {
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
        zigzag_len(i64::from(self.body)) as usize + self.body as usize
    }
}

/// A record is larger than the format can describe.
///
/// ```
/// let error = kafka_wire::records::RecordTooLarge { bytes: 3_000_000_000 };
/// assert_eq!(
///     error.to_string(),
///     "a record of 3000000000 bytes is larger than the 2147483647 that the format can describe",
/// );
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "a record of {bytes} bytes is larger than the {MAX_RECORD_BYTES} that the format can describe"
)]
pub struct RecordTooLarge {
    /// What the record would take, without its length prefix.
    pub bytes: u64,
}

/// Variable-length integers in a row, put together before they are copied at once.
struct Digits {
    bytes: [u8; DIGITS],
    len: usize,
}

impl Digits {
    #[inline]
    fn new() -> Self {
        Self {
            bytes: [0; DIGITS],
            len: 0,
        }
    }

    #[inline]
    fn put_byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// Writes `value` zigzag-coded, seven bits a byte, low bits first.
    #[inline(always)]
    fn put(&mut self, value: i64) {
        let digits = zigzag(value);
        // Nearly all have one digit or two; those are written without a loop.
        if digits < 0x80 {
            self.put_byte(digits as u8);
        } else if digits < 0x4000 {
            self.put_byte(digits as u8 | 0x80);
            self.put_byte((digits >> 7) as u8);
        } else {
            self.put_long(digits);
        }
    }

    #[inline(never)]
    fn put_long(&mut self, mut digits: u64) {
        while digits >= 0x80 {
            self.put_byte(digits as u8 | 0x80);
            digits >>= 7;
        }
        self.put_byte(digits as u8);
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Length and bytes of a nullable byte string.
#[inline]
fn sized_len(bytes: Option<&[u8]>) -> u64 {
    match bytes {
        None => 1,
        Some(bytes) => zigzag_len(length_of(bytes)) + bytes.len() as u64,
    }
}

/// A slice is never longer than `isize::MAX`, so its length is an `i64`.
#[inline]
fn length_of(bytes: &[u8]) -> i64 {
    bytes.len() as i64
}

#[inline]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
fn zigzag_len(value: i64) -> u64 {
    zigzag_len_i64(value) as u64
}

/// Records have an attributes byte that no version of Kafka uses.
const RECORD_ATTRIBUTES: u8 = 0;
const ATTRIBUTES_BYTES: u64 = 1;
/// The length of what is null.
const NULL_LENGTH: i64 = -1;
/// Room for the longest row: length 5, attributes 1, distances 10 and 5, key and value 5 each;
/// rounded to a power of two.
const DIGITS: usize = 32;
