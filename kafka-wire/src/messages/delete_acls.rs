//! DeleteAcls (31): rules are taken back.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DeleteAclsRequest => DeleteAclsResponse: DELETE_ACLS, versions 1..=3, flexible 2..;
}

wire_struct! {
    /// Deletes the ACLs that any of the filters lets through.
    pub struct DeleteAclsRequest {
        /// The filters.
        filters: Vec<DeleteAclsFilter>;
    }

    /// Which ACLs to delete. In each number, 1 stands for any.
    pub struct DeleteAclsFilter {
        /// Kind of the resource.
        resource_type_filter: i8;
        /// Name of the resource; null for any.
        resource_name_filter: Option<String>;
        /// Kind of the name: 3 literal, 4 prefixed, 2 all that include the name.
        pattern_type_filter: i8, default 3;
        /// Who they are about; null for anybody.
        principal_filter: Option<String>;
        /// From where; null for anywhere.
        host_filter: Option<String>;
        /// The operation.
        operation: i8;
        /// Whether they deny (2) or allow (3).
        permission_type: i8;
    }
}

wire_struct! {
    /// What was deleted.
    pub struct DeleteAclsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// Outcome per filter, in the order of the request.
        filter_results: Vec<DeleteAclsFilterResult>;
    }

    /// What a filter let through.
    pub struct DeleteAclsFilterResult {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>;
        /// The ACLs.
        matching_acls: Vec<DeleteAclsMatchingAcl>;
    }

    /// An ACL that a filter let through.
    pub struct DeleteAclsMatchingAcl {
        /// Why it was not deleted, if it was not.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>;
        /// Kind of the resource.
        resource_type: i8;
        /// Name of the resource, or what it begins with.
        resource_name: String;
        /// 3 literal, 4 prefixed.
        pattern_type: i8, default 3;
        /// Who it is about.
        principal: String;
        /// From where.
        host: String;
        /// What is allowed or denied.
        operation: i8;
        /// 2 denies, 3 allows.
        permission_type: i8;
    }
}
