//! Fetch (1): record batches on their way out of the log.

use bytes::Bytes;

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    FetchRequest => FetchResponse: FETCH, versions 4..=18, flexible 12..;
}

wire_struct! {
    /// Reads record batches.
    pub struct FetchRequest {
        /// Id of the cluster.
        cluster_id: Option<String>, in 12.., tag 0, default None, else dropped;
        /// Id of the broker that asks; -1 for a client.
        replica_id: i32, in ..=14, default -1;
        /// Who asks, if it is a broker.
        replica_state: ReplicaState, in 15.., tag 1;
        /// How long to wait for the minimum of bytes, in milliseconds.
        max_wait_ms: i32;
        /// How many bytes to wait for.
        min_bytes: i32;
        /// How many bytes to answer at most; the first batch may exceed it (KIP-74).
        max_bytes: i32, default i32::MAX, else dropped;
        /// What is visible: 0 everything, 1 only what is committed.
        isolation_level: i8, else dropped;
        /// Number of the fetch session (KIP-227); 0 for none.
        session_id: i32, in 7.., else dropped;
        /// Order of the requests in the session; -1 for none.
        session_epoch: i32, in 7.., default -1, else dropped;
        /// The topics.
        topics: Vec<FetchTopic>;
        /// Partitions to take out of the session.
        forgotten_topics_data: Vec<ForgottenTopic>, in 7..;
        /// Rack of the consumer.
        rack_id: String, in 11.., else dropped;
    }

    /// The broker that asks, if it is one.
    pub struct ReplicaState {
        /// Id of the broker that asks; -1 for a client.
        replica_id: i32, default -1;
        /// Epoch of the broker that asks; -1 for none.
        replica_epoch: i64, default -1;
    }

    /// Partitions of one topic to read.
    pub struct FetchTopic {
        /// Name of the topic.
        topic: String, in ..=12, else dropped;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 13.., else dropped;
        /// The partitions.
        partitions: Vec<FetchPartition>;
    }

    /// A partition and the offset to read from.
    pub struct FetchPartition {
        /// Number of the partition.
        partition: i32;
        /// Leader epoch known to the client; -1 if none.
        current_leader_epoch: i32, in 9.., default -1, else dropped;
        /// Offset to read from.
        fetch_offset: i64;
        /// Leader epoch of the last record read; -1 if none.
        last_fetched_epoch: i32, in 12.., default -1;
        /// First offset in the log of the replica that asks; -1 for a consumer.
        log_start_offset: i64, in 5.., default -1, else dropped;
        /// How many bytes to answer at most for this partition.
        partition_max_bytes: i32;
        /// Id of the directory in which the asking replica keeps its log.
        replica_directory_id: Uuid, in 17.., tag 0, else dropped;
        /// High watermark known to the replica that asks (KIP-1166).
        high_watermark: i64, in 18.., tag 1, default i64::MAX, else dropped;
    }

    /// Partitions to take out of the session.
    pub struct ForgottenTopic {
        /// Name of the topic.
        topic: String, in ..=12, else dropped;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 13.., else dropped;
        /// Numbers of the partitions.
        partitions: Vec<i32>;
    }
}

wire_struct! {
    /// The record batches.
    pub struct FetchResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, else dropped;
        /// What went wrong as a whole, if anything.
        error_code: ErrorCode, in 7.., else dropped;
        /// Number of the fetch session (KIP-227); 0 for none.
        session_id: i32, in 7..;
        /// Outcome per topic.
        responses: Vec<FetchableTopicResponse>;
        /// Addresses of the leaders named (KIP-951).
        node_endpoints: Vec<NodeEndpoint>, in 16.., tag 0;
    }

    /// Batches of one topic.
    pub struct FetchableTopicResponse {
        /// Name of the topic.
        topic: String, in ..=12, else dropped;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 13.., else dropped;
        /// The partitions.
        partitions: Vec<PartitionData>;
    }

    /// Batches of one partition.
    pub struct PartitionData {
        /// Number of the partition.
        partition_index: i32;
        /// What went wrong with the partition, if anything.
        error_code: ErrorCode;
        /// Offset below which everything is replicated.
        high_watermark: i64;
        /// Offset below which no transaction is open; -1 if not known.
        last_stable_offset: i64, default -1, else dropped;
        /// First offset that is still in the log; -1 if not known.
        log_start_offset: i64, in 5.., default -1, else dropped;
        /// Where the log of the follower that asks diverges from this one (KIP-595).
        diverging_epoch: EpochEndOffset, in 12.., tag 0;
        /// The leader, if the error is that this broker does not lead (KIP-951).
        current_leader: LeaderIdAndEpoch, in 12.., tag 1;
        /// Snapshot to fetch instead (KIP-630).
        snapshot_id: SnapshotId, in 12.., tag 2;
        /// Aborted transactions whose records lie in this range.
        aborted_transactions: Option<Vec<AbortedTransaction>>, else dropped;
        /// Replica to read from instead; -1 for none (KIP-392).
        preferred_read_replica: i32, in 11.., default -1;
        /// Record batches; see [`records`](crate::records).
        records: Option<Bytes>, default None;
    }

    /// An epoch and the offset at which it ends.
    pub struct EpochEndOffset {
        /// The epoch; -1 if none.
        epoch: i32, default -1;
        /// Offset at which it ends; -1 if none.
        end_offset: i64, default -1;
    }

    /// Who leads a partition, and since which epoch.
    pub struct LeaderIdAndEpoch {
        /// Broker that leads the partition; -1 if there is none.
        leader_id: i32, default -1;
        /// Grows with each change of the leader (KIP-320).
        leader_epoch: i32, default -1;
    }

    /// The end and the epoch that name a snapshot.
    pub struct SnapshotId {
        /// Offset at which it ends; -1 if none.
        end_offset: i64, default -1;
        /// The epoch; -1 if none.
        epoch: i32, default -1;
    }

    /// An aborted transaction.
    pub struct AbortedTransaction {
        /// Id of the producer whose transaction was aborted.
        producer_id: i64;
        /// Offset of its first record.
        first_offset: i64;
    }

    /// A broker and its address.
    pub struct NodeEndpoint {
        /// Id of the broker.
        node_id: i32;
        /// Its host name.
        host: String;
        /// Its port.
        port: i32;
        /// Its rack, if it has one.
        rack: Option<String>, default None;
    }
}
