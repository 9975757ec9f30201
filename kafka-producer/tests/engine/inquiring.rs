//! Batches that may be in the log and whose number is refused: asked about before anything is sent
//! under another, so that nothing is there twice and nothing is called delivered that may yet go.

use kafka_producer::UnresolvedPolicy;
use kafka_producer::error::{DeliveryError, Persistence};
use kafka_producer::settings::Settings;
use kafka_wire::{ApiKey, ErrorCode};

use crate::made_anew::without_ids;
use crate::ordering::move_leader;
use crate::stage::{Stage, delivered, expired, failed, ms, pending, refused, settings};
use crate::wires::{Map, Says, error, ok};

const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
const ID: i64 = 7000;

pub(crate) type Kept = kafka_accumulator::Delivery<DeliveryError>;

/// Three batches, numbered 1 to 3, whose answers are lost; the first is sent again and refused.
fn three_lost(settings: Settings) -> (Stage, [Kept; 3]) {
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    let row = ["a", "b", "c"].map(|value| stage.send(0, value));
    stage.lose(1);
    stage.pass(ms(1500));
    assert_eq!(stage.numbers(1), [(0, 1)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    (stage, row)
}

/// One batch, numbered 1, whose answer is lost, sent again and refused.
fn one_lost(settings: Settings) -> (Stage, Kept) {
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "a");
    stage.lose(1);
    stage.pass(ms(1000));
    stage.answer(1, [error(OUT_OF_ORDER)]);
    (stage, delivery)
}

#[test]
fn what_a_restarted_broker_has_and_does_not_remember_is_delivered_when_the_last_is_acknowledged() {
    let (mut stage, row) = three_lost(settings());
    assert!(stage.requests(1).is_empty(), "nothing before it is known");
    assert!(stage.is_asked_about_producers(1));
    stage.tell(1, Ok(&[(41, 0, 9), (ID, 0, 3)]));
    row.iter().for_each(pending);
    assert_eq!(stage.values(1), [["c"]], "the last one is a duplicate");
    assert_eq!(stage.numbers(1), [(0, 3)]);
    stage.answer(1, [ok(13)]);
    delivered(&row[0], -1);
    delivered(&row[1], -1);
    delivered(&row[2], 13);
    let _ = stage.send(0, "d");
    assert_eq!(stage.numbers(1), [(0, 4)], "the numbers go on");
    stage.answer(1, [ok(14)]);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn what_the_log_has_in_part_is_sent_again_from_where_it_ends() {
    let (mut stage, row) = three_lost(settings());
    stage.tell(1, Ok(&[(ID, 0, 2)]));
    assert_eq!(stage.values(1), [["b"]]);
    stage.answer(1, [error(ErrorCode::DUPLICATE_SEQUENCE_NUMBER)]);
    delivered(&row[0], -1);
    assert_eq!(stage.values(1), [["c"]]);
    stage.answer(1, [ok(13)]);
    delivered(&row[2], 13);
}

#[test]
fn what_the_leader_alone_may_have_is_delivered_by_a_later_acknowledgement_only() {
    let (mut stage, delivery) = one_lost(settings());
    // It has the batch, because it has something behind it.
    stage.tell(1, Ok(&[(ID, 0, 2)]));
    pending(&delivery);
    assert!(stage.requests(1).is_empty());
    let next = stage.send(0, "b");
    assert_eq!(stage.numbers(1), [(0, 2)]);
    stage.answer(1, [ok(12)]);
    delivered(&delivery, -1);
    delivered(&next, 12);
}

#[test]
fn what_was_presumed_and_went_with_its_leader_is_sent_again() {
    let (mut stage, delivery) = one_lost(settings());
    stage.tell(1, Ok(&[(ID, 0, 5)]));
    let next = stage.send(0, "b");
    // The log of the new leader ends before both.
    stage.answer(
        1,
        [error(ErrorCode::NOT_LEADER_OR_FOLLOWER).leader_is(1, 2)],
    );
    stage.pass(ms(1000));
    assert!(stage.requests(1).is_empty(), "first things first");
    assert!(stage.is_asked_about_producers(1));
    stage.tell(1, Ok(&[(ID, 0, 0)]));
    stage.pass(ms(1000));
    assert_eq!(stage.values(1), [["a"]]);
    assert_eq!(stage.numbers(1), [(0, 1)], "under its own number");
    stage.answer(1, [ok(10)]);
    delivered(&delivery, 10);
    stage.pass(ms(2000));
    assert_eq!(stage.numbers(1), [(0, 2)]);
    stage.answer(1, [ok(11)]);
    delivered(&next, 11);
}

#[test]
fn what_is_presumed_and_never_confirmed_ends_as_possibly_persisted() {
    let (mut stage, delivery) = one_lost(settings());
    stage.tell(1, Ok(&[(ID, 0, 2)]));
    stage.pass(stage.settings.delivery_timeout);
    let error = expired(&delivery);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn a_batch_that_is_not_there_gets_a_new_number_if_no_late_request_can_bring_it_in() {
    // Its predecessor was refused for good, so that the lost attempt found a gap, too.
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let refused_one = stage.send(0, "a");
    let lost = stage.send(0, "b");
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    refused(&refused_one, ErrorCode::INVALID_RECORD);
    stage.lose(1);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(0, 2)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.tell(1, Ok(&[(ID, 0, 0)]));
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&lost, 1);
}

#[test]
fn a_batch_that_is_not_there_may_come_late_when_its_predecessor_may() {
    let mut settings = settings();
    settings.delivery_timeout = ms(2000);
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.pass(ms(1000));
    let second = stage.send(0, "b");
    stage.pass(ms(900));
    stage.unreachable.insert(kafka_producer::engine::NodeId(1));
    stage.lose(1);
    stage.pass(ms(100));
    expired(&first);
    stage.unreachable.clear();
    stage.settle();
    stage.pass(ms(500));
    assert_eq!(stage.numbers(1), [(0, 2)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.tell(1, Ok(&[(ID, 0, 0)]));
    let error = refused(&second, OUT_OF_ORDER);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert!(error.to_string().contains("may still arrive"), "{error}");
}

#[test]
fn a_lost_batch_is_new_to_a_log_that_has_only_an_earlier_epoch_of_its_producer() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    assert_eq!(stage.numbers(1), [(1, 0)], "a new epoch");
    stage.lose(1);
    stage.pass(ms(1000));
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.tell(1, Ok(&[(ID, 0, 0)]));
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)], "it fits");
    stage.answer(1, [ok(1)]);
    delivered(&first, 1);
}

#[test]
fn where_asking_leads_to_nothing_the_record_may_be_in_the_log() {
    let unknown: &[(i64, i16, i32)] = &[(41, 0, 5)];
    let answers = [
        (
            Err(ErrorCode::TOPIC_AUTHORIZATION_FAILED),
            "asking was refused",
        ),
        (
            Err(ErrorCode::CLUSTER_AUTHORIZATION_FAILED),
            "asking was refused",
        ),
        (Ok(unknown), "does not know this producer"),
        (Ok(&[(ID, 1, 5)][..]), "no batch of this epoch"),
        (Ok(&[(ID, 0, -1)][..]), "no batch of this epoch"),
    ];
    for (told, why) in answers {
        let (mut stage, delivery) = one_lost(settings());
        stage.tell(1, told);
        let error = refused(&delivery, OUT_OF_ORDER);
        assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
        assert!(error.to_string().contains(why), "{error}");
        let next = stage.send(0, "next");
        assert_eq!(stage.numbers(1), [(1, 0)], "the others go on");
        stage.answer(1, [ok(5)]);
        delivered(&next, 5);
    }
}

#[test]
fn a_question_that_is_lost_or_went_to_the_wrong_broker_is_asked_again() {
    let mut stage = Stage::idempotent(&[1, 3]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 3);
    let delivery = stage.send(0, "a");
    stage.lose(1);
    stage.pass(ms(1000));
    stage.answer(1, [error(OUT_OF_ORDER)]);
    assert!(stage.is_asked_about_producers(1));
    stage.lose(1);
    stage.pass(ms(500));
    assert!(stage.is_asked_about_producers(1));
    stage.tell(1, Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    stage.pass(ms(500));
    assert!(stage.is_asked_about_producers(1));
    move_leader(&mut stage, 2);
    stage.tell(1, Ok(&[(ID, 0, 0)]));
    assert!(stage.is_asked_about_producers(2), "the new leader knows");
    stage.tell(2, Ok(&[(ID, 0, 1)]));
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(2), [(0, 1)]);
    stage.answer(2, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn who_cannot_tell_is_asked_again_after_pauses_that_grow() {
    let (mut stage, delivery) = one_lost(settings());
    let minute = stage.now + ms(60_000);
    while stage.now < minute {
        if stage.is_asked_about_producers(1) {
            stage.tell(1, Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        }
        stage.pass(ms(10));
    }
    pending(&delivery);
    let longest_ms = stage.settings.retry_backoff.max.as_millis();
    let most = 60_000 * 5 / 4 / longest_ms + 5;
    let asked = stage.asked(ApiKey::DESCRIBE_PRODUCERS);
    assert!(asked as u128 <= most, "{asked} times, allowed are {most}");
    stage.pass(ms(2000));
    stage.tell(1, Ok(&[(ID, 0, 1)]));
    stage.pass(ms(1000));
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn a_broker_is_asked_about_many_partitions_at_once() {
    let mut stage = Stage::with(settings(), &[1; 40]);
    for partition in 0..40 {
        stage.warm_up(partition, 1);
    }
    let row: Vec<Kept> = (0..40)
        .map(|partition| stage.send(partition, "a"))
        .collect();
    // The first time five requests of one each, then all.
    for _ in 0..2 {
        stage.lose(1);
        stage.pass(ms(1000));
    }
    let requests = stage.requests(1).len();
    stage.answer_all(1, &error(OUT_OF_ORDER));
    stage.pass(ms(50));
    let asked = stage.asked(ApiKey::DESCRIBE_PRODUCERS);
    let most = requests + 40 / 32;
    assert!(
        (2..=most).contains(&asked),
        "{asked} times, allowed are {most}"
    );
    for _ in 0..asked {
        stage.answer_all(1, &ok(1));
        stage.tell(1, Ok(&[(ID, 0, 1)]));
    }
    for _ in 0..2 {
        stage.answer_all(1, &ok(1));
        stage.pass(ms(1000));
    }
    row.iter().for_each(|delivery| delivered(delivery, 1));
}

#[test]
fn a_record_that_is_asked_about_expires_in_time() {
    let (mut stage, delivery) = one_lost(settings());
    stage.pass(stage.settings.delivery_timeout);
    assert_eq!(
        expired(&delivery).persistence(),
        Persistence::PossiblyPersisted
    );
}

#[test]
fn a_broker_that_cannot_be_asked_leaves_it_open() {
    let mut stage = Stage::bare(settings(), Map::of(crate::stage::TOPIC, &[1]));
    stage.withheld.insert(ApiKey::DESCRIBE_PRODUCERS);
    stage.know(crate::stage::TOPIC);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "a");
    stage.lose(1);
    stage.pass(ms(1000));
    stage.answer(1, [error(OUT_OF_ORDER)]);
    let error = refused(&delivery, OUT_OF_ORDER);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn a_batch_behind_which_another_was_acknowledged_is_delivered_without_asking() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    let second = stage.send(0, "b");
    stage.answer(1, [error(ErrorCode::REQUEST_TIMED_OUT)]);
    stage.answer(1, [ok(2)]);
    delivered(&second, 2);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(0, 1)]);
    // Restarted, the broker remembers the second alone.
    stage.answer(1, [error(OUT_OF_ORDER)]);
    delivered(&first, -1);
    assert_eq!(stage.asked(ApiKey::DESCRIBE_PRODUCERS), 0);
}

#[test]
fn what_waits_behind_a_batch_that_is_found_to_be_there_is_sent_without_topic_ids_too() {
    let mut stage = without_ids(&[1]);
    stage.warm_up(0, 1);
    let first = stage.send(0, "a");
    let _second = stage.send(0, "b");
    stage.answer(1, [error(ErrorCode::REQUEST_TIMED_OUT)]);
    stage.answer(1, [ok(2)]);
    let _row = ["c", "d", "e", "f"].map(|value| stage.send(0, value));
    let last = stage.send(0, "beyond the window");
    stage.pass(ms(1000));
    stage.answer(1, [error(OUT_OF_ORDER)]);
    for offset in 3..7 {
        pending(&first);
        stage.answer(1, [ok(offset)]);
    }
    delivered(&first, -1);
    assert_eq!(stage.values(1), [["beyond the window"]]);
    stage.answer(1, [ok(7)]);
    delivered(&last, 7);
}

#[test]
fn no_topic_is_taken_for_the_one_before_it_because_it_has_a_later_batch() {
    let (mut stage, row) = three_lost(settings());
    // It was deleted and made anew, which nobody has told us, and took a late "b" and "c".
    stage.map.life += 1;
    stage.tell(1, Ok(&[(ID, 0, 3)]));
    let error = refused(&row[0], OUT_OF_ORDER);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert!(error.to_string().contains("made anew"), "{error}");
    row[1..].iter().for_each(pending);
}

/// The answer of a leader that lost the topic after it had appended a batch at this offset.
fn deleted_after_append(base_offset: i64) -> Says {
    error(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION).after_append(base_offset)
}

#[test]
fn no_topic_is_taken_for_the_one_before_it_because_it_acknowledged_a_later_batch() {
    for policy in [UnresolvedPolicy::Ask, UnresolvedPolicy::Fail] {
        let mut settings = settings();
        settings.unresolved = policy;
        let mut stage = Stage::with(settings, &[1]);
        stage.warm_up(0, 1);
        let row = ["a", "b"].map(|value| stage.send(0, value));
        stage.answer(1, [deleted_after_append(1)]);
        // Made anew, it takes any number for a first one.
        stage.answer(1, [ok(0)]);
        delivered(&row[1], 0);
        let error = refused(&row[0], ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
        assert!(stage.requests(1).is_empty());
    }
}

#[test]
fn the_id_of_a_topic_tells_it_from_the_one_before_it_whatever_the_offsets_are() {
    let mut stage = Stage::with(settings(), &[1]);
    stage.warm_up(0, 1);
    let row = ["a", "b"].map(|value| stage.send(0, value));
    stage.answer(1, [deleted_after_append(1)]);
    // Others have written to the topic that was made anew.
    stage.answer(1, [ok(7)]);
    stage.pass(ms(1000));
    stage.map.life += 1;
    stage.answer(1, [error(OUT_OF_ORDER)]);
    let error = refused(&row[0], OUT_OF_ORDER);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn the_policy_of_kafkas_client_sends_it_again_under_a_new_epoch() {
    let settings = Settings {
        unresolved: UnresolvedPolicy::Resend,
        ..settings()
    };
    let (mut stage, delivery) = one_lost(settings);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    assert_eq!(stage.asked(ApiKey::DESCRIBE_PRODUCERS), 0);
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    let error = refused(&delivery, ErrorCode::INVALID_RECORD);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn the_policy_to_fail_asks_nobody() {
    let settings = Settings {
        unresolved: UnresolvedPolicy::Fail,
        ..settings()
    };
    let (stage, delivery) = one_lost(settings);
    let error = refused(&delivery, OUT_OF_ORDER);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert_eq!(stage.asked(ApiKey::DESCRIBE_PRODUCERS), 0);
}

#[test]
fn s38_a_batch_that_was_refused_each_time_gets_a_new_epoch_without_asking() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "a");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(1000));
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    assert_eq!(stage.asked(ApiKey::DESCRIBE_PRODUCERS), 0);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn what_was_refused_before_a_later_one_was_taken_all_the_same_is_not_sent_behind_it() {
    // A topic made anew takes "b" without "a", and so does a broker that has forgotten the producer.
    for offset in [0, 7] {
        let mut stage = Stage::with(settings(), &[1]);
        stage.warm_up(0, 1);
        let row = ["a", "b", "c"].map(|value| stage.send(0, value));
        stage.answer(1, [error(ErrorCode::CORRUPT_MESSAGE)]);
        stage.answer(1, [ok(offset)]);
        delivered(&row[1], offset);
        let error = refused(&row[0], ErrorCode::CORRUPT_MESSAGE);
        assert_eq!(error.persistence(), Persistence::NotPersisted);
        assert!(error.to_string().contains("a later batch"), "{error}");
        stage.answer(1, [ok(offset + 1)]);
        delivered(&row[2], offset + 1);
        let next = stage.send(0, "d");
        assert_eq!(stage.numbers(1), [(0, 4)], "the numbers go on");
        stage.answer(1, [ok(offset + 2)]);
        delivered(&next, offset + 2);
    }
}

#[test]
fn what_a_topic_made_anew_may_have_taken_is_not_sent_to_it_again_behind_one_that_it_lacks() {
    let mut stage = Stage::with(settings(), &[1]);
    stage.warm_up(0, 1);
    let row = ["a", "b"].map(|value| stage.send(0, value));
    stage.answer(1, [error(ErrorCode::CORRUPT_MESSAGE)]);
    // A topic made anew takes "b" without "a"; nobody tells.
    stage.map.life += 1;
    stage.lose(1);
    stage.pass(ms(1000));
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    let error = failed(&row[1]);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert_eq!(stage.values(1), [["a"]]);
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(9)]);
    delivered(&row[0], 9);
}

#[test]
fn what_follows_on_one_that_is_not_in_the_log_is_numbered_anew_with_it_when_the_topic_is_the_same()
{
    // Where topics have no ids nobody is asked whether it is the same.
    for mut stage in [Stage::with(settings(), &[1]), without_ids(&[1])] {
        stage.warm_up(0, 1);
        let row = ["a", "b"].map(|value| stage.send(0, value));
        stage.answer(1, [error(ErrorCode::CORRUPT_MESSAGE)]);
        stage.lose(1);
        stage.pass(ms(1000));
        stage.answer(1, [error(OUT_OF_ORDER)]);
        stage.pass(ms(1000));
        assert_eq!(stage.numbers(1), [(1, 0)]);
        stage.answer(1, [ok(1)]);
        delivered(&row[0], 1);
        stage.pass(ms(1000));
        assert_eq!(stage.numbers(1), [(1, 1)]);
        stage.answer(1, [ok(2)]);
        delivered(&row[1], 2);
    }
}
