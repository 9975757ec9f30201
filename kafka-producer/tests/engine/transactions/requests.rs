//! What goes over the wire between the engine and the coordinators of these tests: requests about
//! transactions read as a broker reads them, and told in a few words each, so that a test can state
//! the whole conversation.

use std::fmt;

use kafka_wire::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, FindCoordinatorRequest,
    InitProducerIdRequest, TxnOffsetCommitRequest,
};
use kafka_wire::{ApiKey, Reader, RequestHeader, decode_request};

/// The `transactional.id` of every test.
pub(crate) const ID: &str = "tx";

/// What the coordinators of these tests speak, besides InitProducerId.
pub(crate) const SPOKEN: [(ApiKey, i16); 5] = [
    (ApiKey::FIND_COORDINATOR, 6),
    (ApiKey::ADD_PARTITIONS_TO_TXN, 5),
    (ApiKey::ADD_OFFSETS_TO_TXN, 4),
    (ApiKey::TXN_OFFSET_COMMIT, 6),
    (ApiKey::END_TXN, 5),
];

/// One offset in a request: topic, partition, offset.
pub(crate) type Offset = (String, i32, i64);

/// A request about transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    FindCoordinator {
        key: String,
        key_type: i8,
    },
    InitProducerId {
        producer: (i64, i16),
        timeout_ms: i32,
    },
    AddPartitions {
        producer: (i64, i16),
        partitions: Vec<(String, i32)>,
    },
    AddOffsets {
        producer: (i64, i16),
        group: String,
    },
    CommitOffsets {
        producer: (i64, i16),
        group: String,
        /// Generation, member id, instance id.
        member: (i32, String, Option<String>),
        offsets: Vec<Offset>,
    },
    End {
        producer: (i64, i16),
        committed: bool,
    },
}

impl Ask {
    /// Reads a request, if it is about transactions.
    pub(crate) fn read(header: &RequestHeader, input: Reader) -> Option<Self> {
        let ask = match header.api_key {
            ApiKey::FIND_COORDINATOR => find(decode_request(header, input).unwrap()),
            ApiKey::INIT_PRODUCER_ID => init(decode_request(header, input).unwrap()),
            ApiKey::ADD_PARTITIONS_TO_TXN => add_partitions(decode_request(header, input).unwrap()),
            ApiKey::ADD_OFFSETS_TO_TXN => add_offsets(decode_request(header, input).unwrap()),
            ApiKey::TXN_OFFSET_COMMIT => commit_offsets(decode_request(header, input).unwrap()),
            ApiKey::END_TXN => end(decode_request(header, input).unwrap()),
            _ => return None,
        };
        Some(ask)
    }
}

fn find(request: FindCoordinatorRequest) -> Ask {
    let key = request.coordinator_keys.into_iter().next();
    Ask::FindCoordinator {
        key: key.unwrap_or(request.key),
        key_type: request.key_type,
    }
}

fn init(request: InitProducerIdRequest) -> Ask {
    assert_eq!(request.transactional_id.as_deref(), Some(ID));
    Ask::InitProducerId {
        producer: (request.producer_id, request.producer_epoch),
        timeout_ms: request.transaction_timeout_ms,
    }
}

fn add_partitions(request: AddPartitionsToTxnRequest) -> Ask {
    assert_eq!(request.v3_and_below_transactional_id, ID);
    let topics = request.v3_and_below_topics.into_iter();
    let partitions = topics.flat_map(|topic| {
        let partitions = topic.partitions.into_iter();
        partitions.map(move |partition| (topic.name.clone(), partition))
    });
    Ask::AddPartitions {
        producer: (
            request.v3_and_below_producer_id,
            request.v3_and_below_producer_epoch,
        ),
        partitions: partitions.collect(),
    }
}

fn add_offsets(request: AddOffsetsToTxnRequest) -> Ask {
    assert_eq!(request.transactional_id, ID);
    Ask::AddOffsets {
        producer: (request.producer_id, request.producer_epoch),
        group: request.group_id,
    }
}

fn commit_offsets(request: TxnOffsetCommitRequest) -> Ask {
    assert_eq!(request.transactional_id, ID);
    let topics = request.topics.into_iter();
    let offsets = topics.flat_map(|topic| {
        let partitions = topic.partitions.into_iter();
        partitions.map(move |it| (topic.name.clone(), it.partition_index, it.committed_offset))
    });
    Ask::CommitOffsets {
        producer: (request.producer_id, request.producer_epoch),
        group: request.group_id,
        member: (
            request.generation_id_or_member_epoch,
            request.member_id,
            request.group_instance_id,
        ),
        offsets: offsets.collect(),
    }
}

fn end(request: EndTxnRequest) -> Ask {
    assert_eq!(request.transactional_id, ID);
    Ask::End {
        producer: (request.producer_id, request.producer_epoch),
        committed: request.committed,
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FindCoordinator { key, .. } => write!(f, "FindCoordinator {key}"),
            Self::InitProducerId {
                producer: (-1, -1), ..
            } => f.write_str("InitProducerId"),
            Self::InitProducerId { producer, .. } => {
                write!(f, "InitProducerId {}/{}", producer.0, producer.1)
            }
            Self::AddPartitions { partitions, .. } => {
                f.write_str("AddPartitionsToTxn")?;
                let mut partitions = partitions.iter();
                partitions.try_for_each(|(topic, partition)| write!(f, " {topic}-{partition}"))
            }
            Self::AddOffsets { group, .. } => write!(f, "AddOffsetsToTxn {group}"),
            Self::CommitOffsets { group, offsets, .. } => {
                write!(f, "TxnOffsetCommit {group}")?;
                let mut offsets = offsets.iter();
                offsets
                    .try_for_each(|(topic, partition, at)| write!(f, " {topic}-{partition}@{at}"))
            }
            Self::End {
                committed: true, ..
            } => f.write_str("EndTxn commit"),
            Self::End {
                committed: false, ..
            } => f.write_str("EndTxn abort"),
        }
    }
}
