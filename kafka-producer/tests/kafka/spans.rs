//! The trace context of a record's span is what Kafka's own consumer reads in its headers.

use kafka_producer::{ProducerRecord, RecordSpans};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

use crate::cluster::{builder, create_topic, in_time};
use crate::tools::console_consumer;

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn kafkas_consumer_reads_the_trace_context_of_each_record() {
    let topic = create_topic("traced", 3, &[]);
    let exported = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exported.clone());
    let spans = RecordSpans::of(&provider.build());
    let producer = builder(&[]).interceptor(spans).build().unwrap();
    for number in 0..100 {
        let value = number.to_string();
        let record = ProducerRecord::new(&topic, &*value).key(&*value);
        in_time(producer.send_and_forget(record)).await.unwrap();
    }
    in_time(producer.flush()).await.unwrap();

    let spans = exported.get_finished_spans().unwrap();
    let attribute = |span: &SpanData, name: &str| {
        let mut named = span
            .attributes
            .iter()
            .filter(|told| told.key.as_str() == name);
        let value = named.next().expect("it is told").value.to_string();
        assert!(named.next().is_none(), "{span:?}");
        value
    };
    let mut expected: Vec<_> = spans
        .iter()
        .map(|span| {
            assert_eq!(span.name, format!("send {topic}"));
            let (trace_id, span_id) = (span.span_context.trace_id(), span.span_context.span_id());
            let partition = attribute(span, "messaging.destination.partition.id");
            let header = format!("00-{trace_id}-{span_id}-01");
            (partition, Some(header))
        })
        .collect();
    let mut found: Vec<_> = console_consumer(&[&topic], 100)
        .into_iter()
        .map(|record| {
            let [(name, value)] = &record.headers[..] else {
                panic!("{record:?}");
            };
            assert_eq!(name, "traceparent");
            (record.partition.to_string(), value.clone())
        })
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}
