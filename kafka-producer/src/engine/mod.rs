//! The engine: everything that is decided, and nothing that waits.
//!
//! ```text
//!            handle(now, Input)            poll() -> Action
//!  driver ─────────────────────▶ Engine ─────────────────────▶ driver
//!                                  │  deadline(): when to come back if nothing else happens
//! ```
//!
//! Which broker is asked what, which batch goes where and when, what an answer means, when a record
//! is given up: all of it is decided here, by one owner, from inputs alone. There is no socket, no
//! clock, no task and no randomness in this folder that was not passed in, so that the same engine
//! runs under tokio and in a simulation. What is iterated has an order of its own (`BTreeMap`), because
//! that of a hash map differs from process to process.
//!
//! A record's way through the files, the owners, and what each file is: `ARCHITECTURE.md`.

mod backoff;
mod cluster;
mod commands;
mod connect;
mod connecting;
mod context;
mod coordination;
mod event;
mod handle;
mod identity;
mod input;
mod lifecycle;
mod login;
mod metrics;
mod misrouted;
mod notice;
mod produce;
mod push_metrics;
mod reports;
mod responses;
mod seed;
mod telemetry;
mod timers;
mod transaction;
mod warm_up;
mod warming;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_accumulator::{Accumulator, NoUserCode, Panic};

pub use cluster::node_id::NodeId;
#[cfg(feature = "mock")]
pub(crate) use cluster::snapshot::Change;
pub use cluster::snapshot::{Cluster, Topic};
pub use event::{Event, Weight};
pub use handle::{
    CloseReport, Command, EngineHandle, EngineState, Snapshot, Transacted, TransactionCall,
};
pub use input::{Action, Input};
#[cfg(feature = "tokio")]
pub(crate) use metrics::{CallerCounters, Wait};
pub use metrics::{Measurements, Traffic};
pub use notice::Notices;
#[cfg(feature = "mock")]
pub(crate) use produce::batch_records;
pub use produce::request::{Confirm, Outgoing, Payload, PendingProduce};
pub use seed::Seed;
pub use telemetry::{Gathered, Gathering};

use crate::error::{
    AbortableError, Cause, DeliveryError, FatalError, Persistence, TransactionError,
};
use crate::settings::{Guarantee, Settings};
use cluster::features::Features;
use cluster::handshake::sasl::Authenticator;
use cluster::metadata::Metadata;
use cluster::nodes::Nodes;
use connecting::Connects;
use context::Context;
use kafka_wire::ErrorCode;
use lifecycle::Lifecycle;
use notice::Notice;
use produce::admission::Admission;
use produce::sender::{Peers, Sender};
use telemetry::Telemetry;
use transaction::Transactions;
use warming::WarmUps;

/// The owners of a producer's state, and the routing between them.
pub struct Engine {
    cx: Context,
    nodes: Nodes,
    features: Features,
    metadata: Metadata,
    sender: Sender,
    admission: Admission,
    transactions: Transactions,
    lifecycle: Lifecycle,
    connects: Connects,
    warm_ups: WarmUps,
    telemetry: Telemetry,
    settled: Settled,
}

/// Whether all that follows from what was handled is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    No,
    Yes,
}

impl Engine {
    /// An engine that knows the bootstrap servers only. The same seed and inputs give the same actions.
    pub fn new(
        settings: Arc<Settings>,
        accumulator: Arc<Accumulator<DeliveryError>>,
        handle: Arc<EngineHandle>,
        seed: Seed,
        now: Instant,
    ) -> Self {
        let transactional = settings.guarantee.transactional().cloned();
        let nodes = Nodes::new(&settings, Authenticator::new(seed.secret));
        let metadata = Metadata::new(settings.retry_backoff);
        let cx = Context::new(settings, accumulator, handle, seed.chance, now);
        Self {
            nodes,
            features: Features::UNKNOWN,
            metadata,
            sender: Sender::new(&cx),
            admission: Admission::default(),
            transactions: Transactions::new(transactional, now),
            lifecycle: Lifecycle::open(),
            connects: Connects::default(),
            warm_ups: WarmUps::default(),
            telemetry: Telemetry::new(&cx.settings),
            settled: Settled::No,
            cx,
        }
    }

    /// Takes note of something that happened outside.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let _quiet = NoUserCode::new();
        self.cx.now = now;
        self.sender.expiration().pass(now);
        self.settled = Settled::No;
        match input {
            Input::Rung => {
                self.attend();
                self.sender.announce_alarm(&self.cx);
            }
            Input::Tick => {
                self.attend();
                self.attend_to_timers();
                self.sender.announce_alarm(&self.cx);
            }
            Input::Resolved(node) => self.nodes.resolved(node),
            Input::Opened(node) => self.opened(node),
            Input::Received(node, frame) => self.received(self.nodes.current(node), frame),
            Input::Compressing(node, correlation_id) => self.compressing(node, correlation_id),
            Input::Compressed(node, correlation_id) => self.compressed(node, correlation_id),
            Input::Written(node, correlation_id) => self.written(node, correlation_id),
            Input::Unsendable(node, correlation_id, why) => {
                self.unsendable(node, correlation_id, &why);
            }
            Input::Lost(node, why) => self.lost(self.nodes.current(node), &why),
            Input::TlsFailed(node, why) => self.tls_failed(self.nodes.current(node), &why),
            Input::Token(node, told) => self.token_told(node, told),
        }
        self.follow_up();
    }

    /// Notes what the system's clock shows now. Brokers forget a producer by the timestamps of its
    /// records; an engine that is not told the time takes records for dated when they were appended.
    pub fn observe_wall_clock(&mut self, now: Instant, wall_ms: i64) {
        self.sender.expiration().observe_wall_clock(now, wall_ms);
    }

    /// `host:port` where the broker was dialed last, if it was.
    pub fn address_of(&self, id: NodeId) -> Option<Arc<str>> {
        self.cx.addresses.of(self.nodes.current(id))
    }

    /// Notes what went through the connection to a broker.
    pub fn note_traffic(&self, now: Instant, id: NodeId, traffic: &Traffic) {
        let id = self.nodes.current(id);
        self.cx.metrics.transferred(now, id, traffic);
    }

    /// Notes that whoever drives this has waited for so long, looked at its sockets, and worked for so long.
    pub fn note_round(&self, now: Instant, waited: Duration, worked: Duration) {
        self.cx.metrics.went_round(now, [waited, worked]);
    }

    /// The next thing to be done outside. Call until `None` after each [`handle`](Self::handle).
    pub fn poll(&mut self) -> Option<Action> {
        let _quiet = NoUserCode::new();
        if self.cx.actions.is_empty()
            && (self.settled == Settled::No || self.sender.awaits_others())
        {
            self.settle();
        }
        self.cx.actions.pop_front()
    }

    /// Moves what callers are to be told to the end of `into`. Call after each [`poll`](Self::poll) that
    /// returned `None`, and then [`Notices::tell`] while no lock is held.
    pub fn hand_over(&mut self, into: &mut Notices) {
        match into.list.is_empty() {
            true => std::mem::swap(&mut into.list, &mut self.cx.notices),
            false => into.list.append(&mut self.cx.notices),
        }
        self.cx.accumulator.take_served(&mut into.served);
    }

    /// Whether there is anything to be [handed over](Self::hand_over). Callers whose wait for memory is over
    /// do not count: the doorbell rings for them.
    pub fn has_notices(&self) -> bool {
        !self.cx.notices.is_empty()
    }

    /// When to call `handle` with [`Input::Tick`] if nothing else happens first.
    pub fn deadline(&mut self) -> Option<Instant> {
        let memory = self.cx.accumulator.next_waiter_deadline();
        let admission = self.admission.deadline();
        [self.cx.timers.next(), memory, admission]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether everything is decided after a close.
    pub fn has_ended(&self) -> bool {
        self.lifecycle.has_ended()
    }

    /// Whether a caller that rings should do the next step itself: no broker owes an answer, and writing
    /// what there is takes less time than waking another thread.
    pub fn is_worth_driving(&self) -> bool {
        self.is_idle() && self.sender.lanes().accounts().backlog() <= LITTLE_BYTES
    }

    /// Whether no broker owes an answer.
    pub fn is_idle(&self) -> bool {
        self.nodes.are_idle()
    }

    /// Sends what can be sent and asks what must be asked: one pass. As long as a pass asks anything, another
    /// one follows, because that may change what is to be asked next. Each owner has at most one question on
    /// its way, so that this ends. A transactional producer is looked at again at each poll.
    fn settle(&mut self) {
        if self.has_ended() {
            return;
        }
        self.verify_brokers();
        self.admit_adopted();
        if self.sender.awaits_others() {
            self.attend();
            self.sender.announce_alarm(&self.cx);
        }
        self.send_batches();
        let sent = self.cx.actions.len();
        // After batches were sent, which may have found that one of them is needed.
        self.ask_for_metadata();
        let (sender, mut peers) = self.sender_and_peers();
        sender.ask_for_identity(&mut peers);
        self.see_to_connects();
        self.see_to_warm_ups();
        if self.transactions.are_enabled() {
            // What has failed by now decides how the transaction may end.
            self.tell_failures();
            self.ask_for_transaction();
        }
        self.follow_up();
        let (sender, mut peers) = self.sender_and_peers();
        sender.weigh_topics(&mut peers);
        self.see_to_metrics_push();
        self.report_identity();
        self.end_if_done();
        let has_asked = self.cx.actions.len() > sent || self.sender.is_stirred();
        self.settled = match has_asked || self.transactions.are_enabled() {
            true => Settled::No,
            false => Settled::Yes,
        };
    }

    /// Tells people of another id or epoch. That of transactions changes with each of them.
    fn report_identity(&mut self) {
        if self.cx.settings.guarantee == Guarantee::Idempotent {
            let now = self.sender.identity().producer();
            self.cx.reports.identity(now, &mut self.cx.actions);
        }
    }

    /// Sends each broker for which something has changed as many batches as it can take.
    fn send_batches(&mut self) {
        while let Some(node) = self.sender.take_stirred() {
            let (sender, mut peers) = self.sender_and_peers();
            sender.drain(&mut peers, node);
            self.follow_up();
        }
    }

    /// What sends, and the owners that it concerns.
    fn sender_and_peers(&mut self) -> (&mut Sender, Peers<'_>) {
        let peers = Peers {
            cx: &mut self.cx,
            nodes: &mut self.nodes,
            metadata: &mut self.metadata,
            transactions: &mut self.transactions,
        };
        (&mut self.sender, peers)
    }

    /// Tells owners what was left for them: requests that could not be sent, and batches that have
    /// failed with their transaction.
    fn follow_up(&mut self) {
        while let Some(unsent) = self.sender.take_unsent() {
            self.follow_sent(Err(unsent));
        }
        if self.transactions.are_enabled() {
            self.tell_failures();
            self.see_to_ending();
        }
    }

    /// Tells the transaction, before it can end or another begin, that batches of it have failed.
    fn tell_failures(&mut self) {
        for (key, error) in self.cx.take_failures() {
            if error.persistence() == Persistence::PossiblyPersisted {
                let code = ErrorCode::NETWORK_EXCEPTION;
                self.transactions.batch_answered(key, code);
            }
            let why = || AbortableError::Delivery(error);
            self.transactions.must_abort(&mut self.cx, why);
        }
    }

    /// No question will be answered any more.
    fn end_commands(&mut self) {
        let unanswered = self.cx.handle.retire().into_iter();
        self.cx.notices.extend(unanswered.map(Notice::unanswered));
    }

    /// Fails everything, now and from now on, if this says so.
    fn fail_if(&mut self, result: Result<(), FatalError>) {
        if let Err(fatal) = result {
            self.fail_for_good(fatal);
        }
    }

    /// Fails everything, now and from now on.
    fn fail_for_good(&mut self, fatal: FatalError) {
        self.cx.handle.change(EngineState::Failed(fatal.clone()));
        self.cx.accumulator.close();
        let why = || TransactionError::Fatal(fatal.clone());
        self.transactions.give_up(&mut self.cx, why);
        self.give_up(|| Cause::Fatal(fatal.clone()));
    }

    /// Ends everything because the driver has panicked. What was sent counts as possibly persisted, whatever
    /// is known of its answers: the panic may have come while one was being noted.
    pub fn fail_after(&mut self, panic: &Panic) {
        let message = Arc::clone(panic.message());
        self.sender.doubt_all_attempts();
        self.fail_for_good(FatalError::Panicked { message });
        self.end();
    }
}

impl Drop for Engine {
    /// Callers who ask or append from now on learn that the engine is gone; what has no outcome is abandoned.
    fn drop(&mut self) {
        self.cx.accumulator.close();
        self.end_commands();
        let mut notices = Notices::default();
        self.hand_over(&mut notices);
        notices.tell();
        // Callers may keep the queues alive, but nobody takes from them any more.
        for queue in self.cx.accumulator.queues() {
            drop(queue.take_all());
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("nodes", &self.nodes)
            .field("identity", self.sender.identity())
            .field("lifecycle", &self.lifecycle)
            .finish_non_exhaustive()
    }
}

/// So many bytes are checksummed and written in about the time that it takes to wake another thread.
const LITTLE_BYTES: usize = 32 << 10;
