//! The calls about transactions: in which phase each is allowed, and what it starts.

use std::time::Instant;

use super::ask::End;
use super::callers::{Call, Outcome, Reply};
use super::offsets::OffsetCommit;
use super::phase::{Before, Owner, Phase};
use super::transactional::Transactional;
use crate::engine::cluster::features::Features;
use crate::engine::context::Context;
use crate::engine::handle::{EngineState, TransactionCall};
use crate::engine::notice::Notice;
use crate::error::{Misuse, TransactionError};
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};

/// What is done about a call.
enum Response {
    /// It has ended.
    Told(Outcome),
    /// Its caller waits for this.
    Waits(Call),
}

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
            TransactionCall::Commit => self.commit(cx),
            TransactionCall::Abort => self.abort(cx),
            TransactionCall::Abandon => self.abandon(cx),
            TransactionCall::Wait => self.wait(cx),
            _ if closed => Response::Told(Err(TransactionError::Closed)),
            TransactionCall::Init => self.init(),
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
                *phase = Phase::Initializing;
                Response::Waits(Call::Init)
            }
            Phase::Initializing => Response::Waits(Call::Init),
            Phase::Ready(before @ Before::InitializedUntold) => {
                *before = Before::Initialized;
                Response::Told(Ok(()))
            }
            _ => misused(Misuse::AlreadyInitialized),
        }
    }

    fn begin(&self) -> Response {
        match &self.phase {
            Phase::Uninitialized | Phase::Initializing => misused(Misuse::NotInitialized),
            Phase::Open { .. } | Phase::AbortOnly { .. } => misused(Misuse::TransactionOpen),
            Phase::Ready(_) | Phase::Ending(_) | Phase::Renewing(_) => Response::Waits(Call::Begin),
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

    fn wait(&self, cx: &Context) -> Response {
        match &self.phase {
            Phase::Ending(_) | Phase::Renewing(Before::Transaction(_)) => {
                Response::Waits(Call::Wait)
            }
            Phase::Ready(Before::Transaction(outcome)) => {
                Response::Told(outcome.clone().map_err(TransactionError::Abortable))
            }
            Phase::Open { .. } | Phase::AbortOnly { .. } => misused(Misuse::TransactionOpen),
            _ => Response::Told(Err(no_transaction(cx))),
        }
    }

    fn abandon(&mut self, cx: &mut Context) -> Response {
        match &mut self.phase {
            Phase::Open { .. } | Phase::AbortOnly { .. } => {
                self.begin_ending(cx, End::Abort, Owner::Abandoned);
            }
            Phase::Ending(ending) => ending.owner = Owner::Abandoned,
            Phase::Uninitialized | Phase::Initializing | Phase::Ready(_) | Phase::Renewing(_) => {}
        }
        Response::Told(Ok(()))
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
            cx.notices.push(Notice::answer(reply, allowed));
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
    ) -> Outcome {
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
    match cx.handle.state() {
        EngineState::Closed => TransactionError::Closed,
        _ => TransactionError::Misused(Misuse::NoTransaction),
    }
}
