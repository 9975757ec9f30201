//! The producer id: asked for before anything is sent, and again when its epochs are used up.

use std::time::Duration;

use kafka_producer::engine::{EngineState, NodeId};
use kafka_producer::error::Persistence;
use kafka_wire::messages::{InitProducerIdRequest, InitProducerIdResponse};
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, ms, pending, settings};
use crate::wires::{Map, error, ok};

const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;

/// A stage whose brokers are asked for an id and keep the answer to themselves.
fn nameless(settings: kafka_producer::settings::Settings) -> Stage {
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    stage.know(TOPIC);
    stage
}

/// Who is being asked for an id.
fn asked(stage: &Stage) -> Option<NodeId> {
    let mut connections = stage.connections.iter();
    let found = connections.find(|(_, unanswered)| {
        let front = unanswered.front().map(|asked| asked.header.api_key);
        front == Some(ApiKey::INIT_PRODUCER_ID)
    });
    found.map(|(node, _)| *node)
}

fn refuse(stage: &mut Stage, error_code: ErrorCode) {
    let node = asked(stage).expect("somebody is asked for an id");
    let answer = InitProducerIdResponse::default().with_error_code(error_code);
    let frame = stage.connections[&node][0].answer::<InitProducerIdRequest>(&answer);
    stage.respond(node, frame);
    stage.settle();
}

#[test]
fn s10_an_id_is_asked_for_before_the_first_batch() {
    let mut stage = nameless(settings());
    let delivery = stage.send(0, "tea");
    assert!(stage.requests(1).is_empty(), "nothing leaves without an id");
    stage.by_hand.clear();
    stage.settle();
    assert_eq!(stage.numbers(1), [(0, 0)]);
    assert_eq!(stage.requests(1)[0][0].header.producer_id, 7000);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 1);
}

#[test]
fn s12_an_id_comes_also_with_one_request_in_flight() {
    let mut settings = settings();
    settings.max_in_flight = 1;
    let mut stage = nameless(settings);
    let delivery = stage.send(0, "tea");
    stage.by_hand.clear();
    stage.settle();
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn s13_a_lost_question_for_an_id_is_asked_again() {
    let mut stage = nameless(settings());
    let delivery = stage.send(0, "tea");
    let NodeId(node) = asked(&stage).unwrap();
    stage.lose(node);
    stage.pass(ms(300));
    assert!(asked(&stage).is_some(), "it is asked again");
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 2);
    stage.by_hand.clear();
    stage.settle();
    stage.pass(ms(300));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn s67_an_id_is_asked_for_at_once_and_after_a_refusal_with_growing_pauses() {
    let mut stage = nameless(settings());
    for (times, pause) in [(1, 100), (2, 200), (3, 400)] {
        assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), times);
        refuse(&mut stage, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
        stage.pass(ms(pause * 79 / 100));
        assert_eq!(asked(&stage), None, "not before its backoff");
        stage.pass(ms(pause * 42 / 100));
    }
    assert!(asked(&stage).is_some());
}

#[test]
fn an_id_that_is_none_is_asked_for_again() {
    let mut stage = nameless(settings());
    let delivery = stage.send(0, "tea");
    let node = asked(&stage).unwrap();
    let answer = InitProducerIdResponse::default()
        .with_producer_id(-1)
        .with_producer_epoch(-1);
    let frame = stage.connections[&node][0].answer::<InitProducerIdRequest>(&answer);
    stage.respond(node, frame);
    assert!(stage.requests(1).is_empty());
    stage.by_hand.clear();
    stage.pass(ms(200));
    assert_eq!(stage.numbers(1), [(0, 0)]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn an_id_that_is_refused_for_good_ends_the_producer() {
    let mut stage = nameless(settings());
    let delivery = stage.send(0, "tea");
    refuse(&mut stage, ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    crate::stage::failed(&delivery);
    assert!(matches!(stage.handle.state(), EngineState::Failed(_)));
}

#[test]
fn s14_without_the_right_to_an_id_what_waits_fails_and_what_comes_later_asks_again() {
    let mut stage = nameless(settings());
    let first = stage.send(0, "tea");
    refuse(&mut stage, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    let error = crate::stage::refused(&first, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    assert!(matches!(stage.handle.state(), EngineState::Open));
    stage.pass(Duration::from_secs(60));
    assert_eq!(
        stage.asked(ApiKey::INIT_PRODUCER_ID),
        1,
        "nobody asks for nothing"
    );
    for pause in [0, 200] {
        let next = stage.send(0, "more tea");
        stage.pass(ms(pause * 122 / 100));
        refuse(&mut stage, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
        crate::stage::refused(&next, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    }
    // Somebody gives the right.
    stage.by_hand.clear();
    let last = stage.send(0, "tea at last");
    assert!(stage.requests(1).is_empty(), "not without a pause");
    stage.pass(ms(500));
    stage.answer(1, [ok(0)]);
    delivered(&last, 0);
}

#[test]
fn s45_out_of_order_on_the_next_in_line_bumps_the_epoch_and_starts_at_0() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    assert_eq!(stage.numbers(1), [(0, 1)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    pending(&delivery);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
    assert_eq!(
        stage.asked(ApiKey::INIT_PRODUCER_ID),
        1,
        "an epoch is bumped without asking"
    );
}

#[test]
fn s19_after_a_bump_numbers_count_records_not_batches() {
    let mut settings = settings();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = ms(5);
    let mut stage = Stage::with(settings, &[1]);
    let _ = stage.send(0, "warm-up");
    stage.pass(ms(5));
    stage.answer(1, [ok(0)]);
    for values in [["a", "b"], ["c", "d"]] {
        for value in values {
            let _ = stage.send(0, value);
        }
        stage.pass(ms(5));
    }
    assert_eq!(stage.numbers(1), [(0, 1), (0, 3)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 2)]);
}

#[test]
fn s20_a_bump_touches_another_partition_only_with_its_next_batch() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    let _ = stage.send(1, "old epoch");
    let _ = stage.send(0, "tea");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(1, 0)]);
    assert_eq!(
        stage.numbers(2),
        [(0, 1)],
        "what was numbered keeps its number"
    );
    let _ = stage.send(1, "new epoch");
    assert_eq!(
        stage.numbers(2),
        [(0, 1)],
        "the new epoch waits for the old one's end"
    );
    stage.answer(2, [ok(1)]);
    assert_eq!(stage.numbers(2), [(1, 0)]);
}

#[test]
fn s32_a_batch_of_the_old_epoch_is_retried_in_the_old_epoch() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    let old = stage.send(1, "old epoch");
    let _ = stage.send(0, "tea");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    for _ in 0..3 {
        stage.answer(2, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        stage.pass(ms(2000));
        assert_eq!(stage.numbers(2), [(0, 1)]);
    }
    stage.answer(2, [ok(1)]);
    delivered(&old, 1);
}

#[test]
fn s29_when_the_epochs_are_used_up_a_new_id_is_asked_for_and_everything_goes_on() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1, 2]));
    stage.next_producer = (7000, i16::MAX);
    stage.know(TOPIC);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    let other = stage.send(1, "keeps its old id");
    let broken = stage.send(0, "needs a new id");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    stage.pass(ms(1000));
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 2);
    let header = &stage.requests(1)[0][0].header;
    assert_eq!((header.producer_id, header.producer_epoch), (7001, 0));
    assert_eq!(header.base_sequence, 0);
    stage.answer(1, [ok(1)]);
    delivered(&broken, 1);

    stage.answer(2, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(1000));
    assert_eq!(stage.requests(2)[0][0].header.producer_id, 7000);
    stage.answer(2, [ok(1)]);
    delivered(&other, 1);
}

#[test]
fn s29_a_new_id_is_asked_for_without_any_other_event() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.next_producer = (7000, i16::MAX);
    stage.know(TOPIC);
    stage.warm_up(0, 1);
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    let _ = stage.send(0, "needs a new id");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    assert!(
        asked(&stage).is_some(),
        "the answer that broke the sequence is enough"
    );
}

#[test]
fn s30_close_waits_for_a_new_id_and_delivers() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.next_producer = (7000, i16::MAX);
    stage.know(TOPIC);
    stage.warm_up(0, 1);
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    let mut report = stage.close(None);
    assert_eq!(report.try_recv(), Ok(None), "not closed yet");
    stage.by_hand.clear();
    stage.settle();
    stage.pass(ms(1000));
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
    assert_eq!(report.try_recv().unwrap().unwrap().delivered, 1);
}

#[test]
fn s31_close_in_haste_fails_what_waits_for_a_new_id() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.next_producer = (7000, i16::MAX);
    stage.know(TOPIC);
    stage.warm_up(0, 1);
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(OUT_OF_ORDER)]);
    let mut report = stage.close(Some(Duration::ZERO));
    crate::stage::failed(&delivery);
    assert_eq!(report.try_recv().unwrap().unwrap().failed, 1);
    assert!(stage.engine.has_ended());
}

#[test]
fn s44_a_batch_that_was_lost_in_the_last_epoch_keeps_its_number() {
    // Apache Kafka's client would send it under a new id, where it could be there twice; the last
    // epoch is as good as any other for a retry.
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.next_producer = (7000, i16::MAX);
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    stage.lose(1);
    stage.pass(ms(1000));
    assert_eq!(stage.numbers(1), [(i16::MAX, 0)]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn sequences_that_are_refused_again_and_again_are_not_tried_without_a_pause() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    let before = stage.asked(ApiKey::PRODUCE);
    let end = stage.now + Duration::from_secs(10);
    while stage.now < end {
        if !stage.requests(1).is_empty() {
            stage.answer(1, [error(OUT_OF_ORDER)]);
        }
        stage.pass(ms(1));
    }
    pending(&delivery);
    let tries = stage.asked(ApiKey::PRODUCE) - before;
    assert!((5..40).contains(&tries), "{tries} tries in 10 s");
}
