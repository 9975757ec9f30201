//! Brokers that have forgotten the producer, or know a newer epoch of it.

use kafka_producer::error::Persistence;
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, delivered, ms, refused};
use crate::wires::{error, ok};

const FORGOTTEN: ErrorCode = ErrorCode::UNKNOWN_PRODUCER_ID;

#[test]
fn s35_when_the_log_begins_after_the_last_acknowledgement_a_new_epoch_starts() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(FORGOTTEN).log_starts_at(10)]);
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(10)]);
    delivered(&delivery, 10);
}

#[test]
fn s36_when_the_broker_does_not_tell_where_its_log_begins_the_number_is_tried_again() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(FORGOTTEN)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(0, 1)]);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn s37_t030_what_was_sent_behind_gets_its_new_number_with_the_first_and_no_second_epoch() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    let second = stage.send(0, "b");
    assert_eq!(stage.numbers(1), [(0, 1), (0, 2)]);
    stage.answer(1, [error(FORGOTTEN).log_starts_at(10)]);
    stage.answer(1, [error(FORGOTTEN).log_starts_at(10)]);
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(10)]);
    delivered(&first, 10);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 1)]);
    stage.answer(1, [ok(11)]);
    delivered(&second, 11);
}

#[test]
fn s38_also_when_nothing_was_cut_off_the_log_a_new_epoch_starts() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(FORGOTTEN).log_starts_at(0)]);
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn what_may_be_in_the_log_is_not_sent_again_to_a_broker_that_has_forgotten_the_producer() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.lose(1);
    stage.pass(ms(1000));
    stage.answer(1, [error(FORGOTTEN).log_starts_at(10)]);
    stage.tell(1, Ok(&[]));
    let error = refused(&delivery, FORGOTTEN);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn a_newer_epoch_that_the_broker_knows_is_gone_beyond() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::INVALID_PRODUCER_EPOCH)]);
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 1);
}
