//! The partitioners that come with the crate.
//!
//! They hold no state but their options: what they remember is the topic's
//! [`StickyState`](crate::StickyState). All of them are as in Java: by key (never by value), else
//! sticky or in turn. Sticky choices follow the weights that were left with the topic, if any.

use crate::murmur::partition_for_key;
use crate::partitioner::Partitioner;
use crate::topic::{RecordView, TopicView};

/// By the key's hash if there is a key, else sticky: what Kafka producers do by default.
///
/// The partition of a key does not depend on which partitions have a leader.
///
/// ```
/// use kafka_partition::{DefaultPartitioner, RecordView, Partitioner, StickyState, TopicView};
///
/// let sticky = StickyState::new(5);
/// let topic = TopicView::new("orders", 12, &[3], &sticky);
/// let keyed = RecordView::new(Some(b"foobar"), None);
/// assert_eq!(DefaultPartitioner::new().partition(&topic, &keyed), 6); // though 3 has the leader
/// assert_eq!(DefaultPartitioner::new().ignoring_keys().partition(&topic, &keyed), 3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DefaultPartitioner {
    keys: Keys,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Keys {
    #[default]
    Hashed,
    Ignored,
}

impl DefaultPartitioner {
    /// Hashes keys.
    ///
    /// ```
    /// use kafka_partition::DefaultPartitioner;
    ///
    /// assert_eq!(DefaultPartitioner::new(), DefaultPartitioner::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Treats every record as if it had no key (`partitioner.ignore.keys=true`).
    ///
    /// ```
    /// use kafka_partition::{DefaultPartitioner, Partitioner, RecordView, StickyState, TopicView};
    ///
    /// let sticky = StickyState::new(5);
    /// let topic = TopicView::new("metrics", 12, &[], &sticky);
    /// let [one, other] = [b"a", b"b"].map(|key| RecordView::new(Some(key), None));
    /// let partitioner = DefaultPartitioner::new().ignoring_keys();
    /// assert_eq!(partitioner.partition(&topic, &one), partitioner.partition(&topic, &other));
    /// ```
    pub fn ignoring_keys(self) -> Self {
        Self {
            keys: Keys::Ignored,
        }
    }
}

impl Partitioner for DefaultPartitioner {
    #[inline]
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        match (record.key, self.keys) {
            (Some(key), Keys::Hashed) => partition_for_key(key, topic.partitions),
            (None, _) | (_, Keys::Ignored) => topic.sticky_partition(),
        }
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        topic.leave(partition);
    }

    fn move_on(&self, topic: &TopicView<'_>, record: &RecordView<'_>, partition: i32) -> i32 {
        match (record.key, self.keys) {
            (Some(_), Keys::Hashed) => partition,
            (None, _) | (_, Keys::Ignored) => topic.next_sticky_partition(partition),
        }
    }
}

/// Sticky for every record, keyed or not: full batches and even shares, no order per key.
///
/// ```
/// use kafka_partition::{RecordView, Partitioner, StickyState, TopicView, UniformStickyPartitioner};
///
/// let sticky = StickyState::new(5);
/// let topic = TopicView::new("metrics", 50, &[], &sticky);
/// let [one, other] = [b"a", b"b"].map(|key| RecordView::new(Some(key), None));
/// let partitioner = UniformStickyPartitioner;
/// assert_eq!(partitioner.partition(&topic, &one), partitioner.partition(&topic, &other));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UniformStickyPartitioner;

impl Partitioner for UniformStickyPartitioner {
    #[inline]
    fn partition(&self, topic: &TopicView<'_>, _record: &RecordView<'_>) -> i32 {
        topic.sticky_partition()
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        topic.leave(partition);
    }

    fn move_on(&self, topic: &TopicView<'_>, _record: &RecordView<'_>, partition: i32) -> i32 {
        topic.next_sticky_partition(partition)
    }
}

/// Each record to the next partition that has a leader, keyed or not.
///
/// The turn is the topic's, shared by all threads, and passes with each record and only then: a
/// full batch does not skip a partition (KAFKA-9965).
///
/// ```
/// use kafka_partition::{RecordView, Partitioner, RoundRobinPartitioner, StickyState, TopicView};
///
/// let sticky = StickyState::new(5);
/// let topic = TopicView::new("metrics", 4, &[0, 1, 3], &sticky);
/// let next = || RoundRobinPartitioner.partition(&topic, &RecordView::default());
/// assert_eq!([next(), next(), next(), next()], [0, 1, 3, 0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoundRobinPartitioner;

impl Partitioner for RoundRobinPartitioner {
    fn partition(&self, topic: &TopicView<'_>, _record: &RecordView<'_>) -> i32 {
        topic.next_partition()
    }
}
