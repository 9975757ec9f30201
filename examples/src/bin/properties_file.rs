//! The configuration from a file that Java programs have, too, and from the environment.
//!
//! ```text
//! cargo run -p examples --bin properties_file -- client.properties
//! KAFKA_LINGER_MS=20 cargo run -p examples --bin properties_file -- client.properties
//! ```

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::time::Duration;

use kafka_producer::{Producer, ProducerConfig, ProducerRecord};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("name a file of properties")?;
    // What comes later goes before what came earlier.
    let config = ProducerConfig::from_properties_file(file)?
        .merge(ProducerConfig::from_environment("KAFKA_")?)
        .set("client.id", "orders-service");
    // Names every problem at once, before anything is connected.
    let producer: Producer<str, str> = Producer::builder().config(config).build()?;

    let metadata = producer
        .send(ProducerRecord::new("orders", "2 x tea"))
        .await?
        .await?;
    println!(
        "{}-{} at {:?}",
        metadata.topic, metadata.partition, metadata.offset
    );

    producer.close(Duration::from_secs(30)).await?;
    Ok(())
}
