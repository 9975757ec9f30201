//! The messages: one file per API, named as Kafka names it, request and response side by side.
//!
//! Everything can be imported from here. Names that parts of two messages share (`NodeEndpoint`) are in the modules of
//! the messages only.
//!
//! A message begins as its default and is changed by its setters, one for each field. New versions
//! of Kafka add fields, so nothing outside of this crate can list all of them.
//!
//! ```
//! use kafka_wire::messages::{ProduceRequest, TopicProduceData};
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
pub mod alter_client_quotas;
pub mod api_versions;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod create_acls;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_acls;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_client_quotas;
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
pub mod incremental_alter_configs;
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
    add_partitions_to_txn::{
        AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
        AddPartitionsToTxnResult, AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
        AddPartitionsToTxnTransaction,
    },
    alter_client_quotas::{AlterClientQuotasRequest, AlterClientQuotasResponse},
    api_versions::{
        ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey,
        SupportedFeatureKey,
    },
    consumer_group_describe::{
        ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, Member,
    },
    consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse},
    create_acls::{AclCreation, AclCreationResult, CreateAclsRequest, CreateAclsResponse},
    create_partitions::{
        CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsResponse,
        CreatePartitionsTopic, CreatePartitionsTopicResult,
    },
    create_topics::{
        CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicConfigs,
        CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
    },
    delete_acls::{
        DeleteAclsFilter, DeleteAclsFilterResult, DeleteAclsMatchingAcl, DeleteAclsRequest,
        DeleteAclsResponse,
    },
    delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse},
    delete_records::{
        DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest,
        DeleteRecordsResponse, DeleteRecordsTopic, DeleteRecordsTopicResult,
    },
    delete_topics::{
        DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
    },
    describe_acls::{
        AclDescription, DescribeAclsRequest, DescribeAclsResource, DescribeAclsResponse,
    },
    describe_client_quotas::{DescribeClientQuotasRequest, DescribeClientQuotasResponse},
    describe_cluster::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse},
    describe_configs::{
        DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
        DescribeConfigsResponse, DescribeConfigsResult, DescribeConfigsSynonym,
    },
    describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroupMember},
    describe_producers::{
        DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState,
        TopicRequest, TopicResponse,
    },
    describe_transactions::{DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData},
    end_txn::{EndTxnRequest, EndTxnResponse},
    fetch::{
        AbortedTransaction, EpochEndOffset, FetchPartition, FetchRequest, FetchResponse,
        FetchTopic, FetchableTopicResponse, ForgottenTopic, PartitionData, ReplicaState,
        SnapshotId,
    },
    find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse},
    get_telemetry_subscriptions::{
        GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
    },
    heartbeat::{HeartbeatRequest, HeartbeatResponse},
    incremental_alter_configs::{
        AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig,
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    },
    init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
    join_group::{
        JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse, JoinGroupResponseMember,
    },
    leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse},
    list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup},
    list_offsets::{
        ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest,
        ListOffsetsResponse, ListOffsetsTopic, ListOffsetsTopicResponse,
    },
    list_transactions::{ListTransactionsRequest, ListTransactionsResponse},
    metadata::{
        LeadersPartition, LeadersResponse, LeadersTopic, MetadataRequest, MetadataRequestTopic,
        MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
    },
    offset_commit::{
        OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
        OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
    },
    offset_delete::{
        OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
        OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
    },
    offset_fetch::{
        OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic,
        OffsetFetchRequestTopics, OffsetFetchResponse, OffsetFetchResponseGroup,
        OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
        OffsetFetchResponseTopics,
    },
    produce::{
        BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest,
        ProduceResponse, TopicProduceData, TopicProduceResponse,
    },
    push_telemetry::{PushTelemetryRequest, PushTelemetryResponse},
    sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse},
    sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse},
    sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse},
    txn_offset_commit::{
        TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
        TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
    },
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
            AlterClientQuotasRequest,
            ApiVersionsRequest,
            ConsumerGroupDescribeRequest,
            ConsumerGroupHeartbeatRequest,
            CreateAclsRequest,
            CreatePartitionsRequest,
            CreateTopicsRequest,
            DeleteAclsRequest,
            DeleteGroupsRequest,
            DeleteRecordsRequest,
            DeleteTopicsRequest,
            DescribeAclsRequest,
            DescribeClientQuotasRequest,
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
            IncrementalAlterConfigsRequest,
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
