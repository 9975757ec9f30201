//! SyncGroup (14): the leader of a group says who reads what, and the others are told (classic
//! protocol).

use bytes::Bytes;

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    SyncGroupRequest => SyncGroupResponse: SYNC_GROUP, versions 0..=5, flexible 4..;
}

wire_struct! {
    /// Asks for the assignment, or brings it.
    pub struct SyncGroupRequest {
        /// Name of the group.
        group_id: String;
        /// The generation.
        generation_id: i32;
        /// Id of the member.
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, in 3.., default None;
        /// What the group is for (KIP-559).
        protocol_type: Option<String>, in 5.., default None, else dropped;
        /// The protocol that was chosen (KIP-559).
        protocol_name: Option<String>, in 5.., default None, else dropped;
        /// What each member is assigned, if this one leads.
        assignments: Vec<SyncGroupRequestAssignment>;
    }

    /// What one member is assigned.
    pub struct SyncGroupRequestAssignment {
        /// Id of the member.
        member_id: String;
        /// Its assignment, as the protocol writes it.
        assignment: Bytes;
    }
}

wire_struct! {
    /// What this member is assigned.
    pub struct SyncGroupResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 1.., else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// What the group is for.
        protocol_type: Option<String>, in 5.., default None, else dropped;
        /// The protocol that was chosen.
        protocol_name: Option<String>, in 5.., default None, else dropped;
        /// The assignment, as the protocol writes it.
        assignment: Bytes;
    }
}
