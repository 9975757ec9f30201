//! The hash of a record's key, bit for bit as Kafka's Java client computes it.
//!
//! Producers in all languages must agree on it, or records with one key end up in two partitions.
//! It depends on the serialized key and the number of partitions and on nothing else: not on which
//! partitions have a leader, so that a key stays where it is while a broker is down.

use crate::partition_number::partition_number;

/// The murmur2 hash of a key with Kafka's seed, signed as in Java.
///
/// ```
/// use kafka_partition::murmur2;
///
/// assert_eq!(murmur2(b"21"), -973_932_308);
/// assert_eq!(murmur2(b"foobar"), -790_332_482);
/// assert_eq!(murmur2(b"a-little-bit-long-string"), -985_981_536);
/// assert_eq!(murmur2(b"a-little-bit-longer-string"), -1_486_304_829);
/// assert_eq!(murmur2(b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58_897_971);
/// assert_eq!(murmur2(b"abc"), 479_470_107);
/// ```
pub fn murmur2(key: &[u8]) -> i32 {
    ::murmur2::murmur2(key, ::murmur2::KAFKA_SEED).cast_signed()
}

/// The partition of a key: its hash without the sign bit, modulo the number of partitions.
///
/// ```
/// use kafka_partition::{murmur2, partition_for_key};
///
/// assert_eq!(partition_for_key(b"foobar", 12), (murmur2(b"foobar") & i32::MAX) % 12);
/// assert_eq!(partition_for_key(b"foobar", 1), 0);
/// ```
pub fn partition_for_key(key: &[u8], partitions: u32) -> i32 {
    let positive = murmur2(key).cast_unsigned() & 0x7fff_ffff;
    partition_number(positive % partitions.max(1))
}
