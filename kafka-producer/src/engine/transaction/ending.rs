//! How a transaction ends, and what the next one begins with.
//!
//! A transaction ends when every batch of it has an outcome and nothing else is on its way; then, if
//! anything was added to it, its coordinator is told. The next begins with the epoch that this one had
//! only if no request of it can do any harm there.

use kafka_wire::ErrorCode;

use super::calls::Call;
use super::{Before, Echo, End, Ending, Health, Owner, Phase, Transactions};
use crate::engine::Engine;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::produce::lane::LaneKey;
use crate::engine::produce::verdict::TransactionVersion;
use crate::engine::timers::Timer;
use crate::error::{AbortableError, Cause, TransactionError};

impl Engine {
    /// Lets the transaction end: what was not sent goes first, or not at all.
    pub(super) fn begin_ending(&mut self, how: End, owner: Owner) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let health = match &transactions.phase {
            Phase::Doomed(why) => Health::Doomed(why.clone()),
            _ => Health::Sound,
        };
        transactions.phase = Phase::Ending(Ending {
            how,
            owner,
            health,
            busy: Vec::new(),
            echo: Echo::None,
        });
        match how {
            End::Commit => drop(self.flush()),
            End::Abort => self.drop_unsent(),
        }
        let lanes = self.take_stock();
        if let Some(Transactions {
            phase: Phase::Ending(ending),
            ..
        }) = &mut self.transactions
        {
            ending.busy = lanes;
        }
    }

    /// What was sent is waited for, so that nothing of it reaches a log after the transaction.
    fn drop_unsent(&mut self) {
        if let Some(transactions) = &mut self.transactions {
            transactions.forget_wishes();
            // Only `close` ends a transaction while its owner waits for that.
            for commit in transactions.offsets.drain(..) {
                commit.end(Err(TransactionError::Closed), &mut self.cx.notices);
            }
        }
        for key in self.take_stock() {
            for batch in self.lanes[key as usize].queue.take_all() {
                self.fail_untried(key, batch, Cause::Aborted);
            }
        }
    }

    /// Whether every batch of the ending transaction has its outcome, and none that has expired is on
    /// its way: behind the marker of the end it would open a transaction that nobody ends.
    pub(super) fn is_drained(&mut self) -> bool {
        let (lanes, nodes) = (&self.lanes, &self.nodes);
        match &mut self.transactions {
            Some(Transactions {
                phase: Phase::Ending(ending),
                ..
            }) => {
                let busy = |key: &LaneKey| lanes[*key as usize].has_batches();
                ending.busy.retain(busy);
                ending.busy.is_empty() && !nodes.have_produce_in_flight()
            }
            _ => false,
        }
    }

    /// The transaction is over, as the coordinator says, or because it never knew of it.
    pub(super) fn transaction_ended(&mut self, successor: Option<ProducerId>) {
        let worn_out = self.lanes.is_any_broken();
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let Phase::Ending(Ending { health, .. }) = &transactions.phase else {
            return;
        };
        let outcome = health.outcome();
        let begun_there = transactions.has_begun_there();
        // A coordinator that does not know the producer will not know it in the next transaction.
        let unknown_there =
            |why: &AbortableError| why.code() == Some(ErrorCode::UNKNOWN_PRODUCER_ID);
        let failed_there = outcome
            .as_ref()
            .is_err_and(|why| begun_there || unknown_there(why));
        let untouched = transactions.version == TransactionVersion::Two && !begun_there;
        transactions.forget_members();
        let before = Before::Transaction(outcome);
        if let Some(successor) = successor {
            self.adopt(successor);
        } else if untouched && !failed_there {
            // No log has any batch of this epoch, so it can begin again.
            self.lanes.begin_sequences_anew();
        } else if worn_out || failed_there || transactions.echo == Echo::Possible {
            transactions.phase = Phase::Renewing(before);
            return;
        }
        self.await_next(before);
    }

    /// The coordinator does not have the transaction that was to be ended. A commit has failed for this
    /// reason, and the answer to an abort will tell whether there is a successor; after an abort
    /// nothing is left to be done but to begin anew.
    pub(super) fn gone(&mut self, why: AbortableError) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let Phase::Ending(ending) = &mut transactions.phase else {
            return;
        };
        match ending.how {
            End::Commit => {
                ending.how = End::Abort;
                ending.echo = Echo::None;
                ending.health = Health::Doomed(why);
            }
            End::Abort => {
                let before = Before::Transaction(ending.health.outcome());
                transactions.forget_members();
                transactions.phase = Phase::Renewing(before);
            }
        }
    }

    /// An id and epoch were asked for, and here they are.
    pub(super) fn initialized(&mut self, producer: ProducerId) {
        self.adopt(producer);
        let version = self.features.transaction_version();
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        transactions.version = version;
        match &transactions.phase {
            Phase::Initializing => self.await_next(Before::InitializedUntold),
            Phase::Renewing(before) => {
                let before = before.clone();
                self.await_next(before);
            }
            _ => {}
        }
    }

    /// Goes on as this producer: with a new epoch every sequence begins anew.
    fn adopt(&mut self, producer: ProducerId) {
        if self.identity.producer() != Some(producer) {
            self.lanes.begin_sequences_anew();
        }
        self.identity = Identity::Held(producer);
        if let Some(transactions) = &mut self.transactions {
            transactions.echo = Echo::None;
        }
    }

    /// Nothing is open any more; who waits to begin may.
    fn await_next(&mut self, mut before: Before) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        match &before {
            Before::Transaction(outcome) => {
                let outcome = || outcome.clone().map_err(TransactionError::Abortable);
                transactions.tell(Call::Commit, outcome, &mut self.cx.notices);
                transactions.tell(Call::Abort, || Ok(()), &mut self.cx.notices);
                transactions.tell(Call::Wait, outcome, &mut self.cx.notices);
            }
            Before::InitializedUntold | Before::Initialized => {
                if transactions.tell(Call::Init, || Ok(()), &mut self.cx.notices) > 0 {
                    before = Before::Initialized;
                }
            }
        }
        transactions.phase = Phase::Ready(before);
        self.cx.desk.doom(None);
        self.begin_for_next();
    }

    /// Begins a transaction for the caller that has waited longest.
    pub(super) fn begin_for_next(&mut self) {
        let version = self.features.transaction_version();
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        if !transactions.is_awaited(&mut self.cx.notices) {
            return;
        }
        if (transactions.version, version) == (TransactionVersion::One, TransactionVersion::Two) {
            // The cluster was upgraded meanwhile: the second protocol begins with an epoch of its own.
            transactions.phase = Phase::Renewing(Before::Initialized);
            return;
        }
        transactions.version = version;
        transactions.phase = Phase::Open;
        transactions.begun = self.cx.now;
        transactions.tell_one(Call::Begin, &mut self.cx.notices);
        let expires = self.cx.now + transactions.settings.timeout;
        self.cx.timers.arm(Timer::Transaction, expires);
    }
}
