//! DeleteGroups (42): removes groups without members, and their offsets.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DeleteGroupsRequest => DeleteGroupsResponse: DELETE_GROUPS, versions 0..=3, flexible 2..;
}

wire_struct! {
    /// Removes groups without members.
    pub struct DeleteGroupsRequest {
        /// Names of the groups.
        groups_names: Vec<String>;
    }
}

wire_struct! {
    /// What became of each group.
    pub struct DeleteGroupsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// The groups.
        results: Vec<DeletableGroupResult>;
    }

    /// What became of one group.
    pub struct DeletableGroupResult {
        /// Name of the group.
        group_id: String;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, in 3.., default None, else dropped;
    }
}
