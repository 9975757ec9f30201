//! Leaders that move under a pipeline of requests: nothing is lost, doubled or out of order.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use kafka_producer::{DeliveryError, ProducerRecord};
use serde_json::json;

use crate::cluster::{TIME_LIMIT, create_topic_on, in_time, leaders, producer};
use crate::tools::{kcat, tool};

/// Where the partitions lie at first, the leader first.
const BEFORE: [[i32; 3]; 6] = [
    [1, 2, 3],
    [2, 3, 1],
    [3, 1, 2],
    [1, 3, 2],
    [2, 1, 3],
    [3, 2, 1],
];
/// And later: each with another leader.
const AFTER: [[i32; 3]; 6] = [
    [2, 3, 1],
    [3, 1, 2],
    [1, 2, 3],
    [3, 2, 1],
    [1, 3, 2],
    [2, 1, 3],
];

/// Puts other nodes first, then makes the first ones lead, by Kafka's own tools.
fn move_leaders(topic: &str, to: [[i32; 3]; 6]) {
    let partitions = |with: fn(usize, &[i32; 3]) -> serde_json::Value| {
        to.iter()
            .enumerate()
            .map(|(at, nodes)| with(at, nodes))
            .collect::<Vec<_>>()
    };
    let mut plan = partitions(|at, nodes| json!({"partition": at, "replicas": nodes}));
    let mut election = partitions(|at, _| json!({"partition": at}));
    for partition in plan.iter_mut().chain(&mut election) {
        partition["topic"] = json!(topic);
    }
    let plan = file(&json!({"version": 1, "partitions": plan}));
    let class = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
    let path = plan.path().to_str().unwrap();
    tool(class, &["--execute", "--reassignment-json-file", path]);
    let election = file(&json!({"partitions": election}));
    let class = "org.apache.kafka.tools.LeaderElectionCommand";
    let path = election.path().to_str().unwrap();
    tool(
        class,
        &["--election-type", "PREFERRED", "--path-to-json-file", path],
    );
}

fn file(content: &serde_json::Value) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.to_string().as_bytes()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn five_requests_in_flight_keep_their_order_while_leaders_move() {
    let topic = create_topic_on("leaders", &BEFORE);
    // A small buffer keeps the senders at the pace of the brokers, with all windows full.
    let settings = [
        ("batch.size", "1000"),
        ("buffer.memory", "200000"),
        ("linger.ms", "1"),
        ("retry.backoff.ms", "20"),
    ];
    let producer = producer(&settings);
    let failed = Arc::new(Mutex::new(Vec::new()));
    let moved = Arc::new(AtomicBool::new(false));
    let mover = tokio::task::spawn_blocking({
        let (topic, moved) = (topic.clone(), Arc::clone(&moved));
        move || {
            move_leaders(&topic, AFTER);
            moved.store(true, Ordering::Release);
        }
    });
    // Until leaders have moved, and as much again as may be in flight.
    let (mut sent, mut after) = (0_i64, 0);
    while after < 500 {
        after += i64::from(moved.load(Ordering::Acquire) || mover.is_finished());
        for partition in 0..6 {
            let value = format!("{sent} {}", "x".repeat(100));
            let record = ProducerRecord::new(&topic, &*value).partition(partition);
            let failed = Arc::clone(&failed);
            let callback = move |outcome: Result<_, &DeliveryError>| {
                if let Err(error) = outcome {
                    failed.lock().unwrap().push(error.to_string());
                }
            };
            in_time(producer.send_with(record, callback)).await.unwrap();
        }
        sent += 1;
    }
    in_time(mover).await.unwrap();
    let report = in_time(producer.close(TIME_LIMIT / 2)).await.unwrap();
    assert!(
        report.is_clean(),
        "{report:?}: {:?}",
        failed.lock().unwrap().first()
    );
    let leaders: Vec<i32> = leaders(&topic).into_values().collect();
    assert_eq!(leaders, AFTER.map(|nodes| nodes[0]));
    let read = kcat(&topic);
    for partition in 0..6 {
        let of_it = read.iter().filter(|record| record.partition == partition);
        let numbers = of_it.map(|record| {
            record
                .text()
                .split(' ')
                .next()
                .unwrap()
                .parse::<i64>()
                .unwrap()
        });
        assert!(
            numbers.eq(0..sent),
            "partition {partition}: lost, doubled or out of order"
        );
    }
}
