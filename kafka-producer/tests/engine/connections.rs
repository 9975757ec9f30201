//! Connections: greetings, silence, nonsense, and what becomes of the requests on a lost one.

use std::time::Duration;

use bytes::Bytes;
use kafka_producer::engine::{Input, NodeId};
use kafka_producer::settings::{Address, Settings};
use kafka_producer::{FatalError, SendError};
use kafka_wire::messages::{ApiVersionsRequest, ApiVersionsResponse, ProduceRequest};
use kafka_wire::{ApiKey, ErrorCode, Request, encode_response};

use crate::stage::{Stage, TOPIC, delivered, ms, pending, settings};
use crate::wires::{Map, ok, versions};

/// A broker to whom two batches are on their way, and their deliveries.
fn two_on_their_way() -> (
    Stage,
    [kafka_accumulator::Delivery<kafka_producer::DeliveryError>; 2],
) {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let both = ["a", "b"].map(|value| stage.send(0, value));
    assert_eq!(stage.requests(1).len(), 2);
    (stage, both)
}

/// Whatever arrived made the engine give the connection up and send everything again, in order.
fn given_up_and_retried(frame: Bytes) {
    let (mut stage, both) = two_on_their_way();
    stage.input(Input::Received(NodeId(1), frame.clone()));
    assert!(
        stage.dropped.iter().any(|(node, _)| *node == NodeId(1)),
        "{frame:?}"
    );
    stage.settle();
    for (delivery, offset) in both.iter().zip(1..) {
        pending(delivery);
        stage.pass(ms(1000));
        assert_eq!(stage.numbers(1), [(0, offset as i32)]);
        stage.answer(1, [ok(offset)]);
        delivered(delivery, offset);
    }
}

fn answer_to_the_oldest() -> Bytes {
    let (stage, _both) = two_on_their_way();
    stage.connections[&NodeId(1)][0].produced(0, vec![ok(1)])
}

#[test]
fn an_answer_to_nothing_that_was_asked_costs_the_connection() {
    let mut frame = answer_to_the_oldest().to_vec();
    frame[..4].copy_from_slice(&0x7ead_beef_u32.to_be_bytes());
    given_up_and_retried(frame.into());
}

#[test]
fn an_answer_out_of_turn_costs_the_connection() {
    let (stage, _both) = two_on_their_way();
    let second = stage.connections[&NodeId(1)][1].produced(0, vec![ok(2)]);
    given_up_and_retried(second);
}

#[test]
fn a_frame_without_even_a_correlation_id_costs_the_connection() {
    for length in 0..4 {
        given_up_and_retried(Bytes::from(vec![0; length]));
    }
}

/// What became of a caller while no bootstrap server was reached for this long, of five seconds.
fn unreached(passed_ms: u64, resolved: bool) -> Option<SendError> {
    let hopeful = Settings {
        bootstrap_resolve: Some(ms(5000)),
        ..settings()
    };
    let mut stage = Stage::bare(hopeful, Map::of(TOPIC, &[1]));
    stage.unreachable.insert(NodeId(-1));
    let mut reply = stage.ask_topic(TOPIC);
    let end = stage.now + ms(passed_ms);
    while stage.now < end {
        for node in stage.dialing.keys().copied().collect::<Vec<_>>() {
            if resolved {
                stage.input(Input::Resolved(node));
            }
            stage.dialing.remove(&node);
            stage.input(Input::Lost(node, "no such name".into()));
        }
        stage.pass(ms(100).min(end - stage.now));
    }
    reply.try_recv().unwrap().map(|told| told.unwrap_err())
}

#[test]
fn a_producer_whose_bootstrap_servers_have_no_address_in_time_fails_for_good() {
    assert!(unreached(4999, false).is_none());
    let told = unreached(5000, false);
    let Some(SendError::Fatal(FatalError::BootstrapUnresolved { limit, reason, .. })) = told else {
        panic!("{told:?}");
    };
    assert_eq!((limit, &*reason), (ms(5000), "no such name"));
    assert!(
        unreached(20_000, true).is_none(),
        "it refuses, but there is one"
    );
}

#[test]
fn half_an_answer_costs_the_connection() {
    let whole = answer_to_the_oldest();
    for length in 4..whole.len() {
        given_up_and_retried(whole.slice(..length));
    }
}

#[test]
fn nonsense_behind_a_correlation_id_costs_the_connection() {
    let whole = answer_to_the_oldest();
    for filler in [0xff, 0x80, 0x7f] {
        let mut frame = whole[..4].to_vec();
        frame.extend([0]);
        frame.extend([filler; 40]);
        given_up_and_retried(frame.into());
    }
}

#[test]
fn any_bit_turned_in_an_answer_ends_nothing_but_records() {
    // Whatever it then says, nothing panics and every record can still be delivered or refused.
    let whole = answer_to_the_oldest();
    for bit in 0..whole.len() * 8 {
        let (mut stage, _both) = two_on_their_way();
        let mut frame = whole.to_vec();
        frame[bit / 8] ^= 1 << (bit % 8);
        let unanswered = stage.connections.get_mut(&NodeId(1)).unwrap();
        unanswered.pop_front();
        stage.input(Input::Received(NodeId(1), frame.into()));
        stage.settle();
        stage.pass(ms(100));
    }
}

#[test]
fn an_answer_after_the_connection_was_given_up_is_ignored() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    let late = stage.connections[&NodeId(1)][0].produced(0, vec![ok(9)]);
    stage.lose(1);
    stage.input(Input::Received(NodeId(1), late));
    pending(&delivery);
}

#[test]
fn a_broker_that_knows_only_version_0_of_api_versions_is_asked_in_version_0() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let mut reply = stage.ask_topic(TOPIC);
    let node = NodeId(-1);
    let asked = &stage.connections[&node][0];
    assert_eq!(
        asked.header.api_version,
        ApiVersionsRequest::STABLE_VERSIONS.latest
    );
    let oldest = ApiVersionsRequest::version(0).unwrap();
    let refusal = ApiVersionsResponse::default().with_error_code(ErrorCode::UNSUPPORTED_VERSION);
    let correlation_id = asked.header.correlation_id;
    let frame = encode_response::<ApiVersionsRequest>(correlation_id, oldest, &refusal).unwrap();
    stage.respond(node, frame.slice(4..));
    assert_eq!(stage.connections[&node][0].header.api_version, 0);
    stage.by_hand.clear();
    stage.settle();
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn a_refusal_of_api_versions_of_which_only_the_code_can_be_read_is_asked_again_in_version_0() {
    // As librdkafka's mock cluster has it, nothing, and too many of something.
    for rest in [&[0xff; 9][..], &[], &[0x7f, 0xff, 0xff, 0xff]] {
        let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
        stage.by_hand.insert(ApiKey::API_VERSIONS);
        let mut reply = stage.ask_topic(TOPIC);
        let node = NodeId(-1);
        let answer = |stage: &mut Stage| {
            let correlation_id = stage.connections[&node][0].header.correlation_id;
            let mut frame = correlation_id.to_be_bytes().to_vec();
            frame.extend(ErrorCode::UNSUPPORTED_VERSION.0.to_be_bytes());
            frame.extend(rest);
            stage.respond(node, frame.into());
        };
        answer(&mut stage);
        assert_eq!(stage.connections[&node][0].header.api_version, 0);
        // Not for ever.
        answer(&mut stage);
        assert!(!stage.connections.contains_key(&node));
        stage.by_hand.clear();
        stage.pass(ms(1000));
        assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
    }
}

#[test]
fn a_broker_that_names_its_version_of_api_versions_is_asked_in_that() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let _ = stage.ask_topic(TOPIC);
    let node = NodeId(-1);
    let mut refusal = versions(13);
    refusal.error_code = ErrorCode::UNSUPPORTED_VERSION;
    for range in &mut refusal.api_keys {
        if range.api_key == ApiKey::API_VERSIONS {
            range.max_version = 2;
        }
    }
    let oldest = ApiVersionsRequest::version(0).unwrap();
    let correlation_id = stage.connections[&node][0].header.correlation_id;
    let frame = encode_response::<ApiVersionsRequest>(correlation_id, oldest, &refusal).unwrap();
    stage.respond(node, frame.slice(4..));
    assert_eq!(stage.connections[&node][0].header.api_version, 2);
}

#[test]
fn a_broker_that_refuses_every_version_of_api_versions_is_given_up() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let _ = stage.ask_topic(TOPIC);
    let refusal = ApiVersionsResponse::default().with_error_code(ErrorCode::UNSUPPORTED_VERSION);
    for _ in 0..2 {
        let oldest = ApiVersionsRequest::version(0).unwrap();
        let correlation_id = stage.connections[&NodeId(-1)][0].header.correlation_id;
        let frame =
            encode_response::<ApiVersionsRequest>(correlation_id, oldest, &refusal).unwrap();
        stage.respond(NodeId(-1), frame.slice(4..));
    }
    assert!(!stage.connections.contains_key(&NodeId(-1)));
}

#[test]
fn an_answer_that_does_not_come_in_time_costs_the_connection_and_everything_is_retried() {
    let (mut stage, both) = two_on_their_way();
    let sent = stage.now;
    stage.pass(Duration::from_millis(29_999));
    assert!(stage.connections.contains_key(&NodeId(1)));
    stage.pass(ms(1));
    let mut dropped = stage.dropped.iter();
    let (_, unanswered) = dropped.find(|(node, _)| *node == NodeId(1)).unwrap();
    assert_eq!(unanswered.len(), 2);
    assert_eq!(stage.now, sent + stage.settings.request_timeout);
    for (delivery, offset) in both.iter().zip(1..) {
        stage.pass(ms(1000));
        assert_eq!(stage.numbers(1), [(0, offset as i32)]);
        stage.answer(1, [ok(offset)]);
        delivered(delivery, offset);
    }
}

#[test]
fn a_greeting_that_is_not_answered_costs_the_connection() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let mut reply = stage.ask_topic(TOPIC);
    stage.pass(Duration::from_secs(30));
    assert_eq!(stage.dropped.len(), 1);
    stage.by_hand.clear();
    stage.pass(Duration::from_secs(1));
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn a_broker_that_refuses_connections_is_dialed_with_growing_pauses() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.unreachable.insert(NodeId(1));
    stage.know(TOPIC);
    let _ = stage.send(0, "tea");
    let mut last = stage.now;
    let mut dials = 0;
    while dials < 8 {
        if stage.dialing.contains_key(&NodeId(1)) {
            let pause = stage.now - last;
            let least = match dials {
                0 => Duration::ZERO,
                n => (ms(50) * (1 << (n - 1))).min(ms(1000)) * 79 / 100,
            };
            assert!(pause >= least, "{pause:?} before dial {dials}");
            last = stage.now;
            dials += 1;
            stage.lose(1);
        }
        stage.pass(ms(1));
        assert!(stage.now - last < ms(1300), "it is dialed again");
    }
}

#[test]
fn one_dead_broker_does_not_stop_the_others() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.unreachable.insert(NodeId(1));
    let stuck = stage.send(0, "a");
    for n in 0..100 {
        let delivery = stage.send(1, &n.to_string());
        stage.answer(2, [ok(n)]);
        delivered(&delivery, n);
        stage.pass(ms(10));
    }
    pending(&stuck);
}

#[test]
fn a_silent_broker_does_not_stop_the_others() {
    let mut stage = Stage::idempotent(&[1, 2]);
    let stuck = stage.send(0, "a");
    for n in 0..100 {
        let delivery = stage.send(1, &n.to_string());
        stage.answer(2, [ok(n)]);
        delivered(&delivery, n);
        stage.pass(ms(10));
    }
    pending(&stuck);
}

#[test]
fn a_batch_that_cannot_be_framed_fails_alone() {
    let mut stage = Stage::idempotent(&[1, 1]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 1);
    let bad = stage.send(0, "bad");
    let good = stage.send(1, "good");
    let unanswered = stage.connections.get_mut(&NodeId(1)).unwrap();
    let unsent = unanswered.pop_front().unwrap();
    let why = std::sync::Arc::from("the codec failed");
    stage.input(Input::Unsendable(
        NodeId(1),
        unsent.header.correlation_id,
        why,
    ));
    let error = crate::stage::failed(&bad);
    assert!(error.to_string().contains("the codec failed"), "{error}");
    assert_eq!(
        error.persistence(),
        kafka_producer::Persistence::NotPersisted
    );
    stage.answer(1, [ok(1)]);
    delivered(&good, 1);
    let next = stage.send(0, "next");
    assert_eq!(stage.numbers(1), [(1, 0)]);
    stage.answer(1, [ok(1)]);
    delivered(&next, 1);
}

#[test]
fn a_request_is_never_older_than_its_timeout_also_behind_others() {
    let mut stage = Stage::with(
        Settings {
            request_timeout: ms(1000),
            ..settings()
        },
        &[1],
    );
    stage.warm_up(0, 1);
    let _ = stage.send(0, "a");
    stage.pass(ms(600));
    let _ = stage.send(0, "b");
    stage.answer(1, [ok(1)]);
    stage.pass(ms(600));
    assert_eq!(stage.requests(1).len(), 1, "the second has its own time");
    stage.pass(ms(400));
    assert!(stage.dropped.iter().any(|(node, _)| *node == NodeId(1)));
}

/// A response type is tied to its request: the right bytes for another version are not read.
#[test]
fn an_answer_in_another_version_costs_the_connection() {
    let (stage, _both) = two_on_their_way();
    let asked = &stage.connections[&NodeId(1)][0];
    let other = ProduceRequest::version(3).unwrap();
    let response = kafka_wire::messages::ProduceResponse::default();
    let frame =
        encode_response::<ProduceRequest>(asked.header.correlation_id, other, &response).unwrap();
    given_up_and_retried(frame.slice(4..));
}

#[test]
fn a_bootstrap_server_that_hangs_while_it_is_dialed_does_not_hold_up_the_others() {
    // A name that is not resolved, or an address that swallows what is sent to it.
    for seed in 0..8 {
        let names = ["one", "two", "three"].map(|host| Address::new(host, 9092));
        let settings = Settings {
            bootstrap: names.to_vec(),
            ..settings()
        };
        let mut stage = Stage::seeded(settings, Map::of(TOPIC, &[1]), seed);
        stage.unreachable.extend([NodeId(-1), NodeId(-3)]);
        let mut reply = stage.ask_topic(TOPIC);
        stage.pass(ms(500));
        assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))), "{seed}");
        // Whoever answers later is not needed.
        stage.unreachable.clear();
        stage.settle();
        let open: Vec<_> = stage.connections.keys().collect();
        assert!(
            open.iter().all(|node| node.0 >= 0) || open.len() == 1,
            "{open:?}"
        );
    }
}

#[test]
fn a_bootstrap_server_that_accepts_and_says_nothing_does_not_hold_up_the_others() {
    let names = ["one", "two"].map(|host| Address::new(host, 9092));
    let settings = Settings {
        bootstrap: names.to_vec(),
        ..settings()
    };
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let mut reply = stage.ask_topic(TOPIC);
    assert_eq!(stage.connections.len(), 1);
    stage.pass(ms(250));
    assert_eq!(stage.connections.len(), 2);
    let second = stage.dials[1].0;
    let frame = stage.connections[&second][0].answer::<ApiVersionsRequest>(&versions(13));
    stage.respond(second, frame);
    stage.settle();
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}
