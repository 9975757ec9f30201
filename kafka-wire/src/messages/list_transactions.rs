//! ListTransactions (66): the transactions a coordinator knows.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    ListTransactionsRequest => ListTransactionsResponse: LIST_TRANSACTIONS, versions 0..=2, flexible 0..;
}

wire_struct! {
    /// Asks which transactions a coordinator knows.
    pub struct ListTransactionsRequest {
        /// Only transactions in these states; all if empty.
        state_filters: Vec<String>;
        /// Only transactions of these producer ids; all if empty.
        producer_id_filters: Vec<i64>;
        /// Only transactions open longer than this, in milliseconds; all if negative.
        duration_filter: i64, in 1.., default -1;
        /// Only transactional ids that match this regular expression; all if null or empty.
        transactional_id_pattern: Option<String>, in 2.., default None;
    }
}

wire_struct! {
    /// The transactions.
    pub struct ListTransactionsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// States asked for that the broker does not know.
        unknown_state_filters: Vec<String>;
        /// One entry per transaction.
        transaction_states: Vec<TransactionState>;
    }

    /// The state of one transaction.
    pub struct TransactionState {
        /// Name of the transactional producer.
        transactional_id: String;
        /// Id of the producer; -1 if there is none.
        producer_id: i64;
        /// Name of the transaction's state.
        transaction_state: String;
    }
}
