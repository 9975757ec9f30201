//! DeleteRecords (21): the first records of partitions are deleted.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DeleteRecordsRequest => DeleteRecordsResponse: DELETE_RECORDS, versions 0..=2, flexible 2..;
}

wire_struct! {
    /// Deletes the records of partitions before an offset.
    pub struct DeleteRecordsRequest {
        /// The topics.
        topics: Vec<DeleteRecordsTopic>;
        /// How long the broker may take, in milliseconds.
        timeout_ms: i32;
    }

    /// Partitions of one topic.
    pub struct DeleteRecordsTopic {
        /// Name of the topic.
        name: String;
        /// The partitions.
        partitions: Vec<DeleteRecordsPartition>;
    }

    /// A partition whose first records to delete.
    pub struct DeleteRecordsPartition {
        /// Number of the partition.
        partition_index: i32;
        /// The first offset that is kept; -1 for the high watermark.
        offset: i64;
    }
}

wire_struct! {
    /// What became of each partition.
    pub struct DeleteRecordsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// The topics.
        topics: Vec<DeleteRecordsTopicResult>;
    }

    /// Outcome per partition of one topic.
    pub struct DeleteRecordsTopicResult {
        /// Name of the topic.
        name: String;
        /// The partitions.
        partitions: Vec<DeleteRecordsPartitionResult>;
    }

    /// What became of one partition.
    pub struct DeleteRecordsPartitionResult {
        /// Number of the partition.
        partition_index: i32;
        /// Where the log starts on all replicas that are alive; -1 after an error.
        low_watermark: i64;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
