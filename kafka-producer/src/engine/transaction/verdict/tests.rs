//! The table as a reader would write it down: every code there is, and every request.

use super::*;

const DONE: Verdict = Verdict::Done;
const AGAIN: Verdict = Verdict::Retry;
const SOON: Verdict = Verdict::RetrySoon;
const FIND: Verdict = Verdict::Relocate;
const ABORT: Verdict = Verdict::Abortable;
const GONE: Verdict = Verdict::Gone;
const FATAL: Verdict = Verdict::Fatal;

/// The columns of the table.
const REQUESTS: [RequestKind; 7] = [
    RequestKind::FindCoordinator,
    RequestKind::InitProducerId,
    RequestKind::AddPartitions,
    RequestKind::AddOffsets,
    RequestKind::CommitOffsets,
    RequestKind::Commit,
    RequestKind::Abort,
];

/// Another broker coordinates, or none does yet.
const RELOCATED: [Verdict; 7] = [AGAIN, FIND, FIND, FIND, FIND, FIND, FIND];
/// What nobody expects is fatal, unless the transaction can do without the partition.
const OTHERS: [Verdict; 7] = [FATAL, FATAL, ABORT, FATAL, FATAL, FATAL, FATAL];
/// What is wrong with offsets alone.
const OFFSETS_ALONE: [Verdict; 7] = [FATAL, FATAL, ABORT, FATAL, ABORT, FATAL, FATAL];

#[rustfmt::skip]
const TABLE: [(i16, &str, [Verdict; 7]); 138] = [
    (-1, "UNKNOWN_SERVER_ERROR", [FATAL, FATAL, ABORT, FATAL, FATAL, AGAIN, AGAIN]),
    (0, "NONE", [DONE; 7]),
    (1, "OFFSET_OUT_OF_RANGE", OTHERS),
    (2, "CORRUPT_MESSAGE", [AGAIN; 7]),
    (3, "UNKNOWN_TOPIC_OR_PARTITION", [AGAIN; 7]),
    (4, "INVALID_FETCH_SIZE", OTHERS),
    (5, "LEADER_NOT_AVAILABLE", [AGAIN; 7]),
    (6, "NOT_LEADER_OR_FOLLOWER", [AGAIN; 7]),
    (7, "REQUEST_TIMED_OUT", [AGAIN, AGAIN, AGAIN, AGAIN, FIND, AGAIN, AGAIN]),
    (8, "BROKER_NOT_AVAILABLE", OTHERS),
    (9, "REPLICA_NOT_AVAILABLE", [AGAIN; 7]),
    (10, "MESSAGE_TOO_LARGE", OTHERS),
    (11, "STALE_CONTROLLER_EPOCH", OTHERS),
    (12, "OFFSET_METADATA_TOO_LARGE", OFFSETS_ALONE),
    (13, "NETWORK_EXCEPTION", [AGAIN; 7]),
    (14, "COORDINATOR_LOAD_IN_PROGRESS", [AGAIN; 7]),
    (15, "COORDINATOR_NOT_AVAILABLE", RELOCATED),
    (16, "NOT_COORDINATOR", RELOCATED),
    (17, "INVALID_TOPIC_EXCEPTION", OTHERS),
    (18, "RECORD_LIST_TOO_LARGE", OTHERS),
    (19, "NOT_ENOUGH_REPLICAS", [AGAIN; 7]),
    (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", [AGAIN; 7]),
    (21, "INVALID_REQUIRED_ACKS", OTHERS),
    (22, "ILLEGAL_GENERATION", OFFSETS_ALONE),
    (23, "INCONSISTENT_GROUP_PROTOCOL", OTHERS),
    (24, "INVALID_GROUP_ID", OTHERS),
    (25, "UNKNOWN_MEMBER_ID", OFFSETS_ALONE),
    (26, "INVALID_SESSION_TIMEOUT", OTHERS),
    (27, "REBALANCE_IN_PROGRESS", OTHERS),
    (28, "INVALID_COMMIT_OFFSET_SIZE", OFFSETS_ALONE),
    (29, "TOPIC_AUTHORIZATION_FAILED", OFFSETS_ALONE),
    (30, "GROUP_AUTHORIZATION_FAILED", [ABORT, FATAL, ABORT, ABORT, ABORT, FATAL, FATAL]),
    (31, "CLUSTER_AUTHORIZATION_FAILED", [FATAL, ABORT, ABORT, FATAL, FATAL, FATAL, FATAL]),
    (32, "INVALID_TIMESTAMP", OTHERS),
    (33, "UNSUPPORTED_SASL_MECHANISM", OTHERS),
    (34, "ILLEGAL_SASL_STATE", OTHERS),
    (35, "UNSUPPORTED_VERSION", OTHERS),
    (36, "TOPIC_ALREADY_EXISTS", OTHERS),
    (37, "INVALID_PARTITIONS", OTHERS),
    (38, "INVALID_REPLICATION_FACTOR", OTHERS),
    (39, "INVALID_REPLICA_ASSIGNMENT", OTHERS),
    (40, "INVALID_CONFIG", OTHERS),
    (41, "NOT_CONTROLLER", [AGAIN; 7]),
    (42, "INVALID_REQUEST", OTHERS),
    (43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", OTHERS),
    (44, "POLICY_VIOLATION", OTHERS),
    (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", OTHERS),
    (46, "DUPLICATE_SEQUENCE_NUMBER", OTHERS),
    (47, "INVALID_PRODUCER_EPOCH", [FATAL, FATAL, FATAL, FATAL, ABORT, FATAL, FATAL]),
    (48, "INVALID_TXN_STATE", [FATAL, FATAL, FATAL, FATAL, FATAL, GONE, GONE]),
    (49, "INVALID_PRODUCER_ID_MAPPING", [FATAL; 7]),
    (50, "INVALID_TRANSACTION_TIMEOUT", OTHERS),
    (51, "CONCURRENT_TRANSACTIONS", [AGAIN, AGAIN, SOON, AGAIN, AGAIN, AGAIN, AGAIN]),
    (52, "TRANSACTION_COORDINATOR_FENCED", OTHERS),
    (53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", [FATAL, ABORT, FATAL, FATAL, FATAL, FATAL, FATAL]),
    (54, "SECURITY_DISABLED", OTHERS),
    (55, "OPERATION_NOT_ATTEMPTED", OTHERS),
    (56, "KAFKA_STORAGE_ERROR", [AGAIN; 7]),
    (57, "LOG_DIR_NOT_FOUND", OTHERS),
    (58, "SASL_AUTHENTICATION_FAILED", OTHERS),
    (59, "UNKNOWN_PRODUCER_ID", [FATAL, FATAL, ABORT, ABORT, FATAL, ABORT, ABORT]),
    (60, "REASSIGNMENT_IN_PROGRESS", OTHERS),
    (61, "DELEGATION_TOKEN_AUTH_DISABLED", OTHERS),
    (62, "DELEGATION_TOKEN_NOT_FOUND", OTHERS),
    (63, "DELEGATION_TOKEN_OWNER_MISMATCH", OTHERS),
    (64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", OTHERS),
    (65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", OTHERS),
    (66, "DELEGATION_TOKEN_EXPIRED", OTHERS),
    (67, "INVALID_PRINCIPAL_TYPE", OTHERS),
    (68, "NON_EMPTY_GROUP", OTHERS),
    (69, "GROUP_ID_NOT_FOUND", OTHERS),
    (70, "FETCH_SESSION_ID_NOT_FOUND", [AGAIN; 7]),
    (71, "INVALID_FETCH_SESSION_EPOCH", [AGAIN; 7]),
    (72, "LISTENER_NOT_FOUND", [AGAIN; 7]),
    (73, "TOPIC_DELETION_DISABLED", OTHERS),
    (74, "FENCED_LEADER_EPOCH", [AGAIN; 7]),
    (75, "UNKNOWN_LEADER_EPOCH", [AGAIN; 7]),
    (76, "UNSUPPORTED_COMPRESSION_TYPE", OTHERS),
    (77, "STALE_BROKER_EPOCH", OTHERS),
    (78, "OFFSET_NOT_AVAILABLE", [AGAIN; 7]),
    (79, "MEMBER_ID_REQUIRED", OTHERS),
    (80, "PREFERRED_LEADER_NOT_AVAILABLE", [AGAIN; 7]),
    (81, "GROUP_MAX_SIZE_REACHED", OTHERS),
    (82, "FENCED_INSTANCE_ID", OFFSETS_ALONE),
    (83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", [AGAIN; 7]),
    (84, "ELECTION_NOT_NEEDED", [AGAIN; 7]),
    (85, "NO_REASSIGNMENT_IN_PROGRESS", OTHERS),
    (86, "GROUP_SUBSCRIBED_TO_TOPIC", OTHERS),
    (87, "INVALID_RECORD", OTHERS),
    (88, "UNSTABLE_OFFSET_COMMIT", [AGAIN; 7]),
    (89, "THROTTLING_QUOTA_EXCEEDED", [AGAIN; 7]),
    (90, "PRODUCER_FENCED", [FATAL; 7]),
    (91, "RESOURCE_NOT_FOUND", OTHERS),
    (92, "DUPLICATE_RESOURCE", OTHERS),
    (93, "UNACCEPTABLE_CREDENTIAL", OTHERS),
    (94, "INCONSISTENT_VOTER_SET", OTHERS),
    (95, "INVALID_UPDATE_VERSION", OTHERS),
    (96, "FEATURE_UPDATE_FAILED", OTHERS),
    (97, "PRINCIPAL_DESERIALIZATION_FAILURE", OTHERS),
    (98, "SNAPSHOT_NOT_FOUND", OTHERS),
    (99, "POSITION_OUT_OF_RANGE", OTHERS),
    (100, "UNKNOWN_TOPIC_ID", [AGAIN; 7]),
    (101, "DUPLICATE_BROKER_REGISTRATION", OTHERS),
    (102, "BROKER_ID_NOT_REGISTERED", OTHERS),
    (103, "INCONSISTENT_TOPIC_ID", [AGAIN; 7]),
    (104, "INCONSISTENT_CLUSTER_ID", OTHERS),
    (105, "TRANSACTIONAL_ID_NOT_FOUND", OTHERS),
    (106, "FETCH_SESSION_TOPIC_ID_ERROR", [AGAIN; 7]),
    (107, "INELIGIBLE_REPLICA", OTHERS),
    (108, "NEW_LEADER_ELECTED", OTHERS),
    (109, "OFFSET_MOVED_TO_TIERED_STORAGE", OTHERS),
    (110, "FENCED_MEMBER_EPOCH", OTHERS),
    (111, "UNRELEASED_INSTANCE_ID", OTHERS),
    (112, "UNSUPPORTED_ASSIGNOR", OTHERS),
    (113, "STALE_MEMBER_EPOCH", OFFSETS_ALONE),
    (114, "MISMATCHED_ENDPOINT_TYPE", OTHERS),
    (115, "UNSUPPORTED_ENDPOINT_TYPE", OTHERS),
    (116, "UNKNOWN_CONTROLLER_ID", OTHERS),
    (117, "UNKNOWN_SUBSCRIPTION_ID", OTHERS),
    (118, "TELEMETRY_TOO_LARGE", OTHERS),
    (119, "INVALID_REGISTRATION", OTHERS),
    (120, "TRANSACTION_ABORTABLE", [ABORT, ABORT, ABORT, ABORT, ABORT, ABORT, FATAL]),
    (121, "INVALID_RECORD_STATE", OTHERS),
    (122, "SHARE_SESSION_NOT_FOUND", [AGAIN; 7]),
    (123, "INVALID_SHARE_SESSION_EPOCH", [AGAIN; 7]),
    (124, "FENCED_STATE_EPOCH", OTHERS),
    (125, "INVALID_VOTER_KEY", OTHERS),
    (126, "DUPLICATE_VOTER", OTHERS),
    (127, "VOTER_NOT_FOUND", OTHERS),
    (128, "INVALID_REGULAR_EXPRESSION", OTHERS),
    (129, "REBOOTSTRAP_REQUIRED", OTHERS),
    (130, "STREAMS_INVALID_TOPOLOGY", OTHERS),
    (131, "STREAMS_INVALID_TOPOLOGY_EPOCH", OTHERS),
    (132, "STREAMS_TOPOLOGY_FENCED", OTHERS),
    (133, "SHARE_SESSION_LIMIT_REACHED", [AGAIN; 7]),
    (134, "GROUP_DELETION_FAILED", OTHERS),
    (135, "STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED", OTHERS),
    (136, "CONTROLLER_ID_NOT_REGISTERED", OTHERS),
];

#[test]
fn every_code_has_the_verdict_of_the_table_for_every_request() {
    for (code, name, expected) in TABLE {
        let code = ErrorCode(code);
        assert_eq!(code.name(), Some(name));
        for (request, expected) in REQUESTS.into_iter().zip(expected) {
            assert_eq!(verdict(request, code), expected, "{code} for {request:?}");
        }
    }
}

#[test]
fn the_commit_of_what_was_stored_is_judged_as_any_but_where_it_is_not_open_any_more() {
    for (code, _, expected) in TABLE {
        let [.., commit, _] = expected;
        let code = ErrorCode(code);
        let expected = match code {
            ErrorCode::INVALID_PRODUCER_EPOCH
            | ErrorCode::INVALID_TXN_STATE
            | ErrorCode::INVALID_PRODUCER_ID_MAPPING
            | ErrorCode::PRODUCER_FENCED => GONE,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => ABORT,
            _ => commit,
        };
        assert_eq!(verdict(RequestKind::Resume, code), expected, "{code}");
    }
}

#[test]
fn the_table_leaves_out_no_code() {
    let listed: Vec<ErrorCode> = TABLE.iter().map(|(code, ..)| ErrorCode(*code)).collect();
    assert_eq!(listed, ErrorCode::all().collect::<Vec<_>>());
}

#[test]
fn a_code_of_a_newer_coordinator_is_like_any_that_nobody_expects() {
    for (request, expected) in REQUESTS.into_iter().zip(OTHERS) {
        assert_eq!(verdict(request, ErrorCode(31_000)), expected);
    }
}

#[test]
fn of_several_verdicts_the_one_that_asks_for_most_counts_and_says_why() {
    let ranks = [DONE, SOON, AGAIN, FIND, ABORT, GONE, FATAL];
    let ranks = ranks.map(|verdict| verdict.rank(ErrorCode::NONE));
    assert!(ranks.is_sorted_by(|less, more| less < more));
    let not_tried = ABORT.rank(ErrorCode::OPERATION_NOT_ATTEMPTED);
    assert!(not_tried < ABORT.rank(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
}
