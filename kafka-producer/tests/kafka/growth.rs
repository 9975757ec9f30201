//! Topics that appear and grow while a producer is at work.

use std::collections::BTreeSet;
use std::time::Instant;

use kafka_producer::ProducerRecord;

use crate::cluster::{PATIENCE, create_topic, in_time, producer, topic_name};
use crate::tools::{kcat, tool};

#[tokio::test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn the_first_send_creates_the_topic() {
    let topic = topic_name("created");
    let producer = producer(&[]).await;
    let delivery = in_time(producer.send(ProducerRecord::new(&topic, "tea")))
        .await
        .unwrap();
    let metadata = in_time(delivery).await.unwrap();
    assert_eq!(metadata.offset, Some(0));
    let read = kcat(&topic);
    assert_eq!(read.len(), 1);
    assert_eq!(
        (read[0].partition, read[0].text()),
        (metadata.partition, "tea")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn new_partitions_are_used_after_a_refresh() {
    let topic = create_topic("grown", 1, &[]);
    let producer = producer(&[("metadata.max.age.ms", "500"), ("batch.size", "200")]).await;
    let grown = topic.clone();
    let alter = tokio::task::spawn_blocking(move || {
        let arguments = ["--alter", "--topic", &grown, "--partitions", "4"];
        tool("org.apache.kafka.tools.TopicCommand", &arguments)
    });
    let (started, mut used, mut sent) = (Instant::now(), BTreeSet::new(), 0);
    while used.len() < 4 {
        assert!(started.elapsed() < PATIENCE, "only {used:?} are used");
        let value = format!("{sent} record without a key");
        let delivery = in_time(producer.send(ProducerRecord::new(&topic, &*value)))
            .await
            .unwrap();
        used.insert(in_time(delivery).await.unwrap().partition);
        sent += 1;
    }
    in_time(alter).await.unwrap();
    assert!(in_time(producer.close(PATIENCE)).await.unwrap().is_clean());
    let read = kcat(&topic);
    let values: BTreeSet<_> = read.iter().map(|record| record.text().to_owned()).collect();
    assert_eq!((read.len(), values.len()), (sent, sent));
}
