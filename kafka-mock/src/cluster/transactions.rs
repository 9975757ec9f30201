//! What the transaction coordinators do: for requests, and in the background.
//!
//! ```text
//! asked: init, add, verify, end ─▶ Transaction ─Ending─▶ markers ─▶ logs, groups
//!                    due: timeout ─────┘                    └─ again, where it did not work
//! ```
//!
//! A marker is written by the partition's leader like any batch with `acks=all`: not while too few
//! replicas are in sync, and again if a new leader may have lost it. Until all are written,
//! the transactional id answers `CONCURRENT_TRANSACTIONS`.

use std::time::{Duration, Instant};

use kafka_wire::ErrorCode;

use super::{
    BrokerId, Cluster, Now,
    coordinator::{CoordinatorKind, partition_of},
    marker::TransactionOutcome,
    timers::Due,
    transaction::{
        Ended, Generation, Identity, Initialized, Participant, Progress, Stage, Transaction,
    },
};

impl Cluster {
    /// Whether `broker` coordinates this name, and is ready to.
    pub(super) fn check_coordinator(
        &mut self,
        now: Now,
        broker: BrokerId,
        key: (CoordinatorKind, &str),
    ) -> Result<(), ErrorCode> {
        self.coordinators
            .check(now.instant, broker, key, &self.brokers)
    }

    /// Who a producer with this transactional id is from now on.
    pub(super) fn init_transactions(
        &mut self,
        now: Now,
        transactional_id: &str,
        held: Option<Identity>,
        timeout: Duration,
    ) -> Result<Identity, ErrorCode> {
        let next_id = &mut self.next_producer_id;
        let transaction = self
            .transactions
            .entry(transactional_id.to_owned())
            .or_insert_with(|| Transaction::new(take_id(next_id)));
        match transaction.init(held, timeout, || take_id(next_id))? {
            Initialized::As(identity) => Ok(identity),
            Initialized::MustAbort => {
                self.fence(now, transactional_id);
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
        }
    }

    /// Who a producer with this transactional id is from now on, and who that of the transaction which it has
    /// open: that one is kept (KIP-939).
    pub(super) fn init_keeping_transaction(
        &mut self,
        transactional_id: &str,
        held: Option<Identity>,
        timeout: Duration,
    ) -> Result<(Identity, Option<Identity>), ErrorCode> {
        let next_id = &mut self.next_producer_id;
        let transaction = self
            .transactions
            .entry(transactional_id.to_owned())
            .or_insert_with(|| Transaction::new(take_id(next_id)));
        transaction.init_keeping(held, timeout, || take_id(next_id))
    }

    /// Aborts the open transaction of an id, and fences its producer.
    fn fence(&mut self, now: Now, transactional_id: &str) {
        let generation = match self.transaction_version {
            0 | 1 => Generation::One,
            _ => Generation::Two,
        };
        let next_id = &mut self.next_producer_id;
        if let Some(transaction) = self.transactions.get_mut(transactional_id) {
            transaction.fence(now, generation, || take_id(next_id));
            self.send_markers(now, transactional_id);
        }
    }

    /// Adds a participant to the transaction of a producer.
    pub(super) fn add_to_transaction(
        &mut self,
        now: Now,
        transactional_id: &str,
        by: Identity,
        added: impl IntoIterator<Item = Participant>,
    ) -> Result<(), ErrorCode> {
        let transaction = self.known_transaction(transactional_id)?;
        let was_open = matches!(transaction.stage, Stage::Ongoing { .. });
        transaction.add(now, by, added.into_iter().collect())?;
        let timeout = transaction.timeout;
        if !was_open {
            let at = self.next_timeout_check(now.instant + timeout);
            self.timers
                .set(at, Due::Timeout(transactional_id.to_owned()));
        }
        Ok(())
    }

    /// When transactions that took too long are next looked for.
    fn next_timeout_check(&self, after: Instant) -> Instant {
        let interval = self.config.transaction_timeout_check;
        let origin = self.first_seen.unwrap_or(after);
        let passed = after.saturating_duration_since(origin).as_nanos();
        let interval_ns = interval.as_nanos().max(1);
        let missing = interval_ns - passed % interval_ns;
        after + Duration::from_nanos(u64::try_from(missing).unwrap_or(0))
    }

    pub(super) fn known_transaction(
        &mut self,
        transactional_id: &str,
    ) -> Result<&mut Transaction, ErrorCode> {
        let known = self.transactions.get_mut(transactional_id);
        known.ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
    }

    /// Ends a transaction as its producer asks for; says who the producer is from now on.
    pub(super) fn end_transaction(
        &mut self,
        now: Now,
        transactional_id: &str,
        by: Identity,
        outcome: TransactionOutcome,
        generation: Generation,
    ) -> Result<Identity, ErrorCode> {
        let next_id = &mut self.next_producer_id;
        let transaction = self.transactions.get_mut(transactional_id);
        let transaction = transaction.ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        let ended = transaction.end(now, by, outcome, generation, || take_id(next_id))?;
        match ended {
            Ended::Before(identity) => Ok(identity),
            Ended::Now(identity) => {
                self.send_markers(now, transactional_id);
                Ok(identity)
            }
        }
    }

    /// A transaction may have taken too long (KIP-588).
    pub(super) fn check_timeout(&mut self, now: Now, transactional_id: &str) {
        let Some(transaction) = self.transactions.get(transactional_id) else {
            return;
        };
        let Stage::Ongoing { since, .. } = &transaction.stage else {
            return;
        };
        let over = *since + transaction.timeout;
        let key = (CoordinatorKind::Transaction, transactional_id);
        let coordinator = *self.coordinators.of(key.0, key.1, &self.brokers);
        let works = coordinator.broker.is_some_and(|id| self.brokers.is_up(id));
        if over <= now.instant && works && coordinator.check_loaded(now.instant).is_ok() {
            self.fence(now, transactional_id);
        } else {
            let at = self.next_timeout_check(over.max(now.instant));
            self.timers
                .set(at, Due::Timeout(transactional_id.to_owned()));
        }
    }

    /// Sends the markers of an ending transaction, each with a delay of its own.
    fn send_markers(&mut self, now: Now, transactional_id: &str) {
        let delays = &self.config.marker_delay;
        if let Some(Transaction {
            stage: Stage::Ending(ending),
            ..
        }) = self.transactions.get_mut(transactional_id)
        {
            for marker in &mut ending.pending {
                marker.progress = Progress::Due(now.instant + self.random.duration(delays));
            }
        }
        self.write_markers(now, transactional_id);
    }

    /// Writes the markers that are due, and closes the transaction if they were the last.
    pub(super) fn write_markers(&mut self, now: Now, transactional_id: &str) {
        let key = (CoordinatorKind::Transaction, transactional_id);
        let coordinator = *self.coordinators.of(key.0, key.1, &self.brokers);
        let works = coordinator.broker.is_some_and(|id| self.brokers.is_up(id));
        let retry_at = coordinator
            .ready_at()
            .map_or(now.instant, |at| at.max(now.instant))
            + MARKER_RETRY;
        let Some(transaction) = self.transactions.get_mut(transactional_id) else {
            return;
        };
        let Some(marker) = transaction.marker(coordinator.epoch) else {
            return;
        };
        let Stage::Ending(ending) = &mut transaction.stage else {
            return;
        };
        if !works || coordinator.check_loaded(now.instant).is_err() {
            self.timers
                .set(retry_at, Due::Markers(transactional_id.to_owned()));
            return;
        }
        let mut pending = std::mem::take(&mut ending.pending);
        pending.retain_mut(|it| {
            let step = match (&it.participant, it.progress) {
                (_, Progress::Due(at)) if at > now.instant => Step::Again(it.progress, at),
                (Participant::Offsets(partition), _) => self.settle_offsets(*partition, &marker),
                (Participant::Partition { topic, index }, progress) => {
                    self.step_marker(now, topic, *index, &marker, progress)
                }
            };
            match step {
                Step::Done => false,
                Step::Again(progress, at) => {
                    it.progress = progress;
                    self.timers
                        .set(at, Due::Markers(transactional_id.to_owned()));
                    true
                }
            }
        });
        if let Some(transaction) = self.transactions.get_mut(transactional_id) {
            if let Stage::Ending(ending) = &mut transaction.stage {
                ending.pending = pending;
            }
            transaction.complete();
        }
    }
}

fn take_id(next: &mut i64) -> i64 {
    let id = *next;
    *next += 1;
    id
}

/// The participant that keeps the offsets of a group.
pub(super) fn offsets_of(group: &str) -> Participant {
    Participant::Offsets(partition_of(group))
}

/// What is to be done about one marker next.
pub(super) enum Step {
    Done,
    Again(Progress, Instant),
}

/// How long a coordinator waits before it tries a marker again.
pub(super) const MARKER_RETRY: Duration = Duration::from_millis(20);
