//! The states of a transactional producer, as data. Nothing is decided here.
//!
//! ```text
//! Uninitialized ─init─▶ Initializing ─id, epoch─▶ Ready ─begin─▶ Open ─commit─▶ Ending(Commit)
//!
//! Initializing ──────────refused─▶ Uninitialized
//! Ready ─────────────────begin, and the cluster has moved to version 2─▶ Renewing
//! Open ──────────────────abort, dropped, closed─▶ Ending(Abort)
//! Open, Ending(Commit) ──failed─▶ AbortOnly ─abort, dropped, closed─▶ Ending(Abort)
//! Ending(Commit) ────────its coordinator does not have it─▶ Ending(Abort)
//! Ending ────────────────ended─▶ Ready
//! Ending ────────────────ended, and the epoch cannot be used any further─▶ Renewing
//! Renewing ──────────────next epoch─▶ Ready
//! all ───────────────────fatal, given up by `close`─▶ Uninitialized
//! ```

use std::time::Instant;

use super::ask::End;
use crate::engine::produce::lane_key::LaneKey;
use crate::error::AbortableError;

#[derive(Debug)]
pub(super) enum Phase {
    /// `init_transactions` was not called yet, or was refused.
    Uninitialized,
    /// Asking for an id and epoch. That aborts a transaction which an earlier producer left open.
    Initializing,
    /// No transaction is open.
    Ready(Before),
    /// A transaction is open, and takes records.
    Open { begun: Instant },
    /// The transaction can only be aborted.
    AbortOnly { why: AbortableError, begun: Instant },
    /// The transaction ends as soon as none of its batches and requests is in flight.
    Ending(Ending),
    /// The epoch cannot be used any further; asking for the next.
    Renewing(Before),
}

/// What was done last, and how it ended.
#[derive(Clone, Debug)]
pub(super) enum Before {
    /// `init_transactions`, whose caller has gone.
    InitializedUntold,
    /// `init_transactions`.
    Initialized,
    /// A transaction: the result that a caller gets who asks how it ended.
    Transaction(Result<(), AbortableError>),
}

#[derive(Debug)]
pub(super) struct Ending {
    pub(super) how: End,
    pub(super) owner: Owner,
    pub(super) health: Health,
    pub(super) batches: Batches,
    /// Whether the coordinator may have ended it, although no answer came.
    pub(super) stale: StaleRequest,
    pub(super) begun: Instant,
}

/// What is to be done about the batches of an ending transaction.
#[derive(Debug)]
pub(super) enum Batches {
    /// Some may not have been sent: a commit sends them now, an abort drops them.
    Pending,
    /// These lanes still had batches when they were last looked at.
    Awaited(Vec<LaneKey>),
}

/// Whether there is still a caller that would see a commit fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Present,
    Abandoned,
}

/// Whether an unanswered request may still reach its coordinator. In version 1 of the protocol it would
/// then act on the next transaction, if that has the same epoch: end it too early, or start one that is
/// never ended. KIP-890 fixes this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StaleRequest {
    None,
    Possible,
}

/// Whether something went wrong in a transaction: then its numbers may be wrong as well.
#[derive(Debug)]
pub(super) enum Health {
    Sound,
    Failed(AbortableError),
}

impl Health {
    /// The result for a caller that asks how the transaction ended.
    pub(super) fn outcome(&self) -> Result<(), AbortableError> {
        match self {
            Self::Sound => Ok(()),
            Self::Failed(why) => Err(why.clone()),
        }
    }
}

/// The partitions whose batches may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MaySend {
    /// All; those that are not in the transaction are added to it.
    All,
    /// Those that are in the transaction.
    Members,
    None,
}

impl Phase {
    pub(super) fn may_send(&self) -> MaySend {
        match self {
            Self::Open { .. } => MaySend::All,
            Self::Ending(ending) if ending.how == End::Commit => MaySend::All,
            Self::AbortOnly { .. } => MaySend::Members,
            _ => MaySend::None,
        }
    }

    /// Whether there is nothing that must be ended at a coordinator.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self, Self::Uninitialized | Self::Ready(_))
    }

    pub(super) fn ending(&self) -> Option<&Ending> {
        match self {
            Self::Ending(ending) => Some(ending),
            _ => None,
        }
    }

    pub(super) fn ending_mut(&mut self) -> Option<&mut Ending> {
        match self {
            Self::Ending(ending) => Some(ending),
            _ => None,
        }
    }

    /// The lanes whose batches the end of the transaction waits for.
    pub(super) fn awaited(&self) -> &[LaneKey] {
        match self.ending().map(|ending| &ending.batches) {
            Some(Batches::Awaited(lanes)) => lanes,
            Some(Batches::Pending) | None => &[],
        }
    }

    /// Whether every batch of the ending transaction has its outcome.
    pub(super) fn is_drained(&self) -> bool {
        let batches = self.ending().map(|ending| &ending.batches);
        matches!(batches, Some(Batches::Awaited(lanes)) if lanes.is_empty())
    }

    /// Forgets the awaited lanes that have no batches any more.
    pub(super) fn forget_drained(&mut self, has_batches: impl Fn(LaneKey) -> bool) {
        if let Some(ending) = self.ending_mut()
            && let Batches::Awaited(lanes) = &mut ending.batches
        {
            lanes.retain(|key| has_batches(*key));
        }
    }

    /// When the transaction began, if it can still be committed: `transaction.timeout.ms` counts from then.
    pub(super) fn may_expire(&self) -> Option<Instant> {
        match self {
            Self::Open { begun } => Some(*begun),
            Self::Ending(ending) if ending.how == End::Commit => Some(ending.begun),
            _ => None,
        }
    }

    /// When the open or ending transaction began.
    pub(super) fn begun(&self) -> Option<Instant> {
        match self {
            Self::Open { begun } => Some(*begun),
            Self::Ending(ending) => Some(ending.begun),
            _ => None,
        }
    }

    /// A request to end the transaction was sent, and got no answer.
    pub(super) fn end_unanswered(&mut self) {
        if let Some(ending) = self.ending_mut() {
            ending.stale = StaleRequest::Possible;
        }
    }

    /// Whether the coordinator may have committed it, although no answer came.
    pub(super) fn may_be_committed(&self) -> bool {
        let sent_before = |ending: &Ending| (ending.how, ending.stale);
        self.ending().map(sent_before) == Some((End::Commit, StaleRequest::Possible))
    }
}
