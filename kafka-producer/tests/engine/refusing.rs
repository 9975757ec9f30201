//! Answers that end a record, or the producer: what is told to whom.

use kafka_producer::engine::EngineState;
use kafka_producer::error::{Cause, DeliveryError, Persistence};
use kafka_producer::settings::{Acks, Settings};
use kafka_wire::compression::Compression;
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, failed, ms, plain, refused, settings};
use crate::wires::{Map, Says, error, ok};

#[test]
fn s33_a_duplicate_is_a_success_at_an_unknown_offset() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::DUPLICATE_SEQUENCE_NUMBER)]);
    delivered(&delivery, -1);
    let _ = stage.send(0, "next");
    assert_eq!(stage.numbers(1), [(0, 1)], "the numbers go on");
}

#[test]
fn s41_an_unsupported_format_fails_the_batch_alone() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT)]);
    let error = refused(&delivery, ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT);
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    assert!(matches!(stage.handle.state(), EngineState::Open));
    let next = stage.send(0, "next");
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&next, 1);
}

#[test]
fn a_final_refusal_at_the_first_attempt_means_that_the_record_is_not_in_the_log() {
    for code in [10, 17, 18, 21, 29, 32, 42, 43, 44, 76, 87] {
        for settings in [settings(), plain(Acks::All)] {
            let mut stage = Stage::with(settings, &[1]);
            let delivery = stage.send(0, "tea");
            stage.answer(1, [error(ErrorCode(code))]);
            let error = refused(&delivery, ErrorCode(code));
            assert_eq!(error.persistence(), Persistence::NotPersisted, "{error}");
            assert_eq!(error.history().attempts, 1);
            assert_eq!(error.history().broker, Some(1));
        }
    }
}

#[test]
fn a_final_refusal_after_an_attempt_that_was_lost_leaves_it_open_whether_it_is_in_the_log() {
    let mut stage = Stage::with(plain(Acks::All), &[1]);
    let delivery = stage.send(0, "tea");
    stage.lose(1);
    stage.pass(ms(1000));
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    let error = refused(&delivery, ErrorCode::INVALID_RECORD);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn an_error_that_the_broker_cannot_explain_leaves_it_open_whether_the_record_is_in_the_log() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::UNKNOWN_SERVER_ERROR)]);
    let error = refused(&delivery, ErrorCode::UNKNOWN_SERVER_ERROR);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn s39_a_denied_cluster_ends_the_producer() {
    for code in [31, 35, 49, 53, 90].map(ErrorCode) {
        let mut stage = Stage::idempotent(&[1]);
        let delivery = stage.send(0, "tea");
        stage.answer(1, [error(code).because("no")]);
        let ended = failed(&delivery);
        let Cause::Fatal(fatal) = ended.cause() else {
            panic!("{ended}");
        };
        assert_eq!(fatal.code(), code);
        assert!(fatal.to_string().contains("(no)"), "{fatal}");
        assert_eq!(ended.persistence(), Persistence::NotPersisted);
        match stage.handle.state() {
            EngineState::Failed(told) => assert_eq!(told.code(), code),
            other => panic!("{other:?}"),
        }
        assert!(
            stage.append(TOPIC, 0, "late").is_err(),
            "later sends are refused"
        );
        assert_eq!(stage.accumulator.memory_in_use(), 0);
    }
}

#[test]
fn s42_a_version_that_the_broker_does_not_speak_ends_an_idempotent_producer_alone() {
    for (settings, ends) in [(settings(), true), (plain(Acks::All), false)] {
        let mut stage = Stage::with(settings, &[1]);
        let delivery = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::UNSUPPORTED_VERSION)]);
        assert_eq!(
            failed(&delivery).code(),
            Some(ErrorCode::UNSUPPORTED_VERSION)
        );
        assert_eq!(matches!(stage.handle.state(), EngineState::Failed(_)), ends);
    }
}

#[test]
fn s40_a_fatal_answer_ends_the_other_records_and_their_late_answers_change_nothing() {
    let mut stage = Stage::idempotent(&[1, 2, -1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    let second = stage.send(0, "b");
    let elsewhere = stage.send(1, "c");
    let waiting = stage.send(2, "d");
    stage.answer(1, [error(ErrorCode::CLUSTER_AUTHORIZATION_FAILED)]);
    for (delivery, persistence) in [
        (&first, Persistence::NotPersisted),
        (&second, Persistence::PossiblyPersisted),
        (&elsewhere, Persistence::PossiblyPersisted),
        (&waiting, Persistence::NotPersisted),
    ] {
        let error = failed(delivery);
        assert_eq!(error.code(), Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED));
        assert_eq!(error.persistence(), persistence, "{error}");
    }
    stage.answer(1, [ok(1)]);
    stage.answer(2, [ok(0)]);
    failed(&second);
    failed(&elsewhere);
}

/// Four records in one batch, of which the broker says this.
fn four_refused(says: Says) -> [DeliveryError; 4] {
    let mut settings = settings();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = ms(5);
    let mut stage = Stage::with(settings, &[1]);
    let all = ["a", "b", "c", "d"].map(|value| stage.send(0, value));
    stage.pass(ms(5));
    stage.answer(1, [says]);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
    all.map(|delivery| failed(&delivery))
}

#[test]
fn s50_records_to_blame_are_told_so_in_their_own_words_or_the_batchs_and_the_others_are_told_apart()
{
    let code = ErrorCode::INVALID_RECORD;
    let says = error(code).because("invalid records").blaming(&[
        (1, Some("no key")),
        (2, None),
        (99, Some("nonsense")),
        (-1, Some("!")),
    ]);
    let others = "refused for other records of its batch: INVALID_RECORD(87): invalid records";
    let causes = [
        others,
        "INVALID_RECORD(87): no key",
        "INVALID_RECORD(87): invalid records",
        others,
    ];
    for (error, cause) in four_refused(says).iter().zip(causes) {
        assert_eq!(error.cause().to_string(), cause);
        let innocent = matches!(error.cause(), Cause::RefusedWithOthers { .. });
        assert_eq!(innocent, cause == others, "{error}");
        assert_eq!(error.code(), Some(code));
        assert_eq!(error.persistence(), Persistence::NotPersisted);
    }
}

#[test]
fn a_record_to_blame_is_known_though_the_broker_says_nothing_at_all_of_why() {
    let code = ErrorCode::INVALID_TIMESTAMP;
    let told = four_refused(error(code).blaming(&[(3, None)]));
    let silent = |cause: &Cause| matches!(cause, Cause::Refused { message: None, .. });
    assert!(silent(told[3].cause()), "{}", told[3]);
    assert_eq!(told[3].code(), Some(code));
    let text = told[3].to_string();
    assert!(text.contains(code.message()), "{text}");
    let text = told[0].to_string();
    let words = "refused for other records of its batch: INVALID_TIMESTAMP";
    assert!(text.contains(words), "{text}");
}

#[test]
fn blame_for_records_that_the_batch_does_not_have_is_no_blame() {
    let code = ErrorCode::INVALID_RECORD;
    let says = error(code).because("no").blaming(&[(4, None), (-1, None)]);
    for error in four_refused(says) {
        assert!(matches!(error.cause(), Cause::Refused { .. }), "{error}");
        assert_eq!(error.cause().to_string(), "INVALID_RECORD(87): no");
    }
}

#[test]
fn s64_without_words_of_the_broker_the_error_has_the_protocols() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::POLICY_VIOLATION)]);
    let text = failed(&delivery).to_string();
    assert!(
        text.contains(ErrorCode::POLICY_VIOLATION.message()),
        "{text}"
    );
}

#[test]
fn s65_the_brokers_words_reach_the_user() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(
        1,
        [error(ErrorCode::POLICY_VIOLATION).because("only on Sundays")],
    );
    let text = failed(&delivery).to_string();
    assert!(text.contains("only on Sundays"), "{text}");
    assert!(text.contains("orders-0"), "{text}");
    assert!(text.contains("broker 1"), "{text}");
    assert!(text.contains("1 attempt"), "{text}");
    assert!(text.contains("not in the log"), "{text}");
}

#[test]
fn s04_when_retries_run_out_the_last_error_is_told() {
    let mut stage = Stage::with(
        Settings {
            retries: 1,
            ..settings()
        },
        &[1],
    );
    let delivery = stage.send(0, "tea");
    stage.lose(1);
    stage.pass(ms(1000));
    assert_eq!(stage.values(1), [["tea"]]);
    stage.lose(1);
    let error = failed(&delivery);
    let code = ErrorCode::NETWORK_EXCEPTION;
    let exhausted = matches!(error.cause(), Cause::RetriesExhausted { .. });
    assert!(exhausted && error.code() == Some(code), "{error}");
    assert_eq!(error.history().attempts, 2);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
    assert!(stage.engine.is_idle());
}

#[test]
fn without_retries_the_first_refusal_is_final_and_the_record_is_not_in_the_log() {
    let mut stage = Stage::with(
        Settings {
            retries: 0,
            ..plain(Acks::All)
        },
        &[1],
    );
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    let error = failed(&delivery);
    let code = ErrorCode::NOT_ENOUGH_REPLICAS;
    let exhausted = matches!(error.cause(), Cause::RetriesExhausted { .. });
    assert!(exhausted && error.code() == Some(code), "{error}");
    assert_eq!(error.persistence(), Persistence::NotPersisted);
}

#[test]
fn out_of_order_sequences_use_up_retries_too() {
    let mut stage = Stage::with(
        Settings {
            retries: 2,
            ..settings()
        },
        &[1],
    );
    let delivery = stage.send(0, "tea");
    for _ in 0..3 {
        stage.pass(ms(1000));
        stage.answer(1, [error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]);
    }
    let error = failed(&delivery);
    assert_eq!(error.history().attempts, 3);
    assert_eq!(error.persistence(), Persistence::NotPersisted);
}

#[test]
fn zstd_is_not_sent_to_a_broker_that_lacks_it_and_the_record_says_so() {
    for settings in [settings(), plain(Acks::All), plain(Acks::None)] {
        let zstd = Settings {
            codecs: Compression::Zstd.into(),
            ..settings
        };
        let mut stage = Stage::bare(zstd, Map::of(TOPIC, &[1]));
        stage.produce_latest = 6;
        stage.know(TOPIC);
        for _ in 0..2 {
            let delivery = stage.send(0, "tea");
            let error = refused(&delivery, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
            assert_eq!(error.persistence(), Persistence::NotPersisted);
            assert_eq!(error.history().attempts, 0);
            let words = "broker 1 cannot take compression.type=zstd: it speaks Produce up to version \
                6, and zstd needs version 7 (Apache Kafka 2.1)";
            assert!(error.to_string().contains(words), "{error}");
        }
        assert_eq!(stage.asked(ApiKey::PRODUCE), 0);
        assert_eq!(stage.accumulator.memory_in_use(), 0);
    }
}

#[test]
fn any_other_codec_is_sent_to_a_broker_of_any_age_and_zstd_to_one_that_has_it() {
    for (codec, latest) in [
        (Compression::None, 3),
        (Compression::Gzip, 3),
        (Compression::Snappy, 3),
        (Compression::Lz4, 3),
        (Compression::Zstd, 7),
    ] {
        let settings = Settings {
            codecs: codec.into(),
            ..settings()
        };
        let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
        stage.produce_latest = latest;
        stage.know(TOPIC);
        let delivery = stage.send(0, "tea");
        stage.answer(1, [ok(0)]);
        delivered(&delivery, 0);
    }
}

#[test]
fn a_record_of_zstd_goes_on_when_its_leader_is_a_broker_that_has_it() {
    let zstd = Settings {
        codecs: Compression::Zstd.into(),
        ..settings()
    };
    let mut stage = Stage::bare(zstd, Map::of(TOPIC, &[1]));
    stage.produce_latest = 6;
    stage.know(TOPIC);
    refused(
        &stage.send(0, "tea"),
        ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
    );
    // The broker is upgraded.
    stage.lose(1);
    stage.produce_latest = 13;
    let delivery = stage.send(0, "cake");
    stage.pass(ms(1000));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}
