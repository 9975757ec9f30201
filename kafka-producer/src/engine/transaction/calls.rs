//! What callers ask for around a transaction, and who waits for what.
//!
//! A caller waits until its call is done or its deadline has come; then the call goes on all the
//! same, and how it has ended can be asked for until the next transaction begins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use super::{Before, Echo, End, Membership, OffsetCommit, Owner, Phase, Transactions};
use crate::engine::Engine;
use crate::engine::handle::DeskState;
use crate::engine::notice::Notice;
use crate::error::{Misuse, TimedOut, TransactionError, WaitReason};
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};

/// What is asked of the engine; see the methods of the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionCall {
    /// Fence whoever used this `transactional.id` before, and get an id and epoch.
    Init,
    /// Take records; waits until the transaction before has ended.
    Begin,
    /// Commit these offsets of a consumer with the transaction.
    SendOffsets {
        /// Which; none is nothing to do.
        offsets: Vec<OffsetToCommit>,
        /// Whose.
        group: ConsumerGroupMetadata,
    },
    /// Make everything visible, together.
    Commit,
    /// Make nothing visible.
    Abort,
    /// Tell how the last transaction has ended, as soon as it has.
    Wait,
    /// Nobody holds the transaction any more: abort it, unless it is being committed.
    Abandon,
}

/// Where the outcome of a call is told.
pub(super) type Reply = oneshot::Sender<Result<(), TransactionError>>;

/// The calls that somebody may have to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Init,
    Begin,
    Commit,
    Abort,
    Wait,
}

impl Call {
    fn name(self) -> &'static str {
        match self {
            Self::Init => "init_transactions",
            Self::Begin => "begin_transaction",
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::Wait => "wait_for_transaction",
        }
    }
}

/// Somebody who waits for a call.
#[derive(Debug)]
pub(super) struct Caller {
    call: Call,
    deadline: Instant,
    reply: Reply,
}

impl Caller {
    pub(super) fn end(self, outcome: Result<(), TransactionError>, notices: &mut Vec<Notice>) {
        notices.push(Notice::answer(self.reply, outcome));
    }
}

impl OffsetCommit {
    pub(super) fn end(self, outcome: Result<(), TransactionError>, notices: &mut Vec<Notice>) {
        if let Some(reply) = self.reply {
            notices.push(Notice::answer(reply, outcome));
        }
    }
}

impl Transactions {
    /// Tells everybody who waits for `call`; how many they were.
    pub(super) fn tell(
        &mut self,
        call: Call,
        outcome: impl Fn() -> Result<(), TransactionError>,
        notices: &mut Vec<Notice>,
    ) -> usize {
        let waited = self
            .callers
            .extract_if(.., |caller| caller.call == call)
            .collect::<Vec<_>>();
        let listening = waited
            .iter()
            .filter(|caller| !caller.reply.is_canceled())
            .count();
        for caller in waited {
            caller.end(outcome(), notices);
        }
        listening
    }

    /// Whether somebody waits for the next transaction to begin.
    pub(super) fn is_awaited(&mut self, notices: &mut Vec<Notice>) -> bool {
        let gone = |caller: &mut Caller| caller.reply.is_canceled();
        for caller in self.callers.extract_if(.., gone) {
            caller.end(Err(TransactionError::Closed), notices);
        }
        self.callers.iter().any(|caller| caller.call == Call::Begin)
    }

    /// Tells the first of those who wait for `call` that it is done.
    pub(super) fn tell_one(&mut self, call: Call, notices: &mut Vec<Notice>) {
        let first = self.callers.iter().position(|caller| caller.call == call);
        if let Some(first) = first {
            self.callers.remove(first).end(Ok(()), notices);
        }
    }

    /// Lets go of those whose deadline has come; what they asked for goes on.
    pub(super) fn expire_callers(
        &mut self,
        now: Instant,
        limit: Duration,
        last: Option<&WaitReason>,
        notices: &mut Vec<Notice>,
    ) {
        let timed_out = |call| {
            let last = last.cloned();
            Err(TransactionError::TimedOut(TimedOut { call, limit, last }))
        };
        for caller in self.callers.extract_if(.., |caller| caller.deadline <= now) {
            let name = caller.call.name();
            caller.end(timed_out(name), notices);
        }
        for commit in &mut self.offsets {
            if commit.deadline <= now
                && let Some(reply) = commit.reply.take()
            {
                notices.push(Notice::answer(reply, timed_out("send_offsets")));
            }
        }
    }

    /// When to look again. The deadline of a caller may be over already: one who asked while the
    /// process stood still is told so at once.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let callers = self.callers.iter().map(|caller| caller.deadline);
        let offsets = self.offsets.iter().filter(|commit| commit.reply.is_some());
        let offsets = offsets.map(|commit| commit.deadline);
        let open = matches!(self.phase, Phase::Open | Phase::Ending(_));
        let expires = open.then(|| self.begun + self.settings.timeout);
        let pause = match self.request {
            super::RequestState::Free { not_before } => Some(not_before),
            super::RequestState::Asked => None,
        };
        let ahead = expires.into_iter().chain(pause).filter(|at| *at > now);
        callers.chain(offsets).chain(ahead).min()
    }

    /// Somebody waits for `call` until `deadline`.
    fn join(&mut self, call: Call, deadline: Instant, reply: Reply) {
        self.callers.push(Caller {
            call,
            deadline,
            reply,
        });
    }
}

/// What is done about a call.
enum Response {
    /// It is over.
    Told(Result<(), TransactionError>),
    /// Its caller waits for this.
    Waits(Call),
}

fn misused(misuse: Misuse) -> Response {
    Response::Told(Err(TransactionError::Misused(misuse)))
}

impl Engine {
    /// Sees to what a caller asks for; `reply` is told the outcome.
    pub(in crate::engine) fn transact(
        &mut self,
        call: TransactionCall,
        deadline: Instant,
        reply: Reply,
    ) {
        let response = match (self.cx.desk.state(), &self.transactions) {
            (DeskState::Failed(fatal), _) => Response::Told(Err(TransactionError::Fatal(fatal))),
            (_, None) => misused(Misuse::NotTransactional),
            (state, Some(_)) => match call {
                TransactionCall::SendOffsets { offsets, group } => {
                    return self.send_offsets(offsets, group, deadline, reply);
                }
                TransactionCall::Commit => self.commit(),
                TransactionCall::Abort => self.abort(),
                TransactionCall::Abandon => self.abandon(),
                TransactionCall::Wait => self.wait(),
                _ if matches!(state, DeskState::Closed) => {
                    Response::Told(Err(TransactionError::Closed))
                }
                TransactionCall::Init => self.init(),
                TransactionCall::Begin => self.begin(),
            },
        };
        match response {
            Response::Told(outcome) => self.cx.notices.push(Notice::answer(reply, outcome)),
            Response::Waits(call) => {
                if let Some(transactions) = &mut self.transactions {
                    transactions.join(call, deadline, reply);
                }
                if call == Call::Begin && self.is_ready() {
                    self.begin_for_next();
                }
                self.arm_transaction();
            }
        }
    }

    fn is_ready(&self) -> bool {
        let transactions = self.transactions.as_ref();
        transactions.is_some_and(|it| matches!(it.phase, Phase::Ready(_)))
    }

    /// The phase, and with it the right to change it.
    fn phase(&mut self) -> &mut Phase {
        // `transact` has seen that the producer is transactional.
        let transactions = self.transactions.as_mut();
        &mut transactions
            .expect("only called for transactional producers")
            .phase
    }

    fn init(&mut self) -> Response {
        match self.phase() {
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

    fn begin(&mut self) -> Response {
        match self.phase() {
            Phase::Uninitialized | Phase::Initializing => misused(Misuse::NotInitialized),
            Phase::Open | Phase::Doomed(_) => misused(Misuse::TransactionOpen),
            Phase::Ready(_) | Phase::Ending(_) | Phase::Renewing(_) => Response::Waits(Call::Begin),
        }
    }

    fn commit(&mut self) -> Response {
        match self.phase() {
            Phase::Open => {
                self.begin_ending(End::Commit, Owner::Present);
                Response::Waits(Call::Commit)
            }
            Phase::Doomed(why) => Response::Told(Err(TransactionError::Abortable(why.clone()))),
            _ => Response::Told(Err(self.no_transaction())),
        }
    }

    fn abort(&mut self) -> Response {
        match self.phase() {
            Phase::Open | Phase::Doomed(_) => {
                self.begin_ending(End::Abort, Owner::Present);
                Response::Waits(Call::Abort)
            }
            _ => Response::Told(Err(self.no_transaction())),
        }
    }

    fn wait(&mut self) -> Response {
        match self.phase() {
            Phase::Ending(_) | Phase::Renewing(Before::Transaction(_)) => {
                Response::Waits(Call::Wait)
            }
            Phase::Ready(Before::Transaction(outcome)) => {
                Response::Told(outcome.clone().map_err(TransactionError::Abortable))
            }
            Phase::Open | Phase::Doomed(_) => misused(Misuse::TransactionOpen),
            _ => Response::Told(Err(self.no_transaction())),
        }
    }

    fn abandon(&mut self) -> Response {
        match self.phase() {
            Phase::Open | Phase::Doomed(_) => self.begin_ending(End::Abort, Owner::Gone),
            Phase::Ending(ending) => ending.owner = Owner::Gone,
            Phase::Uninitialized | Phase::Initializing | Phase::Ready(_) | Phase::Renewing(_) => {}
        }
        Response::Told(Ok(()))
    }

    /// `close` may have ended it under its owner's hands.
    fn no_transaction(&self) -> TransactionError {
        match self.cx.desk.state() {
            DeskState::Closed => TransactionError::Closed,
            _ => TransactionError::Misused(Misuse::NoTransaction),
        }
    }

    fn send_offsets(
        &mut self,
        offsets: Vec<OffsetToCommit>,
        group: ConsumerGroupMetadata,
        deadline: Instant,
        reply: Reply,
    ) {
        let lengths = offsets.iter().map(OffsetToCommit::check_lengths);
        let lengths = lengths.fold(group.check_lengths(), Result::and);
        let refusal = match self.phase() {
            Phase::Open => lengths.err().map(TransactionError::Misused),
            Phase::Doomed(why) => Some(TransactionError::Abortable(why.clone())),
            _ => Some(self.no_transaction()),
        };
        let Some(transactions) = self.transactions.as_mut().filter(|_| refusal.is_none()) else {
            let refused = refusal.map_or(Ok(()), Err);
            self.cx.notices.push(Notice::answer(reply, refused));
            return;
        };
        if offsets.is_empty() {
            self.cx.notices.push(Notice::answer(reply, Ok(())));
            return;
        }
        let known = transactions.groups.entry(Arc::clone(&group.id));
        known.or_insert(Membership::Wanted);
        transactions.offsets.push_back(OffsetCommit {
            group,
            offsets,
            deadline,
            reply: Some(reply),
            echo: Echo::None,
        });
        self.arm_transaction();
    }
}
