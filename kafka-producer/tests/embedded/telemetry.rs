//! Metrics that brokers ask for (KIP-714): that a producer on real sockets pushes them, from threads of their own,
//! and that whatever the program's metrics do, records and close go on.

use std::sync::mpsc;
use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{Push, TelemetryConfig};
use kafka_producer::error::ClientInstanceIdError;
use kafka_producer::metrics::ApplicationMetric;
use kafka_producer::{Producer, ProducerRecord, blocking};

use crate::scene::{TIME_LIMIT, in_time, producer, until_told};

async fn wanting_metrics(interval: Duration) -> MockCluster {
    let wanted = TelemetryConfig::default().with_push_interval(interval);
    let described = MockCluster::builder().topic("orders", 1).telemetry(wanted);
    described.start().await.unwrap()
}

fn pushes(kafka: &MockCluster) -> Vec<Push> {
    kafka.with_cluster(|cluster| cluster.pushes().cloned().collect())
}

async fn send(producer: &Producer<str, str>) {
    let delivery = in_time(producer.send(ProducerRecord::new("orders", "tea"))).await;
    in_time(delivery.unwrap()).await.unwrap();
}

#[tokio::test]
async fn metrics_are_pushed_under_the_id_that_a_broker_has_given() {
    let kafka = wanting_metrics(Duration::from_millis(100)).await;
    let producer = producer(&kafka, &[]);
    let id = in_time(producer.client_instance_id(TIME_LIMIT))
        .await
        .unwrap();
    let (tell, read) = mpsc::channel();
    producer.register_metric_for_subscription(ApplicationMetric::gauge(
        "shop-metrics",
        "open-orders",
        move || {
            drop(tell.send(std::thread::current().name().map(str::to_owned)));
            7.0
        },
    ));
    send(&producer).await;
    let thread = tokio::task::spawn_blocking(move || read.recv_timeout(TIME_LIMIT).unwrap());
    assert_eq!(
        thread.await.unwrap().as_deref(),
        Some("kafka-producer metrics")
    );
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    let pushes = pushes(&kafka);
    assert!(pushes.iter().all(|push| push.client_instance_id == id));
    assert!(!pushes.is_empty());
}

#[tokio::test]
async fn a_last_push_is_made_at_the_end() {
    let kafka = wanting_metrics(Duration::from_secs(3_600)).await;
    // It is waited for a second only, in which a machine may stand still.
    until_told(async || {
        let producer = producer(&kafka, &[]);
        in_time(producer.client_instance_id(TIME_LIMIT))
            .await
            .unwrap();
        send(&producer).await;
        in_time(producer.close(TIME_LIMIT)).await.unwrap();
        let last = pushes(&kafka).pop()?;
        assert!(last.terminating && !last.metrics.is_empty());
        Some(())
    })
    .await;
}

#[tokio::test]
async fn a_metric_that_never_returns_holds_up_neither_records_nor_close() {
    let kafka = wanting_metrics(Duration::from_millis(100)).await;
    let producer = producer(&kafka, &[]);
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let (tell, read) = mpsc::channel();
    producer.register_metric_for_subscription(ApplicationMetric::gauge(
        "shop-metrics",
        "stuck",
        move || {
            let _ = tell.send(());
            let _ = held.lock().unwrap().recv();
            0.0
        },
    ));
    send(&producer).await;
    let stuck = tokio::task::spawn_blocking(move || read.recv_timeout(TIME_LIMIT));
    stuck.await.unwrap().unwrap();
    send(&producer).await;
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(report.is_clean());
    assert!(pushes(&kafka).is_empty());
    drop(release);
}

#[tokio::test]
async fn without_enable_metrics_push_nothing_is_asked() {
    let kafka = wanting_metrics(Duration::from_millis(100)).await;
    let producer = producer(&kafka, &[("enable.metrics.push", "false")]);
    send(&producer).await;
    let id = in_time(producer.client_instance_id(TIME_LIMIT)).await;
    assert_eq!(id, Err(ClientInstanceIdError::Disabled));
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert!(pushes(&kafka).is_empty());
}

#[test]
fn programs_without_async_are_told_the_id_too() {
    let wanted = TelemetryConfig::default();
    let kafka = MockCluster::builder().telemetry(wanted).start_blocking();
    let kafka = kafka.unwrap();
    let producer: blocking::Producer<str, str> = blocking::Producer::builder()
        .bootstrap_servers([kafka.bootstrap_servers()])
        .build()
        .unwrap();
    let id = producer.client_instance_id(TIME_LIMIT).unwrap();
    assert!(!id.is_zero());
    let metric = ApplicationMetric::gauge("shop-metrics", "open-orders", || 7.0);
    let registered = producer.register_metric_for_subscription(metric);
    assert!(producer.unregister_metric_from_subscription(&registered));
    producer.close(TIME_LIMIT).unwrap();
}
