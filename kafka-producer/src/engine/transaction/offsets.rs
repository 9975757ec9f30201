//! Offsets to be committed with the transaction, in the order of the calls.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use kafka_wire::ErrorCode;
use kafka_wire::messages::txn_offset_commit::TxnOffsetCommitResponseTopic;

use super::ask::RequestKind;
use super::callers::{Outcome, Reply};
use super::phase::StaleRequest;
use super::verdict::{Verdict, verdict};
use crate::engine::handle::Transacted;
use crate::engine::notice::Notice;
use crate::error::TransactionError;
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};

/// Offsets of one call.
#[derive(Debug)]
pub(super) struct OffsetCommit {
    pub(super) group: ConsumerGroupMetadata,
    /// Those that no answer has confirmed yet.
    pub(super) offsets: Vec<OffsetToCommit>,
    deadline: Instant,
    reply: Option<Reply>,
    stale: StaleRequest,
}

impl OffsetCommit {
    pub(super) fn new(
        group: ConsumerGroupMetadata,
        offsets: Vec<OffsetToCommit>,
        deadline: Instant,
        reply: Reply,
    ) -> Self {
        Self {
            group,
            offsets,
            deadline,
            reply: Some(reply),
            stale: StaleRequest::None,
        }
    }

    fn end(self, outcome: Outcome, notices: &mut Vec<Notice>) {
        if let Some(reply) = self.reply {
            notices.push(Notice::answer(reply, outcome));
        }
    }

    /// Removes the confirmed offsets, and returns the code that counts for all.
    fn answered(&mut self, topics: &[TxnOffsetCommitResponseTopic]) -> ErrorCode {
        let mut codes = Vec::with_capacity(self.offsets.len());
        self.offsets.retain(|offset| {
            let partitions = topics.iter().filter(|topic| *topic.name == *offset.topic);
            let mut partitions = partitions.flat_map(|topic| &topic.partitions);
            let told = partitions.find(|told| told.partition_index == offset.partition);
            let code = told.map_or(ErrorCode::NETWORK_EXCEPTION, |told| told.error_code);
            codes.push(code);
            verdict(RequestKind::CommitOffsets, code) != Verdict::Done
        });
        worst(codes)
    }
}

/// The offsets of all calls that are not finished.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    commits: VecDeque<OffsetCommit>,
    /// Groups whose offsets were sent again because no answer came at first. The first request may still
    /// arrive, and after the offsets of a later call it would set the group back.
    repeated: BTreeSet<Arc<str>>,
}

impl Offsets {
    pub(super) fn push(&mut self, commit: OffsetCommit) {
        self.commits.push_back(commit);
    }

    /// The call that is in flight, or next.
    pub(super) fn front(&self) -> Option<&OffsetCommit> {
        self.commits.front()
    }

    /// Whether offsets of an earlier call may still reach this group after those of the next call.
    pub(super) fn may_be_set_back(&self, group: &Arc<str>) -> bool {
        self.repeated.contains(group)
    }

    /// The offsets that were sent will not be answered.
    pub(super) fn unanswered(&mut self) {
        if let Some(commit) = self.commits.front_mut() {
            commit.stale = StaleRequest::Possible;
        }
    }

    /// The offsets that were sent are answered; those that were refused are sent again. If the call has
    /// ended, because the transaction is being aborted, the group may still have been added to it. Returns
    /// the code that counts for all.
    pub(super) fn answered(
        &mut self,
        topics: &[TxnOffsetCommitResponseTopic],
        notices: &mut Vec<Notice>,
    ) -> ErrorCode {
        let Some(commit) = self.commits.front_mut() else {
            let told = topics.iter().flat_map(|topic| &topic.partitions);
            return worst(told.map(|told| told.error_code));
        };
        let code = commit.answered(topics);
        if commit.offsets.is_empty()
            && let Some(done) = self.commits.pop_front()
        {
            if done.stale == StaleRequest::Possible {
                self.repeated.insert(Arc::clone(&done.group.id));
            }
            done.end(Ok(Transacted::Done), notices);
        }
        code
    }

    /// Ends all calls.
    pub(super) fn end_all(
        &mut self,
        why: impl Fn() -> TransactionError,
        notices: &mut Vec<Notice>,
    ) {
        for commit in self.commits.drain(..) {
            commit.end(Err(why()), notices);
        }
    }

    /// Ends the wait of all callers; what they asked for stays.
    pub(super) fn tell_all(&mut self, outcome: impl Fn() -> Outcome, notices: &mut Vec<Notice>) {
        let replies = self.commits.iter_mut().filter_map(|it| it.reply.take());
        notices.extend(replies.map(|reply| Notice::answer(reply, outcome())));
    }

    /// Ends the wait of callers whose deadline has passed; their offsets are still sent.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        outcome: impl Fn(&'static str) -> Outcome,
        notices: &mut Vec<Notice>,
    ) {
        for commit in &mut self.commits {
            if commit.deadline <= now
                && let Some(reply) = commit.reply.take()
            {
                notices.push(Notice::answer(reply, outcome("send_offsets")));
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let waited_for = self.commits.iter().filter(|commit| commit.reply.is_some());
        waited_for.map(|commit| commit.deadline).min()
    }

    /// The transaction has ended: a late request of it cannot affect the offsets of the next.
    pub(super) fn forget_repeated(&mut self) {
        self.repeated.clear();
    }
}

/// Of the codes of an answer about offsets, the one that counts for all.
fn worst(codes: impl IntoIterator<Item = ErrorCode>) -> ErrorCode {
    let rank = |code: &ErrorCode| verdict(RequestKind::CommitOffsets, *code).rank(*code);
    codes
        .into_iter()
        .max_by_key(rank)
        .unwrap_or(ErrorCode::NONE)
}

#[cfg(test)]
mod tests {
    use futures_channel::oneshot;
    use kafka_wire::messages::txn_offset_commit::TxnOffsetCommitResponsePartition;

    use super::*;

    fn commit(partitions: &[i32]) -> OffsetCommit {
        let offset = |partition: &i32| OffsetToCommit::new("orders", *partition, 7);
        OffsetCommit::new(
            ConsumerGroupMetadata::new("billing"),
            partitions.iter().map(offset).collect(),
            Instant::now(),
            oneshot::channel().0,
        )
    }

    fn told(codes: &[(i32, ErrorCode)]) -> [TxnOffsetCommitResponseTopic; 1] {
        let partitions = codes.iter().map(|&(partition_index, error_code)| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(partition_index)
                .with_error_code(error_code)
        });
        [TxnOffsetCommitResponseTopic::default()
            .with_name("orders".to_owned())
            .with_partitions(partitions.collect())]
    }

    #[test]
    fn offsets_that_were_taken_are_not_sent_again() {
        let mut offsets = Offsets::default();
        offsets.push(commit(&[0, 1, 2]));
        let loading = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
        let topics = told(&[(0, ErrorCode::NONE), (1, loading), (2, ErrorCode::NONE)]);
        let mut notices = Vec::new();
        assert_eq!(offsets.answered(&topics, &mut notices), loading);
        let left = &offsets.front().unwrap().offsets;
        assert_eq!((left.len(), left[0].partition, notices.len()), (1, 1, 0));

        let topics = told(&[(1, ErrorCode::NONE)]);
        assert_eq!(offsets.answered(&topics, &mut notices), ErrorCode::NONE);
        assert!(offsets.front().is_none());
        assert_eq!(notices.len(), 1);
    }

    #[test]
    fn a_group_may_be_set_back_once_an_answer_was_lost_and_until_the_transaction_is_over() {
        let group: Arc<str> = "billing".into();
        for lost in [false, true] {
            let mut offsets = Offsets::default();
            offsets.push(commit(&[0]));
            if lost {
                offsets.unanswered();
            }
            offsets.answered(&told(&[(0, ErrorCode::NONE)]), &mut Vec::new());
            assert_eq!(offsets.may_be_set_back(&group), lost);
            offsets.forget_repeated();
            assert!(!offsets.may_be_set_back(&group));
        }
    }
}
