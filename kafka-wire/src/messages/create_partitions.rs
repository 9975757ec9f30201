//! CreatePartitions (37): more partitions for topics.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    CreatePartitionsRequest => CreatePartitionsResponse: CREATE_PARTITIONS, versions 0..=3, flexible 2..;
}

wire_struct! {
    /// Gives topics more partitions.
    pub struct CreatePartitionsRequest {
        /// The topics.
        topics: Vec<CreatePartitionsTopic>;
        /// How long the broker may take, in milliseconds.
        timeout_ms: i32;
        /// Whether only to check that it could be done.
        validate_only: bool;
    }

    /// A topic to grow.
    pub struct CreatePartitionsTopic {
        /// Name of the topic.
        name: String;
        /// How many partitions it shall have in all.
        count: i32;
        /// Replicas chosen by hand for each new partition; null to leave it to the controller.
        assignments: Option<Vec<CreatePartitionsAssignment>>;
    }

    /// The replicas chosen for one new partition.
    pub struct CreatePartitionsAssignment {
        /// Brokers to hold the partition, the preferred leader first.
        broker_ids: Vec<i32>;
    }
}

wire_struct! {
    /// What became of each topic.
    pub struct CreatePartitionsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// Outcome per topic.
        results: Vec<CreatePartitionsTopicResult>;
    }

    /// What became of one topic.
    pub struct CreatePartitionsTopicResult {
        /// Name of the topic.
        name: String;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, default None;
    }
}
