//! What the logs hold: those of the topics there are, and those of topics that were deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kafka_mock::cluster::Cluster;

use crate::content::digest_of;
use crate::ledger::{RecordId, id_of};

/// Every log there ever was, by topic and life.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    logs: BTreeMap<LogName, Vec<Logged>>,
    /// How often a reader of committed records sees each record.
    visible: BTreeMap<RecordId, u32>,
    /// How often each topic was deleted.
    deletions: BTreeMap<String, u32>,
    /// When the topics came to life that were made anew.
    births: BTreeMap<(String, u32), Instant>,
    /// Partitions that had more than one leader, in any of their lives: what only the first one had
    /// may be lost.
    relocated: BTreeSet<(String, i32)>,
}

/// The log of one partition, in one life of its topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogName {
    pub(crate) topic: String,
    /// Lives before this one.
    pub(crate) life: u32,
    pub(crate) partition: i32,
}

/// A record in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) id: RecordId,
    pub(crate) offset: i64,
    /// Of all that it consists of.
    pub(crate) digest: u64,
    /// Who wrote it, if it was an idempotent producer.
    pub(crate) producer_id: Option<i64>,
}

impl Archive {
    /// Keeps the logs of a topic that is about to be deleted.
    pub(crate) fn bury(&mut self, cluster: &Cluster, topic: &str) {
        self.copy(cluster, topic);
        *self.deletions.entry(topic.to_owned()).or_default() += 1;
    }

    /// Copies the logs of a topic as they are now.
    pub(crate) fn copy(&mut self, cluster: &Cluster, topic: &str) {
        for record in cluster.committed_records(topic) {
            if let Some(id) = record.value.as_deref().and_then(id_of) {
                *self.visible.entry(id).or_default() += 1;
            }
        }
        for partition in 0..cluster.partitions(topic).unwrap_or_default() {
            let facts = cluster.partition_facts(topic, partition);
            if facts.is_ok_and(|facts| facts.leader_epoch > 0) {
                self.relocated.insert((topic.to_owned(), partition));
            }
        }
        let life = self.deletions.get(topic).copied().unwrap_or_default();
        for record in cluster.records(topic) {
            let name = LogName {
                topic: topic.to_owned(),
                life,
                partition: record.partition,
            };
            let id = record.value.as_deref().and_then(id_of);
            let digest = digest_of(&record);
            self.logs.entry(name).or_default().push(Logged {
                id: id.unwrap_or(NOBODYS),
                digest,
                offset: record.offset,
                producer_id: record.producer.map(|producer| producer.id),
            });
        }
    }

    /// How often a reader of committed records sees a record.
    pub(crate) fn visible(&self, id: RecordId) -> u32 {
        self.visible.get(&id).copied().unwrap_or_default()
    }

    /// A topic was made anew.
    pub(crate) fn born(&mut self, topic: &str, at: Instant) {
        let life = self.deletions.get(topic).copied().unwrap_or_default();
        self.births.insert((topic.to_owned(), life), at);
    }

    /// When the topic of a log was made anew, if it was.
    pub(crate) fn birth(&self, log: &LogName) -> Option<Instant> {
        self.births.get(&(log.topic.clone(), log.life)).copied()
    }

    /// Whether a partition had the same leader all the time.
    pub(crate) fn stayed(&self, topic: &str, partition: i32) -> bool {
        !self.relocated.contains(&(topic.to_owned(), partition))
    }

    pub(crate) fn logs(&self) -> impl Iterator<Item = (&LogName, &[Logged])> {
        self.logs.iter().map(|(name, log)| (name, log.as_slice()))
    }
}

/// No record has this number.
const NOBODYS: RecordId = RecordId::MAX;
