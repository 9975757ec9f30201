//! Addresses of two brokers that lead to each other's (KIP-1242): nothing but the question what a broker speaks
//! is sent there, and all records are where they belong when the addresses are right again.

use kafka_mock::MockCluster;
use kafka_mock::cluster::{BrokerId, ClusterConfig};
use kafka_producer::{Delivery, ProducerRecord};
use kafka_wire::ApiKey;

use crate::exchange::Exchange;
use crate::{TOPIC, builder, in_time};

/// Three brokers, each of which leads the partition of its number.
async fn kafka(config: ClusterConfig) -> MockCluster {
    let described = MockCluster::builder().config(config.with_brokers(3));
    let kafka = described.topic(TOPIC, 4).start().await.unwrap();
    for id in 1..=3 {
        kafka.with_cluster(|cluster| cluster.move_leader(TOPIC, id, BrokerId(id)).unwrap());
    }
    kafka
}

fn ports(kafka: &MockCluster) -> Vec<u16> {
    let servers = kafka.bootstrap_servers();
    let ports = servers.split(',').map(|server| server.rsplit_once(':'));
    ports.map(|port| port.unwrap().1.parse().unwrap()).collect()
}

async fn send(
    producer: &kafka_producer::Producer<str, str>,
    partition: i32,
    value: &str,
) -> Delivery {
    let record = ProducerRecord::new(TOPIC, value).partition(partition);
    in_time(producer.send(record)).await.unwrap()
}

#[tokio::test]
async fn no_record_is_sent_to_a_broker_that_is_not_the_one_that_is_meant() {
    let kafka = kafka(ClusterConfig::default()).await;
    let ports = ports(&kafka);
    let exchange = Exchange::of([ports[0], ports[1]]);
    // The third broker is the way in.
    let third = format!("127.0.0.1:{}", ports[2]);
    let producer = builder(&third, exchange.clone()).build().unwrap();
    let hasty = builder(&third, exchange.clone())
        .set("request.timeout.ms", "300")
        .set("delivery.timeout.ms", "600")
        .set("linger.ms", "0");
    let hasty = hasty.build().unwrap();
    for partition in 1..=3 {
        let delivery = send(&producer, partition, "before").await;
        assert_eq!(in_time(delivery).await.unwrap().offset, Some(0));
    }
    exchange.turn(true);
    let mut waiting = Vec::new();
    for partition in 1..=2 {
        waiting.push(send(&producer, partition, "meanwhile").await);
    }
    let elsewhere = send(&producer, 3, "meanwhile").await;
    assert_eq!(in_time(elsewhere).await.unwrap().offset, Some(1));
    let error = in_time(send(&hasty, 1, "in vain").await).await.unwrap_err();
    let why = "leads to another broker or cluster, not to broker 1 of cluster ";
    assert!(error.to_string().contains(why), "{error}");
    exchange.turn(false);
    for delivery in waiting {
        assert_eq!(in_time(delivery).await.unwrap().offset, Some(1));
    }
    let astray = exchange.asked_astray();
    assert!(!astray.is_empty(), "no connection led elsewhere");
    for keys in astray {
        assert_eq!(keys, [ApiKey::API_VERSIONS.0]);
    }
}

#[tokio::test]
async fn a_broker_that_cannot_compare_is_asked_in_its_own_version() {
    let caps = vec![(ApiKey::API_VERSIONS, 4)];
    let kafka = kafka(ClusterConfig::default().with_version_caps(caps)).await;
    let ports = ports(&kafka);
    let exchange = Exchange::of([ports[0], ports[1]]);
    let producer = builder(&kafka.bootstrap_servers(), exchange).build();
    let delivery = send(&producer.unwrap(), 1, "tea").await;
    assert_eq!(in_time(delivery).await.unwrap().offset, Some(0));
}
