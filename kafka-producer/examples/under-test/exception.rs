//! The names by which Java programs know our errors.
//!
//! Nearly every class is named as its error code is; the table has only those that are not.

use kafka_producer::error::{AuthenticationError, Cause};
use kafka_producer::{AbortableError, DeliveryError, ErrorCode, SendError, TransactionError};

/// The exception that Kafka's client would have met instead of `error`.
pub(crate) fn of_send(error: &SendError) -> String {
    let class = match error {
        SendError::Serialize { .. } => "SerializationException",
        SendError::InvalidTopic { .. } => "InvalidTopicException",
        // Kafka waits for a partition that does not exist as it does for such a topic.
        SendError::TopicUnknown { .. }
        | SendError::NotReady { .. }
        | SendError::PartitionOutOfRange { .. } => "TimeoutException",
        SendError::RecordTooLarge { .. } => "RecordTooLargeException",
        SendError::InvalidPartition { .. } | SendError::InvalidTimestamp { .. } => {
            return ILLEGAL_ARGUMENT.to_owned();
        }
        SendError::Authentication(why) => return of_authentication(why),
        SendError::TopicRefused { code, .. } => return of_code(*code),
        SendError::Fatal(fatal) => return of_code(fatal.code()),
        SendError::Abortable(why) => return of_abortable(why),
        SendError::NoTransaction => return ILLEGAL_STATE.to_owned(),
        SendError::BufferExhausted { .. } => {
            return "org.apache.kafka.clients.producer.BufferExhaustedException".to_owned();
        }
        _ => return KAFKA_EXCEPTION.to_owned(),
    };
    qualified(class)
}

/// The exception that Kafka's client would have completed the record with.
pub(crate) fn of_delivery(error: &DeliveryError) -> String {
    match error.cause() {
        Cause::Expired { .. } => of_timeout(),
        Cause::Refused { code, .. } | Cause::RetriesExhausted { code, .. } => of_code(*code),
        Cause::Fatal(fatal) => of_code(fatal.code()),
        Cause::Authentication(why) => of_authentication(why),
        _ => KAFKA_EXCEPTION.to_owned(),
    }
}

/// The exception that a call around a transaction would have thrown.
pub(crate) fn of_transaction(error: &TransactionError) -> String {
    match error {
        TransactionError::Abortable(why) => of_abortable(why),
        TransactionError::Fatal(fatal) => of_code(fatal.code()),
        TransactionError::Authentication(why) => of_authentication(why),
        TransactionError::TimedOut(_) => of_timeout(),
        TransactionError::Misused(_) => ILLEGAL_STATE.to_owned(),
        _ => KAFKA_EXCEPTION.to_owned(),
    }
}

fn of_abortable(why: &AbortableError) -> String {
    match why {
        AbortableError::Delivery(error) => of_delivery(error),
        AbortableError::Send(error) => of_send(error),
        AbortableError::Authentication(why) => of_authentication(why),
        AbortableError::Refused { code, .. } => of_code(*code),
        AbortableError::Expired { .. } => of_timeout(),
        _ => KAFKA_EXCEPTION.to_owned(),
    }
}

/// The exception of a broker that refuses the credentials, or whose certificate is not trusted.
fn of_authentication(why: &AuthenticationError) -> String {
    qualified(match why.mechanism {
        "TLS" => "SslAuthenticationException",
        _ => "SaslAuthenticationException",
    })
}

/// The exception of a call that was not done in time.
pub(crate) fn of_timeout() -> String {
    qualified("TimeoutException")
}

/// The exception of an error code, with its package.
pub(crate) fn of_code(code: ErrorCode) -> String {
    let Some(name) = code.name() else {
        return qualified("UnknownServerException");
    };
    let class = match name {
        "NONE" | "UNKNOWN_SERVER_ERROR" => "UnknownServerException",
        "CORRUPT_MESSAGE" => "CorruptRecordException",
        "REQUEST_TIMED_OUT" => "TimeoutException",
        "MESSAGE_TOO_LARGE" => "RecordTooLargeException",
        "STALE_CONTROLLER_EPOCH" => "ControllerMovedException",
        "OFFSET_METADATA_TOO_LARGE" => "OffsetMetadataTooLarge",
        "RECORD_LIST_TOO_LARGE" => "RecordBatchTooLargeException",
        "TOPIC_ALREADY_EXISTS" => "TopicExistsException",
        "INVALID_CONFIG" => "InvalidConfigurationException",
        "OUT_OF_ORDER_SEQUENCE_NUMBER" => "OutOfOrderSequenceException",
        "DUPLICATE_SEQUENCE_NUMBER" => "DuplicateSequenceException",
        "INVALID_PRODUCER_ID_MAPPING" => "InvalidPidMappingException",
        "INVALID_TRANSACTION_TIMEOUT" => "InvalidTxnTimeoutException",
        "DELEGATION_TOKEN_AUTH_DISABLED" => "DelegationTokenDisabledException",
        "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED" => "UnsupportedByAuthenticationException",
        "KAFKA_STORAGE_ERROR" => "KafkaStorageException",
        "NON_EMPTY_GROUP" => "GroupNotEmptyException",
        "GROUP_DELETION_FAILED" => "GroupDeletionFailedException",
        "PRINCIPAL_DESERIALIZATION_FAILURE" => "PrincipalDeserializationException",
        "FETCH_SESSION_TOPIC_ID_ERROR" => "FetchSessionTopicIdException",
        "INVALID_REGULAR_EXPRESSION" => "InvalidRegularExpression",
        regular => return qualified(&regular_class(regular)),
    };
    qualified(class)
}

/// `TOPIC_AUTHORIZATION_FAILED` is `TopicAuthorizationException`, and so on.
fn regular_class(code: &str) -> String {
    let failed = code
        .strip_suffix("_FAILED")
        .filter(|kind| kind.ends_with("ION"));
    let kind = failed.or_else(|| code.strip_suffix("_EXCEPTION"));
    let words = kind.unwrap_or(code).split('_');
    words.map(capitalized).collect::<String>() + "Exception"
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_owned() + &rest.to_ascii_lowercase()
}

fn qualified(class: &str) -> String {
    format!("org.apache.kafka.common.errors.{class}")
}

const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";
const ILLEGAL_STATE: &str = "java.lang.IllegalStateException";
const KAFKA_EXCEPTION: &str = "org.apache.kafka.common.KafkaException";
