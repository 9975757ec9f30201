//! Which partitions and groups the open transaction has at its coordinator, as far as is known.
//!
//! In version 1 of the protocol, a partition or group is added at the coordinator before anything is sent
//! to it; in version 2, the batch or offsets themselves add it. If an answer is lost, it is unknown
//! whether something was added, and a later refusal does not change that: an unneeded end does no harm,
//! but without one a transaction stays open until it times out.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_wire::ErrorCode;

use super::ask::Ask;
use super::verdict::Verdict;
use crate::engine::produce::lane_key::LaneKey;

/// Whether something is in the transaction at its coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    /// It must be added, by a request of its own.
    Wanted,
    /// A request to add it is in flight, or was refused for now. In version 2: batches or offsets that
    /// would add it, all of which were refused.
    Tried,
    /// A request to add it got no answer. Whatever a later answer says, it may have been added.
    Unanswered,
    /// It was refused, but may have been added before: nothing more is sent to it, and it must be ended.
    Doubtful,
    /// It was added.
    Inside,
}

impl Membership {
    /// The state after an answer that asks to add it again.
    fn turned_away(self) -> Self {
        match self {
            Self::Wanted | Self::Tried => Self::Wanted,
            Self::Unanswered => Self::Unanswered,
            Self::Doubtful => Self::Doubtful,
            Self::Inside => Self::Inside,
        }
    }

    /// The state after a final refusal: it is not in the transaction, unless it may have been added before.
    fn refused(self) -> Option<Self> {
        match self {
            Self::Wanted | Self::Tried => None,
            Self::Unanswered | Self::Doubtful => Some(Self::Doubtful),
            Self::Inside => Some(Self::Inside),
        }
    }

    /// The state after an answer with this verdict.
    fn judged(self, verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Done => Some(Self::Inside),
            Verdict::Abortable => self.refused(),
            _ => Some(self.turned_away()),
        }
    }

    /// Whether it must be added by a request of its own.
    fn is_to_be_told(self) -> bool {
        matches!(self, Self::Wanted | Self::Tried | Self::Unanswered)
    }

    /// Whether the coordinator may have to end it.
    fn needs_end(self) -> bool {
        matches!(self, Self::Doubtful | Self::Inside)
    }
}

/// Whether this code, in the answer of a leader or of a group's coordinator, means that nothing was
/// added. No other code tells: a leader that got no answer from the coordinator may say that it is not
/// available, or that it is loading.
fn is_turned_away(code: ErrorCode) -> bool {
    code == ErrorCode::CONCURRENT_TRANSACTIONS
}

/// The partitions and consumer groups of the open transaction.
#[derive(Debug, Default)]
pub(super) struct Members {
    partitions: BTreeMap<LaneKey, Membership>,
    groups: BTreeMap<Arc<str>, Membership>,
    kept: Kept,
}

/// Whether the transaction is that of an earlier producer, whose partitions and groups are not known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kept {
    #[default]
    No,
    Yes,
}

impl Members {
    pub(super) fn partition(&self, key: LaneKey) -> Option<Membership> {
        self.partitions.get(&key).copied()
    }

    /// Whether the coordinator may know of the transaction.
    pub(super) fn need_end(&self) -> bool {
        let mut all = self.partitions.values().chain(self.groups.values());
        self.kept == Kept::Yes || all.any(|membership| membership.needs_end())
    }

    /// The transaction is that of an earlier producer: its coordinator knows what is in it.
    pub(super) fn note_kept(&mut self) {
        self.kept = Kept::Yes;
    }

    /// What must be added next by a request of its own.
    pub(super) fn next_ask(&self) -> Option<Ask> {
        let outside = |membership: &Membership| membership.is_to_be_told();
        let partitions = self.partitions.iter().filter(|(_, it)| outside(it));
        let partitions: Vec<LaneKey> = partitions.map(|(key, _)| *key).collect();
        if !partitions.is_empty() {
            return Some(Ask::AddPartitions(partitions));
        }
        let (group, _) = self.groups.iter().find(|(_, it)| outside(it))?;
        Some(Ask::AddOffsets(Arc::clone(group)))
    }

    /// The partition must be added before anything is sent to it.
    pub(super) fn want_partition(&mut self, key: LaneKey) {
        self.partitions.entry(key).or_insert(Membership::Wanted);
    }

    /// A batch for the partition is about to be sent, which adds it.
    pub(super) fn add_partition_by_batch(&mut self, key: LaneKey) {
        self.partitions.insert(key, Membership::Tried);
    }

    /// The group must be added before its offsets are committed.
    pub(super) fn want_group(&mut self, group: &Arc<str>) {
        let known = self.groups.entry(Arc::clone(group));
        known.or_insert(Membership::Wanted);
    }

    /// The answer to a batch that adds its partition.
    pub(super) fn batch_answered(&mut self, key: LaneKey, code: ErrorCode) {
        if !is_turned_away(code)
            && let Some(membership) = self.partitions.get_mut(&key)
        {
            *membership = Membership::Inside;
        }
    }

    /// The answer to offsets that add their group.
    pub(super) fn offsets_answered(&mut self, group: &Arc<str>, code: ErrorCode) {
        if !is_turned_away(code)
            && let Some(membership) = self.groups.get_mut(group)
        {
            *membership = Membership::Inside;
        }
    }

    /// The answer to the request to add this partition. If the answer does not mention it, it may have been
    /// added.
    pub(super) fn partition_judged(&mut self, key: LaneKey, verdict: Verdict, code: ErrorCode) {
        let Some(membership) = self.partitions.remove(&key) else {
            return;
        };
        let silent = code == ErrorCode::NETWORK_EXCEPTION;
        let known = match verdict {
            Verdict::Done | Verdict::Abortable => membership.judged(verdict),
            _ if silent => Some(Membership::Unanswered),
            _ => membership.judged(verdict),
        };
        self.partitions.extend(known.map(|known| (key, known)));
    }

    /// The request to add this group was answered.
    pub(super) fn group_judged(&mut self, group: &Arc<str>, verdict: Verdict) {
        if let Some(membership) = self.groups.remove(group) {
            let known = membership.judged(verdict);
            let known = known.map(|known| (Arc::clone(group), known));
            self.groups.extend(known);
        }
    }

    /// A request that adds it was sent: it may be added from now on.
    pub(super) fn asked(&mut self, ask: &Ask) {
        self.change(ask, |membership| match membership {
            Membership::Wanted => Membership::Tried,
            known => known,
        });
    }

    /// A request that adds it will get no answer.
    pub(super) fn unanswered(&mut self, ask: &Ask) {
        self.change(ask, |membership| match membership {
            Membership::Tried => Membership::Unanswered,
            known => known,
        });
    }

    fn change(&mut self, ask: &Ask, change: fn(Membership) -> Membership) {
        let change = |membership: &mut Membership| *membership = change(*membership);
        match ask {
            Ask::AddPartitions(keys) => {
                for key in keys {
                    self.partitions.entry(*key).and_modify(change);
                }
            }
            Ask::AddOffsets(group) | Ask::CommitOffsets(group) => {
                self.groups.entry(Arc::clone(group)).and_modify(change);
            }
            Ask::FindCoordinator(_) | Ask::InitProducerId | Ask::Resume(_) | Ask::End(_) => {}
        }
    }

    /// Forgets what was never sent to be added.
    pub(super) fn forget_untried(&mut self) {
        let tried = |membership: &Membership| *membership != Membership::Wanted;
        self.partitions.retain(|_, membership| tried(membership));
        self.groups.retain(|_, membership| tried(membership));
    }

    /// The transaction has ended: forgets everything.
    pub(super) fn clear(&mut self) {
        self.partitions.clear();
        self.groups.clear();
        self.kept = Kept::No;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(index: usize) -> LaneKey {
        LaneKey::at(index).unwrap()
    }

    fn wanted(key: LaneKey) -> (Members, Ask) {
        let mut members = Members::default();
        members.want_partition(key);
        let ask = members.next_ask().unwrap();
        assert_eq!(ask, Ask::AddPartitions(vec![key]));
        members.asked(&ask);
        (members, ask)
    }

    #[test]
    fn partitions_are_added_together_and_before_groups() {
        let mut members = Members::default();
        members.want_group(&"billing".into());
        members.want_partition(lane(7));
        members.want_partition(lane(3));
        assert_eq!(
            members.next_ask(),
            Some(Ask::AddPartitions(vec![lane(3), lane(7)]))
        );
        for key in [lane(3), lane(7)] {
            members.partition_judged(key, Verdict::Done, ErrorCode::NONE);
        }
        assert_eq!(members.next_ask(), Some(Ask::AddOffsets("billing".into())));
        members.group_judged(&"billing".into(), Verdict::Done);
        assert_eq!(members.next_ask(), None);
    }

    #[test]
    fn what_is_refused_needs_an_end_only_if_an_earlier_answer_was_lost() {
        let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        let (mut members, _) = wanted(lane(3));
        members.partition_judged(lane(3), Verdict::Abortable, refused);
        assert_eq!(
            (members.partition(lane(3)), members.need_end()),
            (None, false)
        );

        let (mut members, ask) = wanted(lane(3));
        members.unanswered(&ask);
        members.partition_judged(lane(3), Verdict::Abortable, refused);
        assert_eq!(members.partition(lane(3)), Some(Membership::Doubtful));
        assert!(members.need_end());
        assert_eq!(members.next_ask(), None);
    }

    #[test]
    fn what_was_never_tried_is_forgotten_and_what_was_is_not() {
        let (mut members, _) = wanted(lane(3));
        members.want_partition(lane(4));
        members.forget_untried();
        assert_eq!(members.partition(lane(3)), Some(Membership::Tried));
        assert_eq!(members.partition(lane(4)), None);
    }

    #[test]
    fn a_batch_adds_its_partition_unless_the_coordinator_surely_did_not() {
        for (code, expected) in [
            (ErrorCode::NONE, Membership::Inside),
            (ErrorCode::NETWORK_EXCEPTION, Membership::Inside),
            (ErrorCode::CONCURRENT_TRANSACTIONS, Membership::Tried),
        ] {
            let mut members = Members::default();
            members.add_partition_by_batch(lane(3));
            members.batch_answered(lane(3), code);
            assert_eq!(members.partition(lane(3)), Some(expected), "{code}");
        }
    }
}
