//! DescribeCluster (60): the brokers or the controllers.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    DescribeClusterRequest => DescribeClusterResponse: DESCRIBE_CLUSTER, versions 0..=2, flexible 0..;
}

wire_struct! {
    /// Asks for the brokers, or the controllers.
    pub struct DescribeClusterRequest {
        /// Whether to tell what may be done to the cluster.
        include_cluster_authorized_operations: bool;
        /// Whose addresses: 1 the brokers, 2 the controllers.
        endpoint_type: i8, in 1.., default 1;
        /// Whether to tell of fenced brokers too.
        include_fenced_brokers: bool, in 2..;
    }
}

wire_struct! {
    /// The brokers, or the controllers.
    pub struct DescribeClusterResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, default None;
        /// Whose addresses: 1 the brokers, 2 the controllers.
        endpoint_type: i8, in 1.., default 1;
        /// Id of the cluster.
        cluster_id: String;
        /// Id of the broker that controls the cluster; -1 if there is none.
        controller_id: i32, default -1;
        /// The brokers.
        brokers: Vec<DescribeClusterBroker>;
        /// Bits of the operations allowed on the cluster; the minimum if not asked for.
        cluster_authorized_operations: i32, default i32::MIN;
    }

    /// A broker and its address.
    pub struct DescribeClusterBroker {
        /// Id of the broker.
        broker_id: i32;
        /// Its host name.
        host: String;
        /// Its port.
        port: i32;
        /// Its rack, if it has one.
        rack: Option<String>, default None;
        /// Whether the broker is fenced off.
        is_fenced: bool, in 2..;
    }
}
