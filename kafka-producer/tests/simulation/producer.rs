//! A producer as its callers see it: what the facade does with handle and accumulator, by the clock
//! of the run, and with every record in the books.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use kafka_accumulator::{
    Accumulator, AppendError, Callback, Delivery, NewRecord, Queue, Reservation, ReserveError,
};
use kafka_producer::engine::{
    CloseReport, Command, EngineHandle, EngineState, Topic, Transacted, TransactionCall,
};
use kafka_producer::error::{DeliveryError, FatalError, Misuse, SendError, TransactionError};
use kafka_producer::settings::Settings;

use crate::clock::Clock;
use crate::content::Trimmings;
use crate::ground::Ground;
use crate::ledger::{Entry, LaneName, RecordId, value};

/// One producer; callers share it.
pub(crate) struct Producer {
    pub(crate) client: usize,
    pub(crate) settings: Arc<Settings>,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    pub(crate) handle: Arc<EngineHandle>,
    pub(crate) ground: Rc<Ground>,
    next_id: Arc<AtomicU64>,
    /// Records that callbacks have sent, not in the books yet.
    sent_by_callbacks: Arc<Mutex<Vec<Booking>>>,
    /// What `close` reported, and which records it was about.
    pub(crate) closed: RefCell<Option<Closed>>,
    /// Why it can never be used again.
    pub(crate) failure: RefCell<Option<(Instant, FatalError)>>,
}

/// What `close` said.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    pub(crate) report: CloseReport,
    /// Records that had no outcome when it was called.
    pub(crate) undecided: Vec<RecordId>,
    /// Records from this number on were sent after the call, before the engine knew of it.
    pub(crate) later: RecordId,
}

/// A record on its way into the books.
struct Booking {
    id: RecordId,
    entry: Entry,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// The partition, modulo how many there are.
    pub(crate) partition: usize,
    /// Of the value, beyond its number.
    pub(crate) filler: usize,
    /// By how much its time is dated back.
    pub(crate) age: Duration,
    pub(crate) transaction: Option<u32>,
    pub(crate) when_decided: WhenDecided,
}

/// What happens when a record is decided, apart from its `Delivery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenDecided {
    Nothing,
    /// A callback counts itself.
    Counted,
    /// A callback sends another record to the same partition.
    SendsAgain,
}

/// Why an append has to be repeated.
enum Obstacle {
    NoMemory(Arc<Queue<DeliveryError>>, usize),
    /// What was known of the topic is of the past.
    Bygone,
    Refused(SendError),
}

impl Producer {
    pub(crate) fn new(
        client: usize,
        settings: Arc<Settings>,
        accumulator: Arc<Accumulator<DeliveryError>>,
        handle: Arc<EngineHandle>,
        ground: Rc<Ground>,
        next_id: Arc<AtomicU64>,
    ) -> Self {
        Self {
            client,
            settings,
            accumulator,
            handle,
            ground,
            next_id,
            sent_by_callbacks: Arc::default(),
            closed: RefCell::default(),
            failure: RefCell::default(),
        }
    }

    /// `send`: waits for the topic and for memory, `max.block.ms` together.
    pub(crate) async fn send(
        &self,
        topic: &Arc<str>,
        wish: Wish,
    ) -> Result<Delivery<DeliveryError>, SendError> {
        let since = self.ground.now();
        let patience = Patience::new(&self.ground, self.settings.max_block);
        let sent = self.send_patiently(topic, wish, since).await;
        patience.check(&self.ground, "send");
        sent
    }

    async fn send_patiently(
        &self,
        topic: &Arc<str>,
        wish: Wish,
        since: Instant,
    ) -> Result<Delivery<DeliveryError>, SendError> {
        let deadline = since + self.settings.max_block;
        let mut reserved = None;
        loop {
            self.check_open()?;
            let cluster = self.handle.cluster();
            let Some(known) = cluster.topic(topic).map(Arc::clone) else {
                drop(cluster);
                self.wait_for_topic(topic, since, deadline).await?;
                continue;
            };
            drop(cluster);
            match self.append(&known, topic, wish, reserved.take()) {
                Ok(delivery) => return Ok(delivery),
                Err(Obstacle::Refused(error)) => return Err(error),
                Err(Obstacle::Bygone) => {
                    self.wait_for_topic(topic, since, deadline).await?;
                }
                Err(Obstacle::NoMemory(queue, bytes)) => {
                    let memory = self.wait_for_memory(&queue, bytes, since, deadline);
                    reserved = Some(memory.await?);
                }
            }
        }
    }

    async fn wait_for_topic(
        &self,
        topic: &Arc<str>,
        since: Instant,
        deadline: Instant,
    ) -> Result<(), SendError> {
        let (reply, answer) = oneshot::channel();
        self.handle.ask(Command::Topic {
            name: Arc::clone(topic),
            partition: None,
            since,
            deadline,
            reply,
        });
        answer.await.unwrap_or(Err(SendError::Closed))
    }

    async fn wait_for_memory(
        &self,
        queue: &Arc<Queue<DeliveryError>>,
        bytes: usize,
        since: Instant,
        deadline: Instant,
    ) -> Result<Reservation, SendError> {
        match queue.reserve(bytes, deadline).await {
            Err(ReserveError::TimedOut { .. }) => Err(SendError::buffer_exhausted(
                self.ground.now() - since,
                self.accumulator.memory_total(),
                self.handle.why_short(since).await,
            )),
            reserved => reserved.map_err(|_| SendError::Closed),
        }
    }

    /// Appends if there is a place for it at once.
    fn append(
        &self,
        known: &Topic,
        topic: &Arc<str>,
        wish: Wish,
        reserved: Option<Reservation>,
    ) -> Result<Delivery<DeliveryError>, Obstacle> {
        let partition = (wish.partition % known.partitions() as usize) as i32;
        let queue = known.queue(partition).expect("it has that many");
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let value = value(id, wish.filler, id ^ 0xa5a5);
        let (calls, callback) = self.callback(queue, topic, wish);
        let trimmings = Trimmings::of(id);
        let timestamp_ms = self.ground.clock.wall_ms() - wish.age.as_millis() as i64;
        let mut record = NewRecord::new(timestamp_ms, trimmings.with(&value));
        record.callback = callback;
        let now = self.ground.now();
        let appended = self
            .accumulator
            .append(queue, &mut record, reserved, || now)
            .map_err(|error| match error {
                AppendError::NeedsMemory { bytes } => Obstacle::NoMemory(Arc::clone(queue), bytes),
                AppendError::TooLarge { bytes, limit } => {
                    Obstacle::Refused(SendError::too_large_for_memory(bytes, limit))
                }
                AppendError::Closed if self.check_open().is_ok() => Obstacle::Bygone,
                _ => Obstacle::Refused(SendError::Closed),
            })?;
        let lane = LaneName {
            client: self.client,
            topic: Arc::clone(topic),
            partition,
        };
        let digest = trimmings.digest(timestamp_ms, &value);
        let entry = Entry {
            transaction: wish.transaction,
            calls,
            ..entry(lane, now, &appended.delivery, digest)
        };
        self.ground.trace.mark("append", id);
        self.ground.trace.tell(self, || {
            format!(
                "record {id} is taken for {topic}-{partition} ({} bytes, dated {} s back)",
                value.len(),
                wish.age.as_secs()
            )
        });
        self.ground.ledger.borrow_mut().book(id, entry);
        Ok(appended.delivery)
    }

    fn callback(
        &self,
        queue: &Arc<Queue<DeliveryError>>,
        topic: &Arc<str>,
        wish: Wish,
    ) -> (Option<Arc<AtomicU32>>, Option<Callback<DeliveryError>>) {
        if wish.when_decided == WhenDecided::Nothing {
            return (None, None);
        }
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let again = (wish.when_decided == WhenDecided::SendsAgain).then(|| SendsAgain {
            accumulator: Arc::clone(&self.accumulator),
            queue: Arc::clone(queue),
            lane: LaneName {
                client: self.client,
                topic: Arc::clone(topic),
                partition: queue.partition(),
            },
            clock: Arc::clone(&self.ground.clock),
            age: wish.age,
            next_id: Arc::clone(&self.next_id),
            bookings: Arc::clone(&self.sent_by_callbacks),
        });
        let callback: Callback<DeliveryError> = Box::new(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            if let Some(again) = again {
                again.send();
            }
        });
        (Some(calls), Some(callback))
    }

    /// Books what callbacks have sent meanwhile.
    pub(crate) fn book_callbacks(&self) {
        let bookings = std::mem::take(&mut *self.sent_by_callbacks.lock().unwrap());
        for Booking { id, entry } in bookings {
            self.ground.trace.mark("append in a callback", id);
            self.ground
                .trace
                .tell(self, || format!("record {id} is taken from a callback"));
            self.ground.ledger.borrow_mut().book(id, entry);
        }
    }

    /// `flush`: waits until all records that were sent before have an outcome.
    pub(crate) async fn flush(&self) {
        let before = self.ground.ledger.borrow().undecided_of(self.client);
        let (reply, answer) = oneshot::channel();
        self.handle.ask(Command::Flush { reply });
        let Ok(undecided) = answer.await else {
            return;
        };
        for completion in undecided {
            completion.settled().await;
        }
        let ledger = self.ground.ledger.borrow();
        let forgotten = before
            .into_iter()
            .find(|id| ledger.entry(*id).is_some_and(|entry| !entry.is_decided()));
        drop(ledger);
        if let Some(id) = forgotten {
            self.ground.broken(
                "flush waits for everything",
                format!("record {id} was sent before a flush that is over, and has no outcome"),
            );
        }
    }

    /// `close`, giving up after `patience`.
    pub(crate) async fn close(&self, patience: Option<Duration>) {
        let undecided = self.ground.ledger.borrow().undecided_of(self.client);
        let later = self.next_id.load(Ordering::Relaxed);
        let deadline = patience.map(|patience| self.ground.now() + patience);
        let (reply, mut answer) = oneshot::channel();
        self.ground
            .trace
            .tell(self, || format!("close, within {patience:?}"));
        self.handle.ask(Command::Close { deadline, reply });
        let waits = Patience::new(
            &self.ground,
            patience.unwrap_or_else(|| self.longest_wait()),
        );
        let half = patience.unwrap_or(UNTIL_AGAIN) / 2;
        let answered = match self.ground.unless_after(half, &mut answer).await {
            Some(answered) => answered,
            None => {
                // As a handle does that is dropped after a close was given up.
                let (reply, _) = oneshot::channel();
                self.handle.ask(Command::Close { deadline, reply });
                answer.await
            }
        };
        let Ok(report) = answered else {
            return;
        };
        waits.check(&self.ground, "close");
        self.ground
            .trace
            .tell(self, || format!("closed: {report:?}"));
        self.closed.borrow_mut().get_or_insert(Closed {
            report,
            undecided,
            later,
        });
    }

    /// Until when everything has an outcome: first the records, then their transaction.
    pub(crate) fn longest_wait(&self) -> Duration {
        let transaction = self.settings.guarantee.transactional();
        let delivery = self.settings.delivery_timeout;
        transaction.map_or(delivery, |settings| delivery + settings.timeout)
    }

    /// Something about transactions: waits `max.block.ms` at most.
    pub(crate) async fn transact(&self, call: TransactionCall) -> Result<(), TransactionError> {
        self.transacted(call).await.map(drop)
    }

    /// The same, and what was done.
    pub(crate) async fn transacted(
        &self,
        call: TransactionCall,
    ) -> Result<Transacted, TransactionError> {
        let patience = Patience::new(&self.ground, self.settings.max_block);
        let name = format!("{call:?}");
        self.ground.trace.tell(self, || format!("asks for {name}"));
        let (reply, answer) = oneshot::channel();
        let deadline = self.ground.now() + self.settings.max_block;
        self.handle.ask(Command::Transact {
            call,
            deadline,
            reply,
        });
        let outcome = answer.await.unwrap_or(Err(TransactionError::Closed));
        self.ground
            .trace
            .tell(self, || format!("{name}: {outcome:?}"));
        patience.check(&self.ground, &name);
        if let Err(TransactionError::Fatal(fatal)) = &outcome {
            let mut failure = self.failure.borrow_mut();
            failure.get_or_insert_with(|| (self.ground.now(), fatal.clone()));
        }
        if let Err(TransactionError::Misused(misuse)) = &outcome
            && *misuse != Misuse::AlreadyInitialized
        {
            let story = format!("{name}: {misuse}");
            self.ground.broken("who asks in order is answered", story);
        }
        outcome
    }

    /// A transaction is dropped.
    pub(crate) fn abandon(&self) {
        self.give_up(TransactionCall::Abandon);
    }

    /// Nobody waits for a transaction to be prepared any more.
    pub(crate) fn abandon_prepare(&self) {
        self.give_up(TransactionCall::AbandonPrepare);
    }

    fn give_up(&self, call: TransactionCall) {
        self.ground.trace.tell(self, || "drops the transaction");
        let (reply, _) = oneshot::channel();
        self.handle.ask(Command::Transact {
            call,
            deadline: self.ground.now(),
            reply,
        });
    }

    pub(crate) fn check_open(&self) -> Result<(), SendError> {
        match self.handle.state() {
            EngineState::Open => Ok(()),
            EngineState::Closed => Err(SendError::Closed),
            EngineState::Failed(fatal) => Err(SendError::Fatal(fatal)),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.check_open().is_ok()
    }

    /// Records of callbacks that are not in the books yet.
    pub(crate) fn has_bookings(&self) -> bool {
        !self.sent_by_callbacks.lock().unwrap().is_empty()
    }
}

impl std::fmt::Display for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "producer {}", self.client)
    }
}

fn entry(
    lane: LaneName,
    appended: Instant,
    delivery: &Delivery<DeliveryError>,
    digest: u64,
) -> Entry {
    Entry {
        lane,
        appended,
        transaction: None,
        completion: Arc::clone(delivery.completion()),
        index: delivery.index(),
        digest,
        calls: None,
    }
}

/// What a callback needs to send a record itself.
struct SendsAgain {
    accumulator: Arc<Accumulator<DeliveryError>>,
    queue: Arc<Queue<DeliveryError>>,
    lane: LaneName,
    clock: Arc<Clock>,
    age: Duration,
    next_id: Arc<AtomicU64>,
    bookings: Arc<Mutex<Vec<Booking>>>,
}

impl SendsAgain {
    /// As `try_send` does: if there is no place, it is not sent.
    fn send(self) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let value = value(id, 20, id);
        let timestamp_ms = self.clock.wall_ms() - self.age.as_millis() as i64;
        let trimmings = Trimmings::of(id);
        let mut record = NewRecord::new(timestamp_ms, trimmings.with(&value));
        let now = self.clock.now();
        let appended = self
            .accumulator
            .append(&self.queue, &mut record, None, || now);
        if let Ok(appended) = appended {
            let digest = trimmings.digest(timestamp_ms, &value);
            let entry = entry(self.lane, now, &appended.delivery, digest);
            self.bookings.lock().unwrap().push(Booking { id, entry });
        }
    }
}

/// How long somebody may wait, by the clock of a producer that may stand still.
pub(crate) struct Patience {
    until: Instant,
    stalled: Duration,
}

impl Patience {
    pub(crate) fn new(ground: &Ground, limit: Duration) -> Self {
        Self {
            until: ground.now() + limit,
            stalled: ground.stalled.get(),
        }
    }

    /// Whether the wait, which is over now, was no longer than that. Who has waited in vain asks why:
    /// producer and task may be late once more.
    pub(crate) fn check(&self, ground: &Ground, what: &str) {
        let until = self.until + (ground.stalled.get() - self.stalled) + LATENESS * 2;
        let now = ground.now();
        if now > until {
            ground.broken(
                "a wait has an end",
                format!("{what} took {:?} too long", now - until),
            );
        }
    }
}

/// By how much tasks and producers may be late when they do not stand still.
pub(crate) const LATENESS: Duration = Duration::from_millis(10);

/// A close without a limit is repeated after half of this.
const UNTIL_AGAIN: Duration = Duration::from_secs(2);
