//! What an epoch that was left behind means for what was sent under it, and for what comes after.

use kafka_producer::engine::{EngineState, NodeId};
use kafka_producer::error::Persistence;
use kafka_producer::settings::Settings;
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, expired, failed, ms, refused, settings};
use crate::wires::{Map, error, ok};

const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;

fn short_lived() -> Settings {
    Settings {
        delivery_timeout: ms(1000),
        ..settings()
    }
}

type Kept = kafka_accumulator::Delivery<kafka_producer::error::DeliveryError>;

/// Partition 1 has a batch in flight under epoch 0 while partition 0 has begun epoch 1.
fn one_behind() -> (Stage, Kept) {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    let old = stage.send(1, "old epoch");
    let _ = stage.send(0, "a");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    assert_eq!(
        (stage.numbers(1), stage.numbers(2)),
        (vec![(1, 0)], vec![(0, 1)])
    );
    stage.answer(1, [ok(1)]);
    (stage, old)
}

#[test]
fn t031_a_batch_of_the_old_epoch_that_fails_later_does_not_disturb_the_new_one() {
    let (mut stage, old) = one_behind();
    stage.answer(2, [error(ErrorCode::INVALID_RECORD)]);
    refused(&old, ErrorCode::INVALID_RECORD);
    let _ = (stage.send(0, "b"), stage.send(1, "new epoch"));
    assert_eq!(stage.numbers(1), [(1, 1)]);
    assert_eq!(stage.numbers(2), [(1, 0)], "no third epoch");
    stage.answer(1, [ok(2)]);
    stage.answer(2, [ok(1)]);
}

#[test]
fn t032_a_batch_of_the_old_epoch_that_succeeds_later_is_delivered() {
    let (mut stage, old) = one_behind();
    stage.answer(2, [ok(1)]);
    delivered(&old, 1);
    let _ = stage.send(1, "new epoch");
    assert_eq!(stage.numbers(2), [(1, 0)]);
    stage.answer(2, [ok(2)]);
}

#[test]
fn t126_a_healthy_partition_retries_under_its_epoch_and_adopts_the_new_one_afterwards() {
    let (mut stage, old) = one_behind();
    let new = stage.send(1, "new epoch");
    stage.answer(2, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(2), [(0, 1)]);
    stage.answer(2, [ok(1)]);
    delivered(&old, 1);
    assert_eq!(stage.numbers(2), [(1, 0)]);
    stage.answer(2, [ok(2)]);
    delivered(&new, 2);
}

#[test]
fn t132_an_old_batch_that_is_lost_after_the_bump_is_caught_up_with_in_the_old_epoch() {
    let (mut stage, old) = one_behind();
    stage.lose(2);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(2), [(0, 1)]);
    stage.answer(2, [error(ErrorCode::DUPLICATE_SEQUENCE_NUMBER)]);
    delivered(&old, -1);
    let _ = stage.send(0, "b");
    assert_eq!(stage.numbers(1), [(1, 1)]);
}

#[test]
fn t033_the_late_answer_of_an_expired_batch_is_not_taken_for_that_of_the_new_epochs_first() {
    let mut stage = Stage::with(short_lived(), &[1]);
    stage.warm_up(0, 1);
    let old = stage.send(0, "old");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(200));
    stage.pass(ms(800));
    assert_eq!(expired(&old).history().attempts, 2);
    let new = stage.send(0, "new");
    assert_eq!(stage.numbers(1), [(0, 1), (1, 0)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    crate::stage::pending(&new);
    stage.answer(1, [ok(1)]);
    delivered(&new, 1);
    let _ = stage.send(0, "next");
    assert_eq!(stage.numbers(1), [(1, 1)]);
}

#[test]
fn t035_a_new_id_is_taken_up_by_each_partition_when_it_has_nothing_of_the_old_one() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1, 2]));
    stage.next_producer = (7000, i16::MAX);
    stage.know(TOPIC);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    let _ = stage.send(1, "old id");
    let _ = stage.send(0, "a");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    let name = |stage: &Stage, node| {
        let header = &stage.requests(node)[0][0].header;
        (
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
        )
    };
    assert_eq!(name(&stage, 1), (7001, 0, 0));
    assert_eq!(name(&stage, 2), (7000, i16::MAX, 1));
    stage.answer(2, [ok(1)]);
    let _ = stage.send(1, "new id");
    assert_eq!(name(&stage, 2), (7001, 0, 0));
}

#[test]
fn t112_when_a_batch_expires_with_nothing_in_flight_the_next_begins_a_new_epoch() {
    let mut stage = Stage::with(short_lived(), &[1]);
    stage.warm_up(0, 1);
    let lost = stage.send(0, "lost");
    stage.unreachable.insert(NodeId(1));
    stage.lose(1);
    stage.pass(ms(1000));
    assert_eq!(expired(&lost).persistence(), Persistence::PossiblyPersisted);
    stage.unreachable.clear();
    stage.settle();
    let next = stage.send(0, "next");
    stage.pass(ms(900));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&next, 1);
}

#[test]
fn t113_when_the_last_batch_in_flight_succeeds_no_new_epoch_is_needed() {
    let mut stage = Stage::with(short_lived(), &[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.pass(ms(500));
    let second = stage.send(0, "b");
    stage.pass(ms(500));
    expired(&first);
    stage.answer(1, [ok(1)]);
    stage.answer(1, [ok(2)]);
    delivered(&second, 2);
    let _ = stage.send(0, "c");
    assert_eq!(stage.numbers(1), [(0, 3)]);
}

#[test]
fn t114_when_the_last_batch_in_flight_fails_a_new_epoch_begins() {
    let mut stage = Stage::with(short_lived(), &[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.pass(ms(500));
    let second = stage.send(0, "b");
    stage.pass(ms(500));
    expired(&first);
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    refused(&second, ErrorCode::INVALID_RECORD);
    let _ = stage.send(0, "c");
    assert_eq!(stage.numbers(1), [(1, 0)]);
}

#[test]
fn t118_after_a_fatal_answer_nothing_is_sent_or_asked_any_more() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    let both = [stage.send(0, "a"), stage.send(1, "b")];
    stage.answer(1, [error(ErrorCode::INVALID_PRODUCER_ID_MAPPING)]);
    let before = stage.asked.len();
    stage.answer(2, [error(OUT_OF_ORDER)]);
    stage.pass(ms(5000));
    both.iter().for_each(|delivery| drop(failed(delivery)));
    assert!(matches!(stage.handle.state(), EngineState::Failed(_)));
    let asked = &stage.asked[before..];
    let metadata = |(_, api): &(NodeId, ApiKey)| *api == ApiKey::METADATA;
    assert!(asked.iter().all(metadata), "{asked:?}");
}
