//! What a new topic costs when many are known: as much as the first.
//!
//! What is asserted is how much is asked; the time that it took is told by
//! `cargo test -p kafka-producer --all-features --test embedded -- ten_thousand --nocapture`.

use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_producer::ProducerRecord;
use kafka_wire::ApiKey;

use crate::scene::{in_time, producer};

const TOPICS: usize = 10_000;
const HUNDRED: usize = 100;

/// The processor time of this process so far, where the system tells it: in hundredths of a second.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 10))
}

/// How often the cluster was asked about itself so far.
fn questions(kafka: &MockCluster) -> usize {
    let requests = kafka.requests();
    let about_cluster = requests.iter().filter(|seen| seen.api == ApiKey::METADATA);
    about_cluster.count()
}

#[expect(clippy::print_stdout, reason = "the time is told, not asserted")]
fn tell(topics: &std::ops::Range<usize>, time: Duration) {
    println!("topics {topics:?}: {time:?} of processor time");
}

/// One record for each of these topics, one after another: how often the cluster was asked about itself
/// meanwhile.
async fn send_to(
    kafka: &MockCluster,
    producer: &kafka_producer::Producer<str, str>,
    topics: std::ops::Range<usize>,
) -> usize {
    let (before, cpu) = (questions(kafka), cpu_time());
    for topic in topics.clone() {
        let name = format!("topic-{topic}");
        let delivery = in_time(producer.send(ProducerRecord::new(&name, "tea"))).await;
        in_time(delivery.unwrap()).await.unwrap();
    }
    if let (Some(before), Some(after)) = (cpu, cpu_time()) {
        tell(&topics, after - before);
    }
    questions(kafka) - before
}

#[tokio::test]
async fn the_last_of_ten_thousand_topics_cost_as_many_questions_as_the_first() {
    let topics = (0..TOPICS).map(|topic| format!("topic-{topic}"));
    let builder = topics.fold(MockCluster::builder(), |builder, topic| {
        builder.topic(topic, 1)
    });
    let kafka = builder.start().await.unwrap();
    let producer = producer(&kafka, &[("linger.ms", "0")]);
    let first = send_to(&kafka, &producer, 0..HUNDRED).await;
    let _ = send_to(&kafka, &producer, HUNDRED..TOPICS - HUNDRED).await;
    let last = send_to(&kafka, &producer, TOPICS - HUNDRED..TOPICS).await;
    for asked in [first, last] {
        // And a few when `metadata.max.age.ms` or the start of the producer has it ask.
        let expected = HUNDRED..=HUNDRED + 10;
        assert!(expected.contains(&asked), "{asked} questions");
    }
    in_time(producer.close(crate::scene::TIME_LIMIT))
        .await
        .unwrap();
}
