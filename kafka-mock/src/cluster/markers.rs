//! One marker at a time: written by the partition's leader, done when it is replicated.

use super::{
    Cluster, Defect, Now, TransactionOutcome,
    coordinator::partition_of,
    marker::Marker,
    transaction::Progress,
    transactions::{MARKER_RETRY, Step},
};

impl Cluster {
    /// Tries to write a marker, or looks whether it is replicated.
    pub(super) fn step_marker(
        &mut self,
        now: Now,
        topic: &str,
        index: i32,
        marker: &Marker,
        progress: Progress,
    ) -> Step {
        let aborts = marker.outcome == TransactionOutcome::Abort;
        if aborts && self.has_defect(Defect::ForgetAbortMarker) {
            return Step::Done;
        }
        let marker = match aborts && self.has_defect(Defect::CommitAborted) {
            true => Marker {
                outcome: TransactionOutcome::Commit,
                ..*marker
            },
            false => *marker,
        };
        let later = now.instant + MARKER_RETRY;
        let retry = Step::Again(Progress::Due(later), later);
        let Some(found) = self.topics.get_mut(topic) else {
            // The topic is deleted: no one can read it.
            return Step::Done;
        };
        let (topic_id, needed) = (found.id, found.in_sync_needed(index));
        let Some(partition) = found.partition_mut(index) else {
            return Step::Done;
        };
        if !partition.leader.is_some_and(|id| self.brokers.is_up(id)) {
            return retry;
        }
        if let Progress::Written {
            topic: written_to,
            offset,
            leader_epoch,
        } = progress
            && (written_to, leader_epoch) == (topic_id, partition.leader_epoch)
        {
            return match partition.high_watermark() > offset {
                true => Step::Done,
                false => Step::Again(progress, later),
            };
        }
        if partition.in_sync.len() < needed {
            return retry;
        }
        let known = partition.producers.epoch_of(marker.producer_id);
        if known.is_some_and(|known| known > marker.producer_epoch) {
            // The producer has a newer epoch: the marker would be too late.
            return Step::Done;
        }
        let offset = partition.append_marker(marker, now.wall_ms);
        let leader_epoch = partition.leader_epoch;
        self.replicate_appended(now, topic, index);
        let written = Progress::Written {
            topic: topic_id,
            offset,
            leader_epoch,
        };
        let found = self.topics.get(topic);
        let found = found.and_then(|topic| topic.partition(index));
        match found {
            Some(partition) if partition.high_watermark() <= offset => Step::Again(written, later),
            _ => Step::Done,
        }
    }

    /// Offsets of the transaction become visible, or are dropped.
    pub(super) fn settle_offsets(&mut self, partition: i32, marker: &Marker) -> Step {
        let outcome = match self.has_defect(Defect::ForgetOffsets) {
            true => TransactionOutcome::Abort,
            false => marker.outcome,
        };
        let groups = self.groups.iter_mut();
        for (_, group) in groups.filter(|(name, _)| partition_of(name) == partition) {
            group.offsets.settle(marker.producer_id, outcome);
        }
        Step::Done
    }
}
