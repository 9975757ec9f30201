//! One partition: its log, what it remembers of producers, and which replicas have how much of it.
//!
//! ```text
//!  log start      last stable offset    high watermark       log end
//!     │ committed and aborted │ open transactions │ not replicated yet │
//! ```
//!
//! There is one log, the leader's; of each replica is known how far it got. What a new leader
//! lacks is cut off: it is lost. A partition's leader epoch grows with each election (KIP-320).

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use kafka_wire::records::{BatchHeader, RecordBatch};

use super::{
    broker::Brokers,
    defect::Defect,
    ids::BrokerId,
    log::{Content, Log, Stamp},
    marker::Marker,
    producer_state::ProducerStates,
    transaction_index::TransactionIndex,
};

#[derive(Clone, Debug)]
pub(super) struct Partition {
    /// None while no in-sync replica is alive.
    pub(super) leader: Option<BrokerId>,
    pub(super) leader_epoch: i32,
    /// The preferred leader first.
    pub(super) replicas: Vec<BrokerId>,
    pub(super) in_sync: Vec<BrokerId>,
    pub(super) log: Log,
    pub(super) producers: ProducerStates,
    pub(super) transaction_index: TransactionIndex,
    copies: BTreeMap<BrokerId, Copy>,
    /// When followers have how much, in order of time.
    in_transit: VecDeque<(Instant, i64)>,
    high_watermark: i64,
    /// Where the log ended when the leader was elected.
    epoch_start: i64,
    /// Producers that were forgotten, in the order in which they were.
    forgotten: Vec<Forgotten>,
    /// The leader epoch in which the defect was applied already.
    lied_in: i32,
}

/// A producer that was forgotten when the log ended at `offset`.
#[derive(Clone, Copy, Debug)]
struct Forgotten {
    offset: i64,
    producer_id: i64,
}

/// What a replica has.
#[derive(Clone, Copy, Debug, Default)]
struct Copy {
    end_offset: i64,
    /// How much it had when its broker last started. Of batches before, it remembers the last of
    /// each producer only.
    started_at: i64,
}

/// Which replica may lead when none in sync is alive (`unclean.leader.election.enable`).
///
/// ```
/// use kafka_mock::cluster::{ClusterConfig, UncleanElection};
///
/// assert_eq!(ClusterConfig::default().unclean_election, UncleanElection::Refused);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UncleanElection {
    /// None: rather no service than loss.
    #[default]
    Refused,
    /// The replica that has most of the log.
    Allowed,
}

impl Partition {
    /// A new partition on these replicas, of which some are there.
    pub(super) fn new(replicas: Vec<BrokerId>, brokers: &Brokers) -> Self {
        let in_sync = replicas.iter().copied().filter(|&id| brokers.is_listed(id));
        let in_sync: Vec<_> = in_sync.collect();
        let copies = replicas.iter().map(|&id| (id, Copy::default()));
        Self {
            leader: in_sync.first().copied(),
            leader_epoch: 0,
            copies: copies.collect(),
            replicas,
            in_sync,
            log: Log::default(),
            producers: ProducerStates::default(),
            transaction_index: TransactionIndex::default(),
            in_transit: VecDeque::new(),
            high_watermark: 0,
            epoch_start: 0,
            forgotten: Vec::new(),
            lied_in: 0,
        }
    }

    /// Up to where all replicas in sync have the log: what consumers may read.
    pub(super) fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Up to where every transaction is decided.
    pub(super) fn last_stable_offset(&self) -> i64 {
        let open = self.producers.first_open_offset();
        let undecided = self.transaction_index.first_undecided(self.high_watermark);
        let first = open.into_iter().chain(undecided).min();
        first.map_or(self.high_watermark, |first| first.min(self.high_watermark))
    }

    /// Stores a batch of a producer, and returns its header in the log.
    pub(super) fn append(&mut self, batch: &RecordBatch, stamp: Stamp) -> BatchHeader {
        let stored = self.log.append(batch, stamp);
        if stored.producer_id >= 0 {
            self.producers.note(&stored);
        }
        self.led();
        stored
    }

    /// Writes the end of a transaction, and returns its offset.
    pub(super) fn append_marker(&mut self, marker: Marker, wall_ms: i64) -> i64 {
        let stored = self.log.append_marker(marker, self.leader_epoch, wall_ms);
        let began = self.producers.end_transaction(&marker, wall_ms);
        let offset = stored.base_offset;
        self.transaction_index.note(&marker, began, offset);
        self.led();
        offset
    }

    /// The leader has all there is; it may be the only one in sync.
    fn led(&mut self) {
        let end_offset = self.log.end_offset();
        if let Some(copy) = self.leader.and_then(|id| self.copies.get_mut(&id)) {
            copy.end_offset = end_offset;
        }
        self.advance();
    }

    /// Whether a replica that could fetch has something to fetch.
    pub(super) fn lags(&self, brokers: &Brokers) -> bool {
        let end_offset = self.log.end_offset();
        let mut copies = self.copies.iter();
        copies.any(|(&id, copy)| {
            let behind = copy.end_offset < end_offset || !self.in_sync.contains(&id);
            behind && brokers.is_up(id)
        })
    }

    /// From `at` on, followers have what is in the log now.
    pub(super) fn send_to_followers(&mut self, at: Instant) -> Instant {
        let last = self.in_transit.back().map(|(at, _)| *at);
        let at = last.map_or(at, |last| last.max(at));
        self.in_transit.push_back((at, self.log.end_offset()));
        at
    }

    /// Followers get what has reached them; whether the high watermark or the in-sync replicas
    /// changed.
    pub(super) fn replicate(&mut self, now: Option<Instant>, brokers: &Brokers) -> Moved {
        let Some(leader) = self.leader.filter(|&id| brokers.is_up(id)) else {
            return Moved::No;
        };
        let mut reached = 0;
        while let Some(&(at, end)) = self.in_transit.front()
            && now.is_some_and(|now| at <= now)
        {
            reached = end;
            self.in_transit.pop_front();
        }
        for (&id, copy) in &mut self.copies {
            if id != leader && brokers.is_up(id) {
                copy.end_offset = copy.end_offset.max(reached);
            }
        }
        let joined = self.admit_to_sync(brokers);
        let advanced = self.advance();
        if joined == Moved::Yes {
            joined
        } else {
            advanced
        }
    }

    /// Replicas that caught up are in sync again.
    fn admit_to_sync(&mut self, brokers: &Brokers) -> Moved {
        let least = self.high_watermark.max(self.epoch_start);
        let mut moved = Moved::No;
        for &id in &self.replicas {
            let has = self.copies.get(&id).map_or(0, |copy| copy.end_offset);
            if brokers.is_up(id) && !self.in_sync.contains(&id) && has >= least {
                self.in_sync.push(id);
                moved = Moved::Yes;
            }
        }
        moved
    }

    /// The high watermark is what all replicas in sync have; it never goes back by itself.
    fn advance(&mut self) -> Moved {
        let ends = self.in_sync.iter().filter_map(|id| self.copies.get(id));
        let least = ends.map(|copy| copy.end_offset).min().unwrap_or(0);
        if self.leader.is_none() || least <= self.high_watermark {
            return Moved::No;
        }
        self.high_watermark = least;
        self.transaction_index.forget_before(least);
        Moved::Yes
    }

    /// Makes `leader` the leader in a new epoch. What it lacks is cut off.
    pub(super) fn elect(&mut self, leader: Option<BrokerId>) {
        self.leader = leader;
        self.leader_epoch += 1;
        self.in_transit.clear();
        let Some(copy) = leader.and_then(|id| self.copies.get(&id).copied()) else {
            return;
        };
        self.cut_off(copy.end_offset);
        self.producers.keep_last_before(copy.started_at);
        self.advance();
    }

    /// No replica has anything from `end_offset` on any more.
    fn cut_off(&mut self, end_offset: i64) {
        if end_offset < self.log.end_offset() {
            self.log.truncate(end_offset);
            (self.producers, self.transaction_index) = self.remembered(end_offset);
        }
        let end = self.log.end_offset();
        self.epoch_start = end;
        self.high_watermark = self.high_watermark.min(end);
        for copy in self.copies.values_mut() {
            copy.end_offset = copy.end_offset.min(end);
            copy.started_at = copy.started_at.min(end);
        }
        for forgotten in &mut self.forgotten {
            forgotten.offset = forgotten.offset.min(end);
        }
    }

    /// What a defect does to an election, once for each.
    pub(super) fn apply_election_defect(&mut self, defect: Defect) {
        if std::mem::replace(&mut self.lied_in, self.leader_epoch) == self.leader_epoch {
            return;
        }
        match defect {
            Defect::ForgetProducers => self.forget_producers(),
            Defect::LoseTail => {
                let last = self.log.batches().last();
                let end = last.map_or(0, |batch| batch.header.base_offset);
                self.cut_off(end);
            }
            _ => {}
        }
    }

    /// What is known of producers from the log up to `end_offset`.
    fn remembered(&self, end_offset: i64) -> (ProducerStates, TransactionIndex) {
        let (mut producers, mut transaction_index) =
            (ProducerStates::default(), TransactionIndex::default());
        let mut forgotten = self.forgotten.iter().peekable();
        for batch in self.log.batches() {
            let offset = batch.header.base_offset;
            if offset >= end_offset {
                break;
            }
            while let Some(gone) = forgotten.next_if(|gone| gone.offset <= offset) {
                producers.forget(gone.producer_id);
            }
            match batch.content {
                Content::Data if batch.header.producer_id >= 0 => producers.note(&batch.header),
                Content::Data => {}
                Content::Marker(marker) => {
                    let began = producers.end_transaction(&marker, batch.header.max_timestamp);
                    transaction_index.note(&marker, began, offset);
                }
            }
        }
        for gone in forgotten {
            producers.forget(gone.producer_id);
        }
        transaction_index.forget_before(self.high_watermark.min(end_offset));
        (producers, transaction_index)
    }

    /// What a replica knows of producers: a follower may lag behind.
    pub(super) fn producers_at(&self, broker: BrokerId) -> Option<ProducerStates> {
        let copy = self.copies.get(&broker)?;
        if self.leader == Some(broker) || copy.end_offset == self.log.end_offset() {
            return Some(self.producers.clone());
        }
        Some(self.remembered(copy.end_offset).0)
    }

    /// Forgets the producers that have no open transaction.
    pub(super) fn forget_producers(&mut self) {
        self.forget_producers_until(i64::MAX);
    }

    /// Forgets the producers whose last batch is of this time or an earlier one, and that have no
    /// open transaction.
    pub(super) fn forget_producers_until(&mut self, latest_ms: i64) {
        let offset = self.log.end_offset();
        for producer_id in self.producers.last_seen_until(latest_ms) {
            if self.producers.forget(producer_id) {
                self.forgotten.push(Forgotten {
                    offset,
                    producer_id,
                });
            }
        }
    }

    /// A replica is gone. The last one in sync stays in sync: no other has the whole log.
    pub(super) fn lose(&mut self, broker: BrokerId, brokers: &Brokers, unclean: UncleanElection) {
        if self.in_sync != [broker] {
            self.in_sync.retain(|&id| id != broker);
        }
        if self.leader == Some(broker) {
            let next = self.next_leader(brokers, unclean);
            self.elect_next(next);
        } else {
            self.advance();
        }
    }

    /// A replica is back: a leader is elected, if one is possible.
    pub(super) fn regain(&mut self, brokers: &Brokers, unclean: UncleanElection) {
        if self.leader.is_none() {
            let next = self.next_leader(brokers, unclean);
            if next.is_some() {
                self.elect_next(next);
            }
        }
    }

    /// A replica starts, with what it had or with nothing.
    pub(super) fn start(&mut self, broker: BrokerId, data: Restart) {
        if let Some(copy) = self.copies.get_mut(&broker) {
            if data == Restart::Empty {
                copy.end_offset = 0;
            }
            copy.started_at = copy.end_offset;
        }
    }

    fn next_leader(&self, brokers: &Brokers, unclean: UncleanElection) -> Option<BrokerId> {
        let listed = |id: &BrokerId| brokers.is_listed(*id);
        let clean = self.in_sync.iter().copied().find(listed);
        let any = || {
            let replicas = self.replicas.iter().rev().copied().filter(listed);
            replicas.max_by_key(|id| self.copies.get(id).map_or(0, |copy| copy.end_offset))
        };
        clean.or_else(|| any().filter(|_| unclean == UncleanElection::Allowed))
    }

    fn elect_next(&mut self, next: Option<BrokerId>) {
        if let Some(id) = next.filter(|id| !self.in_sync.contains(id)) {
            self.in_sync = vec![id];
        }
        self.elect(next);
    }
}

/// With what a broker starts again.
///
/// ```
/// use kafka_mock::cluster::Restart;
///
/// assert_ne!(Restart::WithData, Restart::Empty);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Restart {
    /// With the logs that it had.
    WithData,
    /// On an empty disk.
    Empty,
}

/// Whether something changed that others may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    Yes,
    No,
}
