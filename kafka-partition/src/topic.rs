//! What a partitioner is told: the topic as it stands now, and the record's bytes.
//!
//! Both are borrowed views, made for one call and free to make: the slice of available partitions
//! belongs to the caller's snapshot of the cluster, the state to its entry for the topic. Nothing
//! here is looked up by name.

use crate::StickyState;

/// A topic at the moment of choice.
///
/// ```
/// use kafka_partition::{StickyState, TopicView};
///
/// let sticky = StickyState::new(7);
/// let topic = TopicView::new("orders", 4, &[0, 2, 3], &sticky);
/// assert!(topic.is_available(2));
/// assert!(!topic.is_available(1)); // has no leader now
/// assert!(!topic.is_available(4)); // does not exist
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TopicView<'a> {
    /// The topic's name.
    pub name: &'a str,
    /// How many partitions the topic has; a topic that is known has at least one.
    pub partitions: u32,
    /// The partitions that have a leader, ascending, each below `partitions`; if empty, all count
    /// as candidates.
    pub available: &'a [i32],
    /// The topic's own memory of sticky choices and turns.
    pub sticky: &'a StickyState,
}

/// What a partitioner is told of a record: key and value as they will be sent, `None` for null.
///
/// ```
/// let tombstone = kafka_partition::Keyed { key: Some(b"customer-7"), value: None };
/// assert!(tombstone.value.is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keyed<'a> {
    /// The serialized key.
    pub key: Option<&'a [u8]>,
    /// The serialized value.
    pub value: Option<&'a [u8]>,
}

impl<'a> TopicView<'a> {
    /// Describes a topic; see the fields for what is expected of each.
    pub fn new(
        name: &'a str,
        partitions: u32,
        available: &'a [i32],
        sticky: &'a StickyState,
    ) -> Self {
        Self {
            name,
            partitions,
            available,
            sticky,
        }
    }

    /// Whether the partition exists and may be chosen now.
    pub fn is_available(&self, partition: i32) -> bool {
        let exists = u32::try_from(partition).is_ok_and(|index| index < self.partitions);
        exists && (self.all_are_candidates() || self.available.binary_search(&partition).is_ok())
    }

    /// The partition with the highest number.
    pub fn last_partition(&self) -> i32 {
        partition_number(self.partitions.saturating_sub(1))
    }

    /// How many partitions may be chosen now; at least one, so that it can be divided by.
    pub fn candidates(&self) -> u32 {
        if self.all_are_candidates() {
            self.partitions.max(1)
        } else {
            u32::try_from(self.available.len()).unwrap_or(u32::MAX)
        }
    }

    /// The candidate at `index`, which is below [`candidates`](Self::candidates) or wraps around.
    pub fn candidate(&self, index: u32) -> i32 {
        let index = index % self.candidates();
        if self.all_are_candidates() {
            partition_number(index)
        } else {
            self.available[index as usize]
        }
    }

    /// The place of a partition among the candidates.
    pub(crate) fn place_of(&self, partition: i32) -> Option<u32> {
        if self.all_are_candidates() {
            u32::try_from(partition)
                .ok()
                .filter(|&index| index < self.partitions)
        } else {
            let place = self.available.binary_search(&partition).ok()?;
            u32::try_from(place).ok()
        }
    }

    /// No leader anywhere means that none is better than another; so do leaders everywhere.
    fn all_are_candidates(&self) -> bool {
        self.available.is_empty() || self.available.len() == self.partitions as usize
    }
}

/// Kafka numbers partitions with an `i32`; a count beyond that cannot come from a broker.
pub(crate) fn partition_number(index: u32) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
