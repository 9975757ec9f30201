//! AddOffsetsToTxn (25): a consumer group's offsets join a transaction.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    AddOffsetsToTxnRequest => AddOffsetsToTxnResponse: ADD_OFFSETS_TO_TXN, versions 0..=4, flexible 3..;
}

wire_struct! {
    /// Adds the offsets of a consumer group to a transaction.
    pub struct AddOffsetsToTxnRequest {
        /// Name of the transactional producer.
        transactional_id: String;
        /// Id of the producer; -1 if there is none.
        producer_id: i64;
        /// Epoch of the producer; -1 if there is none.
        producer_epoch: i16;
        /// Name of the consumer group.
        group_id: String;
    }
}

wire_struct! {
    /// Whether they were added.
    pub struct AddOffsetsToTxnResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
