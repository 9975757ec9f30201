//! AddPartitionsToTxn (24): partitions join a transaction. Clients speak versions 0 to 3.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    AddPartitionsToTxnRequest => AddPartitionsToTxnResponse: ADD_PARTITIONS_TO_TXN, versions 0..=5, flexible 3..;
}

wire_struct! {
    /// Adds partitions to a transaction before they are produced to.
    pub struct AddPartitionsToTxnRequest {
        /// The transactions to add to; only brokers ask for several (KIP-890).
        transactions: Vec<AddPartitionsToTxnTransaction>, in 4..;
        /// Name of the transactional producer.
        v3_and_below_transactional_id: String, in ..=3;
        /// Id of the producer.
        v3_and_below_producer_id: i64, in ..=3;
        /// Epoch of the producer.
        v3_and_below_producer_epoch: i16, in ..=3;
        /// The partitions to add, by topic.
        v3_and_below_topics: Vec<AddPartitionsToTxnTopic>, in ..=3;
    }

    /// A transaction and the partitions to add to it.
    pub struct AddPartitionsToTxnTransaction {
        /// Name of the transactional producer.
        transactional_id: String;
        /// Id of the producer; -1 if there is none.
        producer_id: i64;
        /// Epoch of the producer; -1 if there is none.
        producer_epoch: i16;
        /// Whether to ask if the partitions are in the transaction, instead of adding them.
        verify_only: bool;
        /// The topics.
        topics: Vec<AddPartitionsToTxnTopic>;
    }

    /// Partitions of one topic to add.
    pub struct AddPartitionsToTxnTopic {
        /// Name of the topic.
        name: String;
        /// Numbers of the partitions.
        partitions: Vec<i32>;
    }
}

wire_struct! {
    /// What became of each partition.
    pub struct AddPartitionsToTxnResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode, in 4.., else dropped;
        /// Outcome per transaction.
        results_by_transaction: Vec<AddPartitionsToTxnResult>, in 4..;
        /// Outcome per topic.
        results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>, in ..=3;
    }

    /// What became of the partitions of one transaction.
    pub struct AddPartitionsToTxnResult {
        /// Name of the transactional producer.
        transactional_id: String;
        /// Outcome per topic.
        topic_results: Vec<AddPartitionsToTxnTopicResult>;
    }

    /// What became of the partitions of one topic.
    pub struct AddPartitionsToTxnTopicResult {
        /// Name of the topic.
        name: String;
        /// Outcome per partition.
        results_by_partition: Vec<AddPartitionsToTxnPartitionResult>;
    }

    /// What became of one partition.
    pub struct AddPartitionsToTxnPartitionResult {
        /// Number of the partition.
        partition_index: i32;
        /// What went wrong with the partition, if anything.
        partition_error_code: ErrorCode;
    }
}
