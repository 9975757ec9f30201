//! What time does to a transaction: records that expire, coordinators that never answer.

use std::time::Duration;

use kafka_producer::error::{AbortableError, Cause};
use kafka_wire::{ApiKey, ErrorCode};

use super::coordinator::transactional;
use crate::stage::{Stage, delivered, expired, failed, ms};
use crate::wires::{error, ok};

const VERSIONS: [i16; 2] = [1, 2];

/// A transaction under way whose records have two seconds.
fn brief(level: i16, leaders: &[i32]) -> Stage {
    let mut settings = transactional();
    settings.delivery_timeout = ms(2000);
    let mut stage = Stage::transactional_with(settings, level, leaders);
    stage.begin().done();
    stage.warm_up(0, 1);
    stage.story();
    stage
}

#[test]
fn s27_t108_a_record_that_expires_after_it_was_sent_makes_the_transaction_abort() {
    for level in VERSIONS {
        let mut stage = brief(level, &[1]);
        let delivery = stage.send(0, "tea");
        stage.pass(ms(2000));
        expired(&delivery);
        let why = stage.handle.abort_reason().expect("the next send is told");
        assert!(matches!(why, AbortableError::Delivery(_)), "{why}");
        let why = stage.commit().abortable();
        let AbortableError::Delivery(error) = why else {
            panic!("{why}");
        };
        assert!(matches!(error.cause(), Cause::Expired { .. }));
    }
}

#[test]
fn t109_records_of_several_partitions_expire_each_for_itself() {
    for level in VERSIONS {
        let mut stage = brief(level, &[1, 1]);
        let first = stage.send(0, "tea");
        let second = stage.send(1, "cake");
        stage.pass(ms(2000));
        expired(&first);
        expired(&second);
        stage.commit().abortable();
        let mut aborted = stage.abort();
        stage.pass(Duration::from_secs(60));
        aborted.done();
        stage.begin().done();
    }
}

#[test]
fn a_commit_ends_with_the_record_that_expires_also_if_the_close_is_overdue_then() {
    for level in VERSIONS {
        let mut stage = brief(level, &[1]);
        let delivery = stage.send(0, "tea");
        let mut committed = stage.commit();
        let closed = stage.close(Some(ms(2000)));
        stage.pass(ms(2000));
        expired(&delivery);
        let why = committed.abortable();
        assert!(matches!(why, AbortableError::Delivery(_)), "{why}");
        drop(closed);
    }
}

#[test]
fn t110_a_commit_ends_when_a_record_expires_and_says_why() {
    for level in VERSIONS {
        let mut stage = brief(level, &[1]);
        let delivery = stage.send(0, "tea");
        let mut committed = stage.commit();
        stage.pass(ms(2000));
        expired(&delivery);
        let why = committed.abortable();
        assert!(matches!(why, AbortableError::Delivery(_)), "{why}");
        assert!(!stage.story().contains(&"EndTxn commit".to_owned()));
        stage.answer(1, [ok(1)]);
        stage.abort().done();
        stage.begin().done();
    }
}

#[test]
fn a_transaction_does_not_end_while_a_record_that_has_expired_may_still_be_appended() {
    for level in VERSIONS {
        let mut stage = brief(level, &[1]);
        let delivery = stage.send(0, "tea");
        stage.pass(ms(2000));
        expired(&delivery);
        stage.story();
        let mut aborted = stage.abort();
        stage.pass(ms(2000));
        aborted.is_pending();
        assert!(stage.story().is_empty(), "its request has no answer");
        stage.answer(1, [ok(1)]);
        aborted.done();
        assert_eq!(stage.story()[0], "EndTxn abort");
    }
}

#[test]
fn s68_a_refusal_that_comes_after_the_record_has_expired_changes_nothing() {
    for level in VERSIONS {
        for code in [
            ErrorCode::NOT_LEADER_OR_FOLLOWER,
            ErrorCode::INVALID_TXN_STATE,
        ] {
            let mut stage = brief(level, &[1]);
            let delivery = stage.send(0, "tea");
            stage.pass(ms(2000));
            expired(&delivery);
            stage.answer(1, [error(code)]);
            stage.commit().abortable();
            stage.abort().done();
            stage.begin().done();
            let delivery = stage.send(0, "cake");
            stage.answer(1, [ok(1)]);
            delivered(&delivery, 1);
            stage.commit().done();
        }
    }
}

#[test]
fn t123_after_a_timeout_the_next_transaction_has_an_epoch_of_its_own() {
    for (level, end) in [
        (1, vec!["EndTxn abort", "InitProducerId 7000/0"]),
        (2, vec!["EndTxn abort"]),
    ] {
        let mut stage = brief(level, &[1]);
        let delivery = stage.send(0, "tea");
        stage.pass(ms(2000));
        expired(&delivery);
        stage.answer(1, [ok(1)]);
        stage.story();
        stage.abort().done();
        assert_eq!(stage.story(), end);
        stage.begin().done();
        let _ = stage.send(0, "cake");
        assert_eq!(stage.numbers(1), [(1, 0)]);
    }
}

#[test]
fn partitions_that_are_never_added_end_the_transaction_when_its_time_is_up() {
    let mut settings = transactional();
    settings.delivery_timeout = Duration::from_secs(600);
    let mut stage = Stage::transactional_with(settings, 1, &[1]);
    stage.begin().done();
    let codes = [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION; 100];
    stage.refuses(ApiKey::ADD_PARTITIONS_TO_TXN, &codes);
    let delivery = stage.send(0, "tea");
    stage.pass(Duration::from_secs(60));
    let why = stage.commit().abortable();
    let AbortableError::Expired { request, limit, .. } = why else {
        panic!("{why}");
    };
    assert_eq!(request, "AddPartitionsToTxn");
    assert_eq!(limit, Duration::from_secs(60));
    stage.abort().done();
    failed(&delivery);
}
