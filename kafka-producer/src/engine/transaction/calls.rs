//! The calls about transactions: in which phase each is allowed, and what it starts.

use std::time::Instant;

use super::ask::End;
use super::callers::{Call, Outcome, Reply};
use super::offsets::OffsetCommit;
use super::phase::{Before, Ending, Health, Initialization, Origin, Owner, Phase};
use super::transactional::Transactional;
use crate::engine::cluster::features::Features;
use crate::engine::context::Context;
use crate::engine::handle::{EngineState, Transacted, TransactionCall};
use crate::engine::notice::Notice;
use crate::error::{Misuse, TransactionError};
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};
use crate::prepared::{CompletedTxn, PreparedTxnState};

/// What is done about a call.
enum Response {
    /// It has ended.
    Told(Outcome),
    /// Its caller waits for this.
    Waits(Call),
}

const DONE: Response = Response::Told(Ok(Transacted::Done));

fn misused(misuse: Misuse) -> Response {
    Response::Told(Err(TransactionError::Misused(misuse)))
}

impl Transactional {
    /// Carries out a call, or starts to; the outcome goes to `reply`.
    pub(super) fn call(
        &mut self,
        cx: &mut Context,
        features: Features,
        call: TransactionCall,
        deadline: Instant,
        reply: Reply,
    ) {
        let name = call.name();
        let closed = matches!(cx.handle.state(), EngineState::Closed);
        let response = match call {
            TransactionCall::SendOffsets { offsets, group } => {
                return self.send_offsets(cx, offsets, group, deadline, reply);
            }
            TransactionCall::Prepare => self.prepare(cx),
            TransactionCall::Commit => self.commit(cx),
            TransactionCall::Abort => self.abort(cx),
            TransactionCall::CommitPrepared(state) => self.end_this(cx, End::Commit, state),
            TransactionCall::AbortPrepared(state) => self.end_this(cx, End::Abort, state),
            TransactionCall::Abandon => self.abandon(cx),
            TransactionCall::AbandonPrepare => self.abandon_prepare(cx),
            TransactionCall::Wait => self.wait(cx),
            _ if closed => Response::Told(Err(TransactionError::Closed)),
            TransactionCall::Init => self.init(),
            TransactionCall::Complete(stored) => self.complete(cx, stored),
            TransactionCall::Begin => self.begin(),
        };
        match response {
            Response::Told(outcome) => cx.notices.push(Notice::answer(reply, outcome)),
            Response::Waits(call) => {
                self.callers.join(call, name, deadline, reply);
                if call == Call::Begin {
                    self.begin_if_awaited(cx, features);
                }
                self.arm(cx);
            }
        }
    }

    fn init(&mut self) -> Response {
        match &mut self.phase {
            phase @ Phase::Uninitialized => {
                *phase = Phase::Initializing(Initialization::Fresh);
                Response::Waits(Call::Init)
            }
            Phase::Initializing(Initialization::Fresh) => Response::Waits(Call::Init),
            Phase::Ready(before @ Before::InitializedUntold) => {
                *before = Before::Initialized;
                DONE
            }
            _ => misused(Misuse::AlreadyInitialized),
        }
    }

    fn complete(&mut self, cx: &mut Context, stored: Option<PreparedTxnState>) -> Response {
        if !self.settings.two_phase_commit {
            return misused(Misuse::NotTwoPhase);
        }
        if let Some(response) = self.complete_decided(stored) {
            return response;
        }
        let is_same = self.stored == stored;
        match &mut self.phase {
            Phase::Uninitialized => {
                self.phase = Phase::Initializing(Initialization::Keeping);
            }
            // Nothing was decided yet: what was read last counts.
            Phase::Initializing(Initialization::Keeping) if is_same => {}
            Phase::Initializing(Initialization::Keeping) => {
                let replaced = || Err(TransactionError::Misused(Misuse::OtherStored));
                self.callers.tell(Call::Complete, replaced, &mut cx.notices);
            }
            Phase::Prepared(prepared) => {
                let prepared = *prepared;
                self.stored = stored;
                self.complete_prepared(cx, prepared);
            }
            Phase::Ready(before @ Before::CompletedUntold(_)) if is_same => {
                let told = std::mem::replace(before, Before::Initialized);
                if let Before::CompletedUntold(how) = told {
                    return Response::Told(Ok(Transacted::Completed(how)));
                }
            }
            phase if !phase.completes() => return misused(Misuse::AlreadyInitialized),
            // The call before, which nobody waits for any more, goes on.
            _ if is_same => {}
            _ => return misused(Misuse::OtherStored),
        }
        self.stored = stored;
        Response::Waits(Call::Complete)
    }

    /// Whoever cannot tell what became of a commit or an abort asks for it to be completed: what was said before
    /// counts, unless that commits what is not stored.
    fn complete_decided(&self, stored: Option<PreparedTxnState>) -> Option<Response> {
        let (state, how) = self.phase.decided()?;
        if how == CompletedTxn::Committed && stored != Some(state) {
            return None;
        }
        Some(match self.phase {
            Phase::Ready(_) => Response::Told(Ok(Transacted::Completed(how))),
            _ => Response::Waits(Call::Complete),
        })
    }

    fn begin(&self) -> Response {
        match &self.phase {
            Phase::Uninitialized | Phase::Initializing(_) => misused(Misuse::NotInitialized),
            Phase::Open { .. } | Phase::Preparing(_) | Phase::AbortOnly { .. } => {
                misused(Misuse::TransactionOpen)
            }
            Phase::Prepared(_) => misused(Misuse::TransactionPrepared),
            Phase::Ready(_) | Phase::Ending(_) | Phase::Renewing(_) => Response::Waits(Call::Begin),
        }
    }

    fn prepare(&mut self, cx: &Context) -> Response {
        match &self.phase {
            _ if !self.settings.two_phase_commit => misused(Misuse::NotTwoPhase),
            Phase::Open { begun } => {
                let (owner, health) = (Owner::Present, Health::Sound);
                let ending = Ending::of_open(End::Commit, owner, health, *begun);
                self.phase = Phase::Preparing(ending);
                Response::Waits(Call::Prepare)
            }
            Phase::AbortOnly { why, .. } => {
                Response::Told(Err(TransactionError::Abortable(why.clone())))
            }
            _ => Response::Told(Err(no_transaction(cx))),
        }
    }

    fn commit(&mut self, cx: &mut Context) -> Response {
        match &self.phase {
            Phase::Open { .. } => {
                self.begin_ending(cx, End::Commit, Owner::Present);
                Response::Waits(Call::Commit)
            }
            Phase::AbortOnly { why, .. } => {
                Response::Told(Err(TransactionError::Abortable(why.clone())))
            }
            _ => Response::Told(Err(no_transaction(cx))),
        }
    }

    fn abort(&mut self, cx: &mut Context) -> Response {
        match &self.phase {
            Phase::Open { .. } | Phase::AbortOnly { .. } => {
                self.begin_ending(cx, End::Abort, Owner::Present);
                Response::Waits(Call::Abort)
            }
            _ => Response::Told(Err(no_transaction(cx))),
        }
    }

    /// Ends what is prepared, if it is this: another may have been prepared, or begun, since.
    fn end_this(&mut self, cx: &Context, how: End, state: PreparedTxnState) -> Response {
        match self.phase {
            Phase::Prepared(prepared) if prepared == state => {
                self.end_prepared(cx, how, Origin::Prepared(state));
                Response::Waits(match how {
                    End::Commit => Call::Commit,
                    End::Abort => Call::Abort,
                })
            }
            _ => Response::Told(Err(unless_closed(cx, Misuse::NotPrepared))),
        }
    }

    fn wait(&self, cx: &Context) -> Response {
        match &self.phase {
            Phase::Ending(_) => Response::Waits(Call::Wait),
            Phase::Renewing(before) if before.outcome().is_some() => Response::Waits(Call::Wait),
            Phase::Ready(before) => match before.outcome().cloned() {
                Some(Ok(())) => DONE,
                Some(Err(why)) => Response::Told(Err(TransactionError::Abortable(why))),
                None => Response::Told(Err(no_transaction(cx))),
            },
            Phase::Open { .. } | Phase::Preparing(_) | Phase::AbortOnly { .. } => {
                misused(Misuse::TransactionOpen)
            }
            Phase::Prepared(_) => misused(Misuse::TransactionPrepared),
            _ => Response::Told(Err(no_transaction(cx))),
        }
    }

    fn abandon(&mut self, cx: &mut Context) -> Response {
        match &mut self.phase {
            Phase::Open { .. } | Phase::Preparing(_) | Phase::AbortOnly { .. } => {
                self.begin_ending(cx, End::Abort, Owner::Abandoned);
            }
            Phase::Ending(ending) => ending.owner = Owner::Abandoned,
            Phase::Uninitialized
            | Phase::Initializing(_)
            | Phase::Ready(_)
            | Phase::Prepared(_)
            | Phase::Renewing(_) => {}
        }
        DONE
    }

    /// Whoever let the transaction be prepared has not heard of it.
    fn abandon_prepare(&mut self, cx: &mut Context) -> Response {
        if let Phase::Prepared(state) = self.phase {
            self.end_prepared(cx, End::Abort, Origin::Prepared(state));
        }
        self.abandon(cx)
    }

    fn send_offsets(
        &mut self,
        cx: &mut Context,
        offsets: Vec<OffsetToCommit>,
        group: ConsumerGroupMetadata,
        deadline: Instant,
        reply: Reply,
    ) {
        let allowed = self.may_send_offsets(cx, &offsets, &group);
        if allowed.is_err() || offsets.is_empty() {
            let told = allowed.map(|()| Transacted::Done);
            cx.notices.push(Notice::answer(reply, told));
            return;
        }
        self.members.want_group(&group.id);
        let commit = OffsetCommit::new(group, offsets, deadline, reply);
        self.offsets.push(commit);
        self.arm(cx);
    }

    fn may_send_offsets(
        &self,
        cx: &Context,
        offsets: &[OffsetToCommit],
        group: &ConsumerGroupMetadata,
    ) -> Result<(), TransactionError> {
        let mut lengths = offsets.iter().map(OffsetToCommit::check_lengths);
        match &self.phase {
            Phase::Open { .. } => group
                .check_lengths()
                .and_then(|()| lengths.try_for_each(|checked| checked))
                .map_err(TransactionError::Misused),
            Phase::AbortOnly { why, .. } => Err(TransactionError::Abortable(why.clone())),
            _ => Err(no_transaction(cx)),
        }
    }
}

/// `close` may have ended the transaction while its caller still uses it.
fn no_transaction(cx: &Context) -> TransactionError {
    unless_closed(cx, Misuse::NoTransaction)
}

fn unless_closed(cx: &Context, misuse: Misuse) -> TransactionError {
    match cx.handle.state() {
        EngineState::Closed => TransactionError::Closed,
        _ => TransactionError::Misused(misuse),
    }
}
