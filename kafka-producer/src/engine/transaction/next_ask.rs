//! Which request to send to a coordinator next: a pure function.

use std::sync::Arc;

use super::ask::Ask;
use super::membership::Members;
use super::offsets::Offsets;
use super::phase::{Ending, Initialization, Phase};
use crate::engine::produce::verdict::TransactionVersion;

/// The content of the open transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) version: TransactionVersion,
    pub(super) members: &'a Members,
    pub(super) offsets: &'a Offsets,
}

impl Content<'_> {
    /// The next request; `drained` if no batch is in flight.
    pub(super) fn next_ask(self, phase: &Phase, drained: bool) -> Option<Ask> {
        match phase {
            Phase::Uninitialized
            | Phase::Ready(_)
            | Phase::Prepared(_)
            | Phase::AbortOnly { .. } => None,
            Phase::Initializing(Initialization::Resuming(stored)) => Some(Ask::Resume(*stored)),
            Phase::Initializing(_) | Phase::Renewing(_) => Some(Ask::InitProducerId),
            Phase::Open { .. } | Phase::Preparing(_) => self.next_addition(),
            Phase::Ending(Ending { how, .. }) => {
                let end = drained.then_some(Ask::End(*how));
                self.next_addition().or(end)
            }
        }
    }

    /// The request for content that the coordinators do not have yet.
    pub(super) fn next_addition(self) -> Option<Ask> {
        if self.version == TransactionVersion::One
            && let Some(ask) = self.members.next_ask()
        {
            return Some(ask);
        }
        let commit = self.offsets.front()?;
        Some(Ask::CommitOffsets(Arc::clone(&commit.group.id)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_channel::oneshot;

    use super::super::ask::End;
    use super::super::offsets::OffsetCommit;
    use super::super::phase::{Batches, Health, Owner};
    use super::*;
    use crate::engine::produce::lane_key::LaneKey;
    use crate::group::ConsumerGroupMetadata;

    fn ending(how: End) -> Phase {
        Phase::Ending(Ending {
            batches: Batches::Awaited(Vec::new()),
            ..Ending::of_open(how, Owner::Present, Health::Sound, Instant::now())
        })
    }

    fn content(version: TransactionVersion, ask: impl Fn(Content<'_>)) {
        let (mut members, mut offsets) = (Members::default(), Offsets::default());
        members.want_partition(LaneKey::at(3).unwrap());
        offsets.push(OffsetCommit::new(
            ConsumerGroupMetadata::new("billing"),
            Vec::new(),
            Instant::now(),
            oneshot::channel().0,
        ));
        ask(Content {
            version,
            members: &members,
            offsets: &offsets,
        });
    }

    #[test]
    fn with_the_first_protocol_partitions_are_added_before_offsets_are_committed() {
        let begun = Instant::now();
        for (version, expected) in [
            (
                TransactionVersion::One,
                Ask::AddPartitions(vec![LaneKey::at(3).unwrap()]),
            ),
            (
                TransactionVersion::Two,
                Ask::CommitOffsets("billing".into()),
            ),
        ] {
            content(version, |content| {
                let next = content.next_ask(&Phase::Open { begun }, false);
                assert_eq!(next.as_ref(), Some(&expected));
                let next = content.next_ask(&ending(End::Commit), true);
                assert_eq!(next.as_ref(), Some(&expected));
            });
        }
    }

    #[test]
    fn the_end_is_asked_for_when_all_is_added_and_no_batch_is_on_its_way() {
        let (members, offsets) = (Members::default(), Offsets::default());
        let content = Content {
            version: TransactionVersion::One,
            members: &members,
            offsets: &offsets,
        };
        for how in [End::Commit, End::Abort] {
            assert_eq!(content.next_ask(&ending(how), false), None);
            assert_eq!(content.next_ask(&ending(how), true), Some(Ask::End(how)));
        }
    }
}
