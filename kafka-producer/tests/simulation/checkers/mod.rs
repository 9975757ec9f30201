//! The promises, each in a file of its own.
//!
//! Some are watched while the run goes on (`deadline`, `memory`, `window`, `busy`, `rate`, `throttle`); the others are
//! judged from the books and the logs when everything is over. A checker that cannot judge under
//! the circumstances of a run says so where it decides that.

pub(crate) mod acknowledged;
pub(crate) mod busy;
pub(crate) mod content;
pub(crate) mod deadline;
pub(crate) mod duplicates;
pub(crate) mod fatal;
pub(crate) mod memory;
pub(crate) mod not_persisted;
pub(crate) mod offsets;
pub(crate) mod once;
pub(crate) mod order;
pub(crate) mod rate;
pub(crate) mod report;
pub(crate) mod throttle;
pub(crate) mod timeline;
pub(crate) mod transactions;
pub(crate) mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kafka_mock::cluster::{HangingTransaction, TransactionFacts, TransactionState};
use kafka_wire::ErrorCode;

use crate::archive::{Archive, LogName, Logged};
use crate::attempts::Attempts;
use crate::faults::FaultKind;
use crate::group::group_of;
use crate::ledger::{Decided, Ledger, RecordId, Told};
use crate::plan::Plan;
use crate::producer::Producer;
use crate::world::World;

/// What is known when a run is over.
pub(crate) struct Facts<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) ledger: &'a Ledger,
    pub(crate) archive: &'a Archive,
    pub(crate) attempts: &'a Attempts,
    pub(crate) producers: Vec<Rc<Producer>>,
    /// Producers that write under one epoch are one producer to the brokers, who take the batch of the
    /// one for that of the other: no client can tell. What was decided before that is promised.
    before_sharing: Option<Decided>,
    /// Codes by which somebody may have been refused for good.
    pub(crate) denied: BTreeSet<ErrorCode>,
    /// Transactions that nobody will end.
    pub(crate) hanging: Vec<HangingTransaction>,
    /// Transactions that their coordinator waits to end.
    pub(crate) open: Vec<TransactionFacts>,
    /// What the group of each producer is at.
    pub(crate) offsets: Vec<Option<i64>>,
    /// What every record was told.
    pub(crate) told: BTreeMap<RecordId, Told>,
    /// Where each record is, in the order of the logs.
    pub(crate) places: BTreeMap<RecordId, Vec<(&'a LogName, Logged)>>,
}

/// A promise, and the judgement whether it was kept.
type Promise = (&'static str, fn(&Facts<'_>) -> Result<(), String>);

const OF_THE_PRODUCER: [Promise; 5] = [
    ("every record ends exactly once", once::check),
    ("what is in a log is what was sent", content::check),
    ("a producer fails for good only when it must", fatal::check),
    ("the close report is what happened", report::check),
    (
        "an error tells the attempts that were made",
        timeline::check,
    ),
];

const OF_THE_LOGS: [Promise; 6] = [
    ("acknowledged is in the log", acknowledged::check),
    ("not persisted is not in the log", not_persisted::check),
    ("nothing is there twice", duplicates::check),
    ("order is the order of send", order::check),
    ("transactions are all or nothing", transactions::check),
    (
        "offsets are committed with their transaction",
        offsets::check,
    ),
];

impl World {
    /// Judges the whole run.
    pub(crate) fn judge(&mut self) {
        let topics: Vec<String> = self.cluster.topics().map(str::to_owned).collect();
        for topic in topics {
            self.archive.copy(&self.cluster, &topic);
        }
        let ledger = self.ground.ledger.borrow();
        let attempts = self.ground.attempts.borrow();
        let facts = Facts::of(self, &ledger, &attempts);
        for (promise, check) in OF_THE_PRODUCER.iter().chain(&OF_THE_LOGS) {
            if let Err(story) = check(&facts) {
                self.ground.broken(promise, story);
            }
        }
    }

    fn committed_offset(&self, client: usize) -> Option<i64> {
        let (group, topic) = (group_of(client), &self.plan.topics[0].name);
        let committed = self.cluster.committed_offset(&group, topic, 0)?;
        Some(committed.offset)
    }

    fn open_transactions(&self) -> Vec<TransactionFacts> {
        let mut transactions = self.cluster.transactions();
        transactions.retain(|it| it.state == TransactionState::Open);
        transactions
    }

    /// Codes that refuse for good, if any was answered.
    fn denied(&self) -> BTreeSet<ErrorCode> {
        let mut denied = self.refused_ends();
        if self.cluster.strikes(FaultKind::Deny as u32) > 0 {
            denied.extend(&self.ailments.denied);
        }
        denied
    }

    /// What must hold at every moment.
    pub(crate) fn watch(&self) {
        memory::watch(self);
        deadline::watch(self);
    }
}

impl<'a> Facts<'a> {
    fn of(world: &'a World, ledger: &'a Ledger, attempts: &'a Attempts) -> Self {
        let mut places: BTreeMap<RecordId, Vec<(&LogName, Logged)>> = BTreeMap::new();
        for (name, log) in world.archive.logs() {
            for logged in log {
                places.entry(logged.id).or_default().push((name, *logged));
            }
        }
        let told = ledger
            .records()
            .filter_map(|(id, entry)| Some((id, entry.told()?)));
        Self {
            plan: &world.plan,
            ledger,
            archive: &world.archive,
            attempts,
            producers: world
                .clients
                .iter()
                .map(|client| Rc::clone(&client.producer))
                .collect(),
            before_sharing: world.ground.before_sharing.borrow().clone(),
            denied: world.denied(),
            hanging: world.cluster.hanging_transactions(),
            open: world.open_transactions(),
            offsets: (0..world.clients.len())
                .map(|client| world.committed_offset(client))
                .collect(),
            told: told.collect(),
            places,
        }
    }

    /// Whether anything is promised of the place of a record in the logs.
    pub(crate) fn is_judged(&self, id: RecordId) -> bool {
        let before = self.before_sharing.as_ref();
        before.is_none_or(|before| before.records.contains(&id))
    }

    /// Whether anything is promised of a transaction.
    pub(crate) fn is_transaction_judged(&self, number: u32) -> bool {
        let before = self.before_sharing.as_ref();
        before.is_none_or(|before| before.transactions.contains(&number))
    }

    /// Whether two producers were given the same epoch.
    pub(crate) fn epoch_was_shared(&self) -> bool {
        self.before_sharing.is_some()
    }

    /// Where a record is.
    pub(crate) fn places(&self, id: RecordId) -> &[(&'a LogName, Logged)] {
        self.places.get(&id).map_or(&[], Vec::as_slice)
    }
}
