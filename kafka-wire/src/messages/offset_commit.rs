//! OffsetCommit (8): consumed offsets, committed by a member of a group.

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    OffsetCommitRequest => OffsetCommitResponse: OFFSET_COMMIT, versions 2..=10, flexible 8..;
}

wire_struct! {
    /// Commits consumed offsets.
    pub struct OffsetCommitRequest {
        /// Name of the group.
        group_id: String;
        /// Generation of the group, or epoch of the member; -1 if not given.
        generation_id_or_member_epoch: i32, default -1, else dropped;
        /// Id of the consumer in its group; empty if not given.
        member_id: String, else dropped;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, in 7.., default None;
        /// How long to keep the offsets, in milliseconds; -1 for as long as the broker does.
        retention_time_ms: i64, in ..=4, default -1, else dropped;
        /// The topics.
        topics: Vec<OffsetCommitRequestTopic>;
    }

    /// Offsets of one topic.
    pub struct OffsetCommitRequestTopic {
        /// Name of the topic.
        name: String, in ..=9, else dropped;
        /// Id of the topic (KIP-848).
        topic_id: Uuid, in 10.., else dropped;
        /// The partitions.
        partitions: Vec<OffsetCommitRequestPartition>;
    }

    /// The offset of one partition.
    pub struct OffsetCommitRequestPartition {
        /// Number of the partition.
        partition_index: i32;
        /// Offset of the next record to be consumed.
        committed_offset: i64;
        /// Leader epoch of the last consumed record; -1 if not known.
        committed_leader_epoch: i32, in 6.., default -1, else dropped;
        /// Anything the consumer wants kept with the offset.
        committed_metadata: Option<String>;
    }
}

wire_struct! {
    /// What became of each offset.
    pub struct OffsetCommitResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 3.., else dropped;
        /// The topics.
        topics: Vec<OffsetCommitResponseTopic>;
    }

    /// What became of the offsets of one topic.
    pub struct OffsetCommitResponseTopic {
        /// Name of the topic.
        name: String, in ..=9, else dropped;
        /// Id of the topic (KIP-848).
        topic_id: Uuid, in 10.., else dropped;
        /// The partitions.
        partitions: Vec<OffsetCommitResponsePartition>;
    }

    /// What became of the offset of one partition.
    pub struct OffsetCommitResponsePartition {
        /// Number of the partition.
        partition_index: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
