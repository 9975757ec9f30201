//! InitProducerId (22): a producer id and epoch, for idempotence and transactions.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    InitProducerIdRequest => InitProducerIdResponse: INIT_PRODUCER_ID, versions 0..=6, stable ..=5, flexible 2..;
}

wire_struct! {
    /// Asks for a producer id and epoch, and fences older producers of the same name.
    pub struct InitProducerIdRequest {
        /// Name of the transactional producer; null if it is only idempotent.
        transactional_id: Option<String>;
        /// How long a transaction may stay open before it is aborted, in milliseconds.
        transaction_timeout_ms: i32;
        /// Id held so far, to have its epoch bumped (KIP-360); -1 if none.
        producer_id: i64, in 3.., default -1;
        /// Epoch held so far; -1 if none.
        producer_epoch: i16, in 3.., default -1;
        /// Whether transactions are prepared by one party and ended by another (KIP-939).
        enable2_pc: bool, in 6..;
        /// Whether a prepared transaction is to be kept (KIP-939).
        keep_prepared_txn: bool, in 6..;
    }
}

wire_struct! {
    /// The producer id and epoch.
    pub struct InitProducerIdResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Id to produce with.
        producer_id: i64, default -1;
        /// Epoch to produce with.
        producer_epoch: i16;
        /// Producer id of the transaction that was kept; -1 if none was (KIP-939).
        ongoing_txn_producer_id: i64, in 6.., default -1;
        /// Producer epoch of the transaction that was kept; -1 if none was (KIP-939).
        ongoing_txn_producer_epoch: i16, in 6.., default -1;
    }
}
