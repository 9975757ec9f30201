//! What the public types promise beside their methods.

use std::error::Error;
use std::fmt::Debug;
use std::hash::Hash;

use kafka_producer::config::{
    Allowed, Checked, Conversion, DnsLookup, Kind, Meaning, MetadataRecovery, Origin, OtherName,
    PartitionerClass, Plugins, Problem, Property, Support, UnknownAcks, UnknownPartitioner,
    UnknownPolicy, UnknownProtocol, Warning,
};
use kafka_producer::error::{
    AbortableError, Attempt, AttemptEnd, AuthenticationError, Cause, ConnectError, DeliveryError,
    FatalError, History, InCallback, Misuse, NoServer, SendError, ServerFailure, TimedOut,
    Timeline, TimelineEvent, TransactionError, Unsupported, WaitReason,
};
use kafka_producer::security::{ScramHash, Secret, Token, TokenError, TokenProvider};
use kafka_producer::{
    Acknowledgement, Acks, Address, BuildError, CloseReport, ConfigError, ConsumerGroupMetadata,
    Delivery, Explanation, InterceptedRecord, OffsetToCommit, Persistence, Producer,
    ProducerBuilder, ProducerConfig, ProducerInterceptor, ProducerRecord, RecordMetadata,
    SecurityProtocol, SentAll, Standing, Status, TraceContext, Transaction, TrySendError,
    Unacknowledged, UnresolvedPolicy, WaitsFor, blocking,
};

#[test]
fn a_builder_compares_a_class_of_java_with_the_serializer_that_it_has() {
    let class = "org.apache.kafka.common.serialization.StringSerializer";
    let name = |error: BuildError| match error {
        BuildError::Config(error) => error.problems()[0].name(),
        other => panic!("{other}"),
    };
    let of_numbers = Producer::<str, i64>::builder().bootstrap_servers(["localhost:9092"]);
    let built = of_numbers.set("value.serializer", class).build();
    assert_eq!(built.map_err(name).err(), Some(Some("value.serializer")));
    let of_texts = blocking::Producer::<str, str>::builder().bootstrap_servers(["localhost:9092"]);
    let set = of_texts
        .set("value.serializer", class)
        .set("key.serializer", class);
    assert!(set.build().is_ok());
}

fn is_shared<T: ?Sized + Send + Sync + Debug>() {}
fn is_value<T: Send + Sync + Unpin + Clone + Debug + PartialEq>() {}
fn is_key<T: Copy + Eq + Hash + Debug + Send + Sync>() {}
fn is_error<T: Error + Send + Sync + 'static>() {}
fn has_default<T: Default>() {}

#[test]
fn handles_can_be_shared_between_threads() {
    is_shared::<Producer<str, str>>();
    is_shared::<blocking::Producer<str, str>>();
    is_shared::<Transaction<'_, str, str>>();
    is_shared::<blocking::Transaction<'_, str, str>>();
    is_shared::<Delivery>();
    is_shared::<ProducerRecord<'_, str, str>>();
    is_shared::<TrySendError<'_, str, str>>();
    is_shared::<InterceptedRecord<'_, str, str>>();
    is_shared::<Acknowledgement<'_>>();
    is_shared::<SentAll>();
    is_shared::<TraceContext>();
    #[cfg(feature = "opentelemetry")]
    is_shared::<kafka_producer::RecordSpans<str>>();
    is_shared::<Unacknowledged<'_>>();
    fn is_sent_to_threads<T: ?Sized + Send + Sync>() {}
    is_sent_to_threads::<dyn ProducerInterceptor<str, str>>();
    fn is_sent<T: Send + Debug>() {}
    is_sent::<ProducerBuilder<str, str>>();
    fn is_cloned<T: Clone>() {}
    is_cloned::<Producer<str, str>>();
    is_cloned::<blocking::Producer<str, str>>();
}

#[test]
fn what_a_call_returns_can_be_awaited_on_any_thread() {
    fn is_sent(_: &impl Send) {}
    // Only compiled: what is `Send` is a question to the compiler.
    let _ = |producer: Producer<str, str>| {
        is_sent(&producer.send(ProducerRecord::new("orders", "tea")));
        is_sent(&producer.send_all([ProducerRecord::new("orders", "tea")]));
        is_sent(&producer.flush());
        is_sent(&producer.close(std::time::Duration::ZERO));
        is_sent(&producer.init_transactions());
        is_sent(&producer.begin_transaction());
    };
}

#[test]
fn values_can_be_cloned_compared_and_printed() {
    is_value::<Explanation>();
    is_value::<Standing>();
    is_value::<Timeline>();
    is_value::<TimelineEvent>();
    is_value::<Attempt>();
    is_value::<AttemptEnd>();
    is_value::<ProducerConfig>();
    is_value::<ConfigError>();
    is_value::<Problem>();
    is_value::<Warning>();
    is_value::<Property>();
    is_value::<OtherName>();
    is_value::<Plugins>();
    is_value::<Allowed>();
    is_value::<Address>();
    is_value::<RecordMetadata>();
    is_value::<ConsumerGroupMetadata>();
    is_value::<OffsetToCommit>();
    is_value::<CloseReport>();
    is_value::<ProducerRecord<'_, str, str>>();
    is_value::<DeliveryError>();
    is_value::<Cause>();
    is_value::<History>();
    is_value::<WaitReason>();
    is_value::<ConnectError>();
    is_value::<NoServer>();
    is_value::<ServerFailure>();
    is_value::<AuthenticationError>();
    is_value::<Token>();
    is_value::<TokenError>();
    is_value::<Secret>();
    is_shared::<Checked>();
    is_shared::<dyn TokenProvider>();
    is_key::<Acks>();
    is_key::<UnresolvedPolicy>();
    is_key::<DnsLookup>();
    is_key::<PartitionerClass>();
    is_key::<MetadataRecovery>();
    is_key::<Conversion>();
    is_key::<Kind>();
    is_key::<Meaning>();
    is_key::<Origin>();
    is_key::<ScramHash>();
    is_key::<SecurityProtocol>();
    is_key::<Support>();
    is_key::<Status>();
    is_key::<Persistence>();
    is_key::<WaitsFor>();
    has_default::<ProducerConfig>();
    has_default::<CloseReport>();
    has_default::<Acks>();
    has_default::<UnresolvedPolicy>();
    has_default::<DnsLookup>();
    has_default::<PartitionerClass>();
}

#[test]
fn errors_fit_into_a_boxed_error() {
    is_error::<BuildError>();
    is_error::<ConfigError>();
    is_error::<SendError>();
    is_error::<TrySendError<'static, str, str>>();
    is_error::<DeliveryError>();
    is_error::<TransactionError>();
    is_error::<ConnectError>();
    is_error::<AbortableError>();
    is_error::<FatalError>();
    is_error::<TimedOut>();
    is_error::<Misuse>();
    is_error::<InCallback>();
    is_error::<Unsupported>();
    is_error::<UnknownAcks>();
    is_error::<UnknownPartitioner>();
    is_error::<UnknownPolicy>();
    is_error::<UnknownProtocol>();
    is_error::<AuthenticationError>();
    is_error::<TokenError>();
}

/// A record is a few references: it can be copied to be sent again though its value is not `Clone`.
#[test]
fn a_record_is_cloned_whatever_its_value_is() {
    struct Order;
    let order = Order;
    let record = ProducerRecord::<str, Order>::new("orders", &order).header("source", "shop");
    let again = record.clone();
    assert_eq!(again.headers, record.headers);
}
