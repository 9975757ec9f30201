//! A program that keeps a database and Kafka together by two-phase commit (KIP-939): it prepares a transaction, stores
//! which it is beside the database's own, and commits what was stored. Its process dies at any moment; the next one
//! completes what the database has, and goes on.
//!
//! A transaction is committed from the moment in which it is stored, and only then: so the books have it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use kafka_producer::engine::{Transacted, TransactionCall};
use kafka_producer::error::TransactionError;
use kafka_producer::{CompletedTxn, OffsetToCommit, PreparedTxnState};

use crate::group::Claim;
use crate::ledger::{Confirmed, End};
use crate::plan::{CallerPlan, Plan};
use crate::producer::{Producer, WhenDecided, Wish};
use crate::successors::{Death, Successor};
use crate::two_phase::{Completion, KillPoint};

/// What outlives the processes of the program.
pub(crate) struct Outbox {
    plan: Rc<Plan>,
    caller: CallerPlan,
    /// Records that are still to be sent.
    left: Cell<usize>,
    /// How far the consumer is whose offsets go with the transactions.
    consumed: Cell<i64>,
    /// What the database has.
    stored: Cell<Option<PreparedTxnState>>,
    /// What was under way when the last process ended.
    under_way: Cell<UnderWay>,
}

/// A transaction that has begun and not ended, as far as the program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnderWay {
    Nothing,
    Unstored,
    Stored,
}

/// The process ends, and so does its producer.
enum Ends {
    Killed,
    /// The producer cannot be used any more, or the process leaves of its own accord.
    Leaves,
}

impl Outbox {
    pub(crate) fn new(plan: Rc<Plan>) -> Self {
        let caller = plan.callers[0];
        Self {
            plan,
            caller,
            left: Cell::new(caller.records),
            consumed: Cell::default(),
            stored: Cell::default(),
            under_way: Cell::new(UnderWay::Nothing),
        }
    }
}

/// One process of the program: until it is done, or ends before that and another one follows.
pub(crate) async fn live(producer: Rc<Producer>, outbox: Rc<Outbox>) {
    let ground = Rc::clone(&producer.ground);
    let life = Life {
        doom: Cell::new(KillPoint::any(&ground, 15, &[KillPoint::Completing])),
        producer,
        outbox,
    };
    let Err(how) = life.work().await else {
        return;
    };
    let client = life.producer.client;
    let death = match how {
        Ends::Killed => Death::Killed,
        Ends::Leaves => {
            life.producer.close(None).await;
            Death::Closed
        }
    };
    let pause = match ground.chance(50) {
        true => ground.some_us(0, 50_000),
        false => ground.some_us(0, 2_000_000),
    };
    ground.successors.borrow_mut().push(Successor {
        client,
        death,
        begins: ground.now() + pause,
        outbox: life.outbox,
    });
}

struct Life {
    producer: Rc<Producer>,
    outbox: Rc<Outbox>,
    /// Where the process is killed next, if it comes so far.
    doom: Cell<Option<KillPoint>>,
}

impl Life {
    async fn work(&self) -> Result<(), Ends> {
        let left_behind = self.outbox.under_way.get();
        let how = self.complete().await?;
        self.note(match (left_behind, how) {
            (UnderWay::Stored, CompletedTxn::Committed) => Some(Completion::CommittedLater),
            (UnderWay::Unstored, CompletedTxn::NotOpen) => Some(Completion::AbortedLater),
            _ => None,
        });
        while self.outbox.left.get() > 0 {
            let doomed = KillPoint::any(&self.producer.ground, 30, &KillPoint::OF_TRANSACTIONS);
            self.doom.set(doomed);
            self.transaction().await?;
            if self.producer.ground.chance(2) {
                return Err(Ends::Leaves);
            }
        }
        // What is still on its way ends before another can begin.
        self.begin().await?;
        self.producer.abandon();
        Ok(())
    }

    /// Completes what was prepared before, by this process or another: commits it if it is what the database has.
    async fn complete(&self) -> Result<CompletedTxn, Ends> {
        let stored = self.outbox.stored.get();
        loop {
            let completing = self.producer.transacted(TransactionCall::Complete(stored));
            match self
                .unless_killed(KillPoint::Completing, completing)
                .await?
            {
                Ok(Transacted::Completed(how)) => {
                    if how == CompletedTxn::Committed && stored.is_none() {
                        let story = "nothing was stored, and it is said to be committed";
                        self.producer.ground.broken(COMPLETES, story);
                    }
                    self.outbox.under_way.set(UnderWay::Nothing);
                    return Ok(how);
                }
                Err(TransactionError::TimedOut(_)) => {}
                Err(
                    TransactionError::Authentication(_)
                    | TransactionError::Abortable(_)
                    | TransactionError::NoTwoPhaseCommit(_),
                ) => self.rest().await,
                Err(TransactionError::Misused(misuse)) => {
                    let story = format!("complete_transaction is refused: {misuse}");
                    self.producer.ground.broken(COMPLETES, story);
                    return Err(Ends::Leaves);
                }
                Ok(_) | Err(_) => return Err(Ends::Leaves),
            }
        }
    }

    async fn transaction(&self) -> Result<(), Ends> {
        let ground = &self.producer.ground;
        self.begin().await?;
        let number = ground
            .ledger
            .borrow_mut()
            .begin(self.producer.client, ground.now());
        self.outbox.under_way.set(UnderWay::Unstored);
        self.fill(number).await?;
        let Some(state) = self.prepare().await? else {
            self.outbox.under_way.set(UnderWay::Nothing);
            return Ok(());
        };
        self.pass(KillPoint::Prepared)?;
        if ground.chance(25) {
            return self.decline(state).await;
        }
        self.outbox.stored.set(Some(state));
        self.outbox.under_way.set(UnderWay::Stored);
        self.tell(number, || format!("is stored as {state}"));
        ground.ledger.borrow_mut().end(number, End::Committed);
        self.pass(KillPoint::Stored)?;
        if ground.chance(3) {
            return Err(Ends::Leaves);
        }
        self.commit(state).await
    }

    async fn begin(&self) -> Result<(), Ends> {
        loop {
            match self.producer.transact(TransactionCall::Begin).await {
                Ok(()) => return Ok(()),
                Err(TransactionError::TimedOut(_)) => self.producer.abandon(),
                Err(TransactionError::Authentication(_)) => {
                    self.producer.abandon();
                    self.rest().await;
                }
                Err(_) => return Err(Ends::Leaves),
            }
        }
    }

    /// Records and offsets; sometimes none.
    async fn fill(&self, number: u32) -> Result<(), Ends> {
        let ground = &self.producer.ground;
        let left = self.outbox.left.get();
        let records = match ground.chance(10) {
            true => 0,
            false => 1 + ground.below(left.min(12)),
        };
        self.outbox.left.set(left.saturating_sub(records.max(1)));
        let last = ground.below(records + 1);
        for sent in 0..records {
            if sent == last {
                self.pass(KillPoint::Sending)?;
            }
            let pause = self.outbox.caller.pause_max.as_micros() as u64;
            ground.pause(ground.some_us(0, pause)).await;
            if self.producer.handle.abort_reason().is_some() {
                break;
            }
            self.send(number).await;
            if ground.chance(5) {
                self.send_offsets(number).await;
            }
        }
        self.pass(KillPoint::Sending)
    }

    async fn send(&self, number: u32) {
        let ground = &self.producer.ground;
        let topics = &self.outbox.plan.topics;
        let topic = Arc::clone(&topics[ground.below(topics.len())].name);
        let caller = self.outbox.caller;
        let wish = Wish {
            partition: ground.below(64),
            filler: ground.below(caller.filler_max + 1),
            age: ground.age(caller.age_max),
            transaction: Some(number),
            when_decided: WhenDecided::Nothing,
        };
        drop(self.producer.send(&topic, wish).await);
    }

    /// Offsets of a consumer of the first topic, of whom the group does not ask who he is.
    async fn send_offsets(&self, number: u32) {
        let consumed = self.outbox.consumed.get() + 1;
        self.outbox.consumed.set(consumed);
        let topic = Arc::clone(&self.outbox.plan.topics[0].name);
        let call = TransactionCall::SendOffsets {
            offsets: vec![OffsetToCommit::new(topic, 0, consumed)],
            group: Claim::Nothing.metadata(self.producer.client),
        };
        let confirmed = match self.producer.transact(call).await {
            Ok(()) => Confirmed::Yes,
            Err(_) => Confirmed::No,
        };
        let mut ledger = self.producer.ground.ledger.borrow_mut();
        ledger.note_offset(number, consumed, confirmed);
    }

    /// `None`: it is aborted.
    async fn prepare(&self) -> Result<Option<PreparedTxnState>, Ends> {
        let ground = &self.producer.ground;
        let preparing = self.producer.transacted(TransactionCall::Prepare);
        let told = match ground.chance(4) {
            // Whoever stops waiting has it aborted.
            true => {
                let time = ground.some_us(0, 20_000);
                ground.unless_after(time, preparing).await
            }
            false => Some(self.unless_killed(KillPoint::Preparing, preparing).await?),
        };
        match told {
            Some(Ok(Transacted::Prepared(state))) => Ok(Some(state)),
            None | Some(Err(TransactionError::TimedOut(_) | TransactionError::Abortable(_))) => {
                self.producer.abandon_prepare();
                Ok(None)
            }
            Some(Err(TransactionError::Authentication(_))) => {
                self.producer.abandon_prepare();
                self.rest().await;
                Ok(None)
            }
            Some(Ok(_) | Err(_)) => Err(Ends::Leaves),
        }
    }

    /// The database has refused its part.
    async fn decline(&self, state: PreparedTxnState) -> Result<(), Ends> {
        if self.producer.ground.chance(30) {
            self.complete().await?;
            self.note(Some(Completion::AbortedByCompleting));
            return Ok(());
        }
        let aborting = TransactionCall::AbortPrepared(state);
        match self.producer.transact(aborting).await {
            Ok(()) => self.note(Some(Completion::Aborted)),
            // It goes on, and the next one waits for it.
            Err(TransactionError::TimedOut(_) | TransactionError::Authentication(_)) => {}
            Err(_) => return Err(Ends::Leaves),
        }
        self.outbox.under_way.set(UnderWay::Nothing);
        Ok(())
    }

    async fn commit(&self, state: PreparedTxnState) -> Result<(), Ends> {
        if self.producer.ground.chance(15) {
            let how = Completion::CommittedByCompleting;
            return self.commit_by_completing(how).await;
        }
        let committing = self
            .producer
            .transacted(TransactionCall::CommitPrepared(state));
        let mut told = self
            .unless_killed(KillPoint::Committing, committing)
            .await?;
        while let Err(TransactionError::TimedOut(_)) = told {
            told = self.producer.transacted(TransactionCall::Wait).await;
        }
        match told {
            Ok(_) => {
                self.outbox.under_way.set(UnderWay::Nothing);
                self.note(Some(Completion::Committed));
                Ok(())
            }
            Err(TransactionError::Abortable(_) | TransactionError::Authentication(_)) => {
                self.rest().await;
                self.commit_by_completing(Completion::CommittedAfterFailure)
                    .await
            }
            Err(_) => Err(Ends::Leaves),
        }
    }

    /// The producer completes what it has prepared itself.
    async fn commit_by_completing(&self, noted: Completion) -> Result<(), Ends> {
        match self.complete().await? {
            CompletedTxn::Committed => self.note(Some(noted)),
            how => {
                let story = format!("what was stored and is asked for once more is {how:?}");
                self.producer.ground.broken(COMPLETES, story);
            }
        }
        Ok(())
    }

    /// After a login that failed, or a refusal: the next may not.
    async fn rest(&self) {
        let ground = &self.producer.ground;
        ground.sleep(ground.some_us(1_000, 50_000)).await;
    }

    /// `future`, unless the process is to be killed amid this.
    async fn unless_killed<F: Future>(&self, at: KillPoint, future: F) -> Result<F::Output, Ends> {
        if self.doom.get() != Some(at) {
            return Ok(future.await);
        }
        let ground = &self.producer.ground;
        let round_trip = self.outbox.plan.network.latency_max.as_micros() as u64 * 2;
        let round_trips = match at {
            KillPoint::Committing => 1,
            _ => 3,
        };
        let time = ground.some_us(0, round_trip * round_trips);
        let told = ground.unless_after(time, future).await;
        told.ok_or_else(|| self.killed(at))
    }

    /// The process is killed here, if it is to be.
    fn pass(&self, at: KillPoint) -> Result<(), Ends> {
        match self.doom.get() == Some(at) {
            true => Err(self.killed(at)),
            false => Ok(()),
        }
    }

    fn killed(&self, at: KillPoint) -> Ends {
        self.producer.ground.two_phase.borrow_mut().killed(at);
        let told = || format!("is killed: {at:?}");
        self.producer.ground.trace.tell(&*self.producer, told);
        Ends::Killed
    }

    fn note(&self, completion: Option<Completion>) {
        if let Some(completion) = completion {
            let mut counts = self.producer.ground.two_phase.borrow_mut();
            counts.completed(completion);
        }
    }

    fn tell(&self, number: u32, what: impl FnOnce() -> String) {
        let trace = &self.producer.ground.trace;
        trace.mark("transaction", u64::from(number));
        trace.tell(&*self.producer, || {
            format!("transaction {number} {}", what())
        });
    }
}

/// The promise to whoever completes what was prepared.
const COMPLETES: &str = "what was stored is committed, and nothing else";
