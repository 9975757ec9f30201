//! Transactions without a coordinator: which call is allowed when, and how a transaction ends.
//!
//! ```text
//! Uninitialized ─init─▶ Ready ─begin─▶ Open ─commit─▶ Ready, or Committing while records are held ─▶ Ready
//!                         ▲             │ a record fails, or a send
//!                         └───abort─── AbortOnly
//! ```
//!
//! The rules are those of the engine (`engine/transaction/calls.rs`); what takes time there is done at once here,
//! or has timed out.

use std::time::Duration;

use crate::engine::{Transacted, TransactionCall};
use crate::error::{
    AbortableError, Misuse, NoTwoPhaseCommit, TimedOut, TransactionError, WaitReason,
};
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};
use crate::settings::TransactionSettings;

/// The transactions of one producer.
#[derive(Debug)]
pub(super) struct Transactions {
    two_phase_commit: bool,
    /// `max.block.ms`.
    max_block: Duration,
    phase: Phase,
    /// Of the open transaction.
    offsets: Vec<CommittedOffset>,
    /// Of those that were committed.
    committed: Vec<CommittedOffset>,
}

/// An offset, and whose it is.
pub(super) type CommittedOffset = (ConsumerGroupMetadata, OffsetToCommit);

#[derive(Debug)]
enum Phase {
    Uninitialized,
    /// How the one before has ended, if there was one.
    Ready(Option<Result<(), AbortableError>>),
    Open,
    AbortOnly(AbortableError),
    /// It is committed when no record is held any more.
    Committing,
}

/// What follows from a call or from an outcome for the records of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Ends {
    NotYet,
    Committed,
    /// Those that are held fail.
    Aborted,
}

type Outcome = Result<Transacted, TransactionError>;

impl Transactions {
    pub(super) fn new(settings: &TransactionSettings, max_block: Duration) -> Self {
        Self {
            two_phase_commit: settings.two_phase_commit,
            max_block,
            phase: Phase::Uninitialized,
            offsets: Vec::new(),
            committed: Vec::new(),
        }
    }

    /// Why the open transaction can only be aborted.
    pub(super) fn abort_reason(&self) -> Option<&AbortableError> {
        match &self.phase {
            Phase::AbortOnly(why) => Some(why),
            _ => None,
        }
    }

    pub(super) fn committed_offsets(&self) -> &[CommittedOffset] {
        &self.committed
    }

    /// Carries out a call while so many records are held.
    pub(super) fn call(&mut self, call: TransactionCall, held: usize) -> (Outcome, Ends) {
        let name = call.name();
        let outcome = match call {
            TransactionCall::Commit => return self.commit(name, held),
            TransactionCall::Abort => return self.abort(),
            TransactionCall::Abandon | TransactionCall::AbandonPrepare => {
                return (Ok(Transacted::Done), self.abandon());
            }
            TransactionCall::Init if self.two_phase_commit => {
                let why = NoTwoPhaseCommit::FirstProtocol;
                Err(TransactionError::NoTwoPhaseCommit(why))
            }
            TransactionCall::Init => self.init(),
            TransactionCall::Begin => self.begin(name),
            TransactionCall::SendOffsets { offsets, group } => self.send_offsets(offsets, &group),
            TransactionCall::Wait => self.wait(name),
            TransactionCall::Complete(_) | TransactionCall::Prepare if self.two_phase_commit => {
                let why = NoTwoPhaseCommit::FirstProtocol;
                Err(TransactionError::NoTwoPhaseCommit(why))
            }
            TransactionCall::Complete(_) | TransactionCall::Prepare => misused(Misuse::NotTwoPhase),
            TransactionCall::CommitPrepared(_) | TransactionCall::AbortPrepared(_) => {
                misused(Misuse::NotPrepared)
            }
        };
        (outcome, Ends::NotYet)
    }

    /// A record of the open transaction has failed, or was not accepted.
    pub(super) fn must_abort(&mut self, why: AbortableError) -> Ends {
        match self.phase {
            Phase::Open => self.phase = Phase::AbortOnly(why),
            Phase::Committing => return self.end(Err(why)),
            Phase::Uninitialized | Phase::Ready(_) | Phase::AbortOnly(_) => {}
        }
        Ends::NotYet
    }

    /// No record is held any more.
    pub(super) fn nothing_is_held(&mut self) -> Ends {
        match self.phase {
            Phase::Committing => self.end(Ok(())),
            _ => Ends::NotYet,
        }
    }

    /// The producer closes: what is open is aborted.
    pub(super) fn close(&mut self) -> Ends {
        self.abandon()
    }

    fn init(&mut self) -> Outcome {
        match self.phase {
            Phase::Uninitialized => {
                self.phase = Phase::Ready(None);
                Ok(Transacted::Done)
            }
            _ => misused(Misuse::AlreadyInitialized),
        }
    }

    fn begin(&mut self, name: &'static str) -> Outcome {
        match self.phase {
            Phase::Uninitialized => misused(Misuse::NotInitialized),
            Phase::Open | Phase::AbortOnly(_) => misused(Misuse::TransactionOpen),
            Phase::Committing => Err(self.timed_out(name)),
            Phase::Ready(_) => {
                self.phase = Phase::Open;
                Ok(Transacted::Done)
            }
        }
    }

    fn send_offsets(
        &mut self,
        offsets: Vec<OffsetToCommit>,
        group: &ConsumerGroupMetadata,
    ) -> Outcome {
        match &self.phase {
            Phase::Open => {
                let mut lengths = offsets.iter().map(OffsetToCommit::check_lengths);
                group
                    .check_lengths()
                    .and_then(|()| lengths.try_for_each(|checked| checked))
                    .map_err(TransactionError::Misused)?;
                let offsets = offsets.into_iter().map(|offset| (group.clone(), offset));
                self.offsets.extend(offsets);
                Ok(Transacted::Done)
            }
            Phase::AbortOnly(why) => Err(TransactionError::Abortable(why.clone())),
            _ => misused(Misuse::NoTransaction),
        }
    }

    fn commit(&mut self, name: &'static str, held: usize) -> (Outcome, Ends) {
        let refused = match &self.phase {
            Phase::Open if held == 0 => return (Ok(Transacted::Done), self.end(Ok(()))),
            Phase::Open => {
                self.phase = Phase::Committing;
                Err(self.timed_out(name))
            }
            Phase::AbortOnly(why) => Err(TransactionError::Abortable(why.clone())),
            _ => misused(Misuse::NoTransaction),
        };
        (refused, Ends::NotYet)
    }

    fn abort(&mut self) -> (Outcome, Ends) {
        match &self.phase {
            Phase::Open | Phase::AbortOnly(_) => {
                self.phase = Phase::Ready(Some(Ok(())));
                self.offsets.clear();
                (Ok(Transacted::Done), Ends::Aborted)
            }
            _ => (misused(Misuse::NoTransaction), Ends::NotYet),
        }
    }

    /// Nobody holds the transaction any more: it is aborted, unless it is being committed.
    fn abandon(&mut self) -> Ends {
        match &self.phase {
            Phase::Open => self.abort().1,
            Phase::AbortOnly(why) => {
                let why = why.clone();
                self.end(Err(why))
            }
            Phase::Uninitialized | Phase::Ready(_) | Phase::Committing => Ends::NotYet,
        }
    }

    fn wait(&self, name: &'static str) -> Outcome {
        match &self.phase {
            Phase::Committing => Err(self.timed_out(name)),
            Phase::Ready(Some(Ok(()))) => Ok(Transacted::Done),
            Phase::Ready(Some(Err(why))) => Err(TransactionError::Abortable(why.clone())),
            Phase::Open | Phase::AbortOnly(_) => misused(Misuse::TransactionOpen),
            Phase::Uninitialized | Phase::Ready(None) => misused(Misuse::NoTransaction),
        }
    }

    fn end(&mut self, how: Result<(), AbortableError>) -> Ends {
        let ends = match how {
            Ok(()) => {
                self.committed.append(&mut self.offsets);
                Ends::Committed
            }
            Err(_) => {
                self.offsets.clear();
                Ends::Aborted
            }
        };
        self.phase = Phase::Ready(Some(how));
        ends
    }

    /// What a call is told that waits for a record which is held.
    fn timed_out(&self, call: &'static str) -> TransactionError {
        TransactionError::TimedOut(TimedOut {
            call,
            limit: self.max_block,
            last: Some(WaitReason::Unanswered { request: "Produce" }),
        })
    }
}

fn misused(misuse: Misuse) -> Outcome {
    Err(TransactionError::Misused(misuse))
}
