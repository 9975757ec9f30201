//! The offsets of one group: committed ones, and those of transactions that have not ended.

use std::collections::BTreeMap;

use super::super::marker::TransactionOutcome;

/// An offset that a consumer group has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommittedOffset {
    /// The offset to go on with.
    pub offset: i64,
    /// Of the record before, or -1.
    pub leader_epoch: i32,
    /// What the consumer noted.
    pub metadata: String,
}

impl CommittedOffset {
    pub(in crate::cluster) fn new(offset: i64, leader_epoch: i32, metadata: String) -> Self {
        Self {
            offset,
            leader_epoch,
            metadata,
        }
    }
}

/// A topic, by name, and the number of a partition.
pub(in crate::cluster) type Place = (String, i32);

type Offsets = BTreeMap<Place, CommittedOffset>;

#[derive(Clone, Debug, Default)]
pub(in crate::cluster) struct GroupOffsets {
    committed: Offsets,
    /// By producer id, until the transaction ends.
    pending: BTreeMap<i64, Offsets>,
}

impl GroupOffsets {
    pub(in crate::cluster) fn get(&self, place: &Place) -> Option<&CommittedOffset> {
        self.committed.get(place)
    }

    /// All that is committed, by topic and partition.
    pub(in crate::cluster) fn iter(&self) -> impl Iterator<Item = (&Place, &CommittedOffset)> {
        self.committed.iter()
    }

    /// Whether a transaction that has not ended brought an offset for this partition.
    pub(in crate::cluster) fn is_unstable(&self, place: &Place) -> bool {
        self.pending
            .values()
            .any(|offsets| offsets.contains_key(place))
    }

    pub(in crate::cluster) fn commit(&mut self, place: Place, offset: CommittedOffset) {
        self.committed.insert(place, offset);
    }

    /// Keeps an offset until the producer's transaction ends.
    pub(in crate::cluster) fn keep(
        &mut self,
        producer_id: i64,
        place: Place,
        offset: CommittedOffset,
    ) {
        self.pending
            .entry(producer_id)
            .or_default()
            .insert(place, offset);
    }

    /// The producer's transaction has ended.
    pub(in crate::cluster) fn settle(&mut self, producer_id: i64, outcome: TransactionOutcome) {
        let Some(pending) = self.pending.remove(&producer_id) else {
            return;
        };
        if outcome == TransactionOutcome::Commit {
            self.committed.extend(pending);
        }
    }

    /// Forgets an offset, that of an open transaction too.
    pub(in crate::cluster) fn delete(&mut self, place: &Place) {
        self.committed.remove(place);
        for offsets in self.pending.values_mut() {
            offsets.remove(place);
        }
    }

    /// Forgets the offsets of a topic that is gone.
    pub(in crate::cluster) fn forget_topic(&mut self, topic: &str) {
        self.committed.retain(|(name, _), _| name != topic);
        for offsets in self.pending.values_mut() {
            offsets.retain(|(name, _), _| name != topic);
        }
    }
}
