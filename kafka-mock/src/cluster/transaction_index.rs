//! Which transactions of a partition were aborted, and which are decided but not replicated.
//!
//! Readers of committed records stop at the first transaction that is open, and skip those that
//! were aborted. A marker counts when it is below the high watermark.

use super::{marker::Marker, marker::TransactionOutcome};

/// The transactions of one partition that have a marker.
#[derive(Clone, Debug, Default)]
pub(super) struct TransactionIndex {
    /// In the order of their markers.
    aborted: Vec<CompletedTransaction>,
    /// Those whose marker may not be replicated yet, in the order of their markers.
    unreplicated: Vec<CompletedTransaction>,
}

/// A transaction with a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CompletedTransaction {
    pub(super) producer_id: i64,
    pub(super) first_offset: i64,
    pub(super) marker_offset: i64,
}

impl TransactionIndex {
    /// Notes a marker at `offset`, of a transaction that began at `began`, if it wrote anything.
    pub(super) fn note(&mut self, marker: &Marker, began: Option<i64>, offset: i64) {
        let Some(first_offset) = began else {
            return;
        };
        let decided = CompletedTransaction {
            producer_id: marker.producer_id,
            first_offset,
            marker_offset: offset,
        };
        if marker.outcome == TransactionOutcome::Abort {
            self.aborted.push(decided);
        }
        self.unreplicated.push(decided);
    }

    /// Where the first transaction begins whose marker is not below the high watermark.
    pub(super) fn first_undecided(&self, high_watermark: i64) -> Option<i64> {
        let undecided = self.unreplicated.iter();
        let undecided = undecided.filter(|it| it.marker_offset >= high_watermark);
        undecided.map(|it| it.first_offset).min()
    }

    /// The high watermark has passed these markers.
    pub(super) fn forget_before(&mut self, high_watermark: i64) {
        self.unreplicated
            .retain(|it| it.marker_offset >= high_watermark);
    }

    /// The aborted transactions that reach into the offsets from `first` to before `end`.
    pub(super) fn aborted_in(
        &self,
        first: i64,
        end: i64,
    ) -> impl Iterator<Item = CompletedTransaction> {
        let aborted = self.aborted.iter().copied();
        aborted.filter(move |it| it.marker_offset >= first && it.first_offset < end)
    }
}
