//! Produce (0): record batches on their way into the log.
//!
//! The producer's own path writes this request without building it; see `produce_frame`.

use bytes::Bytes;

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    ProduceRequest => ProduceResponse: PRODUCE, versions 3..=13, flexible 9..;
}

wire_struct! {
    /// Appends record batches to partitions led by the broker.
    pub struct ProduceRequest {
        /// Name of the transactional producer; null if it is not one.
        transactional_id: Option<String>, default None;
        /// Which acknowledgement to wait for: 0 none, 1 the leader, -1 all in-sync replicas.
        acks: i16;
        /// How long the broker may take, in milliseconds.
        timeout_ms: i32;
        /// The topics to append to.
        topic_data: Vec<TopicProduceData>;
    }

    /// The batches for one topic.
    pub struct TopicProduceData {
        /// Name of the topic.
        name: String, in ..=12, else dropped;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 13.., else dropped;
        /// The partitions to append to.
        partition_data: Vec<PartitionProduceData>;
    }

    /// The batch for one partition.
    pub struct PartitionProduceData {
        /// Number of the partition.
        index: i32;
        /// Record batches; see [`records`](crate::records).
        records: Option<Bytes>, default None;
    }
}

wire_struct! {
    /// What became of each batch; not sent with `acks` 0.
    pub struct ProduceResponse {
        /// Outcome per topic.
        responses: Vec<TopicProduceResponse>;
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, else dropped;
        /// Addresses of the leaders named (KIP-951).
        node_endpoints: Vec<NodeEndpoint>, in 10.., tag 0;
    }

    /// What became of the batches for one topic.
    pub struct TopicProduceResponse {
        /// Name of the topic.
        name: String, in ..=12, else dropped;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 13.., else dropped;
        /// Outcome per partition.
        partition_responses: Vec<PartitionProduceResponse>;
    }

    /// What became of the batch for one partition.
    pub struct PartitionProduceResponse {
        /// Number of the partition.
        index: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Offset of the first record of the batch; -1 if not known.
        base_offset: i64;
        /// When the broker appended, if the topic is stamped by it; else -1.
        log_append_time_ms: i64, default -1, else dropped;
        /// First offset that is still in the log; -1 if not known.
        log_start_offset: i64, in 5.., default -1, else dropped;
        /// The records for which the batch was refused (KIP-467).
        record_errors: Vec<BatchIndexAndErrorMessage>, in 8.., else dropped;
        /// The error as text.
        error_message: Option<String>, in 8.., default None, else dropped;
        /// The leader, if the error is that this broker does not lead (KIP-951).
        current_leader: LeaderIdAndEpoch, in 10.., tag 0;
    }

    /// A record for which its batch was refused.
    pub struct BatchIndexAndErrorMessage {
        /// Place of the record in its batch.
        batch_index: i32;
        /// What is wrong with the record.
        batch_index_error_message: Option<String>, default None;
    }

    /// Who leads a partition, and since which epoch.
    pub struct LeaderIdAndEpoch {
        /// Broker that leads the partition; -1 if there is none.
        leader_id: i32, default -1;
        /// Grows with each change of the leader (KIP-320).
        leader_epoch: i32, default -1;
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
