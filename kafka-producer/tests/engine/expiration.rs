//! Brokers forget a producer: after a silence, and at any moment if its records are dated back. They
//! take any number of it then, so nothing is concluded from what they took.

use std::time::Duration;

use kafka_producer::error::Persistence;
use kafka_producer::settings::{Settings, UnresolvedPolicy};
use kafka_wire::{ApiKey, ErrorCode};

use crate::ordering::move_leader;
use crate::stage::{Stage, delivered, ms, pending, refused, settings};
use crate::storms::babble_at;
use crate::wires::{Says, error, ok};

const ID: i64 = 7000;
const DAY: Duration = Duration::from_secs(86_400);
const NOON_MS: i64 = 1_700_000_000_000;
const DAY_MS: i64 = 86_400_000;
const BUSY: ErrorCode = ErrorCode::NOT_ENOUGH_REPLICAS;
const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;

/// A partition in which a first record was delivered, and nothing was sent since.
fn after_silence(settings: Settings, silence: Duration) -> Stage {
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    stage.pass(silence);
    stage
}

/// The same, where records are dated by a clock that shows noon.
fn at_noon() -> Stage {
    let mut stage = Stage::idempotent(&[1]);
    stage.engine.observe_wall_clock(stage.now, NOON_MS);
    let first = stage.send_dated(NOON_MS, "first");
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    stage
}

#[test]
fn after_a_long_silence_the_first_batch_goes_alone_and_the_others_when_it_is_acknowledged() {
    let mut stage = after_silence(settings(), DAY / 2);
    let row = ["a", "b", "c"].map(|value| stage.send(0, value));
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [error(BUSY)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(0, 1)]);
    stage.answer(1, [ok(1)]);
    delivered(&row[0], 1);
    assert_eq!(stage.values(1), [["b"], ["c"]], "now it is known again");
}

#[test]
fn after_a_shorter_silence_batches_go_in_company() {
    let mut stage = after_silence(settings(), DAY / 2 - ms(1));
    let _row = ["a", "b"].map(|value| stage.send(0, value));
    assert_eq!(stage.values(1), [["a"], ["b"]]);
}

#[test]
fn what_a_broker_tells_of_its_memory_replaces_the_setting_and_if_it_does_not_the_setting_counts() {
    let minute = Duration::from_secs(60);
    let cases = [
        (Ok(minute), DAY, 1),
        (Ok(DAY), minute, 2),
        (Err(ErrorCode::CLUSTER_AUTHORIZATION_FAILED), minute, 1),
        (Err(ErrorCode::CLUSTER_AUTHORIZATION_FAILED), DAY, 2),
    ];
    for (told, producer_id_expiration, in_flight) in cases {
        let settings = Settings {
            producer_id_expiration,
            ..settings()
        };
        let mut stage = Stage::bare(settings, crate::wires::Map::of(crate::stage::TOPIC, &[1]));
        stage.expiration = told;
        stage.know(crate::stage::TOPIC);
        stage.warm_up(0, 1);
        stage.pass(minute);
        let _row = ["a", "b"].map(|value| stage.send(0, value));
        assert_eq!(stage.requests(1).len(), in_flight, "{told:?}");
        assert_eq!(
            stage.asked(ApiKey::DESCRIBE_CONFIGS),
            1,
            "once a connection"
        );
    }
}

#[test]
fn a_producer_that_may_not_ask_for_the_memory_of_brokers_asks_once_only() {
    let map = crate::wires::Map::of(crate::stage::TOPIC, &[1, 2]);
    let mut stage = Stage::bare(settings(), map);
    stage.expiration = Err(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    stage.know(crate::stage::TOPIC);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    assert_eq!(stage.asked(ApiKey::DESCRIBE_CONFIGS), 1);
}

#[test]
fn batches_without_numbers_go_in_company_after_any_silence_and_nobody_is_asked() {
    let settings = crate::stage::plain(kafka_producer::settings::Acks::All);
    let mut stage = after_silence(settings, DAY);
    let _row = ["a", "b"].map(|value| stage.send(0, value));
    assert_eq!(stage.values(1), [["a"], ["b"]]);
    assert_eq!(stage.asked(ApiKey::DESCRIBE_CONFIGS), 0);
}

#[test]
fn a_new_leader_gets_the_first_batch_alone() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    move_leader(&mut stage, 2);
    let row = ["a", "b"].map(|value| stage.send(0, value));
    assert_eq!(stage.values(2), [["a"]]);
    stage.answer(2, [ok(1)]);
    delivered(&row[0], 1);
    assert_eq!(stage.values(2), [["b"]]);
}

#[test]
fn no_acknowledgement_speaks_for_a_batch_that_a_broker_may_have_forgotten_meanwhile() {
    // The brokers thaw after more than what they remember.
    let mut settings = settings();
    settings.request_timeout = DAY * 3;
    settings.delivery_timeout = DAY * 4;
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    let row = ["a", "b"].map(|value| stage.send(0, value));
    stage.pass(DAY);
    // The leader was deposed after the append.
    stage.answer(1, [deposed(1)]);
    stage.answer(1, [ok(1)]);
    delivered(&row[1], 1);
    let error = refused(&row[0], ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert!(
        error.to_string().contains("producer.id.expiration.ms"),
        "{error}"
    );
}

#[test]
fn records_dated_a_day_back_go_one_batch_at_a_time() {
    let mut stage = at_noon();
    let row = ["a", "b", "c"].map(|value| stage.send_dated(NOON_MS - DAY_MS, value));
    for (offset, delivery) in (1..).zip(&row) {
        assert_eq!(stage.requests(1).len(), 1, "one at a time");
        stage.answer(1, [ok(offset)]);
        delivered(delivery, offset);
    }
    let _now = ["d", "e"].map(|value| stage.send_dated(NOON_MS, value));
    assert_eq!(stage.values(1), [["d"]], "the last one was dated back");
    stage.answer(1, [ok(4)]);
    let _later = stage.send_dated(NOON_MS, "f");
    assert_eq!(stage.values(1), [["e"], ["f"]]);
}

#[test]
fn a_record_dated_a_day_back_waits_for_those_before_it() {
    let mut stage = at_noon();
    let before = ["a", "b"].map(|value| stage.send_dated(NOON_MS, value));
    let dated_back = stage.send_dated(NOON_MS - DAY_MS, "old");
    assert_eq!(stage.values(1), [["a"], ["b"]]);
    stage.answer(1, [ok(1)]);
    assert_eq!(stage.values(1), [["b"]]);
    stage.answer(1, [ok(2)]);
    before
        .iter()
        .for_each(|delivery| assert!(delivery.try_outcome().is_some()));
    assert_eq!(stage.values(1), [["old"]]);
    stage.answer(1, [ok(3)]);
    delivered(&dated_back, 3);
}

#[test]
fn where_brokers_date_batches_themselves_it_is_their_date_that_the_producer_is_remembered_by() {
    for (dated_ms, in_flight) in [(NOON_MS, 2), (NOON_MS - DAY_MS, 1)] {
        let mut stage = at_noon();
        let first = stage.send_dated(NOON_MS, "a");
        // Of a repeated batch a broker tells the date of its first copy, whoever has given it.
        stage.answer(1, [ok(1).appended_at(dated_ms)]);
        delivered(&first, 1);
        let _row = ["b", "c"].map(|value| stage.send_dated(NOON_MS, value));
        assert_eq!(stage.requests(1).len(), in_flight);
    }
}

#[test]
fn what_has_ended_and_may_be_in_the_log_is_what_the_producer_is_remembered_by() {
    let mut settings = settings();
    settings.request_timeout = ms(300_000);
    let mut stage = Stage::with(settings, &[1]);
    stage.engine.observe_wall_clock(stage.now, NOON_MS);
    let first = stage.send_dated(NOON_MS, "first");
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    let dated_back = stage.send_dated(NOON_MS - DAY_MS, "old");
    stage.pass(stage.settings.delivery_timeout);
    crate::stage::expired(&dated_back);
    // It was appended, and the broker may forget the producer at any moment.
    stage.answer(1, [ok(1)]);
    let now_ms = NOON_MS + 120_000;
    let row = ["a", "b"].map(|value| stage.send_dated(now_ms, value));
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [ok(2)]);
    delivered(&row[0], 2);
    assert_eq!(stage.values(1), [["b"]]);
}

#[test]
fn a_broker_that_hangs_up_on_the_question_for_its_memory_is_written_to() {
    let mut stage = Stage::bare(settings(), crate::wires::Map::of(crate::stage::TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::DESCRIBE_CONFIGS);
    stage.know(crate::stage::TOPIC);
    let delivery = stage.send(0, "a");
    for _ in 0..3 {
        assert!(stage.requests(1).len() <= 1);
        stage.lose(1);
        stage.pass(ms(2000));
    }
    assert_eq!(stage.asked(ApiKey::DESCRIBE_CONFIGS), 3);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn a_broker_that_answers_nonsense_of_its_memory_is_asked_once_and_written_to() {
    let mut stage = Stage::bare(settings(), crate::wires::Map::of(crate::stage::TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::DESCRIBE_CONFIGS);
    stage.know(crate::stage::TOPIC);
    let delivery = stage.send(0, "a");
    assert!(babble_at(&mut stage, ApiKey::DESCRIBE_CONFIGS));
    stage.settle();
    assert!(stage.requests(1).is_empty(), "the connection is given up");
    stage.pass(ms(10_000));
    assert_eq!(stage.asked(ApiKey::DESCRIBE_CONFIGS), 1);
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn a_broker_that_never_answers_the_question_for_its_memory_is_asked_three_times_and_written_to() {
    let mut stage = Stage::bare(settings(), crate::wires::Map::of(crate::stage::TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::DESCRIBE_CONFIGS);
    stage.know(crate::stage::TOPIC);
    let delivery = stage.send(0, "a");
    // Each time the connection is given up after request.timeout.ms, as for any question.
    stage.pass(stage.settings.request_timeout * 3 + ms(5000));
    assert_eq!(stage.asked(ApiKey::DESCRIBE_CONFIGS), 3);
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    stage.pass(stage.settings.request_timeout * 10);
    assert_eq!(stage.asked(ApiKey::DESCRIBE_CONFIGS), 3);
}

/// The answer of a leader that was deposed after it had appended a batch at this offset.
fn deposed(base_offset: i64) -> Says {
    error(ErrorCode::NOT_LEADER_OR_FOLLOWER).after_append(base_offset)
}

/// One batch dated a day back, without an answer.
fn dated_back_and_lost(settings: Settings) -> (Stage, crate::inquiring::Kept) {
    let mut stage = Stage::with(settings, &[1]);
    stage.engine.observe_wall_clock(stage.now, NOON_MS);
    stage.warm_up(0, 1);
    let delivery = stage.send_dated(NOON_MS - DAY_MS, "old");
    stage.lose(1);
    stage.pass(ms(1000));
    (stage, delivery)
}

#[test]
fn an_attempt_that_may_be_forgotten_is_not_repeated_before_its_leader_was_asked() {
    // It may have been appended, or a request that is late may still bring it in.
    for last in [0, 1] {
        let (mut stage, delivery) = dated_back_and_lost(settings());
        assert!(stage.requests(1).is_empty());
        assert!(stage.is_asked_about_producers(1));
        stage.tell(1, Ok(&[(ID, 0, last)]));
        let error = refused(&delivery, ErrorCode::NETWORK_EXCEPTION);
        assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
        assert!(
            error.to_string().contains("producer.id.expiration.ms"),
            "{error}"
        );
        let next = stage.send_dated(NOON_MS, "next");
        assert_eq!(stage.numbers(1), [(1, 0)], "under the next epoch");
        stage.answer(1, [ok(7)]);
        delivered(&next, 7);
    }
}

#[test]
fn an_attempt_that_was_answered_and_is_not_in_the_log_is_repeated_however_old_it_is() {
    let mut stage = at_noon();
    let delivery = stage.send_dated(NOON_MS - DAY_MS, "old");
    stage.answer(1, [deposed(1)]);
    stage.pass(ms(1000));
    assert!(stage.is_asked_about_producers(1));
    stage.tell(1, Ok(&[(ID, 0, 0)]));
    assert_eq!(stage.numbers(1), [(0, 1)]);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn an_attempt_that_was_refused_is_repeated_without_asking() {
    // A change of leader among them: it costs no record that is dated back.
    for code in [BUSY, ErrorCode::NOT_LEADER_OR_FOLLOWER] {
        let mut stage = at_noon();
        let delivery = stage.send_dated(NOON_MS - DAY_MS, "old");
        stage.answer(1, [error(code)]);
        stage.pass(ms(1000));
        assert_eq!(stage.numbers(1), [(0, 1)]);
        assert_eq!(stage.asked(ApiKey::DESCRIBE_PRODUCERS), 0);
        stage.answer(1, [ok(1)]);
        delivered(&delivery, 1);
    }
}

#[test]
fn an_attempt_from_before_a_long_silence_is_asked_about() {
    let mut settings = settings();
    settings.delivery_timeout = DAY * 2;
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "a");
    stage.unreachable.insert(kafka_producer::engine::NodeId(1));
    stage.lose(1);
    stage.pass(DAY / 2);
    stage.unreachable.clear();
    stage.settle();
    stage.pass(ms(1000));
    assert!(stage.requests(1).is_empty());
    stage.tell(1, Ok(&[]));
    let error = refused(&delivery, ErrorCode::NETWORK_EXCEPTION);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn policies_other_than_to_ask_hold_for_attempts_that_may_be_forgotten() {
    let policy = |unresolved| Settings {
        unresolved,
        ..settings()
    };
    let (mut stage, delivery) = dated_back_and_lost(policy(UnresolvedPolicy::Resend));
    assert_eq!(stage.numbers(1), [(0, 1)], "as Kafka's client does");
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
    let (stage, delivery) = dated_back_and_lost(policy(UnresolvedPolicy::Fail));
    assert!(stage.requests(1).is_empty());
    assert_eq!(stage.asked(ApiKey::DESCRIBE_PRODUCERS), 0);
    let error = refused(&delivery, ErrorCode::NETWORK_EXCEPTION);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn what_was_presumed_is_asked_about_again_when_another_leads() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    let row = ["a", "b"].map(|value| stage.send(0, value));
    stage.lose(1);
    stage.pass(ms(1500));
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.tell(1, Ok(&[(ID, 0, 2)]));
    row.iter().for_each(pending);
    assert_eq!(stage.values(1), [["b"]], "it was the last one in the log");
    move_leader(&mut stage, 2);
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.pass(ms(1000));
    assert!(stage.requests(2).is_empty());
    stage.tell(2, Ok(&[(ID, 0, 1)]));
    assert_eq!(stage.values(2), [["a"]], "the new leader has no more");
}

/// Producer id, epoch and sequence of the next request.
fn name(stage: &Stage) -> (i64, i16, i32) {
    let header = &stage.requests(1)[0][0].header;
    (
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
    )
}

/// A batch of today whose first request may still arrive: it was sent again, and is acknowledged.
fn with_a_request_that_may_still_arrive(settings: Settings) -> Stage {
    let mut stage = Stage::with(settings, &[1]);
    stage.engine.observe_wall_clock(stage.now, NOON_MS);
    stage.warm_up(0, 1);
    let repeated = stage.send_dated(NOON_MS, "repeated");
    stage.lose(1);
    stage.pass(ms(1000));
    assert_eq!(name(&stage), (ID, 0, 1));
    stage.answer(1, [ok(1)]);
    delivered(&repeated, 1);
    stage
}

#[test]
fn what_is_dated_a_day_back_takes_another_id_while_a_request_may_still_arrive() {
    // Under the same id the broker would remember this producer by it, that is, not at all, and take
    // the request for the first of a new one.
    let mut stage = with_a_request_that_may_still_arrive(settings());
    let row = [("old", DAY_MS), ("young", 0)].map(|(value, age_ms)| {
        let delivery = stage.send_dated(NOON_MS - age_ms, value);
        stage.pass(ms(500));
        delivery
    });
    assert_eq!(name(&stage), (ID + 1, 0, 0));
    assert_eq!(stage.values(1), [["old"]], "nobody knows the new id yet");
    stage.answer(1, [ok(2)]);
    assert_eq!(name(&stage), (ID + 1, 0, 1));
    stage.answer(1, [ok(3)]);
    row.iter()
        .zip(2..)
        .for_each(|(delivery, offset)| delivered(delivery, offset));
    let _next = stage.send_dated(NOON_MS - DAY_MS, "old, too");
    assert_eq!(
        name(&stage),
        (ID + 1, 0, 2),
        "no request of this id is lost"
    );
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 2);
}

#[test]
fn the_id_stays_when_no_request_can_arrive_any_more_and_for_records_of_today() {
    let mut stage = with_a_request_that_may_still_arrive(settings());
    let _young = stage.send_dated(NOON_MS, "young");
    assert_eq!(name(&stage), (ID, 0, 2));
    stage.answer(1, [ok(2)]);
    stage.pass(DAY / 2);
    let _old = stage.send_dated(NOON_MS - DAY_MS, "old");
    assert_eq!(name(&stage), (ID, 0, 3));
}

#[test]
fn a_request_whose_batch_has_expired_may_still_arrive() {
    let mut stage = at_noon();
    let expired = stage.send_dated(NOON_MS, "expired");
    stage.unreachable.insert(kafka_producer::engine::NodeId(1));
    stage.lose(1);
    stage.pass(DAY / 100);
    assert!(expired.try_outcome().is_some());
    stage.unreachable.clear();
    let _old = stage.send_dated(NOON_MS - DAY_MS, "old");
    stage.pass(ms(2000));
    assert_eq!(name(&stage), (ID + 1, 0, 0));
}

#[test]
fn whoever_wants_batches_to_be_sent_again_keeps_the_id() {
    let unresolved = UnresolvedPolicy::Resend;
    let mut stage = with_a_request_that_may_still_arrive(Settings {
        unresolved,
        ..settings()
    });
    let _old = stage.send_dated(NOON_MS - DAY_MS, "old");
    assert_eq!(name(&stage), (ID, 0, 2), "as Kafka's client does");
}

#[test]
fn a_cluster_that_gives_the_same_id_again_is_not_asked_in_a_row() {
    let mut stage = with_a_request_that_may_still_arrive(settings());
    let _old = stage.send_dated(NOON_MS - DAY_MS, "old");
    for _ in 0..10 {
        stage.next_producer = (ID, 0);
        stage.pass(ms(100));
    }
    let asked = stage.asked(ApiKey::INIT_PRODUCER_ID);
    assert!((2..=12).contains(&asked), "{asked} times in a second");
}

#[test]
fn what_may_be_in_the_log_under_one_id_is_not_sent_again_under_another() {
    let second = ms(1000);
    let map = crate::wires::Map::of(crate::stage::TOPIC, &[1]);
    let mut stage = Stage::bare(settings(), map);
    stage.expiration = Ok(second * 50);
    stage.know(crate::stage::TOPIC);
    stage.warm_up(0, 1);
    let row = ["refused", "lost"].map(|value| stage.send(0, value));
    stage.pass(second * 20);
    stage.answer(1, [error(BUSY)]);
    // The leader may forget this producer before the second request arrives.
    stage.unreachable.insert(kafka_producer::engine::NodeId(1));
    stage.lose(1);
    stage.pass(second * 10);
    stage.unreachable.clear();
    stage.settle();
    stage.pass(second * 2);
    assert_eq!(name(&stage), (ID + 1, 0, 0));
    assert_eq!(stage.values(1), [["refused"]]);
    stage.answer(1, [ok(1)]);
    delivered(&row[0], 1);
    assert!(stage.requests(1).is_empty());
    let error = refused(&row[1], ErrorCode::NETWORK_EXCEPTION);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}
