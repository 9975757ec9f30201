//! What Prometheus reads: a service that answers `GET /metrics`, without any framework.
//!
//! ```text
//! cargo run -p examples --bin metrics_endpoint -- localhost:9092 127.0.0.1:9464
//! ```
//!
//! `docs/grafana/kafka-producer.json` is a dashboard of what it serves.

#![allow(
    clippy::print_stdout,
    reason = "showing where it is served is its purpose"
)]

use std::env;
use std::error::Error;
use std::io;
use std::time::Duration;

use kafka_producer::{Producer, ProducerRecord, SendError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let servers = arguments.next().unwrap_or_else(|| "localhost:9092".into());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9464".into());
    let producer: Producer<str, str> = Producer::builder()
        .bootstrap_servers([servers])
        .set("client.id", "shop")
        .set("compression.type", "lz4")
        .build()?;
    let endpoint = TcpListener::bind(address).await?;
    println!("http://{}/metrics", endpoint.local_addr()?);

    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = sell(&producer) => ended?,
        ended = serve(&producer, endpoint) => ended?,
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    producer.close(Duration::from_secs(8)).await?;
    Ok(())
}

/// Answers one after the other.
async fn serve(producer: &Producer<str, str>, endpoint: TcpListener) -> io::Result<()> {
    loop {
        let (connection, _) = endpoint.accept().await?;
        let text = producer.metrics().to_prometheus();
        // Whoever asks and then does not read keeps no other waiting for longer than this.
        let _ = tokio::time::timeout(Duration::from_secs(5), answer(connection, &text)).await;
    }
}

async fn answer(mut connection: TcpStream, text: &str) -> io::Result<()> {
    let _ = connection.read(&mut [0; 4096]).await?; // whatever is asked for
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
    let head = format!("{head}\r\nContent-Length: {}\r\n\r\n", text.len());
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(text.as_bytes()).await?;
    connection.shutdown().await
}

/// What the service does: some orders every ten milliseconds, and a payment for each tenth.
async fn sell(producer: &Producer<str, str>) -> Result<(), SendError> {
    let mut customers = tokio::time::interval(Duration::from_millis(10));
    for number in 0_u64.. {
        customers.tick().await;
        for customer in 0..20 {
            let key = format!("customer-{customer}");
            let order = ProducerRecord::new("orders", "2 x tea, 1 x coffee").key(&*key);
            producer.send_and_forget(order).await?;
        }
        if number % 10 == 0 {
            let payment = ProducerRecord::new("payments", "7.40");
            producer.send_and_forget(payment).await?;
        }
    }
    Ok(())
}
