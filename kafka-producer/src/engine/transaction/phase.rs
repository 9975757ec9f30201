//! Where a producer is between two transactions: states as data. Nothing is decided here.
//!
//! ```text
//! Uninitialized ─init─▶ Initializing ─id, epoch─▶ Ready ─begin─▶ Open ─commit─▶ Ending(Commit)
//!
//! Initializing ──────────refused─▶ Uninitialized
//! Ready ─────────────────begin, and the cluster has moved to version 2─▶ Renewing
//! Open ──────────────────abort, nobody holds it, closed─▶ Ending(Abort)
//! Open, Ending(Commit) ──failed─▶ AbortOnly ─abort, nobody holds it, closed─▶ Ending(Abort)
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
    /// Asking for an id and epoch, which ends whatever an earlier producer of this name left open.
    Initializing,
    /// No transaction is open.
    Ready(Before),
    /// Records are taken.
    Open { begun: Instant },
    /// It can only be aborted.
    AbortOnly { why: AbortableError, begun: Instant },
    /// To be ended as soon as nothing of it is on its way.
    Ending(Ending),
    /// The epoch cannot be used any further; asking for the next.
    Renewing(Before),
}

/// What came before.
#[derive(Clone, Debug)]
pub(super) enum Before {
    /// The beginning, of which nobody was told who waited for it.
    InitializedUntold,
    /// The beginning.
    Initialized,
    /// A transaction: what is told whoever asks how it has ended.
    Transaction(Result<(), AbortableError>),
}

#[derive(Debug)]
pub(super) struct Ending {
    pub(super) how: End,
    pub(super) owner: Owner,
    pub(super) health: Health,
    pub(super) batches: Batches,
    /// Whether the coordinator may have done it and not said so.
    pub(super) stale: StaleRequest,
    pub(super) begun: Instant,
}

/// What is to be done about the batches of an ending transaction.
#[derive(Debug)]
pub(super) enum Batches {
    /// Those that were not sent: a commit sends them now, an abort drops them.
    Pending,
    /// Those of these lanes are waited for; the lanes that had some when they were last looked at.
    Awaited(Vec<LaneKey>),
}

/// Whether anybody could still be told that a commit has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Present,
    Abandoned,
}

/// Whether a request that nobody answered may still come to its coordinator. With the first protocol
/// one of the transaction would do its work for the next, if that has the same epoch: end it half-way,
/// or begin one that nobody ends. These are the flaws that KIP-890 mends.
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
    /// What is told whoever asks how the transaction has ended.
    pub(super) fn outcome(&self) -> Result<(), AbortableError> {
        match self {
            Self::Sound => Ok(()),
            Self::Failed(why) => Err(why.clone()),
        }
    }
}

/// For which partitions batches may leave their queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MaySend {
    /// For all; those that are not in the transaction are added to it.
    All,
    /// For those that are in the transaction.
    Members,
    /// For none.
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

    /// Whether nothing is open that a coordinator should be told of.
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

    /// When the transaction was begun that `transaction.timeout.ms` is counted for: one that could
    /// still be committed.
    pub(super) fn may_expire(&self) -> Option<Instant> {
        match self {
            Self::Open { begun } => Some(*begun),
            Self::Ending(ending) if ending.how == End::Commit => Some(ending.begun),
            _ => None,
        }
    }

    /// When the transaction was begun that is open or ending.
    pub(super) fn begun(&self) -> Option<Instant> {
        match self {
            Self::Open { begun } => Some(*begun),
            Self::Ending(ending) => Some(ending.begun),
            _ => None,
        }
    }

    /// The coordinator was told of the end, and has not said what became of it.
    pub(super) fn end_unanswered(&mut self) {
        if let Some(ending) = self.ending_mut() {
            ending.stale = StaleRequest::Possible;
        }
    }

    /// Whether the coordinator may have committed it and not said so.
    pub(super) fn may_be_committed(&self) -> bool {
        let sent_before = |ending: &Ending| (ending.how, ending.stale);
        self.ending().map(sent_before) == Some((End::Commit, StaleRequest::Possible))
    }
}
