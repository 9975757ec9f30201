//! The messages: one file per API, named as Kafka names it, request and response side by side.
//!
//! A message begins as its default and is changed by its setters, one for each field. New versions
//! of Kafka add fields, so nothing outside of this crate can list all of them.
//!
//! ```
//! use kafka_wire::messages::{ProduceRequest, produce::TopicProduceData};
//!
//! let topic = TopicProduceData::default().with_name("orders".to_owned());
//! let request = ProduceRequest::default().with_acks(-1).with_topic_data(vec![topic]);
//! assert_eq!((request.acks, request.topic_data.len()), (-1, 1));
//! ```
//!
//! ```compile_fail
//! # use kafka_wire::messages::ProduceRequest;
//! let request = ProduceRequest { acks: -1, ..ProduceRequest::default() }; // does not compile
//! ```
//!
//! Declarations only; see `message` for how to read them. A range that a field does not state is
//! that of its struct, and that of a request or response is its API's. Fields and defaults are
//! those of the schemas that Apache Kafka 4.4 publishes, which a test compares them with.

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod api_versions;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod create_topics;
pub mod delete_groups;
pub mod delete_topics;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_producers;
pub mod describe_transactions;
pub mod end_txn;
pub mod fetch;
pub mod find_coordinator;
pub mod get_telemetry_subscriptions;
pub mod heartbeat;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_groups;
pub mod list_offsets;
pub mod list_transactions;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod produce;
pub mod push_telemetry;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod sync_group;
pub mod txn_offset_commit;

pub use {
    add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse},
    add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse},
    api_versions::{ApiVersionsRequest, ApiVersionsResponse},
    consumer_group_describe::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse},
    consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse},
    create_topics::{CreateTopicsRequest, CreateTopicsResponse},
    delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse},
    delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse},
    describe_cluster::{DescribeClusterRequest, DescribeClusterResponse},
    describe_configs::{DescribeConfigsRequest, DescribeConfigsResponse},
    describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse},
    describe_producers::{DescribeProducersRequest, DescribeProducersResponse},
    describe_transactions::{DescribeTransactionsRequest, DescribeTransactionsResponse},
    end_txn::{EndTxnRequest, EndTxnResponse},
    fetch::{FetchRequest, FetchResponse},
    find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse},
    get_telemetry_subscriptions::{
        GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
    },
    heartbeat::{HeartbeatRequest, HeartbeatResponse},
    init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
    join_group::{JoinGroupRequest, JoinGroupResponse},
    leave_group::{LeaveGroupRequest, LeaveGroupResponse},
    list_groups::{ListGroupsRequest, ListGroupsResponse},
    list_offsets::{ListOffsetsRequest, ListOffsetsResponse},
    list_transactions::{ListTransactionsRequest, ListTransactionsResponse},
    metadata::{MetadataRequest, MetadataResponse},
    offset_commit::{OffsetCommitRequest, OffsetCommitResponse},
    offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse},
    offset_fetch::{OffsetFetchRequest, OffsetFetchResponse},
    produce::{ProduceRequest, ProduceResponse},
    push_telemetry::{PushTelemetryRequest, PushTelemetryResponse},
    sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse},
    sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse},
    sync_group::{SyncGroupRequest, SyncGroupResponse},
    txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitResponse},
};

/// Hands the names of all requests to a macro: to dispatch on a key, or to test each of them.
///
/// ```
/// use kafka_wire::{ApiKey, Request, VersionRange, messages};
///
/// macro_rules! versions_of {
///     ($($request:ident,)*) => {
///         fn versions_of(key: ApiKey) -> Option<VersionRange> {
///             $(if key == messages::$request::KEY {
///                 return Some(messages::$request::VERSIONS);
///             })*
///             None
///         }
///     };
/// }
/// kafka_wire::for_each_request!(versions_of);
///
/// assert_eq!(versions_of(ApiKey::PRODUCE), Some(VersionRange::new(3, 13)));
/// assert_eq!(versions_of(ApiKey(30_000)), None);
/// ```
#[macro_export]
macro_rules! for_each_request {
    ($callback:ident) => {
        $callback! {
            AddOffsetsToTxnRequest,
            AddPartitionsToTxnRequest,
            ApiVersionsRequest,
            ConsumerGroupDescribeRequest,
            ConsumerGroupHeartbeatRequest,
            CreateTopicsRequest,
            DeleteGroupsRequest,
            DeleteTopicsRequest,
            DescribeClusterRequest,
            DescribeConfigsRequest,
            DescribeGroupsRequest,
            DescribeProducersRequest,
            DescribeTransactionsRequest,
            EndTxnRequest,
            FetchRequest,
            FindCoordinatorRequest,
            GetTelemetrySubscriptionsRequest,
            HeartbeatRequest,
            InitProducerIdRequest,
            JoinGroupRequest,
            LeaveGroupRequest,
            ListGroupsRequest,
            ListOffsetsRequest,
            ListTransactionsRequest,
            MetadataRequest,
            OffsetCommitRequest,
            OffsetDeleteRequest,
            OffsetFetchRequest,
            ProduceRequest,
            PushTelemetryRequest,
            SaslAuthenticateRequest,
            SaslHandshakeRequest,
            SyncGroupRequest,
            TxnOffsetCommitRequest,
        }
    };
}
