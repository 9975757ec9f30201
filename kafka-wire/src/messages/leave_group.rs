//! LeaveGroup (13): members leave their group (classic protocol).

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    LeaveGroupRequest => LeaveGroupResponse: LEAVE_GROUP, versions 0..=5, flexible 4..;
}

wire_struct! {
    /// Takes members out of a group.
    pub struct LeaveGroupRequest {
        /// Name of the group.
        group_id: String;
        /// Id of the member.
        member_id: String, in ..=2;
        /// The members; several at once (KIP-345).
        members: Vec<MemberIdentity>, in 3..;
    }

    /// A member that leaves.
    pub struct MemberIdentity {
        /// Id of the member; empty if the name of a static one is given.
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, default None;
        /// Why it leaves (KIP-800).
        reason: Option<String>, in 5.., default None, else dropped;
    }
}

wire_struct! {
    /// What became of each member.
    pub struct LeaveGroupResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 1.., else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The members.
        members: Vec<MemberResponse>, in 3..;
    }

    /// What became of one member.
    pub struct MemberResponse {
        /// Id of the member.
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
