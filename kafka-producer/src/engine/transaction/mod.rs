//! Transactions: what belongs to the open one, and how it ends (KIP-98, KIP-447, KIP-890).
//!
//! One request to a coordinator is on its way at a time; batches of partitions that are in the
//! transaction already never wait for it. What must happen outside (a request, unsent batches) is
//! returned as data: the answer to [`Transactions::next_step`], or the [`FollowUp`] of an answer.
//!
//! What each file is, is in the table of `ARCHITECTURE.md`.

pub(crate) mod answers;
pub(crate) mod ask;
mod callers;
mod calls;
mod coordinators;
mod membership;
mod next_ask;
mod next_epoch;
mod offsets;
mod phase;
mod request_slot;
pub(crate) mod requests;
pub(crate) mod steps;
mod transactional;
mod verdict;

use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;
use kafka_wire::ErrorCode;

use crate::engine::cluster::features::Features;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::handle::{EngineState, TransactionCall};
use crate::engine::identity::Identity;
use crate::engine::notice::Notice;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::verdict::TransactionVersion;
use crate::error::{AbortableError, AuthenticationError, Misuse, TransactionError, WaitReason};
use crate::settings::TransactionSettings;
use answers::{Answer, FollowUp};
use ask::{Ask, Role};
use membership::Membership;
use phase::Batches;
use steps::Step;
use transactional::Transactional;

/// The transactions of one producer. Of one that is not transactional there are none: nothing is ever
/// in their way, and nothing follows from them.
#[derive(Debug)]
pub(crate) struct Transactions(Option<Box<Transactional>>);

impl Transactions {
    pub(crate) fn new(settings: Option<TransactionSettings>, now: Instant) -> Self {
        Self(settings.map(|settings| Box::new(Transactional::new(settings, now))))
    }
}

/// What is known.
impl Transactions {
    /// Whether this producer is transactional.
    pub(crate) fn are_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// `transactional.id`.
    pub(crate) fn id(&self) -> Option<&Arc<str>> {
        self.0.as_ref().map(|it| &it.settings.id)
    }

    /// The protocol that the open transaction follows.
    pub(crate) fn version(&self) -> Option<TransactionVersion> {
        self.0.as_ref().map(|it| it.version)
    }

    /// Whether the producer may end: nothing is open that a coordinator should be told of.
    pub(crate) fn are_settled(&self) -> bool {
        self.0.as_ref().is_none_or(|it| it.phase.is_settled())
    }

    /// Who coordinates the transactions, if that is known.
    pub(crate) fn coordinator(&self) -> Option<NodeId> {
        self.0.as_ref()?.coordinators.of(&Role::Transactions)
    }

    /// What kept a coordinator from going on, if nothing has since.
    pub(crate) fn obstacle(&self) -> Option<WaitReason> {
        self.0.as_ref()?.request.obstacle()
    }

    /// The lanes whose batches the end of the transaction waits for.
    pub(crate) fn awaited(&self) -> &[LaneKey] {
        self.0.as_ref().map_or(&[], |it| it.phase.awaited())
    }

    /// Whether no coordinator has to be told of this partition before it is written to.
    pub(crate) fn is_told_of(&self, key: LaneKey) -> bool {
        self.0.as_ref().is_none_or(|it| {
            it.version == TransactionVersion::Two
                || it.members.partition(key) == Some(Membership::Inside)
        })
    }

    /// Whether the open transaction may ask about this lane.
    pub(crate) fn refers_to(&self, key: LaneKey) -> bool {
        self.0.as_ref().is_some_and(|it| {
            it.phase.awaited().contains(&key) || it.members.partition(key).is_some()
        })
    }

    /// When a close at `now` without a deadline gives up telling the coordinator that a transaction is
    /// over: it will have noticed by itself.
    pub(crate) fn close_deadline(&self, cx: &Context) -> Option<Instant> {
        let timeout = self.0.as_ref()?.settings.timeout;
        (cx.now + cx.settings.delivery_timeout).checked_add(timeout)
    }
}

/// What happens to batches.
impl Transactions {
    /// Adds a partition to the transaction if it may be and `has_batch`; returns whether that batch may
    /// leave its queue.
    pub(crate) fn maybe_add_partition(
        &mut self,
        key: LaneKey,
        has_batch: impl FnOnce() -> bool,
    ) -> bool {
        match &mut self.0 {
            Some(it) => it.maybe_add_partition(key, has_batch),
            None => true,
        }
    }

    /// A leader has answered, or not, a batch for this partition; with the second protocol it has
    /// asked the coordinator to add it.
    pub(crate) fn batch_answered(&mut self, key: LaneKey, code: ErrorCode) {
        if let Some(it) = &mut self.0
            && it.version == TransactionVersion::Two
        {
            it.members.batch_answered(key, code);
        }
    }

    /// A record of the open transaction has failed: it can only be aborted now.
    pub(crate) fn must_abort(&mut self, cx: &mut Context, why: impl FnOnce() -> AbortableError) {
        if let Some(it) = &mut self.0 {
            it.must_abort(cx, why);
        }
    }
}

/// What callers ask for, and what becomes due. Follow each by [`Transactions::ending_step`].
impl Transactions {
    /// Does what a caller asks for, or begins to; `reply` is told the outcome.
    pub(crate) fn call(
        &mut self,
        cx: &mut Context,
        features: Features,
        call: TransactionCall,
        deadline: Instant,
        reply: oneshot::Sender<Result<(), TransactionError>>,
    ) {
        let refused = match (&mut self.0, cx.handle.state()) {
            (_, EngineState::Failed(fatal)) => TransactionError::Fatal(fatal),
            (None, _) => TransactionError::Misused(Misuse::NotTransactional),
            (Some(it), _) => return it.call(cx, features, call, deadline, reply),
        };
        cx.notices.push(Notice::answer(reply, Err(refused)));
    }

    /// A deadline of a caller, of a pause or of the transaction has come; `last` is what is in the way.
    pub(crate) fn due(&mut self, cx: &mut Context, last: Option<WaitReason>) {
        if let Some(it) = &mut self.0 {
            it.due(cx, last);
        }
    }

    /// `close` was called: the open transaction is aborted, one that is being committed goes on.
    pub(crate) fn close(&mut self, cx: &mut Context) {
        if let Some(it) = &mut self.0 {
            it.close(cx);
        }
    }

    /// Nobody will be told of a transaction any more but this.
    pub(crate) fn give_up(&mut self, cx: &mut Context, why: impl Fn() -> TransactionError) {
        if let Some(it) = &mut self.0 {
            it.give_up(cx, why);
        }
    }
}

/// What is to be done outside, and what has become of it.
impl Transactions {
    /// What has to be done at once about the batches of a transaction that has just begun to end.
    pub(crate) fn ending_step(&self) -> Step {
        self.0.as_ref().map_or(Step::Nothing, |it| it.ending_step())
    }

    /// What has to be done next.
    pub(crate) fn next_step(
        &mut self,
        cx: &mut Context,
        nodes: &Nodes,
        lanes: &mut Lanes,
        identity: &mut Identity,
        features: Features,
    ) -> Step {
        match &mut self.0 {
            Some(it) => it.next_step(cx, nodes, lanes, identity, features),
            None => Step::Nothing,
        }
    }

    /// A step has seen to what was not sent; these lanes have batches still, and the end waits for them.
    pub(crate) fn await_batches(&mut self, lanes: Vec<LaneKey>) {
        let it = self.0.as_mut();
        if let Some(ending) = it.and_then(|it| it.phase.ending_mut()) {
            ending.batches = Batches::Awaited(lanes);
        }
    }

    /// This is being sent.
    pub(crate) fn asked(&mut self, ask: &Ask) {
        if let Some(it) = &mut self.0 {
            it.request.occupy();
            it.members.asked(ask);
        }
    }

    /// A request was answered; what follows outside is returned.
    pub(crate) fn answered(
        &mut self,
        cx: &mut Context,
        lanes: &mut Lanes,
        identity: &mut Identity,
        features: Features,
        answer: Answer,
    ) -> FollowUp {
        match &mut self.0 {
            Some(it) => it.answered(cx, lanes, identity, features, answer),
            None => FollowUp::Nothing,
        }
    }

    /// A request will not be answered.
    pub(crate) fn unanswered(&mut self, cx: &mut Context, ask: &Ask) {
        if let Some(it) = &mut self.0 {
            it.unanswered(cx, ask);
        }
    }

    /// A coordinator does not let us in, or nobody does who could tell which broker that is.
    pub(crate) fn keep_out(&mut self, cx: &mut Context, why: &AuthenticationError) {
        if let Some(it) = &mut self.0 {
            it.keep_out(cx, why);
        }
    }

    /// A broker is gone, and with it whatever it coordinated.
    pub(crate) fn forget_coordinator(&mut self, lost: NodeId) {
        if let Some(it) = &mut self.0 {
            it.coordinators.forget_node(lost);
        }
    }
}
