//! A partitioner of one's own: large customers have a partition for themselves.
//!
//! ```text
//! cargo run -p examples --bin partitioner -- localhost:9092
//! ```

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::time::Duration;

use kafka_producer::partition::{DefaultPartitioner, Partitioner, RecordView, TopicView};
use kafka_producer::{Producer, ProducerRecord};

/// The last partition belongs to customers whose key begins with `large-`; all others go where Kafka's
/// default sends them.
#[derive(Debug, Default)]
struct LargeCustomersApart(DefaultPartitioner);

impl Partitioner for LargeCustomersApart {
    // Keys have been serialized by then: these are the bytes in the record.
    fn partition(&self, topic: &TopicView<'_>, record: &RecordView<'_>) -> i32 {
        match record.key {
            Some(key) if key.starts_with(b"large-") => topic.last_partition(),
            _ => self.0.partition(topic, record),
        }
    }

    fn batch_filled(&self, topic: &TopicView<'_>, partition: i32) {
        self.0.batch_filled(topic, partition);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let servers = env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:9092".into());
    let producer: Producer<str, str> = Producer::builder()
        .bootstrap_servers([servers])
        .partitioner(LargeCustomersApart::default())
        .build()?;

    for customer in ["large-1", "small-1", "small-2", "large-2"] {
        let record = ProducerRecord::new("orders", "2 x tea").key(customer);
        let metadata = producer.send(record).await?.await?;
        println!("{customer}: partition {}", metadata.partition);
    }

    producer.close(Duration::from_secs(30)).await?;
    Ok(())
}
