//! What is known of one partition, and who waits for it, for people who ask.

use std::time::Instant;

use super::Metadata;
use crate::engine::produce::lane_key::LaneKey;

/// A partition as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its lane, if it was ever written to.
    pub(crate) lane: Option<LaneKey>,
    /// How many partitions of its topic callers may write to.
    pub(crate) partitions: i32,
    /// How many callers wait for it, or for its topic.
    pub(crate) sends: usize,
    /// Since when the first of them does.
    pub(crate) since: Option<Instant>,
}

impl Metadata {
    /// What is known of a partition; `None` if nobody writes to its topic.
    pub(crate) fn place(&self, topic: &str, partition: i32) -> Option<Place> {
        let entry = self.topics.get(topic)?;
        let index = usize::try_from(partition).ok();
        let known = entry.partitions().zip(index);
        let (sends, since) = entry.waiters().waiting_for(partition);
        Some(Place {
            lane: known.and_then(|(partitions, index)| partitions.lane(index)),
            partitions: entry.writable_partitions(),
            sends,
            since,
        })
    }
}
