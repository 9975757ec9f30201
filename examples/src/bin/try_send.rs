//! Never waiting: what a busy loop, a signal handler's thread or a sensor does that must not stand still.
//!
//! ```text
//! cargo run -p examples --bin try_send -- localhost:9092
//! ```
//!
//! `try_send` returns the record if it would have to wait: for metadata of a topic that was never used, or for
//! memory. The program decides what that means; this one counts what it drops.

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::time::Duration;

use kafka_producer::{Producer, ProducerRecord, TrySendError};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let servers = env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:9092".into());
    let producer: Producer<str, str> = Producer::builder()
        .bootstrap_servers([servers])
        .set("buffer.memory", "65536") // little, so that it is full now and then
        .set("batch.size", "4096")
        .build()?;
    // From here on no record waits for metadata.
    producer.warm_up(["measurements"]).await?;

    let (mut accepted, mut dropped) = (0, 0);
    for number in 0..20_000 {
        let measured = format!("{number}: 21.5 °C");
        match producer.try_send(ProducerRecord::new("measurements", &*measured)) {
            Ok(_delivery) => accepted += 1,
            Err(TrySendError::WouldWait(_record, _what_for)) => dropped += 1,
            Err(refused) => return Err(refused.to_string().into()),
        }
    }
    println!("{accepted} accepted, {dropped} dropped");

    let report = producer.close(Duration::from_secs(30)).await?;
    if report.is_clean() {
        Ok(())
    } else {
        Err(format!("not all were delivered: {report:?}").into())
    }
}
