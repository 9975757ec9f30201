//! Brokers that ask for silence (KIP-219): how long they get it, and what is done meanwhile.

use std::time::Duration;

use kafka_producer::engine::NodeId;
use kafka_producer::settings::Settings;
use kafka_wire::messages::metadata::{MetadataRequest, MetadataResponse};
use kafka_wire::messages::{ApiVersionsRequest, InitProducerIdRequest, InitProducerIdResponse};
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, ms, pending, settings};
use crate::wires::{Map, error, ok, versions};

/// Throttled by an answer to a record of its partition 0.
fn throttled(stage: &mut Stage, node: i32, throttle_time_ms: i32) {
    let _ = stage.send(0, "tea");
    stage.answer_throttled(node, throttle_time_ms, [ok(0)]);
}

#[test]
fn a_broker_that_asks_for_silence_is_not_asked_about_the_cluster_though_it_is_idle() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(1, 2);
    let _busy = stage.send(1, "cake");
    throttled(&mut stage, 1, 5000);
    stage.asked.clear();
    stage.by_hand.insert(ApiKey::METADATA);
    let _unknown = stage.ask_topic("other");
    assert_eq!(stage.asked, [(NodeId(2), ApiKey::METADATA)]);
}

#[test]
fn a_cluster_of_one_broker_that_asks_for_silence_is_asked_afterwards_by_no_detour() {
    let mut stage = Stage::idempotent(&[1]);
    throttled(&mut stage, 1, 5000);
    let (asked, dialed) = (stage.asked.len(), stage.dials.len());
    let _unknown = stage.ask_topic("other");
    stage.pass(ms(4999));
    assert_eq!((stage.asked.len(), stage.dials.len()), (asked, dialed));
    stage.pass(ms(1));
    assert_eq!(stage.asked[asked..], [(NodeId(1), ApiKey::METADATA)]);
}

#[test]
fn a_smaller_throttle_that_comes_later_does_not_end_a_longer_one() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    for value in ["a", "b", "c"] {
        let _ = stage.send(0, value);
    }
    stage.answer_throttled(1, 5000, [ok(1)]);
    stage.answer_throttled(1, 100, [ok(2)]);
    stage.answer_throttled(1, 0, [ok(3)]);
    let late = stage.send(0, "d");
    stage.pass(ms(4999));
    assert!(stage.requests(1).is_empty());
    pending(&late);
    stage.pass(ms(1));
    assert_eq!(stage.values(1), [["d"]]);
}

#[test]
fn a_connection_is_not_given_up_for_answers_that_the_broker_holds_back_with_the_silence() {
    let settings = Settings {
        request_timeout: ms(2000),
        ..settings()
    };
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    let _first = stage.send(0, "a");
    let second = stage.send(0, "b");
    stage.pass(ms(500));
    stage.answer_throttled(1, 30_000, [ok(1)]);
    stage.pass(Duration::from_millis(31_499));
    assert_eq!(stage.values(1), [["b"]], "it is still waited for");
    assert!(stage.dropped.iter().all(|(node, _)| *node != NodeId(1)));
    stage.answer(1, [ok(2)]);
    delivered(&second, 2);
    // After the silence there is as much time left as there was before.
    let _third = stage.send(0, "c");
    stage.answer_throttled(1, 1000, [ok(3)]);
    let _fourth = stage.send(0, "d");
    stage.pass(ms(1000));
    assert_eq!(stage.values(1), [["d"]]);
    stage.pass(ms(2000));
    assert!(stage.dropped.iter().any(|(node, _)| *node == NodeId(1)));
}

#[test]
fn the_answer_with_a_producer_id_may_ask_for_silence_as_well() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    stage.know(TOPIC);
    stage.lose(-1);
    stage.pass(ms(1000));
    let asked = &stage.connections[&NodeId(1)][0];
    let frame = asked.answer::<InitProducerIdRequest>(
        &InitProducerIdResponse::default()
            .with_throttle_time_ms(700)
            .with_producer_id(7),
    );
    stage.respond(NodeId(1), frame);
    let _ = stage.send(0, "tea");
    stage.pass(ms(699));
    assert!(stage.requests(1).is_empty());
    stage.pass(ms(1));
    assert_eq!(stage.values(1), [["tea"]]);
}

#[test]
fn the_greeting_may_ask_for_silence_as_well() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let _ = stage.ask_topic(TOPIC);
    let mut spoken = versions(13);
    spoken.throttle_time_ms = 700;
    let frame = stage.connections[&NodeId(-1)][0].answer::<ApiVersionsRequest>(&spoken);
    stage.respond(NodeId(-1), frame);
    stage.pass(ms(699));
    assert_eq!(stage.asked(ApiKey::METADATA), 0);
    stage.pass(ms(1));
    assert_eq!(stage.asked(ApiKey::METADATA), 1);
}

#[test]
fn what_a_broker_is_asked_when_it_is_greeted_waits_for_the_silence_that_its_greeting_asks_for() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let delivery = stage.send(0, "tea");
    stage.lose(1);
    stage.pass(ms(100));
    stage.asked.clear();
    let mut spoken = versions(13);
    spoken.throttle_time_ms = 700;
    let frame = stage.connections[&NodeId(1)][0].answer::<ApiVersionsRequest>(&spoken);
    stage.respond(NodeId(1), frame);
    stage.pass(ms(699));
    assert_eq!(stage.asked, []);
    assert!(stage.requests(1).is_empty());
    stage.pass(ms(1));
    assert!(stage.asked.contains(&(NodeId(1), ApiKey::DESCRIBE_CONFIGS)));
    assert_eq!(stage.values(1), [["tea"]]);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn what_an_answer_leads_to_is_not_asked_before_the_silence_that_came_meanwhile_is_over() {
    let mut stage = Stage::idempotent(&[1, 1]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 1);
    let row = ["a", "b", "c"].map(|value| stage.send(0, value));
    stage.lose(1);
    stage.pass(ms(1500));
    let other = stage.send(1, "x");
    stage.answer(1, [error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]);
    stage.answer_throttled(1, 5000, [ok(1)]);
    delivered(&other, 1);
    stage.asked.clear();
    // The log has more than the first: whether it is the same topic still is asked next.
    stage.tell(1, Ok(&[(7000, 0, 3)]));
    stage.pass(ms(4999));
    assert_eq!(stage.asked, []);
    stage.pass(ms(1));
    assert_eq!(stage.asked[0], (NodeId(1), ApiKey::METADATA));
    assert_eq!(stage.values(1), [["c"]]);
    stage.answer(1, [ok(13)]);
    delivered(&row[2], 13);
}

/// Answers the bootstrap server's question by asking to begin anew, then the next as it should be.
fn begin_anew(stage: &mut Stage) {
    let asked = &stage.connections[&NodeId(-1)][0];
    let frame = asked.answer::<MetadataRequest>(
        &MetadataResponse::default().with_error_code(ErrorCode::REBOOTSTRAP_REQUIRED),
    );
    stage.by_hand.clear();
    stage.respond(NodeId(-1), frame);
    stage.settle();
}

#[test]
fn a_broker_that_is_forgotten_and_met_again_is_left_alone_until_its_silence_is_over() {
    let mut stage = Stage::idempotent(&[1]);
    throttled(&mut stage, 1, 30_000);
    let delivery = stage.send(0, "milk");
    stage.by_hand.insert(ApiKey::METADATA);
    stage.lose(1);
    stage.pass(ms(1000));
    stage.dials.clear();
    stage.asked.clear();
    begin_anew(&mut stage);
    stage.pass(ms(28_999));
    assert!(stage.asked(ApiKey::METADATA) > 0, "it is met again");
    assert!(stage.dials.iter().all(|(node, _)| *node != NodeId(1)));
    stage.pass(ms(1001));
    assert_eq!(stage.values(1), [["milk"]]);
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn a_broker_that_is_forgotten_and_met_again_is_not_dialed_before_its_pause_is_over() {
    let mut stage = Stage::idempotent(&[1]);
    let _delivery = stage.send(0, "milk");
    stage.unreachable.insert(NodeId(1));
    stage.by_hand.insert(ApiKey::METADATA);
    stage.lose(1);
    for _ in 0..5000 {
        if stage.dialing.contains_key(&NodeId(1)) {
            stage.lose(1);
        }
        stage.pass(ms(1));
    }
    let dialed = |stage: &Stage| {
        let times = stage.dials.iter().filter(|(node, _)| *node == NodeId(1));
        times.map(|(_, at)| *at).collect::<Vec<_>>()
    };
    let before = dialed(&stage);
    while dialed(&stage).len() == before.len() {
        stage.pass(ms(1));
    }
    let last = stage.now;
    stage.lose(1);
    begin_anew(&mut stage);
    let count = before.len() + 1;
    while dialed(&stage).len() == count {
        stage.pass(ms(1));
    }
    let pause = stage.now - last;
    assert!(pause >= ms(800), "{pause:?}");
}
