//! Writes one record into a batch: the hottest loop of the workspace.
//!
//! The caller of `send` comes here once per record, under the lock of its partition, and nobody
//! looks at the bytes again. Hence: lengths are computed once, the variable-length integers of
//! all but large records are put together in a register, and the batch's buffer grows by whole
//! words and slices.
//!
//! A record does not know its batch: its timestamp and offset are distances from the batch's
//! first record, handed in. Nothing here is compressed or checksummed.

use thiserror::Error;

use crate::varint::{put_unsigned_u64, unsigned_len_u64};

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
    // One caller is the hot one, and measures with what it writes with.
    #[inline(always)]
    pub fn size(
        &self,
        timestamp_delta: i64,
        offset_delta: i32,
    ) -> Result<RecordSize, RecordTooLarge> {
        let none = self.headers.clone().next().is_none();
        let (header_count, header_bytes) = if none { (0, 0) } else { self.measure_headers() };
        let body = (ATTRIBUTES_BYTES
            + digits(zigzag(timestamp_delta))
            + digits(zigzag(i64::from(offset_delta)))
            + sized_len(self.key)
            + sized_len(self.value)
            + digits(length_number(header_count)))
        .saturating_add(header_bytes);
        RecordSize::of(body, header_count)
    }

    /// How many headers there are, and what they take.
    #[inline(never)]
    fn measure_headers(&self) -> (u64, u64) {
        let mut count = 0;
        let mut bytes = 0_u64;
        for (name, value) in self.headers.clone() {
            count += 1;
            bytes = bytes.saturating_add(sized_len(Some(name.as_bytes())) + sized_len(value));
        }
        (count, bytes)
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
        let length = length_number(size.body as u64);
        let time = zigzag(timestamp_delta);
        let place = zigzag(i64::from(offset_delta));
        if length | time | place < TWO_DIGITS_END {
            self.encode_short([length, time, place], out);
        } else {
            self.encode_long([length, time, place], out);
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

    /// Nearly all records: no number has more than two digits, and those of key and value cannot,
    /// because the record's own length has not.
    #[inline]
    fn encode_short(&self, [length, time, place]: [u64; 3], out: &mut Vec<u8>) {
        let mut head = Word::new();
        head.put(length);
        head.put(RECORD_ATTRIBUTES);
        head.put(time);
        head.put(place);
        if let Some(key) = self.key {
            head.append_to(out);
            Word::of(length_of(self.key)).append_to(out);
            out.extend_from_slice(key);
        } else {
            head.put(NULL_LENGTH);
            head.append_to(out);
        }
        Word::of(length_of(self.value)).append_to(out);
        out.extend_from_slice(self.value.unwrap_or_default());
    }

    #[inline(never)]
    fn encode_long(&self, [length, time, place]: [u64; 3], out: &mut Vec<u8>) {
        put_unsigned_u64(out, length);
        put_unsigned_u64(out, RECORD_ATTRIBUTES);
        put_unsigned_u64(out, time);
        put_unsigned_u64(out, place);
        put_sized(out, self.key);
        put_sized(out, self.value);
    }

    #[inline(never)]
    fn encode_headers(&self, size: RecordSize, out: &mut Vec<u8>) {
        put_unsigned_u64(out, length_number(size.headers as u64));
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
    #[inline]
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

/// Variable-length integers in a row, put together in a register and then copied at once.
///
/// Each takes two bytes at most, all together the eight bytes of the register.
struct Word {
    /// The first byte is the lowest.
    digits: u64,
    bits: u32,
}

impl Word {
    #[inline]
    fn new() -> Self {
        Self { digits: 0, bits: 0 }
    }

    #[inline]
    fn of(number: u64) -> Self {
        let mut word = Self::new();
        word.put(number);
        word
    }

    /// Adds `number` (zigzag-coded already), seven bits a byte, low bits first.
    #[inline(always)]
    fn put(&mut self, number: u64) {
        debug_assert!(number < TWO_DIGITS_END, "{number} has more than two digits");
        if number < ONE_DIGIT_END {
            self.digits |= number << self.bits;
            self.bits += 8;
        } else {
            let (low, high) = (number & 0x7f, number >> 7);
            self.digits |= (low | 0x80 | (high << 8)) << self.bits;
            self.bits += 16;
        }
    }

    /// A copy of the whole register is one instruction; what is too much of it is taken back.
    #[inline(always)]
    fn append_to(self, out: &mut Vec<u8>) {
        let end = out.len() + (self.bits / 8) as usize;
        out.extend_from_slice(&self.digits.to_le_bytes());
        out.truncate(end);
    }
}

/// Appends length and bytes of a nullable byte string.
fn put_sized(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put_unsigned_u64(out, length_of(bytes));
    out.extend_from_slice(bytes.unwrap_or_default());
}

/// What length and bytes of a nullable byte string take.
#[inline]
fn sized_len(bytes: Option<&[u8]>) -> u64 {
    digits(length_of(bytes)) + bytes.map_or(0, <[u8]>::len) as u64
}

/// The length of a nullable byte string, as it is written.
#[inline]
fn length_of(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(NULL_LENGTH, |bytes| length_number(bytes.len() as u64))
}

/// A length zigzag-coded; it is never negative, and a slice is never longer than `isize::MAX`.
#[inline]
fn length_number(length: u64) -> u64 {
    length << 1
}

#[inline]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// How many bytes a number takes.
#[inline]
fn digits(number: u64) -> u64 {
    unsigned_len_u64(number) as u64
}

/// Records have an attributes byte that no version of Kafka uses.
const RECORD_ATTRIBUTES: u64 = 0;
const ATTRIBUTES_BYTES: u64 = 1;
/// The length of what is null: -1, zigzag-coded.
const NULL_LENGTH: u64 = 1;
/// The first number that takes more than one byte.
const ONE_DIGIT_END: u64 = 1 << 7;
/// The first number that takes more than two.
const TWO_DIGITS_END: u64 = 1 << 14;
