//! Sends a record through an HTTP proxy: how to give a producer a dialer.
//!
//! ```text
//! cargo run -p kafka-producer --example http-connect -- \
//!     --proxy localhost:3128 --bootstrap-server kafka-1:9092 --topic orders
//! ```
//!
//! The dialer is in `dialer.rs`.

#![allow(clippy::print_stdout, reason = "telling where the record is")]

mod dialer;

use std::path::PathBuf;

use clap::Parser;
use kafka_producer::{Producer, ProducerRecord};

use dialer::HttpConnect;

/// Send a record to Kafka through an HTTP proxy.
#[derive(Parser)]
struct Options {
    /// The proxy.
    #[arg(long, value_name = "HOST:PORT")]
    proxy: String,
    /// Who we are there.
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// What holds our password, which a list of processes would show.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// As the proxy knows it.
    #[arg(long, value_name = "HOST:PORT[,HOST:PORT...]")]
    bootstrap_server: String,
    /// Topic to write to.
    #[arg(long, default_value = "orders")]
    topic: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut proxy = HttpConnect::new(options.proxy);
    if let (Some(user), Some(password)) = (options.user, options.password_file) {
        let password = std::fs::read_to_string(password)?;
        proxy = proxy.login(&user, password.trim_end());
    }
    let producer: Producer<str, str> = Producer::builder()
        .bootstrap_servers([options.bootstrap_server])
        .dialer(proxy)
        .build()?;
    let record = ProducerRecord::new(&options.topic, "2 x tea");
    let metadata = producer.send(record).await?.await?;
    println!(
        "{}-{} at {:?}",
        metadata.topic, metadata.partition, metadata.offset
    );
    Ok(())
}
