//! Two-phase commit (KIP-939): which plans have it, and how often what has happened to their programs.
//!
//! As in `logins.rs`, which plans have it is decided apart: the stories of the other seeds stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka_mock::cluster::{Fault, TwoPhaseCommit};
use kafka_producer::settings::{Guarantee, TransactionSettings};
use kafka_wire::{ApiKey, ErrorCode};

use crate::faults::FaultKind;
use crate::ground::Ground;
use crate::plan::{Ending, Plan, TRANSACTIONAL_ID};
use crate::world::World;

/// Where the process of a program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KillPoint {
    /// Its transaction has begun; some records may have been sent.
    Sending,
    /// It waits for the transaction to be prepared.
    Preparing,
    /// The transaction is prepared, and not stored.
    Prepared,
    /// It is stored, and no commit was asked for.
    Stored,
    /// It waits for the commit.
    Committing,
    /// It waits for what an earlier process has left.
    Completing,
}

/// How a prepared transaction was completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Completion {
    /// By the process that has prepared it.
    Committed,
    Aborted,
    /// By the same process, which has asked for it to be completed.
    CommittedByCompleting,
    /// The same, after a commit that has failed.
    CommittedAfterFailure,
    AbortedByCompleting,
    /// By a later process.
    CommittedLater,
    AbortedLater,
}

/// What has happened how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct TwoPhaseCounts {
    pub(crate) kills: BTreeMap<KillPoint, u64>,
    pub(crate) completions: BTreeMap<Completion, u64>,
}

impl KillPoint {
    pub(crate) const ALL: [Self; 6] = [
        Self::Sending,
        Self::Preparing,
        Self::Prepared,
        Self::Stored,
        Self::Committing,
        Self::Completing,
    ];

    /// Those that a transaction comes to.
    pub(crate) const OF_TRANSACTIONS: [Self; 5] = [
        Self::Sending,
        Self::Preparing,
        Self::Prepared,
        Self::Stored,
        Self::Committing,
    ];

    /// One of these, in so many percent of all cases.
    pub(crate) fn any(ground: &Ground, percent: u32, of: &[Self]) -> Option<Self> {
        ground.chance(percent).then(|| of[ground.below(of.len())])
    }
}

impl Completion {
    pub(crate) const ALL: [Self; 7] = [
        Self::Committed,
        Self::Aborted,
        Self::CommittedByCompleting,
        Self::CommittedAfterFailure,
        Self::AbortedByCompleting,
        Self::CommittedLater,
        Self::AbortedLater,
    ];
}

impl TwoPhaseCounts {
    pub(crate) fn killed(&mut self, at: KillPoint) {
        *self.kills.entry(at).or_default() += 1;
    }

    pub(crate) fn completed(&mut self, how: Completion) {
        *self.completions.entry(how).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (at, times) in &other.kills {
            *self.kills.entry(*at).or_default() += times;
        }
        for (how, times) in &other.completions {
            *self.completions.entry(*how).or_default() += times;
        }
    }
}

impl Plan {
    /// Lets the transactions be prepared, if the brokers can have that and it is the turn of this seed.
    pub(crate) fn prepare_transactions(&mut self) {
        let can = self.cluster.version_caps.is_empty() && self.cluster.transaction_version == 2;
        if can && self.is_transactional() && self.seed % EACH < TURNS {
            self.take_two_phase();
        }
    }

    /// Lets the transactions be prepared, whatever the seed says.
    pub(crate) fn force_two_phase(&mut self) {
        self.cluster.version_caps.clear();
        self.cluster.transaction_version = 2;
        self.callers.truncate(1);
        let random = &mut fastrand::Rng::with_seed(self.seed ^ 0x2bc);
        self.settings.guarantee = Guarantee::Transactional(TransactionSettings {
            id: Arc::from(TRANSACTIONAL_ID),
            timeout: Duration::from_millis(random.u64(300..6_000)),
            two_phase_commit: true,
        });
        self.take_two_phase();
    }

    fn take_two_phase(&mut self) {
        let Guarantee::Transactional(settings) = &mut self.settings.guarantee else {
            return;
        };
        settings.two_phase_commit = true;
        let random = &mut fastrand::Rng::with_seed(self.seed ^ 0x939);
        self.cluster.two_phase_commit = match random.u32(..3) {
            0 => TwoPhaseCommit::WithoutKeeping,
            _ => TwoPhaseCommit::On,
        };
        let mut faults = std::mem::take(&mut self.faults);
        faults.retain(|(_, kind)| self.can_have(*kind));
        self.faults = faults;
        for (_, kind) in &mut self.faults {
            if random.u32(..8) == 0 {
                *kind = FaultKind::RefuseEnd;
            }
        }
        // The program ends its processes itself.
        self.ending = Ending::Calm;
    }

    /// Whether such a fault can be borne. With two-phase commit who comes later begins when nobody before it can store
    /// anything any more, and the cluster takes part all the time.
    pub(crate) fn can_have(&self, kind: FaultKind) -> bool {
        let two_phase = self.is_two_phase();
        kind.fits(self.is_transactional())
            && match kind {
                FaultKind::Rival | FaultKind::ChangeFeature => !two_phase,
                FaultKind::RefuseEnd => two_phase,
                _ => true,
            }
    }

    pub(crate) fn is_two_phase(&self) -> bool {
        let settings = self.settings.guarantee.transactional();
        settings.is_some_and(|settings| settings.two_phase_commit)
    }
}

impl World {
    /// Coordinators refuse the next commits or aborts, and change nothing.
    pub(crate) fn refuse_ends(&mut self) {
        let times = self.random.u32(1..4);
        self.ground
            .trace
            .tell("cluster", || format!("refuses {times} ends"));
        let refusal = Fault::refuse(REFUSAL).api(ApiKey::END_TXN).times(times);
        let tag = FaultKind::RefuseEnd as u32;
        self.cluster.inject(refusal.tagged(tag));
    }

    /// Codes by which an end may have been refused: an abort that is refused so ends its producer.
    pub(crate) fn refused_ends(&self) -> BTreeSet<ErrorCode> {
        match self.cluster.strikes(FaultKind::RefuseEnd as u32) {
            0 => BTreeSet::new(),
            _ => BTreeSet::from([REFUSAL]),
        }
    }
}

/// What is prepared can still be committed afterwards.
const REFUSAL: ErrorCode = ErrorCode::TRANSACTION_ABORTABLE;

/// Of so many seeds that can have it, this many do.
const EACH: u64 = 3;
const TURNS: u64 = 2;
