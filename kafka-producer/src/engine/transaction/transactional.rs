//! A transactional producer: how its transactions begin, fail and end.
//!
//! A transaction ends when every batch of it has an outcome and nothing else is in flight. If anything
//! was added to it, its coordinator is asked to end it first. `calls` handles the calls, `answers` what a
//! coordinator has answered, and `steps` chooses what to do next.

use std::time::Instant;

use kafka_wire::ErrorCode;

use super::ask::End;
use super::callers::{Call, Callers, Outcome};
use super::coordinators::Coordinators;
use super::membership::{Members, Membership};
use super::next_ask::Content;
use super::next_epoch::{Ended, Failure, MayBeStored, NextEpoch};
use super::offsets::Offsets;
use super::phase::{
    Before, Ending, Fate, Health, Initialization, MaySend, Owner, Phase, StaleRequest,
};
use super::request_slot::RequestSlot;
use crate::engine::cluster::features::Features;
use crate::engine::context::Context;
use crate::engine::event::Event;
use crate::engine::handle::Transacted;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::input::Action;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::verdict::TransactionVersion;
use crate::engine::timers::Timer;
use crate::error::{AbortableError, AuthenticationError, TimedOut, TransactionError, WaitReason};
use crate::prepared::{CompletedTxn, PreparedTxnState};
use crate::settings::TransactionSettings;

#[derive(Debug)]
pub(super) struct Transactional {
    pub(super) settings: TransactionSettings,
    pub(super) phase: Phase,
    /// The version of the protocol that the open transaction follows.
    pub(super) version: TransactionVersion,
    pub(super) callers: Callers,
    pub(super) members: Members,
    pub(super) offsets: Offsets,
    pub(super) coordinators: Coordinators,
    pub(super) request: RequestSlot,
    /// Whether an unanswered request with the current epoch may still arrive.
    pub(super) stale: StaleRequest,
    /// What the last `complete_transaction` was told is stored.
    pub(super) stored: Option<PreparedTxnState>,
}

impl Transactional {
    pub(super) fn new(settings: TransactionSettings, now: Instant) -> Self {
        Self {
            settings,
            phase: Phase::Uninitialized,
            version: TransactionVersion::One,
            callers: Callers::default(),
            members: Members::default(),
            offsets: Offsets::default(),
            coordinators: Coordinators::default(),
            request: RequestSlot::new(now),
            stale: StaleRequest::None,
            stored: None,
        }
    }

    pub(super) fn content(&self) -> Content<'_> {
        Content {
            version: self.version,
            members: &self.members,
            offsets: &self.offsets,
        }
    }

    /// Adds a partition to the transaction if that is allowed and it has a batch. Returns whether that batch
    /// may leave its queue. Outside of a transaction none may, and in version 1 of the protocol none before
    /// its partition is added.
    pub(super) fn maybe_add_partition(
        &mut self,
        key: LaneKey,
        has_batch: impl FnOnce() -> bool,
    ) -> bool {
        let membership = self.members.partition(key);
        let inside = match self.version {
            TransactionVersion::One => membership == Some(Membership::Inside),
            TransactionVersion::Two => membership.is_some(),
        };
        match self.phase.may_send() {
            MaySend::All => {}
            MaySend::Members => return inside,
            MaySend::None => return false,
        }
        if inside {
            return true;
        }
        if !has_batch() {
            return false; // One that is appended just now has to be added first.
        }
        match self.version {
            TransactionVersion::One => self.members.want_partition(key),
            TransactionVersion::Two => self.members.add_partition_by_batch(key),
        }
        self.version == TransactionVersion::Two
    }
}

/// How a transaction fails and ends.
impl Transactional {
    /// A record or a request of the transaction has failed, so that it can only be aborted.
    pub(super) fn must_abort(&mut self, cx: &mut Context, why: impl FnOnce() -> AbortableError) {
        let (owner, begun) = match &self.phase {
            Phase::Open { begun } => (Owner::Present, *begun),
            Phase::Preparing(ending) => (ending.owner, ending.begun),
            Phase::Ending(ending) if ending.how == End::Commit => (ending.owner, ending.begun),
            _ => return,
        };
        let why = why();
        let aborted = || TransactionError::Abortable(why.clone());
        self.members.forget_untried();
        self.offsets.end_all(aborted, &mut cx.notices);
        for call in [Call::Prepare, Call::Commit] {
            self.callers.tell(call, || Err(aborted()), &mut cx.notices);
        }
        cx.handle.set_abort_reason(Some(why.clone()));
        let doomed = Event::Doomed {
            why: why.to_string().into(),
        };
        cx.actions.push_back(Action::Tell(doomed));
        self.phase = Phase::AbortOnly { why, begun };
        if owner == Owner::Abandoned {
            self.begin_ending(cx, End::Abort, owner);
        }
    }

    /// Starts to end the open transaction. Unsent batches are sent first (a commit) or dropped (an abort).
    /// Sent ones are waited for, so that none of them reaches a log after the transaction.
    pub(super) fn begin_ending(&mut self, cx: &mut Context, how: End, owner: Owner) {
        let (health, begun) = match &self.phase {
            Phase::Open { begun } => (Health::Sound, *begun),
            Phase::Preparing(ending) => (Health::Sound, ending.begun),
            Phase::AbortOnly { why, begun } => (Health::Failed(why.clone()), *begun),
            _ => return,
        };
        self.phase = Phase::Ending(Ending::of_open(how, owner, health, begun));
        if how == End::Abort {
            self.members.forget_untried();
            // Only `close` ends a transaction while a caller waits for its offsets, or for it to be prepared.
            let closed = || TransactionError::Closed;
            self.offsets.end_all(closed, &mut cx.notices);
            self.callers
                .tell(Call::Prepare, || Err(closed()), &mut cx.notices);
        }
    }

    /// The coordinator does not have the transaction that was to be ended. A commit has failed for this
    /// reason, and the answer to an abort will show whether this producer is fenced. After an abort, only
    /// the next epoch is needed.
    pub(super) fn not_known_there(&mut self, why: AbortableError) {
        let Phase::Ending(ending) = &mut self.phase else {
            return;
        };
        match ending.how {
            End::Commit => {
                ending.how = End::Abort;
                ending.stale = StaleRequest::None;
                ending.health = Health::Failed(why);
            }
            End::Abort => {
                let before = ending.told();
                self.forget_content();
                self.phase = Phase::Renewing(before);
            }
        }
    }

    /// The transaction has ended: the coordinator has confirmed it, or never had the transaction.
    pub(super) fn ended(
        &mut self,
        cx: &mut Context,
        lanes: &mut Lanes,
        identity: &mut Identity,
        features: Features,
        given: Option<ProducerId>,
    ) {
        let Some(ending) = self.phase.ending() else {
            return;
        };
        let (outcome, before) = (ending.health.outcome(), ending.told());
        let ended = Ended {
            given,
            version: self.version,
            known_there: self.members.need_end(),
            failure: match outcome.as_ref().map_err(AbortableError::code) {
                Ok(()) => Failure::None,
                Err(Some(ErrorCode::UNKNOWN_PRODUCER_ID)) => Failure::UnknownProducer,
                Err(_) => Failure::Any,
            },
            sequence_broken: lanes.is_any_broken(),
            stale: self.stale,
            stored: match ending.origin.prepared() {
                Some(_) => MayBeStored::Yes,
                None => MayBeStored::No,
            },
        };
        self.forget_content();
        match ended.next_epoch() {
            NextEpoch::Given(producer) => self.adopt(lanes, identity, producer),
            NextEpoch::Unused => lanes.restart_sequences(),
            NextEpoch::Same => {}
            NextEpoch::Asked => {
                self.phase = Phase::Renewing(before);
                return;
            }
        }
        self.become_ready(cx, features, before);
    }

    /// The transaction has ended: forgets what it contained.
    fn forget_content(&mut self) {
        self.members.clear();
        self.offsets.forget_repeated();
    }
}

/// How transactions begin.
impl Transactional {
    /// The requested id and epoch have come, and perhaps a transaction that was `kept` over its producer.
    pub(super) fn initialized(
        &mut self,
        cx: &mut Context,
        lanes: &mut Lanes,
        identity: &mut Identity,
        features: Features,
        (producer, kept): (ProducerId, Option<ProducerId>),
    ) {
        self.adopt(lanes, identity, producer);
        self.version = features.transaction_version();
        let before = match &self.phase {
            Phase::Initializing(Initialization::Keeping) => match kept {
                Some(kept) => return self.kept(cx, kept),
                None => Before::CompletedUntold(CompletedTxn::NotOpen),
            },
            Phase::Initializing(Initialization::Completed(how)) => Before::CompletedUntold(*how),
            Phase::Initializing(_) => Before::InitializedUntold,
            Phase::Renewing(before) => before.clone(),
            _ => return,
        };
        self.become_ready(cx, features, before);
    }

    /// Goes on with this id and epoch. If they are new, every sequence starts again.
    fn adopt(&mut self, lanes: &mut Lanes, identity: &mut Identity, producer: ProducerId) {
        if identity.producer() != Some(producer) {
            lanes.restart_sequences();
        }
        *identity = Identity::Held(producer);
        self.stale = StaleRequest::None;
    }

    /// No transaction is open any more: answers the callers, and lets the next one begin.
    fn become_ready(&mut self, cx: &mut Context, features: Features, before: Before) {
        let notices = &mut cx.notices;
        let told = match &before {
            Before::Transaction(outcome) | Before::Prepared(Fate { outcome, .. }) => {
                let outcome = || match outcome {
                    Ok(()) => Ok(Transacted::Done),
                    Err(why) => Err(TransactionError::Abortable(why.clone())),
                };
                self.callers.tell(Call::Commit, outcome, notices);
                let done = || Ok(Transacted::Done);
                self.callers.tell(Call::Abort, done, notices);
                if let Before::Prepared(Fate { how, .. }) = &before {
                    let completed = || Ok(Transacted::Completed(*how));
                    self.callers.tell(Call::Complete, completed, notices);
                }
                self.callers.tell(Call::Wait, outcome, notices)
            }
            Before::InitializedUntold | Before::Initialized => {
                let done = || Ok(Transacted::Done);
                self.callers.tell(Call::Init, done, notices)
            }
            Before::CompletedUntold(how) => {
                let completed = || Ok(Transacted::Completed(*how));
                self.callers.tell(Call::Complete, completed, notices)
            }
        };
        self.phase = Phase::Ready(match before {
            Before::InitializedUntold | Before::CompletedUntold(_) if told > 0 => {
                Before::Initialized
            }
            before => before,
        });
        cx.handle.set_abort_reason(None);
        self.begin_if_awaited(cx, features);
    }

    /// Begins a transaction for the caller that has waited longest, if there is one. If the cluster was
    /// upgraded to version 2 of the protocol in the meantime, the next epoch is requested first.
    pub(super) fn begin_if_awaited(&mut self, cx: &mut Context, features: Features) {
        if !matches!(self.phase, Phase::Ready(_)) {
            return;
        }
        self.callers.forget_gone(&mut cx.notices);
        if !self.callers.wait_for(Call::Begin) {
            return;
        }
        let version = features.transaction_version();
        if (self.version, version) == (TransactionVersion::One, TransactionVersion::Two) {
            self.phase = Phase::Renewing(Before::Initialized);
            return;
        }
        self.version = version;
        self.phase = Phase::Open { begun: cx.now };
        self.callers.tell_first(Call::Begin, &mut cx.notices);
        if let Some(expires) = self.expires(Some(cx.now)) {
            cx.timers.arm(Timer::Transaction, expires);
        }
    }
}

/// Deadlines.
impl Transactional {
    /// The deadline of a caller, of a pause or of the transaction has passed; `last` is what went wrong.
    pub(super) fn due(&mut self, cx: &mut Context, last: Option<WaitReason>) {
        self.expire_callers(cx, last.as_ref());
        let limit = self.settings.timeout;
        let expires = self.expires(self.phase.may_expire());
        let expired = expires.is_some_and(|at| at <= cx.now);
        if expired && let Some(ask) = self.content().next_addition() {
            let request = ask.kind().name();
            self.must_abort(cx, || AbortableError::Expired {
                request,
                limit,
                last,
            });
        }
        self.arm(cx);
    }

    /// When a transaction that has begun at this time takes too long. With two-phase commit it never does: its
    /// coordinator does not let it time out either.
    fn expires(&self, begun: Option<Instant>) -> Option<Instant> {
        let begun = begun.filter(|_| !self.settings.two_phase_commit);
        begun.map(|begun| begun + self.settings.timeout)
    }

    /// Ends the wait of callers whose deadline has passed; their calls go on.
    fn expire_callers(&mut self, cx: &mut Context, last: Option<&WaitReason>) {
        let limit = cx.settings.max_block;
        let timed_out = |call| -> Outcome {
            let last = last.cloned();
            Err(TransactionError::TimedOut(TimedOut { call, limit, last }))
        };
        let notices = &mut cx.notices;
        self.callers.expire(cx.now, timed_out, notices);
        self.offsets.expire(cx.now, timed_out, notices);
    }

    /// Sets the timer to the next deadline. A caller's may have passed already, if the process was
    /// suspended: then the timer is due at once.
    pub(super) fn arm(&self, cx: &mut Context) {
        let expires = self.expires(self.phase.begun());
        let ahead = expires.into_iter().chain(self.request.not_before());
        let ahead = ahead.filter(|at| *at > cx.now);
        let callers = self.callers.next_deadline().into_iter();
        let deadlines = callers.chain(self.offsets.next_deadline());
        if let Some(at) = deadlines.chain(ahead).min() {
            cx.timers.arm(Timer::Transaction, at);
        }
    }

    /// `close` was called: aborts an open transaction; a commit that has started goes on.
    pub(super) fn close(&mut self, cx: &mut Context) {
        let closed = || Err(TransactionError::Closed);
        self.callers.tell(Call::Begin, closed, &mut cx.notices);
        match &mut self.phase {
            Phase::Open { .. } | Phase::Preparing(_) | Phase::AbortOnly { .. } => {
                self.begin_ending(cx, End::Abort, Owner::Abandoned);
            }
            Phase::Ending(ending) => ending.owner = Owner::Abandoned,
            Phase::Initializing(_) | Phase::Renewing(_) => {
                self.give_up(cx, || TransactionError::Closed);
            }
            Phase::Uninitialized | Phase::Ready(_) | Phase::Prepared(_) => {}
        }
    }

    /// A coordinator refuses our credentials, or every broker does that could tell which one it is: ends the
    /// calls that wait for it. What can still be aborted is not committed later, when nobody expects it any more.
    pub(super) fn authentication_failed(&mut self, cx: &mut Context, why: &AuthenticationError) {
        let failed = || Err(TransactionError::Authentication(why.clone()));
        self.callers.tell_all(failed, &mut cx.notices);
        self.offsets.tell_all(failed, &mut cx.notices);
        if matches!(self.phase, Phase::Initializing(_)) {
            self.phase = Phase::Uninitialized;
        }
        if !self.stays_prepared() && !self.phase.may_be_committed() {
            self.must_abort(cx, || AbortableError::Authentication(why.clone()));
        }
    }

    /// Ends everything: all callers get this error.
    pub(super) fn give_up(&mut self, cx: &mut Context, why: impl Fn() -> TransactionError) {
        self.phase = Phase::Uninitialized;
        self.offsets.end_all(&why, &mut cx.notices);
        self.callers.tell_all(|| Err(why()), &mut cx.notices);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn without_a_batch_no_partition_is_added_and_none_may_be_taken() {
        let now = Instant::now();
        let key = LaneKey::at(3).unwrap();
        for version in [TransactionVersion::One, TransactionVersion::Two] {
            let settings = TransactionSettings {
                id: "billing-1".into(),
                timeout: Duration::from_secs(60),
                two_phase_commit: false,
            };
            let mut transactional = Transactional::new(settings, now);
            transactional.version = version;
            transactional.phase = Phase::Open { begun: now };
            // Without a batch: a caller may be appending the first at this moment.
            assert!(!transactional.maybe_add_partition(key, || false));
            assert_eq!(transactional.members.partition(key), None);
            let may_be_taken = transactional.maybe_add_partition(key, || true);
            assert_eq!(may_be_taken, version == TransactionVersion::Two);
            assert!(transactional.members.partition(key).is_some());
        }
    }
}
