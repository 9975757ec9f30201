//! The hashes of keys that producers of other languages use, each with its own rule for the sign.
//!
//! Java's is murmur2. librdkafka (and what stands on it: confluent-kafka for Python, Go and .NET, rdkafka for Rust) uses
//! CRC-32 unless it is told otherwise, Sarama FNV-1a. A program that takes the place of one of those goes on with its
//! hash, or each key begins anew in another partition.

use core::fmt;

use crate::murmur::{murmur2, partition_for_key};
use crate::partition_number::partition_number;

/// How the bytes of a key lead to a partition.
///
/// | | librdkafka, `partitioner=` | Sarama | Java |
/// |---|---|---|---|
/// | `Murmur2` | `murmur2`, `murmur2_random` | `NewMurmur2Partitioner` | the default |
/// | `Crc32` | `consistent`, `consistent_random` (its default) | `NewConsistentCRCHashPartitioner` | |
/// | `Fnv1a` | `fnv1a`, `fnv1a_random` | `NewHashPartitioner` (its default) | |
/// | `Fnv1aReference` | | `NewReferenceHashPartitioner` | |
///
/// ```
/// use kafka_partition::KeyHash;
///
/// assert_eq!(KeyHash::Murmur2.partition(b"customer-7", 12), 7);
/// assert_eq!(KeyHash::Crc32.partition(b"customer-7", 12), 8);
/// assert_eq!(KeyHash::default(), KeyHash::Murmur2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyHash {
    /// murmur2 with Kafka's seed, without its sign bit.
    #[default]
    Murmur2,
    /// CRC-32 (IEEE, as in zlib), unsigned.
    Crc32,
    /// FNV-1a of 32 bits, signed; a negative rest counts as its absolute value.
    Fnv1a,
    /// FNV-1a of 32 bits, without its sign bit. Differs from [`Fnv1a`](Self::Fnv1a) for one key in two.
    Fnv1aReference,
}

impl KeyHash {
    /// All of them.
    ///
    /// ```
    /// use kafka_partition::KeyHash;
    ///
    /// let names: Vec<_> = KeyHash::ALL.iter().map(|hash| hash.to_string()).collect();
    /// assert_eq!(names, ["murmur2", "crc32", "fnv1a", "fnv1a-reference"]);
    /// ```
    pub const ALL: [Self; 4] = [
        Self::Murmur2,
        Self::Crc32,
        Self::Fnv1a,
        Self::Fnv1aReference,
    ];

    /// The hash itself, before anything is done about its sign.
    ///
    /// ```
    /// use kafka_partition::{KeyHash, murmur2};
    ///
    /// assert_eq!(KeyHash::Murmur2.hash(b"123456789"), murmur2(b"123456789").cast_unsigned());
    /// assert_eq!(KeyHash::Crc32.hash(b"123456789"), 0xcbf4_3926);
    /// assert_eq!(KeyHash::Fnv1a.hash(b"123456789"), 0xbb86_b11c);
    /// ```
    pub fn hash(self, key: &[u8]) -> u32 {
        match self {
            Self::Murmur2 => murmur2(key).cast_unsigned(),
            Self::Crc32 => crc32(key),
            Self::Fnv1a | Self::Fnv1aReference => fnv1a(key),
        }
    }

    /// The partition of a key in a topic with so many partitions; 0 partitions count as one.
    ///
    /// ```
    /// use kafka_partition::KeyHash;
    ///
    /// // The hash of this key is 2^31: negative if it is signed, 0 without its sign.
    /// let key = [0x02, 0x57, 0x96, 0xdf, 0x4d];
    /// assert_eq!(KeyHash::Fnv1a.partition(&key, 12), 8);
    /// assert_eq!(KeyHash::Fnv1aReference.partition(&key, 12), 0);
    /// ```
    pub fn partition(self, key: &[u8], partitions: u32) -> i32 {
        let positive = match self {
            Self::Murmur2 => return partition_for_key(key, partitions),
            Self::Crc32 => crc32(key),
            // The rest of the absolute value is the absolute value of the rest.
            Self::Fnv1a => fnv1a(key).cast_signed().unsigned_abs(),
            Self::Fnv1aReference => fnv1a(key) & 0x7fff_ffff,
        };
        partition_number(positive % partitions.max(1))
    }
}

/// One word, as in a configuration.
impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Murmur2 => "murmur2",
            Self::Crc32 => "crc32",
            Self::Fnv1a => "fnv1a",
            Self::Fnv1aReference => "fnv1a-reference",
        })
    }
}

fn fnv1a(key: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    key.iter().fold(0x811c_9dc5, step)
}

/// A byte at a time: keys are short.
fn crc32(key: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| CRC32_OF_BYTE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
    !key.iter().fold(u32::MAX, step)
}

static CRC32_OF_BYTE: [u32; 256] = crc32_of_each_byte();

const fn crc32_of_each_byte() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < u8::BITS {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}
