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
//!
//! Two-phase commit (KIP-939):
//!
//! ```text
//! Open ──────────────────prepare─▶ Preparing ─all is in the logs─▶ Prepared ─commit, abort─▶ Ending
//! Preparing ─────────────failed─▶ AbortOnly
//! Initializing(Keeping) ─what was prepared is kept─▶ Prepared ─complete─▶ Ending
//! Initializing(Keeping) ─nothing is kept─▶ Ready
//! Initializing(Keeping) ─its coordinator keeps nothing─▶ Initializing(Resuming) ─▶ Initializing(Completed)
//! Ending ────────────────its coordinator refuses our credentials, and it was prepared─▶ Prepared
//! Ending(Commit) ────────its coordinator refuses to commit it, and it was prepared─▶ Prepared
//! ```

use std::time::Instant;

use super::ask::End;
use crate::engine::produce::lane_key::LaneKey;
use crate::error::AbortableError;
use crate::prepared::{CompletedTxn, PreparedTxnState};

#[derive(Debug)]
pub(super) enum Phase {
    /// `init_transactions` was not called yet, or was refused.
    Uninitialized,
    /// Asking for an id and epoch.
    Initializing(Initialization),
    /// No transaction is open.
    Ready(Before),
    /// A transaction is open, and takes records.
    Open { begun: Instant },
    /// The transaction is prepared as soon as none of its batches and requests is in flight.
    Preparing(Ending),
    /// Everything of the transaction is in the logs. Its owner says how it ends, and nobody else.
    Prepared(PreparedTxnState),
    /// The transaction can only be aborted.
    AbortOnly { why: AbortableError, begun: Instant },
    /// The transaction ends as soon as none of its batches and requests is in flight.
    Ending(Ending),
    /// The epoch cannot be used any further; asking for the next.
    Renewing(Before),
}

/// What is done about a transaction which an earlier producer left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Initialization {
    /// It is aborted.
    Fresh,
    /// It is kept: committed if it is the one that was stored, aborted otherwise.
    Keeping,
    /// The coordinator keeps none over a new producer: the one that was stored is committed under its own id
    /// and epoch first.
    Resuming(PreparedTxnState),
    /// What was stored has ended so; what else is open is aborted.
    Completed(CompletedTxn),
}

/// What was done last, and how it ended.
#[derive(Clone, Debug)]
pub(super) enum Before {
    /// `complete_transaction`, whose caller has gone.
    CompletedUntold(CompletedTxn),
    /// `init_transactions`, whose caller has gone.
    InitializedUntold,
    /// `init_transactions`.
    Initialized,
    /// A transaction: the result that a caller gets who asks how it ended.
    Transaction(Result<(), AbortableError>),
    /// One that was prepared, and ended as its owner has said.
    Prepared(Fate),
}

/// What became of a transaction that this producer has prepared.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    pub(super) state: PreparedTxnState,
    pub(super) how: CompletedTxn,
    /// The result that a caller gets who asks how it ended.
    pub(super) outcome: Result<(), AbortableError>,
}

impl Before {
    /// The result that a caller gets who asks how the last transaction ended.
    pub(super) fn outcome(&self) -> Option<&Result<(), AbortableError>> {
        match self {
            Self::Transaction(outcome) | Self::Prepared(Fate { outcome, .. }) => Some(outcome),
            Self::CompletedUntold(_) | Self::InitializedUntold | Self::Initialized => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Ending {
    pub(super) how: End,
    pub(super) origin: Origin,
    pub(super) owner: Owner,
    pub(super) health: Health,
    pub(super) batches: Batches,
    /// Whether the coordinator may have ended it, although no answer came.
    pub(super) stale: StaleRequest,
    pub(super) begun: Instant,
}

/// What an ending transaction was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Open,
    Prepared(PreparedTxnState),
    /// Prepared, and ended by `complete_transaction`.
    Completing(PreparedTxnState),
}

impl Origin {
    /// What was prepared.
    pub(super) fn prepared(self) -> Option<PreparedTxnState> {
        match self {
            Self::Open => None,
            Self::Prepared(state) | Self::Completing(state) => Some(state),
        }
    }
}

impl Ending {
    /// Of a transaction some of whose batches may not have been sent.
    pub(super) fn of_open(how: End, owner: Owner, health: Health, begun: Instant) -> Self {
        Self {
            how,
            origin: Origin::Open,
            owner,
            health,
            batches: Batches::Pending,
            stale: StaleRequest::None,
            begun,
        }
    }

    /// Of a transaction all of whose batches have their outcomes.
    pub(super) fn of_prepared(how: End, origin: Origin, now: Instant) -> Self {
        Self {
            how,
            origin,
            // Nobody need let go of it, should it have to be aborted.
            owner: Owner::Abandoned,
            health: Health::Sound,
            batches: Batches::Awaited(Vec::new()),
            stale: StaleRequest::None,
            begun: now,
        }
    }

    /// What is told after the end: of a transaction that was prepared by a producer before this one, what
    /// became of it.
    pub(super) fn told(&self) -> Before {
        let outcome = self.health.outcome();
        let how = match (self.how, &outcome) {
            (End::Commit, Ok(())) => CompletedTxn::Committed,
            _ => CompletedTxn::NotOpen,
        };
        match self.origin {
            Origin::Open => Before::Transaction(outcome),
            Origin::Prepared(state) => Before::Prepared(Fate {
                state,
                how,
                outcome,
            }),
            Origin::Completing(_) => Before::CompletedUntold(how),
        }
    }
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
            Self::Open { .. } | Self::Preparing(_) => MaySend::All,
            Self::Ending(ending) if ending.how == End::Commit => MaySend::All,
            Self::AbortOnly { .. } => MaySend::Members,
            _ => MaySend::None,
        }
    }

    /// Whether there is nothing that must be ended at a coordinator.
    pub(super) fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Uninitialized | Self::Ready(_) | Self::Prepared(_)
        )
    }

    /// A prepared transaction whose owner has said how it ends: which, and what becomes or became of it.
    pub(super) fn decided(&self) -> Option<(PreparedTxnState, CompletedTxn)> {
        match self {
            Self::Ending(Ending {
                origin: Origin::Prepared(state),
                how,
                ..
            }) => Some(match how {
                End::Commit => (*state, CompletedTxn::Committed),
                End::Abort => (*state, CompletedTxn::NotOpen),
            }),
            Self::Ready(Before::Prepared(fate)) | Self::Renewing(Before::Prepared(fate)) => {
                Some((fate.state, fate.how))
            }
            _ => None,
        }
    }

    /// Whether `complete_transaction` is under way, or has ended and nobody was told.
    pub(super) fn completes(&self) -> bool {
        match self {
            Self::Initializing(initialization) => *initialization != Initialization::Fresh,
            Self::Ready(before) | Self::Renewing(before) => {
                matches!(before, Before::CompletedUntold(_))
            }
            Self::Ending(ending) => matches!(ending.origin, Origin::Completing(_)),
            _ => false,
        }
    }

    /// The transaction that ends, or is being prepared: either waits for its batches.
    pub(super) fn ending(&self) -> Option<&Ending> {
        match self {
            Self::Ending(ending) | Self::Preparing(ending) => Some(ending),
            _ => None,
        }
    }

    pub(super) fn ending_mut(&mut self) -> Option<&mut Ending> {
        match self {
            Self::Ending(ending) | Self::Preparing(ending) => Some(ending),
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
            Self::Preparing(ending) => Some(ending.begun),
            Self::Ending(ending) if ending.how == End::Commit => Some(ending.begun),
            _ => None,
        }
    }

    /// When the open or ending transaction began.
    pub(super) fn begun(&self) -> Option<Instant> {
        match self {
            Self::Open { begun } => Some(*begun),
            Self::Ending(ending) | Self::Preparing(ending) => Some(ending.begun),
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
