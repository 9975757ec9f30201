//! A transactional producer: its transactions, one after the other, and how each of them ends.
//!
//! A transaction ends when every batch of it has an outcome and nothing else is on its way; then, if
//! anything was added to it, its coordinator is told. How transactions begin, fail and end is here. What
//! callers ask for comes from `calls`, what a coordinator has answered from `answers`, and what is to be
//! done next is chosen in `steps`.

use std::time::Instant;

use kafka_wire::ErrorCode;

use super::ask::End;
use super::callers::{Call, Callers, Outcome};
use super::coordinators::Coordinators;
use super::membership::{Members, Membership};
use super::next_ask::Content;
use super::next_epoch::{Ended, Failure, NextEpoch};
use super::offsets::Offsets;
use super::phase::{Batches, Before, Ending, Health, MaySend, Owner, Phase, StaleRequest};
use super::request_slot::RequestSlot;
use crate::engine::cluster::features::Features;
use crate::engine::context::Context;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::verdict::TransactionVersion;
use crate::engine::timers::Timer;
use crate::error::{AbortableError, AuthenticationError, TimedOut, TransactionError, WaitReason};
use crate::settings::TransactionSettings;

#[derive(Debug)]
pub(super) struct Transactional {
    pub(super) settings: TransactionSettings,
    pub(super) phase: Phase,
    /// The protocol of the open transaction.
    pub(super) version: TransactionVersion,
    pub(super) callers: Callers,
    pub(super) members: Members,
    pub(super) offsets: Offsets,
    pub(super) coordinators: Coordinators,
    pub(super) request: RequestSlot,
    /// Whether one of the requests under the epoch in use may still arrive.
    pub(super) stale: StaleRequest,
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
        }
    }

    pub(super) fn content(&self) -> Content<'_> {
        Content {
            version: self.version,
            members: &self.members,
            offsets: &self.offsets,
        }
    }

    /// Adds a partition to the transaction if it may be and has a batch; returns whether that batch may
    /// leave its queue. Outside of a transaction none may, and with the first protocol none before its
    /// partition is added.
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
    /// A record or a request of the transaction has failed: it can only be aborted now.
    pub(super) fn must_abort(&mut self, cx: &mut Context, why: impl FnOnce() -> AbortableError) {
        let (owner, begun) = match &self.phase {
            Phase::Open { begun } => (Owner::Present, *begun),
            Phase::Ending(ending) if ending.how == End::Commit => (ending.owner, ending.begun),
            _ => return,
        };
        let why = why();
        let aborted = || TransactionError::Abortable(why.clone());
        self.members.forget_untried();
        self.offsets.end_all(aborted, &mut cx.notices);
        self.callers
            .tell(Call::Commit, || Err(aborted()), &mut cx.notices);
        cx.handle.set_abort_reason(Some(why.clone()));
        self.phase = Phase::AbortOnly { why, begun };
        if owner == Owner::Abandoned {
            self.begin_ending(cx, End::Abort, owner);
        }
    }

    /// Lets the open transaction end: what was not sent goes first, or not at all. What was sent is
    /// waited for, so that nothing of it reaches a log after the transaction.
    pub(super) fn begin_ending(&mut self, cx: &mut Context, how: End, owner: Owner) {
        let (health, begun) = match &self.phase {
            Phase::Open { begun } => (Health::Sound, *begun),
            Phase::AbortOnly { why, begun } => (Health::Failed(why.clone()), *begun),
            _ => return,
        };
        self.phase = Phase::Ending(Ending {
            how,
            owner,
            health,
            batches: Batches::Pending,
            stale: StaleRequest::None,
            begun,
        });
        if how == End::Abort {
            self.members.forget_untried();
            // Only `close` ends a transaction while its owner waits for that.
            let closed = || TransactionError::Closed;
            self.offsets.end_all(closed, &mut cx.notices);
        }
    }

    /// The coordinator does not have the transaction that was to be ended. A commit has failed for this
    /// reason, and the answer to an abort will tell whether there is a successor; after an abort
    /// nothing is left to be done but to begin anew.
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
                let before = Before::Transaction(ending.health.outcome());
                self.forget_content();
                self.phase = Phase::Renewing(before);
            }
        }
    }

    /// The transaction is over, as the coordinator says, or because it never knew of it.
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
        let outcome = ending.health.outcome();
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
        };
        self.forget_content();
        let before = Before::Transaction(outcome);
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

    /// The transaction is over: nothing belongs to it any more.
    fn forget_content(&mut self) {
        self.members.clear();
        self.offsets.forget_repeated();
    }
}

/// What a transaction begins with.
impl Transactional {
    /// An id and epoch were asked for, and here they are.
    pub(super) fn initialized(
        &mut self,
        cx: &mut Context,
        lanes: &mut Lanes,
        identity: &mut Identity,
        features: Features,
        producer: ProducerId,
    ) {
        self.adopt(lanes, identity, producer);
        self.version = features.transaction_version();
        let before = match &self.phase {
            Phase::Initializing => Before::InitializedUntold,
            Phase::Renewing(before) => before.clone(),
            _ => return,
        };
        self.become_ready(cx, features, before);
    }

    /// Goes on as this producer: with a new epoch every sequence begins anew.
    fn adopt(&mut self, lanes: &mut Lanes, identity: &mut Identity, producer: ProducerId) {
        if identity.producer() != Some(producer) {
            lanes.restart_sequences();
        }
        *identity = Identity::Held(producer);
        self.stale = StaleRequest::None;
    }

    /// Nothing is open any more; who waits to begin may.
    fn become_ready(&mut self, cx: &mut Context, features: Features, before: Before) {
        let notices = &mut cx.notices;
        let told = match &before {
            Before::Transaction(outcome) => {
                let outcome = || outcome.clone().map_err(TransactionError::Abortable);
                self.callers.tell(Call::Commit, outcome, notices);
                self.callers.tell(Call::Abort, || Ok(()), notices);
                self.callers.tell(Call::Wait, outcome, notices)
            }
            Before::InitializedUntold | Before::Initialized => {
                self.callers.tell(Call::Init, || Ok(()), notices)
            }
        };
        self.phase = Phase::Ready(match before {
            Before::InitializedUntold if told > 0 => Before::Initialized,
            before => before,
        });
        cx.handle.set_abort_reason(None);
        self.begin_if_awaited(cx, features);
    }

    /// Begins a transaction for the caller that has waited longest, if there is one. A cluster that was
    /// upgraded meanwhile has the second protocol begin with an epoch of its own.
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
        let expires = cx.now + self.settings.timeout;
        cx.timers.arm(Timer::Transaction, expires);
    }
}

/// When time is up.
impl Transactional {
    /// A deadline of a caller, of a pause or of the transaction has come; `last` is what is in the way.
    pub(super) fn due(&mut self, cx: &mut Context, last: Option<WaitReason>) {
        self.expire_callers(cx, last.as_ref());
        let limit = self.settings.timeout;
        let expired = self.phase.may_expire();
        let expired = expired.is_some_and(|begun| begun + limit <= cx.now);
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

    /// Ends the wait of those whose deadline has come; what they asked for goes on.
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

    /// Makes sure that transactions are looked at when the next deadline has come. That of a caller may
    /// be over already: one who asked while the process stood still is told so at once.
    pub(super) fn arm(&self, cx: &mut Context) {
        let expires = self
            .phase
            .begun()
            .map(|begun| begun + self.settings.timeout);
        let ahead = expires.into_iter().chain(self.request.not_before());
        let ahead = ahead.filter(|at| *at > cx.now);
        let callers = self.callers.next_deadline().into_iter();
        let deadlines = callers.chain(self.offsets.next_deadline());
        if let Some(at) = deadlines.chain(ahead).min() {
            cx.timers.arm(Timer::Transaction, at);
        }
    }

    /// `close` was called: the open transaction is aborted, one that is being committed goes on.
    pub(super) fn close(&mut self, cx: &mut Context) {
        let closed = || Err(TransactionError::Closed);
        self.callers.tell(Call::Begin, closed, &mut cx.notices);
        match &mut self.phase {
            Phase::Open { .. } | Phase::AbortOnly { .. } => {
                self.begin_ending(cx, End::Abort, Owner::Abandoned);
            }
            Phase::Ending(ending) => ending.owner = Owner::Abandoned,
            Phase::Initializing | Phase::Renewing(_) => {
                self.give_up(cx, || TransactionError::Closed);
            }
            Phase::Uninitialized | Phase::Ready(_) => {}
        }
    }

    /// A coordinator does not let us in, or nobody does who could tell which broker that is: ends the calls
    /// that wait for it. What can still be aborted is not committed later, when nobody expects it any more.
    pub(super) fn keep_out(&mut self, cx: &mut Context, why: &AuthenticationError) {
        let kept_out = || Err(TransactionError::Authentication(why.clone()));
        self.callers.tell_all(kept_out, &mut cx.notices);
        self.offsets.tell_all(kept_out, &mut cx.notices);
        if matches!(self.phase, Phase::Initializing) {
            self.phase = Phase::Uninitialized;
        }
        if !self.phase.may_be_committed() {
            self.must_abort(cx, || AbortableError::Authentication(why.clone()));
        }
    }

    /// Nobody will be told of a transaction any more but this.
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
            };
            let mut transactional = Transactional::new(settings, now);
            transactional.version = version;
            transactional.phase = Phase::Open { begun: now };
            // A caller may append the first just now.
            assert!(!transactional.maybe_add_partition(key, || false));
            assert_eq!(transactional.members.partition(key), None);
            let may_be_taken = transactional.maybe_add_partition(key, || true);
            assert_eq!(may_be_taken, version == TransactionVersion::Two);
            assert!(transactional.members.partition(key).is_some());
        }
    }
}
