//! Measures the producer: throughput, CPU per record and latency, as one line of JSON.
//!
//! The flags and the line are those by which other Kafka producers are measured too, so that all
//! of them can stand side by side. Records are generated before anything is timed; a warm-up is
//! sent first, then every counter starts anew.

mod crowd;
mod pace;
mod payload;
mod report;
mod sending;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use kafka_producer::blocking::Producer;

use crowd::Crowd;
use payload::{Payload, Pools};
use report::{Report, Usage};
use sending::{Load, Outcomes, Seen, Sender, histogram};

/// Measures throughput, CPU time per record and latency; prints one line of JSON.
#[derive(Parser)]
#[command(name = "producer-perf", version)]
struct Args {
    /// Bootstrap servers, HOST:PORT[,HOST:PORT...].
    #[arg(long, visible_alias = "bootstrap-server")]
    bootstrap: String,
    /// The topic to write to.
    #[arg(long)]
    topic: String,
    /// Records to send and measure.
    #[arg(long)]
    records: u64,
    /// Records to send before.
    #[arg(long, default_value_t = 0)]
    warmup: u64,
    /// Bytes of a value.
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// Bytes of a key; 0: null keys.
    #[arg(long, default_value_t = 0)]
    key_size: usize,
    /// 0, 1 or all.
    #[arg(long, default_value = "all")]
    acks: String,
    /// none, gzip, snappy, lz4 or zstd.
    #[arg(long, default_value = "none")]
    compression: String,
    /// batch.size.
    #[arg(long, default_value_t = 16_384)]
    batch_size: usize,
    /// linger.ms.
    #[arg(long, default_value_t = 5)]
    linger_ms: u64,
    /// enable.idempotence.
    #[arg(long, default_value = "false")]
    idempotence: String,
    /// max.in.flight.requests.per.connection.
    #[arg(long, default_value_t = 5)]
    max_in_flight: usize,
    /// buffer.memory.
    #[arg(long, default_value_t = 64 << 20)]
    buffer_memory: usize,
    /// Records per second, each due at its own time; 0: as fast as possible.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// random, or text that compresses like a log.
    #[arg(long, default_value = "random")]
    payload: Payload,
    /// Threads that send as fast as possible, sharing the producer.
    #[arg(long, conflicts_with = "tasks", value_parser = clap::value_parser!(u64).range(1..))]
    threads: Option<u64>,
    /// The same with tasks of a multi-thread runtime.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    tasks: Option<u64>,
    /// Time every so many records [default: 16; with a rate, 1].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    timed_every: Option<u64>,
    /// Whose outcomes are looked at: those of timed records, or each.
    #[arg(long, default_value = "timed")]
    outcomes: Outcomes,
    /// Any other property of the producer, NAME=VALUE; may be repeated.
    #[arg(long = "x-property", value_name = "NAME=VALUE")]
    properties: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let senders = args.tasks.or(args.threads).unwrap_or(1);
    anyhow::ensure!(
        args.rate == 0 || senders == 1,
        "--rate {} is for one sender, not for {senders}",
        args.rate
    );
    let load = Arc::new(Load {
        producer: build(&args)?,
        topic: args.topic.clone(),
        pools: Pools::new(args.payload, args.size, args.key_size),
        seen: Seen::nothing(),
        outcomes: args.outcomes,
        timed_every: args
            .timed_every
            .unwrap_or(if args.rate > 0 { 1 } else { 16 }),
    });
    let crowd = match args.tasks {
        Some(tasks) => Crowd::tasks(tasks)?,
        None => Crowd::Threads(senders),
    };
    crowd.send(&load, args.warmup)?;
    load.seen.forget();
    let from = Usage::now()?;
    let (late, errors) = match args.rate {
        0 => (histogram(), crowd.send(&load, args.records)?),
        rate => Sender::new(&load).at_rate(args.records, rate)?,
    };
    let to = Usage::now()?;

    let latencies = load.seen.latencies();
    let report = Report {
        records: args.records,
        errors: errors + load.seen.failed(),
        from,
        to,
        record_bytes: args.size + args.key_size,
        latencies: &latencies,
        late: &late,
        payload_fnv: load.pools.fnv(),
    };
    report.print()?;
    drop(latencies);
    load.producer.close(Duration::from_secs(10))?;
    Ok(())
}

fn build(args: &Args) -> anyhow::Result<Producer<[u8], [u8]>> {
    let mut builder = Producer::builder()
        .set("bootstrap.servers", args.bootstrap.as_str())
        .set("acks", args.acks.as_str())
        .set("compression.type", args.compression.as_str())
        .set("batch.size", args.batch_size.to_string())
        .set("linger.ms", args.linger_ms.to_string())
        .set("enable.idempotence", args.idempotence.as_str())
        .set(
            "max.in.flight.requests.per.connection",
            args.max_in_flight.to_string(),
        )
        .set("buffer.memory", args.buffer_memory.to_string());
    for property in &args.properties {
        let (name, value) = property
            .split_once('=')
            .context("--x-property takes NAME=VALUE")?;
        builder = builder.set(name, value);
    }
    Ok(builder.build()?)
}
