//! Topics, found by name or by id.
//!
//! A topic that is deleted and created again has another id, and none of the old one's records.

use std::collections::BTreeMap;

use kafka_wire::Uuid;

use super::{config::TopicConfig, partition::Partition, topic_config::Given};
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
    /// Settings that it has of its own, whether they act here or not.
    pub(super) settings: Given,
    pub(super) partitions: Vec<Partition>,
}

impl Topics {
    pub(super) fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    /// The topic, with its name as it is stored here.
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

    /// All topics, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Topic)> {
        let topics = self.by_name.iter();
        topics.map(|(name, topic)| (name.as_str(), topic))
    }

    /// All topics with their ids, by name.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Uuid, &mut Topic)> {
        self.by_name.values_mut().map(|topic| (topic.id, topic))
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

    /// How many replicas of a partition must be in sync for `acks=all`: no more can be asked for
    /// than there are.
    pub(super) fn in_sync_needed(&self, index: i32) -> usize {
        let least = usize::try_from(self.config.min_insync_replicas).unwrap_or(0);
        let replicas = self.partition(index).map(|it| it.replicas.len());
        least.min(replicas.unwrap_or(0))
    }

    pub(super) fn records(&self) -> impl Iterator<Item = MockRecord> {
        let numbered = (0..).zip(&self.partitions);
        numbered.flat_map(|(index, partition)| partition.log.records(index))
    }
}
