//! Builds the requests to coordinators, each with the versions in which it may be sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_wire::messages::add_partitions_to_txn::AddPartitionsToTxnTopic;
use kafka_wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_wire::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, FindCoordinatorRequest,
    InitProducerIdRequest, TxnOffsetCommitRequest,
};

use super::ask::{End, Role};
use crate::engine::identity::ProducerId;
use crate::engine::produce::verdict::TransactionVersion;
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};

/// From this version of InitProducerId on an epoch can be bumped (KIP-360).
const FIRST_WITH_EPOCH: i16 = 3;
/// The version of InitProducerId with two-phase commit (KIP-939). Apache Kafka does not call it stable yet.
pub(super) const FIRST_WITH_TWO_PHASE: i16 = 6;
/// From this version of TxnOffsetCommit on the member is checked (KIP-447).
const FIRST_WITH_MEMBER: i16 = 3;
/// From this version of FindCoordinator on it asks for several (KIP-699).
const FIRST_WITH_SEVERAL: i16 = 4;
/// Later versions of these are for version 2 of the protocol, or for brokers.
const LAST_ADD_PARTITIONS: i16 = 3;
const LAST_COMMIT_OFFSETS_ONE: i16 = 4;
/// Later versions name topics by their ids (KIP-1319). Nobody asks for those of topics that are consumed.
const LAST_COMMIT_OFFSETS_BY_NAME: i16 = 5;
const LAST_END_ONE: i16 = 4;

/// A request and the versions in which it may be sent; the broker decides which of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Versioned<R> {
    pub(crate) request: R,
    pub(crate) oldest: i16,
    pub(crate) latest: i16,
}

/// A request to a known coordinator.
#[derive(Debug, PartialEq)]
pub(crate) enum CoordinatorRequest {
    InitProducerId(Versioned<InitProducerIdRequest>),
    AddPartitions(Versioned<AddPartitionsToTxnRequest>),
    AddOffsets(Versioned<AddOffsetsToTxnRequest>),
    CommitOffsets(Versioned<TxnOffsetCommitRequest>),
    End(Versioned<EndTxnRequest>),
}

/// A coordinator to find: its role, and the key of that role in the protocol.
#[derive(Debug, PartialEq)]
pub(crate) struct Lookup {
    pub(crate) role: Role,
    key: String,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender<'a> {
    pub(super) transactional_id: &'a str,
    pub(super) producer: Option<ProducerId>,
}

impl Sender<'_> {
    fn transactional_id(self) -> String {
        self.transactional_id.to_owned()
    }

    /// The id and epoch, or -1 for each if there are none.
    fn id_and_epoch(self) -> (i64, i16) {
        let producer = self.producer;
        producer.map_or((-1, -1), |producer| (producer.id, producer.epoch))
    }
}

impl Lookup {
    pub(super) fn new(role: Role, transactional_id: &str) -> Self {
        let key = match &role {
            Role::Group(group) => group.to_string(),
            Role::Transactions => transactional_id.to_owned(),
        };
        Self { role, key }
    }

    /// The request in this version.
    pub(crate) fn request(&self, version: i16) -> FindCoordinatorRequest {
        let key = self.key.clone();
        let (key, coordinator_keys) = match version {
            FIRST_WITH_SEVERAL.. => (String::new(), vec![key]),
            _ => (key, Vec::new()),
        };
        FindCoordinatorRequest::default()
            .with_key(key)
            .with_key_type(self.role.key_type())
            .with_coordinator_keys(coordinator_keys)
    }
}

/// Whether transactions are prepared (KIP-939), and what becomes of one that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phases {
    /// They are not.
    One,
    /// They may be; what an earlier producer has prepared is aborted.
    Two,
    /// They may be; what an earlier producer has prepared is kept.
    TwoAndKeep,
}

/// Asks for an id and epoch: the next epoch of the sender's id, if it has one.
pub(super) fn init_producer_id(
    sender: Sender<'_>,
    timeout: Duration,
    phases: Phases,
) -> CoordinatorRequest {
    let (producer_id, producer_epoch) = sender.id_and_epoch();
    CoordinatorRequest::InitProducerId(Versioned {
        request: InitProducerIdRequest::default()
            .with_transactional_id(Some(sender.transactional_id()))
            .with_transaction_timeout_ms(i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX))
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch)
            .with_enable2_pc(phases != Phases::One)
            .with_keep_prepared_txn(phases == Phases::TwoAndKeep),
        oldest: match phases {
            Phases::One => FIRST_WITH_EPOCH,
            Phases::Two | Phases::TwoAndKeep => FIRST_WITH_TWO_PHASE,
        },
        latest: i16::MAX,
    })
}

/// Adds partitions, given by the names of their topics and their numbers.
pub(super) fn add_partitions(
    sender: Sender<'_>,
    added: impl Iterator<Item = (Arc<str>, i32)>,
) -> CoordinatorRequest {
    let mut topics: BTreeMap<Arc<str>, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in added {
        topics.entry(topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(name, partitions)| {
        AddPartitionsToTxnTopic::default()
            .with_name(name.to_string())
            .with_partitions(partitions)
    });
    let (producer_id, producer_epoch) = sender.id_and_epoch();
    CoordinatorRequest::AddPartitions(Versioned {
        request: AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(sender.transactional_id())
            .with_v3_and_below_producer_id(producer_id)
            .with_v3_and_below_producer_epoch(producer_epoch)
            .with_v3_and_below_topics(topics.collect()),
        oldest: 0,
        latest: LAST_ADD_PARTITIONS,
    })
}

/// Adds the offsets of a group.
pub(super) fn add_offsets(sender: Sender<'_>, group: &str) -> CoordinatorRequest {
    let (producer_id, producer_epoch) = sender.id_and_epoch();
    CoordinatorRequest::AddOffsets(Versioned {
        request: AddOffsetsToTxnRequest::default()
            .with_transactional_id(sender.transactional_id())
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch)
            .with_group_id(group.to_owned()),
        oldest: 0,
        latest: i16::MAX,
    })
}

/// Commits offsets of a group with the transaction. A member that is told has to be checked.
pub(super) fn commit_offsets(
    sender: Sender<'_>,
    group: &ConsumerGroupMetadata,
    offsets: &[OffsetToCommit],
    protocol: TransactionVersion,
) -> CoordinatorRequest {
    let group = group.clone();
    let is_member_told = group.generation >= 0 || !group.member_id.is_empty();
    let (producer_id, producer_epoch) = sender.id_and_epoch();
    CoordinatorRequest::CommitOffsets(Versioned {
        request: TxnOffsetCommitRequest::default()
            .with_transactional_id(sender.transactional_id())
            .with_group_id(group.id.to_string())
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch)
            .with_generation_id_or_member_epoch(group.generation)
            .with_member_id(group.member_id)
            .with_group_instance_id(group.instance_id)
            .with_topics(by_topic(offsets)),
        oldest: match is_member_told {
            true => FIRST_WITH_MEMBER,
            false => 0,
        },
        latest: match protocol {
            TransactionVersion::One => LAST_COMMIT_OFFSETS_ONE,
            TransactionVersion::Two => LAST_COMMIT_OFFSETS_BY_NAME,
        },
    })
}

/// Ends the transaction.
pub(super) fn end(
    sender: Sender<'_>,
    end: End,
    protocol: TransactionVersion,
) -> CoordinatorRequest {
    let (producer_id, producer_epoch) = sender.id_and_epoch();
    CoordinatorRequest::End(Versioned {
        request: EndTxnRequest::default()
            .with_transactional_id(sender.transactional_id())
            .with_producer_id(producer_id)
            .with_producer_epoch(producer_epoch)
            .with_committed(end == End::Commit),
        oldest: 0,
        latest: match protocol {
            TransactionVersion::One => LAST_END_ONE,
            TransactionVersion::Two => i16::MAX,
        },
    })
}

fn by_topic(offsets: &[OffsetToCommit]) -> Vec<TxnOffsetCommitRequestTopic> {
    let mut topics: BTreeMap<&str, Vec<TxnOffsetCommitRequestPartition>> = BTreeMap::new();
    for offset in offsets {
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_partition_index(offset.partition)
            .with_committed_offset(offset.offset)
            .with_committed_leader_epoch(offset.leader_epoch.unwrap_or(-1).max(-1))
            // Kafka's own client sends an empty note where there is none.
            .with_committed_metadata(Some(offset.metadata.clone().unwrap_or_default()));
        topics.entry(&offset.topic).or_default().push(partition);
    }
    let topics = topics.into_iter();
    topics
        .map(|(name, partitions)| {
            TxnOffsetCommitRequestTopic::default()
                .with_name(name.to_owned())
                .with_partitions(partitions)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: Sender<'_> = Sender {
        transactional_id: "billing-1",
        producer: Some(ProducerId { id: 7, epoch: 3 }),
    };

    /// Java's `OffsetAndMetadata` takes any negative epoch for none.
    #[test]
    fn a_negative_leader_epoch_of_an_offset_is_none() {
        let offset = |epoch| OffsetToCommit::new("orders", 0, 7).leader_epoch(epoch);
        let topics = by_topic(&[-5, -1, 0, 3].map(offset));
        let epochs = topics[0].partitions.iter();
        let epochs: Vec<_> = epochs.map(|told| told.committed_leader_epoch).collect();
        assert_eq!(epochs, [-1, -1, 0, 3]);
    }

    #[test]
    fn a_coordinator_is_looked_up_by_what_it_coordinates_in_the_field_of_the_version() {
        let group = Role::Group("billing".into());
        for (role, key, key_type) in [(group, "billing", 0), (Role::Transactions, "tx", 1)] {
            let lookup = Lookup::new(role, "tx");
            let alone = lookup.request(3);
            assert_eq!((&*alone.key, alone.key_type), (key, key_type));
            assert!(alone.coordinator_keys.is_empty());
            let several = lookup.request(4);
            assert_eq!((&*several.key, several.key_type), ("", key_type));
            assert_eq!(several.coordinator_keys, [key]);
        }
    }

    #[test]
    fn offsets_of_a_member_take_a_version_that_checks_it() {
        let nameless = ConsumerGroupMetadata::new("billing");
        let member = nameless.clone().member("consumer-1", 7);
        for (group, oldest) in [(nameless, 0), (member, FIRST_WITH_MEMBER)] {
            for (protocol, latest) in [
                (TransactionVersion::One, LAST_COMMIT_OFFSETS_ONE),
                (TransactionVersion::Two, LAST_COMMIT_OFFSETS_BY_NAME),
            ] {
                let request = commit_offsets(SENDER, &group, &[], protocol);
                let CoordinatorRequest::CommitOffsets(put) = request else {
                    panic!("{request:?}");
                };
                assert_eq!((put.oldest, put.latest), (oldest, latest));
            }
        }
    }

    #[test]
    fn partitions_are_named_topic_by_topic() {
        let added =
            [("b", 2), ("a", 0), ("b", 1)].map(|(topic, partition)| (topic.into(), partition));
        let request = add_partitions(SENDER, added.into_iter());
        let CoordinatorRequest::AddPartitions(put) = request else {
            panic!("{request:?}");
        };
        let topics = put.request.v3_and_below_topics.iter();
        let topics: Vec<_> = topics.map(|it| (&*it.name, &*it.partitions)).collect();
        assert_eq!(topics, [("a", &[0][..]), ("b", &[2, 1][..])]);
    }

    #[test]
    fn whoever_has_no_id_yet_asks_for_one_and_whoever_has_for_its_next_epoch() {
        let nobody = Sender {
            producer: None,
            ..SENDER
        };
        for (sender, expected) in [(nobody, (-1, -1)), (SENDER, (7, 3))] {
            let request = init_producer_id(sender, Duration::from_secs(u64::MAX), Phases::One);
            let CoordinatorRequest::InitProducerId(put) = request else {
                panic!("{request:?}");
            };
            let request = put.request;
            assert_eq!((request.producer_id, request.producer_epoch), expected);
            assert_eq!(request.transaction_timeout_ms, i32::MAX);
            assert_eq!(put.oldest, FIRST_WITH_EPOCH);
        }
    }

    #[test]
    fn two_phase_commit_is_asked_for_in_the_version_that_has_it() {
        for (phases, expected, oldest) in [
            (Phases::One, (false, false), FIRST_WITH_EPOCH),
            (Phases::Two, (true, false), FIRST_WITH_TWO_PHASE),
            (Phases::TwoAndKeep, (true, true), FIRST_WITH_TWO_PHASE),
        ] {
            let request = init_producer_id(SENDER, Duration::from_secs(60), phases);
            let CoordinatorRequest::InitProducerId(put) = request else {
                panic!("{request:?}");
            };
            let flags = (put.request.enable2_pc, put.request.keep_prepared_txn);
            assert_eq!((flags, put.oldest), (expected, oldest), "{phases:?}");
        }
    }
}
