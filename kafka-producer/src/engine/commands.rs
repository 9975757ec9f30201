//! What callers asked for, and what became due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_accumulator::{Completion, Readiness};

use crate::engine::cluster::metadata::{Awaits, Waiter};
use crate::engine::handle::{DeskState, Question};
use crate::engine::notice::Notice;
use crate::engine::produce::lane::{Attention, LaneKey};
use crate::engine::timers::Timer;
use crate::engine::{CloseReport, Engine, Life, NodeId, Transactions};

use crate::error::{AbortableError, Cause, DeliveryError, SendError, TransactionError};

impl Engine {
    /// Looks at the desk and at the queues that rang.
    pub(super) fn attend(&mut self) {
        // Before the list is read: what is noted from here on and not found rings.
        self.company.attended();
        self.cx.accumulator.doorbell().withdraw_alarm();
        for question in self.cx.desk.take_questions() {
            self.answer_question(question);
        }
        self.look_at_rung();
        self.see_to_admission();
        self.hurry();
    }

    fn look_at_rung(&mut self) {
        let mut rung = std::mem::take(&mut self.rung);
        self.cx.accumulator.take_rung(&mut rung);
        for queue in rung.drain(..) {
            if let Some(key) = self.lane_of(&queue) {
                self.look_at_queue(key);
            }
        }
        self.rung = rung;
    }

    /// Looks at the queues that rang; then, which lanes have batches, taken or not.
    pub(super) fn take_stock(&mut self) -> Vec<LaneKey> {
        self.look_at_rung();
        self.lanes.sort_out_busy()
    }

    /// Sees to everything whose time has come.
    pub(super) fn attend_to_timers(&mut self) {
        while let Some(timer) = self.cx.timers.pop_due(self.cx.now) {
            self.due(timer);
        }
        self.cx.accumulator.expire_waiters(self.cx.now);
    }

    fn due(&mut self, timer: Timer) {
        match timer {
            // A timer outlives what it was armed for.
            Timer::Linger(lane) | Timer::Retry(lane) | Timer::Expiry(lane)
                if self.lanes.get(lane).is_none() => {}
            Timer::Linger(lane) => {
                self.lingering.remove(&lane);
                self.look_at_queue(lane);
            }
            Timer::Retry(lane) => self.list(lane),
            Timer::Expiry(lane) => self.expire_lane(lane),
            Timer::Node(node) => self.node_is_due(node),
            Timer::Metadata => self.metadata_is_due(),
            // Being looked at is all it takes: `settle` asks.
            Timer::Identity => {}
            Timer::Company(node) => self.stir(node),
            Timer::Transaction => self.transaction_is_due(),
            Timer::Close => self.close_is_due(),
        }
    }

    fn metadata_is_due(&mut self) {
        let max_age = self.metadata_max_age();
        let last = self.cluster_obstacle();
        self.metadata
            .expire(self.cx.now, last.as_ref(), &mut self.cx.notices);
        self.metadata.age(self.cx.now, max_age);
        // What is due already is seen to by `settle`, as soon as a broker can be asked.
        if let Some(at) = self.metadata.next_due(self.cx.now, max_age) {
            self.cx.timers.arm(Timer::Metadata, at);
        }
    }

    /// `metadata.max.age.ms`; nobody is asked more often than after `retry.backoff.ms`.
    pub(super) fn metadata_max_age(&self) -> Duration {
        let least = self.cx.settings.retry_backoff.initial.max(LEAST_AGE);
        self.cx.settings.metadata_max_age.max(least)
    }

    /// Sees what a queue holds; it will not ring again before that changes.
    fn look_at_queue(&mut self, key: LaneKey) {
        let lane = &self.lanes[key as usize];
        match lane.queue.poll_ready(self.cx.now) {
            // What rang was taken already, when its lane had its turn.
            Readiness::Empty if !lane.slots.is_empty() => {}
            Readiness::Empty => return,
            Readiness::Lingering { until } => self.linger(key, until),
            Readiness::Ready => self.list(key),
        }
        self.lanes.note_batches(key);
        self.watch_expiry(key);
    }

    /// Comes back when the open batch is due.
    pub(super) fn linger(&mut self, key: LaneKey, until: Instant) {
        self.cx.timers.arm(Timer::Linger(key), until);
        self.lingering.insert(key);
    }

    /// While memory is short nothing lingers.
    fn hurry(&mut self) {
        if self.cx.accumulator.is_short_of_memory() {
            for key in std::mem::take(&mut self.lingering) {
                self.look_at_queue(key);
            }
        }
    }

    /// Puts a lane on its leader's list, unless it stands there.
    pub(super) fn list(&mut self, key: LaneKey) {
        let lane = &mut self.lanes[key as usize];
        if lane.attention == Attention::Retired {
            return;
        }
        let known = |leader: &NodeId| self.nodes.contains_key(leader);
        let Some(leader) = lane.leader.filter(known) else {
            lane.attention = Attention::Orphaned;
            self.metadata.want_more(&lane.topic);
            return;
        };
        if lane.attention != Attention::Listed(leader)
            && let Some(node) = self.nodes.get_mut(&leader)
        {
            lane.attention = Attention::Listed(leader);
            node.lanes.push_back(key);
        }
        self.stir(leader);
    }

    /// Something changed for this broker: see in `settle` what can be sent.
    pub(super) fn stir(&mut self, node: NodeId) {
        if !self.stirred.contains(&node) {
            self.stirred.push(node);
        }
    }

    /// Makes sure that the oldest record of a lane is looked at when its time is up.
    pub(super) fn watch_expiry(&mut self, key: LaneKey) {
        if let Some(created) = self.lanes[key as usize].oldest_created() {
            self.cx.timers.arm(
                Timer::Expiry(key),
                created + self.cx.settings.delivery_timeout,
            );
        }
    }

    fn answer_question(&mut self, question: Question) {
        match question {
            Question::Topic {
                name,
                partition,
                since,
                deadline,
                reply,
            } => {
                if !matches!(self.cx.desk.state(), DeskState::Open) {
                    let refusal = Err(self.refusal());
                    self.cx.notices.push(Notice::answer(reply, refusal));
                    return;
                }
                let waiter = Waiter {
                    partition,
                    since,
                    deadline,
                    reply,
                };
                let seed = self.cx.random.u64(..);
                match self
                    .metadata
                    .interest(&name, seed, self.cx.now)
                    .admit(waiter)
                {
                    Awaits::Nothing(reply) => self.cx.notices.push(Notice::answer(reply, Ok(()))),
                    Awaits::Metadata => {
                        self.cx.timers.arm(Timer::Metadata, deadline);
                        self.metadata.want_more(&name);
                    }
                }
            }
            Question::Flush { reply } => {
                let undecided = self.flush();
                self.cx.notices.push(Notice::answer(reply, undecided));
            }
            Question::Shortage { since, reply } => {
                let last = self.shortage(since);
                self.cx.notices.push(Notice::answer(reply, last));
            }
            Question::Transact {
                call,
                deadline,
                reply,
            } => self.transact(call, deadline, reply),
            Question::NotAccepted(why) => self.doom(|| AbortableError::Send(Arc::new(why))),
            Question::Close { deadline, reply } => self.close(deadline, reply),
        }
    }

    /// What a record is refused with now.
    fn refusal(&self) -> SendError {
        match self.cx.desk.state() {
            DeskState::Failed(fatal) => SendError::Fatal(fatal),
            DeskState::Open | DeskState::Closed => SendError::Closed,
        }
    }

    /// Makes everything due now and lists the batches that have no outcome.
    pub(super) fn flush(&mut self) -> Vec<Arc<Completion<DeliveryError>>> {
        let mut undecided = Vec::new();
        for key in self.take_stock() {
            let lane = &self.lanes[key as usize];
            undecided.extend(
                lane.slots
                    .iter()
                    .map(|slot| Arc::clone(slot.batch.completion())),
            );
            lane.queue.flush();
            let held = undecided.len();
            undecided.extend(lane.queue.incomplete());
            if undecided.len() > held {
                self.look_at_queue(key);
            }
        }
        undecided
    }

    fn close(
        &mut self,
        deadline: Option<Instant>,
        reply: futures_channel::oneshot::Sender<CloseReport>,
    ) {
        let deadline = deadline.or_else(|| self.end_of_transaction());
        if let Some(deadline) = deadline {
            self.cx.timers.arm(Timer::Close, deadline);
        }
        match &mut self.life {
            Life::Open => {
                if matches!(self.cx.desk.state(), DeskState::Open) {
                    self.cx.desk.change(DeskState::Closed);
                }
                self.cx.accumulator.close();
                let before = self.tally;
                self.close_transaction();
                self.life = Life::Closing {
                    deadline,
                    before,
                    replies: vec![reply],
                };
                self.refuse_waiters();
                self.flush();
            }
            Life::Closing {
                deadline: agreed,
                replies,
                ..
            } => {
                *agreed = [*agreed, deadline].into_iter().flatten().min();
                replies.push(reply);
            }
            Life::Ended => {
                let report = CloseReport::default();
                self.cx.notices.push(Notice::answer(reply, report));
            }
        }
    }

    fn refuse_waiters(&mut self) {
        let refusal = self.refusal();
        for interest in self.metadata.topics.values_mut() {
            for waiter in interest.waiters.drain(..) {
                let refused = Err(refusal.clone());
                self.cx.notices.push(Notice::answer(waiter.reply, refused));
            }
        }
    }

    fn close_is_due(&mut self) {
        if let Life::Closing {
            deadline: Some(deadline),
            ..
        } = self.life
            && deadline <= self.cx.now
        {
            self.give_up_transaction(|| TransactionError::Closed);
            self.give_up(|| Cause::Closed);
        }
    }

    /// Ends every record that has no outcome.
    pub(super) fn give_up(&mut self, cause: impl Fn() -> Cause) {
        self.refuse_waiters();
        self.make_missing_lanes();
        for key in self.lanes.keys() {
            self.give_up_lane(key, &cause);
        }
    }

    /// Ends every record of a lane that has no outcome.
    pub(super) fn give_up_lane(&mut self, key: LaneKey, cause: impl Fn() -> Cause) {
        while let Some(slot) = self.lanes[key as usize].slots.pop_front() {
            self.fail(key, slot, cause());
        }
        for batch in self.lanes[key as usize].queue.take_all() {
            self.fail_untried(key, batch, cause());
        }
    }

    /// After `close`: ends when nothing is left to be decided.
    pub(super) fn end_if_done(&mut self) {
        if !matches!(self.life, Life::Closing { .. }) {
            return;
        }
        if self.lanes.are_busy()
            || !self
                .transactions
                .as_ref()
                .is_none_or(Transactions::is_settled)
        {
            return;
        }
        self.end_life();
    }

    /// Does nothing from now on, and tells who closes.
    pub(super) fn end_life(&mut self) {
        let life = std::mem::replace(&mut self.life, Life::Ended);
        if let Life::Closing {
            before, replies, ..
        } = life
        {
            let report = CloseReport {
                delivered: self.tally.delivered - before.delivered,
                failed: self.tally.failed - before.failed,
                unknown: self.tally.unknown - before.unknown,
            };
            for reply in replies {
                self.cx.notices.push(Notice::answer(reply, report));
            }
        }
        self.end_questions();
    }
}

/// Metadata younger than this is not asked for anew, with `retry.backoff.ms=0` either.
const LEAST_AGE: Duration = Duration::from_millis(10);
