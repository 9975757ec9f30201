//! Answers that are not the end: sent again, when, and to whom.

use kafka_producer::engine::NodeId;
use kafka_producer::error::Persistence;
use kafka_wire::messages::produce::NodeEndpoint;
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, ms, pending, settings};
use crate::wires::{Says, error, ok};

const NOT_LEADER: ErrorCode = ErrorCode::NOT_LEADER_OR_FOLLOWER;

#[test]
fn s04_a_lost_connection_is_retried_and_succeeds() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.lose(1);
    pending(&delivery);
    stage.pass(ms(200));
    assert_eq!(stage.values(1), [["tea"]]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn a12_a_refusal_is_retried_after_a_pause_that_doubles() {
    let mut stage = Stage::idempotent(&[1]);
    let _ = stage.send(0, "tea");
    for pause in [100, 200, 400, 800, 1000, 1000] {
        stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        stage.pass(ms(pause * 79 / 100));
        assert!(stage.requests(1).is_empty(), "less than {pause} ms");
        stage.pass(ms(pause * 42 / 100));
        assert_eq!(stage.numbers(1), [(0, 0)], "about {pause} ms");
    }
}

#[test]
fn s72_the_same_leader_is_asked_again_after_a_pause() {
    let mut stage = Stage::idempotent(&[1]);
    let _ = stage.send(0, "tea");
    stage.answer(1, [error(NOT_LEADER)]);
    assert!(stage.requests(1).is_empty());
    stage.pass(ms(79));
    assert!(stage.requests(1).is_empty());
    stage.pass(ms(42));
    assert_eq!(stage.values(1), [["tea"]]);
}

#[test]
fn s72_a_new_leader_that_metadata_tells_of_is_asked_at_once() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.map.moves(0, 2);
    stage.answer(1, [error(NOT_LEADER)]);
    assert_eq!(stage.values(2), [["tea"]], "no time has passed");
    stage.answer(2, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn s72_the_same_leader_of_a_new_epoch_is_asked_at_once() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.map.moves(0, 1);
    stage.answer(1, [error(NOT_LEADER)]);
    assert_eq!(stage.values(1), [["tea"]], "no time has passed");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn a_new_leader_that_was_never_heard_of_is_asked_at_the_address_in_the_answer() {
    let mut stage = Stage::idempotent(&[1]);
    stage.by_hand.insert(ApiKey::METADATA);
    let delivery = stage.send(0, "tea");
    let asked = stage.connections.get_mut(&NodeId(1)).unwrap();
    asked[0].endpoints = [(9, "broker-9", 9092), (8, "", 9092), (7, "broker-7", 0)]
        .map(|(node_id, host, port)| {
            NodeEndpoint::default()
                .with_node_id(node_id)
                .with_host(host.to_owned())
                .with_port(port)
        })
        .into();
    stage.answer(1, [error(NOT_LEADER).leader_is(9, 2)]);
    assert_eq!(stage.values(9), [["tea"]], "no time has passed");
    stage.answer(9, [ok(0)]);
    delivered(&delivery, 0);
    assert!(
        !stage.connections.contains_key(&NodeId(8)) && !stage.connections.contains_key(&NodeId(7)),
        "an address that cannot be one is not dialed"
    );
}

#[test]
fn too_few_replicas_are_named_when_the_time_is_up() {
    let mut settings = settings();
    settings.retry_backoff.initial = settings.delivery_timeout * 2;
    let mut stage = Stage::with(settings, &[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(stage.settings.delivery_timeout);
    let error = crate::stage::expired(&delivery);
    let code = Some(ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!((error.code(), error.history().last_error), (code, code));
    assert!(error.to_string().contains("NOT_ENOUGH_REPLICAS"), "{error}");
    assert_eq!(error.persistence(), Persistence::NotPersisted);
}

#[test]
fn s74_a_change_of_leader_without_its_name_costs_a_pause_and_a_question_and_others_nothing() {
    let mut stage = Stage::idempotent(&[1, 1, 2]);
    stage.by_hand.insert(ApiKey::METADATA);
    let (first, second) = {
        let first = stage.append(TOPIC, 0, "a").unwrap();
        let second = stage.append(TOPIC, 1, "b").unwrap();
        stage.tick();
        (first, second)
    };
    assert_eq!(stage.values(1), [["a", "b"]], "one request");
    let questions = stage.asked(ApiKey::METADATA);
    stage.answer(1, [error(NOT_LEADER), ok(5)]);
    delivered(&second, 5);
    pending(&first);
    assert_eq!(stage.asked(ApiKey::METADATA), questions + 1);
    assert!(stage.requests(1).is_empty());
    // The question is at the broker itself: it answers what is in front first.
    stage.by_hand.clear();
    stage.settle();
    stage.pass(ms(121));
    assert_eq!(stage.values(1), [["a"]]);
}

#[test]
fn s75_a_new_leader_named_in_the_answer_is_asked_at_once_and_metadata_refreshed() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.by_hand.insert(ApiKey::METADATA);
    let delivery = stage.send(0, "tea");
    let questions = stage.asked(ApiKey::METADATA);
    stage.answer(1, [error(NOT_LEADER).leader_is(2, 2)]);
    assert_eq!(stage.values(2), [["tea"]]);
    assert_eq!(stage.asked(ApiKey::METADATA), questions + 1);
    // Metadata of the epoch before does not move it back (KIP-320).
    stage.by_hand.clear();
    stage.settle();
    stage.answer(2, [ok(0)]);
    delivered(&delivery, 0);
    let _ = stage.send(0, "next");
    assert_eq!(stage.values(2), [["next"]]);
}

#[test]
fn a_leader_of_an_older_epoch_is_not_followed() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.map.moves(0, 2);
    stage.map.moves(0, 1);
    let _ = stage.send(0, "a");
    stage.answer(1, [error(NOT_LEADER)]);
    stage.pass(ms(200));
    stage.answer(1, [error(NOT_LEADER).leader_is(2, 2)]);
    assert!(stage.requests(2).is_empty());
}

#[test]
fn what_an_answer_leaves_out_is_retried() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [Says::Nothing]);
    pending(&delivery);
    stage.pass(ms(200));
    assert_eq!(stage.numbers(1), [(0, 0)]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn a_leader_that_comes_back_gets_each_batch_once() {
    // The partition leaves the broker and comes back while the broker is being dialed.
    let mut stage = Stage::idempotent(&[1, 2, 1]);
    for partition in 0..3 {
        stage.warm_up(partition, [1, 2, 1][partition as usize]);
    }
    stage.unreachable.insert(NodeId(1));
    stage.lose(1);
    let first = stage.send(0, "a");
    let neighbour = stage.send(2, "b");
    stage.pass(ms(100));
    stage.unreachable.insert(NodeId(3));
    for leader in [3, 1] {
        crate::ordering::move_leader(&mut stage, leader);
        stage.pass(ms(2000));
    }
    stage.unreachable.clear();
    stage.settle();
    stage.pass(ms(1000));
    assert_eq!(stage.requests(1).len(), 1, "one request, for both");
    let batches: Vec<_> = stage.requests(1).concat();
    assert_eq!(batches.len(), 2, "{batches:?}");
    stage.answer(1, [ok(1), ok(1)]);
    delivered(&first, 1);
    delivered(&neighbour, 1);
}

#[test]
fn a_retry_goes_in_front_of_what_was_sent_later() {
    let mut stage = Stage::with(settings(), &[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    let second = stage.send(0, "b");
    assert!(stage.requests(1).is_empty());
    stage.pass(ms(121));
    assert_eq!(stage.values(1)[0], ["a"]);
    stage.answer(1, [ok(1)]);
    delivered(&first, 1);
    assert_eq!(stage.values(1), [["b"]]);
    pending(&second);
}
