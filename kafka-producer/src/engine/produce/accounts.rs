//! Whose memory the batches of each broker are charged to: a broker that leads partitions which are written
//! to has an account, and a part of `buffer.memory` that no other broker's batches are given.
//!
//! What a queue is charged to follows its leader; what is charged already stays where it is until its batches
//! have ended. Queues without a leader share one account, to which nothing is guaranteed. How much is
//! guaranteed, and who is given what, is decided in the accumulator (`kafka-accumulator/src/memory/budget.rs`);
//! how far callers may write ahead of a broker in `admission.rs`. Nothing is decided here.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_accumulator::{Account, Accumulator};

use crate::engine::cluster::node_id::NodeId;
use crate::error::DeliveryError;

/// The accounts of all brokers that lead lanes.
#[derive(Debug)]
pub(crate) struct Accounts {
    accumulator: Arc<Accumulator<DeliveryError>>,
    leaders: BTreeMap<NodeId, Leader>,
    /// Brokers whose backlog nobody has limited yet.
    unlimited: Vec<NodeId>,
}

/// A broker that leads lanes.
#[derive(Debug)]
struct Leader {
    lanes: usize,
    account: Arc<Account>,
}

impl Accounts {
    pub(crate) fn new(accumulator: Arc<Accumulator<DeliveryError>>) -> Self {
        Self {
            accumulator,
            leaders: BTreeMap::new(),
            unlimited: Vec::new(),
        }
    }

    /// A broker leads one lane more.
    pub(crate) fn add_lane(&mut self, leader: NodeId) {
        if let Some(it) = self.leaders.get_mut(&leader) {
            it.lanes += 1;
            return;
        }
        let account = self.accumulator.account();
        let lanes = 1;
        self.leaders.insert(leader, Leader { lanes, account });
        self.unlimited.push(leader);
        self.divide();
    }

    /// A broker leads one lane less.
    pub(crate) fn remove_lane(&mut self, leader: NodeId) {
        if let Some(it) = self.leaders.get_mut(&leader) {
            it.lanes -= 1;
            if it.lanes == 0 {
                self.leaders.remove(&leader);
                self.divide();
            }
        }
    }

    /// How many lanes a broker leads.
    pub(crate) fn led_by(&self, leader: NodeId) -> usize {
        self.leaders.get(&leader).map_or(0, |it| it.lanes)
    }

    /// The account of a broker, if it leads a lane.
    pub(crate) fn get(&self, leader: NodeId) -> Option<&Arc<Account>> {
        self.leaders.get(&leader).map(|it| &it.account)
    }

    /// What lanes of this leader are charged to.
    pub(crate) fn of(&self, leader: Option<NodeId>) -> &Arc<Account> {
        let account = leader.and_then(|leader| self.get(leader));
        account.unwrap_or_else(|| self.accumulator.unassigned())
    }

    /// The accounts of all brokers that lead lanes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Account)> {
        let leaders = self.leaders.iter();
        leaders.map(|(leader, it)| (*leader, &*it.account))
    }

    /// Brokers whose backlog nobody has limited yet: those whose accounts are new.
    pub(crate) fn unlimited(&self) -> &[NodeId] {
        &self.unlimited
    }

    /// A broker whose backlog nobody has limited yet.
    pub(crate) fn take_unlimited(&mut self) -> Option<NodeId> {
        self.unlimited.pop()
    }

    /// How much is reserved for batches that are no longer written to.
    pub(crate) fn backlog(&self) -> usize {
        let brokers = self.leaders.values().map(|it| it.account.backlog());
        brokers.sum::<usize>() + self.accumulator.unassigned().backlog()
    }

    /// Guarantees each broker its part.
    fn divide(&self) {
        let accounts = self.leaders.values().map(|it| Arc::clone(&it.account));
        self.accumulator.guarantee(accounts.collect());
    }
}
