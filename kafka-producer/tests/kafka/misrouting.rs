//! Addresses of two nodes that lead to each other's (KIP-1242): no record is sent there, the reason is told, and
//! everything is acknowledged in the end.

use std::sync::Mutex;

use kafka_producer::{Delivery, Producer, ProducerRecord};
use kafka_wire::ApiKey;
use kafka_wire::messages::metadata::MetadataRequest;
use log::{LevelFilter, Log, Metadata, Record};

use crate::cluster::{TIME_LIMIT, ask, builder, create_topic_on, in_time};
use crate::exchange::Exchange;
use crate::tools::kcat;

static WARNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collect;

impl Log for Collect {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == "kafka_producer" {
            WARNED.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Where the partitions lie, the leader first.
const NODES: [[i32; 3]; 3] = [[1, 2, 3], [2, 3, 1], [3, 1, 2]];
const RECORDS: usize = 50;

async fn send(producer: &Producer<str, str>, topic: &str, from: usize) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for number in from..from + RECORDS {
        for partition in 0..3 {
            let value = number.to_string();
            let record = ProducerRecord::new(topic, &*value).partition(partition);
            deliveries.push(in_time(producer.send(record)).await.unwrap());
        }
    }
    deliveries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn no_record_is_sent_to_a_node_whose_address_leads_to_another() {
    log::set_logger(&Collect).unwrap();
    log::set_max_level(LevelFilter::Warn);
    let topic = create_topic_on("misrouting", &NODES);
    let nodes = ask(12, &MetadataRequest::default());
    let cluster = nodes.cluster_id.unwrap();
    let port = |id: i32| {
        let node = nodes.brokers.iter().find(|node| node.node_id == id);
        node.unwrap().port as u16
    };
    let exchange = Exchange::of([port(1), port(2)]);
    let producer = builder(&[]).dialer(exchange.clone()).build().unwrap();
    for delivery in send(&producer, &topic, 0).await {
        in_time(delivery).await.unwrap();
    }

    exchange.turn(true);
    let waiting = send(&producer, &topic, RECORDS).await;
    let hasty = [
        ("request.timeout.ms", "1000"),
        ("delivery.timeout.ms", "3000"),
    ];
    let hasty = builder(&hasty).dialer(exchange.clone()).build().unwrap();
    let record = ProducerRecord::new(&topic, "in vain").partition(0);
    let error = in_time(in_time(hasty.send(record)).await.unwrap()).await;
    let error = error.unwrap_err().to_string();
    // Of either: while brokers' addresses are asked for, the last that was met is told of.
    let whys = [1, 2].map(|node| {
        format!("leads to another broker or cluster, not to broker {node} of cluster {cluster}")
    });
    assert!(whys.iter().any(|why| error.contains(why)), "{error}");

    exchange.turn(false);
    for delivery in waiting {
        in_time(delivery).await.unwrap();
    }
    let report = in_time(producer.close(TIME_LIMIT / 2)).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    let astray = exchange.asked_astray();
    assert!(!astray.is_empty(), "no connection led elsewhere");
    // A bootstrap server may be any node: it tells of the cluster, and is sent no record.
    for keys in astray {
        assert!(!keys.contains(&ApiKey::PRODUCE.0), "{keys:?}");
    }
    let warned = WARNED.lock().unwrap().join("\n");
    assert!(whys.iter().all(|why| warned.contains(why)), "{warned}");
    let read = kcat(&topic);
    for partition in 0..3 {
        let of_it = read.iter().filter(|record| record.partition == partition);
        let numbers = of_it.map(|record| record.text().parse::<usize>().unwrap());
        assert!(numbers.eq(0..RECORDS * 2), "partition {partition}");
    }
}
