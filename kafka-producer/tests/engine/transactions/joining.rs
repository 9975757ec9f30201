//! What belongs to a transaction: partitions are added before anything is sent to them (the first
//! protocol), or by being sent to (the second).

use kafka_wire::{ApiKey, ErrorCode};

use super::coordinator::transactional;
use crate::metadata::unreadable;
use crate::stage::{Stage, delivered, failed, ms, pending};
use crate::wires::{error, ok};

const NOT_PERMITTED: ErrorCode = ErrorCode::INVALID_TXN_STATE;

#[test]
fn t013_a_partition_is_added_once_before_anything_is_sent_to_it() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let first = stage.send(0, "tea");
    let second = stage.send(0, "cake");
    assert_eq!(stage.story(), ["AddPartitionsToTxn orders-0"]);
    stage.reply(ErrorCode::NONE);
    assert_eq!(stage.story(), ["Produce orders-0"]);
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    if !stage.requests(1).is_empty() {
        stage.answer(1, [ok(1)]);
    }
    delivered(&second, 1);
    let _ = stage.send(0, "more");
    assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN), 1);
}

#[test]
fn t014_with_the_second_protocol_a_partition_is_added_by_being_sent_to() {
    let mut stage = Stage::begun(2, &[1]);
    let delivery = stage.send(0, "tea");
    assert_eq!(stage.story(), ["Produce orders-0"]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn t015_a_first_partition_is_added_again_very_soon_while_the_transaction_before_is_being_ended() {
    let mut stage = Stage::begun(1, &[1]);
    let codes = [ErrorCode::CONCURRENT_TRANSACTIONS; 3];
    stage.refuses(ApiKey::ADD_PARTITIONS_TO_TXN, &codes);
    let _ = stage.send(0, "tea");
    for times in 1..=3 {
        assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN), times);
        stage.pass(ms(19));
        assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN), times);
        stage.pass(ms(1));
    }
    assert_eq!(stage.values(1), [["tea"]]);
}

#[test]
fn t016_t017_t090_another_refusal_or_a_later_partition_waits_for_the_usual_backoff() {
    for (inside, code) in [
        (0, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
        (0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        (1, ErrorCode::CONCURRENT_TRANSACTIONS),
    ] {
        let mut stage = Stage::begun(1, &[1, 1]);
        if inside == 1 {
            stage.warm_up(1, 1);
        }
        let before = stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN);
        stage.refuses(ApiKey::ADD_PARTITIONS_TO_TXN, &[code, code]);
        let _ = stage.send(0, "tea");
        for (times, pause) in [(1, 100), (2, 200)] {
            assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN) - before, times);
            stage.pass(ms(pause * 79 / 100));
            assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN) - before, times);
            stage.pass(ms(pause * 42 / 100));
        }
        assert_eq!(stage.values(1), [["tea"]], "{code}: added at last");
    }
}

#[test]
fn t022_t023_t028_t104_t106_nothing_leaves_for_a_partition_that_is_not_confirmed() {
    let mut stage = Stage::begun(1, &[1, 1, 1]);
    stage.warm_up(0, 1);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let asked_for = stage.send(1, "on its way to be added");
    let wanted = stage.send(2, "still to be added");
    stage.pass(ms(1000));
    assert!(stage.requests(1).is_empty());

    let fatal = stage.send(0, "tea");
    stage.answer(1, [error(NOT_PERMITTED)]);
    failed(&fatal);
    stage.pass(ms(1000));
    assert!(stage.requests(1).is_empty(), "nor after an abortable error");
    pending(&asked_for);
    pending(&wanted);

    let mut aborted = stage.abort();
    failed(&asked_for);
    failed(&wanted);
    stage.story();
    stage.lets_go();
    aborted.done();
    assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN), 2);
    let story = stage.story();
    assert_eq!(story, ["EndTxn abort", "InitProducerId 7000/0"]);
}

#[test]
fn t024_t025_t027_after_a_fatal_error_nothing_leaves_at_all() {
    let mut stage = Stage::begun(1, &[1, 1, 1]);
    stage.warm_up(0, 1);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let asked_for = stage.send(1, "on its way to be added");
    let wanted = stage.send(2, "still to be added");
    let fatal = stage.send(0, "tea");
    let waiting = stage.append("orders", 0, "cake").unwrap();
    stage.answer(1, [error(ErrorCode::INVALID_PRODUCER_ID_MAPPING)]);
    for delivery in [&asked_for, &wanted, &fatal, &waiting] {
        let error = failed(delivery);
        assert_eq!(error.code(), Some(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    }
    stage.story();
    stage.lets_go();
    stage.pass(ms(10_000));
    assert!(stage.story().is_empty());
}

#[test]
fn t026_t105_after_an_abortable_error_a_partition_in_the_transaction_is_still_served() {
    for level in [1, 2] {
        let mut stage = Stage::begun(level, &[1, 2]);
        stage.warm_up(0, 1);
        stage.warm_up(1, 2);
        let fails = stage.send(1, "tea");
        let healthy = stage.append("orders", 0, "cake").unwrap();
        stage.answer(2, [error(NOT_PERMITTED)]);
        failed(&fails);
        stage.tick();
        stage.answer(1, [ok(1)]);
        delivered(&healthy, 1);
        stage.abort().done();
    }
}

#[test]
fn t070_partitions_that_come_together_are_added_together_before_anything_is_sent() {
    let mut stage = Stage::begun(1, &[1, 1]);
    let first = stage.append("orders", 0, "tea").unwrap();
    let second = stage.append("orders", 1, "cake").unwrap();
    stage.tick();
    assert_eq!(
        stage.story(),
        [
            "AddPartitionsToTxn orders-0 orders-1",
            "Produce orders-0 orders-1"
        ]
    );
    stage.answer(1, [ok(0), ok(0)]);
    delivered(&first, 0);
    delivered(&second, 0);
}

#[test]
fn a_request_to_a_coordinator_holds_up_no_partition_that_is_in_the_transaction() {
    let mut stage = Stage::begun(1, &[1, 1]);
    stage.warm_up(0, 1);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let _ = stage.send(1, "has to wait");
    let delivery = stage.send(0, "does not");
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn s08_a_coordinator_that_asks_for_silence_is_asked_when_it_is_over_and_no_later() {
    let mut stage = Stage::begun(1, &[1, 1]);
    stage.coordinators.throttle_time_ms = 700;
    let _ = stage.send(0, "tea");
    assert_eq!(stage.values(1), [["tea"]], "leaders are not concerned");
    let _ = stage.send(1, "cake");
    stage.pass(ms(699));
    assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN), 1);
    stage.pass(ms(1));
    assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN), 2);
}

#[test]
fn s62_an_engine_that_waits_for_a_coordinator_does_not_ask_to_be_woken_at_once() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let _ = stage.send(0, "tea");
    // The head starts of those who were dialed are over.
    stage.pass(ms(250));
    let wake = stage.engine.deadline().expect("an answer is outstanding");
    assert!(wake > stage.now + ms(1000), "{:?}", wake - stage.now);
}

#[test]
fn s47_a_batch_of_a_transaction_that_is_too_large_goes_in_halves() {
    for level in [1, 2] {
        let mut settings = transactional();
        settings.accumulator.batch_size = 1000;
        settings.accumulator.linger = ms(5);
        let mut stage = Stage::transactional_with(settings, level, &[1]);
        stage.begin().done();
        let tea = stage.send(0, "tea");
        let cake = stage.send(0, "cake");
        stage.pass(ms(5));
        assert_eq!(stage.values(1), [["tea", "cake"]]);
        stage.answer(1, [error(ErrorCode::MESSAGE_TOO_LARGE)]);
        assert_eq!(stage.values(1), [["tea"]]);
        let header = stage.requests(1)[0][0].header.clone();
        assert_eq!(
            (header.base_sequence, header.attributes.is_transactional()),
            (0, true)
        );
        stage.answer(1, [ok(0)]);
        assert_eq!(stage.numbers(1), [(0, 1)]);
        stage.answer(1, [ok(1)]);
        delivered(&tea, 0);
        delivered(&cake, 1);
        stage.commit().done();
    }
}

#[test]
fn a_partition_that_may_have_been_added_is_ended_also_when_it_is_refused_later() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let delivery = stage.send(0, "tea");
    stage.refuses(
        ApiKey::ADD_PARTITIONS_TO_TXN,
        &[
            ErrorCode::CONCURRENT_TRANSACTIONS,
            ErrorCode::OPERATION_NOT_ATTEMPTED,
        ],
    );
    let (coordinator, _) = stage.question().unwrap();
    stage.lose(coordinator.0);
    stage.lets_go();
    stage.pass(ms(5000));
    assert!(stage.has_refused_all());
    pending(&delivery);
    stage.story();
    stage.abort().done();
    let story = stage.story();
    assert!(story.contains(&"EndTxn abort".to_owned()), "{story:?}");
}

#[test]
fn a_partition_whose_answer_cannot_be_read_may_have_been_added() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let delivery = stage.send(0, "tea");
    let (coordinator, _) = stage.question().unwrap();
    let codes = [
        ErrorCode::CONCURRENT_TRANSACTIONS,
        ErrorCode::OPERATION_NOT_ATTEMPTED,
    ];
    stage.refuses(ApiKey::ADD_PARTITIONS_TO_TXN, &codes);
    let answered = unreadable(&stage, coordinator);
    stage.respond(coordinator, answered);
    stage.lets_go();
    stage.pass(ms(5000));
    assert!(stage.has_refused_all());
    pending(&delivery);
    stage.story();
    stage.abort().done();
    let story = stage.story();
    assert!(story.contains(&"EndTxn abort".to_owned()), "{story:?}");
}
