//! Spans of records, as an exporter gets them, and the trace context that goes with each record.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use kafka_mock::cluster::Fault;
use kafka_mock::{MockCluster, MockRecord};
use kafka_producer::{ErrorCode, Producer, ProducerRecord, RecordSpans, TraceContext, blocking};
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    TracerProvider as _,
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use tracing_subscriber::layer::SubscriberExt;

use crate::scene::{TOPIC, builder, in_time, kafka, record};

/// What a program with spans has.
struct Traced {
    provider: SdkTracerProvider,
    exported: InMemorySpanExporter,
}

impl Traced {
    fn new(sampler: Sampler) -> Self {
        let exported = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_simple_exporter(exported.clone())
            .build();
        Self { provider, exported }
    }

    /// A producer whose records have spans.
    fn producer(&self, kafka: &MockCluster, settings: &[(&str, &str)]) -> Producer<str, str> {
        let spans = RecordSpans::of(&self.provider)
            .key(|key: &str| Some(key.to_owned()))
            .body_size();
        let builder = builder(&kafka.bootstrap_servers(), settings);
        let builder = builder.set("client.id", "till-7");
        builder.interceptor(spans).build().unwrap()
    }

    /// What was exported since the last call.
    fn exported(&self) -> Vec<SpanData> {
        let spans = self.exported.get_finished_spans().unwrap();
        self.exported.reset();
        spans
    }

    /// The only one that was.
    fn only(&self) -> SpanData {
        let mut spans = self.exported();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.remove(0)
    }
}

fn attributes(span: &SpanData) -> Vec<String> {
    let told =
        |attribute: &opentelemetry::KeyValue| format!("{}={}", attribute.key, attribute.value);
    let mut told: Vec<_> = span.attributes.iter().map(told).collect();
    told.sort();
    told
}

fn header(record: &MockRecord, name: &str) -> Option<String> {
    let mut values = record.headers.iter().filter(|(key, _)| key == name);
    let value = values.next()?.1.as_ref()?;
    assert!(values.next().is_none(), "{record:?}");
    Some(String::from_utf8(value.to_vec()).unwrap())
}

/// What consumers are to find.
fn traceparent(span: &SpanContext) -> String {
    let flags = span.trace_flags().to_u8();
    format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id())
}

/// One that came from elsewhere.
fn remote() -> SpanContext {
    let trace_id = TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128);
    let span_id = SpanId::from(0x00f0_67aa_0ba9_02b7_u64);
    let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, true, state)
}

#[tokio::test]
async fn a_records_span_tells_of_it_and_is_the_one_in_its_headers() {
    let kafka = kafka(1, 4).await;
    let traced = Traced::new(Sampler::AlwaysOn);
    let producer = traced.producer(&kafka, &[]);
    let sent = record("2 x tea").key("customer-7").partition(3);
    let parent = Context::new().with_remote_span_context(remote());
    let delivery = {
        let send = producer.send(sent);
        let _current = parent.attach();
        pollster::block_on(send).unwrap()
    };
    in_time(delivery).await.unwrap();

    let span = traced.only();
    assert_eq!(span.name, "send orders");
    assert_eq!(span.span_kind, SpanKind::Producer);
    assert_eq!(span.parent_span_id, remote().span_id());
    assert_eq!(span.span_context.trace_id(), remote().trace_id());
    assert_eq!(span.status, Status::Unset);
    assert_eq!(span.instrumentation_scope.name(), "kafka-producer");
    let expected = [
        "messaging.client.id=till-7",
        "messaging.destination.name=orders",
        "messaging.destination.partition.id=3",
        "messaging.kafka.message.key=customer-7",
        "messaging.kafka.offset=0",
        "messaging.message.body.size=7",
        "messaging.operation.name=send",
        "messaging.operation.type=send",
        "messaging.system=kafka",
    ];
    assert_eq!(attributes(&span), expected);
    let stored = &kafka.records(TOPIC)[0];
    assert_eq!(
        header(stored, "traceparent"),
        Some(traceparent(&span.span_context))
    );
    assert_eq!(header(stored, "tracestate").as_deref(), Some("vendor=1"));
}

#[tokio::test]
async fn where_no_span_is_current_a_record_begins_a_trace_and_a_tombstone_says_that_it_is_one() {
    let kafka = kafka(1, 1).await;
    let traced = Traced::new(Sampler::AlwaysOn);
    let producer = traced.producer(&kafka, &[]);
    let delivery = in_time(producer.send(ProducerRecord::tombstone(TOPIC, "customer-7"))).await;
    in_time(delivery.unwrap()).await.unwrap();
    let span = traced.only();
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    let told = attributes(&span);
    let is_told = |attribute: &str| told.iter().any(|told| told == attribute);
    assert!(
        is_told("messaging.kafka.message.tombstone=true"),
        "{told:?}"
    );
    assert!(is_told("messaging.destination.partition.id=0"), "{told:?}");
    assert_eq!(header(&kafka.records(TOPIC)[0], "tracestate"), None);
}

#[tokio::test]
async fn a_context_that_the_caller_has_written_is_kept_and_linked_to() {
    let kafka = kafka(1, 1).await;
    let traced = Traced::new(Sampler::AlwaysOn);
    let producer = traced.producer(&kafka, &[]);
    let sent = record("tea").header("traceparent", traceparent(&remote()));
    in_time(in_time(producer.send(sent)).await.unwrap())
        .await
        .unwrap();
    let span = traced.only();
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.links.len(), 1);
    assert_eq!(span.links[0].span_context.span_id(), remote().span_id());
    let stored = &kafka.records(TOPIC)[0];
    assert_eq!(stored.headers.len(), 1);
    assert_eq!(header(stored, "traceparent"), Some(traceparent(&remote())));

    // It means nothing to us, and perhaps something to a consumer.
    let sent = record("coffee").header("traceparent", "what?");
    in_time(in_time(producer.send(sent)).await.unwrap())
        .await
        .unwrap();
    let span = traced.only();
    assert_eq!((span.span_kind, span.links.len()), (SpanKind::Client, 0));
    let stored = &kafka.records(TOPIC)[1];
    assert_eq!(header(stored, "traceparent").as_deref(), Some("what?"));
}

#[tokio::test]
async fn a_span_that_is_not_sampled_is_in_the_headers_all_the_same() {
    let kafka = kafka(1, 1).await;
    let traced = Traced::new(Sampler::AlwaysOff);
    let producer = traced.producer(&kafka, &[]);
    in_time(in_time(producer.send(record("tea"))).await.unwrap())
        .await
        .unwrap();
    let written = header(&kafka.records(TOPIC)[0], "traceparent").unwrap();
    assert!(written.ends_with("-00"), "{written}");
    assert!(traced.exported().is_empty());
}

/// The error that the only span says.
fn failure(traced: &Traced) -> String {
    let span = traced.only();
    let Status::Error { description } = &span.status else {
        panic!("{span:?}");
    };
    assert!(!description.is_empty());
    let told = attributes(&span);
    let mut kinds = told
        .iter()
        .filter_map(|told| told.strip_prefix("error.type="));
    let kind = kinds.next().expect("an error has a type").to_owned();
    assert_eq!(kinds.next(), None);
    kind
}

#[tokio::test]
async fn a_span_ends_once_with_the_error_of_its_record() {
    let kafka = kafka(1, 1).await;
    let traced = Traced::new(Sampler::AlwaysOn);
    let producer = traced.producer(&kafka, &[]);
    in_time(producer.warm_up([TOPIC])).await.unwrap();

    kafka.inject(Fault::refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    let delivery = in_time(producer.send(record("refused"))).await.unwrap();
    assert!(in_time(delivery).await.is_err());
    assert_eq!(failure(&traced), "TOPIC_AUTHORIZATION_FAILED");

    let nowhere = record("tea").partition(-1);
    assert!(in_time(producer.send(nowhere)).await.is_err());
    assert_eq!(failure(&traced), "InvalidPartition");

    assert!(
        producer
            .try_send(ProducerRecord::new("new", "tea"))
            .is_err()
    );
    assert_eq!(failure(&traced), "WouldWait");

    {
        let mut send = pin!(producer.send(ProducerRecord::new("new", "tea")));
        poll_fn(|context| {
            assert!(send.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(traced.exported().is_empty());
    }
    assert_eq!(failure(&traced), "Dropped");

    in_time(producer.close(std::time::Duration::ZERO))
        .await
        .unwrap();
    assert!(in_time(producer.send(record("late"))).await.is_err());
    assert_eq!(failure(&traced), "Closed");
}

#[tokio::test]
async fn a_span_is_not_over_before_its_record_has_an_outcome() {
    let kafka = kafka(1, 1).await;
    let traced = Traced::new(Sampler::AlwaysOn);
    let producer = traced.producer(&kafka, &crate::scene::FOR_EVER);
    for value in ["tea", "coffee"] {
        in_time(producer.send_and_forget(record(value)))
            .await
            .unwrap();
    }
    assert!(traced.exported().is_empty());
    in_time(producer.flush()).await.unwrap();
    let spans = traced.exported();
    let stored = kafka.records(TOPIC);
    assert_eq!((spans.len(), stored.len()), (2, 2));
    for (span, stored) in spans.iter().zip(&stored) {
        let offset = format!("messaging.kafka.offset={}", stored.offset);
        assert!(attributes(span).contains(&offset), "{span:?}");
        assert_eq!(
            header(stored, "traceparent"),
            Some(traceparent(&span.span_context))
        );
    }
}

#[test]
fn a_span_of_tracing_is_the_parent_by_its_bridge_to_opentelemetry() {
    let kafka = MockCluster::builder().topic(TOPIC, 1);
    let kafka = kafka.start_blocking().unwrap();
    let traced = Traced::new(Sampler::AlwaysOn);
    let producer = blocking::Producer::from(traced.producer(&kafka, &[]));
    let bridge = tracing_opentelemetry::layer().with_tracer(traced.provider.tracer("program"));
    let subscriber = tracing_subscriber::registry().with(bridge);
    tracing::subscriber::with_default(subscriber, || {
        let _request = tracing::info_span!("request").entered();
        producer.send(record("tea")).unwrap().wait().unwrap();
    });
    let spans = traced.exported();
    let [send, request] = &spans[..] else {
        panic!("{spans:?}");
    };
    assert_eq!((&*send.name, &*request.name), ("send orders", "request"));
    assert_eq!(send.parent_span_id, request.span_context.span_id());
}

#[tokio::test]
async fn without_opentelemetry_a_function_of_the_program_gives_the_header() {
    let kafka = kafka(1, 1).await;
    let builder = builder(&kafka.bootstrap_servers(), &[]);
    let builder = builder.interceptor(TraceContext::with(|| Some(traceparent(&remote()))));
    let producer = builder.build().unwrap();
    in_time(in_time(producer.send(record("tea"))).await.unwrap())
        .await
        .unwrap();
    assert_eq!(
        header(&kafka.records(TOPIC)[0], "traceparent"),
        Some(traceparent(&remote()))
    );
}
