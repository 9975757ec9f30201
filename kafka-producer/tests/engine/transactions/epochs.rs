//! Epochs of a transactional producer: its coordinator gives them out, with the end of a
//! transaction (the second protocol) or when one is asked for (the first).

use kafka_producer::engine::TransactionCall;
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, delivered, failed, ms};
use crate::wires::{error, ok};

/// What follows an abort in each protocol.
const BUMPED: [(i16, &[&str]); 2] = [
    (1, &["EndTxn abort", "InitProducerId 7000/0"]),
    (2, &["EndTxn abort"]),
];

/// The next transaction writes under the next epoch, from sequence 0 on.
#[track_caller]
fn begins_anew(stage: &mut Stage) {
    stage.begin().done();
    let delivery = stage.send(0, "a new beginning");
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(9)]);
    delivered(&delivery, 9);
    stage.commit().done();
}

#[test]
fn t116_with_the_second_protocol_every_end_brings_the_next_epoch() {
    for end in [TransactionCall::Commit, TransactionCall::Abort] {
        let mut stage = Stage::under_way(2, &[1]);
        stage.transact(end).done();
        begins_anew(&mut stage);
        assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 1);
    }
}

#[test]
fn with_the_first_protocol_numbers_go_on_after_a_transaction_without_fault() {
    for end in [TransactionCall::Commit, TransactionCall::Abort] {
        let mut stage = Stage::under_way(1, &[1]);
        stage.transact(end).done();
        stage.begin().done();
        let _ = stage.send(0, "tea");
        assert_eq!(stage.numbers(1), [(0, 1)]);
        assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 1);
    }
}

#[test]
fn t117_when_the_epochs_are_used_up_an_end_brings_another_id() {
    let mut stage = Stage::uninitialized(2, &[1]);
    stage.coordinators.producer = (7000, i16::MAX - 2);
    stage.init().done();
    stage.begin().done();
    let _ = stage.send(0, "tea");
    assert_eq!(stage.numbers(1), [(i16::MAX - 1, 0)]);
    stage.answer(1, [ok(0)]);
    stage.commit().done();
    stage.begin().done();
    let _ = stage.send(0, "cake");
    let header = &stage.requests(1)[0][0].header;
    assert_eq!((header.producer_id, header.producer_epoch), (7001, 0));
    assert_eq!(header.base_sequence, 0);
}

#[test]
fn t080_t121_t122_after_what_a_leader_refuses_the_epoch_is_bumped() {
    for (level, end) in BUMPED {
        for code in [
            ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::INVALID_TXN_STATE,
            ErrorCode::UNKNOWN_PRODUCER_ID,
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ] {
            let mut stage = Stage::under_way(level, &[1]);
            let delivery = stage.send(0, "tea");
            stage.answer(1, [error(code).log_starts_at(0)]);
            assert_eq!(failed(&delivery).code(), Some(code));
            assert_eq!(stage.commit().abortable().code(), Some(code));
            stage.story();
            stage.abort().done();
            assert_eq!(stage.story(), end);
            begins_anew(&mut stage);
        }
    }
}

#[test]
fn t124_after_what_is_refused_to_partitions_the_epoch_is_bumped() {
    for inside in [true, false] {
        let mut stage = Stage::begun(1, &[1, 1]);
        if inside {
            stage.warm_up(0, 1);
        }
        let code = ErrorCode::UNKNOWN_PRODUCER_ID;
        stage.refuses(ApiKey::ADD_PARTITIONS_TO_TXN, &[code]);
        let _ = stage.send(1, "tea");
        assert_eq!(stage.commit().abortable().code(), Some(code));
        stage.story();
        stage.abort().done();
        let (_, end) = BUMPED[0];
        let end = if inside { end } else { &end[1..] };
        assert_eq!(stage.story(), end);
        begins_anew(&mut stage);
    }
}

#[test]
fn t125_after_what_is_refused_to_offsets_the_epoch_is_bumped() {
    let mut stage = Stage::under_way(1, &[1]);
    let code = ErrorCode::UNKNOWN_PRODUCER_ID;
    stage.refuses(ApiKey::ADD_OFFSETS_TO_TXN, &[code]);
    assert_eq!(stage.send_offsets(&[5]).abortable().code(), Some(code));
    stage.story();
    stage.abort().done();
    let (_, end) = BUMPED[0];
    assert_eq!(stage.story(), end);
    begins_anew(&mut stage);
}

#[test]
fn an_abort_that_the_coordinator_knows_nothing_of_begins_anew_with_it() {
    for level in [1, 2] {
        let mut stage = Stage::under_way(level, &[1]);
        stage.refuses(ApiKey::END_TXN, &[ErrorCode::UNKNOWN_PRODUCER_ID]);
        stage.abort().done();
        assert_eq!(stage.story(), ["EndTxn abort", "InitProducerId 7000/0"]);
        begins_anew(&mut stage);
    }
}

#[test]
fn s34_when_the_log_lost_all_of_the_producer_its_partition_begins_anew_in_the_same_epoch() {
    for level in [1, 2] {
        let mut stage = Stage::under_way(level, &[1]);
        let delivery = stage.send(0, "tea");
        assert_eq!(stage.numbers(1), [(0, 1)]);
        let forgotten = error(ErrorCode::UNKNOWN_PRODUCER_ID);
        stage.answer(1, [forgotten.log_starts_at(10)]);
        stage.pass(ms(200));
        assert_eq!(stage.numbers(1), [(0, 0)]);
        stage.answer(1, [ok(10)]);
        delivered(&delivery, 10);
        stage.story();
        stage.commit().done();
        assert_eq!(stage.story(), ["EndTxn commit"]);
    }
}

#[test]
fn a_request_that_was_not_answered_costs_the_first_protocol_an_epoch_lest_it_comes_late() {
    for (level, renewed) in [(1, &["InitProducerId 7000/0"][..]), (2, &[])] {
        let mut stage = Stage::begun(level, &[1]);
        stage.warm_up(0, 1);
        stage.keeps(ApiKey::TXN_OFFSET_COMMIT);
        stage.keeps(ApiKey::ADD_OFFSETS_TO_TXN);
        let mut sent = stage.send_offsets(&[5]);
        let (asked, _) = stage.question().expect("a coordinator is asked something");
        stage.lose(asked.0);
        stage.lets_go();
        stage.pass(ms(200));
        sent.done();
        stage.commit().done();
        let story = stage.story();
        let end = story.iter().position(|told| told == "EndTxn commit");
        assert_eq!(story[end.expect("the end") + 1..], *renewed);
        begins_anew(&mut stage);
    }
}
