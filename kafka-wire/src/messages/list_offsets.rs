//! ListOffsets (2): offsets by time.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    ListOffsetsRequest => ListOffsetsResponse: LIST_OFFSETS, versions 1..=11, flexible 6..;
}

wire_struct! {
    /// Asks for offsets by time.
    pub struct ListOffsetsRequest {
        /// Id of the broker that asks; -1 for a client.
        replica_id: i32;
        /// What is visible: 0 everything, 1 only what is committed.
        isolation_level: i8, in 2..;
        /// The topics.
        topics: Vec<ListOffsetsTopic>;
        /// How long the broker may take, in milliseconds.
        timeout_ms: i32, in 10.., else dropped;
    }

    /// Partitions of one topic.
    pub struct ListOffsetsTopic {
        /// Name of the topic.
        name: String;
        /// The partitions.
        partitions: Vec<ListOffsetsPartition>;
    }

    /// A partition and the time to look for.
    pub struct ListOffsetsPartition {
        /// Number of the partition.
        partition_index: i32;
        /// Leader epoch known to the client; -1 if none.
        current_leader_epoch: i32, in 4.., default -1, else dropped;
        /// Time to look for; -1 for the latest offset, -2 for the earliest, others are special too.
        timestamp: i64;
    }
}

wire_struct! {
    /// The offsets.
    pub struct ListOffsetsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 2.., else dropped;
        /// The topics.
        topics: Vec<ListOffsetsTopicResponse>;
    }

    /// Offsets of one topic.
    pub struct ListOffsetsTopicResponse {
        /// Name of the topic.
        name: String;
        /// The partitions.
        partitions: Vec<ListOffsetsPartitionResponse>;
    }

    /// The offset found in one partition.
    pub struct ListOffsetsPartitionResponse {
        /// Number of the partition.
        partition_index: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Timestamp of the record found; -1 if there is none.
        timestamp: i64, default -1;
        /// The offset found; -1 if there is none.
        offset: i64, default -1;
        /// Grows with each change of the leader (KIP-320).
        leader_epoch: i32, in 4.., default -1;
    }
}
