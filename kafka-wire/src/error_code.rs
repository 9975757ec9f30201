//! Error codes: what a broker says went wrong.
//!
//! A number with named constants rather than an enum, so that a code of a newer broker survives.
//! Names and messages are Apache Kafka's, and so is what Kafka says about each: whether the same
//! request may succeed later, and whether it shows that the cluster has changed. What a producer
//! does about a code depends on the request and its guarantees and is decided elsewhere.

use std::fmt;

/// An error code of the protocol; zero is no error.
///
/// ```
/// use kafka_wire::ErrorCode;
///
/// let code = ErrorCode(6);
/// assert_eq!(code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
/// assert!(code.is_retriable() && code.invalidates_metadata());
/// assert_eq!(ErrorCode(31_000).name(), None);
/// assert_eq!(ErrorCode(31_000).to_string(), "error code 31000");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

impl ErrorCode {
    /// Kafka's name, such as `NOT_LEADER_OR_FOLLOWER`; none for a code that is not known.
    ///
    /// ```
    /// use kafka_wire::ErrorCode;
    ///
    /// assert_eq!(ErrorCode(6).name(), Some("NOT_LEADER_OR_FOLLOWER"));
    /// assert_eq!(ErrorCode(9999).name(), None);
    /// ```
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.entry().map(|entry| entry.name)
    }

    /// Kafka's description of it.
    ///
    /// ```
    /// use kafka_wire::ErrorCode;
    ///
    /// assert!(ErrorCode::TOPIC_AUTHORIZATION_FAILED.message().contains("authorization"));
    /// ```
    #[must_use]
    pub fn message(self) -> &'static str {
        self.entry().map_or(
            "This code is not known to this version of the client.",
            |e| e.message,
        )
    }

    /// Whether the same request may succeed when it is sent again.
    ///
    /// ```
    /// use kafka_wire::ErrorCode;
    ///
    /// assert!(ErrorCode::NOT_ENOUGH_REPLICAS.is_retriable());
    /// assert!(!ErrorCode::TOPIC_AUTHORIZATION_FAILED.is_retriable());
    /// ```
    #[must_use]
    pub fn is_retriable(self) -> bool {
        self.entry()
            .is_some_and(|entry| !matches!(entry.nature, Nature::Lasting))
    }

    /// Whether it shows that what is known of the cluster is out of date.
    ///
    /// ```
    /// use kafka_wire::ErrorCode;
    ///
    /// assert!(ErrorCode::NOT_LEADER_OR_FOLLOWER.invalidates_metadata());
    /// assert!(!ErrorCode::NOT_ENOUGH_REPLICAS.invalidates_metadata());
    /// ```
    #[must_use]
    pub fn invalidates_metadata(self) -> bool {
        self.entry()
            .is_some_and(|entry| matches!(entry.nature, Nature::Stale))
    }

    /// Whether there is no error.
    ///
    /// ```
    /// use kafka_wire::ErrorCode;
    ///
    /// assert!(ErrorCode(0).is_none());
    /// ```
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Ok for no error, else itself.
    ///
    /// ```
    /// use kafka_wire::ErrorCode;
    ///
    /// assert_eq!(ErrorCode::NONE.ok(), Ok(()));
    /// assert_eq!(ErrorCode::MESSAGE_TOO_LARGE.ok(), Err(ErrorCode::MESSAGE_TOO_LARGE));
    /// ```
    ///
    /// # Errors
    /// With this code, unless it is [`NONE`](Self::NONE).
    pub fn ok(self) -> Result<(), Self> {
        if self.is_none() { Ok(()) } else { Err(self) }
    }

    /// Every code that is known, in ascending order.
    ///
    /// ```
    /// use kafka_wire::ErrorCode;
    ///
    /// assert!(ErrorCode::all().any(|code| code == ErrorCode::NOT_ENOUGH_REPLICAS));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|entry| entry.code)
    }

    fn entry(self) -> Option<&'static Entry> {
        let index = ENTRIES
            .binary_search_by_key(&self, |entry| entry.code)
            .ok()?;
        Some(&ENTRIES[index])
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry() {
            Some(entry) => write!(f, "{} ({}): {}", entry.name, self.0, entry.message),
            None => write!(f, "error code {}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}({})", self.0),
            None => write!(f, "ErrorCode({})", self.0),
        }
    }
}

impl std::error::Error for ErrorCode {}

struct Entry {
    code: ErrorCode,
    name: &'static str,
    nature: Nature,
    message: &'static str,
}

enum Nature {
    /// Sending again cannot help.
    Lasting,
    /// Sending again may help.
    Retriable,
    /// Sending again may help once the metadata is fresh.
    Stale,
}

macro_rules! error_codes {
    ($($name:ident = $code:literal, $nature:ident, $message:literal;)*) => {
        impl ErrorCode {$(
            #[doc = $message]
            pub const $name: Self = Self($code);
        )*}

        /// In ascending order of the codes, which a test makes sure of.
        const ENTRIES: &[Entry] = &[$(Entry {
            code: ErrorCode::$name,
            name: stringify!($name),
            nature: Nature::$nature,
            message: $message,
        }),*];
    };
}

error_codes! {
    UNKNOWN_SERVER_ERROR = -1, Lasting,
        "The server experienced an unexpected error when processing the request.";
    NONE = 0, Lasting, "NONE";
    OFFSET_OUT_OF_RANGE = 1, Lasting,
        "The requested offset is not within the range of offsets maintained by the server.";
    CORRUPT_MESSAGE = 2, Retriable,
        "This message has failed its CRC checksum, exceeds the valid size, has a null key for a \
         compacted topic, or is otherwise corrupt.";
    UNKNOWN_TOPIC_OR_PARTITION = 3, Stale, "This server does not host this topic-partition.";
    INVALID_FETCH_SIZE = 4, Lasting, "The requested fetch size is invalid.";
    LEADER_NOT_AVAILABLE = 5, Stale,
        "There is no leader for this topic-partition as we are in the middle of a leadership \
         election.";
    NOT_LEADER_OR_FOLLOWER = 6, Stale,
        "For requests intended only for the leader, this error indicates that the broker is not \
         the current leader. For requests intended for any replica, this error indicates that the \
         broker is not a replica of the topic partition.";
    REQUEST_TIMED_OUT = 7, Retriable, "The request timed out.";
    BROKER_NOT_AVAILABLE = 8, Lasting, "The broker is not available.";
    REPLICA_NOT_AVAILABLE = 9, Stale,
        "The replica is not available for the requested topic-partition. Produce/Fetch requests \
         and other requests intended only for the leader or follower return \
         NOT_LEADER_OR_FOLLOWER if the broker is not a replica of the topic-partition.";
    MESSAGE_TOO_LARGE = 10, Lasting,
        "The request included a message larger than the max message size the server will accept.";
    STALE_CONTROLLER_EPOCH = 11, Lasting, "The controller moved to another broker.";
    OFFSET_METADATA_TOO_LARGE = 12, Lasting,
        "The metadata field of the offset request was too large.";
    NETWORK_EXCEPTION = 13, Stale, "The server disconnected before a response was received.";
    COORDINATOR_LOAD_IN_PROGRESS = 14, Retriable,
        "The coordinator is loading and hence can't process requests.";
    COORDINATOR_NOT_AVAILABLE = 15, Retriable, "The coordinator is not available.";
    NOT_COORDINATOR = 16, Retriable, "This is not the correct coordinator.";
    INVALID_TOPIC_EXCEPTION = 17, Lasting,
        "The request attempted to perform an operation on an invalid topic.";
    RECORD_LIST_TOO_LARGE = 18, Lasting,
        "The request included message batch larger than the configured segment size on the \
         server.";
    NOT_ENOUGH_REPLICAS = 19, Retriable,
        "Messages are rejected since there are fewer in-sync replicas than required.";
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20, Retriable,
        "Messages are written to the log, but to fewer in-sync replicas than required.";
    INVALID_REQUIRED_ACKS = 21, Lasting,
        "Produce request specified an invalid value for required acks.";
    ILLEGAL_GENERATION = 22, Lasting, "Specified group generation id is not valid.";
    INCONSISTENT_GROUP_PROTOCOL = 23, Lasting,
        "The group member's supported protocols are incompatible with those of existing members \
         or first group member tried to join with empty protocol type or empty protocol list.";
    INVALID_GROUP_ID = 24, Lasting, "The group id is invalid.";
    UNKNOWN_MEMBER_ID = 25, Lasting, "The coordinator is not aware of this member.";
    INVALID_SESSION_TIMEOUT = 26, Lasting,
        "The session timeout is not within the range allowed by the broker (as configured by \
         group.min.session.timeout.ms and group.max.session.timeout.ms).";
    REBALANCE_IN_PROGRESS = 27, Lasting, "The group is rebalancing, so a rejoin is needed.";
    INVALID_COMMIT_OFFSET_SIZE = 28, Lasting, "The committing offset data size is not valid.";
    TOPIC_AUTHORIZATION_FAILED = 29, Lasting, "Topic authorization failed.";
    GROUP_AUTHORIZATION_FAILED = 30, Lasting, "Group authorization failed.";
    CLUSTER_AUTHORIZATION_FAILED = 31, Lasting, "Cluster authorization failed.";
    INVALID_TIMESTAMP = 32, Lasting, "The timestamp of the message is out of acceptable range.";
    UNSUPPORTED_SASL_MECHANISM = 33, Lasting,
        "The broker does not support the requested SASL mechanism.";
    ILLEGAL_SASL_STATE = 34, Lasting, "Request is not valid given the current SASL state.";
    UNSUPPORTED_VERSION = 35, Lasting, "The version of API is not supported.";
    TOPIC_ALREADY_EXISTS = 36, Lasting, "Topic with this name already exists.";
    INVALID_PARTITIONS = 37, Lasting, "Number of partitions is below 1.";
    INVALID_REPLICATION_FACTOR = 38, Lasting,
        "Replication factor is below 1 or larger than the number of available brokers.";
    INVALID_REPLICA_ASSIGNMENT = 39, Lasting, "Replica assignment is invalid.";
    INVALID_CONFIG = 40, Lasting, "Configuration is invalid.";
    NOT_CONTROLLER = 41, Retriable, "This is not the correct controller for this cluster.";
    INVALID_REQUEST = 42, Lasting,
        "This most likely occurs because of a request being malformed by the client library or \
         the message was sent to an incompatible broker. See the broker logs for more details.";
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43, Lasting,
        "The message format version on the broker does not support the request.";
    POLICY_VIOLATION = 44, Lasting, "Request parameters do not satisfy the configured policy.";
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45, Lasting,
        "The broker received an out of order sequence number.";
    DUPLICATE_SEQUENCE_NUMBER = 46, Lasting, "The broker received a duplicate sequence number.";
    INVALID_PRODUCER_EPOCH = 47, Lasting, "Producer attempted to produce with an old epoch.";
    INVALID_TXN_STATE = 48, Lasting,
        "The producer attempted a transactional operation in an invalid state.";
    INVALID_PRODUCER_ID_MAPPING = 49, Lasting,
        "The producer attempted to use a producer id which is not currently assigned to its \
         transactional id.";
    INVALID_TRANSACTION_TIMEOUT = 50, Lasting,
        "The transaction timeout is larger than the maximum value allowed by the broker (as \
         configured by transaction.max.timeout.ms).";
    CONCURRENT_TRANSACTIONS = 51, Retriable,
        "The producer attempted to update a transaction while another concurrent operation on the \
         same transaction was ongoing.";
    TRANSACTION_COORDINATOR_FENCED = 52, Lasting,
        "Indicates that the transaction coordinator sending a WriteTxnMarker is no longer the \
         current coordinator for a given producer.";
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53, Lasting, "Transactional Id authorization failed.";
    SECURITY_DISABLED = 54, Lasting, "Security features are disabled.";
    OPERATION_NOT_ATTEMPTED = 55, Lasting,
        "The broker did not attempt to execute this operation. This may happen for batched RPCs \
         where some operations in the batch failed, causing the broker to respond without trying \
         the rest.";
    KAFKA_STORAGE_ERROR = 56, Stale, "Disk error when trying to access log file on the disk.";
    LOG_DIR_NOT_FOUND = 57, Lasting,
        "The user-specified log directory is not found in the broker config.";
    SASL_AUTHENTICATION_FAILED = 58, Lasting, "SASL Authentication failed.";
    UNKNOWN_PRODUCER_ID = 59, Lasting,
        "This exception is raised by the broker if it could not locate the producer metadata \
         associated with the producerId in question. This could happen if, for instance, the \
         producer's records were deleted because their retention time had elapsed. Once the last \
         records of the producerId are removed, the producer's metadata is removed from the \
         broker, and future appends by the producer will return this exception.";
    REASSIGNMENT_IN_PROGRESS = 60, Lasting, "A partition reassignment is in progress.";
    DELEGATION_TOKEN_AUTH_DISABLED = 61, Lasting, "Delegation Token feature is not enabled.";
    DELEGATION_TOKEN_NOT_FOUND = 62, Lasting, "Delegation Token is not found on server.";
    DELEGATION_TOKEN_OWNER_MISMATCH = 63, Lasting,
        "Specified Principal is not valid Owner/Renewer.";
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = 64, Lasting,
        "Delegation Token requests are not allowed on PLAINTEXT/1-way SSL channels and on \
         delegation token authenticated channels.";
    DELEGATION_TOKEN_AUTHORIZATION_FAILED = 65, Lasting, "Delegation Token authorization failed.";
    DELEGATION_TOKEN_EXPIRED = 66, Lasting, "Delegation Token is expired.";
    INVALID_PRINCIPAL_TYPE = 67, Lasting, "Supplied principalType is not supported.";
    NON_EMPTY_GROUP = 68, Lasting, "The group is not empty.";
    GROUP_ID_NOT_FOUND = 69, Lasting, "The group id does not exist.";
    FETCH_SESSION_ID_NOT_FOUND = 70, Retriable, "The fetch session ID was not found.";
    INVALID_FETCH_SESSION_EPOCH = 71, Retriable, "The fetch session epoch is invalid.";
    LISTENER_NOT_FOUND = 72, Stale,
        "There is no listener on the leader broker that matches the listener on which metadata \
         request was processed.";
    TOPIC_DELETION_DISABLED = 73, Lasting, "Topic deletion is disabled.";
    FENCED_LEADER_EPOCH = 74, Stale,
        "The leader epoch in the request is older than the epoch on the broker.";
    UNKNOWN_LEADER_EPOCH = 75, Retriable,
        "The leader epoch in the request is newer than the epoch on the broker.";
    UNSUPPORTED_COMPRESSION_TYPE = 76, Lasting,
        "The requesting client does not support the compression type of given partition.";
    STALE_BROKER_EPOCH = 77, Lasting, "Broker epoch has changed.";
    OFFSET_NOT_AVAILABLE = 78, Retriable,
        "The leader high watermark has not caught up from a recent leader election so the offsets \
         cannot be guaranteed to be monotonically increasing.";
    MEMBER_ID_REQUIRED = 79, Lasting,
        "The group member needs to have a valid member id before actually entering a consumer \
         group.";
    PREFERRED_LEADER_NOT_AVAILABLE = 80, Stale, "The preferred leader was not available.";
    GROUP_MAX_SIZE_REACHED = 81, Lasting, "The group has reached its maximum size.";
    FENCED_INSTANCE_ID = 82, Lasting,
        "The broker rejected this static consumer since another consumer with the same \
         group.instance.id has registered with a different member.id.";
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83, Stale,
        "Eligible topic partition leaders are not available.";
    ELECTION_NOT_NEEDED = 84, Stale, "Leader election not needed for topic partition.";
    NO_REASSIGNMENT_IN_PROGRESS = 85, Lasting, "No partition reassignment is in progress.";
    GROUP_SUBSCRIBED_TO_TOPIC = 86, Lasting,
        "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed \
         to it.";
    INVALID_RECORD = 87, Lasting,
        "This record has failed the validation on broker and hence will be rejected.";
    UNSTABLE_OFFSET_COMMIT = 88, Retriable, "There are unstable offsets that need to be cleared.";
    THROTTLING_QUOTA_EXCEEDED = 89, Retriable, "The throttling quota has been exceeded.";
    PRODUCER_FENCED = 90, Lasting,
        "There is a newer producer with the same transactionalId which fences the current one.";
    RESOURCE_NOT_FOUND = 91, Lasting,
        "A request illegally referred to a resource that does not exist.";
    DUPLICATE_RESOURCE = 92, Lasting, "A request illegally referred to the same resource twice.";
    UNACCEPTABLE_CREDENTIAL = 93, Lasting,
        "Requested credential would not meet criteria for acceptability.";
    INCONSISTENT_VOTER_SET = 94, Lasting,
        "Indicates that the either the sender or recipient of a voter-only request is not one of \
         the expected voters.";
    INVALID_UPDATE_VERSION = 95, Lasting, "The given update version was invalid.";
    FEATURE_UPDATE_FAILED = 96, Lasting,
        "Unable to update finalized features due to an unexpected server error.";
    PRINCIPAL_DESERIALIZATION_FAILURE = 97, Lasting,
        "Request principal deserialization failed during forwarding. This indicates an internal \
         error on the broker cluster security setup.";
    SNAPSHOT_NOT_FOUND = 98, Lasting, "Requested snapshot was not found.";
    POSITION_OUT_OF_RANGE = 99, Lasting,
        "Requested position is not greater than or equal to zero, and less than the size of the \
         snapshot.";
    UNKNOWN_TOPIC_ID = 100, Stale, "This server does not host this topic ID.";
    DUPLICATE_BROKER_REGISTRATION = 101, Lasting, "This broker ID is already in use.";
    BROKER_ID_NOT_REGISTERED = 102, Lasting, "The given broker ID was not registered.";
    INCONSISTENT_TOPIC_ID = 103, Stale,
        "The log's topic ID did not match the topic ID in the request.";
    INCONSISTENT_CLUSTER_ID = 104, Lasting,
        "The clusterId in the request does not match that found on the server.";
    TRANSACTIONAL_ID_NOT_FOUND = 105, Lasting, "The transactionalId could not be found.";
    FETCH_SESSION_TOPIC_ID_ERROR = 106, Retriable,
        "The fetch session encountered inconsistent topic ID usage.";
    INELIGIBLE_REPLICA = 107, Lasting, "The new ISR contains at least one ineligible replica.";
    NEW_LEADER_ELECTED = 108, Lasting,
        "The AlterPartition request successfully updated the partition state but the leader has \
         changed.";
    OFFSET_MOVED_TO_TIERED_STORAGE = 109, Lasting,
        "The requested offset is moved to tiered storage.";
    FENCED_MEMBER_EPOCH = 110, Lasting,
        "The member epoch is fenced by the group coordinator. The member must abandon all its \
         partitions and rejoin.";
    UNRELEASED_INSTANCE_ID = 111, Lasting,
        "The instance ID is still used by another member in the consumer group. That member must \
         leave first.";
    UNSUPPORTED_ASSIGNOR = 112, Lasting,
        "The assignor or its version range is not supported by the consumer group.";
    STALE_MEMBER_EPOCH = 113, Lasting,
        "The member epoch is stale. The member must retry after receiving its updated member \
         epoch via the ConsumerGroupHeartbeat API.";
    MISMATCHED_ENDPOINT_TYPE = 114, Lasting,
        "The request was sent to an endpoint of the wrong type.";
    UNSUPPORTED_ENDPOINT_TYPE = 115, Lasting, "This endpoint type is not supported yet.";
    UNKNOWN_CONTROLLER_ID = 116, Lasting, "This controller ID is not known.";
    UNKNOWN_SUBSCRIPTION_ID = 117, Lasting,
        "Client sent a push telemetry request with an invalid or outdated subscription ID.";
    TELEMETRY_TOO_LARGE = 118, Lasting,
        "Client sent a push telemetry request larger than the maximum size the broker will \
         accept.";
    INVALID_REGISTRATION = 119, Lasting,
        "The controller has considered the broker registration to be invalid.";
    TRANSACTION_ABORTABLE = 120, Lasting,
        "The server encountered an error with the transaction. The client can abort the \
         transaction to continue using this transactional ID.";
    INVALID_RECORD_STATE = 121, Lasting,
        "The record state is invalid. The acknowledgement of delivery could not be completed.";
    SHARE_SESSION_NOT_FOUND = 122, Retriable, "The share session was not found.";
    INVALID_SHARE_SESSION_EPOCH = 123, Retriable, "The share session epoch is invalid.";
    FENCED_STATE_EPOCH = 124, Lasting,
        "The coordinator rejected the request because the state epoch did not match.";
    INVALID_VOTER_KEY = 125, Lasting, "The voter key doesn't match the receiving replica's key.";
    DUPLICATE_VOTER = 126, Lasting, "The voter is already part of the set of voters.";
    VOTER_NOT_FOUND = 127, Lasting, "The voter is not part of the set of voters.";
    INVALID_REGULAR_EXPRESSION = 128, Lasting, "The regular expression is not valid.";
    REBOOTSTRAP_REQUIRED = 129, Lasting,
        "Client metadata is stale. The client should rebootstrap to obtain new metadata.";
    STREAMS_INVALID_TOPOLOGY = 130, Lasting, "The supplied topology is invalid.";
    STREAMS_INVALID_TOPOLOGY_EPOCH = 131, Lasting, "The supplied topology epoch is invalid.";
    STREAMS_TOPOLOGY_FENCED = 132, Lasting, "The supplied topology epoch is outdated.";
    SHARE_SESSION_LIMIT_REACHED = 133, Retriable, "The limit of share sessions has been reached.";
    GROUP_DELETION_FAILED = 134, Lasting,
        "DeleteGroups could not complete; see the error message on the per-group result for \
         details.";
    STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED = 135, Lasting,
        "The broker could not process the topology description update; see the error message for \
         details.";
    CONTROLLER_ID_NOT_REGISTERED = 136, Lasting, "The given controller ID was not registered.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_code_is_found() {
        assert!(ENTRIES.is_sorted_by_key(|entry| entry.code));
        assert!(ErrorCode::all().all(|code| code.name().is_some()));
    }

    #[test]
    fn only_none_is_ok() {
        assert_eq!(ErrorCode(0).ok(), Ok(()));
        assert_eq!(ErrorCode(-1).ok(), Err(ErrorCode::UNKNOWN_SERVER_ERROR));
    }
}
