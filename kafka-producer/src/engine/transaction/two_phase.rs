//! Two-phase commit (KIP-939): how a transaction is prepared, and how one that was is completed, also for a producer
//! that has come to an end.
//!
//! A prepared transaction has all its records in the logs. It ends as its owner says, never by itself: its coordinator
//! does not let it time out, and here nothing aborts it. A commit that is refused leaves it prepared, unless its
//! coordinator does not have it any more.

use kafka_wire::messages::InitProducerIdRequest;
use kafka_wire::{ErrorCode, Request};

use super::ask::{End, Role};
use super::callers::Call;
use super::phase::{Ending, Initialization, Origin, Phase};
use super::requests::FIRST_WITH_TWO_PHASE;
use super::transactional::Transactional;
use crate::engine::cluster::features::Features;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::handle::Transacted;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::produce::verdict::TransactionVersion;
use crate::error::{AbortableError, Misuse, NoTwoPhaseCommit, TransactionError};
use crate::prepared::{CompletedTxn, PreparedTxnState};

/// Preparing.
impl Transactional {
    /// The transaction is prepared, if everything of it is in the logs.
    pub(super) fn see_to_prepared(&mut self, cx: &mut Context, nodes: &Nodes, identity: &Identity) {
        let is_idle = self.request.not_before().is_some() && !nodes.have_produce_in_flight();
        let is_complete = self.phase.is_drained() && self.content().next_addition().is_none();
        if let (Phase::Preparing(_), true, Some(producer)) =
            (&self.phase, is_idle && is_complete, identity.producer())
        {
            let state = PreparedTxnState::new(producer.id, producer.epoch);
            self.phase = Phase::Prepared(state);
            let told = || Ok(Transacted::Prepared(state));
            self.callers.tell(Call::Prepare, told, &mut cx.notices);
        }
    }

    /// Ends the prepared transaction.
    pub(super) fn end_prepared(&mut self, cx: &Context, how: End, origin: Origin) {
        self.phase = Phase::Ending(Ending::of_prepared(how, origin, cx.now));
    }

    /// Ends the prepared transaction: commits it if it is the one that was stored.
    pub(super) fn complete_prepared(&mut self, cx: &Context, prepared: PreparedTxnState) {
        let how = match self.stored == Some(prepared) {
            true => End::Commit,
            false => End::Abort,
        };
        self.end_prepared(cx, how, Origin::Completing(prepared));
    }

    /// Whoever said how the prepared transaction ends is told that it could not be done: it stays prepared.
    /// Returns whether that was so.
    pub(super) fn stays_prepared(&mut self) -> bool {
        let ending = self.phase.ending().filter(|it| it.how == End::Commit);
        match ending.and_then(|it| it.origin.prepared()) {
            Some(state) if !self.phase.may_be_committed() => {
                self.phase = Phase::Prepared(state);
                true
            }
            _ => false,
        }
    }

    /// The coordinator refuses to commit what is prepared: it stays so, and its owner says again how it ends.
    /// Returns whether that was so.
    pub(super) fn stays_uncommitted(&mut self, cx: &mut Context, why: &AbortableError) -> bool {
        let ending = self.phase.ending().filter(|it| it.how == End::Commit);
        let Some(state) = ending.and_then(|it| it.origin.prepared()) else {
            return false;
        };
        self.phase = Phase::Prepared(state);
        for call in [Call::Commit, Call::Complete, Call::Wait] {
            let refused = || Err(TransactionError::Abortable(why.clone()));
            self.callers.tell(call, refused, &mut cx.notices);
        }
        let prepared = || Err(TransactionError::Misused(Misuse::TransactionPrepared));
        self.callers.tell(Call::Begin, prepared, &mut cx.notices);
        true
    }
}

/// Completing what an earlier producer has prepared.
impl Transactional {
    /// The coordinator has kept this transaction over the producer that has prepared it.
    pub(super) fn kept(&mut self, cx: &Context, kept: ProducerId) {
        self.members.note_kept();
        let kept = PreparedTxnState::new(kept.id, kept.epoch);
        self.complete_prepared(cx, kept);
    }

    /// The coordinator keeps no transaction over a producer, as that of Apache Kafka 4.4 does not: what was
    /// stored is committed under its own id and epoch, before the next epoch ends everything else. No other
    /// is meant: with the second protocol a transaction that its coordinator has ended shares its epoch with
    /// none, and after a prepared one that its coordinator did not know of the next epoch is asked for.
    pub(super) fn resume(&mut self) {
        self.phase = Phase::Initializing(match self.stored {
            Some(state) => Initialization::Resuming(state),
            None => Initialization::Completed(CompletedTxn::NotOpen),
        });
    }

    /// What was stored has ended so.
    pub(super) fn resumed(&mut self, how: CompletedTxn) {
        if matches!(self.phase, Phase::Initializing(Initialization::Resuming(_))) {
            self.phase = Phase::Initializing(Initialization::Completed(how));
        }
    }
}

/// Coordinators that do not take part.
impl Transactional {
    /// Whether the coordinator, which is known and connected, does not speak what two-phase commit needs.
    pub(super) fn lacks_two_phase(
        &self,
        nodes: &Nodes,
        features: Features,
    ) -> Option<NoTwoPhaseCommit> {
        let is_asked = matches!(self.phase, Phase::Initializing(_));
        if !self.settings.two_phase_commit || !is_asked {
            return None;
        }
        let coordinator = self.coordinators.of(&Role::Transactions)?;
        let offered = nodes.offered::<InitProducerIdRequest>(coordinator)?;
        if offered.latest < FIRST_WITH_TWO_PHASE {
            return Some(NoTwoPhaseCommit::NotOffered {
                latest: offered.latest.min(InitProducerIdRequest::VERSIONS.latest),
            });
        }
        (features.transaction_version() == TransactionVersion::One)
            .then_some(NoTwoPhaseCommit::FirstProtocol)
    }

    /// Takes what a coordinator answers that does not take part. Returns whether that was so.
    pub(super) fn is_declined(&mut self, cx: &mut Context, code: ErrorCode) -> bool {
        let Phase::Initializing(initialization) = self.phase else {
            return false;
        };
        match (initialization, code) {
            (Initialization::Keeping, ErrorCode::UNSUPPORTED_VERSION) => {
                self.resume();
                true
            }
            (_, ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
                if self.settings.two_phase_commit =>
            {
                self.decline(cx, &NoTwoPhaseCommit::Refused { code });
                true
            }
            _ => false,
        }
    }

    /// Tells whoever waits for the first epoch that there is no two-phase commit.
    pub(super) fn decline(&mut self, cx: &mut Context, why: &NoTwoPhaseCommit) {
        self.refuse_to_initialize(cx, &TransactionError::NoTwoPhaseCommit(why.clone()));
    }

    /// Tells whoever waits for the first epoch that there is none. It may be asked for again.
    pub(super) fn refuse_to_initialize(&mut self, cx: &mut Context, why: &TransactionError) {
        self.phase = Phase::Uninitialized;
        for call in [Call::Init, Call::Complete] {
            self.callers
                .tell(call, || Err(why.clone()), &mut cx.notices);
        }
    }
}
