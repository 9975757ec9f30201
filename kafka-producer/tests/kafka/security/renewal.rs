//! Sessions that end every five seconds, while records are written all the time.
//!
//! Twenty seconds in CI; by hand for as many as `KAFKA_RENEWAL_SECONDS` says. The cluster must have been
//! started with `--set connections.max.reauth.ms=5000`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_producer::{Producer, ProducerRecord};
use tokio::task::JoinSet;

use super::{builder, properties};
use crate::cluster::{TIME_LIMIT, create_topic, in_time};
use crate::tools::kcat;

const PARTITIONS: i32 = 3;
/// No pause between two acknowledgements is longer. A busy machine takes its time as well.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// What one of many senders has seen: how many records it wrote, and its longest wait for one.
type Seen = (usize, Duration);

/// Writes one record after the other, each when the one before is acknowledged.
async fn write(
    producer: Arc<Producer<str, str>>,
    topic: String,
    partition: i32,
    end: Instant,
) -> Seen {
    let (mut count, mut longest) = (0, Duration::ZERO);
    while Instant::now() < end {
        let value = format!("{count}");
        let started = Instant::now();
        let record = ProducerRecord::new(&topic, &*value).partition(partition);
        let delivery = in_time(producer.send(record)).await.unwrap();
        in_time(delivery).await.unwrap();
        // The first one waits for connections and metadata.
        if count > 0 {
            longest = longest.max(started.elapsed());
        }
        count += 1;
    }
    (count, longest)
}

fn seconds() -> u64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "whoever runs it by hand says how long"
    )]
    let asked = std::env::var("KAFKA_RENEWAL_SECONDS");
    asked.map_or(20, |asked| asked.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn sessions_are_renewed_while_records_are_written() {
    let end = Instant::now() + Duration::from_secs(seconds());
    let kinds = [
        "sasl-plain",
        "sasl-scram",
        "sasl-ssl-scram-512",
        "sasl-oauth",
    ];
    let mut writers = JoinSet::new();
    let mut written = Vec::new();
    for kind in kinds {
        let topic = create_topic(kind, PARTITIONS, &[]);
        let producer = builder(&properties(kind)).set("linger.ms", "0").build();
        let producer = Arc::new(producer.unwrap());
        for partition in 0..PARTITIONS {
            let work = write(Arc::clone(&producer), topic.clone(), partition, end);
            let work = async move { (kind, partition, work.await) };
            writers.spawn(work);
        }
        written.push((kind, topic, producer));
    }
    let seen = writers.join_all().await;
    for (kind, topic, producer) in written {
        assert!(
            in_time(producer.close(TIME_LIMIT))
                .await
                .unwrap()
                .is_clean()
        );
        let of_kind = seen.iter().filter(|(of, ..)| *of == kind);
        let of_kind: BTreeMap<i32, Seen> = of_kind.map(|&(_, at, seen)| (at, seen)).collect();
        let longest = of_kind.values().map(|(_, longest)| *longest).max();
        let total: usize = of_kind.values().map(|(count, _)| count).sum();
        println!("{kind}: {total} records, the longest pause {longest:?}");
        assert!(longest < Some(PAUSE_MAX), "{kind}: {longest:?}");
        in_order_and_once(&topic, &of_kind);
    }
}

/// Each partition has the numbers from 0, each once and in order.
fn in_order_and_once(topic: &str, written: &BTreeMap<i32, Seen>) {
    let mut read: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for record in kcat(topic) {
        let numbers = read.entry(record.partition).or_default();
        numbers.push(record.text().parse().unwrap());
    }
    for (partition, (count, _)) in written {
        let read = &read[partition];
        let same = read.iter().copied().eq(0..*count);
        assert!(
            same,
            "partition {partition} of {topic}: {count} written, {} read",
            read.len()
        );
    }
}
