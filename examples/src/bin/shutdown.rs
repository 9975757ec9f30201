//! A service that sends until it is asked to end (Ctrl-C or SIGTERM), and then loses nothing.
//!
//! ```text
//! cargo run -p examples --bin shutdown -- localhost:9092
//! ```

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::env;
use std::error::Error;
use std::time::Duration;

use kafka_producer::{Producer, ProducerRecord, SendError};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let servers = env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost:9092".into());
    let producer: Producer<str, str> = Producer::builder().bootstrap_servers([servers]).build()?;
    let mut terminated = signal(SignalKind::terminate())?;

    tokio::select! {
        ended = serve(&producer) => ended?,
        // A record whose `send` is dropped here was not accepted: there is nothing to lose.
        _ = terminated.recv() => println!("terminated"),
        _ = tokio::signal::ctrl_c() => println!("interrupted"),
    }

    // Sends what was accepted. Orchestrators kill after 10 to 30 seconds: stay below.
    let report = producer.close(Duration::from_secs(8)).await?;
    println!(
        "{} delivered, {} failed, {} unknown",
        report.delivered, report.failed, report.unknown
    );
    if report.is_clean() {
        Ok(())
    } else {
        Err("not all records are in the log".into())
    }
}

/// What the service does: here, an order every ten milliseconds.
async fn serve(producer: &Producer<str, str>) -> Result<(), SendError> {
    let mut orders = tokio::time::interval(Duration::from_millis(10));
    loop {
        orders.tick().await;
        producer
            .send_and_forget(ProducerRecord::new("orders", "2 x tea"))
            .await?;
    }
}
