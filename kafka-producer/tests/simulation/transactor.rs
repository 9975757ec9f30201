//! A caller that sends in transactions, as the facade lets it: begin, send, commit or abort by
//! letting go of it; what is dropped is aborted.
//!
//! It notes of each transaction only what its outcomes prove.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kafka_producer::engine::TransactionCall;
use kafka_producer::error::{Misuse, TransactionError};
use kafka_producer::{ErrorCode, OffsetToCommit};

use crate::faults::FaultKind;
use crate::group::{Claim, Standing};
use crate::ledger::{Confirmed, End, Membership};
use crate::plan::{CallerPlan, Plan};
use crate::producer::{Producer, WhenDecided, Wish};
use crate::workload::RECOVERS;

/// Nothing more can be done with this producer.
struct Over;

/// Sends what the plan says, transaction by transaction.
pub(crate) async fn transact(producer: Rc<Producer>, plan: Rc<Plan>, caller: CallerPlan) {
    let mut transactor = Transactor {
        producer,
        plan,
        consumed: 0,
        known: Standing::default(),
    };
    if transactor.initialize().await.is_err() {
        return;
    }
    let mut left = caller.records;
    while left > 0 {
        let records = 1 + transactor.producer.ground.below(left.min(15));
        left -= records;
        if transactor.transaction(caller, records).await.is_err() {
            return;
        }
    }
}

/// After the faults: one transaction over every partition is committed, the third at the latest.
pub(crate) async fn probe(producer: Rc<Producer>, plan: Rc<Plan>) {
    let ground = Rc::clone(&producer.ground);
    let transactor = Transactor {
        producer,
        plan,
        consumed: 1_000_000,
        known: Standing::default(),
    };
    if transactor.initialize().await.is_err() {
        return;
    }
    for round in 1..=3 {
        match transactor.probe_once().await {
            Err(Over) => return,
            Ok(End::Committed) if round > 1 => return,
            Ok(_) if round < 3 => ground.sleep(Duration::from_millis(20)).await,
            Ok(End::Committed) => {}
            Ok(end) => ground.broken(RECOVERS, format!("a transaction ends as {end:?}")),
        }
    }
}

struct Transactor {
    producer: Rc<Producer>,
    plan: Rc<Plan>,
    /// How far the consumer is whose offsets go with the transactions.
    consumed: i64,
    /// Who is in the group, as far as the caller has heard.
    known: Standing,
}

impl Transactor {
    async fn initialize(&self) -> Result<(), Over> {
        for _ in 0..ATTEMPTS_MAX {
            match self.producer.transact(TransactionCall::Init).await {
                Ok(()) | Err(TransactionError::Misused(Misuse::AlreadyInitialized)) => {
                    return Ok(());
                }
                Err(TransactionError::TimedOut(_)) => {}
                Err(TransactionError::Authentication(_)) => self.rest().await,
                Err(_) => return Err(Over),
            }
        }
        Err(Over)
    }

    /// After a login that failed: the next may not.
    async fn rest(&self) {
        self.producer.ground.sleep(Duration::from_millis(50)).await;
    }

    async fn begin(&self) -> Result<u32, Over> {
        let ground = &self.producer.ground;
        for _ in 0..ATTEMPTS_MAX {
            let beginning = self.producer.transact(TransactionCall::Begin);
            let begun = match ground.chance(3) {
                true => {
                    ground
                        .unless_after(ground.some_us(0, 9_000), beginning)
                        .await
                }
                false => Some(beginning.await),
            };
            match begun {
                Some(Ok(())) => {
                    return Ok(ground
                        .ledger
                        .borrow_mut()
                        .begin(self.producer.client, ground.now()));
                }
                None
                | Some(Err(TransactionError::TimedOut(_) | TransactionError::Abortable(_))) => {
                    self.producer.abandon();
                }
                Some(Err(TransactionError::Authentication(_))) => {
                    self.producer.abandon();
                    self.rest().await;
                }
                Some(Err(_)) => return Err(Over),
            }
        }
        Err(Over)
    }

    async fn transaction(&mut self, caller: CallerPlan, records: usize) -> Result<(), Over> {
        let number = self.begin().await?;
        let ground = Rc::clone(&self.producer.ground);
        if !ground.chance(20) {
            self.known = ground.standing(self.producer.client);
        }
        for _ in 0..records {
            let pause = ground.some_us(0, caller.pause_max.as_micros() as u64);
            ground.pause(pause).await;
            if self.producer.handle.abort_reason().is_some() {
                break;
            }
            self.send(caller, number).await;
            if ground.chance(5) {
                self.send_offsets(number).await;
            }
        }
        if ground.chance(3) {
            // Longer than its coordinator waits.
            ground.sleep(ground.some_us(100_000, 4_000_000)).await;
        }
        match ground.below(10) {
            0..7 => self.commit(number).await,
            7..9 => self.abort(number).await,
            _ => {
                self.producer.abandon();
                Ok(())
            }
        }
    }

    async fn send(&self, caller: CallerPlan, number: u32) {
        let ground = &self.producer.ground;
        let topics = &self.plan.topics;
        let topic = Arc::clone(&topics[ground.below(topics.len())].name);
        let when_decided = match ground.chance(30) {
            true => WhenDecided::Counted,
            false => WhenDecided::Nothing,
        };
        let wish = Wish {
            partition: ground.below(64),
            filler: ground.below(caller.filler_max + 1),
            age: ground.age(caller.age_max),
            transaction: Some(number),
            when_decided,
        };
        if let Ok(delivery) = self.producer.send(&topic, wish).await
            && ground.chance(10)
        {
            drop(delivery.await);
        }
    }

    /// Offsets of a consumer of the first topic.
    async fn send_offsets(&mut self, number: u32) {
        self.consumed += 1;
        let client = self.producer.client;
        let topic = Arc::clone(&self.plan.topics[0].name);
        let offsets = vec![OffsetToCommit::new(topic, 0, self.consumed)];
        let ground = Rc::clone(&self.producer.ground);
        let claim = match ground.below(4) {
            0 => Claim::Nothing,
            1 => Claim::Instance(self.known),
            _ => Claim::Member(self.known),
        };
        let group = claim.metadata(client);
        let call = TransactionCall::SendOffsets { offsets, group };
        let held_before = claim.holds(ground.standing(client));
        let outcome = self.producer.transact(call).await;
        // What timed out goes on, and the group may change before it is asked.
        let goes_on = claim != Claim::Nothing
            && matches!(
                outcome,
                Err(TransactionError::TimedOut(_) | TransactionError::Authentication(_))
            );
        let holds = claim.holds(ground.standing(client));
        let membership = match (held_before, holds) {
            (false, _) => Membership::Stale,
            (true, true) if !goes_on => Membership::Held,
            (true, _) => Membership::Ended,
        };
        let mut ledger = ground.ledger.borrow_mut();
        ledger.note_membership(number, membership);
        let confirmed = match &outcome {
            Ok(()) => Confirmed::Yes,
            Err(_) => Confirmed::No,
        };
        ledger.note_offset(number, self.consumed, confirmed);
        let noted = ledger.transaction(number).membership;
        // A fault of that kind says the same of whoever it is.
        let denied = self.plan.has(FaultKind::Deny);
        let turned_away = !denied && outcome.is_err_and(|error| is_no_member(&error));
        if noted == Membership::Held && turned_away {
            ground.broken(FENCED, format!("{claim:?} is turned away"));
        }
    }

    async fn commit(&self, number: u32) -> Result<(), Over> {
        self.note(number, End::CommitAsked);
        let committed = self.producer.transact(TransactionCall::Commit).await;
        if committed.is_err() {
            self.producer.abandon();
        }
        match committed {
            Err(TransactionError::TimedOut(_) | TransactionError::Authentication(_)) => {
                self.wait(number).await
            }
            outcome => self.note_commit(number, outcome),
        }
    }

    /// Learns how a commit has ended that took too long.
    async fn wait(&self, number: u32) -> Result<(), Over> {
        for _ in 0..ATTEMPTS_MAX {
            match self.producer.transact(TransactionCall::Wait).await {
                Err(TransactionError::TimedOut(_)) => {}
                Err(TransactionError::Authentication(_)) => self.rest().await,
                outcome => return self.note_commit(number, outcome),
            }
        }
        Ok(())
    }

    fn note_commit(&self, number: u32, outcome: Result<(), TransactionError>) -> Result<(), Over> {
        match outcome {
            Ok(()) => self.note(number, End::Committed),
            Err(TransactionError::Abortable(_)) => self.note(number, End::Aborted),
            Err(_) => return Err(Over),
        }
        Ok(())
    }

    async fn abort(&self, number: u32) -> Result<(), Over> {
        self.note(number, End::Aborted);
        match self.producer.transact(TransactionCall::Abort).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.producer.abandon();
                match error {
                    TransactionError::TimedOut(_)
                    | TransactionError::Abortable(_)
                    | TransactionError::Authentication(_) => Ok(()),
                    _ => Err(Over),
                }
            }
        }
    }

    fn note(&self, number: u32, end: End) {
        let ground = &self.producer.ground;
        ground.trace.mark("transaction", u64::from(number));
        ground
            .trace
            .tell(&*self.producer, || format!("transaction {number}: {end:?}"));
        ground.ledger.borrow_mut().end(number, end);
    }

    async fn probe_once(&self) -> Result<End, Over> {
        let number = self.begin().await?;
        for topic in &self.plan.topics {
            for partition in 0..4 {
                let wish = Wish {
                    partition,
                    filler: 10,
                    age: Duration::ZERO,
                    transaction: Some(number),
                    when_decided: WhenDecided::Nothing,
                };
                drop(self.producer.send(&topic.name, wish).await);
            }
        }
        self.commit(number).await?;
        Ok(self.producer.ground.ledger.borrow().transaction(number).end)
    }
}

/// Whether a group does not know who sent offsets.
fn is_no_member(error: &TransactionError) -> bool {
    let TransactionError::Abortable(why) = error else {
        return false;
    };
    matches!(
        why.code(),
        Some(
            ErrorCode::ILLEGAL_GENERATION
                | ErrorCode::UNKNOWN_MEMBER_ID
                | ErrorCode::FENCED_INSTANCE_ID
        )
    )
}

/// The promise to whoever is in the group.
const FENCED: &str = "only who is not in the group any more is turned away";

/// So often is asked again what took longer than `max.block.ms`.
const ATTEMPTS_MAX: usize = 40;
