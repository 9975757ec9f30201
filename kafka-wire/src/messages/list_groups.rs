//! ListGroups (16): the groups that a broker coordinates.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    ListGroupsRequest => ListGroupsResponse: LIST_GROUPS, versions 0..=5, flexible 3..;
}

wire_struct! {
    /// Asks for the groups that a broker coordinates.
    pub struct ListGroupsRequest {
        /// Only groups in these states; all if empty (KIP-518).
        states_filter: Vec<String>, in 4..;
        /// Only groups of these types, as `classic`; all if empty (KIP-848).
        types_filter: Vec<String>, in 5..;
    }
}

wire_struct! {
    /// The groups.
    pub struct ListGroupsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 1.., else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The groups.
        groups: Vec<ListedGroup>;
    }

    /// A group.
    pub struct ListedGroup {
        /// Name of the group.
        group_id: String;
        /// What the group is for, as `consumer`.
        protocol_type: String;
        /// Name of its state, as `Stable` (KIP-518).
        group_state: String, in 4.., else dropped;
        /// Its protocol, as `classic` (KIP-848).
        group_type: String, in 5.., else dropped;
    }
}
