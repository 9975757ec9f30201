//! JoinGroup (11): a consumer joins its group, and waits for the others (classic protocol).

use bytes::Bytes;

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    JoinGroupRequest => JoinGroupResponse: JOIN_GROUP, versions 0..=9, flexible 6..;
}

wire_struct! {
    /// Joins a group, or joins it again.
    pub struct JoinGroupRequest {
        /// Name of the group.
        group_id: String;
        /// How long the member may be silent, in milliseconds.
        session_timeout_ms: i32;
        /// How long a rebalance waits for the member, in milliseconds; -1 for the session timeout.
        rebalance_timeout_ms: i32, in 1.., default -1, else dropped;
        /// Id of the member; empty to be given one.
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, in 5.., default None;
        /// What the group is for, as `consumer`.
        protocol_type: String;
        /// The protocols that the member knows, the preferred one first.
        protocols: Vec<JoinGroupRequestProtocol>;
        /// Why it joins (KIP-800).
        reason: Option<String>, in 8.., default None, else dropped;
    }

    /// A protocol that a member knows.
    pub struct JoinGroupRequestProtocol {
        /// Name of the protocol.
        name: String;
        /// What the protocol says of the member, as its subscription.
        metadata: Bytes;
    }
}

wire_struct! {
    /// The generation that begins, and who is in it.
    pub struct JoinGroupResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 2.., else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The generation; -1 if there is none.
        generation_id: i32, default -1;
        /// What the group is for.
        protocol_type: Option<String>, in 7.., default None, else dropped;
        /// The protocol that was chosen.
        protocol_name: Option<String>, null 7..;
        /// Id of the member that leads.
        leader: String;
        /// Whether the leader need not assign anything (KIP-814).
        skip_assignment: bool, in 9..;
        /// Id of this member.
        member_id: String;
        /// All members, if this one leads.
        members: Vec<JoinGroupResponseMember>;
    }

    /// A member of the generation.
    pub struct JoinGroupResponseMember {
        /// Id of the member.
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, in 5.., default None, else dropped;
        /// What the protocol says of the member.
        metadata: Bytes;
    }
}
