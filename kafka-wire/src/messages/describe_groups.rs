//! DescribeGroups (15): the state and the members of groups of the classic protocol.

use bytes::Bytes;

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DescribeGroupsRequest => DescribeGroupsResponse: DESCRIBE_GROUPS, versions 0..=6, flexible 5..;
}

wire_struct! {
    /// Asks for the state and the members of groups.
    pub struct DescribeGroupsRequest {
        /// Names of the groups.
        groups: Vec<String>;
        /// Whether to say what the client may do with each group.
        include_authorized_operations: bool, in 3..;
    }
}

wire_struct! {
    /// The groups.
    pub struct DescribeGroupsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 1.., else dropped;
        /// The groups.
        groups: Vec<DescribedGroup>;
    }

    /// A group.
    pub struct DescribedGroup {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, in 6.., default None;
        /// Name of the group.
        group_id: String;
        /// Name of its state, as `Stable`.
        group_state: String;
        /// What the group is for, as `consumer`.
        protocol_type: String;
        /// The protocol that was chosen.
        protocol_data: String;
        /// The members.
        members: Vec<DescribedGroupMember>;
        /// What the client may do, as bits; `i32::MIN` if it did not ask.
        authorized_operations: i32, in 3.., default i32::MIN;
    }

    /// A member of a group.
    pub struct DescribedGroupMember {
        /// Id of the member.
        member_id: String;
        /// Name of a static member (KIP-345).
        group_instance_id: Option<String>, in 4.., default None, else dropped;
        /// Name of the client.
        client_id: String;
        /// Where the client is.
        client_host: String;
        /// What the protocol says of the member.
        member_metadata: Bytes;
        /// What it is assigned.
        member_assignment: Bytes;
    }
}
