//! Values of a type of your own, as JSON (feature `json`).
//!
//! ```text
//! cargo run -p examples --bin json -- localhost:9092
//! ```

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::time::Duration;

use kafka_producer::serialize::{Json, Utf8};
use kafka_producer::{Producer, ProducerRecord};

#[derive(serde::Serialize)]
struct Order {
    item: String,
    cups: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let servers = env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:9092".into());
    // Keys are text, values are orders: other types do not compile.
    let producer: Producer<str, Order> = Producer::builder_with(Utf8, Json)
        .bootstrap_servers([servers])
        .build()?;

    let order = Order {
        item: "tea".into(),
        cups: 2,
    };
    let record = ProducerRecord::new("orders", &order).key("customer-7");
    let metadata = producer.send(record).await?.await?;
    println!(
        "{}-{} at {:?}",
        metadata.topic, metadata.partition, metadata.offset
    );

    producer.close(Duration::from_secs(30)).await?;
    Ok(())
}
