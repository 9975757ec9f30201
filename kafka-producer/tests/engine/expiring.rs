//! `delivery.timeout.ms`: every record has an outcome by then, wherever it is.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kafka_accumulator::{Delivery, NewRecord};
use kafka_producer::engine::NodeId;
use kafka_producer::error::{DeliveryError, Persistence};
use kafka_producer::settings::{Acks, Settings};
use kafka_wire::records::RecordParts;
use kafka_wire::{ApiKey, ErrorCode};

use crate::ordering::move_leader;
use crate::stage::{Stage, TOPIC, delivered, expired, failed, ms, pending, plain, settings};
use crate::wires::{Map, Says, error, ok};

const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;

/// Records live for a second; connections are given more than that.
fn short_lived() -> Settings {
    Settings {
        delivery_timeout: Duration::from_secs(1),
        ..settings()
    }
}

#[test]
fn a_lingering_record_expires() {
    let mut settings = short_lived();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = Duration::from_secs(60);
    let mut stage = Stage::with(settings, &[1]);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(999));
    pending(&delivery);
    stage.pass(ms(1));
    assert_eq!(expired(&delivery).persistence(), Persistence::NotPersisted);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn a_record_without_a_leader_expires() {
    let mut stage = Stage::with(short_lived(), &[-1, 1]);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(1000));
    assert_eq!(expired(&delivery).persistence(), Persistence::NotPersisted);
}

#[test]
fn a_record_whose_broker_cannot_be_reached_expires() {
    let mut stage = Stage::bare(short_lived(), Map::of(TOPIC, &[1]));
    stage.unreachable.insert(NodeId(1));
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(1000));
    let error = expired(&delivery);
    assert_eq!(
        (error.persistence(), error.history().attempts),
        (Persistence::NotPersisted, 0)
    );
}

#[test]
fn a_record_that_waits_for_a_producer_id_expires() {
    let mut stage = Stage::bare(short_lived(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(1000));
    assert_eq!(expired(&delivery).persistence(), Persistence::NotPersisted);
}

#[test]
fn a28_a_record_that_waits_for_its_backoff_expires() {
    let mut settings = short_lived();
    settings.retry_backoff.initial = Duration::from_secs(10);
    settings.retry_backoff.max = Duration::from_secs(10);
    let mut stage = Stage::with(settings, &[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(1000));
    let error = expired(&delivery);
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    assert_eq!(
        error.history().last_error,
        Some(ErrorCode::NOT_ENOUGH_REPLICAS)
    );
}

#[test]
fn s49_a_record_in_flight_expires_and_a_late_success_changes_nothing() {
    let mut stage = Stage::with(short_lived(), &[1]);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(1000));
    assert_eq!(
        expired(&delivery).persistence(),
        Persistence::PossiblyPersisted
    );
    stage.answer(1, [ok(0)]);
    expired(&delivery);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn s48_the_memory_of_an_expired_batch_is_free_once_and_not_before_its_request_is_over() {
    let mut stage = Stage::with(short_lived(), &[1]);
    let delivery = stage.send(0, "tea");
    // A socket may still be writing it.
    let on_its_way = stage.connections[&NodeId(1)][0].shared[0]
        .upgrade()
        .unwrap();
    stage.pass(ms(1000));
    expired(&delivery);
    let held = on_its_way.memory_held();
    assert!(held > 0);
    assert_eq!(stage.accumulator.memory_in_use(), held);
    drop(on_its_way);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
    stage.answer(1, [ok(0)]);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn s06_a_callback_of_an_expired_record_may_send_again_into_a_fresh_batch() {
    let mut stage = Stage::with(short_lived(), &[-1, 1]);
    let cluster = stage.handle.cluster();
    let queue = Arc::clone(cluster.topic(TOPIC).unwrap().queue(0).unwrap());
    drop(cluster);
    let again: Arc<OnceLock<Delivery<DeliveryError>>> = Arc::default();
    let (sent, accumulator) = (Arc::clone(&again), Arc::clone(&stage.accumulator));
    let (to, later) = (Arc::clone(&queue), stage.now + ms(1000));
    let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"tea")));
    record.callback = Some(Box::new(move |_, outcome| {
        assert!(outcome.is_err());
        let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"more tea")));
        let appended = accumulator
            .append(&to, &mut record, None, || later)
            .unwrap();
        let _ = sent.set(appended.delivery);
    }));
    let now = stage.now;
    let appended = stage.accumulator.append(&queue, &mut record, None, || now);
    let first = appended.unwrap().delivery;
    stage.tick();
    stage.pass(ms(1000));
    expired(&first);
    let second = again.get().expect("the callback was called");
    pending(second);
    stage.pass(ms(1000));
    expired(second);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn a_record_in_flight_for_the_second_time_may_be_in_the_log_when_it_expires() {
    let mut stage = Stage::with(short_lived(), &[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(200));
    assert_eq!(stage.values(1), [["tea"]]);
    stage.pass(ms(800));
    assert_eq!(
        expired(&delivery).persistence(),
        Persistence::PossiblyPersisted
    );
}

#[test]
fn s52_an_expired_batch_is_not_retried() {
    let mut stage = Stage::with(short_lived(), &[1]);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(1000));
    expired(&delivery);
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(5000));
    assert!(stage.requests(1).is_empty());
}

#[test]
fn s54_the_engine_wants_to_be_woken_for_the_next_expiry() {
    let mut stage = Stage::with(short_lived(), &[1]);
    let first = stage.send(0, "a");
    let sent = stage.now;
    stage.pass(ms(300));
    let second = stage.send(0, "b");
    assert_eq!(stage.engine.deadline(), Some(sent + ms(1000)));
    stage.pass(ms(700));
    expired(&first);
    pending(&second);
    assert_eq!(stage.engine.deadline(), Some(sent + ms(1300)));
    stage.pass(ms(300));
    expired(&second);
}

#[test]
fn s55_batches_of_several_partitions_expire_in_one_pass() {
    let mut stage = Stage::with(short_lived(), &[1, 1, 2]);
    let all = [0, 1, 2].map(|partition| stage.send(partition, "tea"));
    stage.now += ms(1000);
    stage.tick();
    for delivery in &all {
        expired(delivery);
    }
}

#[test]
fn s24_a_record_that_never_left_expires_without_a_trace() {
    let mut stage = Stage::with(short_lived(), &[1]);
    stage.warm_up(0, 1);
    stage.unreachable.insert(NodeId(1));
    stage.lose(1);
    let delivery = stage.send(0, "a");
    stage.pass(ms(1000));
    expired(&delivery);
    stage.unreachable.clear();
    stage.settle();
    let next = stage.send(0, "b");
    stage.pass(ms(900));
    assert_eq!(stage.numbers(1), [(0, 1)], "the number was not used up");
    stage.answer(1, [ok(1)]);
    delivered(&next, 1);
}

#[test]
fn s25_after_an_expiry_in_flight_new_batches_wait_and_a_later_success_heals() {
    let mut stage = Stage::with(short_lived(), &[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.pass(ms(500));
    let second = stage.send(0, "b");
    stage.pass(ms(500));
    expired(&first);
    let third = stage.send(0, "c");
    assert_eq!(stage.numbers(1), [(0, 1), (0, 2)], "the third waits");
    stage.answer(1, [error(ErrorCode::REQUEST_TIMED_OUT)]);
    assert_eq!(stage.numbers(1), [(0, 2)]);
    stage.answer(1, [ok(2)]);
    delivered(&second, 2);
    assert_eq!(stage.numbers(1), [(0, 3)], "no new epoch is needed");
    stage.answer(1, [ok(3)]);
    delivered(&third, 3);
}

#[test]
fn s26_if_the_batch_after_an_expired_one_is_out_of_order_a_new_epoch_starts() {
    let mut stage = Stage::with(short_lived(), &[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.pass(ms(500));
    let second = stage.send(0, "b");
    stage.pass(ms(500));
    expired(&first);
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(200));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&second, 1);
}

#[test]
fn s28_when_all_that_was_sent_has_expired_a_new_epoch_starts() {
    let mut stage = Stage::with(short_lived(), &[1]);
    stage.warm_up(0, 1);
    let both = ["a", "b"].map(|value| stage.send(0, value));
    stage.pass(ms(1000));
    both.iter().for_each(|delivery| drop(expired(delivery)));
    let next = stage.send(0, "c");
    assert_eq!(stage.numbers(1), [(0, 1), (0, 2), (1, 0)]);
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.answer(1, [ok(1)]);
    delivered(&next, 1);
    let _ = stage.send(0, "d");
    assert_eq!(stage.numbers(1), [(1, 1)], "late answers disturb nothing");
}

#[test]
fn s51_with_one_request_in_flight_the_second_batch_waits_for_the_expired_ones_request() {
    let mut settings = short_lived();
    settings.max_in_flight = 1;
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.pass(ms(900));
    let second = stage.send(0, "b");
    stage.pass(ms(100));
    expired(&first);
    assert_eq!(stage.values(1), [["a"]], "its request is still out");
    stage.answer(1, [ok(1)]);
    assert_eq!(stage.values(1), [["b"]]);
    pending(&second);
}

#[test]
fn a_late_success_of_an_old_epoch_says_nothing_of_the_new_one() {
    let mut stage = Stage::with(short_lived(), &[1, 3]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 3);
    let first = stage.send(0, "a");
    stage.pass(ms(1000));
    expired(&first);
    // The new epoch begins at another leader, and breaks there, too.
    move_leader(&mut stage, 2);
    let second = stage.send(0, "b");
    assert_eq!(stage.numbers(2), [(1, 0)]);
    stage.pass(ms(500));
    stage.pass(ms(500));
    expired(&second);
    stage.answer(1, [ok(1)]);
    let third = stage.send(0, "c");
    assert_eq!(
        stage.numbers(2),
        [(1, 0), (2, 0)],
        "the second's number is not made up for"
    );
    pending(&third);
}

#[test]
fn a_batch_that_was_never_sent_names_what_kept_those_before_it() {
    let mut settings = short_lived();
    settings.max_in_flight = 1;
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    let behind = stage.send(0, "b");
    stage.pass(ms(1000));
    stage.tick();
    for delivery in [&first, &behind] {
        let error = expired(delivery);
        assert_eq!(
            error.code(),
            Some(ErrorCode::NOT_ENOUGH_REPLICAS),
            "{error}"
        );
    }
    assert_eq!(expired(&behind).history().attempts, 0);
}

/// What is told of a record that was answered like this and then never again.
fn persistence_after(answer: Says, produce_latest: i16) -> Persistence {
    let mut stage = Stage::with(plain(Acks::All), &[1]);
    stage.produce_latest = produce_latest;
    let delivery = stage.send(0, "tea");
    stage.answer(1, [answer]);
    stage.unreachable.insert(NodeId(1));
    stage.lose(1);
    stage.pass(stage.settings.delivery_timeout);
    failed(&delivery).persistence()
}

#[test]
fn what_a_deposed_leader_refused_may_be_in_the_log_only_if_it_was_appended_there() {
    // With acks=all a leader answers so also when it is deposed while its followers fetch.
    for code in [
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::UNKNOWN_TOPIC_ID,
    ] {
        let cases = [
            (
                error(code).after_append(0),
                13,
                Persistence::PossiblyPersisted,
            ),
            (error(code), 13, Persistence::NotPersisted),
            (error(code), 9, Persistence::NotPersisted),
            (error(code), 8, Persistence::PossiblyPersisted),
        ];
        for (answer, version, expected) in cases {
            let told = persistence_after(answer, version);
            assert_eq!(told, expected, "{code} in version {version}");
        }
    }
    let answer = error(ErrorCode::KAFKA_STORAGE_ERROR);
    assert_eq!(
        persistence_after(answer, 13),
        Persistence::PossiblyPersisted
    );
}
