//! How long a step of the engine takes, and a record through a whole producer.
//!
//! `cargo bench -p kafka-producer --bench producer`; a word behind `--` chooses those that have it
//! in their name. The engine is measured without sockets; a whole producer against a broker on a
//! thread beside it, so that the figures of `send` are those of three threads that share the
//! machine.

#![allow(clippy::unwrap_used, reason = "what is measured here works")]

#[path = "../tests/rig/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "each of those who share it needs a part"
)]
mod rig;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use kafka_producer::{ProducerRecord, blocking};

use rig::{Answers, Rig, Sink, TOPIC, keys, order_of};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    engine(&mut criterion);
    sends(&mut criterion);
    criterion.final_summary();
}

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    let plain = [("enable.idempotence", "false"), ("linger.ms", "0")];
    let idempotent = [("linger.ms", "0")];
    for (name, properties) in [("plain", &plain[..]), ("idempotent", &idempotent[..])] {
        let mut rig = Rig::new(PARTITIONS as i32, properties);
        group.throughput(Throughput::Elements(PARTITIONS as u64));
        group.bench_function(
            format!("a request of {PARTITIONS} batches, {name}"),
            |bencher| {
                bencher.iter_custom(|steps| (0..steps).map(|_| take_and_answer(&mut rig)).sum());
            },
        );
    }
    let mut rig = Rig::new(PARTITIONS as i32, &plain);
    append_to_each(&rig);
    rig.tick();
    let (_, outgoing) = rig.unanswered.front().unwrap();
    let order = order_of(outgoing);
    group.bench_function(
        format!("frame a request of {PARTITIONS} batches"),
        |bencher| {
            bencher.iter(|| black_box(order).frame());
        },
    );
    group.finish();
}

fn append_to_each(rig: &Rig) {
    for partition in 0..PARTITIONS {
        drop(rig.append(partition, None, &[b'v'; 100]));
    }
}

/// Take, dispatch and answer; the records are appended before the clock starts.
fn take_and_answer(rig: &mut Rig) -> Duration {
    append_to_each(rig);
    rig.now += Duration::from_micros(10);
    let start = Instant::now();
    rig.tick();
    while rig.answer().is_some() {}
    start.elapsed()
}

fn sends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("send");
    group.throughput(Throughput::Elements(1));
    for (name, keys, properties) in [
        (
            "100 B",
            Vec::new(),
            [("acks", "1"), ("enable.idempotence", "false")],
        ),
        (
            "100 B, 16 B key, idempotent",
            keys(),
            [("acks", "all"), ("enable.idempotence", "true")],
        ),
    ] {
        let sink = Sink::start(PARTITIONS as i32, Answers::Prompt);
        let producer = producer(&sink, &properties);
        let mut keys = keys.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut record = ProducerRecord::new(TOPIC, &[b'v'; 100][..]);
                record.key = keys.next().map(String::as_bytes);
                drop(producer.send(black_box(record)).unwrap());
            });
        });
        producer.close(Duration::from_secs(10)).unwrap();
    }
    group.finish();
}

fn producer(sink: &Sink, properties: &[(&str, &str)]) -> blocking::Producer<[u8], [u8]> {
    let mut builder = blocking::Producer::builder().bootstrap_servers([sink.bootstrap_servers()]);
    for &(name, value) in properties {
        builder = builder.set(name, value);
    }
    builder.build().unwrap()
}

const PARTITIONS: usize = 12;
