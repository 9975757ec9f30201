//! OffsetDelete (47): removes committed offsets of a group (KIP-496).

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    OffsetDeleteRequest => OffsetDeleteResponse: OFFSET_DELETE, versions 0..=0;
}

wire_struct! {
    /// Removes committed offsets.
    pub struct OffsetDeleteRequest {
        /// Name of the group.
        group_id: String;
        /// The topics.
        topics: Vec<OffsetDeleteRequestTopic>;
    }

    /// Partitions of one topic.
    pub struct OffsetDeleteRequestTopic {
        /// Name of the topic.
        name: String;
        /// The partitions.
        partitions: Vec<OffsetDeleteRequestPartition>;
    }

    /// A partition.
    pub struct OffsetDeleteRequestPartition {
        /// Number of the partition.
        partition_index: i32;
    }
}

wire_struct! {
    /// What became of each offset.
    pub struct OffsetDeleteResponse {
        /// What went wrong as a whole, if anything.
        error_code: ErrorCode;
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, else dropped;
        /// The topics.
        topics: Vec<OffsetDeleteResponseTopic>;
    }

    /// What became of the offsets of one topic.
    pub struct OffsetDeleteResponseTopic {
        /// Name of the topic.
        name: String;
        /// The partitions.
        partitions: Vec<OffsetDeleteResponsePartition>;
    }

    /// What became of the offset of one partition.
    pub struct OffsetDeleteResponsePartition {
        /// Number of the partition.
        partition_index: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
