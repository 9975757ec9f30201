//! A partitioner that chooses as librdkafka's or Sarama's does, for programs that take the place of one.
//!
//! A key leads to the partition that it had there. Records that those spread at random are spread here as by the
//! [`DefaultPartitioner`](crate::DefaultPartitioner): sticky, by weights.

use crate::key_hash::KeyHash;
use crate::partitioner::Partitioner;
use crate::topic::{RecordView, TopicView};

/// By the key's hash, which may be another than Java's.
///
/// ```
/// use kafka_partition::{HashPartitioner, KeyHash, Partitioner, RecordView, StickyState, TopicView};
///
/// let sticky = StickyState::new(5);
/// let topic = TopicView::new("orders", 12, &[], &sticky);
/// let keyed = RecordView::new(Some(b"customer-7"), None);
///
/// // A program in Go wrote to this topic, with Sarama.
/// let partitioner = HashPartitioner::new(KeyHash::Fnv1a);
/// assert_eq!(partitioner.partition(&topic, &keyed), KeyHash::Fnv1a.partition(b"customer-7", 12));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HashPartitioner {
    hash: KeyHash,
    spread: Spread,
}

/// Which records have no partition of their own: they are spread over those that have a leader.
///
/// ```
/// assert_eq!(kafka_partition::Spread::default(), kafka_partition::Spread::NullKeys);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Spread {
    /// Those without a key, as by Java, Sarama, and librdkafka's `murmur2_random` and `fnv1a_random`.
    #[default]
    NullKeys,
    /// Those whose key is empty, too, as by librdkafka's `consistent_random`.
    NullAndEmptyKeys,
    /// None: without a key they go where the empty key goes, all to one partition, as by librdkafka's
    /// `consistent`, `murmur2` and `fnv1a`.
    Nothing,
}

impl HashPartitioner {
    /// Hashes keys, also empty ones, and spreads records without a key.
    ///
    /// ```
    /// use kafka_partition::{HashPartitioner, KeyHash};
    ///
    /// assert_eq!(HashPartitioner::default(), HashPartitioner::new(KeyHash::Murmur2));
    /// ```
    pub const fn new(hash: KeyHash) -> Self {
        Self {
            hash,
            spread: Spread::NullKeys,
        }
    }

    /// Spreads these records instead.
    ///
    /// ```
    /// use kafka_partition::{
    ///     HashPartitioner, KeyHash, Partitioner, RecordView, Spread, StickyState, TopicView,
    /// };
    ///
    /// let sticky = StickyState::new(5);
    /// let topic = TopicView::new("orders", 12, &[], &sticky);
    /// let partitioner = HashPartitioner::new(KeyHash::Crc32).spreading(Spread::Nothing);
    /// assert_eq!(partitioner.partition(&topic, &RecordView::default()), 0);
    /// ```
    #[must_use]
    pub const fn spreading(self, spread: Spread) -> Self {
        Self { spread, ..self }
    }

    /// The one that librdkafka's property `partitioner` names; `None` for `random` (see
    /// [`UniformStickyPartitioner`](crate::UniformStickyPartitioner)) and for what is no such name.
    ///
    /// ```
    /// use kafka_partition::{HashPartitioner, KeyHash, Spread};
    ///
    /// let default = HashPartitioner::new(KeyHash::Crc32).spreading(Spread::NullAndEmptyKeys);
    /// assert_eq!(HashPartitioner::of_librdkafka("consistent_random"), Some(default));
    /// assert_eq!(HashPartitioner::of_librdkafka("random"), None);
    /// ```
    pub fn of_librdkafka(name: &str) -> Option<Self> {
        let (hash, spread) = match name {
            "consistent" => (KeyHash::Crc32, Spread::Nothing),
            "consistent_random" => (KeyHash::Crc32, Spread::NullAndEmptyKeys),
            "murmur2" => (KeyHash::Murmur2, Spread::Nothing),
            "murmur2_random" => (KeyHash::Murmur2, Spread::NullKeys),
            "fnv1a" => (KeyHash::Fnv1a, Spread::Nothing),
            "fnv1a_random" => (KeyHash::Fnv1a, Spread::NullKeys),
            _ => return None,
        };
        Some(Self { hash, spread })
    }

    /// The bytes that decide, unless the record is one of those that are spread.
    fn hashed<'a>(&self, record: &RecordView<'a>) -> Option<&'a [u8]> {
        match (record.key, self.spread) {
            (None, Spread::Nothing) => Some(&[]),
            (Some([]), Spread::NullAndEmptyKeys) => None,
            (key, _) => key,
        }
    }
}

impl Partitioner for HashPartitioner {
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        match self.hashed(record) {
            Some(key) => self.hash.partition(key, topic.partitions),
            None => topic.sticky_partition(),
        }
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        topic.leave(partition);
    }

    fn move_on(&self, topic: &TopicView<'_>, record: &RecordView<'_>, partition: i32) -> i32 {
        match self.hashed(record) {
            Some(_) => partition,
            None => topic.next_sticky_partition(partition),
        }
    }
}
