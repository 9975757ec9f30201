//! `explain`, as a program asks it: before a record, while one waits, and after the end; and what the error of the
//! record tells then.

use std::time::Duration;

use kafka_producer::error::TimelineEvent;
use kafka_producer::{Standing, blocking};

use crate::scene::{FOR_EVER, TOPIC, in_time, is_ready, kafka, producer, record};

#[tokio::test]
async fn a_record_that_waits_is_explained_and_so_is_the_end() {
    let kafka = kafka(1, 1).await;
    let producer = producer(&kafka, &FOR_EVER);
    is_ready(&producer).await;
    let before = in_time(producer.explain(TOPIC, 0)).await.unwrap();
    assert_eq!(before.to_string(), "orders-0: no record waits");
    let delivery = in_time(producer.send(record("tea"))).await.unwrap();
    let meanwhile = in_time(producer.explain(TOPIC, 0)).await.unwrap();
    let told = meanwhile.to_string();
    assert!(told.starts_with("orders-0: 1 record(s) wait, "), "{told}");
    assert!(told.contains("it lingers for "), "{told}");
    kafka.kill_broker(kafka_mock::cluster::BrokerId(1)).unwrap();
    let _ = in_time(producer.close(Duration::ZERO)).await.unwrap();
    let after = in_time(producer.explain(TOPIC, 0)).await.unwrap();
    assert_eq!(after.standing, Standing::Closed);
    let error = in_time(delivery).await.unwrap_err();
    let events = error.timeline().events();
    let last = events.last();
    assert!(
        matches!(last, Some(TimelineEvent::Failed { .. })),
        "{events:?}"
    );
}

#[test]
fn a_program_without_a_runtime_is_told_as_well() {
    let producer = blocking::Producer::<str, str>::builder()
        .bootstrap_servers(["127.0.0.1:1"])
        .build()
        .unwrap();
    let explanation = producer.explain(TOPIC, 3).unwrap();
    assert_eq!(explanation.standing, Standing::Nothing);
}
