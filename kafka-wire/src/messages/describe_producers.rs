//! DescribeProducers (61): who has written to partitions lately.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DescribeProducersRequest => DescribeProducersResponse: DESCRIBE_PRODUCERS, versions 0..=0, flexible 0..;
}

wire_struct! {
    /// Asks who has written to partitions lately.
    pub struct DescribeProducersRequest {
        /// The topics.
        topics: Vec<TopicRequest>;
    }

    /// Partitions of one topic.
    pub struct TopicRequest {
        /// Name of the topic.
        name: String;
        /// Numbers of the partitions.
        partition_indexes: Vec<i32>;
    }
}

wire_struct! {
    /// The producers.
    pub struct DescribeProducersResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// The topics.
        topics: Vec<TopicResponse>;
    }

    /// Producers of one topic.
    pub struct TopicResponse {
        /// Name of the topic.
        name: String;
        /// The partitions.
        partitions: Vec<PartitionResponse>;
    }

    /// Producers of one partition.
    pub struct PartitionResponse {
        /// Number of the partition.
        partition_index: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, default None;
        /// Producers that have written lately.
        active_producers: Vec<ProducerState>;
    }

    /// One producer.
    pub struct ProducerState {
        /// Id of the producer; -1 if there is none.
        producer_id: i64;
        /// Epoch of the producer; -1 if there is none.
        producer_epoch: i32;
        /// Sequence number of its last record; -1 if none.
        last_sequence: i32, default -1;
        /// When it wrote last; -1 if not known.
        last_timestamp: i64, default -1;
        /// Epoch of its coordinator.
        coordinator_epoch: i32;
        /// First offset of its open transaction; -1 if none is open.
        current_txn_start_offset: i64, default -1;
    }
}
