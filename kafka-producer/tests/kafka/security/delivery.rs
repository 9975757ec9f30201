//! Records and transactions, written with each kind of security, are what Kafka's own consumer reads.

use kafka_producer::{Producer, ProducerRecord};

use super::{KINDS, builder, properties};
use crate::cluster::{TIME_LIMIT, create_topic, in_time, servers, topic_name};
use crate::tools::tool;

const PARTITIONS: i32 = 3;
const RECORDS: i32 = 50;
const COMMITTED: i32 = 10;

async fn write_records(producer: &Producer<str, str>, topic: &str, kind: &str) {
    let mut deliveries = Vec::new();
    for number in 0..RECORDS {
        let value = format!("{kind} {number}");
        let record = ProducerRecord::new(topic, &*value).partition(number % PARTITIONS);
        deliveries.push(in_time(producer.send(record)).await.unwrap());
    }
    for delivery in deliveries {
        in_time(delivery).await.unwrap();
    }
    assert!(
        in_time(producer.close(TIME_LIMIT))
            .await
            .unwrap()
            .is_clean()
    );
}

/// One transaction is committed, one is aborted.
async fn write_transactions(producer: &Producer<str, str>, topic: &str, kind: &str) {
    in_time(producer.init_transactions()).await.unwrap();
    for what in ["committed", "aborted"] {
        let transaction = in_time(producer.begin_transaction()).await.unwrap();
        for number in 0..COMMITTED {
            let value = format!("{kind} {what} {number}");
            let record = ProducerRecord::new(topic, &*value).partition(0);
            in_time(transaction.send_and_forget(record)).await.unwrap();
        }
        match what {
            "committed" => in_time(transaction.commit()).await.unwrap(),
            _ => in_time(transaction.abort()).await.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn records_and_transactions_are_written_with_each_kind_of_security() {
    let topic = create_topic("security", PARTITIONS, &[]);
    for kind in KINDS {
        let properties = properties(kind);
        let plain = builder(&properties).build();
        write_records(&plain.unwrap(), &topic, kind).await;
        let transactional = builder(&properties).set("transactional.id", topic_name("id"));
        write_transactions(&transactional.build().unwrap(), &topic, kind).await;
    }
    let per_kind = (RECORDS + COMMITTED) as usize;
    let read = committed(&topic, KINDS.len() * per_kind);
    for kind in KINDS {
        let of_kind = read
            .iter()
            .filter(|(_, value)| value.split(' ').next() == Some(kind));
        let of_kind: Vec<_> = of_kind.collect();
        for partition in 0..PARTITIONS {
            let found = of_kind.iter().filter(|(of, _)| *of == partition);
            let found: Vec<&str> = found.map(|(_, value)| value.as_str()).collect();
            let numbers = (partition..RECORDS).step_by(PARTITIONS as usize);
            let mut expected: Vec<String> = numbers.map(|it| format!("{kind} {it}")).collect();
            if partition == 0 {
                expected.extend((0..COMMITTED).map(|it| format!("{kind} committed {it}")));
            }
            assert_eq!(found, expected, "partition {partition}");
        }
    }
}

/// So many committed records, each with its partition, in the order in which Kafka's consumer reads them.
fn committed(topic: &str, count: usize) -> Vec<(i32, String)> {
    let count = count.to_string();
    let mut arguments = vec![
        "--topic",
        topic,
        "--from-beginning",
        "--max-messages",
        &count,
    ];
    arguments.extend([
        "--isolation-level",
        "read_committed",
        "--timeout-ms",
        "240000",
    ]);
    arguments.extend(["--formatter-property", "print.partition=true"]);
    let printed = tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        &arguments,
    );
    let lines = printed.lines().map(|line| {
        let (partition, value) = line.split_once('\t').unwrap();
        let partition = partition.strip_prefix("Partition:").unwrap();
        (partition.parse().unwrap(), value.to_owned())
    });
    let read: Vec<_> = lines.collect();
    assert_eq!(read.len().to_string(), count, "read from {}", servers());
    read
}
