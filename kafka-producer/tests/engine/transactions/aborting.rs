//! What makes a transaction fail, and what an abort still does for what was tried.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use kafka_producer::error::{AbortableError, Cause};
use kafka_wire::{ApiKey, ErrorCode};

use super::coordinator::{COORDINATOR, transactional};
use crate::stage::{Stage, delivered, failed, ms, pending};
use crate::wires::{error, ok};

const VERSIONS: [i16; 2] = [1, 2];
const DENIED: ErrorCode = ErrorCode::TOPIC_AUTHORIZATION_FAILED;

/// What ends an abort of a transaction that has failed.
fn end_of_failed(level: i16) -> &'static [&'static str] {
    match level {
        1 => &["EndTxn abort", "InitProducerId 7000/0"],
        _ => &["EndTxn abort"],
    }
}

#[test]
fn t061_t087_t099_what_was_never_added_needs_no_end() {
    let mut stage = Stage::begun(1, &[1]);
    stage.refuses(ApiKey::ADD_PARTITIONS_TO_TXN, &[DENIED]);
    let delivery = stage.send(0, "tea");
    assert_eq!(stage.story(), ["AddPartitionsToTxn orders-0"]);
    stage.abort().done();
    assert_eq!(failed(&delivery).cause(), &Cause::Aborted);
    assert!(stage.story().is_empty(), "no EndTxn");

    stage.begin().done();
    let delivery = stage.send(0, "cake");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    stage.commit().done();
}

#[test]
fn t087_an_abort_before_anything_was_asked_asks_nothing() {
    for level in VERSIONS {
        let mut settings = transactional();
        settings.accumulator.batch_size = 1000;
        settings.accumulator.linger = ms(1000);
        let mut stage = Stage::transactional_with(settings, level, &[1]);
        stage.begin().done();
        let delivery = stage.send(0, "tea");
        stage.abort().done();
        failed(&delivery);
        stage.pass(ms(2000));
        assert!(stage.story().is_empty());
    }
}

#[test]
fn t065_a_transaction_that_has_failed_fails_what_was_not_sent_and_the_next_one_works() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1, 1]);
        let fails = stage.send(0, "tea");
        stage.answer(1, [error(DENIED)]);
        assert_eq!(failed(&fails).code(), Some(DENIED));
        let unsent = stage.append("orders", 1, "cake").unwrap();
        stage.story();
        stage.abort().done();
        assert_eq!(failed(&unsent).cause(), &Cause::Aborted);
        assert_eq!(stage.story(), end_of_failed(level));

        stage.begin().done();
        let _ = stage.send(0, "more");
        assert_eq!(stage.numbers(1), [(1, 0)]);
        stage.answer(1, [ok(1)]);
        stage.commit().done();
    }
}

#[test]
fn t066_t089_a_batch_that_was_sent_once_is_sent_again_before_the_abort_ends() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let delivery = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        stage.story();
        let mut aborted = stage.abort();
        stage.pass(ms(200));
        assert_eq!(stage.story(), ["Produce orders-0"]);
        aborted.is_pending();
        stage.answer(1, [ok(1)]);
        delivered(&delivery, 1);
        aborted.done();
        assert_eq!(stage.story(), ["EndTxn abort"]);
    }
}

#[test]
fn offsets_that_were_sent_before_the_abort_are_aborted_with_the_transaction() {
    for level in VERSIONS {
        for doomed in [false, true] {
            let mut stage = Stage::begun(level, &[1]);
            if doomed {
                stage.warm_up(0, 1);
            }
            stage.keeps(ApiKey::TXN_OFFSET_COMMIT);
            let _sent = stage.send_offsets(&[5]);
            stage.question().expect("they are on their way");
            if doomed {
                let delivery = stage.send(0, "tea");
                stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
                failed(&delivery);
            }
            let mut aborted = stage.abort();
            aborted.is_pending();
            stage.reply(ErrorCode::NONE);
            aborted.done();
            let story = stage.story();
            assert!(story.contains(&"EndTxn abort".to_owned()), "{story:?}");
        }
    }
}

#[test]
fn with_the_second_protocol_a_coordinator_is_told_of_the_end_unless_it_surely_added_nothing() {
    for (code, end) in [
        (ErrorCode::CONCURRENT_TRANSACTIONS, &[][..]),
        (ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, &["EndTxn abort"]),
        (ErrorCode::COORDINATOR_NOT_AVAILABLE, &["EndTxn abort"]),
        (ErrorCode::NOT_COORDINATOR, &["EndTxn abort"]),
        (ErrorCode::NOT_ENOUGH_REPLICAS, &["EndTxn abort"]),
    ] {
        let mut settings = transactional();
        settings.retries = 0;
        let mut stage = Stage::transactional_with(settings, 2, &[1]);
        stage.begin().done();
        let delivery = stage.send(0, "tea");
        stage.answer(1, [error(code)]);
        assert_eq!(failed(&delivery).code(), Some(code));
        stage.story();
        stage.abort().done();
        assert_eq!(stage.story(), *end, "{code}");
    }
}

#[test]
fn t081_t082_what_a_leader_refuses_forbids_the_commit_and_allows_the_abort() {
    for level in VERSIONS {
        for code in [
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            ErrorCode::INVALID_RECORD,
            ErrorCode::UNKNOWN_SERVER_ERROR,
        ] {
            let mut stage = Stage::under_way(level, &[1]);
            let delivery = stage.send(0, "tea");
            stage.answer(1, [error(code)]);
            assert_eq!(failed(&delivery).code(), Some(code));
            let why = stage.commit().abortable();
            assert!(matches!(why, AbortableError::Delivery(_)), "{why}");
            assert_eq!(why.code(), Some(code));
            stage.abort().done();
            stage.begin().done();
        }
    }
}

#[test]
fn t083_what_fails_while_the_transaction_is_aborted_changes_nothing() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let delivery = stage.send(0, "tea");
        let mut aborted = stage.abort();
        stage.story();
        stage.answer(1, [error(ErrorCode::INVALID_TXN_STATE)]);
        failed(&delivery);
        aborted.done();
        assert_eq!(stage.story()[0], "EndTxn abort");
        stage.begin().done();
        let delivery = stage.send(0, "cake");
        stage.answer(1, [ok(1)]);
        delivered(&delivery, 1);
        stage.commit().done();
    }
}

#[test]
fn t088_a_partition_that_may_have_been_added_is_added_again_before_the_abort_ends() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let delivery = stage.send(0, "tea");
    let mut aborted = stage.abort();
    assert_eq!(failed(&delivery).cause(), &Cause::Aborted);
    stage.lose(COORDINATOR);
    stage.story();
    stage.lets_go();
    stage.pass(ms(2000));
    aborted.done();
    assert_eq!(
        stage.story(),
        [
            "FindCoordinator tx",
            "AddPartitionsToTxn orders-0",
            "EndTxn abort",
            "InitProducerId 7000/0"
        ]
    );
}

#[test]
fn t088_a_partition_that_was_refused_is_not_added_for_the_sake_of_an_abort() {
    // It is known not to be in the transaction; Apache Kafka's client would add it to end it.
    let mut stage = Stage::begun(1, &[1]);
    let code = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    stage.refuses(ApiKey::ADD_PARTITIONS_TO_TXN, &[code]);
    let delivery = stage.send(0, "tea");
    stage.abort().done();
    failed(&delivery);
    assert_eq!(stage.story(), ["AddPartitionsToTxn orders-0"]);
    stage.begin().done();
}

#[test]
fn t098_nothing_is_sent_to_a_partition_that_may_not_be_written_to() {
    let mut stage = Stage::under_way(1, &[1, 1]);
    stage.refuses(ApiKey::ADD_PARTITIONS_TO_TXN, &[DENIED]);
    let delivery = stage.send(1, "tea");
    stage.pass(ms(1000));
    assert_eq!(stage.story(), ["AddPartitionsToTxn orders-1"]);
    pending(&delivery);
    let doomed = stage.handle.abort_reason().expect("the next send is told");
    assert_eq!(doomed.code(), Some(DENIED));
}

#[test]
fn t100_a_group_that_was_refused_needs_no_end() {
    let mut stage = Stage::begun(1, &[1]);
    let code = ErrorCode::GROUP_AUTHORIZATION_FAILED;
    stage.refuses(ApiKey::ADD_OFFSETS_TO_TXN, &[code]);
    assert_eq!(stage.send_offsets(&[5]).abortable().code(), Some(code));
    stage.abort().done();
    assert_eq!(stage.story(), ["AddOffsetsToTxn billing"]);
}

#[test]
fn t100_a_group_that_no_coordinator_was_told_of_yet_is_forgotten_by_an_abort() {
    let mut stage = Stage::under_way(1, &[1, 1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let _ = stage.send(1, "tea");
    let _sent = stage.send_offsets(&[5]);
    assert_eq!(stage.story(), ["AddPartitionsToTxn orders-1"]);
    let mut aborted = stage.abort();
    stage.lets_go();
    aborted.done();
    assert_eq!(stage.story(), ["EndTxn abort"]);
}

#[test]
fn t101_an_abort_fails_when_what_it_waits_for_is_refused_for_good() {
    let mut stage = Stage::under_way(1, &[1]);
    stage.keeps(ApiKey::ADD_OFFSETS_TO_TXN);
    let _sent = stage.send_offsets(&[5]);
    let mut aborted = stage.abort();
    aborted.is_pending();
    stage.reply(ErrorCode::UNKNOWN_SERVER_ERROR);
    let why = aborted.fatal();
    assert_eq!(why.code(), ErrorCode::UNKNOWN_SERVER_ERROR);
}

#[test]
fn t107_a_refused_batch_is_sent_again_also_after_something_else_has_failed() {
    for level in VERSIONS {
        let mut stage = Stage::begun(level, &[1, 2]);
        stage.warm_up(0, 1);
        stage.warm_up(1, 2);
        let again = stage.send(0, "tea");
        let fails = stage.send(1, "cake");
        stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        stage.answer(2, [error(DENIED)]);
        failed(&fails);
        stage.pass(ms(200));
        assert_eq!(stage.values(1), [["tea"]]);
        stage.answer(1, [ok(1)]);
        delivered(&again, 1);
        stage.abort().done();
    }
}

#[test]
fn s66_a_refusal_that_outlasts_the_retries_makes_the_transaction_abort() {
    for level in VERSIONS {
        let code = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
        let mut settings = transactional();
        settings.retries = 1;
        let mut stage = Stage::transactional_with(settings, level, &[1]);
        stage.begin().done();
        stage.warm_up(0, 1);
        let delivery = stage.send(0, "tea");
        stage.answer(1, [error(code)]);
        stage.pass(ms(200));
        pending(&delivery);
        stage.answer(1, [error(code)]);
        failed(&delivery);
        assert_eq!(stage.handle.abort_reason().unwrap().code(), Some(code));
        assert_eq!(stage.commit().abortable().code(), Some(code));
        stage.abort().done();
        stage.begin().done();
    }
}

#[test]
fn s69_s70_what_only_this_transaction_is_refused_for_is_cured_by_an_abort() {
    for level in VERSIONS {
        for code in [
            ErrorCode::INVALID_TXN_STATE,
            ErrorCode::TRANSACTION_ABORTABLE,
        ] {
            let mut stage = Stage::under_way(level, &[1]);
            let delivery = stage.send(0, "tea");
            stage.answer(1, [error(code)]);
            assert_eq!(failed(&delivery).code(), Some(code));
            assert_eq!(stage.commit().abortable().code(), Some(code));
            stage.story();
            stage.abort().done();
            assert_eq!(stage.story(), end_of_failed(level));
            stage.begin().done();
            let delivery = stage.send(0, "cake");
            stage.answer(1, [ok(1)]);
            delivered(&delivery, 1);
            stage.commit().done();
        }
    }
}

#[test]
fn a_transaction_that_is_dropped_is_aborted_and_a_commit_under_way_is_not() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        stage.abandon();
        stage.begin().done();
        assert_eq!(stage.story(), ["EndTxn abort"]);

        stage.warm_up(0, 1);
        stage.keeps(ApiKey::END_TXN);
        let committed = stage.commit();
        drop(committed);
        stage.abandon();
        stage.lets_go();
        stage.outcome().done();
        let story = stage.story();
        assert_eq!(story.last().map(String::as_str), Some("EndTxn commit"));
    }
}

/// Notes the name of whom it wakes.
struct Told(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[test]
fn the_record_that_fails_a_dropped_commit_is_told_before_those_that_fail_with_it() {
    for level in VERSIONS {
        let mut settings = transactional();
        settings.max_in_flight = 1;
        let mut stage = Stage::transactional_with(settings, level, &[1]);
        stage.begin().done();
        stage.warm_up(0, 1);
        let mut fails = stage.send(0, "tea");
        let mut unsent = stage.send(0, "cake");
        drop(stage.commit());
        stage.abandon();

        let told = Arc::default();
        for (name, delivery) in [("tea", &mut fails), ("cake", &mut unsent)] {
            let waker = Waker::from(Arc::new(Told(name, Arc::clone(&told))));
            let polled = Pin::new(delivery).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        stage.answer(1, [error(DENIED)]);
        assert_eq!(*told.lock().unwrap(), ["tea", "cake"]);
        assert_eq!(failed(&fails).code(), Some(DENIED));
        assert_eq!(failed(&unsent).cause(), &Cause::Aborted);
    }
}

#[test]
fn what_fails_with_a_dropped_commit_is_no_failure_of_the_next_transaction() {
    for level in VERSIONS {
        let mut settings = transactional();
        settings.delivery_timeout = ms(2000);
        let mut stage = Stage::transactional_with(settings, level, &[1, 1]);
        stage.begin().done();
        stage.warm_up(0, 1);
        stage.commit().done();
        stage.map.topics[0].leaders = vec![(-1, 1); 2];
        stage.lose(1);
        stage.pass(ms(500));

        stage.begin().done();
        let fails = stage.send(0, "tea");
        stage.pass(ms(1000));
        let unsent = stage.send(1, "cake");
        drop(stage.commit());
        stage.abandon();
        let mut next = stage.begin();
        stage.pass(ms(1000));
        assert!(matches!(failed(&fails).cause(), Cause::Expired { .. }));
        assert_eq!(failed(&unsent).cause(), &Cause::Aborted);
        next.done();
        assert!(stage.handle.abort_reason().is_none());
        stage.commit().done();
    }
}
