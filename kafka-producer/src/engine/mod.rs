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
//! runs under tokio and in a simulation. What is gone through one by one stands in an order of its
//! own (`BTreeMap`), because the order of a hash map differs from process to process.
//!
//! What each file decides is in the code map of `ARCHITECTURE.md`.

mod backoff;
mod cluster;
mod commands;
mod context;
mod handle;
mod identity;
mod input;
mod notice;
mod obstacle;
mod produce;
mod timers;
mod transaction;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;

use kafka_accumulator::{Accumulator, NoCallsOut, Panic, Queue};

pub use cluster::node_id::NodeId;
pub use cluster::snapshot::{Cluster, Topic};
pub use handle::{CloseReport, Desk, DeskState, Question, Snapshot};
pub use input::{Action, Input};
pub use notice::Notices;
pub use produce::request::{Confirm, Outgoing, Payload, ProduceOrder};
pub use transaction::TransactionCall;

use crate::error::{Cause, DeliveryError, FatalError, TransactionError, WaitReason};
use crate::settings::{Guarantee, Settings};
use cluster::features::Features;
use cluster::in_flight::Sent;
use cluster::metadata::Metadata;
use cluster::node::{Left, Node};
use context::Context;
use identity::Identity;
use notice::Notice;
use produce::admission::Admission;
use produce::coalesce::Company;
use produce::expiration::Expiration;
use produce::lane::LaneKey;
use produce::lanes::Lanes;
use produce::verdict::Ambiguity;
use timers::Timers;
use transaction::{Ask, Transactions};

/// What one producer decides by.
pub struct Engine {
    cx: Context,

    nodes: BTreeMap<NodeId, Node>,
    /// Brokers that were known.
    departed: BTreeMap<NodeId, Left>,
    lanes: Lanes,
    metadata: Metadata,
    identity: Identity,
    /// Why there is no producer id, if a broker has refused it for now.
    identity_obstacle: Option<WaitReason>,
    expiration: Expiration,
    /// Of a transactional producer.
    transactions: Option<Transactions>,
    features: Features,
    life: Life,
    /// Outcomes so far.
    tally: CloseReport,

    /// Lanes whose open batch was seen before it was due.
    lingering: BTreeSet<LaneKey>,
    /// Brokers for which something changed since `settle`.
    stirred: Vec<NodeId>,
    follow_up: FollowUp,
    /// Kept to be filled again.
    rung: Vec<Arc<Queue<DeliveryError>>>,
    /// The same, for the lanes of a request.
    chosen: Vec<LaneKey>,
    /// Batches that their broker is about to be asked about.
    inquiries: Vec<Sent>,
    company: Company,
    admission: Admission,
}

/// Whether all that follows from what was handled is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FollowUp {
    Open,
    Done,
}

/// How long the engine goes on.
#[derive(Debug)]
enum Life {
    /// Until `close`.
    Open,
    /// Until everything has an outcome.
    Closing {
        deadline: Option<Instant>,
        /// The tally when `close` was called.
        before: CloseReport,
        replies: Vec<oneshot::Sender<CloseReport>>,
    },
    /// It does nothing any more.
    Ended,
}

impl Engine {
    /// An engine that has met nobody yet. The same `seed` and inputs give the same actions.
    pub fn new(
        settings: Arc<Settings>,
        accumulator: Arc<Accumulator<DeliveryError>>,
        desk: Arc<Desk>,
        seed: u64,
        now: Instant,
    ) -> Self {
        let nodes = settings.bootstrap.iter().zip(1..).map(|(address, number)| {
            let id = NodeId(-number);
            let backoff = settings.reconnect_backoff;
            (id, Node::new(id, address.clone(), backoff))
        });
        let identity = match settings.guarantee {
            Guarantee::Plain(_) => Identity::NotNeeded,
            Guarantee::Idempotent | Guarantee::Transactional(_) => Identity::Missing {
                not_before: now,
                failures: 0,
            },
        };
        let transactional = settings.guarantee.transactional().cloned();
        let expiration = Expiration::new(settings.producer_id_expiration, now);
        let metadata = Metadata::new(settings.retry_backoff);
        Self {
            nodes: nodes.collect(),
            departed: BTreeMap::new(),
            cx: Context {
                settings,
                accumulator,
                desk,
                random: fastrand::Rng::with_seed(seed),
                now,
                timers: Timers::default(),
                actions: VecDeque::new(),
                notices: Vec::new(),
            },
            lanes: Lanes::default(),
            metadata,
            identity,
            identity_obstacle: None,
            expiration,
            transactions: transactional.map(|settings| Transactions::new(settings, now)),
            features: Features::UNKNOWN,
            life: Life::Open,
            tally: CloseReport::default(),
            lingering: BTreeSet::new(),
            stirred: Vec::new(),
            follow_up: FollowUp::Open,
            rung: Vec::new(),
            chosen: Vec::new(),
            inquiries: Vec::new(),
            company: Company::new(now),
            admission: Admission::new(),
        }
    }

    /// Takes note of something that happened outside.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let _quiet = NoCallsOut::new();
        self.cx.now = now;
        self.expiration.pass(now);
        self.follow_up = FollowUp::Open;
        match input {
            Input::Rung => {
                self.attend();
                self.announce_alarm();
            }
            Input::Tick => {
                self.attend();
                self.attend_to_timers();
                self.announce_alarm();
            }
            Input::Opened(node) => self.opened(node),
            Input::Received(node, frame) => self.received(node, frame),
            Input::Compressing(node, correlation_id) => self.compressing(node, correlation_id),
            Input::Compressed(node, correlation_id) => self.compressed(node, correlation_id),
            Input::Written(node, correlation_id) => self.written(node, correlation_id),
            Input::Unsendable(node, correlation_id, why) => {
                self.unsendable(node, correlation_id, &why);
            }
            Input::Lost(node, why) => self.lost(node, &why),
        }
    }

    /// The next thing to be done outside. Call until `None` after each [`handle`](Self::handle).
    pub fn poll(&mut self) -> Option<Action> {
        let _quiet = NoCallsOut::new();
        if self.cx.actions.is_empty()
            && (self.follow_up == FollowUp::Open || self.company.is_awaited())
        {
            self.settle();
        }
        self.cx.actions.pop_front()
    }

    /// Moves what callers are to be told to the end of `into`. Call after each [`poll`](Self::poll) that
    /// returned `None`, and have it told where nothing is locked.
    pub fn hand_over(&mut self, into: &mut Notices) {
        match into.list.is_empty() {
            true => std::mem::swap(&mut into.list, &mut self.cx.notices),
            false => into.list.append(&mut self.cx.notices),
        }
        self.cx.accumulator.take_served(&mut into.served);
    }

    /// Whether there is anything to be [handed over](Self::hand_over), but for whose wait for memory is
    /// over: the doorbell rings for them.
    pub fn has_notices(&self) -> bool {
        !self.cx.notices.is_empty()
    }

    /// When to call `handle` with [`Input::Tick`] if nothing else happens first.
    pub fn deadline(&mut self) -> Option<Instant> {
        let memory = self.cx.accumulator.next_waiter_deadline();
        let patience = self.admission.deadline();
        [self.cx.timers.next(), memory, patience]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether everything is decided after a close.
    pub fn has_ended(&self) -> bool {
        matches!(self.life, Life::Ended)
    }

    /// Whether a caller that rings had better drive this himself: no answer is owed, and what there
    /// is to write takes him less time than to wake somebody.
    pub fn is_worth_driving(&mut self) -> bool {
        self.is_idle() && self.cx.accumulator.backlog() <= LITTLE_BYTES
    }

    /// Whether no broker owes an answer to a produce request.
    pub fn is_idle(&mut self) -> bool {
        self.nodes
            .values_mut()
            .all(|node| node.in_flight().is_none_or(|asked| asked.len() == 0))
    }

    /// While a batch lingers this engine gets up within a linger: what comes meanwhile and lingers
    /// itself need not ring.
    fn announce_alarm(&self) {
        if !self.lingering.is_empty() {
            self.cx.accumulator.doorbell().announce_alarm();
        }
    }

    /// Follows from whatever has changed: ask what must be asked, send what can be sent.
    fn settle(&mut self) {
        if self.has_ended() {
            return;
        }
        if self.company.is_awaited() {
            self.attend();
            self.announce_alarm();
        }
        while let Some(node) = self.stirred.pop() {
            self.dispatch(node);
        }
        let asked = self.cx.actions.len();
        // After dispatching, which may find that one of them is needed.
        self.ask_for_metadata();
        self.ask_for_identity();
        self.ask_for_transaction();
        self.end_if_done();
        // A question that was asked may have changed what is to be asked next; and of a transaction
        // much follows without any.
        let all = self.cx.actions.len() == asked && self.stirred.is_empty();
        self.follow_up = match all && self.transactions.is_none() {
            true => FollowUp::Done,
            false => FollowUp::Open,
        };
    }

    /// No question will be answered any more.
    fn end_questions(&mut self) {
        let unanswered = self.cx.desk.retire().into_iter();
        self.cx.notices.extend(unanswered.map(Notice::unanswered));
    }

    /// Fails everything, now and from now on.
    fn fail_for_good(&mut self, fatal: FatalError) {
        self.cx.desk.change(DeskState::Failed(fatal.clone()));
        self.cx.accumulator.close();
        self.give_up_transaction(|| TransactionError::Fatal(fatal.clone()));
        self.give_up(|| Cause::Fatal(fatal.clone()));
    }
}

impl Engine {
    /// Ends everything because whoever drove this has panicked, and nobody goes on. What was sent may
    /// be in the log, whatever is written here about answers: one may just have been taken note of.
    pub fn fail_after(&mut self, panic: &Panic) {
        let message = Arc::clone(panic.message());
        for lane in self.lanes.iter_mut() {
            for slot in lane.slots.iter_mut().filter(|slot| slot.attempts > 0) {
                slot.ambiguity = Ambiguity::Adrift;
            }
        }
        self.fail_for_good(FatalError::Panicked { message });
        self.end_life();
    }
}

impl Drop for Engine {
    /// Whoever still asks or appends learns that nobody is here, and what has no outcome is abandoned.
    fn drop(&mut self) {
        self.cx.accumulator.close();
        self.end_questions();
        let mut notices = Notices::default();
        self.hand_over(&mut notices);
        notices.tell();
        // Callers may hold the queues, and nobody takes from them any more.
        for queue in self.cx.accumulator.queues() {
            drop(queue.take_all());
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("nodes", &self.nodes)
            .field("identity", &self.identity)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

/// What is summed and written about as quickly as another thread is woken.
const LITTLE_BYTES: usize = 32 << 10;
