//! Variable-length integers: seven bits a byte, the high bit says that more follow.
//!
//! Records use the zigzag forms (small negative numbers stay short), flexible message versions
//! the unsigned one (KIP-482). Writers assemble a value on the stack and append it in one piece;
//! readers take from the front of a slice and leave it at the next value.
//!
//! A reader refuses what Java's silently truncates: bits beyond the width of the type.

use bytes::BufMut;

use crate::decode_error::{DecodeError, DecodeProblem};

/// Bytes that [`put_unsigned`] writes for `value`.
///
/// ```
/// assert_eq!(kafka_wire::varint::unsigned_len(127), 1);
/// assert_eq!(kafka_wire::varint::unsigned_len(128), 2);
/// ```
#[inline]
#[must_use]
pub const fn unsigned_len(value: u32) -> usize {
    unsigned_len_u64(value as u64)
}

/// Bytes that [`put_unsigned_u64`] writes for `value`.
///
/// ```
/// assert_eq!(kafka_wire::varint::unsigned_len_u64(u64::MAX), 10);
/// ```
#[inline]
#[must_use]
pub const fn unsigned_len_u64(value: u64) -> usize {
    // Nearly all lengths and distances are among these.
    if value < 1 << 7 {
        return 1;
    }
    if value < 1 << 14 {
        return 2;
    }
    // One byte for each seven bits begun. 9/64 stands for 1/7 here.
    let bits = 64 - value.leading_zeros();
    ((bits * 9 + 64) / 64) as usize
}

/// Bytes that [`put_zigzag_i32`] writes for `value`.
///
/// ```
/// assert_eq!(kafka_wire::varint::zigzag_len_i32(-64), 1);
/// ```
#[inline]
#[must_use]
pub const fn zigzag_len_i32(value: i32) -> usize {
    unsigned_len(zigzag_i32(value))
}

/// Bytes that [`put_zigzag_i64`] writes for `value`.
///
/// ```
/// assert_eq!(kafka_wire::varint::zigzag_len_i64(i64::MIN), 10);
/// ```
#[inline]
#[must_use]
pub const fn zigzag_len_i64(value: i64) -> usize {
    unsigned_len_u64(zigzag_i64(value))
}

/// Appends an unsigned 32-bit varint.
///
/// ```
/// let mut out = Vec::new();
/// kafka_wire::varint::put_unsigned(&mut out, 300);
/// assert_eq!(out, [0xac, 0x02]);
/// ```
#[inline]
pub fn put_unsigned(out: &mut impl BufMut, value: u32) {
    put_unsigned_u64(out, u64::from(value));
}

/// Appends an unsigned 64-bit varint.
///
/// ```
/// let mut out = Vec::new();
/// kafka_wire::varint::put_unsigned_u64(&mut out, u64::MAX);
/// assert_eq!(out.len(), 10);
/// ```
#[inline]
pub fn put_unsigned_u64(out: &mut impl BufMut, mut value: u64) {
    if value < 0x80 {
        return out.put_u8(value as u8);
    }
    let mut bytes = [0_u8; MAX_LEN_U64];
    let mut len = 0;
    while value >= 0x80 {
        bytes[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    out.put_slice(&bytes[..=len]);
}

/// Appends a zigzag 32-bit varint.
///
/// ```
/// let mut out = Vec::new();
/// kafka_wire::varint::put_zigzag_i32(&mut out, -1);
/// assert_eq!(out, [0x01]);
/// ```
#[inline]
pub fn put_zigzag_i32(out: &mut impl BufMut, value: i32) {
    put_unsigned(out, zigzag_i32(value));
}

/// Appends a zigzag 64-bit varint.
///
/// ```
/// let mut out = Vec::new();
/// kafka_wire::varint::put_zigzag_i64(&mut out, 1);
/// assert_eq!(out, [0x02]);
/// ```
#[inline]
pub fn put_zigzag_i64(out: &mut impl BufMut, value: i64) {
    put_unsigned_u64(out, zigzag_i64(value));
}

/// Takes an unsigned 32-bit varint from the front of `input`.
///
/// ```
/// let mut input = &[0xac, 0x02, 0x07][..];
/// assert_eq!(kafka_wire::varint::read_unsigned(&mut input)?, 300);
/// assert_eq!(input, [0x07]);
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
///
/// # Errors
/// When the input ends within the number, or the number needs more than 32 bits.
#[inline]
pub fn read_unsigned(input: &mut &[u8]) -> Result<u32, DecodeError> {
    // The most frequent case: lengths, counts and tags below 128.
    if let [first @ 0..0x80, rest @ ..] = *input {
        *input = rest;
        return Ok(u32::from(*first));
    }
    read_long(input, 32).map(|value| value as u32)
}

/// Takes an unsigned 64-bit varint from the front of `input`.
///
/// ```
/// let mut input = &[0x80, 0x01][..];
/// assert_eq!(kafka_wire::varint::read_unsigned_u64(&mut input)?, 128);
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
///
/// # Errors
/// When the input ends within the number, or the number needs more than 64 bits.
#[inline]
pub fn read_unsigned_u64(input: &mut &[u8]) -> Result<u64, DecodeError> {
    if let [first @ 0..0x80, rest @ ..] = *input {
        *input = rest;
        return Ok(u64::from(*first));
    }
    read_long(input, 64)
}

/// Takes a zigzag 32-bit varint from the front of `input`.
///
/// ```
/// assert_eq!(kafka_wire::varint::read_zigzag_i32(&mut &[0x01][..])?, -1);
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
///
/// # Errors
/// When the input ends within the number, or the number needs more than 32 bits.
#[inline]
pub fn read_zigzag_i32(input: &mut &[u8]) -> Result<i32, DecodeError> {
    let value = read_unsigned(input)?;
    Ok((value >> 1) as i32 ^ -((value & 1) as i32))
}

/// Takes a zigzag 64-bit varint from the front of `input`.
///
/// ```
/// assert_eq!(kafka_wire::varint::read_zigzag_i64(&mut &[0x02][..])?, 1);
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
///
/// # Errors
/// When the input ends within the number, or the number needs more than 64 bits.
#[inline]
pub fn read_zigzag_i64(input: &mut &[u8]) -> Result<i64, DecodeError> {
    let value = read_unsigned_u64(input)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

#[inline]
const fn zigzag_i32(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

#[inline]
const fn zigzag_i64(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn read_long(input: &mut &[u8], bits: u32) -> Result<u64, DecodeError> {
    let mut value = 0_u64;
    for (index, &byte) in input.iter().enumerate() {
        let shift = 7 * index as u32;
        let payload = u64::from(byte & 0x7f);
        let room = bits.saturating_sub(shift);
        if room == 0 || (room < 7 && payload >> room != 0) {
            return Err(DecodeError::new(
                DecodeProblem::VarintTooLong { bits },
                index,
            ));
        }
        value |= payload << shift;
        if byte < 0x80 {
            *input = &input[index + 1..];
            return Ok(value);
        }
    }
    let end = DecodeProblem::UnexpectedEnd {
        needed: 1,
        remaining: 0,
    };
    Err(DecodeError::new(end, input.len()))
}

const MAX_LEN_U64: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_before_it_is_written() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put_unsigned_u64(&mut out, value);
                assert_eq!(out.len(), unsigned_len_u64(value), "{value}");
                assert_eq!(read_unsigned_u64(&mut &out[..]), Ok(value));
            }
        }
    }

    #[test]
    fn a_failed_read_leaves_its_input_unchanged() {
        let mut input = &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..];
        assert!(read_unsigned(&mut input).is_err());
        assert_eq!(input.len(), 6);
    }

    #[test]
    fn needless_leading_zeros_are_accepted_as_java_does() {
        assert_eq!(read_unsigned(&mut &[0x80, 0x00][..]), Ok(0));
    }
}
