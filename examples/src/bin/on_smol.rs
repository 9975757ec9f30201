//! Under smol: the producer needs no runtime of tokio around it, and its futures run wherever they are awaited.
//!
//! ```text
//! cargo run -p examples --features smol --bin on_smol -- localhost:9092
//! ```

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kafka_producer::{DeliveryError, Producer, ProducerRecord, RecordMetadata, SendError};

fn main() -> Result<(), Box<dyn Error>> {
    let servers = env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:9092".into());
    let producer: Producer<str, str> = Producer::builder().bootstrap_servers([servers]).build()?;
    let producer = Arc::new(producer);
    smol::block_on(async {
        let sellers = ["tea", "coffee", "water"].map(|item| {
            let producer = Arc::clone(&producer);
            smol::spawn(async move { sell(&producer, item).await })
        });
        for seller in sellers {
            let last = seller.await??;
            println!(
                "the last is {}-{} at {:?}",
                last.topic, last.partition, last.offset
            );
        }
        let report = producer.close(Duration::from_secs(30)).await?;
        match report.is_clean() {
            true => Ok(()),
            false => Err(format!("not all were delivered: {report:?}").into()),
        }
    })
}

/// Sends ten orders, one after the other, and then waits for the last.
async fn sell(
    producer: &Producer<str, str>,
    item: &str,
) -> Result<Result<RecordMetadata, DeliveryError>, SendError> {
    for cups in 1..10 {
        smol::Timer::after(Duration::from_millis(5)).await;
        let order = format!("{cups} x {item}");
        let record = ProducerRecord::new("orders", &*order).key(item);
        producer.send_and_forget(record).await?;
    }
    let order = format!("10 x {item}");
    let last = producer.send(ProducerRecord::new("orders", &*order).key(item));
    Ok(last.await?.await)
}
