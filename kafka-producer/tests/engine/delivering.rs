//! Records that arrive: one request, one answer, one outcome.

use kafka_producer::engine::{Input, NodeId};
use kafka_producer::settings::Acks;
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, ms, pending, plain, settings};
use crate::wires::{Map, error, ok};

#[test]
fn s01_one_record_is_one_request_and_learns_the_brokers_offset() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    assert_eq!(stage.values(1), [["tea"]]);
    pending(&delivery);
    stage.answer(1, [ok(42)]);
    delivered(&delivery, 42);
    assert!(stage.engine.is_idle(), "nothing stays tracked");
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn records_of_a_batch_share_a_request_and_count_on_from_its_offset() {
    let mut settings = settings();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = ms(5);
    let mut stage = Stage::with(settings, &[1]);
    let deliveries = ["a", "b", "c"].map(|value| stage.send(0, value));
    assert!(stage.requests(1).is_empty(), "the batch lingers");
    stage.pass(ms(5));
    assert_eq!(stage.values(1), [["a", "b", "c"]]);
    stage.answer(1, [ok(10)]);
    for (delivery, offset) in deliveries.iter().zip(10..) {
        delivered(delivery, offset);
    }
}

#[test]
fn s43_t029_a_batch_carries_id_epoch_and_the_number_of_its_first_record() {
    let mut settings = settings();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = ms(5);
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
    stage.next_producer = (123, 9);
    stage.know(TOPIC);
    for (values, sequence) in [(&["a", "b"][..], 0), (&["c"], 2), (&["d", "e", "f"], 3)] {
        for value in values {
            let _ = stage.send(0, value);
        }
        stage.pass(ms(5));
        let header = &stage.requests(1)[0][0].header;
        assert_eq!((header.producer_id, header.producer_epoch), (123, 9));
        assert_eq!(header.base_sequence, sequence);
        assert_eq!(header.record_count as usize, values.len());
        stage.answer(1, [ok(0)]);
    }
}

#[test]
fn partitions_are_numbered_each_for_itself() {
    let mut stage = Stage::idempotent(&[1, 2]);
    for _ in 0..3 {
        let _ = stage.send(0, "a");
        stage.answer(1, [ok(0)]);
    }
    let _ = stage.send(1, "b");
    assert_eq!(stage.numbers(2), [(0, 0)]);
}

#[test]
fn s15_without_idempotence_batches_carry_no_id_and_none_is_asked_for() {
    let mut stage = Stage::with(plain(Acks::All), &[1]);
    let delivery = stage.send(0, "tea");
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 0);
    assert_eq!(stage.numbers(1), [(-1, -1)]);
    assert_eq!(stage.requests(1)[0][0].header.producer_id, -1);
    stage.lose(1);
    pending(&delivery);
    stage.pass(ms(200));
    assert_eq!(stage.values(1), [["tea"]], "a lost connection is retried");
    stage.answer(1, [error(ErrorCode::TOPIC_AUTHORIZATION_FAILED)]);
    crate::stage::refused(&delivery, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
}

#[test]
fn with_acks_0_written_is_delivered_to_an_offset_nobody_knows() {
    let mut stage = Stage::with(plain(Acks::None), &[1]);
    let delivery = stage.send(0, "tea");
    let asked = stage.connections.get_mut(&NodeId(1)).unwrap().pop_front();
    pending(&delivery);
    let correlation_id = asked.unwrap().header.correlation_id;
    stage.input(Input::Written(NodeId(1), correlation_id));
    delivered(&delivery, -1);
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn with_acks_0_a_record_does_not_wait_for_the_answer_to_an_older_question() {
    let mut stage = Stage::with(plain(Acks::None), &[1]);
    let first = stage.send(0, "opens the connection");
    let opening = stage.connections.get_mut(&NodeId(1)).unwrap().pop_front();
    stage.input(Input::Written(
        NodeId(1),
        opening.unwrap().header.correlation_id,
    ));
    delivered(&first, -1);

    stage.by_hand.insert(ApiKey::METADATA);
    let _ = stage.ask_topic("another");
    let delivery = stage.send(0, "tea");
    let unanswered = stage.connections.get_mut(&NodeId(1)).unwrap();
    assert_eq!(unanswered[0].header.api_key, ApiKey::METADATA);
    let written = unanswered.remove(1).unwrap().header.correlation_id;
    stage.input(Input::Written(NodeId(1), written));
    delivered(&delivery, -1);
    stage.by_hand.clear();
    stage.settle();
    assert!(stage.dropped.iter().all(|(node, _)| *node != NodeId(1)));
}

#[test]
fn log_append_time_reaches_the_records() {
    use kafka_wire::messages::produce::PartitionProduceResponse;
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    let stamped = PartitionProduceResponse::default()
        .with_base_offset(3)
        .with_log_append_time_ms(1_700_000_000_000);
    stage.answer(1, [crate::wires::Says::This(stamped)]);
    let outcome = delivery.try_outcome().unwrap().unwrap();
    assert_eq!(outcome.log_append_time_ms, Some(1_700_000_000_000));
}

#[test]
fn every_version_of_produce_that_a_broker_may_speak_is_spoken() {
    for latest in 3..=13 {
        let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
        stage.produce_latest = latest;
        stage.know(TOPIC);
        let delivery = stage.send(0, "tea");
        let asked = &stage.connections[&NodeId(1)][0];
        assert_eq!(asked.header.api_version, latest);
        stage.answer(1, [ok(5)]);
        delivered(&delivery, 5);
    }
}
