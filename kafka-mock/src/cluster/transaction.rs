//! One transaction of a transactional id, as its coordinator sees it.
//!
//! ```text
//! Empty ─add─▶ Ongoing ─end─▶ Ending ─markers written─▶ Ended ─add─▶ Ongoing
//!   ▲                                                     │
//!   └──────────────────── init ───────────────────────────┘
//! ```
//!
//! The rules are those of Kafka 4's `TransactionCoordinator` and `TransactionMetadata`, for both
//! generations of clients: with the first the epoch stays when a transaction ends, with the second
//! (KIP-890) it grows. A transaction that is kept over its producer (KIP-939) has the epoch in which it
//! was begun, and belongs to the later producer. Nothing here knows brokers, logs or time but as a number.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use kafka_wire::{ErrorCode, Uuid};

use super::{
    marker::{Marker, TransactionOutcome},
    now::Now,
};

/// What a transaction writes to: it gets a marker when the transaction ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Participant {
    Partition {
        topic: String,
        index: i32,
    },
    /// A partition of the topic that keeps the offsets of consumer groups.
    Offsets(i32),
}

/// The rules that a client follows when it ends a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// The epoch stays.
    One,
    /// The epoch grows with each transaction (KIP-890).
    Two,
}

/// All transactions, by transactional id.
pub(super) type Transactions = BTreeMap<String, Transaction>;

/// The state of one transactional id.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) producer_id: i64,
    pub(super) epoch: i16,
    /// The producer id before the last change, whatever the change was.
    previous_producer_id: i64,
    /// The epoch before the last one, if the same producer had it.
    last_epoch: i16,
    pub(super) timeout: Duration,
    /// When the last transaction began, in milliseconds since 1970; -1 if the producer has begun none.
    pub(super) started_ms: i64,
    pub(super) stage: Stage,
    /// Whose the open transaction is, if it was kept over the producer that began it.
    heir: Option<Identity>,
}

#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Nothing was written since the producer began.
    Empty,
    Ongoing {
        participants: BTreeSet<Participant>,
        since: Instant,
    },
    Ending(Ending),
    Ended(TransactionOutcome),
}

/// The outcome is decided, and the markers are being written.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) outcome: TransactionOutcome,
    /// Who the producer is afterwards, if its epochs are exhausted or the transaction was kept for another.
    pub(super) next: Option<Identity>,
    pub(super) pending: Vec<PendingMarker>,
}

/// A marker that is to be written.
#[derive(Clone, Debug)]
pub(super) struct PendingMarker {
    pub(super) participant: Participant,
    pub(super) progress: Progress,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Progress {
    Due(Instant),
    /// It stands in the leader's log, but not in those of all replicas in sync.
    Written {
        topic: Uuid,
        offset: i64,
        leader_epoch: i32,
    },
}

/// Who a producer says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

impl Identity {
    /// Of a producer whose id is new.
    fn first(id: i64) -> Self {
        Self { id, epoch: 0 }
    }

    /// The next epoch, or a new id if there is none.
    fn next(self, new_id: impl FnOnce() -> i64) -> Self {
        match is_exhausted(self.epoch) {
            true => Self::first(new_id()),
            false => Self {
                epoch: self.epoch + 1,
                ..self
            },
        }
    }
}

/// What InitProducerId found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Initialized {
    As(Identity),
    /// A transaction is open, and must be aborted first.
    MustAbort,
}

/// What EndTxn found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The transaction ends now; this is who the producer is from now on.
    Now(Identity),
    /// It had ended already.
    Before(Identity),
}

impl Transaction {
    /// Of a transactional id that was never seen before.
    pub(super) fn new(producer_id: i64) -> Self {
        Self {
            producer_id,
            epoch: NO_EPOCH,
            previous_producer_id: NO_PRODUCER_ID,
            last_epoch: NO_EPOCH,
            timeout: Duration::ZERO,
            started_ms: NO_TIME,
            stage: Stage::Empty,
            heir: None,
        }
    }

    pub(super) fn identity(&self) -> Identity {
        Identity {
            id: self.producer_id,
            epoch: self.epoch,
        }
    }

    /// For whom it is kept, if it is.
    pub(super) fn heir(&self) -> Option<Identity> {
        self.heir
    }

    /// Gives the producer that begins an epoch of its own, and fences those before it.
    ///
    /// `held` is what the producer was until now, if it only recovers (KIP-360).
    pub(super) fn init(
        &mut self,
        held: Option<Identity>,
        timeout: Duration,
        new_id: impl FnOnce() -> i64,
    ) -> Result<Initialized, ErrorCode> {
        if matches!(self.stage, Stage::Ending(_)) {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        if held.is_some_and(|held| !self.was(held)) {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        if matches!(self.stage, Stage::Ongoing { .. }) {
            return Ok(Initialized::MustAbort);
        }
        let current = self.identity();
        if is_exhausted(self.epoch) && held.is_none_or(|held| held.epoch == self.epoch) {
            self.last_epoch = held.map_or(NO_EPOCH, |_| self.epoch);
            self.producer_id = new_id();
            self.epoch = 0;
        } else {
            match held {
                None => {
                    self.last_epoch = NO_EPOCH;
                    self.epoch += 1;
                }
                Some(held) if self.epoch == NO_EPOCH || held.epoch == self.epoch => {
                    self.last_epoch = self.epoch;
                    self.epoch += 1;
                }
                // The answer was lost, and the producer asks again.
                Some(held) if held.epoch == self.last_epoch => {}
                Some(_) => return Err(ErrorCode::PRODUCER_FENCED),
            }
        }
        self.previous_producer_id = current.id;
        self.timeout = timeout;
        self.started_ms = NO_TIME;
        self.stage = Stage::Empty;
        Ok(Initialized::As(self.identity()))
    }

    /// As [`Transaction::init`], but an open transaction is kept: also says whose it was.
    pub(super) fn init_keeping(
        &mut self,
        held: Option<Identity>,
        timeout: Duration,
        new_id: impl FnOnce() -> i64,
    ) -> Result<(Identity, Option<Identity>), ErrorCode> {
        let begun_by = self.identity();
        if !matches!(self.stage, Stage::Ongoing { .. }) {
            return match self.init(held, timeout, new_id)? {
                Initialized::As(identity) => Ok((identity, None)),
                Initialized::MustAbort => Err(ErrorCode::CONCURRENT_TRANSACTIONS),
            };
        }
        let last = self.heir.unwrap_or(begun_by);
        if held.is_some_and(|held| held != last) {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        let heir = last.next(new_id);
        self.heir = Some(heir);
        self.timeout = timeout;
        Ok((heir, Some(begun_by)))
    }

    /// Whether `held` may be this producer, or was it before its epochs were exhausted.
    fn was(&self, held: Identity) -> bool {
        self.epoch == NO_EPOCH
            || held.id == self.producer_id
            || (held.id == self.previous_producer_id && is_exhausted(held.epoch))
    }

    /// Adds participants, and begins the transaction with the first.
    pub(super) fn add(
        &mut self,
        now: Now,
        by: Identity,
        added: BTreeSet<Participant>,
    ) -> Result<(), ErrorCode> {
        self.check(by)?;
        self.previous_producer_id = self.producer_id;
        match &mut self.stage {
            Stage::Ongoing { participants, .. } => participants.extend(added),
            _ => {
                self.started_ms = now.wall_ms;
                self.stage = Stage::Ongoing {
                    participants: added,
                    since: now.instant,
                };
            }
        }
        Ok(())
    }

    /// What it writes to: all of it while it is open, and what still lacks its marker while it ends.
    pub(super) fn participants(&self) -> impl Iterator<Item = &Participant> {
        let (open, ending) = match &self.stage {
            Stage::Ongoing { participants, .. } => (Some(participants), None),
            Stage::Ending(ending) => (None, Some(&ending.pending)),
            Stage::Empty | Stage::Ended(_) => (None, None),
        };
        let ending = ending.into_iter().flatten().map(|it| &it.participant);
        open.into_iter().flatten().chain(ending)
    }

    /// Whether a participant has joined before (KIP-890, for clients that say so themselves).
    pub(super) fn verify(&self, by: Identity, asked: &Participant) -> Result<(), ErrorCode> {
        self.check(by)?;
        match &self.stage {
            Stage::Ongoing { participants, .. } if participants.contains(asked) => Ok(()),
            _ => Err(ErrorCode::TRANSACTION_ABORTABLE),
        }
    }

    fn check(&self, by: Identity) -> Result<(), ErrorCode> {
        if matches!(self.stage, Stage::Ending(_)) {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        if self.heir.is_some() {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        if by.id != self.producer_id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if by.epoch != self.epoch {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        Ok(())
    }

    /// Ends the transaction, as its producer asks for.
    pub(super) fn end(
        &mut self,
        now: Now,
        by: Identity,
        outcome: TransactionOutcome,
        generation: Generation,
        new_id: impl FnOnce() -> i64,
    ) -> Result<Ended, ErrorCode> {
        if let Some(heir) = self.heir {
            return self.end_kept(now, by, heir, outcome, new_id);
        }
        match generation {
            Generation::One => self.end_keeping_epoch(now, by, outcome),
            Generation::Two => self.end_with_new_epoch(now, by, outcome, new_id),
        }
    }

    /// Ends a transaction that was kept: only the producer for which it was may do that.
    fn end_kept(
        &mut self,
        now: Now,
        by: Identity,
        heir: Identity,
        outcome: TransactionOutcome,
        new_id: impl FnOnce() -> i64,
    ) -> Result<Ended, ErrorCode> {
        if by != heir {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        if matches!(self.stage, Stage::Ending(_)) {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let next = heir.next(new_id);
        self.last_epoch = self.epoch;
        self.epoch = self.epoch.saturating_add(1);
        self.begin_end(now, outcome, Some(next));
        Ok(Ended::Now(next))
    }

    fn end_keeping_epoch(
        &mut self,
        now: Now,
        by: Identity,
        outcome: TransactionOutcome,
    ) -> Result<Ended, ErrorCode> {
        if by.id != self.producer_id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if by.epoch != self.epoch {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match &self.stage {
            Stage::Ending(_) => Err(ErrorCode::CONCURRENT_TRANSACTIONS),
            Stage::Ongoing { .. } => {
                self.begin_end(now, outcome, None);
                Ok(Ended::Now(self.identity()))
            }
            Stage::Ended(how) if *how == outcome => Ok(Ended::Before(self.identity())),
            Stage::Ended(_) | Stage::Empty => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    fn end_with_new_epoch(
        &mut self,
        now: Now,
        by: Identity,
        outcome: TransactionOutcome,
        new_id: impl FnOnce() -> i64,
    ) -> Result<Ended, ErrorCode> {
        // The producer did not hear that its epochs were exhausted, or that its epoch has grown.
        let renamed =
            by.id == self.previous_producer_id && by.epoch == EPOCH_LAST && self.epoch == 0;
        let grown = self.epoch > 0 && by.epoch == self.epoch - 1;
        let retried = renamed || grown;
        if by.id != self.producer_id && !renamed {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        let valid = match &self.stage {
            Stage::Empty | Stage::Ongoing { .. } => by.epoch == self.epoch,
            Stage::Ending(_) => grown,
            Stage::Ended(_) => retried || by.epoch == self.epoch,
        };
        if !valid {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match &self.stage {
            Stage::Ending(_) => return Err(ErrorCode::CONCURRENT_TRANSACTIONS),
            Stage::Ended(how) if retried => {
                let same = *how == outcome;
                let known = same.then(|| Ended::Before(self.identity()));
                return known.ok_or(ErrorCode::INVALID_TXN_STATE);
            }
            Stage::Ongoing { .. } => {}
            // An abort may come although no partition was added; it makes the epoch grow.
            Stage::Empty | Stage::Ended(_) if outcome == TransactionOutcome::Abort => {}
            Stage::Empty | Stage::Ended(_) => return Err(ErrorCode::INVALID_TXN_STATE),
        }
        let next = is_exhausted(self.epoch).then(|| Identity::first(new_id()));
        self.last_epoch = self.epoch;
        // A producer that was fenced at its last epoch has none to go to, but a new id.
        self.epoch = self.epoch.saturating_add(1);
        self.begin_end(now, outcome, next);
        Ok(Ended::Now(next.unwrap_or_else(|| self.identity())))
    }

    /// Aborts the transaction in the place of its producer, which is fenced thereby: it took too
    /// long, or a new producer begins.
    pub(super) fn fence(&mut self, now: Now, generation: Generation, new_id: impl FnOnce() -> i64) {
        let exhausted = generation == Generation::Two && is_exhausted(self.epoch);
        self.last_epoch = match generation {
            Generation::One => NO_EPOCH,
            // So that the producer may go on in the new epoch, if it is still the only one.
            Generation::Two => self.epoch,
        };
        self.epoch = self.epoch.saturating_add(1);
        let next = match self.heir {
            Some(heir) => Some(heir.next(new_id)),
            None => exhausted.then(|| Identity::first(new_id())),
        };
        self.begin_end(now, TransactionOutcome::Abort, next);
    }

    fn begin_end(&mut self, now: Now, outcome: TransactionOutcome, next: Option<Identity>) {
        self.previous_producer_id = self.producer_id;
        let participants = match std::mem::replace(&mut self.stage, Stage::Empty) {
            Stage::Ongoing { participants, .. } => participants,
            // An abort of nothing begins when it ends, as in Kafka.
            _ => {
                self.started_ms = now.wall_ms;
                BTreeSet::new()
            }
        };
        let pending = participants.into_iter().map(|participant| PendingMarker {
            participant,
            progress: Progress::Due(now.instant),
        });
        self.stage = Stage::Ending(Ending {
            outcome,
            next,
            pending: pending.collect(),
        });
    }

    /// The marker that ends it, if it is ending.
    pub(super) fn marker(&self, coordinator_epoch: i32) -> Option<Marker> {
        let Stage::Ending(ending) = &self.stage else {
            return None;
        };
        Some(Marker {
            producer_id: self.producer_id,
            producer_epoch: self.epoch,
            coordinator_epoch,
            outcome: ending.outcome,
        })
    }

    /// Closes it, if all its markers are written.
    pub(super) fn complete(&mut self) {
        let Stage::Ending(ending) = &self.stage else {
            return;
        };
        if !ending.pending.is_empty() {
            return;
        }
        self.previous_producer_id = self.producer_id;
        if let Some(next) = ending.next {
            (self.producer_id, self.epoch) = (next.id, next.epoch);
        }
        self.heir = None;
        self.stage = Stage::Ended(ending.outcome);
    }
}

/// The last epoch but one is never given to a producer, so that it can always be fenced.
fn is_exhausted(epoch: i16) -> bool {
    epoch >= EPOCH_LAST
}

const EPOCH_LAST: i16 = i16::MAX - 1;
const NO_EPOCH: i16 = -1;
const NO_PRODUCER_ID: i64 = -1;
const NO_TIME: i64 = -1;
