//! A span of `tracing` for each batch, as OpenTelemetry's exporter gets it, linked to those of its records.
//!
//! A process of its own with one test, because spans begin on a producer's own thread, which has the subscriber of the
//! process.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use kafka_mock::MockCluster;
use kafka_mock::cluster::Fault;
use kafka_producer::{ErrorCode, ProducerRecord, RecordSpans, blocking};
use opentelemetry::trace::{SpanId, SpanKind, Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;

/// A producer whose records linger until they are flushed, and what is exported of them and their batches.
struct Scene {
    kafka: MockCluster,
    producer: blocking::Producer<str, str>,
    exported: InMemorySpanExporter,
}

impl Scene {
    fn begin() -> Self {
        let exported = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder();
        let provider = provider.with_simple_exporter(exported.clone()).build();
        let bridge = tracing_opentelemetry::layer().with_tracer(provider.tracer("program"));
        let bridge = bridge.with_filter(filter_fn(|of| of.target() == "kafka_producer::batch"));
        let subscriber = tracing_subscriber::registry().with(bridge);
        tracing::subscriber::set_global_default(subscriber).unwrap();

        let kafka = MockCluster::builder().topic("orders", 1);
        let kafka = kafka.start_blocking().unwrap();
        let producer = blocking::Producer::<str, str>::builder()
            .set("bootstrap.servers", kafka.bootstrap_servers())
            .set("client.id", "till-7")
            .set("linger.ms", "86400000")
            .set("delivery.timeout.ms", "90000000")
            .interceptor(RecordSpans::of(&provider))
            .build()
            .unwrap();
        Self {
            kafka,
            producer,
            exported,
        }
    }

    /// Sends these in one batch; the spans of the records, and those of the batches.
    fn send(&self, values: &[&str]) -> (Vec<SpanData>, Vec<SpanData>) {
        for value in values {
            let record = ProducerRecord::new("orders", *value);
            self.producer.send_and_forget(record).unwrap();
        }
        self.producer.flush().unwrap();
        // The span of a batch ends after its records were told: what is told later comes later.
        self.producer.explain("orders", 0).unwrap();
        let spans = self.exported.get_finished_spans().unwrap();
        self.exported.reset();
        spans
            .into_iter()
            .partition(|span| span.name == "send orders")
    }
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let mut named = span
        .attributes
        .iter()
        .filter(|told| told.key.as_str() == name);
    let value = named.next()?.value.to_string();
    assert!(named.next().is_none(), "{span:?}");
    Some(value)
}

fn linked(span: &SpanData) -> Vec<SpanId> {
    let linked = span.links.iter();
    linked.map(|link| link.span_context.span_id()).collect()
}

fn id(span: &SpanData) -> SpanId {
    span.span_context.span_id()
}

#[test]
fn a_batch_has_a_span_from_its_first_request_to_its_outcome_linked_to_those_of_its_records() {
    let scene = Scene::begin();
    let address = scene.kafka.bootstrap_servers();
    let (_, port) = address.rsplit_once(':').unwrap();

    let (records, batches) = scene.send(&["tea", "coffee", "milk"]);
    let [batch] = &batches[..] else {
        panic!("{batches:?}");
    };
    assert_eq!(batch.name, "produce orders");
    assert_eq!(batch.span_kind, SpanKind::Client);
    assert_eq!(batch.parent_span_id, SpanId::INVALID);
    assert_eq!(batch.status, Status::Unset);
    for (name, expected) in [
        ("messaging.system", Some("kafka")),
        ("messaging.operation.name", Some("produce")),
        ("messaging.operation.type", Some("send")),
        ("messaging.client.id", Some("till-7")),
        ("messaging.destination.name", Some("orders")),
        ("messaging.destination.partition.id", Some("0")),
        ("messaging.batch.message_count", Some("3")),
        ("server.address", Some("127.0.0.1")),
        ("server.port", Some(port)),
        ("error.type", None),
    ] {
        assert_eq!(attribute(batch, name).as_deref(), expected, "{name}");
    }
    assert_eq!(linked(batch), records.iter().map(id).collect::<Vec<_>>());
    for record in &records {
        assert_eq!(linked(record), [id(batch)]);
    }

    // Sent again, it is the same batch.
    let again = Fault::refuse(ErrorCode::NOT_ENOUGH_REPLICAS).times(2);
    scene.kafka.inject(again);
    let (records, batches) = scene.send(&["tea"]);
    assert_eq!((records.len(), batches.len()), (1, 1));
    assert_eq!(batches[0].status, Status::Unset);

    scene
        .kafka
        .inject(Fault::refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    let (records, batches) = scene.send(&["tea", "coffee"]);
    assert_eq!((records.len(), batches.len()), (2, 1));
    let refused = Some("TOPIC_AUTHORIZATION_FAILED".to_owned());
    assert_eq!(attribute(&batches[0], "error.type"), refused);
    assert!(matches!(batches[0].status, Status::Error { .. }));
    assert_eq!(linked(&records[1]), [id(&batches[0])]);

    // Its halves are batches of their own, and its records belong to those.
    scene
        .kafka
        .inject(Fault::refuse(ErrorCode::MESSAGE_TOO_LARGE));
    let (records, batches) = scene.send(&["tea", "coffee"]);
    assert_eq!((records.len(), batches.len()), (2, 3));
    let too_large = Some("MESSAGE_TOO_LARGE".to_owned());
    let whole = batches
        .iter()
        .find(|batch| linked(batch).is_empty())
        .unwrap();
    assert_eq!(attribute(whole, "error.type"), too_large);
    let halves = batches.iter().filter(|batch| id(batch) != id(whole));
    let halves: Vec<_> = halves
        .map(|half| (linked(half), half.status.clone()))
        .collect();
    let expected = records
        .iter()
        .map(|record| (vec![id(record)], Status::Unset));
    assert_eq!(halves, expected.collect::<Vec<_>>());
    assert!(tracing::enabled!(target: "kafka_producer::batch", Level::DEBUG));
}
