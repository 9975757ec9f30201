//! OffsetFetch (9): the committed offsets of consumer groups.

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    OffsetFetchRequest => OffsetFetchResponse: OFFSET_FETCH, versions 1..=10, flexible 6..;
}

wire_struct! {
    /// Asks for the committed offsets of consumer groups.
    pub struct OffsetFetchRequest {
        /// Name of the consumer group.
        group_id: String, in ..=7;
        /// The topics; null for all.
        topics: Option<Vec<OffsetFetchRequestTopic>>, in ..=7, null 2..;
        /// The groups; several at once (KIP-709).
        groups: Vec<OffsetFetchRequestGroup>, in 8..;
        /// Whether to refuse offsets of open transactions (KIP-447).
        require_stable: bool, in 7..;
    }

    /// Partitions of one topic.
    pub struct OffsetFetchRequestTopic {
        /// Name of the topic.
        name: String;
        /// Numbers of the partitions.
        partition_indexes: Vec<i32>;
    }

    /// A group and its partitions.
    pub struct OffsetFetchRequestGroup {
        /// Name of the consumer group.
        group_id: String;
        /// Id of the consumer in its group; empty if not given.
        member_id: Option<String>, in 9.., default None, else dropped;
        /// Epoch of the member (KIP-848); -1 if none.
        member_epoch: i32, in 9.., default -1, else dropped;
        /// The topics; null for all.
        topics: Option<Vec<OffsetFetchRequestTopics>>;
    }

    /// Partitions of one topic.
    pub struct OffsetFetchRequestTopics {
        /// Name of the topic.
        name: String, in ..=9, else dropped;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 10.., else dropped;
        /// Numbers of the partitions.
        partition_indexes: Vec<i32>;
    }
}

wire_struct! {
    /// The committed offsets.
    pub struct OffsetFetchResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 3.., else dropped;
        /// The topics.
        topics: Vec<OffsetFetchResponseTopic>, in ..=7;
        /// What went wrong as a whole, if anything.
        error_code: ErrorCode, in 2..=7, else dropped;
        /// The groups; several at once (KIP-709).
        groups: Vec<OffsetFetchResponseGroup>, in 8..;
    }

    /// Offsets of one topic.
    pub struct OffsetFetchResponseTopic {
        /// Name of the topic.
        name: String;
        /// The partitions.
        partitions: Vec<OffsetFetchResponsePartition>;
    }

    /// The offset of one partition.
    pub struct OffsetFetchResponsePartition {
        /// Number of the partition.
        partition_index: i32;
        /// Offset of the next record to be consumed; -1 if there is none.
        committed_offset: i64;
        /// Leader epoch of the last consumed record; -1 if not known.
        committed_leader_epoch: i32, in 5.., default -1, else dropped;
        /// What the consumer kept with the offset.
        metadata: Option<String>;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }

    /// Offsets of one group.
    pub struct OffsetFetchResponseGroup {
        /// Name of the consumer group.
        group_id: String;
        /// The topics.
        topics: Vec<OffsetFetchResponseTopics>;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }

    /// Offsets of one topic.
    pub struct OffsetFetchResponseTopics {
        /// Name of the topic.
        name: String, in ..=9, else dropped;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 10.., else dropped;
        /// The partitions.
        partitions: Vec<OffsetFetchResponsePartitions>;
    }

    /// The offset of one partition.
    pub struct OffsetFetchResponsePartitions {
        /// Number of the partition.
        partition_index: i32;
        /// Offset of the next record to be consumed; -1 if there is none.
        committed_offset: i64;
        /// Leader epoch of the last consumed record; -1 if not known.
        committed_leader_epoch: i32, default -1, else dropped;
        /// What the consumer kept with the offset.
        metadata: Option<String>;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
