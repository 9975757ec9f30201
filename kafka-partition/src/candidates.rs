//! The partitions of a topic that may be chosen now, by their place among each other.

use crate::partition_number::partition_number;

/// Those with a leader; all of a topic's partitions if none has one, or each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidates<'a> {
    partitions: u32,
    available: &'a [i32],
}

impl<'a> Candidates<'a> {
    /// `available` is ascending, each below `partitions`.
    pub(crate) fn new(partitions: u32, available: &'a [i32]) -> Self {
        Self {
            partitions,
            available,
        }
    }

    pub(crate) fn contains(&self, partition: i32) -> bool {
        let exists = u32::try_from(partition).is_ok_and(|index| index < self.partitions);
        exists && (self.are_all() || self.available.binary_search(&partition).is_ok())
    }

    /// How many there are; at least one, so that it can be divided by.
    pub(crate) fn count(&self) -> u32 {
        if self.are_all() {
            self.partitions.max(1)
        } else {
            u32::try_from(self.available.len()).unwrap_or(u32::MAX)
        }
    }

    /// The one at `index`, which wraps around at their [`count`](Self::count).
    pub(crate) fn at(&self, index: u32) -> i32 {
        let index = index % self.count();
        if self.are_all() {
            partition_number(index)
        } else {
            self.available[index as usize]
        }
    }

    /// The index of a partition among them.
    pub(crate) fn index_of(&self, partition: i32) -> Option<u32> {
        if self.are_all() {
            u32::try_from(partition)
                .ok()
                .filter(|&index| index < self.partitions)
        } else {
            let index = self.available.binary_search(&partition).ok()?;
            u32::try_from(index).ok()
        }
    }

    /// If no partition has a leader, none is better than another; the same if each has one.
    fn are_all(&self) -> bool {
        self.available.is_empty() || self.available.len() == self.partitions as usize
    }
}
