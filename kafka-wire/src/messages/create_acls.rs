//! CreateAcls (30): rules about who may do what.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    CreateAclsRequest => CreateAclsResponse: CREATE_ACLS, versions 1..=3, flexible 2..;
}

wire_struct! {
    /// Creates ACLs.
    pub struct CreateAclsRequest {
        /// The ACLs.
        creations: Vec<AclCreation>;
    }

    /// An ACL to create.
    pub struct AclCreation {
        /// Kind of the resource: 2 topic, 3 group, 4 cluster, 5 transactional id.
        resource_type: i8;
        /// Name of the resource, or what it begins with.
        resource_name: String;
        /// 3 for one name, or all if it is `*`; 4 for those that begin so.
        resource_pattern_type: i8, default 3;
        /// Who it is about, such as `User:alice`.
        principal: String;
        /// From where; `*` for anywhere.
        host: String;
        /// What is allowed or denied, as a number of Kafka's `AclOperation`.
        operation: i8;
        /// 2 denies, 3 allows.
        permission_type: i8;
    }
}

wire_struct! {
    /// What became of each ACL.
    pub struct CreateAclsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// Outcome per ACL, in the order of the request.
        results: Vec<AclCreationResult>;
    }

    /// What became of one ACL.
    pub struct AclCreationResult {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>;
    }
}
