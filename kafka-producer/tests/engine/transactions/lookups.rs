//! Whom to ask: coordinators are found, lost, moved and found again, and what they could not do
//! now is asked for again.

use kafka_producer::engine::{NodeId, TransactionCall};
use kafka_wire::{ApiKey, ErrorCode};

use super::coordinator::{COORDINATOR, GROUPS, transactional};
use crate::stage::{Stage, TOPIC, ms};
use crate::wires::{Map, error, ok};

/// Everything a transaction asks a coordinator for, in order.
const ASKED: [ApiKey; 6] = [
    ApiKey::FIND_COORDINATOR,
    ApiKey::INIT_PRODUCER_ID,
    ApiKey::ADD_PARTITIONS_TO_TXN,
    ApiKey::ADD_OFFSETS_TO_TXN,
    ApiKey::TXN_OFFSET_COMMIT,
    ApiKey::END_TXN,
];

/// Goes through one whole transaction, whatever is refused on the way.
fn go_through(stage: &mut Stage) {
    let mut init = stage.init();
    stage.pass(ms(5000));
    init.done();
    stage.begin().done();
    let _ = stage.send(0, "tea");
    stage.pass(ms(5000));
    stage.answer(1, [ok(0)]);
    let mut offsets = stage.send_offsets(&[5]);
    stage.pass(ms(5000));
    offsets.done();
    let mut committed = stage.commit();
    stage.pass(ms(5000));
    committed.done();
}

#[test]
fn s11_transactions_are_initialized_though_the_only_broker_is_asked_for_the_cluster() {
    let mut settings = transactional();
    settings.max_in_flight = 1;
    let mut map = Map::of(TOPIC, &[1]);
    map.brokers.extend([COORDINATOR, GROUPS]);
    let mut stage = Stage::bare(settings, map);
    stage.keeps(ApiKey::METADATA);
    let mut topic = stage.ask_topic(TOPIC);
    let mut init = stage.init();
    init.is_pending();
    stage.lets_go();
    stage.pass(ms(2000));
    init.done();
    assert!(matches!(topic.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn s13_a_coordinator_that_was_found_and_cannot_be_reached_is_looked_up_again() {
    let mut stage = Stage::uninitialized(1, &[1]);
    stage.unreachable.insert(NodeId(COORDINATOR));
    let mut init = stage.init();
    // It may be the first whom somebody wants to ask for the coordinator.
    for _ in 0..2 {
        stage.lose(COORDINATOR);
        stage.pass(ms(2000));
        init.is_pending();
    }
    stage.unreachable.clear();
    stage.settle();
    stage.pass(ms(2000));
    init.done();
    assert!(stage.asked(ApiKey::FIND_COORDINATOR) >= 2);
}

#[test]
fn t040_a_lookup_that_is_lost_is_repeated() {
    let mut stage = Stage::uninitialized(1, &[1]);
    stage.keeps(ApiKey::FIND_COORDINATOR);
    let mut init = stage.init();
    let (NodeId(asked), _) = stage.question().unwrap();
    stage.lose(asked);
    stage.pass(ms(2000));
    assert!(stage.question().is_some(), "it is asked again");
    stage.lets_go();
    stage.pass(ms(2000));
    init.done();
}

#[test]
fn t042_t043_a_cluster_that_lacks_what_transactions_need_is_fatal() {
    for (api, latest) in [
        (ApiKey::FIND_COORDINATOR, -1),
        (ApiKey::INIT_PRODUCER_ID, -1),
        (ApiKey::INIT_PRODUCER_ID, 2),
    ] {
        let mut stage = Stage::bare(transactional(), {
            let mut map = Map::of(TOPIC, &[1]);
            map.brokers.extend([COORDINATOR, GROUPS]);
            map
        });
        stage.coordinators.latest.insert(api, latest);
        stage.know(TOPIC);
        let why = stage.init().fatal();
        assert_eq!(why.code(), ErrorCode::UNSUPPORTED_VERSION);
        let (text, api) = (why.to_string(), api.name().unwrap());
        let said = match latest {
            -1 => format!("does not speak {api}"),
            _ => format!("speaks {api} 0 to {latest}, this producer 3 to"),
        };
        assert!(text.contains(&said), "{text}");
    }
}

#[test]
fn t111_t115_t119_t120_a_coordinator_that_cannot_bump_epochs_is_refused_from_the_start() {
    let mut map = Map::of(TOPIC, &[1]);
    map.brokers.extend([COORDINATOR, GROUPS]);
    let mut stage = Stage::bare(transactional(), map);
    stage
        .coordinators
        .latest
        .insert(ApiKey::INIT_PRODUCER_ID, 2);
    stage.know(TOPIC);
    let why = stage.init().fatal();
    assert!(why.to_string().contains("Kafka 2.5"), "{why}");
    stage.begin().fatal();
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 0);
}

#[test]
fn t048_a_coordinator_that_is_lost_after_it_was_asked_is_looked_up_and_asked_again() {
    for api in ASKED.into_iter().skip(1) {
        let mut stage = Stage::uninitialized(1, &[1]);
        stage.keeps(api);
        let mut calls = vec![stage.init()];
        if stage.question().is_none() {
            calls.push(stage.begin());
            let _ = stage.send(0, "tea");
            if stage.question().is_none() {
                stage.answer(1, [ok(0)]);
                calls.push(stage.send_offsets(&[5]));
            }
            if stage.question().is_none() {
                calls.push(stage.commit());
            }
        }
        let (NodeId(asked), ask) = stage.question().expect("it is asked");
        stage.story();
        stage.lose(asked);
        stage.pass(ms(2000));
        let story = stage.story();
        assert!(story[0].starts_with("FindCoordinator"), "{story:?}");
        assert_eq!(story[1], ask.to_string());
        stage.lets_go();
        calls.iter_mut().for_each(|call| call.done());
    }
}

#[test]
fn t049_a_coordinator_that_is_lost_before_it_is_asked_is_looked_up_again() {
    let mut stage = Stage::begun(1, &[1]);
    stage.lose(COORDINATOR);
    stage.pass(ms(2000));
    let _ = stage.send(0, "tea");
    stage.pass(ms(2000));
    assert_eq!(
        stage.story(),
        [
            "FindCoordinator tx",
            "AddPartitionsToTxn orders-0",
            "Produce orders-0"
        ]
    );
}

#[test]
fn t050_a_broker_that_is_no_coordinator_any_more_says_so_and_the_new_one_is_asked() {
    for (api, code) in ASKED.into_iter().skip(1).flat_map(|api| {
        [
            (api, ErrorCode::NOT_COORDINATOR),
            (api, ErrorCode::COORDINATOR_NOT_AVAILABLE),
        ]
    }) {
        let mut stage = Stage::uninitialized(1, &[1]);
        stage.refuses(api, &[code]);
        go_through(&mut stage);
        assert!(stage.has_refused_all());
        let lookups = stage.asked(ApiKey::FIND_COORDINATOR);
        assert_eq!(lookups, 3, "{api}: one for each, and one again");
        assert_eq!(stage.asked(api), 2);
    }
}

#[test]
fn t050_a_coordinator_that_has_moved_is_asked_at_its_new_place() {
    for level in [1, 2] {
        let mut stage = Stage::under_way(level, &[1]);
        stage.coordinators.transactions = 1;
        stage.refuses(ApiKey::END_TXN, &[ErrorCode::NOT_COORDINATOR]);
        let mut committed = stage.commit();
        stage.pass(ms(2000));
        committed.done();
        let ends = stage
            .asked
            .iter()
            .filter(|(_, api)| *api == ApiKey::END_TXN);
        let asked: Vec<i32> = ends.map(|(node, _)| node.0).collect();
        assert_eq!(asked, [COORDINATOR, 1]);
    }
}

#[test]
fn t071_t072_what_a_coordinator_cannot_do_now_is_asked_for_again() {
    let again = [
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::CONCURRENT_TRANSACTIONS,
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ];
    for api in ASKED {
        let mut stage = Stage::uninitialized(1, &[1]);
        stage.refuses(api, &again);
        go_through(&mut stage);
        assert!(stage.has_refused_all(), "{api}");
        assert!(stage.asked(api) > again.len());
    }
}

#[test]
fn t086_t131_a_coordinator_is_looked_up_for_an_abort_and_bumps_the_epoch_as_before() {
    for (level, end) in [
        (1, vec!["EndTxn abort", "InitProducerId 7000/0"]),
        (2, vec!["EndTxn abort"]),
    ] {
        let mut stage = Stage::under_way(level, &[1]);
        let _ = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::INVALID_TXN_STATE)]);
        stage.lose(COORDINATOR);
        stage.story();
        let mut aborted = stage.transact(TransactionCall::Abort);
        stage.pass(ms(2000));
        aborted.done();
        let story = stage.story();
        assert_eq!(story[0], "FindCoordinator tx");
        assert_eq!(story[1..], end);
        stage.begin().done();
        let _ = stage.send(0, "cake");
        assert_eq!(stage.numbers(1), [(1, 0)]);
    }
}
