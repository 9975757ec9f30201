//! What callers and the engine share besides the accumulator.
//!
//! Callers leave commands here and ring; the engine answers each exactly once. The engine publishes the
//! snapshot of the cluster here, and whether records are accepted. Of all this a record needs the
//! snapshot only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_channel::oneshot;
use kafka_accumulator::{Completion, Doorbell};
use kafka_wire::Uuid;

use crate::engine::cluster::snapshot::Cluster;
use crate::engine::metrics::Measurements;
use crate::engine::telemetry::gathered::Gathered;
use crate::error::{
    AbortableError, ClientInstanceIdError, ConnectError, DeliveryError, FatalError, SendError,
    TransactionError, WaitReason,
};
use crate::explanation::Standing;
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};
use crate::metrics::ApplicationMetrics;
use crate::prepared::{CompletedTxn, PreparedTxnState};

/// Shared between all handles of one producer and its engine.
#[derive(Debug)]
pub struct EngineHandle {
    cluster: ArcSwap<Cluster>,
    /// The generation of `cluster`, which no other snapshot of this process has.
    generation: AtomicU64,
    /// `None` when the engine has ended and nobody will answer.
    commands: Mutex<Option<Vec<Command>>>,
    state: ArcSwap<EngineState>,
    /// Why the open transaction can only be aborted.
    abort_reason: ArcSwapOption<AbortableError>,
    measurements: Arc<Measurements>,
    doorbell: Arc<Doorbell>,
    /// Metrics of the program that are pushed beside the producer's.
    application_metrics: ApplicationMetrics,
}

/// Whether the producer still takes records.
#[derive(Clone, Debug)]
pub enum EngineState {
    /// It does.
    Open,
    /// `close` was called.
    Closed,
    /// It failed as a whole.
    Failed(FatalError),
}

impl EngineState {
    /// How it stands with every partition without records, if none are taken any more.
    pub(crate) fn ended(self) -> Option<Standing> {
        match self {
            Self::Open => None,
            Self::Closed => Some(Standing::Closed),
            Self::Failed(fatal) => Some(Standing::Failed(fatal)),
        }
    }
}

/// What a caller wants of the engine.
#[derive(Debug)]
pub enum Command {
    /// Tell me when this topic can be written to, or that it never will, by `deadline`.
    Topic {
        /// Its name.
        name: Arc<str>,
        /// The partition that is to be written to, if any will not do.
        partition: Option<i32>,
        /// When the caller began to wait.
        since: Instant,
        /// When to give up: `max.block.ms` later.
        deadline: Instant,
        /// Dropped if nobody waits any more.
        reply: oneshot::Sender<Result<(), SendError>>,
    },
    /// Tell me when a server has told of the cluster, or why none does.
    Connect {
        /// `max.block.ms`.
        limit: Duration,
        /// When to give up: that much later.
        deadline: Instant,
        /// Dropped if nobody waits any more.
        reply: oneshot::Sender<Result<(), ConnectError>>,
    },
    /// Tell me when the leaders of these topics, which are known, are connected, and there is a producer id.
    WarmUp {
        /// Their names.
        topics: Vec<Arc<str>>,
        /// When the caller began to wait.
        since: Instant,
        /// When to give up: `max.block.ms` later.
        deadline: Instant,
        /// Dropped if nobody waits any more.
        reply: oneshot::Sender<Result<(), SendError>>,
    },
    /// Send everything now, and tell me what that is.
    Flush {
        /// One completion per batch that is not decided yet.
        reply: oneshot::Sender<Vec<Arc<Completion<DeliveryError>>>>,
    },
    /// Tell me how many records have no outcome yet; answered at once.
    Undecided {
        /// Told so many.
        reply: oneshot::Sender<u64>,
    },
    /// Tell me what the records of a partition wait for; answered at once.
    Explain {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// Dropped if nobody waits any more.
        reply: oneshot::Sender<Standing>,
    },
    /// Tell me why no memory has become free since then; answered at once.
    Shortage {
        /// When the wait for memory began.
        since: Instant,
        /// Told what is in the way, if it is not only that brokers are slow.
        reply: oneshot::Sender<Option<WaitReason>>,
    },
    /// Something about transactions.
    Transact {
        /// What.
        call: TransactionCall,
        /// When to give up waiting; the call itself goes on.
        deadline: Instant,
        /// Told when it is done.
        reply: oneshot::Sender<Result<Transacted, TransactionError>>,
    },
    /// A record of the open transaction was not accepted, for this reason: nobody waits for anything,
    /// but the transaction must not be committed without it.
    NotAccepted(SendError),
    /// Tell me the id by which brokers know the metrics of this client.
    ClientInstanceId {
        /// When to give up.
        deadline: Instant,
        /// Dropped if nobody waits any more.
        reply: oneshot::Sender<Result<Uuid, ClientInstanceIdError>>,
    },
    /// Metrics were gathered for a push, or could not be; nobody waits for anything.
    Gathered(Option<Gathered>),
    /// Send everything, take nothing more, and end by `deadline`.
    Close {
        /// When the rest is given up; `None`: when each record's own time is up.
        deadline: Option<Instant>,
        /// What became of the records that were still here.
        reply: oneshot::Sender<CloseReport>,
    },
}

/// What a caller asks for around a transaction; see the methods of the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionCall {
    /// Fence whoever used this `transactional.id` before, and get an id and epoch.
    Init,
    /// The same, but commit what was prepared if it is this, and abort it otherwise.
    Complete(Option<PreparedTxnState>),
    /// Take records; waits until the transaction before has ended.
    Begin,
    /// Commit these offsets of a consumer with the transaction.
    SendOffsets {
        /// Which; none is nothing to do.
        offsets: Vec<OffsetToCommit>,
        /// Whose.
        group: ConsumerGroupMetadata,
    },
    /// Send everything, so that only the coordinator is to be told how the transaction ends.
    Prepare,
    /// Make everything visible, together.
    Commit,
    /// Make nothing visible.
    Abort,
    /// Make everything visible of what is prepared, if it is this.
    CommitPrepared(PreparedTxnState),
    /// Make nothing visible of what is prepared, if it is this.
    AbortPrepared(PreparedTxnState),
    /// Tell how the last transaction has ended, as soon as it has.
    Wait,
    /// Nobody holds the transaction any more: abort it, unless it is being committed or is prepared.
    Abandon,
    /// Nobody waits for the transaction to be prepared any more: abort it, also if it is prepared by now.
    AbandonPrepare,
}

/// What was done about a call around a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transacted {
    /// What was asked.
    Done,
    /// The transaction is prepared.
    Prepared(PreparedTxnState),
    /// What was prepared before has ended so.
    Completed(CompletedTxn),
}

impl TransactionCall {
    /// The method that asks for this, for error messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Init => "init_transactions",
            Self::Complete(_) => "complete_transaction",
            Self::Begin => "begin_transaction",
            Self::SendOffsets { .. } => "send_offsets",
            Self::Prepare => "prepare",
            Self::Commit | Self::CommitPrepared(_) => "commit",
            Self::Abort | Self::AbortPrepared(_) => "abort",
            Self::Wait => "wait_for_transaction",
            Self::Abandon | Self::AbandonPrepare => "dropping a transaction",
        }
    }
}

/// What became of the records that had no outcome when `close` was called.
///
/// ```
/// let report = kafka_producer::CloseReport::default();
/// assert!(report.is_clean());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Acknowledged.
    pub delivered: u64,
    /// Failed, and not in the log.
    pub failed: u64,
    /// Failed, and possibly in the log.
    pub unknown: u64,
}

impl CloseReport {
    /// Whether each of them was acknowledged. Records that had failed before `close` are not counted: their
    /// deliveries and callbacks were told.
    ///
    /// ```
    /// assert!(kafka_producer::CloseReport::default().is_clean());
    /// ```
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.unknown == 0
    }
}

impl EngineHandle {
    /// An empty handle of an open producer.
    pub fn new(doorbell: Arc<Doorbell>) -> Self {
        Self {
            cluster: ArcSwap::default(),
            generation: AtomicU64::new(next_generation()),
            commands: Mutex::new(Some(Vec::new())),
            state: ArcSwap::from_pointee(EngineState::Open),
            abort_reason: ArcSwapOption::empty(),
            measurements: Arc::default(),
            doorbell,
            application_metrics: ApplicationMetrics::default(),
        }
    }

    pub(crate) fn application_metrics(&self) -> &ApplicationMetrics {
        &self.application_metrics
    }

    /// What is measured of the producer.
    pub fn measurements(&self) -> &Arc<Measurements> {
        &self.measurements
    }

    /// The snapshot of now.
    pub fn cluster(&self) -> arc_swap::Guard<Arc<Cluster>> {
        self.cluster.load()
    }

    /// The snapshot of now, by way of one that the caller keeps: where nothing has changed since,
    /// that costs a load and a comparison.
    #[inline(always)]
    pub fn latest<'a>(&self, kept: &'a mut Snapshot) -> &'a Cluster {
        let generation = self.generation.load(Ordering::Acquire);
        if kept.generation != generation {
            self.renew(kept, generation);
        }
        &kept.cluster
    }

    #[inline(never)]
    fn renew(&self, kept: &mut Snapshot, generation: u64) {
        *kept = Snapshot {
            generation,
            cluster: self.cluster.load_full(),
        };
    }

    /// Whether records are taken.
    pub fn state(&self) -> EngineState {
        EngineState::clone(&self.state.load())
    }

    /// Leaves a command and rings. It is dropped, and with it the reply, if the engine has ended.
    pub fn ask(&self, command: Command) {
        if let Some(commands) = &mut *self.commands() {
            commands.push(command);
        }
        self.doorbell.ring();
    }

    /// Asks for a topic, or for one partition of it; answered by `deadline`.
    pub fn ask_for_topic(
        &self,
        name: Arc<str>,
        partition: Option<i32>,
        since: Instant,
        deadline: Instant,
    ) -> oneshot::Receiver<Result<(), SendError>> {
        let (reply, answer) = oneshot::channel();
        self.ask(Command::Topic {
            name,
            partition,
            since,
            deadline,
            reply,
        });
        answer
    }

    /// Why no memory has become free since then, as far as that is known.
    pub async fn why_short(&self, since: Instant) -> Option<WaitReason> {
        let (reply, answer) = oneshot::channel();
        self.ask(Command::Shortage { since, reply });
        answer.await.ok().flatten()
    }

    pub(crate) fn publish(&self, cluster: Cluster) {
        // In this order: who reads the new generation finds the new snapshot.
        self.cluster.store(Arc::new(cluster));
        self.generation.store(next_generation(), Ordering::Release);
    }

    pub(crate) fn change(&self, state: EngineState) {
        self.state.store(Arc::new(state));
    }

    /// Why the open transaction can only be aborted, if that is so.
    pub fn abort_reason(&self) -> Option<AbortableError> {
        self.abort_reason.load().as_deref().cloned()
    }

    pub(crate) fn set_abort_reason(&self, why: Option<AbortableError>) {
        self.abort_reason.store(why.map(Arc::new));
    }

    pub(crate) fn take_commands(&self) -> Vec<Command> {
        self.commands()
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// No command is answered any more: callers that wait learn that when theirs is dropped. The snapshot
    /// is emptied, so that threads which send with another producer do not keep the topics of this one.
    pub(crate) fn retire(&self) -> Vec<Command> {
        self.publish(Cluster::default());
        self.commands().take().unwrap_or_default()
    }

    fn commands(&self) -> MutexGuard<'_, Option<Vec<Command>>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A snapshot that a caller keeps from one look to the next; none seen yet to begin with.
///
/// ```
/// use std::sync::Arc;
/// use kafka_producer::engine::{EngineHandle, Snapshot};
///
/// let handle = EngineHandle::new(Arc::default());
/// let mut kept = Snapshot::default();
/// assert!(handle.latest(&mut kept).topic("orders").is_none());
/// ```
#[derive(Debug, Default)]
pub struct Snapshot {
    generation: u64,
    cluster: Arc<Cluster>,
}

/// Generations are numbered through the whole process, so that snapshots of two producers differ.
fn next_generation() -> u64 {
    static GENERATIONS: AtomicU64 = AtomicU64::new(1);
    GENERATIONS.fetch_add(1, Ordering::Relaxed)
}
