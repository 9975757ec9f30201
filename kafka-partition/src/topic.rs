//! What a partitioner is given: the topic as it is now, and the record's bytes.
//!
//! Both borrow what the caller has, for one call, and cost nothing to make. Nothing here is looked
//! up by name.

use crate::candidates::Candidates;
use crate::partition_number::partition_number;
use crate::sticky::StickyState;

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
    sticky: &'a StickyState,
}

/// What a partitioner is told of a record: key and value as they will be sent, `None` for null.
///
/// ```
/// let tombstone = kafka_partition::RecordView::new(Some(b"customer-7"), None);
/// assert!(tombstone.value.is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordView<'a> {
    /// The serialized key.
    pub key: Option<&'a [u8]>,
    /// The serialized value.
    pub value: Option<&'a [u8]>,
}

impl<'a> RecordView<'a> {
    /// A record with this key and this value.
    ///
    /// ```
    /// use kafka_partition::RecordView;
    ///
    /// let record = RecordView::new(Some(b"customer-7"), Some(b"tea"));
    /// assert_eq!(record.key, Some(&b"customer-7"[..]));
    /// assert_eq!(RecordView::new(None, None), RecordView::default());
    /// ```
    #[inline]
    pub const fn new(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        Self { key, value }
    }
}

impl<'a> TopicView<'a> {
    /// Describes a topic; see the fields for what is expected of each.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(7);
    /// let topic = TopicView::new("orders", 4, &[], &state);
    /// assert_eq!((topic.name, topic.partitions), ("orders", 4));
    /// ```
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
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(7);
    /// let topic = TopicView::new("orders", 4, &[0, 2], &state);
    /// assert!(topic.is_available(2) && !topic.is_available(3));
    /// ```
    pub fn is_available(&self, partition: i32) -> bool {
        self.choice().contains(partition)
    }

    /// The partition with the highest number.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(7);
    /// assert_eq!(TopicView::new("orders", 4, &[0, 2], &state).last_partition(), 3);
    /// ```
    pub fn last_partition(&self) -> i32 {
        partition_number(self.partitions.saturating_sub(1))
    }

    /// How many partitions may be chosen now; at least one, so that it can be divided by.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(7);
    /// assert_eq!(TopicView::new("orders", 4, &[0, 2], &state).candidates(), 2);
    /// assert_eq!(TopicView::new("orders", 4, &[], &state).candidates(), 4);
    /// ```
    pub fn candidates(&self) -> u32 {
        self.choice().count()
    }

    /// The candidate at `index`, which is below [`candidates`](Self::candidates) or wraps around.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(7);
    /// let topic = TopicView::new("orders", 4, &[0, 2], &state);
    /// assert_eq!([0, 1, 2].map(|index| topic.candidate(index)), [0, 2, 0]);
    /// ```
    pub fn candidate(&self, index: u32) -> i32 {
        self.choice().at(index)
    }

    /// The partition that this thread stays on; another at once if that one may not be chosen now.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(42);
    /// let topic = TopicView::new("orders", 6, &[1, 4], &state);
    /// let partition = topic.sticky_partition();
    /// assert!(partition == 1 || partition == 4);
    /// assert_eq!(topic.sticky_partition(), partition);
    ///
    /// topic.leave(partition);
    /// assert_eq!(topic.sticky_partition(), 5 - partition);
    /// ```
    #[inline]
    pub fn sticky_partition(&self) -> i32 {
        self.sticky.partition(self.choice())
    }

    /// Moves this thread on if it stays on `partition`: to another candidate, if there is one. If the
    /// candidates are not alike, it is chosen by their [weights](crate::Weights), and may be the same.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(7);
    /// let topic = TopicView::new("orders", 4, &[0, 2], &state);
    /// let left = topic.sticky_partition();
    /// topic.leave(left);
    /// assert_eq!(topic.sticky_partition(), 2 - left);
    /// topic.leave(left); // It is not there any more.
    /// assert_eq!(topic.sticky_partition(), 2 - left);
    /// ```
    pub fn leave(&self, partition: i32) {
        self.sticky.leave(self.choice(), partition);
    }

    /// The same, and returns where this thread stays now.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(42);
    /// let topic = TopicView::new("orders", 6, &[1, 4], &state);
    /// let partition = topic.sticky_partition();
    /// assert_eq!(topic.next_sticky_partition(partition), 5 - partition);
    /// ```
    pub fn next_sticky_partition(&self, partition: i32) -> i32 {
        self.leave(partition);
        self.sticky_partition()
    }

    /// The next partition of the round robin, which all threads share.
    ///
    /// ```
    /// use kafka_partition::{StickyState, TopicView};
    ///
    /// let state = StickyState::new(42);
    /// let topic = TopicView::new("orders", 6, &[1, 4], &state);
    /// assert_eq!([topic.next_partition(), topic.next_partition(), topic.next_partition()], [1, 4, 1]);
    /// ```
    pub fn next_partition(&self) -> i32 {
        self.candidate(self.sticky.next_turn())
    }

    #[inline]
    fn choice(&self) -> Candidates<'a> {
        Candidates::new(self.partitions, self.available)
    }
}
