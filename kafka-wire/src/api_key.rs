//! API keys: the number by which a request's header names what is asked.
//!
//! A number with named constants rather than an enum, so that the key of a newer broker survives.

use std::fmt;

/// The key of an API.
///
/// ```
/// use kafka_wire::ApiKey;
///
/// assert_eq!(ApiKey(0), ApiKey::PRODUCE);
/// assert_eq!(ApiKey::PRODUCE.to_string(), "Produce");
/// assert_eq!(ApiKey(30_000).to_string(), "API 30000");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKey(pub i16);

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "API {}", self.0),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}({})", self.0),
            None => write!(f, "ApiKey({})", self.0),
        }
    }
}

macro_rules! api_keys {
    ($($constant:ident = $key:literal, $name:literal $(, flexible $flexible:literal..)?;)*) => {
        impl ApiKey {
            $(
                #[doc = concat!("`", $name, "`.")]
                pub const $constant: Self = Self($key);
            )*

            /// Kafka's name, such as `Produce`; none for a key that is not known.
            ///
            /// ```
            /// use kafka_wire::ApiKey;
            ///
            /// assert_eq!(ApiKey(0).name(), Some("Produce"));
            /// ```
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($key => Some($name),)*
                    _ => None,
                }
            }

            /// The first version with tagged fields, in the body and in the header before it.
            ///
            /// Known for every API, so that a server can read the header of a request whose body
            /// it cannot.
            ///
            /// ```
            /// use kafka_wire::ApiKey;
            ///
            /// assert_eq!(ApiKey::PRODUCE.first_flexible(), Some(9));
            /// ```
            #[must_use]
            pub fn first_flexible(self) -> Option<i16> {
                match self.0 {
                    $($($key => Some($flexible),)?)*
                    _ => None,
                }
            }

            /// Every key that is known, in ascending order.
            ///
            /// ```
            /// use kafka_wire::ApiKey;
            ///
            /// assert!(ApiKey::all().any(|key| key == ApiKey::METADATA));
            /// ```
            pub fn all() -> impl Iterator<Item = Self> {
                [$(Self($key)),*].into_iter()
            }
        }
    };
}

api_keys! {
    PRODUCE = 0, "Produce", flexible 9..;
    FETCH = 1, "Fetch", flexible 12..;
    LIST_OFFSETS = 2, "ListOffsets", flexible 6..;
    METADATA = 3, "Metadata", flexible 9..;
    LEADER_AND_ISR = 4, "LeaderAndIsr";
    STOP_REPLICA = 5, "StopReplica";
    UPDATE_METADATA = 6, "UpdateMetadata";
    CONTROLLED_SHUTDOWN = 7, "ControlledShutdown";
    OFFSET_COMMIT = 8, "OffsetCommit", flexible 8..;
    OFFSET_FETCH = 9, "OffsetFetch", flexible 6..;
    FIND_COORDINATOR = 10, "FindCoordinator", flexible 3..;
    JOIN_GROUP = 11, "JoinGroup", flexible 6..;
    HEARTBEAT = 12, "Heartbeat", flexible 4..;
    LEAVE_GROUP = 13, "LeaveGroup", flexible 4..;
    SYNC_GROUP = 14, "SyncGroup", flexible 4..;
    DESCRIBE_GROUPS = 15, "DescribeGroups", flexible 5..;
    LIST_GROUPS = 16, "ListGroups", flexible 3..;
    SASL_HANDSHAKE = 17, "SaslHandshake";
    API_VERSIONS = 18, "ApiVersions", flexible 3..;
    CREATE_TOPICS = 19, "CreateTopics", flexible 5..;
    DELETE_TOPICS = 20, "DeleteTopics", flexible 4..;
    DELETE_RECORDS = 21, "DeleteRecords", flexible 2..;
    INIT_PRODUCER_ID = 22, "InitProducerId", flexible 2..;
    OFFSET_FOR_LEADER_EPOCH = 23, "OffsetForLeaderEpoch", flexible 4..;
    ADD_PARTITIONS_TO_TXN = 24, "AddPartitionsToTxn", flexible 3..;
    ADD_OFFSETS_TO_TXN = 25, "AddOffsetsToTxn", flexible 3..;
    END_TXN = 26, "EndTxn", flexible 3..;
    WRITE_TXN_MARKERS = 27, "WriteTxnMarkers", flexible 1..;
    TXN_OFFSET_COMMIT = 28, "TxnOffsetCommit", flexible 3..;
    DESCRIBE_ACLS = 29, "DescribeAcls", flexible 2..;
    CREATE_ACLS = 30, "CreateAcls", flexible 2..;
    DELETE_ACLS = 31, "DeleteAcls", flexible 2..;
    DESCRIBE_CONFIGS = 32, "DescribeConfigs", flexible 4..;
    ALTER_CONFIGS = 33, "AlterConfigs", flexible 2..;
    ALTER_REPLICA_LOG_DIRS = 34, "AlterReplicaLogDirs", flexible 2..;
    DESCRIBE_LOG_DIRS = 35, "DescribeLogDirs", flexible 2..;
    SASL_AUTHENTICATE = 36, "SaslAuthenticate", flexible 2..;
    CREATE_PARTITIONS = 37, "CreatePartitions", flexible 2..;
    CREATE_DELEGATION_TOKEN = 38, "CreateDelegationToken", flexible 2..;
    RENEW_DELEGATION_TOKEN = 39, "RenewDelegationToken", flexible 2..;
    EXPIRE_DELEGATION_TOKEN = 40, "ExpireDelegationToken", flexible 2..;
    DESCRIBE_DELEGATION_TOKEN = 41, "DescribeDelegationToken", flexible 2..;
    DELETE_GROUPS = 42, "DeleteGroups", flexible 2..;
    ELECT_LEADERS = 43, "ElectLeaders", flexible 2..;
    INCREMENTAL_ALTER_CONFIGS = 44, "IncrementalAlterConfigs", flexible 1..;
    ALTER_PARTITION_REASSIGNMENTS = 45, "AlterPartitionReassignments", flexible 0..;
    LIST_PARTITION_REASSIGNMENTS = 46, "ListPartitionReassignments", flexible 0..;
    OFFSET_DELETE = 47, "OffsetDelete";
    DESCRIBE_CLIENT_QUOTAS = 48, "DescribeClientQuotas", flexible 1..;
    ALTER_CLIENT_QUOTAS = 49, "AlterClientQuotas", flexible 1..;
    DESCRIBE_USER_SCRAM_CREDENTIALS = 50, "DescribeUserScramCredentials", flexible 0..;
    ALTER_USER_SCRAM_CREDENTIALS = 51, "AlterUserScramCredentials", flexible 0..;
    VOTE = 52, "Vote", flexible 0..;
    BEGIN_QUORUM_EPOCH = 53, "BeginQuorumEpoch", flexible 1..;
    END_QUORUM_EPOCH = 54, "EndQuorumEpoch", flexible 1..;
    DESCRIBE_QUORUM = 55, "DescribeQuorum", flexible 0..;
    ALTER_PARTITION = 56, "AlterPartition", flexible 2..;
    UPDATE_FEATURES = 57, "UpdateFeatures", flexible 0..;
    ENVELOPE = 58, "Envelope", flexible 0..;
    FETCH_SNAPSHOT = 59, "FetchSnapshot", flexible 0..;
    DESCRIBE_CLUSTER = 60, "DescribeCluster", flexible 0..;
    DESCRIBE_PRODUCERS = 61, "DescribeProducers", flexible 0..;
    BROKER_REGISTRATION = 62, "BrokerRegistration", flexible 0..;
    BROKER_HEARTBEAT = 63, "BrokerHeartbeat", flexible 0..;
    UNREGISTER_BROKER = 64, "UnregisterBroker", flexible 0..;
    DESCRIBE_TRANSACTIONS = 65, "DescribeTransactions", flexible 0..;
    LIST_TRANSACTIONS = 66, "ListTransactions", flexible 0..;
    ALLOCATE_PRODUCER_IDS = 67, "AllocateProducerIds", flexible 0..;
    CONSUMER_GROUP_HEARTBEAT = 68, "ConsumerGroupHeartbeat", flexible 0..;
    CONSUMER_GROUP_DESCRIBE = 69, "ConsumerGroupDescribe", flexible 0..;
    CONTROLLER_REGISTRATION = 70, "ControllerRegistration", flexible 0..;
    GET_TELEMETRY_SUBSCRIPTIONS = 71, "GetTelemetrySubscriptions", flexible 0..;
    PUSH_TELEMETRY = 72, "PushTelemetry", flexible 0..;
    ASSIGN_REPLICAS_TO_DIRS = 73, "AssignReplicasToDirs", flexible 0..;
    LIST_CONFIG_RESOURCES = 74, "ListConfigResources", flexible 0..;
    DESCRIBE_TOPIC_PARTITIONS = 75, "DescribeTopicPartitions", flexible 0..;
    SHARE_GROUP_HEARTBEAT = 76, "ShareGroupHeartbeat", flexible 1..;
    SHARE_GROUP_DESCRIBE = 77, "ShareGroupDescribe", flexible 1..;
    SHARE_FETCH = 78, "ShareFetch", flexible 1..;
    SHARE_ACKNOWLEDGE = 79, "ShareAcknowledge", flexible 1..;
    ADD_RAFT_VOTER = 80, "AddRaftVoter", flexible 0..;
    REMOVE_RAFT_VOTER = 81, "RemoveRaftVoter", flexible 0..;
    UPDATE_RAFT_VOTER = 82, "UpdateRaftVoter", flexible 0..;
    INITIALIZE_SHARE_GROUP_STATE = 83, "InitializeShareGroupState", flexible 0..;
    READ_SHARE_GROUP_STATE = 84, "ReadShareGroupState", flexible 0..;
    WRITE_SHARE_GROUP_STATE = 85, "WriteShareGroupState", flexible 0..;
    DELETE_SHARE_GROUP_STATE = 86, "DeleteShareGroupState", flexible 0..;
    READ_SHARE_GROUP_STATE_SUMMARY = 87, "ReadShareGroupStateSummary", flexible 0..;
    STREAMS_GROUP_HEARTBEAT = 88, "StreamsGroupHeartbeat", flexible 0..;
    STREAMS_GROUP_DESCRIBE = 89, "StreamsGroupDescribe", flexible 0..;
    DESCRIBE_SHARE_GROUP_OFFSETS = 90, "DescribeShareGroupOffsets", flexible 0..;
    ALTER_SHARE_GROUP_OFFSETS = 91, "AlterShareGroupOffsets", flexible 0..;
    DELETE_SHARE_GROUP_OFFSETS = 92, "DeleteShareGroupOffsets", flexible 0..;
    STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE = 93, "StreamsGroupTopologyDescriptionUpdate",
        flexible 0..;
    UNREGISTER_CONTROLLER = 94, "UnregisterController", flexible 0..;
}
