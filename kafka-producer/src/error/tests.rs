//! What a report prints that walks the causes of an error: no sentence twice.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use kafka_serde::{Role, SerializeError};

use super::{
    AbortableError, ApiKey, AuthenticationError, Cause, DeliveryError, ErrorCode, FatalError,
    History, InCallback, Misuse, Persistence, SendError, TimedOut, TransactionError, Unsupported,
    VersionRange, WaitReason,
};
use crate::{BuildError, ProducerConfig, TrySendError, WaitsFor};

/// An error and its causes, as `anyhow` and the like print them.
fn chain(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    texts
}

/// Asserts that no part of what is printed is there twice.
#[track_caller]
fn prints_nothing_twice(error: &dyn Error) {
    let chain = chain(error);
    let parts = chain
        .iter()
        .flat_map(|text| text.split(['\n', ';', '(', ')']))
        .flat_map(|text| text.split(": "))
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let mut seen = Vec::new();
    for part in parts {
        assert!(!seen.contains(&part), "{part:?} is twice in {chain:#?}");
        seen.push(part);
    }
}

const CODE: ErrorCode = ErrorCode::NOT_ENOUGH_REPLICAS;

fn unreachable_broker() -> Option<WaitReason> {
    Some(WaitReason::Connection {
        broker: "broker 2 at kafka-2:9092".into(),
        reason: "Connection refused".into(),
    })
}

fn unsupported() -> Unsupported {
    Unsupported {
        broker: "broker 2 at kafka-2:9092".into(),
        api: ApiKey::PRODUCE,
        theirs: None,
        ours: VersionRange::new(3, 13),
    }
}

fn authentication() -> AuthenticationError {
    AuthenticationError {
        broker: "broker 2 at kafka-2:9092".into(),
        mechanism: "PLAIN",
        user: Some("alice".into()),
        reason: "Invalid username or password; check sasl.jaas.config".into(),
    }
}

fn fatal_errors() -> Vec<FatalError> {
    let message: Arc<str> = "in the broker's words".into();
    vec![
        FatalError::of(ErrorCode::PRODUCER_FENCED, None),
        FatalError::of(CODE, Some(Arc::clone(&message))),
        FatalError::Panicked { message },
        FatalError::Unsupported(unsupported()),
    ]
}

fn delivery_errors() -> Vec<DeliveryError> {
    let call = "wait";
    let message: Option<Arc<str>> = Some("in the broker's words".into());
    let causes = [
        Cause::Expired {
            limit: Duration::from_secs(1),
            code: Some(CODE),
        },
        Cause::Refused {
            code: CODE,
            message: message.clone(),
        },
        Cause::RefusedWithOthers {
            code: CODE,
            message,
        },
        Cause::RetriesExhausted { code: CODE },
        Cause::Closed,
        Cause::Aborted,
        Cause::Unsendable("the codec failed".into()),
        Cause::InCallback(InCallback { call }),
        Cause::Unsupported(unsupported()),
        Cause::Authentication(authentication()),
    ];
    let fatal = fatal_errors().into_iter().map(Cause::Fatal);
    let history = |cause| {
        let persistence = Persistence::PossiblyPersisted;
        let mut history = History::without_attempt("orders".into(), 3, persistence);
        history.attempts = 2;
        history.broker = Some(2);
        history.in_doubt = Some(ErrorCode::NETWORK_EXCEPTION);
        history.wait_reason = Some(WaitReason::NoLeader { why: None });
        DeliveryError::new(cause, history)
    };
    causes.into_iter().chain(fatal).map(history).collect()
}

fn would_wait() -> SendError {
    SendError::WouldWait {
        topic: "orders".into(),
        waits_for: "memory".into(),
    }
}

fn send_errors() -> Vec<SendError> {
    let topic: Arc<str> = "orders".into();
    let waited = Duration::from_secs(1);
    let last = unreachable_broker();
    let refused = io::Error::other("its price is negative");
    let reason = Arc::new(SerializeError::new("the order", refused));
    let mut errors = vec![
        SendError::Closed,
        SendError::Serialize {
            role: Role::Value,
            topic: Arc::clone(&topic),
            type_name: "Order",
            reason,
        },
        SendError::InvalidTopic {
            topic: String::new(),
            reason: "it is empty",
        },
        SendError::TopicUnknown {
            topic: Arc::clone(&topic),
            waited,
            last: last.clone(),
        },
        SendError::NotReady {
            topic: Arc::clone(&topic),
            waited,
            last: last.clone(),
        },
        SendError::Unsupported(unsupported()),
        SendError::Authentication(authentication()),
        SendError::TopicRefused {
            topic: Arc::clone(&topic),
            code: CODE,
        },
        SendError::PartitionOutOfRange {
            topic: Arc::clone(&topic),
            partition: 9,
            partitions: 3,
            waited,
            last: last.clone(),
        },
        SendError::InvalidPartition {
            topic: Arc::clone(&topic),
            partition: -1,
        },
        SendError::InvalidTimestamp {
            topic,
            timestamp_ms: -1,
        },
        SendError::RecordTooLarge {
            bytes: 2,
            setting: "buffer.memory",
            limit: 1,
        },
        SendError::BufferExhausted {
            waited,
            buffer_memory: 1,
            last,
        },
        would_wait(),
        SendError::NoTransaction,
        SendError::InCallback(InCallback { call: "send" }),
    ];
    errors.extend(
        abortable_errors(Vec::new())
            .into_iter()
            .map(SendError::Abortable),
    );
    errors.extend(fatal_errors().into_iter().map(SendError::Fatal));
    errors
}

fn abortable_errors(sends: Vec<SendError>) -> Vec<AbortableError> {
    let request = "AddPartitionsToTxn";
    let mut errors = vec![
        AbortableError::Refused {
            request,
            code: CODE,
            message: "in the broker's words".into(),
        },
        AbortableError::Expired {
            request,
            limit: Duration::from_secs(1),
            last: unreachable_broker(),
        },
        AbortableError::OffsetsInDoubt {
            group: "billing".into(),
        },
        AbortableError::Authentication(authentication()),
    ];
    errors.extend(delivery_errors().into_iter().map(AbortableError::Delivery));
    errors.extend(
        sends
            .into_iter()
            .map(|error| AbortableError::Send(Arc::new(error))),
    );
    errors
}

fn transaction_errors() -> Vec<TransactionError> {
    let topic: Arc<str> = "orders".into();
    let misuses = [
        Misuse::NotTransactional,
        Misuse::NotInitialized,
        Misuse::AlreadyInitialized,
        Misuse::TooLong {
            what: "id of the group",
            bytes: 40_000,
        },
        Misuse::TransactionOpen,
        Misuse::NoTransaction,
        Misuse::NoMemberId,
        Misuse::NoGroupId,
        Misuse::NegativeOffset {
            topic,
            partition: 3,
            offset: -1,
        },
        Misuse::InCallback(InCallback { call: "commit" }),
    ];
    let mut errors = vec![
        TransactionError::Closed,
        TransactionError::Authentication(authentication()),
        TransactionError::TimedOut(TimedOut {
            call: "commit",
            limit: Duration::from_secs(1),
            last: unreachable_broker(),
        }),
    ];
    errors.extend(misuses.map(TransactionError::Misused));
    errors.extend(fatal_errors().into_iter().map(TransactionError::Fatal));
    // The first failure of a transaction is its reason: never that it must be aborted already.
    let first = |error: &SendError| !matches!(error, SendError::Abortable(_));
    let sends = send_errors().into_iter().filter(first).collect();
    let abortable = abortable_errors(sends).into_iter();
    errors.extend(abortable.map(TransactionError::Abortable));
    errors
}

#[test]
fn no_error_prints_a_sentence_twice() {
    for error in delivery_errors() {
        prints_nothing_twice(&error);
    }
    for error in send_errors() {
        prints_nothing_twice(&error);
        prints_nothing_twice(&TrySendError::<'_, str, str>::Refused(error));
    }
    for error in transaction_errors() {
        prints_nothing_twice(&error);
    }
    let record = crate::ProducerRecord::<str, str>::bare("orders");
    prints_nothing_twice(&TrySendError::WouldWait(
        record,
        WaitsFor::Memory {
            partition: 0,
            bytes: 1,
        },
    ));
    let config = ProducerConfig::from_properties([("acks", "2"), ("liger.ms", "x")]);
    let config = config.check().unwrap_err();
    for problem in config.problems() {
        prints_nothing_twice(problem);
    }
    prints_nothing_twice(&BuildError::Config(config));
    prints_nothing_twice(&BuildError::Thread(io::Error::other("too many threads")));
}

#[test]
fn an_error_of_a_serializer_is_told_in_one_line_with_key_or_value_and_its_reason() {
    let serialize = &send_errors()[1];
    assert_eq!(
        serialize.to_string(),
        "the value (Order) of a record for topic orders: the order could not be serialized: \
         its price is negative"
    );
}

/// What `main` prints of an error is a sentence, and `{:#?}` has the structure.
#[track_caller]
fn is_readable(error: &dyn Error, structure: &str) {
    assert_eq!(format!("{error:?}"), error.to_string());
    let told = format!("{error:#?}");
    assert!(told.starts_with(structure), "{told}");
}

#[test]
fn main_prints_a_sentence_of_the_error_that_it_returns() {
    for error in send_errors() {
        is_readable(&error, "");
    }
    for error in transaction_errors() {
        is_readable(&error, "");
    }
    for error in delivery_errors() {
        is_readable(&error, "DeliveryError {");
    }
    for error in fatal_errors() {
        is_readable(&error, "");
    }
    is_readable(&authentication(), "AuthenticationError {");
    is_readable(&unsupported(), "Unsupported {");
    is_readable(&SendError::Closed, "Closed");
    let refused = InCallback { call: "flush" };
    is_readable(&refused, "InCallback {\n    call: \"flush\",\n}");
    is_readable(
        &SendError::InCallback(refused),
        "InCallback(\n    InCallback {",
    );
    let config = ProducerConfig::from_properties([("acks", "2"), ("liger.ms", "x")]);
    let config = config.check().unwrap_err();
    is_readable(&config.problems()[0], "Invalid {\n    name: \"acks\",");
    is_readable(&BuildError::Config(config), "Config(\n    ConfigError {");
}

#[test]
fn a_killed_broker_is_a_lost_connection_and_no_refusal() {
    let mut history = History::without_attempt("orders".into(), 3, Persistence::PossiblyPersisted);
    history.attempts = 2;
    history.connection = unreachable_broker();
    let code = ErrorCode::NETWORK_EXCEPTION;
    let error = DeliveryError::new(Cause::RetriesExhausted { code }, history);
    let text = error.to_string();
    let lost = "the connection to broker 2 at kafka-2:9092 was lost: Connection refused";
    assert!(text.contains(lost), "{text}");
    assert!(!text.contains("NETWORK_EXCEPTION"), "{text}");
}

#[test]
fn a_record_that_is_too_large_names_its_size_and_the_setting_of_the_topic() {
    let mut history = History::without_attempt("orders".into(), 3, Persistence::NotPersisted);
    history.batch_bytes = 2_000_061;
    let code = ErrorCode::MESSAGE_TOO_LARGE;
    let message = None;
    let text = DeliveryError::new(Cause::Refused { code, message }, history).to_string();
    assert!(text.contains("2000061 bytes"), "{text}");
    assert!(text.contains("max.message.bytes of the topic"), "{text}");
}

#[test]
fn a_topic_that_the_brokers_do_not_know_has_their_code() {
    let code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let unknown = SendError::TopicUnknown {
        topic: "orders".into(),
        waited: Duration::from_secs(1),
        last: Some(WaitReason::refused("Metadata", code)),
    };
    assert_eq!(unknown.code(), Some(code));
    let text = unknown.to_string();
    assert!(text.starts_with("topic orders does not exist"), "{text}");
}
