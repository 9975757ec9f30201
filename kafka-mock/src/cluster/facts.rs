//! What the logs and the coordinators contain, for checkers of a run.
//!
//! Nothing here changes anything, and no broker needs to be alive.

use bytes::Bytes;

use super::{
    BrokerId, Cluster, ClusterError, CommittedOffset, TransactionOutcome,
    admin::unknown_partition,
    log::Content,
    partition::Partition,
    transaction::{Identity, Stage},
};
use crate::record::MockRecord;

/// What is known of one partition.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig};
///
/// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
/// cluster.create_topic("orders", cluster.config().topic(1))?;
/// let facts = cluster.partition_facts("orders", 0)?;
/// assert_eq!((facts.log_end, facts.high_watermark), (0, 0));
/// # Ok::<(), kafka_mock::cluster::ClusterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionFacts {
    /// The broker that leads it.
    pub leader: Option<BrokerId>,
    /// How often a leader was elected.
    pub leader_epoch: i32,
    /// The replicas in sync.
    pub in_sync: Vec<BrokerId>,
    /// The first offset that can be read.
    pub log_start: i64,
    /// Up to where every transaction is decided.
    pub last_stable_offset: i64,
    /// Up to where all replicas in sync have the log.
    pub high_watermark: i64,
    /// The offset that the next record gets.
    pub log_end: i64,
}

/// A record or marker as it stands in a log.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig};
///
/// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
/// cluster.create_topic("orders", cluster.config().topic(1))?;
/// assert!(cluster.log("orders", 0)?.is_empty());
/// # Ok::<(), kafka_mock::cluster::ClusterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Of the leader that appended it.
    pub leader_epoch: i32,
    /// Of the idempotent producer, or -1.
    pub producer_id: i64,
    /// Of the idempotent producer, or -1.
    pub producer_epoch: i16,
    /// What it is.
    pub content: LogContent,
}

/// What a log has at one offset.
///
/// ```
/// use kafka_mock::cluster::{LogContent, TransactionOutcome};
///
/// let marker = LogContent::Marker(TransactionOutcome::Commit);
/// assert!(!matches!(marker, LogContent::Record { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogContent {
    /// A record of a producer.
    Record {
        /// Its number, or -1.
        sequence: i32,
        /// Whether it belongs to a transaction.
        transactional: bool,
        /// The key, or null.
        key: Option<Bytes>,
        /// The value, or null.
        value: Option<Bytes>,
    },
    /// The end of its producer's transaction.
    Marker(TransactionOutcome),
}

/// What a coordinator knows of a transactional id.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig};
///
/// assert!(Cluster::new(ClusterConfig::default(), 1).transactions().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionFacts {
    /// The transactional id.
    pub transactional_id: String,
    /// Its producer id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// The producer id and epoch for which the open transaction is kept, if it is (KIP-939).
    pub kept_for: Option<(i64, i16)>,
    /// How far it is.
    pub state: TransactionState,
}

/// How far a transaction is.
///
/// ```
/// use kafka_mock::cluster::{TransactionOutcome, TransactionState};
///
/// assert_ne!(TransactionState::Open, TransactionState::Decided(TransactionOutcome::Abort));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionState {
    /// None was begun since the producer began.
    Empty,
    /// Something was added, nothing decided.
    Open,
    /// The outcome is decided; markers are being written.
    Decided(TransactionOutcome),
    /// All markers are written.
    Complete(TransactionOutcome),
}

/// A transaction that is open in a log, and that no coordinator will ever end.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig};
///
/// assert!(Cluster::new(ClusterConfig::default(), 1).hanging_transactions().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HangingTransaction {
    /// The topic.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// Id of the producer that began it.
    pub producer_id: i64,
    /// Where it begins.
    pub first_offset: i64,
}

impl Cluster {
    /// What is known of a partition.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert!(Cluster::new(ClusterConfig::default(), 1).partition_facts("orders", 0).is_err());
    /// ```
    pub fn partition_facts(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<PartitionFacts, ClusterError> {
        let found = self.found(topic, partition)?;
        Ok(PartitionFacts {
            leader: found.leader,
            leader_epoch: found.leader_epoch,
            in_sync: found.in_sync.clone(),
            log_start: found.log.start_offset(),
            last_stable_offset: found.last_stable_offset(),
            high_watermark: found.high_watermark(),
            log_end: found.log.end_offset(),
        })
    }

    /// Everything in the log of a partition, deleted records too, in order.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert!(Cluster::new(ClusterConfig::default(), 1).log("orders", 0).is_err());
    /// ```
    pub fn log(&self, topic: &str, partition: i32) -> Result<Vec<LogEntry>, ClusterError> {
        let batches = self.found(topic, partition)?.log.batches().iter();
        let entries = batches.flat_map(|batch| {
            let entry = |offset, timestamp, content| LogEntry {
                offset,
                timestamp,
                leader_epoch: batch.header.partition_leader_epoch,
                producer_id: batch.header.producer_id,
                producer_epoch: batch.header.producer_epoch,
                content,
            };
            match batch.content {
                Content::Marker(marker) => {
                    let content = LogContent::Marker(marker.outcome);
                    let header = &batch.header;
                    vec![entry(header.base_offset, header.max_timestamp, content)]
                }
                Content::Data => {
                    let transactional = batch.header.attributes.is_transactional();
                    let records = batch.mock_records(partition).map(|record| {
                        let content = LogContent::Record {
                            sequence: record.producer.map_or(-1, |it| it.sequence),
                            transactional,
                            key: record.key,
                            value: record.value,
                        };
                        entry(record.offset, record.timestamp, content)
                    });
                    records.collect()
                }
            }
        });
        Ok(entries.collect())
    }

    /// The records that a reader of committed records sees: below the last stable offset, and not
    /// of an aborted transaction.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert!(Cluster::new(ClusterConfig::default(), 1).committed_records("orders").is_empty());
    /// ```
    #[must_use]
    pub fn committed_records(&self, topic: &str) -> Vec<MockRecord> {
        let Some(topic) = self.topics.get(topic) else {
            return Vec::new();
        };
        let partitions = (0..).zip(&topic.partitions);
        partitions
            .flat_map(|(index, partition)| committed(index, partition))
            .collect()
    }

    /// What the coordinators know of all transactional ids.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).transactions().len(), 0);
    /// ```
    #[must_use]
    pub fn transactions(&self) -> Vec<TransactionFacts> {
        let facts = self.transactions.iter().map(|(id, transaction)| {
            let Identity {
                id: producer_id,
                epoch,
            } = transaction.identity();
            TransactionFacts {
                transactional_id: id.clone(),
                producer_id,
                producer_epoch: epoch,
                kept_for: transaction.heir().map(|heir| (heir.id, heir.epoch)),
                state: match &transaction.stage {
                    Stage::Empty => TransactionState::Empty,
                    Stage::Ongoing { .. } => TransactionState::Open,
                    Stage::Ending(ending) => TransactionState::Decided(ending.outcome),
                    Stage::Ended(outcome) => TransactionState::Complete(*outcome),
                },
            }
        });
        facts.collect()
    }

    /// Transactions that are open in a log although their coordinator knows of none: readers of
    /// committed records would never get past them.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).hanging_transactions(), []);
    /// ```
    #[must_use]
    pub fn hanging_transactions(&self) -> Vec<HangingTransaction> {
        let is_coordinated = |producer_id| {
            self.transactions.values().any(|it| {
                let is_open = matches!(it.stage, Stage::Ongoing { .. } | Stage::Ending(_));
                is_open && it.producer_id == producer_id
            })
        };
        let mut hanging = Vec::new();
        for (name, topic) in self.topics.iter() {
            for (partition, it) in (0..).zip(&topic.partitions) {
                for (producer_id, state) in it.producers.iter() {
                    if let Some(first_offset) = state.transaction_start
                        && !is_coordinated(producer_id)
                    {
                        hanging.push(HangingTransaction {
                            topic: name.to_owned(),
                            partition,
                            producer_id,
                            first_offset,
                        });
                    }
                }
            }
        }
        hanging
    }

    /// The offset that a consumer group has committed; not one of an open transaction.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).committed_offset("g", "t", 0), None);
    /// ```
    #[must_use]
    pub fn committed_offset(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
    ) -> Option<&CommittedOffset> {
        let place = (topic.to_owned(), partition);
        self.groups.get(group)?.offsets.get(&place)
    }

    fn found(&self, topic: &str, partition: i32) -> Result<&Partition, ClusterError> {
        let found = self.topic(topic)?.partition(partition);
        found.ok_or_else(|| unknown_partition(topic, partition))
    }
}

fn committed(index: i32, partition: &Partition) -> Vec<MockRecord> {
    let (start, end) = (partition.log.start_offset(), partition.last_stable_offset());
    let aborted: Vec<_> = partition.transaction_index.aborted_in(0, end).collect();
    let batches = partition.log.from(start).iter();
    let visible = batches.filter(|batch| {
        let header = &batch.header;
        let offset = header.base_offset;
        let gone = aborted.iter().any(|it| {
            it.producer_id == header.producer_id
                && (it.first_offset..it.marker_offset).contains(&offset)
        });
        let gone = gone && header.attributes.is_transactional();
        batch.content == Content::Data && header.last_offset() < end && !gone
    });
    let records = visible.flat_map(|batch| batch.mock_records(index));
    records.filter(|record| record.offset >= start).collect()
}
