//! CRC-32C (Castagnoli), the checksum of record batches.
//!
//! Taken once when a batch is sealed, checked when one is read.

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
