//! Brokers that can never serve this producer: told at once, as what they are, and only as long as
//! there is no other.

use std::time::Duration;

use kafka_producer::engine::NodeId;
use kafka_producer::error::{Cause, FatalError, Persistence, SendError};
use kafka_producer::settings::{Acks, Settings};
use kafka_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_wire::{ApiKey, ErrorCode, Request, encode_response};

use crate::stage::{Stage, TOPIC, delivered, failed, ms, plain, settings};
use crate::wires::{Map, ok, versions};

/// Ends at once, and its message says all this.
fn unsupported(stage: &mut Stage, says: &[&str]) {
    let delivery = stage.send(0, "tea");
    stage.pass(ms(1500));
    let error = failed(&delivery);
    assert!(matches!(error.cause(), Cause::Unsupported(_)), "{error}");
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    let text = error.to_string();
    for said in says {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn without_producer_ids_records_fail_at_once_and_name_the_setting_until_a_broker_gives_them() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.withheld.insert(ApiKey::INIT_PRODUCER_ID);
    stage.know(TOPIC);
    for _ in 0..3 {
        let says = ["does not speak InitProducerId", "enable.idempotence=false"];
        unsupported(&mut stage, &says);
    }
    let dials = stage.dials.len();
    stage.pass(Duration::from_secs(600));
    let more = stage.dials.len() - dials;
    assert!(more <= 1, "nobody is dialed for nothing: {more} times");
    // The broker is upgraded.
    stage.withheld.clear();
    stage.lose(1);
    stage.pass(ms(2000));
    let delivery = stage.send(0, "tea");
    stage.pass(ms(2000));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn another_broker_that_gives_producer_ids_is_found() {
    let mut map = Map::of(TOPIC, &[1]);
    map.brokers.push(2);
    let mut stage = Stage::bare(settings(), map);
    stage.withheld.insert(ApiKey::INIT_PRODUCER_ID);
    stage.unreachable.insert(NodeId(2));
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    stage.withheld.clear();
    stage.unreachable.clear();
    stage.pass(ms(2000));
    assert!(stage.asked.contains(&(NodeId(2), ApiKey::INIT_PRODUCER_ID)));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn a_leader_that_takes_no_batches_of_ours_is_named_with_the_versions_until_it_does() {
    for guarantee in [settings(), plain(Acks::All)] {
        let mut stage = Stage::bare(guarantee, Map::of(TOPIC, &[1]));
        stage.produce_latest = 2;
        stage.know(TOPIC);
        for _ in 0..3 {
            let says = ["broker 1 at broker-1:9092 speaks Produce 0 to 2, this producer 3 to"];
            unsupported(&mut stage, &says);
        }
        stage.produce_latest = 9;
        stage.lose(1);
        let delivery = stage.send(0, "tea");
        stage.pass(ms(2000));
        stage.answer(1, [ok(0)]);
        delivered(&delivery, 0);
    }
}

#[test]
fn a_leader_that_takes_no_batches_of_ours_does_not_concern_the_others() {
    let mut stage = Stage::bare(plain(Acks::All), Map::of(TOPIC, &[1, 2]));
    stage.know(TOPIC);
    let good = stage.send(1, "good");
    stage.produce_latest = 2;
    unsupported(&mut stage, &["broker 1"]);
    stage.answer(2, [ok(0)]);
    delivered(&good, 0);
}

/// What a caller is told that waits for a topic.
fn refusal(stage: &mut Stage) -> String {
    let mut reply = stage.ask_topic(TOPIC);
    stage.pass(ms(1500));
    match reply.try_recv() {
        Ok(Some(Err(error @ SendError::Unsupported(_)))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn callers_do_not_wait_for_brokers_that_tell_nothing_of_topics_unless_there_is_another() {
    let two = Settings {
        bootstrap: ["one", "two"].map(address).to_vec(),
        ..settings()
    };
    let mut stage = Stage::bare(two, Map::of(TOPIC, &[1]));
    stage.withheld.insert(ApiKey::METADATA);
    for _ in 0..3 {
        let text = refusal(&mut stage);
        assert!(text.contains("does not speak Metadata"), "{text}");
        assert!(text.contains(":9092"), "{text}");
    }
    stage.withheld.clear();
    stage.lose(-1);
    stage.pass(ms(2000));
    stage.know(TOPIC);
}

fn address(host: &str) -> kafka_producer::settings::Address {
    kafka_producer::settings::Address::new(host, 9092)
}

/// What a caller is told if the only broker refuses every version of ApiVersions with this.
fn ungreeted(refusal: &ApiVersionsResponse) -> String {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let mut reply = stage.ask_topic(TOPIC);
    while let Some(asked) = stage.connections.get(&NodeId(-1)).map(|all| &all[0]) {
        let (header, oldest) = (&asked.header, ApiVersionsRequest::version(0).unwrap());
        let frame = encode_response::<ApiVersionsRequest>(header.correlation_id, oldest, refusal);
        stage.respond(NodeId(-1), frame.unwrap().slice(4..));
    }
    match reply.try_recv() {
        Ok(Some(Err(error @ SendError::Unsupported(_)))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn callers_do_not_wait_for_a_broker_that_speaks_no_version_of_api_versions() {
    let text =
        ungreeted(&ApiVersionsResponse::default().with_error_code(ErrorCode::UNSUPPORTED_VERSION));
    assert!(
        text.contains("bootstrap server 1 at bootstrap:9092"),
        "{text}"
    );
    assert!(text.contains("ApiVersions"), "{text}");
}

#[test]
fn a_broker_that_refuses_what_it_says_it_speaks_is_told_as_that() {
    let mut refusal = versions(13);
    refusal.error_code = ErrorCode::UNSUPPORTED_VERSION;
    let text = ungreeted(&refusal);
    assert!(text.contains("speaks ApiVersions 0 to"), "{text}");
    assert!(text.ends_with("it refuses those that both speak"), "{text}");
}

#[test]
fn a_cluster_that_lacks_what_transactions_need_is_named() {
    let mut stage = Stage::uninitialized(1, &[1]);
    stage
        .coordinators
        .latest
        .insert(ApiKey::INIT_PRODUCER_ID, 2);
    match stage.init().fatal() {
        FatalError::Unsupported(unsupported) => {
            let text = unsupported.to_string();
            assert!(text.contains("InitProducerId 0 to 2"), "{text}");
            assert!(text.contains("Kafka 2.5"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leader_that_names_topics_only_by_ids_that_nobody_tells_is_no_reason_to_spin() {
    let mut stage = Stage::bare(plain(Acks::All), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let mut spoken = versions(13);
    for range in &mut spoken.api_keys {
        match range.api_key {
            ApiKey::PRODUCE => range.min_version = 13,
            ApiKey::METADATA => range.max_version = 9,
            _ => {}
        }
    }
    let greet = |stage: &mut Stage, node: i32| {
        let node = NodeId(node);
        let frame = stage.connections[&node][0].answer::<ApiVersionsRequest>(&spoken);
        stage.respond(node, frame);
        stage.settle();
    };
    let _ = stage.ask_topic(TOPIC);
    greet(&mut stage, -1);
    let delivery = stage.send(0, "tea");
    greet(&mut stage, 1);
    let error = failed(&delivery);
    assert!(matches!(error.cause(), Cause::Unsupported(_)), "{error}");
}
