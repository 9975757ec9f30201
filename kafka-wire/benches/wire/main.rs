//! How long the wire takes: numbers, records, batches, checksums, codecs, the request around them.
//!
//! `cargo bench -p kafka-wire`; a word behind `--` chooses those that have it in their name.

#![allow(clippy::unwrap_used, reason = "what is measured here works")]

mod log_text;

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use kafka_wire::compression::{Compression, CompressionLevel, Compressor};
use kafka_wire::messages::ProduceRequest;
use kafka_wire::records::{BatchHeader, RecordParts, checksum};
use kafka_wire::{ProduceFrame, Request, Uuid, varint};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    varints(&mut criterion);
    records(&mut criterion);
    checksums(&mut criterion);
    codecs(&mut criterion);
    requests(&mut criterion);
    criterion.final_summary();
}

fn varints(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("varint");
    let mut out = Vec::with_capacity(16);
    for value in [5_i32, 105, 20_000, i32::MIN] {
        group.bench_function(format!("write {value}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                varint::put_zigzag_i32(&mut out, black_box(value));
                out.len()
            });
        });
        let mut written = Vec::new();
        varint::put_zigzag_i32(&mut written, value);
        group.bench_function(format!("read {value}"), |bencher| {
            bencher.iter(|| varint::read_zigzag_i32(&mut black_box(&written[..])));
        });
    }
    group.finish();
}

fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record encode");
    let mut out = Vec::with_capacity(BATCH);
    let key = &[b'k'; 16][..];
    for (key, bytes) in [(None, 100), (Some(key), 100), (None, 1024)] {
        let value = vec![b'v'; bytes];
        let name = format!("{bytes} B, key of {} B", key.map_or(0, <[u8]>::len));
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                let parts = RecordParts::new(black_box(key), Some(black_box(&value)));
                let size = parts.size(3, 77).unwrap();
                parts.encode(size, 3, 77, &mut out);
                out.len()
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("batch encode");
    let value = [b'v'; 100];
    let parts = RecordParts::new(None, Some(&value));
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function(
        format!("{RECORDS} records of 100 B, and a header"),
        |bencher| {
            bencher.iter(|| {
                out.clear();
                for index in 0..RECORDS {
                    let size = parts.size(0, index).unwrap();
                    parts.encode(size, 0, index, &mut out);
                }
                header().encode(&out)
            });
        },
    );
    group.finish();
}

fn header() -> BatchHeader {
    BatchHeader {
        last_offset_delta: RECORDS - 1,
        record_count: RECORDS,
        ..BatchHeader::default()
    }
}

fn checksums(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("CRC-32C");
    for bytes in [100, 1 << 14, 1 << 20] {
        let input = vec![7; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("{bytes} B"), |bencher| {
            bencher.iter(|| checksum::of(black_box(&input)));
        });
    }
    group.finish();
    criterion.bench_function("CRC-32C join", |bencher| {
        bencher.iter(|| checksum::join(black_box(1), black_box(2), black_box(BATCH)));
    });
}

fn codecs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compress 64 KiB of log");
    let input = log_text::log_text(1 << 16);
    group.throughput(Throughput::Bytes(input.len() as u64));
    for codec in Compression::all() {
        let mut compressor = Compressor::default();
        let level = CompressionLevel::default_of(codec);
        let mut out = Vec::with_capacity(input.len() * 2);
        group.bench_function(codec.name(), |bencher| {
            bencher.iter(|| {
                out.clear();
                compressor
                    .compress(codec, level, black_box(&input), &mut out)
                    .unwrap();
                out.len()
            });
        });
    }
    group.finish();
}

fn requests(criterion: &mut Criterion) {
    let version = ProduceRequest::version(ProduceRequest::STABLE_VERSIONS.latest).unwrap();
    let records = Bytes::from(vec![7; BATCH]);
    let header = header().encode(&records);
    criterion.bench_function("request encode, 12 partitions", |bencher| {
        bencher.iter(|| {
            let mut frame = ProduceFrame::begin(version, 1, Some("app"), None, -1, 30_000, 1);
            frame.reserve(12);
            frame.topic("orders", Uuid::ZERO, 12);
            for partition in 0..12 {
                frame.partition(partition, black_box(&header), records.clone());
            }
            frame.finish().unwrap()
        });
    });
}

/// Kafka's default `batch.size`.
const BATCH: usize = 16_384;
/// As many records of 100 B as such a batch holds.
const RECORDS: i32 = 150;
