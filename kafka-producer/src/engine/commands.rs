//! Routing: what callers ask for, and timers that are due, to the owners that they concern.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;
use kafka_accumulator::Completion;

use crate::engine::Engine;
use crate::engine::cluster::topic_waiters::Waiter;
use crate::engine::connecting::Connect;
use crate::engine::handle::{CloseReport, Command, EngineState, Transacted, TransactionCall};
use crate::engine::lifecycle::Close;
use crate::engine::notice::Notice;
use crate::engine::produce::sender::blocked::cluster_obstacle;
use crate::engine::timers::Timer;
use crate::engine::warming::WarmUp;
use crate::error::{
    AbortableError, Cause, ClientInstanceIdError, DeliveryError, SendError, TransactionError,
    WaitReason,
};
use crate::explanation::Standing;

impl Engine {
    /// Looks at what callers ask and at the queues that rang.
    pub(super) fn attend(&mut self) {
        // Before the lists are read.
        self.sender.withdraw_alarm(&self.cx);
        for command in self.cx.handle.take_commands() {
            self.execute(command);
        }
        let (sender, mut peers) = self.sender_and_peers();
        sender.look_at_rung(&mut peers);
        let (lanes, _) = self.sender.numbering();
        let accounts = lanes.accounts_mut();
        for id in accounts.unlimited() {
            self.cx
                .metrics
                .charged_to(self.cx.now, *id, accounts.get(*id));
        }
        self.admission.see_to(&self.cx, &self.nodes, accounts);
        let (sender, mut peers) = self.sender_and_peers();
        sender.hurry(&mut peers);
    }

    /// Sees to everything whose time has come.
    pub(super) fn attend_to_timers(&mut self) {
        while let Some(timer) = self.cx.timers.pop_due(self.cx.now) {
            self.due(timer);
            // What is due next may end the transaction of what has failed.
            self.follow_up();
        }
        self.cx.accumulator.expire_waiters(self.cx.now);
    }

    fn due(&mut self, timer: Timer) {
        let (sender, mut peers) = self.sender_and_peers();
        match timer {
            // A timer outlives what it was armed for.
            Timer::Linger(lane) | Timer::Retry(lane) | Timer::Expiry(lane) | Timer::Wait(lane)
                if sender.lanes().get(lane).is_none() => {}
            Timer::Linger(lane) => sender.linger_is_over(&mut peers, lane),
            Timer::Retry(lane) => sender.list(&mut peers, lane),
            Timer::Expiry(lane) => sender.expire(&mut peers, lane),
            Timer::Wait(lane) => sender.weigh_waiting(&mut peers, lane),
            Timer::Node(node) => self.node_is_due(node),
            Timer::Bootstrap => self.bootstrap_is_due(),
            Timer::Session(node) => self.session_is_due(node),
            Timer::Metadata => self.metadata_is_due(),
            // Nothing to do here: `settle` asks.
            Timer::Identity | Timer::Connect | Timer::WarmUp => {}
            Timer::Telemetry => self.telemetry.look_again(&mut self.cx),
            Timer::Coalesce(node) => sender.stir(node),
            Timer::Transaction => self.transaction_is_due(),
            Timer::Close => self.close_is_due(),
        }
    }

    fn bootstrap_is_due(&mut self) {
        if let Some(fatal) = self.nodes.unresolved(self.cx.now) {
            self.fail_for_good(fatal);
        }
    }

    fn metadata_is_due(&mut self) {
        let (_, peers) = self.sender_and_peers();
        let last = cluster_obstacle(&peers);
        self.metadata.due(&mut self.cx, last.as_ref());
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Topic {
                name,
                partition,
                since,
                deadline,
                reply,
            } => {
                if !matches!(self.cx.handle.state(), EngineState::Open) {
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
                self.metadata.wait_for(&mut self.cx, &name, waiter);
            }
            Command::Connect {
                limit,
                deadline,
                reply,
            } => self.connect(Connect {
                limit,
                deadline,
                reply,
                failed: BTreeMap::new(),
            }),
            Command::WarmUp {
                topics,
                since,
                deadline,
                reply,
            } => self.warm_up(WarmUp::new(topics, since, deadline, reply)),
            Command::Flush { reply } => {
                let undecided = self.flush();
                self.cx.notices.push(Notice::answer(reply, undecided));
            }
            Command::Undecided { reply } => {
                let (sender, mut peers) = self.sender_and_peers();
                let undecided = sender.undecided(&mut peers);
                self.cx.notices.push(Notice::answer(reply, undecided));
            }
            Command::Explain {
                topic,
                partition,
                reply,
            } => self.explain(&topic, partition, reply),
            Command::Shortage { since, reply } => self.tell_shortage(since, reply),
            Command::Transact {
                call,
                deadline,
                reply,
            } => self.transact(call, deadline, reply),
            Command::NotAccepted(why) => self.not_accepted(why),
            Command::ClientInstanceId { deadline, reply } => {
                self.telemetry.wait_for_id(&mut self.cx, deadline, reply);
                if !matches!(self.cx.handle.state(), EngineState::Open) {
                    let closed = Err(ClientInstanceIdError::Closed);
                    self.telemetry.tell_waiters(&mut self.cx, &closed);
                }
            }
            Command::Gathered(gathered) => self.metrics_gathered(gathered),
            Command::Close { deadline, reply } => self.close(deadline, reply),
        }
    }

    /// Tells what the records of a partition wait for.
    fn explain(&mut self, topic: &str, partition: i32, reply: oneshot::Sender<Standing>) {
        let (sender, mut peers) = self.sender_and_peers();
        let standing = match sender.explain(&mut peers, topic, partition) {
            waiting @ Standing::Waiting { .. } => waiting,
            without_records => self.cx.handle.state().ended().unwrap_or(without_records),
        };
        self.cx.notices.push(Notice::answer(reply, standing));
    }

    /// Tells why no memory has become free since then.
    fn tell_shortage(&mut self, since: Instant, reply: oneshot::Sender<Option<WaitReason>>) {
        let (sender, mut peers) = self.sender_and_peers();
        let last = sender.shortage(&mut peers, since);
        let cx = &mut self.cx;
        cx.reports
            .memory_full(last.as_ref(), cx.now, &mut cx.actions);
        cx.notices.push(Notice::answer(reply, last));
    }

    /// What a record is refused with now.
    pub(super) fn refusal(&self) -> SendError {
        match self.cx.handle.state() {
            EngineState::Failed(fatal) => SendError::Fatal(fatal),
            EngineState::Open | EngineState::Closed => SendError::Closed,
        }
    }

    /// Does what a caller asks for around a transaction, or begins to; `reply` is told the outcome.
    fn transact(
        &mut self,
        call: TransactionCall,
        deadline: Instant,
        reply: oneshot::Sender<Result<Transacted, TransactionError>>,
    ) {
        let features = self.features;
        self.transactions
            .call(&mut self.cx, features, call, deadline, reply);
        self.see_to_ending();
    }

    fn transaction_is_due(&mut self) {
        self.see_to_ending();
        let (sender, peers) = self.sender_and_peers();
        let last = sender.transaction_obstacle(&peers);
        self.transactions.due(&mut self.cx, last);
        self.see_to_ending();
    }

    fn close_transaction(&mut self) {
        self.transactions.close(&mut self.cx);
        self.see_to_ending();
    }

    /// A record of the open transaction was not accepted: it cannot be committed without it.
    fn not_accepted(&mut self, why: SendError) {
        let why = || AbortableError::Send(Arc::new(why));
        self.transactions.must_abort(&mut self.cx, why);
        self.see_to_ending();
    }

    /// Makes everything due now and lists the batches that have no outcome.
    fn flush(&mut self) -> Vec<Arc<Completion<DeliveryError>>> {
        let (sender, mut peers) = self.sender_and_peers();
        sender.flush(&mut peers)
    }

    fn close(&mut self, deadline: Option<Instant>, reply: oneshot::Sender<CloseReport>) {
        let deadline = deadline.or_else(|| self.transactions.close_deadline(&self.cx));
        if let Some(deadline) = deadline {
            self.cx.timers.arm(Timer::Close, deadline);
        }
        let tally = self.cx.tally();
        let notices = &mut self.cx.notices;
        if self.lifecycle.close(deadline, reply, tally, notices) == Close::Begins {
            if matches!(self.cx.handle.state(), EngineState::Open) {
                self.cx.handle.change(EngineState::Closed);
            }
            self.cx.accumulator.close();
            self.sender.stop_coalescing();
            self.close_transaction();
            self.refuse_waiters();
            self.flush();
        }
    }

    fn refuse_waiters(&mut self) {
        let refusal = self.refusal();
        self.metadata.refuse_waiters(&mut self.cx, &refusal);
        self.refuse_connects(&refusal);
        self.refuse_warm_ups(&refusal);
        self.telemetry
            .tell_waiters(&mut self.cx, &Err(ClientInstanceIdError::Closed));
    }

    fn close_is_due(&mut self) {
        if self.lifecycle.is_overdue(self.cx.now) {
            let why = || TransactionError::Closed;
            self.transactions.give_up(&mut self.cx, why);
            self.give_up(|| Cause::Closed);
        }
    }

    /// Ends every record that has no outcome.
    pub(super) fn give_up(&mut self, cause: impl Fn() -> Cause) {
        self.refuse_waiters();
        let (sender, mut peers) = self.sender_and_peers();
        sender.give_up(&mut peers, cause);
    }

    /// After `close`: ends when nothing is left to be decided.
    pub(super) fn end_if_done(&mut self) {
        if !self.lifecycle.is_closing() {
            return;
        }
        let is_busy = self.sender.sort_out_idle();
        if !is_busy && self.transactions.are_settled() && self.last_push_is_over() {
            self.end();
        }
    }

    /// Does nothing from now on, and tells those that close.
    pub(super) fn end(&mut self) {
        self.cx.metrics.ended(self.cx.now);
        let tally = self.cx.tally();
        self.telemetry
            .tell_waiters(&mut self.cx, &Err(ClientInstanceIdError::Closed));
        self.lifecycle.end(tally, &mut self.cx.notices);
        self.end_commands();
    }
}
