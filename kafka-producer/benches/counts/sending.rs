//! What `send` costs the caller's thread, and what a whole producer asks of the system.
//!
//! The broker reads and never answers: the engine comes to rest with what it may have in flight,
//! and whatever is counted from then on is the caller's own. All that is sent fits into the memory.

use std::hint::black_box;

use kafka_producer::{ProducerRecord, blocking};

use crate::rig::{Answers, Sink, TOPIC, keys};
use crate::{Counted, Outside, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    sending("send 100 B", |_, operations| {
        send(1, &[], &VALUE, &[("acks", "1"), PLAIN], operations)
    }),
    sending("send 100 B with a 16 B key", |_, operations| {
        send(12, &keys(), &VALUE, &[("acks", "1"), PLAIN], operations)
    }),
    sending("send 100 B, idempotent", |_, operations| {
        send(1, &[], &VALUE, &[], operations)
    }),
    sending("send 1 KiB", |_, operations| {
        send(1, &[], &[b'v'; 1024], &[("acks", "1"), PLAIN], operations)
    }),
    Scenario {
        name: "whole producer",
        per: "request",
        operations: 500_000,
        outside: Outside::WriteCalls,
        run: traffic,
    },
];

const PLAIN: (&str, &str) = ("enable.idempotence", "false");
const VALUE: [u8; 100] = [b'v'; 100];

const fn sending(name: &'static str, run: fn(&Scenario, u64) -> Counted) -> Scenario {
    Scenario {
        name,
        per: "record",
        operations: 50_000,
        outside: Outside::Instructions,
        run,
    }
}

fn producer(sink: &Sink, properties: &[(&str, &str)]) -> blocking::Producer<[u8], [u8]> {
    let mut builder = blocking::Producer::builder()
        .bootstrap_servers([sink.bootstrap_servers()])
        .set("buffer.memory", (1 << 30).to_string())
        // What is counted is sending, not how it ends.
        .set("drop.timeout.ms", "0");
    for &(name, value) in properties {
        builder = builder.set(name, value);
    }
    builder.build().unwrap()
}

fn send(
    partitions: i32,
    keys: &[String],
    value: &[u8],
    properties: &[(&str, &str)],
    operations: u64,
) -> Counted {
    let sink = Sink::start(partitions, Answers::Withheld);
    let producer = producer(&sink, properties);
    let mut keys = keys.iter().cycle();
    for _ in 0..operations {
        let mut record = ProducerRecord::new(TOPIC, black_box(value));
        record.key = keys.next().map(String::as_bytes);
        drop(producer.send(record).unwrap());
    }
    Counted::new()
}

/// Every record is acknowledged here. The five batches in flight fit into the socket's buffer, so
/// that no request needs a second call; who traces the calls divides by the requests.
fn traffic(_: &Scenario, operations: u64) -> Counted {
    let sink = Sink::start(1, Answers::Prompt);
    let producer = producer(&sink, &[("send.buffer.bytes", "200000")]);
    for _ in 0..operations {
        let record = ProducerRecord::new(TOPIC, black_box(&VALUE[..]));
        drop(producer.send(record).unwrap());
    }
    producer.flush().unwrap();
    Counted::from([(REQUESTS.to_owned(), sink.frames() as f64)])
}

/// Not a count to be compared, but what another is divided by.
const REQUESTS: &str = "requests";
