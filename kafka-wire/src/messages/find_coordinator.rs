//! FindCoordinator (10): which broker coordinates a group or a transactional id.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    FindCoordinatorRequest => FindCoordinatorResponse: FIND_COORDINATOR, versions 0..=6, flexible 3..;
}

wire_struct! {
    /// Asks which broker coordinates a group or a transactional id.
    pub struct FindCoordinatorRequest {
        /// Whose coordinator: a group or a transactional id.
        key: String, in ..=3;
        /// What the key names: 0 a group, 1 a transactional id, 2 a share group.
        key_type: i8, in 1..;
        /// Whose coordinators: several at once (KIP-699).
        coordinator_keys: Vec<String>, in 4..;
    }
}

wire_struct! {
    /// The coordinators.
    pub struct FindCoordinatorResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 1.., else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode, in ..=3;
        /// The error as text.
        error_message: Option<String>, in 1..=3, else dropped;
        /// Id of the broker.
        node_id: i32, in ..=3;
        /// Its host name.
        host: String, in ..=3;
        /// Its port.
        port: i32, in ..=3;
        /// One answer per key (KIP-699).
        coordinators: Vec<Coordinator>, in 4..;
    }

    /// The coordinator of one key.
    pub struct Coordinator {
        /// Whose coordinator: a group or a transactional id.
        key: String;
        /// Id of the broker.
        node_id: i32;
        /// Its host name.
        host: String;
        /// Its port.
        port: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, else dropped;
    }
}
