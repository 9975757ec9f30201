//! Where a program has set a provider of tracers and a propagator for all of it, spans and headers are theirs.
//!
//! A process of its own, because both are for the whole process.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use kafka_mock::MockCluster;
use kafka_producer::{ProducerRecord, RecordSpans, blocking};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

#[test]
fn spans_are_of_the_global_provider_and_headers_of_the_global_propagator() {
    let kafka = MockCluster::builder().topic("orders", 1);
    let kafka = kafka.start_blocking().unwrap();
    let producer = blocking::Producer::<str, str>::builder()
        .set("bootstrap.servers", kafka.bootstrap_servers())
        .interceptor(RecordSpans::new())
        .build()
        .unwrap();
    let exported = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exported.clone());
    global::set_tracer_provider(provider.build());
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(BaggagePropagator::new()),
        Box::new(TraceContextPropagator::new()),
    ]));

    let baggage = Context::new().with_baggage([KeyValue::new("shop", "7")]);
    let current = baggage.attach();
    let first = producer.send(ProducerRecord::new("orders", "tea")).unwrap();
    first.wait().unwrap();
    drop(current);
    let stored = kafka.records("orders").remove(0);
    let text = |name: &str| {
        let named = |(key, _): &&(String, _)| key == name;
        let value = stored.headers.iter().find(named).unwrap().1.as_ref();
        String::from_utf8(value.unwrap().to_vec()).unwrap()
    };
    let spans = exported.get_finished_spans().unwrap();
    let [span] = &spans[..] else {
        panic!("{spans:?}");
    };
    let (trace_id, span_id) = (span.span_context.trace_id(), span.span_context.span_id());
    assert_eq!(text("traceparent"), format!("00-{trace_id}-{span_id}-01"));
    assert_eq!(text("baggage"), "shop=7");
    assert_eq!(stored.headers.len(), 2);

    // What its propagator can read is a context that the caller has written.
    let second = ProducerRecord::new("orders", "coffee").header("traceparent", text("traceparent"));
    producer.send(second).unwrap().wait().unwrap();
    let spans = exported.get_finished_spans().unwrap();
    assert_eq!(spans[1].links.len(), 1);
    assert_eq!(spans[1].links[0].span_context.span_id(), span_id);
    assert!(!Context::current().has_active_span());
}
