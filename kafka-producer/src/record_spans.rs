//! A span of OpenTelemetry for each record, whose trace context goes with the record (feature `opentelemetry`).
//!
//! An interceptor. A span is opened before the record is serialized, and ended by its outcome, whatever that is. Names
//! and attributes are those of the semantic conventions for messaging, in the version of [`SCHEMA_URL`].

use std::fmt;
use std::sync::OnceLock;

use opentelemetry::global::{self, BoxedTracer, ObjectSafeTracer};
use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanKind, SpanRef, Status, TraceContextExt, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};

use crate::error_type;
use crate::interceptor::{
    Acknowledgement, InterceptedRecord, InterceptorError, ProducerInterceptor, Unacknowledged,
};
use crate::propagation::{self, Creation};
use crate::record::RecordMetadata;

/// An interceptor that opens a span for each record, and sends its trace context along in the record's headers
/// (feature `opentelemetry`).
///
/// The span is named `send` and the topic, its kind is *producer*, and its parent is the span that is current where the
/// record is sent. It lasts until the record's outcome. The headers are written by the propagator that the program has
/// set (`opentelemetry::global::set_text_map_propagator`), and are `traceparent` and `tracestate` (W3C Trace Context)
/// if it has set none. A record that has such a context in its headers already keeps it: its span is of the kind
/// *client*, and has a link to that context.
///
/// `docs/observability.md` of the repository has the attributes. Put it last in the chain: what interceptors after
/// it change, the span does not have. A span that is not recorded, because of a sampler or because there is no
/// tracer, costs a header.
///
/// ```
/// use kafka_producer::{Producer, RecordSpans};
///
/// let spans = RecordSpans::new().key(|key: &str| Some(key.to_owned()));
/// let producer = Producer::<str, str>::builder()
///     .bootstrap_servers(["localhost:9092"])
///     .interceptor(spans)
///     .build()?;
/// # Ok::<(), kafka_producer::BuildError>(())
/// ```
pub struct RecordSpans<K: ?Sized> {
    tracer: OnceLock<BoxedTracer>,
    key: Option<KeyText<K>>,
    size: Size,
}

/// What a span says of a key.
type KeyText<K> = Box<dyn Fn(&K) -> Option<String> + Send + Sync>;

/// Whether a span says how large its record is.
#[derive(Clone, Copy, Debug)]
enum Size {
    Untold,
    Told,
}

impl<K: ?Sized> RecordSpans<K> {
    /// Spans of the global provider of tracers, as it is when the first record is sent.
    ///
    /// ```
    /// use kafka_producer::{Producer, RecordSpans};
    ///
    /// let builder = Producer::<str, str>::builder().interceptor(RecordSpans::new());
    /// ```
    pub fn new() -> Self {
        Self::by(OnceLock::new())
    }

    /// Spans of this provider of tracers.
    ///
    /// ```
    /// use kafka_producer::{Producer, RecordSpans};
    /// use opentelemetry_sdk::trace::SdkTracerProvider;
    ///
    /// let provider = SdkTracerProvider::builder().build(); // and an exporter
    /// let builder = Producer::<str, str>::builder().interceptor(RecordSpans::of(&provider));
    /// ```
    pub fn of<P>(provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: ObjectSafeTracer + Send + Sync + 'static,
    {
        let tracer = BoxedTracer::new(Box::new(provider.tracer_with_scope(scope())));
        Self::by(tracer.into())
    }

    fn by(tracer: OnceLock<BoxedTracer>) -> Self {
        Self {
            tracer,
            key: None,
            size: Size::Untold,
        }
    }

    /// Says in `messaging.kafka.message.key` what `text` makes of a record's key; `None`: nothing. Without this nothing
    /// is said of keys, which may be secret.
    ///
    /// ```
    /// use kafka_producer::RecordSpans;
    ///
    /// let spans = RecordSpans::new().key(|order: &u32| Some(order.to_string()));
    /// ```
    #[must_use]
    pub fn key(mut self, text: impl Fn(&K) -> Option<String> + Send + Sync + 'static) -> Self {
        self.key = Some(Box::new(text));
        self
    }

    /// Says in `messaging.message.body.size` how many bytes the value of a record takes, serialized, if it was
    /// acknowledged. The conventions leave that out by default.
    ///
    /// ```
    /// use kafka_producer::RecordSpans;
    ///
    /// let spans = RecordSpans::<str>::new().body_size();
    /// ```
    #[must_use]
    pub fn body_size(mut self) -> Self {
        self.size = Size::Told;
        self
    }
}

impl<K: ?Sized, V: ?Sized> ProducerInterceptor<K, V> for RecordSpans<K> {
    fn on_send(&self, record: &mut InterceptedRecord<'_, K, V>) -> Result<(), InterceptorError> {
        let span = match propagation::find(&record.headers) {
            Creation::Open => {
                let span = self.open(record, SpanKind::Producer, None);
                propagation::write(&span, &mut record.headers);
                span
            }
            Creation::ByCaller(creator) => self.open(record, SpanKind::Client, creator),
        };
        if span.span().is_recording() {
            let (partition, size) = (record.partition, self.size);
            let open = OpenSpan {
                span,
                partition,
                size,
            };
            record.on_acknowledgement(move |acknowledgement| open.end(acknowledgement));
        }
        Ok(())
    }
}

impl<K: ?Sized> RecordSpans<K> {
    /// The current context with the span of this record.
    fn open<V: ?Sized>(
        &self,
        record: &InterceptedRecord<'_, K, V>,
        kind: SpanKind,
        creator: Option<SpanContext>,
    ) -> Context {
        let tracer = self
            .tracer
            .get_or_init(|| global::tracer_with_scope(scope()));
        let link = |creator| Link::new(creator, Vec::new(), 0);
        let span = SpanBuilder::from_name(format!("{SEND} {}", record.topic))
            .with_kind(kind)
            .with_links(creator.map(link).into_iter().collect())
            .with_attributes(self.first_attributes(record));
        Context::current_with_span(tracer.build(span))
    }

    /// What is known before the record is sent.
    fn first_attributes<V: ?Sized>(&self, record: &InterceptedRecord<'_, K, V>) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(FIRST_ATTRIBUTES);
        attributes.extend([
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", SEND),
            KeyValue::new("messaging.operation.type", SEND),
            KeyValue::new("messaging.destination.name", record.topic.to_string()),
        ]);
        let client_id = record.client_id().map(str::to_owned);
        attributes.extend(client_id.map(|id| KeyValue::new("messaging.client.id", id)));
        attributes.extend(record.partition.map(partition_id));
        let key = self.key.as_ref().zip(record.key());
        let key = key.and_then(|(text, key)| text(key));
        attributes.extend(key.map(|key| KeyValue::new("messaging.kafka.message.key", key)));
        if record.value().is_none() {
            attributes.push(KeyValue::new("messaging.kafka.message.tombstone", true));
        }
        attributes
    }
}

/// The span of a record without an outcome.
struct OpenSpan {
    /// The span is the one of this context.
    span: Context,
    /// The one that the span already says.
    partition: Option<i32>,
    size: Size,
}

impl OpenSpan {
    fn end(self, acknowledgement: &Acknowledgement<'_>) {
        let span = self.span.span();
        let partition = acknowledgement.partition;
        let is_told = partition == self.partition;
        span.set_attributes(partition.filter(|_| !is_told).map(partition_id));
        match acknowledgement.outcome {
            Ok(metadata) => span.set_attributes(self.size.of(metadata)),
            Err(why) => {
                span.set_attribute(KeyValue::new("error.type", error_type::of(why)));
                span.set_status(status(why));
            }
        }
        if was_accepted(acknowledgement) {
            link_to_batch(&span);
        }
        span.end();
    }
}

/// Whether the record went into a batch.
fn was_accepted(acknowledgement: &Acknowledgement<'_>) -> bool {
    matches!(
        acknowledgement.outcome,
        Ok(_) | Err(Unacknowledged::Failed(_))
    )
}

/// While the records of a batch are told of their outcome, its span is current, if it has one: the two are linked to
/// each other.
fn link_to_batch(record: &SpanRef<'_>) {
    let context = Context::current();
    let batch = context.span();
    if batch.span_context().is_valid() {
        batch.add_link(record.span_context().clone(), Vec::new());
        record.add_link(batch.span_context().clone(), Vec::new());
    }
}

impl Size {
    /// What is known of a record that is stored.
    fn of(self, metadata: &RecordMetadata) -> impl Iterator<Item = KeyValue> {
        let offset = metadata.offset;
        let offset = offset.map(|offset| KeyValue::new("messaging.kafka.offset", offset));
        let bytes = match self {
            Self::Told => i64::try_from(metadata.value_bytes.unwrap_or(0)).ok(),
            Self::Untold => None,
        };
        let bytes = bytes.map(|bytes| KeyValue::new("messaging.message.body.size", bytes));
        offset.into_iter().chain(bytes)
    }
}

fn partition_id(partition: i32) -> KeyValue {
    KeyValue::new("messaging.destination.partition.id", partition.to_string())
}

fn status(why: Unacknowledged<'_>) -> Status {
    Status::error(why.to_string())
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("kafka-producer")
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}

impl<K: ?Sized> Default for RecordSpans<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: ?Sized> fmt::Debug for RecordSpans<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordSpans")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// By which a collector translates the names of attributes to those of a later version.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

const SEND: &str = "send";

/// At most so many are known at first.
const FIRST_ATTRIBUTES: usize = 8;
