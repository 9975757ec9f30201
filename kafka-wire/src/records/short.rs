//! Writes a short record without headers: the hottest loop of the workspace.
//!
//! Nearly every record is written here, once, under the lock of its partition. All its integers
//! take one byte or two, its place in the batch up to three (a large batch has more than 8,192
//! records), so those before the key are put together in a register; the space is checked once, and
//! words and slices are copied to where they belong. What is long, far from its batch's first
//! record, or has headers, is left to `record.rs`.

use super::record::{NULL_LENGTH, RECORD_ATTRIBUTES, RecordParts, bytes_in, length_number, zigzag};

impl<'a, H> RecordParts<'a, H>
where
    H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
{
    /// Whether [`encode_short`](Self::encode_short) is for this record, wherever it stands: it has
    /// no headers and less than some 8 KiB.
    ///
    /// ```
    /// use kafka_wire::records::RecordParts;
    ///
    /// assert!(RecordParts::new(Some(b"key"), None).is_short());
    /// assert!(!RecordParts::new(None, Some(&[0; 10_000])).is_short());
    /// ```
    #[inline(always)]
    pub fn is_short(&self) -> bool {
        let bytes = bytes_in(self.key) + bytes_in(self.value);
        bytes < SHORT_BYTES && self.headers.clone().next().is_none()
    }

    /// Writes the record to the start of `out` if it is short and has no headers, and returns
    /// how many bytes it took; else `None`.
    ///
    /// The record is encoded as [`encode`](Self::encode) would. Up to eight bytes after it are
    /// overwritten: `None` also if `out` is not eight bytes longer than the record.
    ///
    /// ```
    /// use kafka_wire::records::RecordParts;
    ///
    /// let mut out = [0xff; 24];
    /// assert_eq!(RecordParts::new(None, Some(b"v")).encode_short(0, 0, &mut out), Some(8));
    /// assert_eq!(out[..8], [14, 0, 0, 0, 1, 2, b'v', 0]);
    ///
    /// let long = [0; 10_000];
    /// assert_eq!(RecordParts::new(None, Some(&long)).encode_short(0, 0, &mut out), None);
    /// ```
    #[inline(always)]
    pub fn encode_short(
        &self,
        timestamp_delta: i64,
        offset_delta: i32,
        out: &mut [u8],
    ) -> Option<usize> {
        let bytes = bytes_in(self.key) + bytes_in(self.value);
        let (time, place) = (zigzag(timestamp_delta), zigzag(i64::from(offset_delta)));
        if !self.is_short() {
            return None;
        }
        let (key_length, value_length) = (length_of(self.key), length_of(self.value));
        let mut start = Word::of(RECORD_ATTRIBUTES);
        if (time | place) < TWO_DIGITS_END {
            start.put(time);
            start.put(place);
        } else if time < TWO_DIGITS_END && place < THREE_DIGITS_END {
            start.put(time);
            start.put_three(place);
        } else {
            return None;
        }
        let lengths = key_length.bytes() + value_length.bytes();
        let rest = bytes as usize + lengths + HEADER_COUNT_BYTES;
        let body = start.bytes() + rest;
        let mut head = Word::of(length_number(body as u64));
        head.put_word(start);
        let total = head.bytes() + rest;
        let out = out.get_mut(..total + WORD_BYTES)?;

        let mut at = head.write(out, 0);
        at = key_length.write(out, at);
        at = write(self.key, out, at);
        at = value_length.write(out, at);
        at = write(self.value, out, at);
        out[at] = NO_HEADERS;
        debug_assert_eq!(at + HEADER_COUNT_BYTES, total, "all is measured before");
        Some(total)
    }
}

#[inline(always)]
fn length_of(bytes: Option<&[u8]>) -> Word {
    match bytes {
        Some(bytes) => Word::of(length_number(bytes.len() as u64)),
        None => Word::of(NULL_LENGTH),
    }
}

#[inline(always)]
fn write(bytes: Option<&[u8]>, out: &mut [u8], at: usize) -> usize {
    let Some(bytes) = bytes else {
        return at;
    };
    let end = at + bytes.len();
    out[at..end].copy_from_slice(bytes);
    end
}

/// Variable-length integers in a row, put together in a register and then copied at once.
///
/// Each takes two bytes at most, one of them three, all together the eight bytes of the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    /// The first byte is the lowest.
    digits: u64,
    bits: u32,
}

impl Word {
    #[inline(always)]
    fn of(number: u64) -> Self {
        let mut word = Self { digits: 0, bits: 0 };
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

    /// The same for a number of three digits.
    #[inline(always)]
    fn put_three(&mut self, number: u64) {
        debug_assert!((TWO_DIGITS_END..THREE_DIGITS_END).contains(&number));
        let (low, middle, high) = (number & 0x7f, (number >> 7) & 0x7f, number >> 14);
        self.digits |= (low | 0x80 | ((middle | 0x80) << 8) | (high << 16)) << self.bits;
        self.bits += 24;
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

    /// Copies the whole register, which is one instruction, and tells where its digits end.
    #[inline(always)]
    fn write(self, out: &mut [u8], at: usize) -> usize {
        out[at..at + WORD_BYTES].copy_from_slice(&self.digits.to_le_bytes());
        at + self.bytes()
    }
}

/// The first number that takes more than one byte.
const ONE_DIGIT_END: u64 = 1 << 7;
/// The first number that takes more than two.
const TWO_DIGITS_END: u64 = 1 << 14;
/// The first number that takes more than three.
const THREE_DIGITS_END: u64 = 1 << 21;
/// Below that a record's own length has two digits at most, whatever its other numbers are: they
/// take twelve bytes.
const SHORT_BYTES: u64 = (TWO_DIGITS_END >> 1) - 16;
const WORD_BYTES: usize = size_of::<u64>();
const NO_HEADERS: u8 = 0;
const HEADER_COUNT_BYTES: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_and_the_general_encoder_write_the_same() {
        let bytes = vec![7; 9_000];
        let lengths = [
            0, 1, 63, 64, 4_080, 8_160, 8_170, 8_175, 8_176, 8_177, 8_192, 9_000,
        ];
        let slices = || {
            let some = lengths.iter().map(|&length| Some(&bytes[..length]));
            some.chain([None]).collect::<Vec<_>>()
        };
        let mut short_ones = 0;
        for (key, value) in slices()
            .into_iter()
            .flat_map(|key| slices().into_iter().map(move |value| (key, value)))
        {
            let times = [0, 1, 63, -64, 64, 8_191, -8_192, 8_192];
            let places = [0, 63, 64, 8_191, 8_192, 1_048_575, 1_048_576];
            let all = times.iter();
            for (&time, place) in all.flat_map(|time| places.map(|place| (time, place))) {
                let record = RecordParts::new(key, value);
                let mut out = vec![0xff; 20_000];
                let Some(written) = record.encode_short(time, place, &mut out) else {
                    assert!(time >= 8_192 || place >= 1_048_576 || !record.is_short());
                    continue;
                };
                short_ones += 1;
                let size = record.size(time, place).unwrap();
                let mut long = Vec::new();
                record.encode(size, time, place, &mut long);
                assert_eq!(out[..written], long);
                assert!(out[written + WORD_BYTES..].iter().all(|&byte| byte == 0xff));
            }
        }
        assert!(short_ones > 200, "{short_ones}");
    }

    #[test]
    fn without_room_to_spare_nothing_is_written() {
        let record = RecordParts::new(Some(b"key"), Some(b"value"));
        let bytes = record.size(0, 0).unwrap().bytes();
        for room in 0..bytes + WORD_BYTES {
            let mut out = vec![0xff; room];
            assert_eq!(record.encode_short(0, 0, &mut out), None);
            assert!(out.iter().all(|&byte| byte == 0xff));
        }
        let mut out = vec![0xff; bytes + WORD_BYTES];
        assert_eq!(record.encode_short(0, 0, &mut out), Some(bytes));
    }

    #[test]
    fn a_record_with_headers_is_not_short() {
        let headers = [("trace", None)];
        let record = RecordParts::new(None, None).with_headers(headers.iter().copied());
        assert_eq!(record.encode_short(0, 0, &mut [0; 64]), None);
    }
}
