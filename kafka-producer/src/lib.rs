//! A Kafka producer: fast, typed, and exact about what became of every record.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use kafka_producer::{Producer, ProducerRecord};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let producer: Producer<str, str> =
//!     Producer::builder().bootstrap_servers(["localhost:9092"]).build()?;
//!
//! // Accepted: it is in a batch, and will end exactly once.
//! let delivery = producer.send(ProducerRecord::new("orders", "2 x tea").key("customer-7")).await?;
//! // Acknowledged.
//! let metadata = delivery.await?;
//! println!("{}-{} at {:?}", metadata.topic, metadata.partition, metadata.offset);
//!
//! // What is still on its way when the program ends is lost.
//! producer.close(Duration::from_secs(30)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Three ways to send: await the [`Delivery`] (synchronous), give a callback
//! ([`Producer::send_with`]), or ask for neither ([`Producer::send_and_forget`]). Without async:
//! [`blocking`]. Every setting has its Kafka name, default and rules ([`ProducerConfig`];
//! `docs/configuration.md` of the repository lists them).
//!
//! # What is promised
//!
//! | promise | configuration |
//! |---|---|
//! | at most once | `acks=0`, `enable.idempotence=false`, `retries=0` |
//! | at least once | `enable.idempotence=false`, and `max.in.flight.requests.per.connection=1` for the order |
//! | exactly once per partition, in order | the default |
//! | exactly once across partitions | `transactional.id`, and a [`Transaction`] |
//!
//! A record that was accepted ends exactly once: acknowledged, or with a [`DeliveryError`] that says
//! whether it is *not* in the log or *may* be ([`Persistence`]). What each promise costs and leaves
//! open is in `docs/delivery.md` of the repository.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `tokio` (default) | [`Producer`] and all that does I/O |
//! | `tracing` (default) | what people should know goes to `tracing`, or to `log`; without it, warnings go to standard error. A span for each batch, at the level *debug* |
//! | `tls` (default) | TLS, by the provider that is built in: `tls-ring` |
//! | `tls-ring`, `tls-aws-lc`, `tls-graviola` | providers: ring, aws-lc (post-quantum key exchange; with `rustls/fips` the certified one), graviola (without C; the others and zstd compile some). Of several the first of aws-lc, graviola, ring |
//! | `gzip`, `snappy`, `lz4`, `zstd` (default) | a codec each |
//! | `gzip-libdeflate`, `lz4-hc` | gzip in less time, and the levels of lz4 beside the default, by C libraries |
//! | `oauth-oidc` | tokens of an identity provider or of a file, for `OAUTHBEARER` |
//! | `aws-msk-iam` | logins to Amazon MSK with IAM |
//! | `metrics` | a [`RecorderReporter`](metrics::RecorderReporter): what is measured goes to the recorder of the crate `metrics` |
//! | `opentelemetry` | `RecordSpans`: a span of OpenTelemetry for each record, whose trace context goes with it in its headers |
//! | `telemetry` (default) | metrics pushed to brokers that ask for them (`enable.metrics.push`, KIP-714) |
//! | `json`, `avro`, `protobuf`, `cbor`, `messagepack` | values in that format ([`serialize`]), also with the id of a schema before them |
//! | `mock` | a producer without a broker, for tests of an application's own logic ([`mock`]) |
//! | `sink` | a sink of records, where a stream of `futures` ends |
//! | `serde` | a [`ProducerConfig`] from JSON, TOML and whatever else serde reads |
//! | `cli` | nothing in the library: the program `kafka-produce`, which `docs/command-line.md` of the repository describes |
//! | `unstable-engine` | `engine` and `settings`, hidden: the engine without I/O, for tests and for other runtimes. No semantic versioning: they may change in any release |

#[cfg(feature = "tokio")]
mod append;
#[cfg(feature = "tokio")]
pub mod blocking;
#[cfg(feature = "tokio")]
mod builder;
#[cfg(feature = "tokio")]
mod callback;
#[cfg(feature = "tokio")]
mod clock;
pub mod config;
#[cfg(feature = "tokio")]
mod custom;
mod delivery;
#[cfg(feature = "tokio")]
mod dialer;
#[cfg(feature = "tokio")]
mod driver;
#[cfg(feature = "unstable-engine")]
#[doc(hidden)]
pub mod engine;
#[cfg(not(feature = "unstable-engine"))]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "what is public in it is so with the feature `unstable-engine`"
)]
mod engine;
pub mod error;
#[cfg(all(feature = "tokio", any(feature = "opentelemetry", feature = "tracing")))]
#[cfg_attr(
    not(feature = "opentelemetry"),
    allow(dead_code, reason = "batches fail in fewer ways than records")
)]
mod error_type;
mod explanation;
mod group;
pub mod metrics;
#[cfg(feature = "mock")]
pub mod mock;
#[cfg(feature = "tokio")]
mod interception;
#[cfg(feature = "tokio")]
mod interceptor;
#[cfg(feature = "tokio")]
mod last_handle;
#[cfg(feature = "tokio")]
mod own_thread;
mod owned_record;
#[cfg(feature = "tokio")]
mod pending;
mod prepared;
#[cfg(feature = "tokio")]
mod prepared_transaction;
#[cfg(feature = "tokio")]
mod permit;
#[cfg(feature = "tokio")]
mod producer;
#[cfg(feature = "opentelemetry")]
mod propagation;
#[cfg_attr(
    not(feature = "tokio"),
    allow(dead_code, reason = "some words are said to the driver alone")
)]
mod readable;
mod record;
#[cfg(feature = "opentelemetry")]
mod record_spans;
mod regular_file;
pub mod security;
#[cfg(feature = "tokio")]
mod reporting;
#[cfg(feature = "tokio")]
mod router;
#[cfg(feature = "tokio")]
mod send;
#[cfg(feature = "tokio")]
mod send_all;
#[cfg(feature = "sink")]
mod sink;
#[cfg(feature = "tokio")]
mod telemetry;
#[cfg(feature = "tokio")]
mod timed;
#[cfg(feature = "tokio")]
mod trace_context;
#[cfg(feature = "tokio")]
mod transaction;
#[cfg(feature = "tokio")]
mod warnings;

#[cfg(feature = "tokio")]
pub use append::WaitsFor;
#[cfg(feature = "tokio")]
pub use builder::{BuildError, ProducerBuilder};
#[cfg(not(feature = "unstable-engine"))]
use config::settings;
#[cfg(feature = "unstable-engine")]
#[doc(hidden)]
pub use config::settings;
pub use config::{Acks, Address, ConfigError, ProducerConfig, SecurityProtocol, UnresolvedPolicy};
pub use delivery::{Delivery, Status};
#[cfg(feature = "tokio")]
pub use dialer::{BoxedStream, ByteStream, Dialer};
pub use engine::CloseReport;
pub use error::{
    AbortableError, DeliveryError, FatalError, Persistence, SendError, TransactionError,
};
pub use explanation::{Explanation, Standing};
pub use group::{ConsumerGroupMetadata, OffsetToCommit};
#[cfg(feature = "tokio")]
pub use interceptor::{
    Acknowledgement, InterceptedRecord, InterceptorError, ProducerInterceptor, Unacknowledged,
};
pub use kafka_partition as partition;
pub use kafka_serde as serialize;
pub use kafka_wire::ErrorCode;
pub use kafka_wire::Uuid;
pub use kafka_wire::compression::Compression;
pub use owned_record::OwnedRecord;
#[cfg(feature = "tokio")]
pub use permit::Permit;
pub use prepared::{CompletedTxn, PreparedTxnState};
#[cfg(feature = "tokio")]
pub use prepared_transaction::PreparedTransaction;
#[cfg(feature = "tokio")]
pub use producer::Producer;
pub use record::{ProducerRecord, RecordMetadata, TimestampType};
#[cfg(feature = "opentelemetry")]
pub use record_spans::RecordSpans;
#[cfg(feature = "tokio")]
pub use router::{Route, Router};
#[cfg(feature = "tokio")]
pub use send::TrySendError;
#[cfg(feature = "tokio")]
pub use send_all::SentAll;
#[cfg(feature = "sink")]
pub use sink::{RecordSink, SinkError};
#[cfg(feature = "tokio")]
pub use trace_context::TraceContext;
#[cfg(feature = "tokio")]
pub use transaction::Transaction;

/// The recipes of that document, compiled and run.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../docs/delivery.md")]
pub struct Recipes;

/// Those about where settings come from.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../docs/configuration.md")]
pub struct ConfigurationRecipes;

/// Those about security.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../docs/security.md")]
pub struct SecurityRecipes;

/// Those about metrics.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../docs/observability.md")]
pub struct MetricsRecipes;

/// That about metrics which brokers ask for.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../docs/telemetry.md")]
pub struct TelemetryRecipes;

/// That about networks.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../docs/networks.md")]
pub struct NetworkRecipes;

/// What people read first.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../docs/getting-started.md")]
pub struct FirstSteps;

/// What to do with errors.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../docs/errors.md")]
pub struct ErrorRecipes;

/// The embedded cluster, with a producer.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../kafka-mock/README.md")]
pub struct EmbeddedCluster;

/// How programs are tested.
#[cfg(all(doctest, feature = "mock"))]
#[doc = include_str!("../../docs/testing.md")]
pub struct TestRecipes;

/// Which settings make it faster or safer.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../../docs/tuning.md")]
pub struct TuningRecipes;
