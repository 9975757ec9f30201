//! Transactions (KIP-98, KIP-447, KIP-890).
//!
//! At most one request to a coordinator is in flight. Batches for partitions that are in the transaction
//! already never wait for it. What the engine must do (send a request, flush or drop batches) is returned
//! as data, by [`Transactions::next_step`] and as the [`FollowUp`] of an answer.
//!
//! A table in `ARCHITECTURE.md` describes the files.

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
mod two_phase;
mod verdict;

use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;
use kafka_wire::ErrorCode;

use crate::engine::cluster::features::Features;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::handle::{EngineState, Transacted, TransactionCall};
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

/// The transactions of one producer. `None` if it is not transactional: then nothing is ever held up,
/// and there is never anything to do.
#[derive(Debug)]
pub(crate) struct Transactions(Option<Box<Transactional>>);

impl Transactions {
    pub(crate) fn new(settings: Option<TransactionSettings>, now: Instant) -> Self {
        Self(settings.map(|settings| Box::new(Transactional::new(settings, now))))
    }
}

/// Queries.
impl Transactions {
    /// Whether this producer is transactional.
    pub(crate) fn are_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// `transactional.id`.
    pub(crate) fn id(&self) -> Option<&Arc<str>> {
        self.0.as_ref().map(|it| &it.settings.id)
    }

    /// The version of the protocol that the open transaction follows.
    pub(crate) fn version(&self) -> Option<TransactionVersion> {
        self.0.as_ref().map(|it| it.version)
    }

    /// Whether there is nothing that must be ended at a coordinator, so that the producer may stop.
    pub(crate) fn are_settled(&self) -> bool {
        self.0.as_ref().is_none_or(|it| it.phase.is_settled())
    }

    /// The coordinator of the transactions, if it is known.
    pub(crate) fn coordinator(&self) -> Option<NodeId> {
        self.0.as_ref()?.coordinators.of(&Role::Transactions)
    }

    /// Why the last request did not succeed, if none has succeeded since.
    pub(crate) fn obstacle(&self) -> Option<WaitReason> {
        self.0.as_ref()?.request.obstacle()
    }

    /// The lanes whose batches the end of the transaction waits for.
    pub(crate) fn awaited(&self) -> &[LaneKey] {
        self.0.as_ref().map_or(&[], |it| it.phase.awaited())
    }

    /// Whether this partition need not be added at the coordinator before it is written to.
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

    /// When a `close` without a deadline, called now, stops trying to end the transaction: by then the
    /// coordinator has aborted it.
    pub(crate) fn close_deadline(&self, cx: &Context) -> Option<Instant> {
        let timeout = self.0.as_ref()?.settings.timeout;
        (cx.now + cx.settings.delivery_timeout).checked_add(timeout)
    }
}

/// Batches.
impl Transactions {
    /// Adds a partition to the transaction if that is allowed and it `has_batch`. Returns whether that batch
    /// may leave its queue.
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

    /// A batch for this partition was answered, or will not be. In version 2 the leader has asked the
    /// coordinator to add the partition.
    pub(crate) fn batch_answered(&mut self, key: LaneKey, code: ErrorCode) {
        if let Some(it) = &mut self.0
            && it.version == TransactionVersion::Two
        {
            it.members.batch_answered(key, code);
        }
    }

    /// A record of the open transaction has failed, so that it can only be aborted.
    pub(crate) fn must_abort(&mut self, cx: &mut Context, why: impl FnOnce() -> AbortableError) {
        if let Some(it) = &mut self.0 {
            it.must_abort(cx, why);
        }
    }
}

/// Calls and deadlines. Follow each by [`Transactions::ending_step`].
impl Transactions {
    /// Carries out a call, or starts to; the outcome goes to `reply`.
    pub(crate) fn call(
        &mut self,
        cx: &mut Context,
        features: Features,
        call: TransactionCall,
        deadline: Instant,
        reply: oneshot::Sender<Result<Transacted, TransactionError>>,
    ) {
        let refused = match (&mut self.0, cx.handle.state()) {
            (_, EngineState::Failed(fatal)) => TransactionError::Fatal(fatal),
            (None, _) => TransactionError::Misused(Misuse::NotTransactional),
            (Some(it), _) => return it.call(cx, features, call, deadline, reply),
        };
        cx.notices.push(Notice::answer(reply, Err(refused)));
    }

    /// The deadline of a caller, of a pause or of the transaction has passed; `last` is what went wrong.
    pub(crate) fn due(&mut self, cx: &mut Context, last: Option<WaitReason>) {
        if let Some(it) = &mut self.0 {
            it.due(cx, last);
        }
    }

    /// `close` was called: aborts an open transaction; a commit that has started goes on.
    pub(crate) fn close(&mut self, cx: &mut Context) {
        if let Some(it) = &mut self.0 {
            it.close(cx);
        }
    }

    /// Ends everything: all callers get this error.
    pub(crate) fn give_up(&mut self, cx: &mut Context, why: impl Fn() -> TransactionError) {
        if let Some(it) = &mut self.0 {
            it.give_up(cx, why);
        }
    }
}

/// What the engine must do, and the results.
impl Transactions {
    /// What to do at once with the batches of a transaction that has started to end.
    pub(crate) fn ending_step(&self) -> Step {
        self.0.as_ref().map_or(Step::Nothing, |it| it.ending_step())
    }

    /// What to do next.
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

    /// Unsent batches were flushed or dropped; the end waits for these lanes, which still have batches.
    pub(crate) fn await_batches(&mut self, lanes: Vec<LaneKey>) {
        let it = self.0.as_mut();
        if let Some(ending) = it.and_then(|it| it.phase.ending_mut()) {
            ending.batches = Batches::Awaited(lanes);
        }
    }

    /// This request was sent.
    pub(crate) fn asked(&mut self, ask: &Ask) {
        if let Some(it) = &mut self.0 {
            it.request.occupy();
            it.members.asked(ask);
        }
    }

    /// A request was answered. Returns what the engine must do.
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

    /// A coordinator refuses our credentials, or every broker does that could tell which one it is.
    pub(crate) fn authentication_failed(&mut self, cx: &mut Context, why: &AuthenticationError) {
        if let Some(it) = &mut self.0 {
            it.authentication_failed(cx, why);
        }
    }

    /// The connection to this broker is lost: find again what it coordinated.
    pub(crate) fn forget_coordinator(&mut self, lost: NodeId) {
        if let Some(it) = &mut self.0 {
            it.coordinators.forget_node(lost);
        }
    }
}
