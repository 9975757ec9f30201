//! Measures the producer: throughput, CPU per record and latency, as one line of JSON.
//!
//! The flags and the line are those by which other Kafka producers are measured too, so that all
//! of them can stand side by side. Records are generated before anything is timed; a warm-up is
//! sent first, then every counter starts anew.

mod payload;
mod report;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use hdrhistogram::Histogram;
use kafka_producer::blocking::Producer;
use kafka_producer::{Delivery, ProducerRecord, Status};

use payload::{Payload, Pools};
use report::{Report, Usage};

/// Measures throughput, CPU time per record and latency; prints one line of JSON.
#[derive(Parser)]
#[command(name = "producer-perf")]
struct Args {
    /// Bootstrap servers, HOST:PORT[,HOST:PORT...].
    #[arg(long)]
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
    /// Any other property of the producer, NAME=VALUE; may be repeated.
    #[arg(long = "x-property", value_name = "NAME=VALUE")]
    properties: Vec<String>,
}

/// Latencies in nanoseconds, written by callbacks.
type Latencies = Arc<Mutex<Histogram<u64>>>;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let producer = build(&args)?;
    let pools = Pools::new(args.payload, args.size, args.key_size);

    let mut run = Run::new(&producer, &args, &pools)?;
    run.as_fast_as_possible(args.warmup)?;
    run.reset();
    let from = Usage::now()?;
    let late = match args.rate {
        0 => {
            run.as_fast_as_possible(args.records)?;
            histogram()?
        }
        rate => run.at_rate(args.records, rate)?,
    };
    let to = Usage::now()?;

    let latencies = run.latencies.lock().unwrap_or_else(PoisonError::into_inner);
    let report = Report {
        records: args.records,
        errors: run.errors,
        from,
        to,
        record_bytes: args.size + args.key_size,
        latencies: &latencies,
        late: &late,
        payload_fnv: pools.fnv(),
    };
    report.print()?;
    drop(latencies);
    producer.close(Duration::from_secs(10));
    Ok(())
}

fn build(args: &Args) -> anyhow::Result<Producer<[u8], [u8]>> {
    let mut builder = kafka_producer::Producer::builder()
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
    Ok(builder.build_blocking()?)
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3)?)
}

/// What one part of the measurement sends with.
struct Run<'a> {
    producer: &'a Producer<[u8], [u8]>,
    topic: &'a str,
    pools: &'a Pools,
    latencies: Latencies,
    /// Records without an outcome, in the order of sending.
    open: VecDeque<Delivery>,
    errors: u64,
}

impl<'a> Run<'a> {
    fn new(
        producer: &'a Producer<[u8], [u8]>,
        args: &'a Args,
        pools: &'a Pools,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            producer,
            topic: &args.topic,
            pools,
            latencies: Arc::new(Mutex::new(histogram()?)),
            open: VecDeque::new(),
            errors: 0,
        })
    }

    fn reset(&mut self) {
        self.latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reset();
        self.errors = 0;
    }

    /// Sends `records` without a pause; every 16th is timed. Ends when all have an outcome.
    fn as_fast_as_possible(&mut self, records: u64) -> anyhow::Result<()> {
        for index in 0..records {
            if index % TIMED_EVERY == 0 {
                self.send_timed(index, Instant::now())?;
            } else {
                let delivery = self.producer.send(self.record(index))?;
                self.open.push_back(delivery);
            }
            if index % REAP_EVERY == 0 {
                self.reap();
            }
        }
        self.finish();
        Ok(())
    }

    /// Sends each record when it is due and times all of them from then; how late they were sent.
    fn at_rate(&mut self, records: u64, rate: u64) -> anyhow::Result<Histogram<u64>> {
        let mut late = histogram()?;
        let start = Instant::now();
        for index in 0..records {
            let nanos = u128::from(index) * 1_000_000_000 / u128::from(rate);
            let due = start + Duration::from_nanos(u64::try_from(nanos)?);
            loop {
                let now = Instant::now();
                if now >= due {
                    late.saturating_record(nanos_between(due, now));
                    break;
                }
                #[expect(clippy::disallowed_methods, reason = "the pace is what is measured")]
                std::thread::sleep(due - now);
            }
            self.send_timed(index, due)?;
            self.reap();
        }
        self.finish();
        Ok(late)
    }

    fn send_timed(&self, index: u64, from: Instant) -> anyhow::Result<()> {
        let latencies = Arc::clone(&self.latencies);
        self.producer.send_with(self.record(index), move |_| {
            let nanos = nanos_between(from, Instant::now());
            latencies
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .saturating_record(nanos);
        })?;
        Ok(())
    }

    fn record(&self, index: u64) -> ProducerRecord<'a, [u8], [u8]> {
        let (key, value) = self.pools.record(index);
        let mut record = ProducerRecord::new(self.topic, value);
        record.key = key;
        record
    }

    /// Looks at the oldest records' outcomes, as far as they have any.
    fn reap(&mut self) {
        while let Some(delivery) = self.open.front() {
            match delivery.status() {
                Status::Pending => return,
                Status::Delivered => {}
                Status::Failed => self.errors += 1,
            }
            self.open.pop_front();
        }
    }

    fn finish(&mut self) {
        self.producer.flush();
        self.reap();
        debug_assert!(self.open.is_empty(), "after a flush everything is decided");
    }
}

fn nanos_between(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}

/// Reading the clock for each record would weigh on the throughput.
const TIMED_EVERY: u64 = 16;
const REAP_EVERY: u64 = 64;
/// Ten minutes: longer than any record may take.
const LATENCY_MAX_NS: u64 = 600_000_000_000;
