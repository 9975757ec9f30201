//! Transactions: what belongs to the open one, and how it ends (KIP-98, KIP-447, KIP-890).
//!
//! ```text
//! Uninitialized ─init─▶ Initializing ─id, epoch─▶ Ready ─begin─▶ Open ─commit─▶ Ending(Commit) ─┐
//!                                                   ▲ ▲           │ failed          │ failed     │
//!                                                   │ │           ▼                 │            │
//!                                                   │ │         Doomed ◀────────────┘            │
//!                                                   │ │           │ abort, dropped, closed       │
//!                                                   │ │           ▼                              │
//!                                                   │ └─ended─ Ending(Abort)                     │
//!                                                   ├─renewed─ Renewing ◀─ended, epoch worn out──┤
//!                                                   └──────────────ended─────────────────────────┘
//! ```
//!
//! One request to a coordinator is on its way at a time; batches of partitions that are in the
//! transaction already never wait for it.
//!
//! | file | decides |
//! |---|---|
//! | `calls` | what a caller may ask for, and who waits for what |
//! | `membership` | what belongs to it |
//! | `requests` | what to ask a coordinator next |
//! | `coordinators` | whom to ask |
//! | `answers`, `verdict` | what the answer means |
//! | `ending` | when it is over, and what the next one begins with |

mod answers;
mod calls;
mod coordinators;
mod ending;
mod membership;
mod requests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

pub use calls::TransactionCall;
use kafka_accumulator::Readiness;
use kafka_wire::ErrorCode;
pub(crate) use requests::Ask;

use crate::engine::produce::lane::LaneKey;
use crate::engine::produce::verdict::TransactionVersion;
use crate::engine::timers::Timer;
use crate::engine::{Engine, NodeId};
use crate::error::{AbortableError, TransactionError, WaitReason};
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};
use crate::settings::TransactionSettings;
use calls::{Call, Caller, Reply};
use coordinators::{Coordinators, Role};
use membership::{Membership, is_turned_away};

/// The transactions of one producer, one after the other.
#[derive(Debug)]
pub(crate) struct Transactions {
    settings: TransactionSettings,
    phase: Phase,
    version: TransactionVersion,
    callers: Vec<Caller>,
    /// Partitions of the open transaction.
    partitions: BTreeMap<LaneKey, Membership>,
    /// Consumer groups of the open transaction.
    groups: BTreeMap<Arc<str>, Membership>,
    /// Offsets that are to be committed with it, in the order of the calls.
    offsets: VecDeque<OffsetCommit>,
    /// Groups whose coordinator has taken the offsets of a call and may be told them once more: it did
    /// not answer at first. Behind those of a later call they would set the group back.
    repeated: BTreeSet<Arc<str>>,
    coordinators: Coordinators,
    request: RequestState,
    /// Requests in a row that brought nothing.
    failures: u32,
    /// What went wrong last, for the message of a caller that waits in vain.
    last_obstacle: Option<WaitReason>,
    /// When the open transaction was begun.
    begun: Instant,
    echo: Echo,
}

/// Where the producer is between two transactions.
#[derive(Debug)]
enum Phase {
    /// `init_transactions` was not called yet, or was refused.
    Uninitialized,
    /// Asking for an id and epoch, which ends whatever an earlier producer of this name left open.
    Initializing,
    /// No transaction is open.
    Ready(Before),
    /// Records are taken.
    Open,
    /// It can only be aborted.
    Doomed(AbortableError),
    /// To be ended as soon as nothing of it is on its way.
    Ending(Ending),
    /// The epoch cannot be used any further; asking for the next.
    Renewing(Before),
}

/// What came before.
#[derive(Clone, Debug)]
enum Before {
    /// The beginning, of which nobody was told who waited for it.
    InitializedUntold,
    /// The beginning.
    Initialized,
    /// A transaction: what is told whoever asks how it has ended.
    Transaction(Result<(), AbortableError>),
}

#[derive(Debug)]
struct Ending {
    how: End,
    owner: Owner,
    health: Health,
    /// Lanes that still had something when they were last looked at.
    busy: Vec<LaneKey>,
    /// Whether the coordinator may have done it and not said so.
    echo: Echo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    Abort,
}

/// Whether anybody could still be told that a commit has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Present,
    Gone,
}

/// Whether a request that nobody answered may still come to its coordinator. With the first protocol
/// one of the transaction would do its work for the next, if that has the same epoch: end it half-way,
/// or begin one that nobody ends. These are the flaws that KIP-890 mends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    None,
    Possible,
}

/// Whether something went wrong in a transaction: then its numbers may be wrong as well.
#[derive(Debug)]
enum Health {
    Sound,
    Doomed(AbortableError),
}

/// Offsets of one call.
#[derive(Debug)]
struct OffsetCommit {
    group: ConsumerGroupMetadata,
    /// Those that are not confirmed yet.
    offsets: Vec<OffsetToCommit>,
    deadline: Instant,
    reply: Option<Reply>,
    echo: Echo,
}

/// The one request to a coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestState {
    /// None; one may be made from `not_before` on.
    Free { not_before: Instant },
    /// On its way.
    Asked,
}

impl Health {
    /// What is told whoever asks how the transaction has ended.
    fn outcome(&self) -> Result<(), AbortableError> {
        match self {
            Self::Sound => Ok(()),
            Self::Doomed(why) => Err(why.clone()),
        }
    }
}

impl Transactions {
    /// What kept a coordinator from going on, if nothing has since.
    pub(super) fn obstacle(&self) -> Option<WaitReason> {
        self.last_obstacle.clone()
    }

    /// Who coordinates the transactions, if that is known.
    pub(super) fn coordinator(&self) -> Option<NodeId> {
        self.coordinators.of(&Role::Transactions)
    }

    /// The lanes whose batches the end of the transaction waits for.
    pub(super) fn awaited(&self) -> &[LaneKey] {
        match &self.phase {
            Phase::Ending(ending) => &ending.busy,
            _ => &[],
        }
    }

    /// Whether no coordinator has to be told of this partition before it is written to.
    pub(super) fn is_told_of(&self, key: LaneKey) -> bool {
        let inside = self.partitions.get(&key) == Some(&Membership::Inside);
        inside || self.version == TransactionVersion::Two
    }

    pub(super) fn new(settings: TransactionSettings, now: Instant) -> Self {
        Self {
            settings,
            phase: Phase::Uninitialized,
            version: TransactionVersion::One,
            callers: Vec::new(),
            partitions: BTreeMap::new(),
            groups: BTreeMap::new(),
            offsets: VecDeque::new(),
            repeated: BTreeSet::new(),
            coordinators: Coordinators::default(),
            request: RequestState::Free { not_before: now },
            failures: 0,
            last_obstacle: None,
            begun: now,
            echo: Echo::None,
        }
    }

    /// Whether the open transaction may ask about this lane.
    pub(super) fn refers_to(&self, key: LaneKey) -> bool {
        self.awaited().contains(&key) || self.partitions.contains_key(&key)
    }

    /// Which protocol the open transaction follows.
    pub(super) fn version(&self) -> TransactionVersion {
        self.version
    }

    pub(super) fn id(&self) -> &Arc<str> {
        &self.settings.id
    }

    /// Whether the producer may end: nothing is open that a coordinator should be told of.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Uninitialized | Phase::Ready(_))
    }

    /// Whether the coordinator may know of the transaction.
    fn has_begun_there(&self) -> bool {
        let mut members = self.partitions.values().chain(self.groups.values());
        members.any(|membership| membership.needs_end())
    }

    /// The coordinator was told of the end, and has not said what became of it.
    fn end_unanswered(&mut self) {
        if let Phase::Ending(ending) = &mut self.phase {
            ending.echo = Echo::Possible;
        }
    }

    /// Whether the coordinator may have committed it and not said so.
    fn may_be_committed(&self) -> bool {
        let Phase::Ending(Ending { how, echo, .. }) = &self.phase else {
            return false;
        };
        (*how, *echo) == (End::Commit, Echo::Possible)
    }

    /// The transaction is over: nothing belongs to it any more.
    fn forget_members(&mut self) {
        self.partitions.clear();
        self.groups.clear();
        self.repeated.clear();
    }

    /// Forgets what was to be added and was not tried.
    fn forget_wishes(&mut self) {
        let tried = |membership: &Membership| *membership != Membership::Wanted;
        self.partitions.retain(|_, membership| tried(membership));
        self.groups.retain(|_, membership| tried(membership));
    }
}

impl Engine {
    /// Whether a new batch may leave this lane's queue: outside of a transaction none may, and with
    /// the first protocol none before its partition is added.
    pub(super) fn may_take(&mut self, key: LaneKey) -> bool {
        let now = self.cx.now;
        let Some(transactions) = &mut self.transactions else {
            return true;
        };
        let membership = transactions.partitions.get(&key);
        let inside = match transactions.version {
            TransactionVersion::One => membership == Some(&Membership::Inside),
            TransactionVersion::Two => membership.is_some(),
        };
        match &transactions.phase {
            Phase::Open
            | Phase::Ending(Ending {
                how: End::Commit, ..
            }) => {}
            Phase::Doomed(_) => return inside,
            _ => return false,
        }
        if inside {
            return true;
        }
        if self.lanes[key as usize].queue.look(now) != Readiness::Ready {
            return true; // Nothing will be taken.
        }
        match transactions.version {
            TransactionVersion::One => {
                let wanted = transactions.partitions.entry(key);
                wanted.or_insert(Membership::Wanted);
                false
            }
            TransactionVersion::Two => {
                transactions.partitions.insert(key, Membership::Tried);
                true
            }
        }
    }

    /// A leader has answered, or not, a batch for this partition; with the second protocol it has
    /// asked the coordinator to add it.
    pub(super) fn batch_answered(&mut self, key: LaneKey, code: ErrorCode) {
        if let Some(transactions) = &mut self.transactions
            && transactions.version == TransactionVersion::Two
            && !is_turned_away(code)
            && let Some(membership) = transactions.partitions.get_mut(&key)
        {
            *membership = Membership::Inside;
        }
    }

    /// A record or a request of the transaction has failed: it can only be aborted now.
    pub(super) fn doom(&mut self, why: impl FnOnce() -> AbortableError) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let owner = match &transactions.phase {
            Phase::Open => Owner::Present,
            Phase::Ending(Ending {
                how: End::Commit,
                owner,
                ..
            }) => *owner,
            _ => return,
        };
        let why = why();
        transactions.forget_wishes();
        for commit in transactions.offsets.drain(..) {
            let aborted = Err(TransactionError::Abortable(why.clone()));
            commit.end(aborted, &mut self.cx.notices);
        }
        let aborted = || Err(TransactionError::Abortable(why.clone()));
        transactions.tell(Call::Commit, aborted, &mut self.cx.notices);
        transactions.phase = Phase::Doomed(why.clone());
        self.cx.desk.doom(Some(why));
        if owner == Owner::Gone {
            self.begin_ending(End::Abort, Owner::Gone);
        }
    }

    /// Comes back to transactions after a while that doubles with every failure in a row.
    fn rest(&mut self, why: WaitReason) {
        let (Some(transactions), cx) = (&mut self.transactions, &mut self.cx) else {
            return;
        };
        transactions.failures = transactions.failures.saturating_add(1);
        let not_before = cx.now + cx.backoff(transactions.failures);
        transactions.request = RequestState::Free { not_before };
        transactions.last_obstacle = Some(why);
        cx.timers.arm(Timer::Transaction, not_before);
    }

    /// A deadline of a caller, of a pause or of the transaction has come.
    pub(super) fn transaction_is_due(&mut self) {
        let limit = self.cx.settings.max_block;
        let now = self.cx.now;
        let last = self.transaction_obstacle();
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        transactions.expire_callers(now, limit, last.as_ref(), &mut self.cx.notices);
        let expires = transactions.begun + transactions.settings.timeout;
        let open = matches!(
            transactions.phase,
            Phase::Open
                | Phase::Ending(Ending {
                    how: End::Commit,
                    ..
                })
        );
        if open
            && expires <= now
            && let Some(request) = transactions.unanswered_request()
        {
            let limit = transactions.settings.timeout;
            self.doom(|| AbortableError::Expired {
                request,
                limit,
                last,
            });
        }
        self.arm_transaction();
    }

    /// Makes sure that transactions are looked at when the next deadline has come.
    fn arm_transaction(&mut self) {
        let now = self.cx.now;
        let Some(transactions) = &self.transactions else {
            return;
        };
        if let Some(at) = transactions.next_due(now) {
            self.cx.timers.arm(Timer::Transaction, at);
        }
    }

    /// Nobody will be told of a transaction any more but this.
    pub(super) fn give_up_transaction(&mut self, why: impl Fn() -> TransactionError) {
        if let Some(transactions) = &mut self.transactions {
            transactions.phase = Phase::Uninitialized;
            for commit in transactions.offsets.drain(..) {
                commit.end(Err(why()), &mut self.cx.notices);
            }
            for caller in transactions.callers.drain(..) {
                caller.end(Err(why()), &mut self.cx.notices);
            }
        }
    }

    /// When a close without a deadline gives up telling the coordinator that a transaction is over:
    /// it will have noticed by itself.
    pub(super) fn end_of_transaction(&self) -> Option<Instant> {
        let transactions = self.transactions.as_ref()?;
        let records = self.cx.settings.delivery_timeout;
        (self.cx.now + records).checked_add(transactions.settings.timeout)
    }

    /// `close` was called: the open transaction is aborted, one that is being committed goes on.
    pub(super) fn close_transaction(&mut self) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let closed = || Err(TransactionError::Closed);
        transactions.tell(Call::Begin, closed, &mut self.cx.notices);
        match &mut transactions.phase {
            Phase::Open | Phase::Doomed(_) => self.begin_ending(End::Abort, Owner::Gone),
            Phase::Ending(ending) => ending.owner = Owner::Gone,
            Phase::Initializing | Phase::Renewing(_) => {
                self.give_up_transaction(|| TransactionError::Closed);
            }
            Phase::Uninitialized | Phase::Ready(_) => {}
        }
    }
}
