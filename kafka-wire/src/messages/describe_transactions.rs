//! DescribeTransactions (65): the state of transactions.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DescribeTransactionsRequest => DescribeTransactionsResponse: DESCRIBE_TRANSACTIONS, versions 0..=0, flexible 0..;
}

wire_struct! {
    /// Asks for the state of transactions.
    pub struct DescribeTransactionsRequest {
        /// Names of the transactional producers.
        transactional_ids: Vec<String>;
    }
}

wire_struct! {
    /// The state of each.
    pub struct DescribeTransactionsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// One entry per transaction.
        transaction_states: Vec<TransactionState>;
    }

    /// The state of one transaction.
    pub struct TransactionState {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Name of the transactional producer.
        transactional_id: String;
        /// Name of the transaction's state.
        transaction_state: String;
        /// How long a transaction may stay open before it is aborted, in milliseconds.
        transaction_timeout_ms: i32;
        /// When it began, in milliseconds since 1970; -1 if it did not.
        transaction_start_time_ms: i64;
        /// Id of the producer; -1 if there is none.
        producer_id: i64;
        /// Epoch of the producer; -1 if there is none.
        producer_epoch: i16;
        /// The topics.
        topics: Vec<TopicData>;
    }

    /// Partitions of one topic in the transaction.
    pub struct TopicData {
        /// Name of the topic.
        topic: String;
        /// Numbers of the partitions.
        partitions: Vec<i32>;
    }
}
