//! How a transaction ends when nothing goes wrong: everything of it first, then its coordinator.

use std::time::Duration;

use kafka_producer::engine::NodeId;
use kafka_producer::error::{Cause, TransactionError};
use kafka_wire::{ApiKey, ErrorCode};

use super::coordinator::{COORDINATOR, transactional};
use crate::stage::{Stage, delivered, failed, ms, pending};
use crate::wires::{error, ok};

const VERSIONS: [i16; 2] = [1, 2];

/// Settings under which a record waits ten seconds for others.
fn lingering() -> kafka_producer::settings::Settings {
    let mut settings = transactional();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = ms(10_000);
    settings
}

#[test]
fn t036_the_first_protocol_adds_sends_and_ends_in_that_order() {
    let mut stage = Stage::uninitialized(1, &[1]);
    stage.init().done();
    assert_eq!(stage.story(), ["FindCoordinator tx", "InitProducerId"]);
    stage.begin().done();
    let delivery = stage.send(0, "tea");
    assert_eq!(
        stage.story(),
        ["AddPartitionsToTxn orders-0", "Produce orders-0"]
    );
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    stage.send_offsets(&[5]).done();
    assert_eq!(
        stage.story(),
        [
            "AddOffsetsToTxn billing",
            "FindCoordinator billing",
            "TxnOffsetCommit billing payments-0@5"
        ]
    );
    stage.commit().done();
    assert_eq!(stage.story(), ["EndTxn commit"]);
    stage.begin().done();
    assert!(stage.story().is_empty(), "the next begins without asking");
}

#[test]
fn t038_the_second_protocol_adds_nothing_by_a_request_of_its_own() {
    let mut stage = Stage::begun(2, &[1]);
    let delivery = stage.send(0, "tea");
    let asked = &stage.connections[&NodeId(1)][0];
    assert!(asked.header.api_version >= 12);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    stage.send_offsets(&[5]).done();
    stage.commit().done();
    assert_eq!(
        stage.story(),
        [
            "Produce orders-0",
            "FindCoordinator billing",
            "TxnOffsetCommit billing payments-0@5",
            "EndTxn commit"
        ]
    );
    let spoken = &stage.coordinators.spoken;
    assert_eq!(spoken[&ApiKey::TXN_OFFSET_COMMIT], 5);
    assert_eq!(spoken[&ApiKey::END_TXN], 5);
}

#[test]
fn t039_below_level_2_the_first_protocol_is_spoken_whatever_the_brokers_could() {
    for level in [0, 1] {
        let mut stage = Stage::begun(level, &[1]);
        let _ = stage.send(0, "tea");
        stage.answer(1, [ok(0)]);
        stage.send_offsets(&[5]).done();
        stage.commit().done();
        let spoken = &stage.coordinators.spoken;
        for (api, newest) in [
            (ApiKey::PRODUCE, 11),
            (ApiKey::ADD_PARTITIONS_TO_TXN, 3),
            (ApiKey::TXN_OFFSET_COMMIT, 4),
            (ApiKey::END_TXN, 4),
        ] {
            assert_eq!(spoken[&api], newest, "{api}");
        }
    }
}

#[test]
fn t037_an_upgrade_takes_effect_after_the_transaction_with_an_epoch_of_its_own() {
    let mut stage = Stage::under_way(1, &[1, 1]);
    stage.coordinators.level = 2;
    stage.lose(COORDINATOR);
    stage.pass(ms(2000));
    let _ = stage.send(1, "tea");
    stage.pass(ms(2000));
    stage.answer(1, [ok(0)]);
    stage.commit().done();
    assert_eq!(
        stage.story(),
        [
            "FindCoordinator tx",
            "AddPartitionsToTxn orders-1",
            "Produce orders-1",
            "EndTxn commit"
        ],
        "it ends as it began"
    );
    assert_eq!(stage.coordinators.spoken[&ApiKey::END_TXN], 4);
    stage.begin().done();
    let _ = stage.send(0, "cake");
    assert_eq!(stage.story(), ["InitProducerId 7000/0", "Produce orders-0"]);
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    stage.commit().done();
    assert_eq!(stage.coordinators.spoken[&ApiKey::END_TXN], 5);
}

#[test]
fn t002_s58_the_end_is_withheld_while_a_record_has_no_outcome() {
    for level in VERSIONS {
        let mut stage = Stage::begun(level, &[1, 1]);
        stage.warm_up(0, 1);
        let in_flight = stage.send(0, "tea");
        let again = stage.send(0, "cake");
        let mut committed = stage.commit();
        stage.story();
        stage.answer(1, [ok(1)]);
        delivered(&in_flight, 1);
        stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        assert!(stage.story().is_empty());
        stage.pass(ms(200));
        pending(&again);
        committed.is_pending();
        assert_eq!(stage.story(), ["Produce orders-0"]);
        stage.answer(1, [ok(2)]);
        delivered(&again, 2);
        committed.done();
        assert_eq!(stage.story(), ["EndTxn commit"]);
    }
}

#[test]
fn t069_t084_a_commit_adds_and_sends_what_was_not_sent_yet() {
    for (level, expected) in [
        (1, vec!["AddPartitionsToTxn orders-0", "Produce orders-0"]),
        (2, vec!["Produce orders-0"]),
    ] {
        let mut stage = Stage::transactional_with(lingering(), level, &[1]);
        stage.begin().done();
        let delivery = stage.send(0, "tea");
        assert!(stage.story().is_empty(), "it lingers");
        let mut committed = stage.commit();
        assert_eq!(stage.story(), expected);
        committed.is_pending();
        stage.answer(1, [ok(0)]);
        delivered(&delivery, 0);
        committed.done();
        assert_eq!(stage.story(), ["EndTxn commit"]);
    }
}

#[test]
fn t085_a_commit_waits_for_the_answer_to_what_was_sent() {
    for level in VERSIONS {
        let mut stage = Stage::begun(level, &[1]);
        let _ = stage.send(0, "tea");
        stage.story();
        let mut committed = stage.commit();
        stage.pass(ms(1000));
        committed.is_pending();
        assert!(stage.story().is_empty());
        stage.answer(1, [ok(0)]);
        committed.done();
    }
}

#[test]
fn s57_a22_a_commit_does_not_linger_and_the_next_transaction_does_again() {
    for level in VERSIONS {
        let mut stage = Stage::transactional_with(lingering(), level, &[1]);
        stage.begin().done();
        let _ = stage.send(0, "tea");
        let mut committed = stage.commit();
        stage.answer(1, [ok(0)]);
        committed.done();
        stage.begin().done();
        stage.story();
        let _ = stage.send(0, "cake");
        stage.pass(ms(9_000));
        assert!(stage.requests(1).is_empty(), "it lingers");
        stage.pass(ms(2_000));
        assert_eq!(stage.values(1), [["cake"]]);
    }
}

#[test]
fn a_transaction_without_records_ends_without_asking() {
    for level in VERSIONS {
        let mut stage = Stage::begun(level, &[1]);
        stage.commit().done();
        stage.begin().done();
        stage.abort().done();
        assert!(stage.story().is_empty());
    }
}

#[test]
fn t001_s59_a_close_aborts_the_open_transaction() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let mut report = stage.close(None);
        assert_eq!(stage.story()[0], "EndTxn abort");
        assert!(report.try_recv().unwrap().is_some(), "it has ended");
    }
}

#[test]
fn s56_a_close_lets_a_commit_end_that_has_begun() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let delivery = stage.send(0, "tea");
        let mut committed = stage.commit();
        let mut report = stage.close(None);
        assert_eq!(report.try_recv(), Ok(None));
        stage.answer(1, [ok(1)]);
        delivered(&delivery, 1);
        committed.done();
        assert!(stage.story().contains(&"EndTxn commit".to_owned()));
        assert_eq!(report.try_recv().unwrap().unwrap().delivered, 1);
    }
}

#[test]
fn s60_a_close_in_haste_ends_the_commit_that_waits() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let delivery = stage.send(0, "tea");
        let mut committed = stage.commit();
        let mut report = stage.close(Some(Duration::ZERO));
        let ended = committed.ended();
        assert!(matches!(ended, Err(TransactionError::Closed)), "{ended:?}");
        assert_eq!(failed(&delivery).cause(), &Cause::Closed);
        assert_eq!(report.try_recv().unwrap().unwrap().unknown, 1);
    }
}

#[test]
fn s61_an_abort_fails_what_was_not_sent_as_aborted() {
    for level in VERSIONS {
        let mut stage = Stage::transactional_with(lingering(), level, &[1]);
        stage.begin().done();
        let delivery = stage.send(0, "tea");
        stage.abort().done();
        assert_eq!(failed(&delivery).cause(), &Cause::Aborted);
    }
}

#[test]
fn a_close_reports_also_the_records_that_it_aborts() {
    for level in VERSIONS {
        let mut stage = Stage::transactional_with(lingering(), level, &[1]);
        stage.begin().done();
        let delivery = stage.send(0, "tea");
        let mut report = stage.close(None);
        assert_eq!(failed(&delivery).cause(), &Cause::Aborted);
        assert_eq!(report.try_recv().unwrap().unwrap().failed, 1);
    }
}

#[test]
fn s73_a_close_ends_also_when_the_transaction_has_failed_and_nobody_can_be_told() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let _ = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::INVALID_TXN_STATE)]);
        stage.unreachable.insert(NodeId(COORDINATOR));
        stage.lose(COORDINATOR);
        let mut report = stage.close(None);
        assert_eq!(report.try_recv(), Ok(None));
        stage.pass(Duration::from_secs(181));
        assert!(report.try_recv().unwrap().is_some());
        assert!(stage.engine.has_ended());
    }
}

#[test]
fn s73_a_close_after_a_fatal_error_ends_at_once() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let _ = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::PRODUCER_FENCED)]);
        let mut report = stage.close(None);
        assert!(report.try_recv().unwrap().is_some());
    }
}

#[test]
fn with_the_first_protocol_an_end_that_was_not_answered_is_followed_by_a_new_epoch() {
    let mut stage = Stage::under_way(1, &[1]);
    stage.keeps(ApiKey::END_TXN);
    let mut commit = stage.commit();
    let (coordinator, _) = stage.question().unwrap();
    stage.lose(coordinator.0);
    stage.lets_go();
    stage.pass(ms(5000));
    commit.done();
    let story = stage.story();
    let [.., end, next] = &story[..] else {
        panic!("{story:?}");
    };
    assert_eq!(end, "EndTxn commit");
    assert!(next.starts_with("InitProducerId 7000/"), "{story:?}");
}

#[test]
fn who_can_no_longer_ask_what_became_of_a_commit_is_told_that_it_may_be_done() {
    for level in VERSIONS {
        for code in [
            ErrorCode::GROUP_AUTHORIZATION_FAILED,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        ] {
            let mut stage = Stage::under_way(level, &[1]);
            stage.keeps(ApiKey::END_TXN);
            let mut committed = stage.commit();
            stage.refuses(ApiKey::FIND_COORDINATOR, &[code]);
            stage.lose(COORDINATOR);
            stage.pass(ms(2000));
            let why = committed.fatal();
            assert_eq!(why.code(), code);
            assert!(why.to_string().contains("may be committed"), "{why}");
        }
    }
}

#[test]
fn what_is_told_of_an_abort_that_nobody_answered_is_no_commit() {
    let code = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    let mut stage = Stage::under_way(1, &[1]);
    stage.keeps(ApiKey::END_TXN);
    let mut aborted = stage.abort();
    stage.refuses(ApiKey::FIND_COORDINATOR, &[code]);
    stage.lose(COORDINATOR);
    stage.pass(ms(2000));
    let why = aborted.fatal();
    assert!(!why.to_string().contains("committed"), "{why}");
}

#[test]
fn a_commit_that_is_repeated_and_then_refused_for_good_may_be_done_the_first_time() {
    for first in [ErrorCode::REQUEST_TIMED_OUT, ErrorCode::NOT_COORDINATOR] {
        let mut stage = Stage::under_way(1, &[1]);
        stage.refuses(ApiKey::END_TXN, &[first, ErrorCode::UNKNOWN_PRODUCER_ID]);
        let mut committed = stage.commit();
        stage.pass(ms(2000));
        let why = committed.fatal();
        assert!(why.to_string().contains("may be committed"), "{why}");
    }
}
