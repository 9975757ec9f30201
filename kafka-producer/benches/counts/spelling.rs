//! What the crates below the producer do with bytes: choose, encode, sum, compress, frame.

use std::hint::black_box;

use bytes::Bytes;
use kafka_partition::murmur2;
use kafka_wire::compression::{Compression, CompressionLevel, Compressor};
use kafka_wire::messages::ProduceRequest;
use kafka_wire::records::{BatchHeader, RecordParts, checksum};
use kafka_wire::{ProduceFrame, Request, Uuid};

use crate::log_text::log_text;
use crate::{Counted, Outside, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    spelling("murmur2 of 16 B", "key", 100_000, |scenario, operations| {
        scenario.count(operations, || {
            black_box(murmur2(black_box(&[b'k'; 16])));
        })
    }),
    spelling("encode 150 records of 100 B", "batch", 1_000, encode_batch),
    spelling(
        "CRC-32C of 16 KiB",
        "batch",
        2_000,
        |scenario, operations| {
            let body = vec![7; BATCH];
            scenario.count(operations, || {
                black_box(checksum::of(black_box(&body)));
            })
        },
    ),
    spelling("frame 12 batches", "request", 5_000, frame),
    spelling("gzip 64 KiB", "batch", 5, |scenario, operations| {
        compress(scenario, operations, Compression::Gzip)
    }),
    spelling("snappy 64 KiB", "batch", 20, |scenario, operations| {
        compress(scenario, operations, Compression::Snappy)
    }),
    spelling("lz4 64 KiB", "batch", 20, |scenario, operations| {
        compress(scenario, operations, Compression::Lz4)
    }),
    spelling("zstd 64 KiB", "batch", 10, |scenario, operations| {
        compress(scenario, operations, Compression::Zstd)
    }),
];

const fn spelling(
    name: &'static str,
    per: &'static str,
    operations: u64,
    run: fn(&Scenario, u64) -> Counted,
) -> Scenario {
    Scenario {
        name,
        per,
        operations,
        outside: Outside::Instructions,
        run,
    }
}

fn encode_batch(scenario: &Scenario, operations: u64) -> Counted {
    let mut body = Vec::with_capacity(2 * BATCH);
    let value = [b'v'; 100];
    scenario.count(operations, || {
        body.clear();
        let parts = RecordParts::new(None, Some(black_box(&value)));
        for index in 0..150 {
            let size = parts.size(0, index).unwrap();
            parts.encode(size, 0, index, &mut body);
        }
        black_box(BatchHeader::default().encode(&body));
    })
}

fn frame(scenario: &Scenario, operations: u64) -> Counted {
    let version = ProduceRequest::version(ProduceRequest::STABLE_VERSIONS.latest).unwrap();
    let records = Bytes::from(vec![7; BATCH]);
    let header = BatchHeader::default().encode(&records);
    scenario.count(operations, || {
        let mut frame = ProduceFrame::begin(version, 1, Some("app"), None, -1, 30_000, 1);
        frame.reserve(12);
        frame.topic("orders", Uuid::ZERO, 12);
        for partition in 0..12 {
            frame.partition(partition, black_box(&header), records.clone());
        }
        black_box(frame.finish().unwrap());
    })
}

fn compress(scenario: &Scenario, operations: u64, codec: Compression) -> Counted {
    let input = log_text(1 << 16);
    let mut compressor = Compressor::default();
    let level = CompressionLevel::default_of(codec);
    let mut out = Vec::with_capacity(input.len() * 2);
    let mut compress = || {
        out.clear();
        compressor
            .compress(codec, level, black_box(&input), &mut out)
            .unwrap();
    };
    compress();
    let mut counted = scenario.count(operations, &mut compress);
    counted.insert("bytes that come out".to_owned(), out.len() as f64);
    counted
}

/// Kafka's default `batch.size`.
const BATCH: usize = 16_384;
