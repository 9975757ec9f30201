//! TxnOffsetCommit (28): consumed offsets, committed with a transaction.

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    TxnOffsetCommitRequest => TxnOffsetCommitResponse: TXN_OFFSET_COMMIT, versions 0..=6, flexible 3..;
}

wire_struct! {
    /// Commits consumed offsets as part of a transaction.
    pub struct TxnOffsetCommitRequest {
        /// Name of the transactional producer.
        transactional_id: String;
        /// Name of the consumer group.
        group_id: String;
        /// Id of the producer; -1 if there is none.
        producer_id: i64;
        /// Epoch of the producer; -1 if there is none.
        producer_epoch: i16;
        /// Generation of the group, or epoch of the member; -1 if not given.
        generation_id_or_member_epoch: i32, in 3.., default -1;
        /// Id of the consumer in its group; empty if not given.
        member_id: String, in 3..;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, in 3.., default None;
        /// The topics.
        topics: Vec<TxnOffsetCommitRequestTopic>;
    }

    /// Offsets of one topic.
    pub struct TxnOffsetCommitRequestTopic {
        /// Name of the topic.
        name: String, in ..=5, else dropped;
        /// Id of the topic (KIP-1319).
        topic_id: Uuid, in 6.., else dropped;
        /// The partitions.
        partitions: Vec<TxnOffsetCommitRequestPartition>;
    }

    /// The offset of one partition.
    pub struct TxnOffsetCommitRequestPartition {
        /// Number of the partition.
        partition_index: i32;
        /// Offset of the next record to be consumed; -1 if there is none.
        committed_offset: i64;
        /// Leader epoch of the last consumed record; -1 if not known.
        committed_leader_epoch: i32, in 2.., default -1, else dropped;
        /// Anything the consumer wants kept with the offset.
        committed_metadata: Option<String>;
    }
}

wire_struct! {
    /// What became of each offset.
    pub struct TxnOffsetCommitResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// The topics.
        topics: Vec<TxnOffsetCommitResponseTopic>;
    }

    /// What became of the offsets of one topic.
    pub struct TxnOffsetCommitResponseTopic {
        /// Name of the topic.
        name: String, in ..=5, else dropped;
        /// Id of the topic (KIP-1319).
        topic_id: Uuid, in 6.., else dropped;
        /// The partitions.
        partitions: Vec<TxnOffsetCommitResponsePartition>;
    }

    /// What became of the offset of one partition.
    pub struct TxnOffsetCommitResponsePartition {
        /// Number of the partition.
        partition_index: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
