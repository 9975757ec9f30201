//! Topics and their partitions: who leads, who is in sync, and the log.
//!
//! A partition's leader epoch grows with each change of its leader and each change of its in-sync
//! replicas that an election follows (KIP-320), never otherwise.

use std::collections::BTreeMap;

use kafka_wire::Uuid;

use super::{config::TopicConfig, ids::BrokerId, log::Log, producer_state::ProducerStates};
use crate::record::MockRecord;

/// All topics, found by name or id.
#[derive(Clone, Debug, Default)]
pub(super) struct Topics {
    by_name: BTreeMap<String, Topic>,
    names: BTreeMap<Uuid, String>,
}

#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) id: Uuid,
    pub(super) config: TopicConfig,
    /// Settings that do nothing here, told back as they were given.
    pub(super) other_settings: BTreeMap<String, String>,
    pub(super) partitions: Vec<Partition>,
}

#[derive(Clone, Debug)]
pub(super) struct Partition {
    /// None while no replica that is in sync is alive.
    pub(super) leader: Option<BrokerId>,
    pub(super) leader_epoch: i32,
    /// The preferred leader first.
    pub(super) replicas: Vec<BrokerId>,
    pub(super) in_sync: Vec<BrokerId>,
    pub(super) log: Log,
    pub(super) producers: ProducerStates,
}

impl Topics {
    pub(super) fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    /// The topic with the name as it is kept here, which lives as long.
    pub(super) fn get_key_value(&self, name: &str) -> Option<(&str, &Topic)> {
        let (name, topic) = self.by_name.get_key_value(name)?;
        Some((name, topic))
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.by_name.get_mut(name)
    }

    pub(super) fn name_of(&self, id: Uuid) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    pub(super) fn insert(&mut self, name: &str, topic: Topic) {
        self.names.insert(topic.id, name.to_owned());
        self.by_name.insert(name.to_owned(), topic);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Topic> {
        let topic = self.by_name.remove(name)?;
        self.names.remove(&topic.id);
        Some(topic)
    }

    /// How many partitions there are in all.
    pub(super) fn partition_count(&self) -> usize {
        self.by_name
            .values()
            .map(|topic| topic.partitions.len())
            .sum()
    }

    pub(super) fn partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.by_name
            .values_mut()
            .flat_map(|topic| &mut topic.partitions)
    }
}

impl Topic {
    pub(super) fn partition(&self, index: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(index).ok()?)
    }

    pub(super) fn partition_mut(&mut self, index: i32) -> Option<&mut Partition> {
        self.partitions.get_mut(usize::try_from(index).ok()?)
    }

    pub(super) fn records(&self) -> impl Iterator<Item = MockRecord> {
        let numbered = (0..).zip(&self.partitions);
        numbered.flat_map(|(index, partition)| partition.log.records(index))
    }
}

impl Partition {
    /// A new partition on these replicas, of which some are alive.
    pub(super) fn new(replicas: Vec<BrokerId>, alive: impl Fn(BrokerId) -> bool) -> Self {
        let in_sync: Vec<_> = replicas.iter().copied().filter(|&id| alive(id)).collect();
        Self {
            leader: in_sync.first().copied(),
            leader_epoch: 0,
            replicas,
            in_sync,
            log: Log::default(),
            producers: ProducerStates::default(),
        }
    }

    /// Makes `leader`, which is in sync, the leader, in a new epoch.
    pub(super) fn elect(&mut self, leader: Option<BrokerId>) {
        self.leader = leader;
        self.leader_epoch += 1;
    }

    /// A replica is no longer alive. The last in-sync one stays in sync: nobody else has the log.
    pub(super) fn lose(&mut self, broker: BrokerId) {
        if self.in_sync != [broker] {
            self.in_sync.retain(|&id| id != broker);
        }
        if self.leader == Some(broker) {
            let next = self.in_sync.iter().copied().find(|&id| id != broker);
            self.elect(next);
        }
    }

    /// A replica may be alive again: one that was in sync leads, all others catch up at once.
    pub(super) fn regain(&mut self, alive: impl Fn(BrokerId) -> bool) {
        if self.leader.is_none() {
            let Some(heir) = self.in_sync.iter().copied().find(|&id| alive(id)) else {
                return;
            };
            self.elect(Some(heir));
        }
        for &replica in &self.replicas {
            if alive(replica) && !self.in_sync.contains(&replica) {
                self.in_sync.push(replica);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: BrokerId = BrokerId(1);
    const TWO: BrokerId = BrokerId(2);

    fn partition() -> Partition {
        Partition::new(vec![ONE, TWO], |_| true)
    }

    #[test]
    fn the_next_in_sync_replica_takes_over_in_a_new_epoch() {
        let mut partition = partition();
        partition.lose(ONE);
        assert_eq!((partition.leader, partition.leader_epoch), (Some(TWO), 1));
        assert_eq!(partition.in_sync, [TWO]);
    }

    #[test]
    fn losing_a_follower_changes_no_leader() {
        let mut partition = partition();
        partition.lose(TWO);
        assert_eq!((partition.leader, partition.leader_epoch), (Some(ONE), 0));
    }

    #[test]
    fn a_returning_broker_follows() {
        let mut partition = partition();
        partition.lose(ONE);
        partition.regain(|_| true);
        assert_eq!((partition.leader, partition.leader_epoch), (Some(TWO), 1));
        assert_eq!(partition.in_sync, [TWO, ONE]);
    }

    #[test]
    fn only_the_last_one_in_sync_may_lead_again() {
        let mut partition = partition();
        partition.lose(ONE);
        partition.lose(TWO);
        assert_eq!((partition.leader, partition.leader_epoch), (None, 2));
        partition.regain(|id| id == ONE);
        assert_eq!(partition.leader, None);
        partition.regain(|_| true);
        assert_eq!((partition.leader, partition.leader_epoch), (Some(TWO), 3));
        assert_eq!(partition.in_sync, [TWO, ONE]);
    }
}
