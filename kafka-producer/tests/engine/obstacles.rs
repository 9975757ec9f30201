//! What records that waited in vain tell of the reason.

use std::time::{Duration, Instant};

use futures_channel::oneshot;

use kafka_producer::DeliveryError;
use kafka_producer::engine::{Command, Input, NodeId};
use kafka_producer::error::{Persistence, SendError, WaitReason};
use kafka_producer::settings::Settings;
use kafka_wire::messages::{InitProducerIdRequest, InitProducerIdResponse};
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, expired, ms, settings};
use crate::transactions::transactional;
use crate::wires::{Map, error, ok};

fn short() -> Settings {
    Settings {
        delivery_timeout: ms(8000),
        ..settings()
    }
}

/// Sends a record that expires; what it tells.
fn told(stage: &mut Stage) -> (DeliveryError, String) {
    let delivery = stage.send(0, "tea");
    stage.pass(ms(9000));
    let error = expired(&delivery);
    let text = error.to_string();
    (error, text)
}

#[test]
fn a_record_of_a_broker_that_cannot_be_reached_tells_where_and_in_the_systems_words() {
    let mut stage = Stage::bare(short(), Map::of(TOPIC, &[1]));
    stage.unreachable.insert(NodeId(1));
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    for _ in 0..90 {
        if stage.dialing.remove(&NodeId(1)).is_some() {
            let words = "broker-1 cannot be resolved: Name or service not known";
            stage.input(Input::Lost(NodeId(1), words.into()));
        }
        stage.pass(ms(100));
    }
    let text = expired(&delivery).to_string();
    assert!(text.contains("never sent in 8000 ms"), "{text}");
    let why = "broker 1 at broker-1:9092: broker-1 cannot be resolved: Name or service not known";
    assert!(text.contains(why), "{text}");
}

#[test]
fn a_record_of_a_partition_without_a_leader_says_so() {
    let mut stage = Stage::with(short(), &[1]);
    stage.warm_up(0, 1);
    stage.map.moves(0, -1);
    stage.lose(1);
    stage.pass(ms(1000));
    let (error, text) = told(&mut stage);
    assert!(text.contains("the partition has no leader"), "{text}");
    assert_eq!(error.code(), Some(ErrorCode::LEADER_NOT_AVAILABLE));
}

#[test]
fn a_record_without_a_producer_id_tells_what_the_broker_said() {
    let mut stage = Stage::bare(short(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    for _ in 0..90 {
        let asks = |(_, all): &(&NodeId, &std::collections::VecDeque<crate::wires::Asked>)| {
            let front = all.front();
            front.is_some_and(|asked| asked.header.api_key == ApiKey::INIT_PRODUCER_ID)
        };
        let asked = stage.connections.iter().find(asks);
        if let Some((&node, all)) = asked {
            let answer = InitProducerIdResponse::default()
                .with_error_code(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
            let frame = all[0].answer::<InitProducerIdRequest>(&answer);
            stage.respond(node, frame);
        }
        stage.pass(ms(100));
    }
    let text = expired(&delivery).to_string();
    assert!(text.contains("there is no producer id yet"), "{text}");
    assert!(text.contains("COORDINATOR_LOAD_IN_PROGRESS"), "{text}");
}

#[test]
fn a_record_of_a_throttled_broker_says_so() {
    let mut stage = Stage::with(short(), &[1]);
    let _ = stage.send(0, "first");
    stage.answer_throttled(1, 60_000, [ok(0)]);
    let (error, text) = told(&mut stage);
    assert!(
        text.contains("broker 1 at broker-1:9092 asks to be left alone"),
        "{text}"
    );
    let obstacle = error.history().wait_reason.clone();
    assert!(
        matches!(obstacle, Some(WaitReason::Throttled { .. })),
        "{text}"
    );
}

#[test]
fn a_record_behind_one_that_nobody_answers_for_is_not_told_to_have_timed_out_itself() {
    let settings = Settings {
        request_timeout: ms(3000),
        ..short()
    };
    let mut stage = Stage::with(settings, &[1]);
    let first = stage.send(0, "first");
    let (second, text) = told(&mut stage);
    assert_eq!(second.history().attempts, 0);
    assert_eq!(second.code(), None);
    assert!(text.contains("Produce was not answered"), "{text}");
    let first = expired(&first);
    assert_eq!(first.persistence(), Persistence::PossiblyPersisted);
}

#[test]
fn a_record_that_may_be_in_the_log_names_the_attempt_that_may_have_brought_it_there() {
    let mut stage = Stage::with(short(), &[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.lose(1);
    for _ in 0..90 {
        if !stage.requests(1).is_empty() {
            stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        }
        stage.pass(ms(100));
    }
    let error = expired(&delivery);
    let history = error.history();
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert_eq!(history.last_error, Some(ErrorCode::NOT_ENOUGH_REPLICAS));
    assert_eq!(history.in_doubt, Some(ErrorCode::NETWORK_EXCEPTION));
    let text = error.to_string();
    assert!(
        text.contains("an earlier one with NETWORK_EXCEPTION"),
        "{text}"
    );
}

#[test]
fn a_record_of_a_transaction_tells_that_its_coordinator_is_waited_for() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let delivery = stage.send(0, "tea");
    stage.pass(Duration::from_secs(121));
    let text = crate::stage::failed(&delivery).to_string();
    assert!(
        text.contains("the transaction's coordinator is waited for"),
        "{text}"
    );
}

/// What the engine tells a caller whose wait for memory, which began then, was in vain.
fn shortage(stage: &mut Stage, since: Instant) -> Option<WaitReason> {
    let (reply, mut answer) = oneshot::channel();
    stage.handle.ask(Command::Shortage { since, reply });
    stage.input(Input::Rung);
    answer.try_recv().unwrap().expect("it is told at once")
}

#[test]
fn who_waits_for_memory_in_vain_is_told_what_the_oldest_batch_waits_for() {
    let mut stage = Stage::with(settings(), &[1, 2]);
    let since = stage.now;
    assert_eq!(shortage(&mut stage, since), None);
    stage.warm_up(0, 1);
    stage.unreachable.insert(NodeId(2));
    let _ = stage.send(1, "old");
    if stage.connections.contains_key(&NodeId(2)) {
        stage.lose(2);
    }
    stage.pass(ms(10));
    let _ = stage.send(0, "young");
    let told = shortage(&mut stage, since).expect("its leader cannot be reached");
    assert!(told.to_string().starts_with("broker 2 at "), "{told}");
}

#[test]
fn a_batch_that_was_sent_is_in_the_way_only_of_who_has_waited_since_before() {
    let mut stage = Stage::with(settings(), &[1]);
    stage.warm_up(0, 1);
    let _ = stage.send(0, "tea");
    let then = stage.now;
    stage.pass(ms(10));
    let unanswered = shortage(&mut stage, then).unwrap();
    assert_eq!(unanswered.to_string(), "Produce was not answered");
    stage.answer(1, [ok(1)]);
    let _ = stage.send(0, "cake");
    assert_eq!(shortage(&mut stage, then), None, "batches come and go");
}

#[test]
fn a_full_buffer_is_told_with_its_reason_or_as_that_of_slow_brokers() {
    let full = |last| SendError::buffer_exhausted(ms(500), 40_000, last);
    let start =
        "no memory for a new batch within 500 ms: the broker's part of buffer.memory=40000 is full";
    let slow = format!("{start}: the brokers do not keep up");
    assert_eq!(full(None).to_string(), slow);
    let reason = format!("{start} (reason: the cluster knows of no broker)");
    assert_eq!(full(Some(WaitReason::NoBroker)).to_string(), reason);
}

#[test]
fn callers_that_wait_for_metadata_of_brokers_that_ask_for_silence_are_told_so() {
    let settings_with_max_block = Settings {
        max_block: ms(5000),
        ..settings()
    };
    let mut stage = Stage::with(settings_with_max_block, &[1]);
    let _ = stage.send(0, "first");
    stage.answer_throttled(1, 60_000, [ok(0)]);
    for partition in [None, Some(7)] {
        let mut reply = match partition {
            None => stage.ask_topic("unheard-of"),
            Some(partition) => stage.ask_partition(TOPIC, partition),
        };
        stage.pass(ms(5000));
        let Ok(Some(Err(error))) = reply.try_recv() else {
            panic!("it waits on");
        };
        let text = error.to_string();
        assert!(
            text.contains("broker 1 at broker-1:9092 asks to be left alone"),
            "{text}"
        );
    }
}

#[test]
fn a_caller_whose_bootstrap_server_is_silent_from_the_start_is_told_so() {
    let hasty = Settings {
        max_block: ms(1000),
        ..settings()
    };
    let mut stage = Stage::bare(hasty, Map::of(TOPIC, &[1]));
    stage.unreachable.insert(NodeId(-1));
    let mut reply = stage.ask_topic(TOPIC);
    stage.pass(ms(1000));
    let Ok(Some(Err(error))) = reply.try_recv() else {
        panic!("it waits on");
    };
    let text = error.to_string();
    assert!(text.contains("not connected yet"), "{text}");
}

#[test]
fn a_commit_that_times_out_tells_that_its_records_were_not_answered() {
    let mut settings = transactional();
    settings.request_timeout = Duration::from_secs(100);
    let limit = settings.max_block;
    let mut stage = Stage::transactional_with(settings, 1, &[1]);
    stage.begin().done();
    let _ = stage.send(0, "tea");
    let mut committed = stage.commit();
    stage.pass(limit);
    let text = committed.timed_out().to_string();
    assert!(text.contains("Produce was not answered"), "{text}");
}

#[test]
fn the_only_attempt_is_not_told_of_as_an_earlier_one() {
    let mut stage = Stage::with(short(), &[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::UNKNOWN_SERVER_ERROR)]);
    let error = crate::stage::failed(&delivery);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    let text = error.to_string();
    assert!(text.contains("1 attempt(s)"), "{text}");
    assert!(!text.contains("earlier"), "{text}");
}

#[test]
fn what_close_gives_up_tells_what_was_in_the_way() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.unreachable.insert(NodeId(1));
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    let _report = stage.close(Some(ms(100)));
    stage.pass(ms(100));
    let text = crate::stage::failed(&delivery).to_string();
    assert!(
        text.contains("broker 1 at broker-1:9092: not connected yet"),
        "{text}"
    );
}

#[test]
fn no_message_has_empty_parentheses_or_ends_with_nothing_said() {
    let mut stage = Stage::with(short(), &[1]);
    for code in [ErrorCode(4711), ErrorCode::UNKNOWN_SERVER_ERROR] {
        let delivery = stage.send(0, "tea");
        stage.answer(1, [error(code).because("")]);
        let text = crate::stage::failed(&delivery).to_string();
        assert!(!text.contains("()") && !text.contains(": ;"), "{text}");
    }
    let mut stage = Stage::uninitialized(1, &[1]);
    stage.refuses(ApiKey::INIT_PRODUCER_ID, &[ErrorCode(4711)]);
    let text = stage.init().fatal().to_string();
    assert!(text.contains("4711") && !text.contains("()"), "{text}");
}
