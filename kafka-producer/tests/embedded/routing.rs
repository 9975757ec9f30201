//! Routers: where records go by what they are before they are serialized.

use kafka_producer::serialize::{BigEndian, Utf8};
use kafka_producer::{Producer, ProducerRecord, Route, SendError};

use crate::scene::{TOPIC, configured, in_time, kafka, record};

type Order<'a> = ProducerRecord<'a, i32, str>;

/// By its number, unless a header says otherwise.
fn by_number(order: &Order<'_>) -> Route {
    let named = |wanted: &str| order.headers.iter().any(|(name, _)| name == wanted);
    match order.key {
        _ if named("urgent") => Route::Partition(0),
        _ if named("wrong") => Route::Partition(-3),
        Some(key) => Route::Number(*key as u32),
        None => Route::Partitioner,
    }
}

fn routed(servers: &str, settings: &[(&str, &str)]) -> Producer<i32, str> {
    let builder = configured(Producer::builder_with(BigEndian, Utf8), servers, settings);
    builder.router(by_number).build().unwrap()
}

fn order(number: &i32) -> Order<'_> {
    ProducerRecord::new(TOPIC, "tea").key(number)
}

async fn goes_to(producer: &Producer<i32, str>, order: Order<'_>) -> i32 {
    let delivery = in_time(producer.send(order)).await.unwrap();
    in_time(delivery).await.unwrap().partition
}

#[tokio::test]
async fn a_router_decides_by_key_and_headers_but_not_over_a_named_partition() {
    let kafka = kafka(1, 5).await;
    let producer = routed(&kafka.bootstrap_servers(), &[]);
    // The topic is not known yet: the first waits, and is routed once.
    assert_eq!(goes_to(&producer, order(&8)).await, 3);
    for key in 0..20 {
        assert_eq!(goes_to(&producer, order(&key)).await, key % 5);
    }
    assert_eq!(goes_to(&producer, order(&7).header("urgent", "1")).await, 0);
    assert_eq!(goes_to(&producer, order(&7).partition(4)).await, 4);
    let by_partitioner = goes_to(&producer, ProducerRecord::new(TOPIC, "tea")).await;
    assert!((0..5).contains(&by_partitioner));
}

#[tokio::test]
async fn a_route_that_cannot_be_is_an_error_of_its_record() {
    let kafka = kafka(1, 5).await;
    let producer = routed(&kafka.bootstrap_servers(), &[]);
    let wrong = ProducerRecord::new(TOPIC, "tea").header("wrong", "1");
    let error = in_time(producer.send(wrong)).await.unwrap_err();
    assert!(
        matches!(error, SendError::InvalidPartition { partition: -3, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_router_sees_what_interceptors_have_made_of_a_record() {
    use kafka_producer::{InterceptedRecord, InterceptorError, ProducerInterceptor};

    struct Urgent;

    impl ProducerInterceptor<str, str> for Urgent {
        fn on_send(
            &self,
            record: &mut InterceptedRecord<'_, str, str>,
        ) -> Result<(), InterceptorError> {
            record.headers.add("urgent", "1");
            Ok(())
        }
    }

    let kafka = kafka(1, 5).await;
    let builder = configured(Producer::builder(), &kafka.bootstrap_servers(), &[]);
    let builder = builder.interceptor(Urgent);
    let router = |record: &ProducerRecord<'_, str, str>| match record.headers.len() {
        1 => Route::Partition(4),
        _ => Route::Partition(0),
    };
    let producer = builder.router(router).build().unwrap();
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    assert_eq!(in_time(delivery).await.unwrap().partition, 4);
}
