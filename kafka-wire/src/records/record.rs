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
        let (header_count, header_bytes) = if none { (0, 1) } else { self.measure_headers() };
        let bytes = (bytes_in(self.key) + bytes_in(self.value)).saturating_add(header_bytes);
        let time = zigzag(timestamp_delta);
        let place = zigzag(i64::from(offset_delta));
        if bytes < SHORT_BYTES && time | place < TWO_DIGITS_END {
            return Ok(self.size_short(time, place, bytes, header_count));
        }
        let lengths = digits(length_of(self.key)) + digits(length_of(self.value));
        let distances = digits(time) + digits(place);
        let body = bytes.saturating_add(ATTRIBUTES_BYTES + distances + lengths);
        RecordSize::of(body, header_count)
    }

    /// Nearly all records: no number has more than two digits, so that they fit into a register.
    #[inline(always)]
    fn size_short(&self, time: u64, place: u64, bytes: u64, header_count: u64) -> RecordSize {
        let mut start = Word::new();
        start.put(RECORD_ATTRIBUTES);
        start.put(time);
        start.put(place);
        let mut body = bytes + digits(length_of(self.value));
        match self.key {
            Some(key) => body += digits(length_number(key.len() as u64)),
            None => start.put(NULL_LENGTH),
        }
        body += start.bytes() as u64;
        let mut head = Word::of(length_number(body));
        let prefix = head.bytes() as u32;
        head.put_word(start);
        RecordSize {
            prefix,
            body: body as i32,
            headers: header_count as i32,
            head: Head::Short(head),
        }
    }

    /// How many headers there are, and what they take together with their number.
    #[inline(never)]
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
        match size.head {
            Head::Short(head) => self.encode_short(head, out),
            Head::Long => self.encode_long(size.body, timestamp_delta, offset_delta, out),
        }
        if size.headers == 0 {
            out.push(0);
        } else {
            self.encode_headers(size.headers, out);
        }
        debug_assert_eq!(
            out.len() - start,
            size.bytes(),
            "size() and encode() disagree"
        );
    }

    /// All is put together already, but for the lengths of what is not null.
    #[inline(always)]
    fn encode_short(&self, head: Word, out: &mut Vec<u8>) {
        head.append_to(out);
        if let Some(key) = self.key {
            Word::of(length_number(key.len() as u64)).append_to(out);
            out.extend_from_slice(key);
        }
        if let Some(value) = self.value {
            Word::of(length_number(value.len() as u64)).append_to(out);
            out.extend_from_slice(value);
        } else {
            Word::of(NULL_LENGTH).append_to(out);
        }
    }

    #[inline(never)]
    fn encode_long(&self, body: i32, timestamp_delta: i64, offset_delta: i32, out: &mut Vec<u8>) {
        put_unsigned_u64(out, length_number(body as u64));
        put_unsigned_u64(out, RECORD_ATTRIBUTES);
        put_unsigned_u64(out, zigzag(timestamp_delta));
        put_unsigned_u64(out, zigzag(i64::from(offset_delta)));
        put_sized(out, self.key);
        put_sized(out, self.value);
    }

    #[inline(never)]
    fn encode_headers(&self, count: i32, out: &mut Vec<u8>) {
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
    head: Head,
}

/// What comes before the key, and its length if it is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    /// It was put together while it was measured.
    Short(Word),
    /// Too long for that.
    Long,
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
            head: Head::Long,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    #[inline(always)]
    fn put_word(&mut self, other: Self) {
        self.digits |= other.digits << self.bits;
        self.bits += other.bits;
    }

    #[inline(always)]
    fn bytes(self) -> usize {
        (self.bits / 8) as usize
    }

    /// A copy of the whole register is one instruction; what is too much of it is taken back. So
    /// `out` grows if it has less than eight bytes to spare, which a batch's buffer always has.
    #[inline(always)]
    fn append_to(self, out: &mut Vec<u8>) {
        let end = out.len() + self.bytes();
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
    digits(length_of(bytes)) + bytes_in(bytes)
}

#[inline]
fn bytes_in(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(0, <[u8]>::len) as u64
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
/// Below that a record's own length has two digits at most, whatever its other numbers are: they
/// take eleven bytes.
const SHORT_BYTES: u64 = (TWO_DIGITS_END >> 1) - 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_way_write_the_same() {
        let bytes = vec![7; 9_000];
        let lengths = [
            0, 1, 63, 64, 4_080, 8_160, 8_170, 8_175, 8_176, 8_177, 8_192, 9_000,
        ];
        let slices = || {
            let some = lengths.iter().map(|&length| Some(&bytes[..length]));
            some.chain([None]).collect::<Vec<_>>()
        };
        let distances = [0, 1, 63, 64, 8_191, 8_192, 1_000_000];
        for (key, value) in slices()
            .into_iter()
            .flat_map(|key| slices().into_iter().map(move |value| (key, value)))
        {
            for distance in distances {
                let time = if distance % 2 == 0 {
                    -distance
                } else {
                    distance
                };
                let record = RecordParts::new(key, value);
                let size = record.size(time, distance as i32).unwrap();
                let (mut out, mut long) = (Vec::new(), Vec::new());
                record.encode(size, time, distance as i32, &mut out);
                record.encode_long(size.body, time, distance as i32, &mut long);
                long.push(0);
                assert_eq!(out, long);
                assert_eq!(out.len(), size.bytes());
            }
        }
    }
}
