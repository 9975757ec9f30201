//! What stands in for the engine and the cluster behind it: takes each record from its queue, decides what becomes of
//! it, and answers what callers ask.
//!
//! It is the only owner of what the test has asked for. It tells nobody anything: what is to be told is listed, and
//! the driver tells it when no lock is held.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;
use kafka_accumulator::{Accumulator, Batch, BatchOutcome};
use kafka_wire::ErrorCode;
use kafka_wire::records::Record;

use super::failure::{BROKER, Failure, Place};
use super::log::Log;
use super::notice::Notice;
use super::record::{MockOutcome, MockRecord, MockTransaction};
use super::transactions::{CommittedOffset, Ends, Transactions};
use crate::engine::batch_records;
use crate::engine::{
    Change, CloseReport, Command, EngineHandle, EngineState, Topic, Transacted, TransactionCall,
};
use crate::error::{
    AbortableError, Cause, ClientInstanceIdError, DeliveryError, FatalError, Misuse, Persistence,
    SendError, TransactionError, WaitReason,
};
use crate::explanation::Standing;
use crate::settings::{Acks, Settings};

/// The topics, the records, and what is to become of the next ones.
pub(super) struct MockCluster {
    settings: Arc<Settings>,
    accumulator: Arc<Accumulator<DeliveryError>>,
    handle: Arc<EngineHandle>,
    topics: BTreeMap<Arc<str>, Arc<Topic>>,
    /// Those that may not be written to.
    refused: BTreeMap<Arc<str>, ErrorCode>,
    log: Log,
    pace: Pace,
    /// Those without an outcome, in the order in which they were accepted.
    held: VecDeque<Held>,
    /// What becomes of the next records that are accepted, while none is held.
    failures: VecDeque<Failure>,
    /// `None` if the producer is not transactional.
    transactions: Option<Transactions>,
    /// The outcomes so far.
    tally: CloseReport,
    life: Life,
    notices: Vec<Notice>,
}

/// When a record has its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    AtOnce,
    /// When the test says so.
    Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Serving,
    /// After a close.
    Ended,
}

/// A record without an outcome, alone in its batch.
struct Held {
    batch: Batch<DeliveryError>,
    /// In the log.
    place: usize,
}

impl Held {
    fn place(&self) -> Place {
        Place {
            topic: Arc::clone(self.batch.topic()),
            partition: self.batch.partition(),
            elapsed: self.batch.created().elapsed(),
            batch_bytes: self.batch.uncompressed_bytes(),
        }
    }
}

/// Queries.
impl MockCluster {
    pub(super) fn records(&self) -> &[MockRecord] {
        self.log.records()
    }

    pub(super) fn committed_offsets(&self) -> &[CommittedOffset] {
        let transactions = self.transactions.as_ref();
        transactions.map_or(&[], Transactions::committed_offsets)
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.life == Life::Ended
    }
}

/// What the test asks for.
impl MockCluster {
    pub(super) fn new(
        settings: Arc<Settings>,
        accumulator: Arc<Accumulator<DeliveryError>>,
        handle: Arc<EngineHandle>,
        topics: Vec<(Arc<str>, usize)>,
    ) -> Self {
        let topic = |(name, partitions): (Arc<str>, usize)| {
            let topic = Topic::with_leaders(Arc::clone(&name), partitions, &accumulator);
            (name, Arc::new(topic))
        };
        let topics: BTreeMap<_, _> = topics.into_iter().map(topic).collect();
        let known = topics.values().map(|topic| Change::Is(Arc::clone(topic)));
        handle.publish(handle.cluster().with(known));
        let transactional = settings.guarantee.transactional();
        let transactions = transactional.map(|it| Transactions::new(it, settings.max_block));
        Self {
            settings,
            accumulator,
            handle,
            topics,
            refused: BTreeMap::new(),
            log: Log::default(),
            pace: Pace::AtOnce,
            held: VecDeque::new(),
            failures: VecDeque::new(),
            transactions,
            tally: CloseReport::default(),
            life: Life::Serving,
            notices: Vec::new(),
        }
    }

    /// From now on records have their outcomes at this pace; those that are held get theirs if it is at once.
    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
        while self.pace == Pace::AtOnce && self.complete_next() {}
    }

    /// Stores the oldest record that is held; returns whether there was one.
    pub(super) fn complete_next(&mut self) -> bool {
        let oldest = self.held.pop_front();
        oldest.map(|held| self.store(held)).is_some()
    }

    /// The next record to have an outcome fails.
    pub(super) fn fail_next(&mut self, failure: Failure) {
        match self.held.pop_front() {
            Some(held) => self.fail_as(held, &failure),
            None => self.failures.push_back(failure),
        }
    }

    /// From now on the topic is refused with this code, or is not.
    pub(super) fn refuse_topic(&mut self, name: &str, code: Option<ErrorCode>) {
        let name: Arc<str> = name.into();
        match code {
            Some(code) => self.refused.insert(Arc::clone(&name), code),
            None => self.refused.remove(&name),
        };
        let change = match (code, self.topics.get(&name)) {
            (None, Some(topic)) => Change::Is(Arc::clone(topic)),
            _ => Change::Gone(name),
        };
        if self.life == Life::Serving {
            let handle = &self.handle;
            handle.publish(handle.cluster().with([change]));
        }
    }

    /// The producer fails as a whole, and with it every record that is held.
    pub(super) fn fail_for_good(&mut self, code: ErrorCode) {
        if !matches!(self.handle.state(), EngineState::Open) {
            return;
        }
        let fatal = FatalError::of(code, None);
        self.handle.change(EngineState::Failed(fatal.clone()));
        self.accumulator.close();
        self.take_records();
        let cause = || Cause::Fatal(fatal.clone());
        self.fail_all_held(cause, Persistence::PossiblyPersisted);
        self.log.end_transaction(MockTransaction::Aborted);
    }
}

/// What the producer asks for.
impl MockCluster {
    /// Sees to the records and the questions that have come, and returns what is to be told.
    pub(super) fn step(&mut self) -> Vec<Notice> {
        self.take_records();
        for command in self.handle.take_commands() {
            self.execute(command);
        }
        if self.notices.is_empty() {
            self.end_waits_for_memory();
        }
        std::mem::take(&mut self.notices)
    }

    fn take_records(&mut self) {
        let mut rung = Vec::new();
        self.accumulator.take_rung(&mut rung);
        for queue in rung {
            let now = Instant::now();
            queue.flush();
            while let Ok(batch) = queue.take(now) {
                self.accept(batch);
                queue.flush();
            }
            // The last `take` has noted that the queue is empty, so that the next record rings.
        }
    }

    /// Decides the records of a batch one by one: several are in one if they were sent while a callback ran.
    fn accept(&mut self, batch: Batch<DeliveryError>) {
        let records = batch_records::read(&batch).unwrap_or_default();
        if let [record] = &*records {
            return self.accept_one(batch, record);
        }
        let each = records.chunks(1).map(batch_records::piece);
        let pieces: Option<Vec<_>> = each.collect();
        let split = pieces.and_then(|pieces| batch.prepare_split(pieces).ok());
        let Some((batches, outcome)) = split else {
            // Dropped, its records are told that this is a defect.
            return;
        };
        self.notices.push(Notice::Ended(batch, outcome));
        for (batch, record) in batches.into_iter().zip(&records) {
            self.accept_one(batch, record);
        }
    }

    fn accept_one(&mut self, batch: Batch<DeliveryError>, record: &Record) {
        let transactional = self.transactions.is_some();
        let place = self.log.add(MockRecord {
            topic: Arc::clone(batch.topic()),
            partition: batch.partition(),
            timestamp_ms: record.timestamp,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: (record.headers.clone().into_iter())
                .map(|header| (header.name().into_owned(), header.value))
                .collect(),
            outcome: MockOutcome::Held,
            transaction: transactional.then_some(MockTransaction::Open),
        });
        let held = Held { batch, place };
        match (self.failures.pop_front(), self.pace) {
            (Some(failure), _) => self.fail_as(held, &failure),
            (None, Pace::AtOnce) => self.store(held),
            (None, Pace::Held) => self.held.push_back(held),
        }
    }

    fn store(&mut self, held: Held) {
        let offset = self.log.store(held.place);
        let base_offset = match self.settings.guarantee.acks() {
            Acks::None => -1,
            Acks::Leader | Acks::All => offset,
        };
        self.tally.delivered += 1;
        let outcome = BatchOutcome::Delivered {
            base_offset,
            log_append_time_ms: None,
        };
        self.notices.push(Notice::Ended(held.batch, outcome));
        self.see_to_commit();
    }

    fn fail_as(&mut self, held: Held, failure: &Failure) {
        let error = failure.error(&held.place(), self.settings.delivery_timeout);
        self.fail(held, error);
    }

    fn fail(&mut self, held: Held, error: DeliveryError) {
        match error.persistence() {
            Persistence::NotPersisted => self.tally.failed += 1,
            Persistence::PossiblyPersisted => self.tally.unknown += 1,
        }
        self.log.fail(held.place, error.clone());
        let outcome = BatchOutcome::Failed(error.clone());
        self.notices.push(Notice::Ended(held.batch, outcome));
        self.must_abort(AbortableError::Delivery(error));
        self.see_to_commit();
    }

    fn fail_all_held(&mut self, cause: impl Fn() -> Cause, persistence: Persistence) {
        let attempts = u32::from(persistence == Persistence::PossiblyPersisted);
        while let Some(held) = self.held.pop_front() {
            let error = held.place().error(cause(), persistence, attempts, None);
            self.fail(held, error);
        }
    }

    fn must_abort(&mut self, why: AbortableError) {
        if let Some(transactions) = &mut self.transactions {
            let ends = transactions.must_abort(why);
            self.end_transaction(ends);
        }
    }

    fn see_to_commit(&mut self) {
        if let (Some(transactions), true) = (&mut self.transactions, self.held.is_empty()) {
            let ends = transactions.nothing_is_held();
            self.end_transaction(ends);
        }
    }

    fn end_transaction(&mut self, ends: Ends) {
        let why = self.transactions.as_ref();
        let why = why.and_then(Transactions::abort_reason).cloned();
        self.handle.set_abort_reason(why);
        match ends {
            Ends::NotYet => {}
            Ends::Committed => self.log.end_transaction(MockTransaction::Committed),
            Ends::Aborted => {
                self.fail_all_held(|| Cause::Aborted, Persistence::NotPersisted);
                self.log.end_transaction(MockTransaction::Aborted);
            }
        }
    }

    fn execute(&mut self, command: Command) {
        let notice = match command {
            Command::Topic {
                name,
                partition,
                since,
                reply,
                ..
            } => Notice::answer(reply, self.look_up(name, partition, since)),
            Command::Connect { reply, .. } => Notice::answer(reply, Ok(())),
            Command::WarmUp { reply, .. } => Notice::answer(reply, Ok(())),
            Command::Flush { reply } => {
                let held = self.held.iter();
                let completions = held.map(|held| Arc::clone(held.batch.completion()));
                Notice::answer(reply, completions.collect::<Vec<_>>())
            }
            Command::Undecided { reply } => Notice::answer(reply, self.held.len() as u64),
            Command::Explain {
                topic,
                partition,
                reply,
            } => Notice::answer(reply, self.explain(&topic, partition)),
            Command::Shortage { reply, .. } => {
                Notice::answer(reply, self.held.front().map(unanswered))
            }
            Command::Transact { call, reply, .. } => Notice::answer(reply, self.transact(call)),
            Command::NotAccepted(why) => {
                return self.must_abort(AbortableError::Send(Arc::new(why)));
            }
            Command::ClientInstanceId { reply, .. } => {
                Notice::answer(reply, Err(ClientInstanceIdError::Disabled))
            }
            Command::Gathered(_) => return,
            Command::Close { reply, .. } => return self.close(reply),
        };
        self.notices.push(notice);
    }

    /// Whether a topic, and a partition of it, can be written to.
    fn look_up(
        &self,
        name: Arc<str>,
        partition: Option<i32>,
        since: Instant,
    ) -> Result<(), SendError> {
        match self.handle.state() {
            EngineState::Open => {}
            EngineState::Closed => return Err(SendError::Closed),
            EngineState::Failed(fatal) => return Err(SendError::Fatal(fatal)),
        }
        if let Some(code) = self.refused.get(&name) {
            let code = *code;
            return Err(SendError::TopicRefused { topic: name, code });
        }
        let waited = since.elapsed();
        let refused = |request, code| WaitReason::Refused {
            request,
            code,
            message: None,
        };
        match (self.topics.get(&name), partition) {
            (Some(topic), Some(partition)) if partition >= topic.partitions() => {
                Err(SendError::PartitionOutOfRange {
                    topic: name,
                    partition,
                    partitions: topic.partitions(),
                    waited,
                    last: None,
                })
            }
            (Some(_), _) => Ok(()),
            (None, _) => Err(SendError::TopicUnknown {
                topic: name,
                waited,
                last: Some(refused("Metadata", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)),
            }),
        }
    }

    fn explain(&self, topic: &str, partition: i32) -> Standing {
        let of_it =
            |held: &&Held| held.batch.partition() == partition && **held.batch.topic() == *topic;
        let mut held = self.held.iter().filter(of_it);
        match held.next() {
            Some(oldest) => Standing::Waiting {
                records: 1 + held.count() as u64,
                oldest: oldest.batch.created().elapsed(),
                reason: unanswered(oldest),
                behind: None,
            },
            None => self.handle.state().ended().unwrap_or(Standing::Nothing),
        }
    }

    fn transact(&mut self, call: TransactionCall) -> Result<Transacted, TransactionError> {
        if let EngineState::Failed(fatal) = self.handle.state() {
            return Err(TransactionError::Fatal(fatal));
        }
        let Some(transactions) = &mut self.transactions else {
            return Err(TransactionError::Misused(Misuse::NotTransactional));
        };
        let (outcome, ends) = transactions.call(call, self.held.len());
        self.end_transaction(ends);
        outcome
    }

    /// What is held is given up, because the time of a close is over at once.
    fn close(&mut self, reply: oneshot::Sender<CloseReport>) {
        if self.life == Life::Ended {
            self.notices
                .push(Notice::answer(reply, CloseReport::default()));
            return;
        }
        let before = self.tally;
        if matches!(self.handle.state(), EngineState::Open) {
            self.handle.change(EngineState::Closed);
        }
        self.accumulator.close();
        self.take_records();
        self.fail_all_held(|| Cause::Closed, Persistence::PossiblyPersisted);
        let ends = self.transactions.as_mut().map(Transactions::close);
        self.end_transaction(ends.unwrap_or(Ends::NotYet));
        self.life = Life::Ended;
        let report = CloseReport {
            delivered: self.tally.delivered - before.delivered,
            failed: self.tally.failed - before.failed,
            unknown: self.tally.unknown - before.unknown,
        };
        self.notices.push(Notice::answer(reply, report));
        for unanswered in self.handle.retire() {
            let drop_it = Box::new(move || drop(unanswered));
            self.notices.push(Notice::Answer(drop_it));
        }
    }

    /// A caller that still waits for memory when all else is done has waited `max.block.ms`.
    fn end_waits_for_memory(&mut self) {
        let over = Instant::now() + self.settings.max_block;
        self.accumulator.expire_waiters(over);
        let mut served = Vec::new();
        self.accumulator.take_served(&mut served);
        self.notices.extend(served.into_iter().map(Notice::Wake));
    }
}

/// What a record waits for that is held.
fn unanswered(held: &Held) -> WaitReason {
    WaitReason::InFlight {
        broker: BROKER.into(),
        since: held.batch.created().elapsed(),
    }
}
