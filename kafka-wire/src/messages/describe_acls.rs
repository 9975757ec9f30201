//! DescribeAcls (29): the rules that there are.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DescribeAclsRequest => DescribeAclsResponse: DESCRIBE_ACLS, versions 1..=3, flexible 2..;
}

wire_struct! {
    /// Asks for the ACLs that a filter lets through. In each number, 1 stands for any.
    pub struct DescribeAclsRequest {
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
    /// ACLs, by resource.
    pub struct DescribeAclsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>;
        /// The resources that ACLs are about.
        resources: Vec<DescribeAclsResource>;
    }

    /// The ACLs about a resource.
    pub struct DescribeAclsResource {
        /// Kind of the resource.
        resource_type: i8;
        /// Name of the resource, or what it begins with.
        resource_name: String;
        /// 3 literal, 4 prefixed.
        pattern_type: i8, default 3;
        /// The ACLs.
        acls: Vec<AclDescription>;
    }

    /// An ACL.
    pub struct AclDescription {
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
