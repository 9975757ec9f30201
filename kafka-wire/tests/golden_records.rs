//! Record batches and checksums as Apache Kafka's own client writes and reads them.
//!
//! `KAFKA_GOLDEN_DIR` names another directory with the same files.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its own functions too"
)]

use std::path::PathBuf;

use bytes::Bytes;
use kafka_wire::compression::Compression;
use kafka_wire::records::{
    Attributes, BATCH_HEADER_BYTES, BatchBuilder, BatchHeader, ControlRecord, Record, RecordBatch,
    RecordBatches, RecordParts, RecordsError, TimestampType, checksum,
};
use serde_json::Value;

/// Header names and values as `RecordParts` borrows them.
type OwnedHeaders = Vec<(String, Option<Vec<u8>>)>;

#[test]
fn the_checksum_is_that_of_java() {
    for case in golden("crc32c.jsonl") {
        let input = bytes(&case["input"]).unwrap();
        let offset = case["offset"].as_u64().unwrap_or(0) as usize;
        let len = case["len"]
            .as_u64()
            .map_or(input.len() - offset, |len| len as usize);
        let part = &input[offset..offset + len];
        let expected = case["crc"].as_u64().unwrap() as u32;
        assert_eq!(checksum::of(part), expected, "{len} bytes");
        let (front, back) = part.split_at(len / 3);
        assert_eq!(
            checksum::append(checksum::of(front), back),
            expected,
            "{len} bytes in two"
        );
    }
}

#[test]
fn every_batch_reads_as_java_reads_it() {
    for case in readable_batches() {
        let name = case["name"].as_str().unwrap();
        let mut input = wire(&case);
        let batch = RecordBatch::decode(&mut input).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(input.is_empty(), "{name}");
        assert_eq!(batch.header(), &header(&case), "{name}");
        assert_eq!(batch.compression(), codec(&case), "{name}");
        assert_eq!(
            i64::from(batch.header().last_sequence()),
            int(&case["last_sequence"]),
            "{name}"
        );
        assert_eq!(
            batch.header().delete_horizon_ms(),
            case["delete_horizon_ms"].as_i64(),
            "{name}"
        );
        assert_eq!(read(&batch, name), expected(&case), "{name}");
    }
}

#[test]
fn every_header_is_written_as_java_writes_it() {
    for case in batches() {
        let input = wire(&case);
        let (head, body) = input.split_at(BATCH_HEADER_BYTES);
        assert_eq!(
            hex::encode(header(&case).encode(body)),
            hex::encode(head),
            "{}",
            case["name"]
        );
    }
}

#[test]
fn an_uncompressed_batch_is_written_byte_for_byte_as_java_writes_it() {
    let plain: Vec<_> = batches()
        .into_iter()
        .filter(|it| codec(it) == Compression::None)
        .collect();
    assert!(
        plain.len() > 50,
        "only {} uncompressed batches",
        plain.len()
    );
    for case in plain {
        let written = rebuild(&case, Compression::None);
        assert_eq!(
            hex::encode(written),
            case["hex"].as_str().unwrap(),
            "{}",
            case["name"]
        );
    }
}

#[test]
fn a_batch_compressed_again_has_the_same_content() {
    for case in readable_batches() {
        let name = case["name"].as_str().unwrap();
        let batch = RecordBatch::decode(&mut rebuild(&case, codec(&case)).into()).unwrap();
        let mut header = header(&case);
        // What a producer's batch cannot know; everything else is the content's.
        header.attributes = batch.header().attributes;
        assert_eq!(batch.header(), &header, "{name}");
        assert_eq!(read(&batch, name), expected(&case), "{name}");
    }
}

#[test]
fn batches_in_a_row_are_read_one_by_one() {
    let cases = batches();
    let all: Vec<u8> = cases.iter().flat_map(wire).collect();
    let read: Vec<_> = RecordBatches::new(all.into())
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(read.len(), cases.len());
    for (batch, case) in read.iter().zip(&cases) {
        assert_eq!(batch.header(), &header(case), "{}", case["name"]);
    }
}

#[test]
fn control_batches_say_what_java_reads_from_them() {
    let mut seen = Vec::new();
    for case in batches().into_iter().filter(|case| case["control"] == true) {
        let batch = RecordBatch::decode(&mut wire(&case)).unwrap();
        assert!(batch.header().attributes.is_control());
        let record = batch.records().next().unwrap().unwrap();
        let (key, value) = (record.key.unwrap(), record.value.unwrap());
        let control = ControlRecord::decode(&key, &value).unwrap();
        assert_eq!(control.encode(), (key, value.clone()), "{}", case["name"]);
        seen.push(match control {
            ControlRecord::Abort { .. } => "abort",
            ControlRecord::Commit { .. } => "commit",
            ControlRecord::LeaderChange { .. } => "leader_change",
            _ => "other",
        });
        assert!(
            case["name"]
                .as_str()
                .unwrap()
                .contains(seen[seen.len() - 1])
        );
    }
    assert!(
        ["abort", "commit", "leader_change"]
            .iter()
            .all(|kind| seen.contains(kind))
    );
}

#[test]
fn what_java_refuses_is_refused() {
    let cases = golden("record_batches_invalid.jsonl");
    check_codecs_present(&cases);
    for case in cases {
        let (name, why) = (&case["name"], &case["java_error"]);
        let strict: Result<Vec<_>, _> = RecordBatches::new(wire(&case))
            .flat_map(|batch| match batch {
                Ok(batch) => batch.records().collect(),
                Err(error) => vec![Err(error)],
            })
            .collect();
        strict
            .map(|records| panic!("{name}: {} records, Java: {why}", records.len()))
            .unwrap_err();

        let fetched = RecordBatches::fetched(wire(&case)).next();
        assert_eq!(why == "no batch", fetched.is_none(), "{name}");
        if let Some(Err(RecordsError::Incomplete { .. })) = fetched {
            panic!("{name}: an incomplete batch is no error in a Fetch response");
        }
    }
}

fn golden(file: &str) -> Vec<Value> {
    #[allow(
        clippy::disallowed_methods,
        reason = "the documented way to test against other files"
    )]
    let dir = std::env::var_os("KAFKA_GOLDEN_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
        PathBuf::from,
    );
    let path = dir.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!lines.is_empty(), "{} is empty", path.display());
    lines
}

fn batches() -> Vec<Value> {
    let cases = golden("record_batches.jsonl");
    check_codecs_present(&cases);
    cases
}

/// Those whose codec is built in.
fn readable_batches() -> Vec<Value> {
    batches()
        .into_iter()
        .filter(|case| built_in(codec(case)))
        .collect()
}

fn check_codecs_present(cases: &[Value]) {
    for compression in Compression::all() {
        assert!(
            cases.iter().any(|case| codec(case) == compression),
            "no lines for {compression}"
        );
    }
}

fn built_in(codec: Compression) -> bool {
    match codec {
        Compression::Gzip => cfg!(feature = "gzip"),
        Compression::Snappy => cfg!(feature = "snappy"),
        Compression::Lz4 => cfg!(feature = "lz4"),
        Compression::Zstd => cfg!(feature = "zstd"),
        _ => true,
    }
}

fn rebuild(case: &Value, compression: Compression) -> Vec<u8> {
    let full = header(case);
    let records = case["records"].as_array().unwrap();
    let derived = records.is_empty() || full.attributes.has_delete_horizon();
    let log_append = full.attributes.timestamp_type() == TimestampType::LogAppendTime;
    let keep_maximum = records.is_empty() || log_append;
    let mut builder = BatchBuilder::new(BatchHeader {
        base_timestamp: if derived { full.base_timestamp } else { -1 },
        max_timestamp: if keep_maximum { full.max_timestamp } else { -1 },
        ..full
    });
    for record in records {
        let headers = headers(record);
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()));
        let (key, value) = (bytes(&record["key"]), bytes(&record["value"]));
        let parts = RecordParts::new(key.as_deref(), value.as_deref()).with_headers(headers);
        let delta = int(&record["offset_delta"]) as i32;
        builder
            .push_at(delta, int(&record["timestamp"]), &parts)
            .unwrap();
    }
    builder.build(compression).unwrap().into()
}

fn read(batch: &RecordBatch, name: &str) -> Vec<Record> {
    batch
        .records()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn expected(case: &Value) -> Vec<Record> {
    let records = case["records"].as_array().unwrap().iter();
    records
        .map(|record| expected_record(case, record))
        .collect()
}

fn expected_record(case: &Value, record: &Value) -> Record {
    let timestamp = record
        .get("read_timestamp")
        .unwrap_or_else(|| &record["timestamp"]);
    let headers =
        headers(record)
            .into_iter()
            .map(|(name, value)| kafka_wire::records::RecordHeader {
                key: name.into(),
                value: value.map(Bytes::from),
            });
    let mut expected = Record::default();
    expected.offset = int(&case["base_offset"]) + int(&record["offset_delta"]);
    expected.offset_delta = int(&record["offset_delta"]) as i32;
    expected.timestamp = int(timestamp);
    let sequence = record.get("sequence").map(|it| int(it) as i32);
    expected.sequence = sequence.filter(|it| *it >= 0);
    expected.key = bytes(&record["key"]).map(Bytes::from);
    expected.value = bytes(&record["value"]).map(Bytes::from);
    expected.headers = headers.collect();
    expected
}

fn header(case: &Value) -> BatchHeader {
    BatchHeader {
        base_offset: int(&case["base_offset"]),
        partition_leader_epoch: int(&case["partition_leader_epoch"]) as i32,
        attributes: attributes(case),
        last_offset_delta: int(&case["last_offset_delta"]) as i32,
        base_timestamp: int(&case["base_timestamp"]),
        max_timestamp: int(&case["max_timestamp"]),
        producer_id: int(&case["producer_id"]),
        producer_epoch: int(&case["producer_epoch"]) as i16,
        base_sequence: int(&case["base_sequence"]) as i32,
        record_count: int(&case["record_count"]) as i32,
    }
}

/// Put together from the words, then compared with the number.
fn attributes(case: &Value) -> Attributes {
    let mut attributes = Attributes::new(codec(case));
    if case["timestamp_type"] == "LogAppendTime" {
        attributes = attributes.with_timestamp_type(TimestampType::LogAppendTime);
    }
    if case["transactional"] == true {
        attributes = attributes.transactional();
    }
    if case["control"] == true {
        attributes = attributes.control();
    }
    if case.get("delete_horizon_ms").is_some() {
        attributes = attributes.with_delete_horizon();
    }
    assert_eq!(
        i64::from(attributes.bits()),
        int(&case["attributes"]),
        "{}",
        case["name"]
    );
    attributes
}

fn codec(case: &Value) -> Compression {
    case["codec"].as_str().unwrap().parse().unwrap()
}

fn headers(record: &Value) -> OwnedHeaders {
    let headers = record["headers"].as_array().unwrap().iter();
    headers
        .map(|it| (it["key"].as_str().unwrap().to_owned(), bytes(&it["value"])))
        .collect()
}

fn wire(case: &Value) -> Bytes {
    bytes(&case["hex"]).unwrap().into()
}

fn int(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| panic!("{value} is not a number"))
}

/// Hex, null, or one of the two recipes for long strings.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    if value.is_null() {
        return None;
    }
    if let Some(text) = value.as_str() {
        return Some(hex::decode(text).unwrap());
    }
    let len = value["len"].as_u64().unwrap() as usize;
    Some(match value["gen"].as_str().unwrap() {
        "rep" => bytes(&value["hex"])
            .unwrap()
            .into_iter()
            .cycle()
            .take(len)
            .collect(),
        "xorshift32" => xorshift32(value["seed"].as_u64().unwrap() as u32)
            .take(len)
            .collect(),
        other => panic!("unknown recipe {other}"),
    })
}

fn xorshift32(mut x: u32) -> impl Iterator<Item = u8> {
    std::iter::repeat_with(move || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x as u8
    })
}
