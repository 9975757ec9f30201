//! Heartbeat (12): a member of a group is alive (classic protocol).

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    HeartbeatRequest => HeartbeatResponse: HEARTBEAT, versions 0..=4, flexible 4..;
}

wire_struct! {
    /// Says that the member is alive.
    pub struct HeartbeatRequest {
        /// Name of the group.
        group_id: String;
        /// The generation.
        generation_id: i32;
        /// Id of the member.
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, in 3.., default None;
    }
}

wire_struct! {
    /// Whether the member is still one, or has to join again.
    pub struct HeartbeatResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 1.., else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
