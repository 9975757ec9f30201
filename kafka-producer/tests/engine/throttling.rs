//! Brokers that ask for silence (KIP-219): how long they get it, and what is done meanwhile.

use std::time::Duration;

use kafka_producer::engine::NodeId;
use kafka_producer::settings::Settings;
use kafka_wire::ApiKey;
use kafka_wire::messages::{ApiVersionsRequest, InitProducerIdRequest, InitProducerIdResponse};

use crate::stage::{Stage, TOPIC, delivered, ms, pending, settings};
use crate::wires::{Map, ok, versions};

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
    let frame = asked.answer::<InitProducerIdRequest>(&InitProducerIdResponse {
        throttle_time_ms: 700,
        producer_id: 7,
        ..InitProducerIdResponse::default()
    });
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
