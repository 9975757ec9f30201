//! Without async: threads that share one producer.
//!
//! ```text
//! cargo run -p examples --bin blocking -- localhost:9092
//! ```

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::thread;
use std::time::Duration;

use kafka_producer::ProducerRecord;
use kafka_producer::blocking::Producer;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let servers = env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:9092".into());
    let producer: Producer<str, str> = Producer::builder().bootstrap_servers([servers]).build()?;

    thread::scope(|scope| {
        let sellers = ["tea", "coffee", "water"].map(|item| {
            let producer = &producer;
            scope.spawn(move || sell(producer, item))
        });
        sellers
            .into_iter()
            .try_for_each(|seller| match seller.join() {
                Ok(sold) => sold,
                Err(_) => Err("a seller panicked".into()),
            })
    })?;

    let report = producer.close(Duration::from_secs(30))?;
    if report.is_clean() {
        Ok(())
    } else {
        Err(format!("not all were delivered: {report:?}").into())
    }
}

/// Sends ten orders, and then waits for the last.
fn sell(producer: &Producer<str, str>, item: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    for cups in 1..10 {
        let order = format!("{cups} x {item}");
        // Nobody asks for each outcome here: `close` counts those that failed.
        producer.send_and_forget(ProducerRecord::new("orders", &*order).key(item))?;
    }
    let order = format!("10 x {item}");
    let last = producer.send(ProducerRecord::new("orders", &*order).key(item))?;
    let metadata = last.wait()?;
    println!(
        "{item}: the last is {}-{} at {:?}",
        metadata.topic, metadata.partition, metadata.offset
    );
    Ok(())
}
