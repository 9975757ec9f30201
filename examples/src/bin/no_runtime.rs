//! Without a runtime: a thread that polls one future at a time, and sleeps meanwhile (`pollster`).
//!
//! ```text
//! cargo run -p examples --bin no_runtime -- localhost:9092
//! ```

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::time::Duration;

use kafka_producer::{Producer, ProducerRecord};
use pollster::FutureExt as _;

fn main() -> Result<(), Box<dyn Error>> {
    let servers = env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:9092".into());
    let producer: Producer<str, str> = Producer::builder().bootstrap_servers([servers]).build()?;

    // Each is accepted before the next, and delivered while the others are sent.
    let mut deliveries = Vec::new();
    for cups in 1..=10 {
        let order = format!("{cups} x tea");
        let record = ProducerRecord::new("orders", &*order).key("tea");
        deliveries.push(producer.send(record).block_on()?);
    }
    for delivery in deliveries {
        let metadata = delivery.block_on()?;
        println!("{}-{}", metadata.topic, metadata.partition);
    }
    producer.close(Duration::from_secs(30)).block_on()?;
    Ok(())
}
