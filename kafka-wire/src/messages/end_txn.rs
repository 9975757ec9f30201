//! EndTxn (26): a transaction commits or aborts.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    EndTxnRequest => EndTxnResponse: END_TXN, versions 0..=5, flexible 3..;
}

wire_struct! {
    /// Commits or aborts a transaction.
    pub struct EndTxnRequest {
        /// Name of the transactional producer.
        transactional_id: String;
        /// Id of the producer; -1 if there is none.
        producer_id: i64;
        /// Epoch of the producer; -1 if there is none.
        producer_epoch: i16;
        /// Whether to commit; otherwise the transaction is aborted.
        committed: bool;
    }
}

wire_struct! {
    /// Whether the end was taken note of.
    pub struct EndTxnResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Id to go on with (KIP-890); -1 if unchanged.
        producer_id: i64, in 5.., default -1, else dropped;
        /// Epoch to go on with (KIP-890); -1 if unchanged.
        producer_epoch: i16, in 5.., default -1, else dropped;
    }
}
