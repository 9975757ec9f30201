//! Sinks: records of a stream, with the stream held up where a send would wait.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_sink::Sink;
use kafka_mock::cluster::Fault;
use kafka_producer::{OwnedRecord, ProducerRecord, RecordSink, SendError, SinkError};
use kafka_wire::{ApiKey, ErrorCode};

use crate::scene::{FOR_EVER, TOPIC, in_time, kafka, numbers, producer, record, values};

type Text<'a> = ProducerRecord<'a, str, str>;

async fn feed<T>(sink: &mut RecordSink<str, str>, record: T) -> Result<(), SinkError>
where
    RecordSink<str, str>: Sink<T, Error = SinkError>,
{
    in_time(poll_fn(|context| Pin::new(&mut *sink).poll_ready(context))).await?;
    Pin::new(sink).start_send(record)
}

async fn flush(sink: &mut RecordSink<str, str>) -> Result<(), SinkError> {
    let flush =
        |context: &mut Context<'_>| Sink::<Text<'_>>::poll_flush(Pin::new(&mut *sink), context);
    in_time(poll_fn(flush)).await
}

#[tokio::test]
async fn a_flushed_sink_has_sent_all_in_order_borrowed_or_owned() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    let mut sink = producer.sink();
    let numbers = numbers(200);
    for (at, number) in numbers.iter().enumerate() {
        match at % 2 {
            0 => feed(&mut sink, record(number)).await.unwrap(),
            _ => {
                let owned: OwnedRecord<String, String> = record(number).into();
                feed(&mut sink, owned).await.unwrap();
            }
        }
    }
    flush(&mut sink).await.unwrap();
    assert_eq!(values(&kafka), numbers);
    let close =
        |context: &mut Context<'_>| Sink::<Text<'_>>::poll_close(Pin::new(&mut sink), context);
    in_time(poll_fn(close)).await.unwrap();
    let delivery = in_time(producer.send(record("the producer is open")))
        .await
        .unwrap();
    in_time(producer.flush()).await.unwrap();
    assert!(
        delivery
            .try_outcome()
            .is_some_and(|outcome| outcome.is_ok())
    );
}

#[tokio::test]
async fn a_sink_is_not_ready_while_its_last_record_waits_for_its_topic() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let mut sink = producer.sink();
    feed(&mut sink, ProducerRecord::new("unknown", "tea"))
        .await
        .unwrap();
    poll_fn(|context| {
        let ready = Sink::<Text<'_>>::poll_ready(Pin::new(&mut sink), context);
        assert!(ready.is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn what_is_not_accepted_and_what_fails_is_an_error_of_the_next_call_alone() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &[]);
    let mut sink = producer.sink();
    feed(&mut sink, record("nowhere").partition(-1))
        .await
        .unwrap();
    let error = feed(&mut sink, record("a")).await.unwrap_err();
    let expected = matches!(
        error,
        SinkError::NotAccepted(SendError::InvalidPartition { .. })
    );
    assert!(expected, "{error}");
    let refuse = Fault::refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    kafka.inject(refuse.api(ApiKey::PRODUCE));
    feed(&mut sink, record("b")).await.unwrap();
    let error = flush(&mut sink).await.unwrap_err();
    assert!(matches!(error, SinkError::Failed(_)), "{error}");
    feed(&mut sink, record("c")).await.unwrap();
    flush(&mut sink).await.unwrap();
    assert_eq!(values(&kafka), ["c"]);
    assert_eq!(kafka.records(TOPIC).len(), 1);
}
