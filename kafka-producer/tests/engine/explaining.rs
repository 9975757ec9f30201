//! Why a record is still here, as people are told who ask.

use futures_channel::oneshot;
use kafka_producer::Standing;
use kafka_producer::engine::{Command, Input, NodeId};
use kafka_producer::error::WaitReason;
use kafka_producer::settings::Settings;
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, ms, plain, settings};
use crate::wires::{Map, error, ok};

/// How it stands with a partition.
fn ask(stage: &mut Stage, topic: &str, partition: i32) -> Standing {
    let (reply, mut answer) = oneshot::channel();
    stage.handle.ask(Command::Explain {
        topic: topic.into(),
        partition,
        reply,
    });
    stage.input(Input::Rung);
    answer.try_recv().unwrap().expect("it is told at once")
}

/// What the oldest record of partition 0 waits for, in words.
#[track_caller]
fn reason(stage: &mut Stage) -> String {
    match ask(stage, TOPIC, 0) {
        Standing::Waiting { reason, .. } => reason.to_string(),
        other => panic!("{other}"),
    }
}

fn lingering() -> Settings {
    let accumulator = settings().accumulator.batch_size(1000).linger(ms(500));
    Settings {
        accumulator,
        ..settings()
    }
}

#[test]
fn where_nothing_waits_that_is_the_answer() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    for (topic, partition) in [(TOPIC, 0), (TOPIC, 9), (TOPIC, -1), ("unheard-of", 0)] {
        assert_eq!(ask(&mut stage, topic, partition), Standing::Nothing);
    }
}

#[test]
fn a_record_lingers_is_in_flight_backs_off_and_is_in_flight_again() {
    let mut stage = Stage::with(lingering(), &[1]);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(200));
    assert_eq!(reason(&mut stage), "it lingers for 300 ms more (linger.ms)");
    stage.pass(ms(310));
    let sent = "in a request to broker 1 at broker-1:9092, sent 10 ms ago and not answered";
    assert_eq!(reason(&mut stage), sent);
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    let told = reason(&mut stage);
    assert!(told.starts_with("it is sent again in "), "{told}");
    assert!(
        told.ends_with(" ms, after NOT_ENOUGH_REPLICAS(19)"),
        "{told}"
    );
    stage.pass(ms(300));
    assert!(reason(&mut stage).starts_with("in a request to broker 1"));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    assert_eq!(ask(&mut stage, TOPIC, 0), Standing::Nothing);
}

#[test]
fn the_answer_counts_what_waits_and_tells_of_those_behind() {
    let mut stage = Stage::idempotent(&[1]);
    let _ = stage.send(0, "first");
    stage.pass(ms(70));
    let _ = stage.send(0, "second");
    match ask(&mut stage, TOPIC, 0) {
        Standing::Waiting {
            records,
            oldest,
            reason,
            behind,
            ..
        } => {
            assert_eq!((records, oldest), (2, ms(70)));
            assert!(matches!(reason, WaitReason::InFlight { .. }), "{reason}");
            assert_eq!(behind, Some(WaitReason::EarlierBatch));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_full_window_is_told_with_its_broker_and_its_oldest_request() {
    let mut stage = Stage::with(
        Settings {
            max_in_flight: 1,
            ..plain(kafka_producer::settings::Acks::All)
        },
        &[1, 1],
    );
    let _ = stage.send(1, "in the way");
    stage.pass(ms(40));
    let _ = stage.send(0, "tea");
    assert_eq!(
        reason(&mut stage),
        "broker 1 at broker-1:9092 has not answered 1 produce request(s), the oldest of 40 ms ago \
         (max.in.flight.requests.per.connection)"
    );
}

#[test]
fn a_broker_that_cannot_be_reached_is_told_with_the_reason_and_the_next_attempt() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    stage.unreachable.insert(NodeId(1));
    stage.lose(1);
    let _ = stage.send(0, "tea");
    let told = reason(&mut stage);
    assert!(
        told.starts_with("broker 1 at broker-1:9092: connection reset"),
        "{told}"
    );
    assert!(
        told.contains("; the next attempt to connect is due in "),
        "{told}"
    );
    stage.pass(ms(100));
    let told = reason(&mut stage);
    assert_eq!(
        told, "broker 1 at broker-1:9092: connection reset",
        "it is being dialed"
    );
}

#[test]
fn a_throttle_a_missing_leader_and_a_missing_producer_id_are_told() {
    let mut throttled = Stage::idempotent(&[1]);
    let _ = throttled.send(0, "first");
    throttled.answer_throttled(1, 60_000, [ok(0)]);
    let _ = throttled.send(0, "tea");
    let told = "broker 1 at broker-1:9092 asks to be left alone for 60000 ms (throttled)";
    assert_eq!(reason(&mut throttled), told);

    let mut leaderless = Stage::idempotent(&[1]);
    leaderless.warm_up(0, 1);
    leaderless.map.moves(0, -1);
    leaderless.lose(1);
    leaderless.pass(ms(500));
    let _ = leaderless.send(0, "tea");
    let told = reason(&mut leaderless);
    assert!(told.starts_with("the partition has no leader"), "{told}");

    let mut unnamed = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    unnamed.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    unnamed.know(TOPIC);
    let _ = unnamed.send(0, "tea");
    unnamed.pass(ms(200));
    let told = reason(&mut unnamed);
    assert!(told.starts_with("there is no producer id yet"), "{told}");
}

#[test]
fn a_transaction_whose_coordinator_has_not_registered_the_partition_says_so() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let _ = stage.send(0, "tea");
    let told = reason(&mut stage);
    assert!(
        told.starts_with("the transaction's coordinator is waited for"),
        "{told}"
    );
}

#[test]
fn sends_that_wait_for_a_topic_or_a_partition_are_told_with_what_is_in_the_way() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let mut unknown = stage.ask_topic("unheard-of");
    let mut missing = stage.ask_partition(TOPIC, 7);
    stage.pass(ms(300));
    let told = ask(&mut stage, "unheard-of", 3).to_string();
    let start = "1 send(s) wait: the topic is not known, and asked about for 300 ms";
    assert!(told.starts_with(start), "{told}");
    let told = ask(&mut stage, TOPIC, 7).to_string();
    let start = "1 send(s) wait: the topic has 1 partition(s), as far as is known";
    assert!(told.starts_with(start), "{told}");
    assert_eq!(ask(&mut stage, TOPIC, 8), Standing::Nothing);
    assert!(matches!(
        (unknown.try_recv(), missing.try_recv()),
        (Ok(None), Ok(None))
    ));
}

#[test]
fn an_engine_that_closes_says_what_is_left_and_then_that_it_is_closed() {
    let mut stage = Stage::idempotent(&[1]);
    let _ = stage.send(0, "tea");
    let (reply, _report) = oneshot::channel();
    let deadline = None;
    stage.handle.ask(Command::Close { deadline, reply });
    stage.tick();
    assert!(reason(&mut stage).starts_with("in a request to broker 1"));
    assert_eq!(ask(&mut stage, TOPIC, 5), Standing::Closed);
}

#[test]
fn an_engine_that_has_failed_says_why() {
    let mut stage = Stage::idempotent(&[1]);
    let _ = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::CLUSTER_AUTHORIZATION_FAILED)]);
    let standing = ask(&mut stage, TOPIC, 0);
    assert!(matches!(standing, Standing::Failed(_)), "{standing}");
}
