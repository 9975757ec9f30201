//! What metadata takes away: partitions of a topic that was made anew, topics that were deleted, and
//! topics that nobody writes to; and partitions that are waited for until there are so many.

use std::time::Duration;

use kafka_producer::error::{Cause, DeliveryError, Persistence, SendError};
use kafka_producer::settings::{Acks, Settings};
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, failed, ms, pending, plain, settings};
use crate::wires::{Map, TopicOnMap, error, ok};

const GONE: ErrorCode = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;

/// The topic is deleted and made anew, its partitions led by these.
fn make_anew(stage: &mut Stage, leaders: &[i32]) {
    stage.map.life += 1;
    stage.map.topics[0] = TopicOnMap::of(TOPIC, leaders);
}

fn ended_by_the_end_of_its_partition(error: &DeliveryError) -> Persistence {
    match error.cause() {
        Cause::Refused {
            code: GONE,
            message: Some(message),
            ..
        } => {
            assert!(message.contains("made anew with 1 partition"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    error.persistence()
}

#[test]
fn records_for_partitions_that_a_topic_made_anew_lacks_end_with_the_next_metadata() {
    let mut stage = Stage::idempotent(&[1, 2, 2]);
    stage.warm_up(0, 1);
    let on_its_way = stage.send(1, "a");
    // The leader of the third is not there: what is for it was never sent.
    let unsent = stage.send(1, "b");
    let kept = stage.send(0, "c");
    make_anew(&mut stage, &[1]);
    stage.answer(1, [error(ErrorCode::UNKNOWN_TOPIC_ID)]);
    stage.pass(ms(200));
    let error = failed(&on_its_way);
    assert_eq!(
        ended_by_the_end_of_its_partition(&error),
        Persistence::PossiblyPersisted
    );
    let error = failed(&unsent);
    assert_eq!(
        ended_by_the_end_of_its_partition(&error),
        Persistence::NotPersisted
    );
    assert_eq!(stage.partitions(TOPIC), Some(1));
    stage.answer(1, [ok(0)]);
    delivered(&kept, 0);
    // What is said of the first attempt meets nobody any more.
    stage.answer(2, [ok(7)]);
    assert_eq!(
        failed(&on_its_way).persistence(),
        Persistence::PossiblyPersisted
    );
}

#[test]
fn a_topic_that_was_deleted_is_waited_for_as_one_that_never_was() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    let unsent = stage.append(TOPIC, 1, "b").unwrap();
    let topics = std::mem::take(&mut stage.map.topics);
    stage.pass(Duration::from_secs(301));
    assert_eq!(stage.partitions(TOPIC), None);
    let mut reply = stage.ask_topic(TOPIC);
    assert!(matches!(reply.try_recv(), Ok(None)));
    stage.map.topics = topics;
    make_anew(&mut stage, &[1]);
    stage.pass(ms(2000));
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
    assert_eq!(stage.partitions(TOPIC), Some(1));
    failed(&unsent);
}

#[test]
fn the_partitions_that_a_topic_gets_again_begin_under_a_new_epoch() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    make_anew(&mut stage, &[1]);
    stage.pass(Duration::from_secs(301));
    assert_eq!(stage.partitions(TOPIC), Some(1));
    stage.map.topics[0].leaders.push((2, 1));
    stage.pass(Duration::from_secs(301));
    let delivery = stage.send(1, "tea");
    assert_eq!(stage.numbers(2), [(1, 0)]);
    stage.answer(2, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn fewer_partitions_of_the_same_topic_are_the_word_of_a_broker_that_lags() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.map.topics[0].leaders.pop();
    stage.pass(Duration::from_secs(301));
    assert_eq!(stage.partitions(TOPIC), Some(2));
    let delivery = stage.send(1, "tea");
    stage.answer(2, [ok(0)]);
    delivered(&delivery, 0);
}

/// A topic of which the brokers tell no id, under the third epoch of its leaders.
pub(crate) fn without_ids(leaders: &[i32]) -> Stage {
    let mut map = Map::of(TOPIC, leaders);
    map.brokers = vec![1, 2];
    map.ids = false;
    map.topics[0]
        .leaders
        .iter_mut()
        .for_each(|(_, epoch)| *epoch = 3);
    let mut stage = Stage::bare(settings(), map);
    stage.produce_latest = 12;
    stage.know(TOPIC);
    stage
}

#[test]
fn without_ids_a_topic_made_anew_is_known_by_its_epochs_after_some_answers() {
    let mut stage = without_ids(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    make_anew(&mut stage, &[2]);
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    for _ in 0..20 {
        if !stage.requests(2).is_empty() {
            break;
        }
        stage.pass(ms(100));
        if !stage.requests(1).is_empty() {
            stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
        }
    }
    assert_eq!(stage.values(2), [["tea"]]);
    stage.answer(2, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn without_ids_a_single_answer_of_an_older_epoch_moves_nothing() {
    let mut stage = without_ids(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    let told = stage.map.topics[0].clone();
    stage.map.topics[0] = TopicOnMap::of(TOPIC, &[2]);
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.map.topics[0] = told;
    stage.pass(ms(1000));
    assert_eq!(stage.values(1), [["tea"]]);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn without_ids_the_partitions_that_are_gone_end_too() {
    // The topic may have been deleted after the first attempt was appended, or before.
    let cases = [
        (error(GONE).after_append(0), Persistence::PossiblyPersisted),
        (error(GONE), Persistence::NotPersisted),
    ];
    for (first, persistence) in cases {
        let mut stage = without_ids(&[1, 2]);
        let delivery = stage.send(1, "tea");
        make_anew(&mut stage, &[1]);
        stage.answer(2, [first]);
        let mut refused = 1;
        for _ in 0..20 {
            if !stage.requests(2).is_empty() {
                stage.answer(2, [error(GONE)]);
                refused += 1;
            }
            stage.pass(ms(100));
        }
        assert!((1..5).contains(&refused), "{refused}");
        let error = failed(&delivery);
        assert_eq!(ended_by_the_end_of_its_partition(&error), persistence);
        assert_eq!(stage.partitions(TOPIC), Some(1));
    }
}

#[test]
fn an_answer_of_the_topic_before_says_nothing_of_the_offsets_of_this_one() {
    let mut stage = without_ids(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    let late = stage.send(0, "late");
    let turned_away = stage.send(1, "turned away");
    make_anew(&mut stage, &[1, 2]);
    for _ in 0..6 {
        if !stage.requests(2).is_empty() {
            stage.answer(2, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
        }
        stage.pass(ms(100));
    }
    stage.answer(1, [ok(1000)]);
    delivered(&late, 1000);
    pending(&turned_away);
    let first = stage.send(0, "first");
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    let row = ["a", "b"].map(|value| stage.send(0, value));
    stage.answer(1, [error(ErrorCode::REQUEST_TIMED_OUT)]);
    stage.answer(1, [ok(2)]);
    stage.pass(ms(500));
    stage.answer(1, [error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]);
    delivered(&row[0], -1);
    delivered(&row[1], 2);
}

#[test]
fn a_broker_that_knows_no_topic_ids_tells_of_the_same_topic() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    for (sequence, ids) in [(1, false), (3, true), (5, false)] {
        stage.map.ids = ids;
        stage.pass(Duration::from_secs(301));
        let row = ["a", "b"].map(|value| stage.send(0, value));
        let numbers = [(0, sequence), (0, sequence + 1)];
        assert_eq!(stage.numbers(1), numbers, "its leader knows this producer");
        for (delivery, offset) in row.iter().zip(i64::from(sequence)..) {
            stage.answer(1, [ok(offset)]);
            delivered(delivery, offset);
        }
    }
}

#[test]
fn a_record_for_a_partition_that_is_gone_cannot_be_appended_by_who_has_an_old_snapshot() {
    let mut stage = Stage::idempotent(&[1, 2]);
    let old = std::sync::Arc::clone(&stage.handle.cluster());
    make_anew(&mut stage, &[1]);
    stage.pass(Duration::from_secs(301));
    let queue = old.topic(TOPIC).unwrap().queue(1).unwrap();
    let parts = kafka_wire::records::RecordParts::new(None, Some(b"tea"));
    let mut record = kafka_accumulator::NewRecord::new(0, parts);
    let appended = stage
        .accumulator
        .append(queue, &mut record, None, || stage.now);
    assert_eq!(
        appended.unwrap_err(),
        kafka_accumulator::AppendError::Closed
    );
}

#[test]
fn a_partition_that_is_waited_for_is_asked_about_alone_until_it_is_there() {
    let mut stage = Stage::idempotent(&[1]);
    stage.map.topics.push(TopicOnMap::of("payments", &[1]));
    stage.know("payments");
    let mut reply = stage.ask_partition(TOPIC, 1);
    assert!(matches!(reply.try_recv(), Ok(None)));
    stage.by_hand.insert(ApiKey::METADATA);
    stage.pass(ms(1000));
    assert_eq!(stage.asked_about(), [[TOPIC]]);
    stage.by_hand.clear();
    stage.map.topics[0].leaders.push((1, 1));
    stage.settle();
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
    let delivery = stage.send(1, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn a_partition_that_does_not_appear_is_named_with_how_many_there_are() {
    let mut stage = Stage::with(
        Settings {
            max_block: ms(5000),
            ..settings()
        },
        &[1, 1],
    );
    let questions = stage.asked(ApiKey::METADATA);
    let mut reply = stage.ask_partition(TOPIC, 4);
    for _ in 0..50 {
        assert!(matches!(reply.try_recv(), Ok(None)));
        stage.pass(ms(100));
    }
    let Ok(Some(Err(error @ SendError::PartitionOutOfRange { .. }))) = reply.try_recv() else {
        panic!("it was refused otherwise, or not at all");
    };
    let text = "partition 4 of topic orders does not exist: it has 2 (0 to 1) after 5000 ms";
    assert_eq!(error.to_string(), text);
    let questions = stage.asked(ApiKey::METADATA) - questions;
    assert!(
        (4..=12).contains(&questions),
        "{questions} questions in 5 s"
    );
    let events: Vec<_> = stage.events.iter().map(ToString::to_string).collect();
    let told = "partition 4 of topic orders does not exist: it has 2 (0 to 1); records for it wait for max.block.ms, and \
                then fail";
    assert_eq!(events, [told], "at once, and not again");
}

#[test]
fn a_new_topic_is_asked_about_alone_and_the_others_when_they_are_old() {
    let mut stage = Stage::idempotent(&[1]);
    stage.map.topics.push(TopicOnMap::of("payments", &[1]));
    stage.map.topics.push(TopicOnMap::of("refunds", &[1]));
    stage.by_hand.insert(ApiKey::METADATA);
    let _ = stage.ask_topic("payments");
    assert_eq!(stage.asked_about(), [["payments"]]);
    let _ = stage.ask_topic("refunds");
    stage.by_hand.clear();
    stage.settle();
    stage.by_hand.insert(ApiKey::METADATA);
    stage.pass(Duration::from_secs(301));
    assert_eq!(stage.asked_about(), [[TOPIC, "payments", "refunds"]]);
}

#[test]
fn a_topic_that_is_forgotten_begins_under_a_new_epoch_when_it_is_used_again() {
    let mut stage = Stage::with(
        Settings {
            metadata_max_idle: Duration::from_secs(5),
            metadata_max_age: Duration::from_secs(10),
            ..settings()
        },
        &[1, 2],
    );
    stage.warm_up(0, 1);
    let old = stage
        .handle
        .cluster()
        .topic(TOPIC)
        .unwrap()
        .queue(0)
        .unwrap()
        .clone();
    stage.pass(Duration::from_secs(11));
    assert_eq!(stage.partitions(TOPIC), None);
    stage.know(TOPIC);
    let new = stage
        .handle
        .cluster()
        .topic(TOPIC)
        .unwrap()
        .queue(0)
        .unwrap()
        .clone();
    assert!(
        !std::sync::Arc::ptr_eq(&old, &new),
        "nothing of it was kept"
    );
    let delivery = stage.send(0, "tea");
    let second = stage.send(0, "milk");
    assert_eq!(
        stage.numbers(1),
        [(1, 0)],
        "its leader may have forgotten us: one goes alone"
    );
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
    stage.answer(1, [ok(2)]);
    delivered(&second, 2);
}

#[test]
fn a_topic_with_records_on_their_way_is_not_forgotten() {
    let mut stage = Stage::with(
        Settings {
            metadata_max_idle: Duration::from_secs(5),
            metadata_max_age: Duration::from_secs(10),
            ..plain(Acks::All)
        },
        &[1],
    );
    let delivery = stage.send(0, "tea");
    stage.pass(Duration::from_secs(11));
    assert_eq!(stage.partitions(TOPIC), Some(1));
    pending(&delivery);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn what_was_forgotten_and_known_again_many_times_is_told_apart() {
    let mut stage = Stage::with(
        Settings {
            metadata_max_idle: Duration::from_secs(5),
            metadata_max_age: Duration::from_secs(10),
            ..plain(Acks::All)
        },
        &[1],
    );
    stage.map.topics.push(TopicOnMap::of("payments", &[2, 1]));
    for round in 0..10 {
        // Everything was asked about after ten, and nothing was new.
        stage.pass(Duration::from_secs(13));
        let first = ["payments", TOPIC][round % 2];
        stage.know(first);
        // A partition of it has no leader yet, so that the next question waits for a moment.
        stage.pass(stage.settings.retry_backoff.initial);
        stage.know([TOPIC, "payments"][round % 2]);
        let one = stage.append(TOPIC, 0, "tea").unwrap();
        let other = stage.append("payments", 1, "milk").unwrap();
        stage.tick();
        let sent = stage.requests(1).concat();
        let names: Vec<_> = sent.iter().map(|sent| sent.values.concat()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        while !stage.requests(1).is_empty() {
            match stage.requests(1)[0].len() {
                1 => stage.answer(1, [ok(5)]),
                _ => stage.answer(1, [ok(5), ok(5)]),
            }
        }
        delivered(&one, 5);
        delivered(&other, 5);
    }
}
