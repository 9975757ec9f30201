//! Batches that are too large for their topic: halved, and halved again, in order.

use kafka_producer::error::{Cause, Persistence};
use kafka_producer::settings::{Acks, Settings};
use kafka_wire::ErrorCode;
use kafka_wire::compression::{Compression, CompressionLevel, compress};

use crate::stage::{Stage, delivered, expired, failed, ms, pending, plain, refused, settings};
use crate::wires::{error, ok};

const TOO_LARGE: ErrorCode = ErrorCode::MESSAGE_TOO_LARGE;
const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;

/// Batches of what is sent within 5 ms.
fn batching(settings: Settings) -> Settings {
    let accumulator = settings.accumulator.batch_size(1000).linger(ms(5));
    Settings {
        accumulator,
        ..settings
    }
}

/// A stage that batches, whose broker knows the producer: it has acknowledged number 0.
fn warm(settings: Settings) -> Stage {
    let mut stage = Stage::with(batching(settings), &[1]);
    let first = stage.send(0, "warm-up");
    stage.pass(ms(5));
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    stage
}

/// Sends these in one batch.
fn together<const N: usize>(stage: &mut Stage, values: [&str; N]) -> [Kept; N] {
    let all = values.map(|value| stage.send(0, value));
    stage.pass(ms(5));
    all
}

type Kept = kafka_accumulator::Delivery<kafka_producer::error::DeliveryError>;

#[test]
fn s46_the_halves_keep_their_numbers_and_go_one_by_one_to_an_offset_each() {
    for settings in [settings(), plain(Acks::All)] {
        let mut stage = warm(settings);
        let all = together(&mut stage, ["a", "b", "c", "d", "e"]);
        stage.answer(1, [error(TOO_LARGE)]);
        assert_eq!(stage.values(1), [["a", "b"]], "at once, and alone");
        let numbered = stage.numbers(1)[0].1 >= 0;
        stage.answer(1, [ok(1)]);
        delivered(&all[1], 2);
        pending(&all[2]);
        assert_eq!(stage.values(1), [["c", "d", "e"]]);
        if numbered {
            assert_eq!(stage.numbers(1), [(0, 3)], "what its records had");
        }
        stage.answer(1, [ok(3)]);
        for (delivery, offset) in all.iter().zip(1..) {
            delivered(delivery, offset);
        }
        let _ = together(&mut stage, ["f"]);
        if numbered {
            assert_eq!(stage.numbers(1), [(0, 6)]);
        }
        stage.answer(1, [ok(6)]);
        assert_eq!(stage.accumulator.memory_in_use(), 0);
    }
}

#[test]
fn a_half_that_is_too_large_is_halved_again_until_one_record_fails_alone() {
    let mut stage = warm(settings());
    let all = together(&mut stage, ["a", "giant", "b", "c"]);
    stage.answer(1, [error(TOO_LARGE)]);
    assert_eq!(stage.values(1), [["a", "giant"]]);
    stage.answer(1, [error(TOO_LARGE)]);
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [ok(1)]);
    assert_eq!(stage.values(1), [["giant"]]);
    stage.answer(1, [error(TOO_LARGE).because("max.message.bytes")]);
    let giant = refused(&all[1], TOO_LARGE);
    assert_eq!(giant.persistence(), Persistence::NotPersisted);
    assert_eq!(
        giant.history().attempts,
        1,
        "the refusals of larger batches are none of its own"
    );
    // Its number is missing in the log: what follows cannot go on from there.
    assert_eq!(stage.numbers(1), [(0, 3)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    assert_eq!(stage.values(1), [["b", "c"]]);
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(2)]);
    for (delivery, offset) in [&all[0], &all[2], &all[3]].into_iter().zip(1..) {
        delivered(delivery, offset);
    }
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn s18_when_one_too_large_record_fails_the_next_is_sent_again_as_0_and_succeeds() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "giant");
    let second = stage.send(0, "b");
    stage.answer(1, [error(TOO_LARGE)]);
    refused(&first, TOO_LARGE);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&second, 1);
}

#[test]
fn what_was_sent_behind_a_batch_that_is_split_is_sent_again_behind_both_halves() {
    let mut stage = warm(settings());
    let first = together(&mut stage, ["a", "b"]);
    let second = together(&mut stage, ["c", "d"]);
    stage.answer(1, [error(TOO_LARGE)]);
    assert_eq!(stage.values(1), [vec!["c", "d"], vec!["a"]]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    for (value, number) in [("a", 1), ("b", 2)] {
        assert_eq!(stage.values(1), [[value]], "one by one");
        assert_eq!(stage.numbers(1), [(0, number)]);
        stage.answer(1, [ok(i64::from(number))]);
    }
    assert_eq!(stage.values(1), [["c", "d"]]);
    assert_eq!(stage.numbers(1), [(0, 3)]);
    stage.answer(1, [ok(3)]);
    for (delivery, offset) in first.iter().chain(&second).zip(1..) {
        delivered(delivery, offset);
    }
}

#[test]
fn s53_an_expired_batch_is_not_split() {
    let mut stage = warm(Settings {
        delivery_timeout: ms(1000),
        ..settings()
    });
    let all = together(&mut stage, ["a", "b"]);
    stage.pass(ms(1000));
    stage.answer(1, [error(TOO_LARGE)]);
    stage.pass(ms(5000));
    all.iter().for_each(|delivery| drop(expired(delivery)));
    assert!(stage.requests(1).is_empty());
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn s63_the_halves_expire_when_the_whole_would_have() {
    let mut stage = warm(Settings {
        delivery_timeout: ms(1000),
        ..settings()
    });
    let all = together(&mut stage, ["a", "b"]);
    stage.pass(ms(500));
    stage.answer(1, [error(TOO_LARGE)]);
    stage.pass(ms(494));
    pending(&all[0]);
    stage.pass(ms(6));
    let first = expired(&all[0]);
    assert_eq!(first.persistence(), Persistence::PossiblyPersisted);
    assert_eq!(first.history().last_error, Some(TOO_LARGE));
    let second = expired(&all[1]);
    assert_eq!(second.persistence(), Persistence::NotPersisted);
    stage.answer(1, [ok(1)]);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn a_split_is_charged_to_no_half_as_an_attempt() {
    let mut stage = warm(Settings {
        retries: 0,
        ..plain(Acks::All)
    });
    let all = together(&mut stage, ["a", "b"]);
    stage.answer(1, [error(TOO_LARGE)]);
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    let code = ErrorCode::NOT_ENOUGH_REPLICAS;
    let error = failed(&all[0]);
    let exhausted = matches!(error.cause(), Cause::RetriesExhausted { .. });
    assert!(exhausted && error.code() == Some(code), "{error}");
    assert_eq!(error.history().attempts, 1);
    stage.answer(1, [ok(1)]);
    delivered(&all[1], 1);
}

#[test]
fn a_compressed_batch_is_halved_as_its_records_are() {
    for codec in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let mut stage = warm(settings());
        let long = "tea".repeat(20);
        let all = together(&mut stage, [&*long, "b", "c"]);
        // As the driver does before it writes; what it puts there is what an answer finds.
        let connection = &stage.connections[&kafka_producer::engine::NodeId(1)];
        let batch = connection[0].shared[0].upgrade().unwrap();
        let mut compressed = Vec::new();
        let level = CompressionLevel::default_of(codec);
        compress(codec, level, &batch.records(), &mut compressed).unwrap();
        batch.replace_records(&compressed, codec).unwrap();
        drop(batch);
        stage.answer(1, [error(TOO_LARGE)]);
        assert_eq!(stage.values(1), [[&*long]], "{codec}");
        stage.answer(1, [ok(1)]);
        assert_eq!(stage.values(1), [["b", "c"]], "{codec}");
        stage.answer(1, [ok(2)]);
        for (delivery, offset) in all.iter().zip(1..) {
            delivered(delivery, offset);
        }
        assert_eq!(stage.accumulator.memory_in_use(), 0);
    }
}

#[test]
fn times_keys_and_headers_survive_a_split() {
    use kafka_accumulator::NewRecord;
    use kafka_wire::records::RecordParts;

    let mut stage = warm(settings());
    let cluster = stage.handle.cluster();
    let queue = cluster
        .topic(crate::stage::TOPIC)
        .unwrap()
        .queue(0)
        .unwrap();
    let headers = [("trace", Some(&b"42"[..])), ("empty", None)];
    for (timestamp_ms, key) in [(100, None), (-5, Some(&b"k"[..])), (i64::MAX, None)] {
        let parts = RecordParts::new(key, Some(b"v")).with_headers(headers.iter().copied());
        let mut record = NewRecord::new(timestamp_ms, parts);
        let now = stage.now;
        let _ = stage
            .accumulator
            .append(queue, &mut record, None, || now)
            .unwrap();
    }
    drop(cluster);
    stage.tick();
    stage.pass(ms(5));
    let whole = stage.requests(1)[0][0].records.clone();
    stage.answer(1, [error(TOO_LARGE)]);
    let mut again = stage.requests(1)[0][0].records.clone();
    stage.answer(1, [ok(1)]);
    again.extend(stage.requests(1)[0][0].records.clone());
    stage.answer(1, [ok(2)]);
    assert_eq!(whole.len(), 3);
    for (before, after) in whole.iter().zip(&again) {
        assert_eq!(
            (
                before.timestamp,
                &before.key,
                &before.value,
                &before.headers
            ),
            (after.timestamp, &after.key, &after.value, &after.headers)
        );
        assert_eq!(before.sequence, after.sequence);
    }
}
