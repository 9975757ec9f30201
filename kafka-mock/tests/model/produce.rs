//! What a broker takes and what it refuses, sequence numbers apart.

use bytes::Bytes;
use kafka_mock::cluster::{Answer, Cleanup, TopicConfig};
use kafka_wire::{
    ErrorCode, Uuid,
    compression::Compression,
    messages::produce::PartitionProduceData,
    records::{Attributes, BatchBuilder, BatchHeader, MAX_HEADERS, RecordParts, TimestampType},
};

use crate::driver::{
    ACKS_ALL, Driver, ONE, START_MS, batch, batch_under, compressed, only_outcome, produce_request,
    stamped,
};

/// A driver whose topic `t` has these settings.
fn with_topic(change: impl FnOnce(TopicConfig) -> TopicConfig) -> Driver {
    let mut driver = Driver::new(1);
    driver.cluster.delete_topic("t").unwrap();
    let config = change(driver.cluster.config().topic(2));
    driver.cluster.create_topic("t", config).unwrap();
    driver
}

fn at(timestamp: i64) -> Bytes {
    let mut builder = BatchBuilder::new(BatchHeader::default());
    builder
        .push(timestamp, &RecordParts::new(None, Some(b"v")))
        .unwrap();
    builder.build(Compression::None).unwrap()
}

/// The batch with a byte changed, and its checksum made good again if that is asked for.
fn altered(batch: &Bytes, place: usize, byte: u8) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[place] = byte;
    bytes.into()
}

#[test]
fn records_are_in_the_log_as_they_were_sent() {
    let mut driver = Driver::new(1);
    for (base_offset, values) in [(0, &["a", "b"][..]), (2, &["c"])] {
        let outcome = driver.produce(batch(values));
        assert_eq!(outcome.error_code, ErrorCode::NONE);
        assert_eq!(
            (outcome.base_offset, outcome.log_start_offset),
            (base_offset, 0)
        );
        assert_eq!(outcome.log_append_time_ms, -1);
    }
    let records = driver.cluster.records("t");
    let values: Vec<_> = records.iter().map(|it| it.value.clone().unwrap()).collect();
    assert_eq!(values, ["a", "b", "c"]);
    assert!(
        records
            .iter()
            .all(|it| it.timestamp == START_MS && it.producer.is_none())
    );
    assert_eq!(driver.cluster.record_count("t"), 3);
}

#[test]
fn every_version_and_every_codec_is_taken() {
    let mut driver = Driver::new(1);
    for version in 3..=13 {
        for codec in Compression::all() {
            let outcome = driver.produce_to(
                ONE,
                version,
                ACKS_ALL,
                compressed(BatchHeader::default(), &["a", "b"], codec),
            );
            let expected = match codec {
                Compression::Zstd if version < 7 => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
                _ => ErrorCode::NONE,
            };
            assert_eq!(outcome.error_code, expected, "{codec} in version {version}");
        }
    }
    assert_eq!(driver.cluster.record_count("t"), 2 * (11 * 5 - 4));
}

#[test]
fn partitions_are_judged_one_by_one() {
    let mut driver = Driver::new(1);
    let mut request = produce_request(driver.topic_id("t"), 0, ACKS_ALL, batch(&["a"]));
    for index in [1, 2, -1] {
        let records = Some(batch(&["a"]));
        request.topic_data[0].partition_data.push(
            PartitionProduceData::default()
                .with_index(index)
                .with_records(records),
        );
    }
    let answer = driver.ask(ONE, 13, &request);
    let outcomes = answer.responses[0].partition_responses.iter();
    let outcomes: Vec<_> = outcomes.map(|it| (it.index, it.error_code)).collect();
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let none = ErrorCode::NONE;
    assert_eq!(
        outcomes,
        [(0, none), (1, none), (2, unknown), (-1, unknown)]
    );
}

#[test]
fn an_unknown_topic_is_unknown_by_name_and_by_id() {
    let mut driver = Driver::new(1);
    let mut request = produce_request(Uuid([9; 16]), 0, ACKS_ALL, batch(&["a"]));
    request.topic_data[0].name = "no".to_owned();
    let mut code = |version| {
        let answer = driver.ask(ONE, version, &request);
        answer.responses[0].partition_responses[0].error_code
    };
    assert_eq!(code(12), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(code(13), ErrorCode::UNKNOWN_TOPIC_ID);
}

#[test]
fn acks_must_be_0_or_1_or_all() {
    let mut driver = Driver::new(1);
    for acks in [2, -2, i16::MAX] {
        let outcome = driver.produce_to(ONE, 13, acks, batch(&["a"]));
        assert_eq!(outcome.error_code, ErrorCode::INVALID_REQUIRED_ACKS);
    }
    assert_eq!(
        driver.produce_to(ONE, 13, 1, batch(&["a"])).error_code,
        ErrorCode::NONE
    );
}

#[test]
fn without_acks_nothing_is_answered_and_a_refusal_closes() {
    let mut driver = Driver::new(1);
    let id = driver.topic_id("t");
    let good = produce_request(id, 0, 0, batch(&["a"]));
    assert_eq!(driver.send(ONE, 13, &good), Answer::Nothing);
    assert_eq!(driver.cluster.record_count("t"), 1);
    let bad = produce_request(id, 9, 0, batch(&["a"]));
    assert_eq!(driver.send(ONE, 13, &bad), Answer::Close);
}

#[test]
fn a_batch_above_the_maximum_is_too_large() {
    let size = batch(&["a"]).len() as i32;
    let limited = |max| with_topic(|it| it.with_max_message_bytes(max));
    assert_eq!(limited(size).verdict(batch(&["a"])), ErrorCode::NONE);
    assert_eq!(
        limited(size - 1).verdict(batch(&["a"])),
        ErrorCode::MESSAGE_TOO_LARGE
    );
}

#[test]
fn bytes_that_are_no_batch_are_refused() {
    let good = batch(&["a"]);
    let twice = [&good[..], &good[..]].concat();
    let control = batch_under(
        BatchHeader {
            attributes: Attributes::default().control(),
            ..BatchHeader::default()
        },
        &["a"],
    );
    let invalid = ErrorCode::INVALID_RECORD;
    let corrupt = ErrorCode::CORRUPT_MESSAGE;
    let cases: [(&str, Bytes, ErrorCode); 9] = [
        ("nothing", Bytes::new(), invalid),
        ("half a batch", good.slice(..65), invalid),
        ("two batches", twice.into(), invalid),
        ("an old format", altered(&good, 16, 1), invalid),
        ("an unknown format", altered(&good, 16, 3), corrupt),
        (
            "another checksum",
            altered(&good, 17, good[17] ^ 1),
            corrupt,
        ),
        ("other bytes", altered(&good, 66, good[66] ^ 1), corrupt),
        ("a base offset", altered(&good, 7, 1), invalid),
        ("control records", control, invalid),
    ];
    for (what, bytes, code) in cases {
        let mut driver = Driver::new(1);
        let outcome = driver.produce(bytes);
        assert_eq!(outcome.error_code, code, "{what}");
        assert_eq!(
            (outcome.base_offset, driver.cluster.record_count("t")),
            (-1, 0),
            "{what}"
        );
        assert!(outcome.error_message.is_some(), "{what}");
    }
}

#[test]
fn counts_must_agree_with_the_records() {
    // A header that is right by itself, over records that are not what it says.
    let record = batch(&["a"]).slice(61..);
    let header = |record_count, last_offset_delta| BatchHeader {
        record_count,
        last_offset_delta,
        base_timestamp: START_MS,
        max_timestamp: START_MS,
        ..BatchHeader::default()
    };
    for (count, last) in [(0, 0), (1, 1), (2, 1)] {
        let bytes = [&header(count, last).encode(&record)[..], &record].concat();
        assert_eq!(
            Driver::new(1).verdict(bytes.into()),
            ErrorCode::INVALID_RECORD,
            "{count} {last}"
        );
    }
    let bytes = [&header(1, 0).encode(&record)[..], &record].concat();
    assert_eq!(Driver::new(1).verdict(bytes.into()), ErrorCode::NONE);
}

#[test]
fn a_producer_id_needs_a_sequence() {
    assert_eq!(
        Driver::new(1).verdict(batch_under(stamped(7, 0, -1), &["a"])),
        ErrorCode::INVALID_RECORD
    );
}

#[test]
fn a_transaction_that_was_not_begun_is_refused() {
    let attributes = Attributes::default().transactional();
    let header = BatchHeader {
        attributes,
        ..stamped(7, 0, 0)
    };
    let mut driver = Driver::new(1);
    let batch = batch_under(header, &["a"]);
    let mut request = produce_request(driver.topic_id("t"), 0, ACKS_ALL, batch);
    let nameless = only_outcome(driver.ask(ONE, 13, &request)).error_code;
    assert_eq!(nameless, ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    request.transactional_id = Some("tx".to_owned());
    let named = only_outcome(driver.ask(ONE, 13, &request)).error_code;
    assert_eq!(named, ErrorCode::INVALID_PRODUCER_ID_MAPPING);
}

#[test]
fn a_batch_of_a_few_bytes_that_unpacks_to_millions_of_headers_is_refused() {
    let headers = std::iter::repeat_n(("", None), MAX_HEADERS + 1);
    let record = RecordParts::new(None, None).with_headers(headers);
    let mut builder = BatchBuilder::new(BatchHeader::default());
    builder.push(START_MS, &record).unwrap();
    let batch = builder.build(Compression::Zstd).unwrap();
    assert!(batch.len() < 1_000, "{} bytes", batch.len());
    let outcome = Driver::new(1).produce(batch);
    assert_eq!(outcome.error_code, ErrorCode::INVALID_RECORD);
    let message = outcome.error_message.unwrap();
    assert!(message.contains("524289 headers"), "{message}");
}

#[test]
fn not_every_fault_of_a_batch_of_very_many_records_is_told() {
    let mut driver = with_topic(|topic| topic.with_cleanup(Cleanup::Compact));
    let mut builder = BatchBuilder::new(BatchHeader::default());
    for _ in 0..30_000 {
        let without_key = RecordParts::new(None, None);
        builder.push(START_MS, &without_key).unwrap();
    }
    let outcome = driver.produce(builder.build(Compression::Zstd).unwrap());
    assert_eq!(outcome.error_code, ErrorCode::INVALID_RECORD);
    assert_eq!(outcome.record_errors.len(), 10_000);
    let message = outcome.error_message.unwrap();
    assert!(message.contains("30000 record errors"), "{message}");
}

#[test]
fn a_compacted_topic_names_the_records_without_a_key() {
    let mut driver = with_topic(|it| it.with_cleanup(Cleanup::Compact));
    let mut builder = BatchBuilder::new(BatchHeader::default());
    builder
        .push(START_MS, &RecordParts::new(Some(b"k"), Some(b"v")))
        .unwrap();
    builder
        .push(START_MS, &RecordParts::new(None, Some(b"v")))
        .unwrap();
    let outcome = driver.produce(builder.build(Compression::None).unwrap());
    assert_eq!(outcome.error_code, ErrorCode::INVALID_RECORD);
    assert_eq!(
        outcome
            .record_errors
            .iter()
            .map(|it| it.batch_index)
            .collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(driver.cluster.record_count("t"), 0);
}

#[test]
fn timestamps_far_from_the_brokers_clock_are_refused() {
    let hour = 3_600_000;
    assert_eq!(Driver::new(1).verdict(at(START_MS + hour)), ErrorCode::NONE);
    assert_eq!(
        Driver::new(1).verdict(at(START_MS + hour + 1)),
        ErrorCode::INVALID_TIMESTAMP
    );
    assert_eq!(Driver::new(1).verdict(at(0)), ErrorCode::NONE);
    assert_eq!(
        Driver::new(1).verdict(at(-1)),
        ErrorCode::NONE,
        "no timestamp"
    );
    let mut driver = with_topic(|it| it.with_timestamp_before_max_ms(10));
    assert_eq!(
        driver.verdict(at(START_MS - 11)),
        ErrorCode::INVALID_TIMESTAMP
    );
}

#[test]
fn a_topic_may_stamp_its_own_time() {
    let mut driver = with_topic(|it| it.with_timestamp_type(TimestampType::LogAppendTime));
    driver.now.wall_ms = START_MS + 5;
    let outcome = driver.produce(batch(&["a"]));
    assert_eq!(
        (outcome.error_code, outcome.log_append_time_ms),
        (ErrorCode::NONE, START_MS + 5)
    );
    let record = &driver.cluster.records("t")[0];
    assert_eq!(record.timestamp, START_MS + 5);
    assert_eq!(record.timestamp_type, TimestampType::LogAppendTime);
}

#[test]
fn a_producer_that_claims_the_brokers_time_is_corrected() {
    let attributes = Attributes::default().with_timestamp_type(TimestampType::LogAppendTime);
    let header = BatchHeader {
        attributes,
        max_timestamp: START_MS,
        ..BatchHeader::default()
    };
    let mut driver = Driver::new(1);
    assert_eq!(driver.verdict(batch_under(header, &["a"])), ErrorCode::NONE);
    let record = &driver.cluster.records("t")[0];
    assert_eq!(record.timestamp_type, TimestampType::CreateTime);
}

#[test]
fn counts_at_the_end_of_their_range_are_refused() {
    let header = BatchHeader {
        record_count: i32::MAX,
        last_offset_delta: i32::MAX,
        ..BatchHeader::default()
    };
    let bytes = Bytes::copy_from_slice(&header.encode(b""));
    assert_eq!(Driver::new(1).verdict(bytes), ErrorCode::INVALID_RECORD);
}

#[test]
fn a_few_bytes_behind_the_batch_are_cut_off() {
    let bytes = [&batch(&["a"])[..], b"abc"].concat();
    let mut driver = Driver::new(1);
    assert_eq!(driver.verdict(bytes.into()), ErrorCode::NONE);
    assert_eq!(driver.cluster.record_count("t"), 1);
}
