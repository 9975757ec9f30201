//! CRC-32C (Castagnoli), the checksum of record batches.
//!
//! Computed while the bytes are in the cache, and joined later: the checksum of a header and that
//! of the body behind it give that of both, without the body being read again. So a batch's body is
//! summed once, and each attempt to send it sums only the 40 bytes that may have changed.

/// The checksum of `bytes`.
///
/// ```
/// assert_eq!(kafka_wire::records::checksum::of(b"123456789"), 0xe306_9283);
/// ```
#[inline]
pub fn of(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// The checksum of what `crc` covers, followed by `bytes`.
///
/// ```
/// use kafka_wire::records::checksum;
///
/// assert_eq!(checksum::append(checksum::of(b"1234"), b"56789"), checksum::of(b"123456789"));
/// ```
#[inline]
pub fn append(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

/// The checksum of what `front` covers, followed by the `back_bytes` bytes that `back` covers.
///
/// Costs a few lookups for each bit set in `back_bytes`; that of the `crc32c` crate takes longer
/// than to read 64 KiB again.
///
/// ```
/// use kafka_wire::records::checksum;
///
/// let (front, back) = (checksum::of(b"1234"), checksum::of(b"56789"));
/// assert_eq!(checksum::join(front, back, 5), checksum::of(b"123456789"));
/// ```
pub fn join(front: u32, back: u32, back_bytes: usize) -> u32 {
    let mut shifted = front;
    let mut rest = back_bytes;
    while rest != 0 {
        // The checksum is linear, and its powers of two come round again after 2^31 bits.
        let power = rest.trailing_zeros() as usize % POWERS;
        shifted = shift(shifted, &SHIFTS[power]);
        rest &= rest - 1;
    }
    shifted ^ back
}

/// For each half byte of a checksum and each value of it: what it becomes.
type Shift = [[u32; 16]; 8];

fn shift(crc: u32, table: &Shift) -> u32 {
    let mut out = 0;
    for (place, values) in table.iter().enumerate() {
        out ^= values[(crc >> (4 * place)) as usize & 0xf];
    }
    out
}

/// What a checksum becomes when 2^0, 2^1, 2^2, ... zero bytes follow.
static SHIFTS: [Shift; POWERS] = shifts();

const fn shifts() -> [Shift; POWERS] {
    let mut tables = [[[0; 16]; 8]; POWERS];
    // x^8: one byte.
    let mut factor = 1 << 23;
    let mut power = 0;
    while power < POWERS {
        tables[power] = shift_by(factor);
        factor = times(factor, factor);
        power += 1;
    }
    tables
}

const fn shift_by(factor: u32) -> Shift {
    let mut table = [[0; 16]; 8];
    let mut bit = 0;
    while bit < 32 {
        let product = times(1 << bit, factor);
        let mut value = 0;
        while value < 16 {
            if value >> (bit % 4) & 1 == 1 {
                table[bit / 4][value] ^= product;
            }
            value += 1;
        }
        bit += 1;
    }
    table
}

/// The product of two polynomials over GF(2), modulo Castagnoli's; the highest bit is x^0.
const fn times(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = 1 << 31;
    while bit != 0 {
        if a & bit != 0 {
            product ^= b;
        }
        b = b >> 1 ^ if b & 1 == 1 { POLYNOMIAL } else { 0 };
        bit >>= 1;
    }
    product
}

const POLYNOMIAL: u32 = 0x82f6_3b78;
/// x^(2^31) is x again modulo this polynomial, which is (x + 1) times a primitive one.
const POWERS: usize = 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_checksums_are_those_of_the_joined_bytes() {
        let bytes: Vec<u8> = (0..70_000_u32)
            .map(|i| (i.wrapping_mul(i) >> 7) as u8)
            .collect();
        for len in [
            0, 1, 2, 3, 40, 255, 256, 16_383, 16_384, 65_535, 65_537, 70_000,
        ] {
            let (front, back) = bytes.split_at(bytes.len() - len);
            assert_eq!(join(of(front), of(back), len), of(&bytes), "{len}");
        }
    }

    #[test]
    fn checksums_are_joined_over_lengths_beyond_any_memory() {
        for power in 0..40 {
            let len = 1_usize << power | 5;
            assert_eq!(
                join(0x1234_5678, 9, len),
                crc32c::crc32c_combine(0x1234_5678, 9, len)
            );
        }
    }
}
