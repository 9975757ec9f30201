//! Order within a partition: numbers, retries one at a time, and the window.

use kafka_wire::ErrorCode;

use crate::stage::{Stage, TOPIC, delivered, expired, ms, pending, plain, settings};
use crate::wires::{error, ok};
use kafka_producer::error::Persistence;
use kafka_producer::settings::Acks;

const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
const BUSY: ErrorCode = ErrorCode::NOT_ENOUGH_REPLICAS;

#[test]
fn s05_with_one_request_in_flight_a_new_leader_waits_for_the_old_ones_answer() {
    let mut settings = plain(Acks::All);
    settings.max_in_flight = 1;
    let mut stage = Stage::with(settings, &[1, 3]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 3);
    let first = stage.send(0, "a");
    move_leader(&mut stage, 2);
    let second = stage.send(0, "b");
    assert!(
        stage.requests(2).is_empty(),
        "the first is still with the old leader"
    );
    stage.answer(1, [ok(1)]);
    delivered(&first, 1);
    assert_eq!(stage.values(2), [["b"]]);
    pending(&second);
}

#[test]
fn s16_two_batches_in_flight_carry_consecutive_sequences() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    let second = stage.send(0, "b");
    assert_eq!(stage.numbers(1), [(0, 1), (0, 2)]);
    stage.answer(1, [ok(1)]);
    delivered(&first, 1);
    pending(&second);
    stage.answer(1, [ok(2)]);
    delivered(&second, 2);
}

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    for window in 1..=5 {
        let mut settings = settings();
        settings.max_in_flight = window;
        let mut stage = Stage::with(settings, &[1]);
        stage.warm_up(0, 1);
        for n in 0..10 {
            let _ = stage.send(0, &n.to_string());
        }
        assert_eq!(stage.requests(1).len(), window);
        stage.answer(1, [ok(1)]);
        assert_eq!(
            stage.requests(1).len(),
            window,
            "an answer makes room for one"
        );
    }
}

#[test]
fn what_has_expired_on_its_way_to_the_old_leader_does_not_keep_the_next_from_the_new_one() {
    // The window is one of a connection. What has ended is not sent again, so nothing can come behind
    // the next one but a request that is late, which has an outcome of its own; with numbers not even
    // that, for the next one has another epoch.
    for (mut settings, numbers) in [(plain(Acks::All), (-1, -1)), (settings(), (1, 0))] {
        settings.max_in_flight = 1;
        settings.delivery_timeout = ms(1000);
        settings.request_timeout = ms(60_000);
        let mut stage = Stage::with(settings, &[1, 2]);
        stage.warm_up(0, 1);
        stage.warm_up(1, 2);
        let first = stage.send(0, "a");
        move_leader(&mut stage, 2);
        stage.pass(ms(500));
        let second = stage.send(0, "b");
        assert!(stage.requests(2).is_empty(), "the first has no outcome yet");
        stage.pass(ms(500));
        let error = expired(&first);
        assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
        assert_eq!(
            (stage.values(2), stage.requests(1).len()),
            (vec![vec!["b"]], 1)
        );
        assert_eq!(stage.numbers(2), [numbers]);
        stage.answer(2, [ok(1)]);
        delivered(&second, 1);
    }
}

#[test]
fn s17_a_failed_row_is_sent_again_one_by_one_in_order_and_new_batches_wait() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let row = ["a", "b", "c"].map(|value| stage.send(0, value));
    assert_eq!(stage.numbers(1), [(0, 1), (0, 2), (0, 3)]);
    stage.answer(1, [error(BUSY)]);
    let fourth = stage.send(0, "d");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    assert!(
        stage.requests(1).is_empty(),
        "the first one backs off, and all behind it"
    );
    for (n, (delivery, value)) in row.iter().zip(["a", "b", "c"]).enumerate() {
        stage.pass(ms(1000));
        assert_eq!(stage.values(1)[0], [value]);
        assert_eq!(
            stage.numbers(1)[0],
            (0, 1 + n as i32),
            "with the number it had"
        );
        assert!(n == 2 || stage.requests(1).len() == 1, "one by one");
        stage.answer(1, [ok(1 + n as i64)]);
        delivered(delivery, 1 + n as i64);
    }
    assert_eq!(stage.values(1), [["d"]]);
    assert_eq!(stage.numbers(1), [(0, 4)]);
    stage.answer(1, [ok(4)]);
    delivered(&fourth, 4);
}

#[test]
fn a_lost_connection_is_caught_up_with_in_order() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let row = ["a", "b", "c"].map(|value| stage.send(0, value));
    stage.lose(1);
    for (n, delivery) in row.iter().enumerate() {
        stage.pass(ms(1500));
        assert_eq!(stage.numbers(1), [(0, 1 + n as i32)]);
        stage.answer(1, [ok(1 + n as i64)]);
        delivered(delivery, 1 + n as i64);
    }
}

#[test]
fn s22_what_a_deposed_leader_and_a_new_one_refuse_is_sent_again_in_order() {
    // A leader that does not know the producer would take the second without the first.
    let mut stage = Stage::idempotent(&[1, 3]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 3);
    let first = stage.send(0, "a");
    move_leader(&mut stage, 2);
    let second = stage.send(0, "b");
    assert!(stage.requests(2).is_empty(), "the first has no answer yet");
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(2), [(0, 1)], "alone: the leader is new");
    stage.answer(2, [ok(1)]);
    delivered(&first, 1);
    assert_eq!(stage.numbers(2), [(0, 2)]);
    stage.answer(2, [ok(2)]);
    delivered(&second, 2);
}

#[test]
fn s23_a_first_that_is_lost_while_the_second_succeeds_is_retried_alone_with_its_number() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    let second = stage.send(0, "b");
    stage.answer(1, [error(ErrorCode::REQUEST_TIMED_OUT)]);
    stage.answer(1, [ok(2)]);
    delivered(&second, 2);
    pending(&first);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(0, 1)]);
    stage.answer(1, [ok(1)]);
    delivered(&first, 1);
    let _ = stage.send(0, "c");
    assert_eq!(stage.numbers(1), [(0, 3)], "the numbers never go back");
}

#[test]
fn s18_when_the_first_fails_for_good_the_next_starts_a_new_epoch() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    let second = stage.send(0, "b");
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    crate::stage::failed(&first);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&second, 1);
}

#[test]
fn s21_a_batch_in_flight_finishes_in_the_old_epoch_before_its_partition_adopts_the_new_one() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    let second = stage.send(0, "b");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    assert_eq!(
        stage.numbers(1),
        [(0, 2)],
        "nothing is renumbered while something is in flight"
    );
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    assert_eq!(stage.values(1), [["a"]]);
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&first, 1);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 1)]);
    stage.answer(1, [ok(2)]);
    delivered(&second, 2);
}

/// The leader of partition 0 moves, and the engine learns of it.
pub(crate) fn move_leader(stage: &mut Stage, leader: i32) {
    stage.map.moves(0, leader);
    // Asking about one partition of a topic tells of all of them.
    let _ = stage.ask_partition(TOPIC, 1_000);
    stage.pass(ms(0));
}

#[test]
fn nothing_goes_to_a_new_leader_while_the_old_one_owes_an_answer() {
    let mut stage = Stage::idempotent(&[1, 3]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 3);
    for n in 0..12 {
        let _ = stage.send(0, &n.to_string());
    }
    move_leader(&mut stage, 2);
    assert_eq!((stage.requests(1).len(), stage.requests(2).len()), (5, 0));
}

#[test]
fn nothing_follows_a_first_batch_before_the_broker_knows_the_producer() {
    // A broker that does not know a producer lets it begin with any number: were the first of two
    // refused and the second accepted, their order would be lost.
    let mut stage = Stage::idempotent(&[1]);
    let first = stage.send(0, "a");
    let second = stage.send(0, "b");
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [error(BUSY)]);
    stage.pass(ms(1000));
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    assert_eq!(stage.numbers(1), [(0, 1)]);
    pending(&second);
}
