//! How far callers may write ahead: as far as the connections need, and as far as memory goes when
//! no answer comes.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use kafka_accumulator::Accumulator;
use kafka_producer::engine::{Input, NodeId};
use kafka_producer::error::DeliveryError;
use kafka_producer::settings::Settings;

use crate::stage::{Stage, TOPIC, ms, settings};
use crate::wires::ok;

const MIB: usize = 1 << 20;

/// Batches of a mebibyte, one record each, and memory for 32.
fn roomy() -> Settings {
    Settings {
        accumulator: kafka_accumulator::Settings::default()
            .batch_size(MIB)
            .linger(ms(0))
            .buffer_memory(32 * MIB),
        max_request_bytes: 2 * MIB,
        ..settings()
    }
}

/// Appends full batches until one would have to wait.
fn fill(stage: &mut Stage) -> usize {
    let value = "x".repeat(MIB - 200);
    let before = stage.accumulator.memory_in_use();
    while can_append(&stage.accumulator) {
        drop(stage.send(0, &value));
    }
    stage.accumulator.memory_in_use() - before
}

fn can_append(accumulator: &Accumulator<DeliveryError>) -> bool {
    let now = std::time::Instant::now();
    let place = accumulator.reserve(MIB, now);
    let waits = accumulator.waiting() > 0;
    drop(place);
    !waits
}

#[test]
fn a_caller_writes_himself_what_is_little_and_only_while_no_answer_is_owed() {
    let mut stage = Stage::with(roomy(), &[1]);
    let little = stage.append(TOPIC, 0, "tea").unwrap();
    assert!(stage.engine.is_worth_driving());
    stage.tick();
    assert!(!stage.engine.is_worth_driving(), "an answer is outstanding");
    stage.answer(1, [ok(0)]);
    let large = stage.append(TOPIC, 0, &"x".repeat(MIB - 200)).unwrap();
    assert!(stage.engine.is_idle());
    assert!(!stage.engine.is_worth_driving(), "a mebibyte is sealed");
    drop((little, large));
}

#[test]
fn callers_wait_for_answers_when_the_pipe_is_full_long_before_memory_is() {
    let mut stage = Stage::with(roomy(), &[1]);
    let ahead = fill(&mut stage);
    assert!((3 * MIB..8 * MIB).contains(&ahead), "{ahead}");

    let waiting = stage.accumulator.reserve(MIB, stage.now + ms(60_000));
    stage.tick();
    assert!(stage.accumulator.is_throttling());
    stage.answer(1, [ok(0)]);
    assert_eq!(stage.accumulator.waiting(), 0, "one was acknowledged");
    drop(waiting);
}

#[test]
fn without_answers_callers_get_all_the_memory_within_a_tenth_of_a_second() {
    let mut stage = Stage::with(roomy(), &[1]);
    let mut ahead = fill(&mut stage);
    let started = stage.now;
    while stage.accumulator.memory_in_use() < 32 * MIB {
        let waiting = stage.accumulator.reserve(MIB, stage.now + ms(60_000));
        stage.input(Input::Tick);
        let deadline = stage.engine.deadline().expect("somebody waits");
        stage.now = stage.now.max(deadline);
        stage.input(Input::Tick);
        drop(waiting);
        ahead += fill(&mut stage);
    }
    assert_eq!(ahead, 32 * MIB);
    assert!(stage.now <= started + ms(100), "{:?}", stage.now - started);
}

#[test]
fn while_batches_are_compressed_callers_wait_and_no_broker_is_late() {
    let mut stage = Stage::with(roomy(), &[1]);
    let ahead = fill(&mut stage);
    let waiting = stage.accumulator.reserve(MIB, stage.now + ms(60_000));
    stage.tick();
    let correlation_id = stage.connections[&NodeId(1)][0].header.correlation_id;
    stage.input(Input::Compressing(NodeId(1), correlation_id));
    for _ in 0..100 {
        stage.now += ms(20);
        stage.tick();
    }
    assert_eq!(stage.accumulator.waiting(), 1, "2 s without an answer");

    stage.input(Input::Compressed(NodeId(1), correlation_id));
    stage.now += ms(9);
    stage.tick();
    assert_eq!(stage.accumulator.waiting(), 1);
    stage.now += ms(1);
    stage.tick();
    assert_eq!(stage.accumulator.waiting(), 0, "the broker's time is up");
    drop(waiting);
    assert!(ahead < 8 * MIB);
}

#[test]
fn what_compression_takes_is_no_distance() {
    let mut stage = Stage::with(roomy(), &[1]);
    drop(stage.send(0, "x"));
    let correlation_id = stage.connections[&NodeId(1)][0].header.correlation_id;
    stage.input(Input::Compressing(NodeId(1), correlation_id));
    stage.now += ms(20);
    stage.input(Input::Compressed(NodeId(1), correlation_id));
    stage.answer(1, [ok(0)]);
    assert!(fill(&mut stage) < 8 * MIB);
}

#[test]
fn who_may_not_wait_longer_gets_the_memory_that_there_is() {
    let mut stage = Stage::with(roomy(), &[1]);
    fill(&mut stage);
    let waiting = stage.accumulator.reserve(MIB, stage.now + ms(5));
    let mut waiting = std::pin::pin!(waiting);
    stage.now += ms(5);
    stage.input(Input::Tick);
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(granted) = waiting.as_mut().poll(&mut context) else {
        panic!("its deadline has come");
    };
    assert_eq!(granted.unwrap().bytes(), MIB);
}

#[test]
fn a_distant_broker_is_written_further_ahead_to() {
    let mut stage = Stage::with(roomy(), &[1]);
    drop(stage.send(0, "x"));
    stage.now += ms(20);
    stage.answer(1, [ok(0)]);
    assert_eq!(fill(&mut stage), 32 * MIB, "20 ms hold more than that");
}

#[test]
fn a_caller_that_never_waits_may_use_what_memory_there_is() {
    let mut stage = Stage::with(roomy(), &[1]);
    let ahead = fill(&mut stage);
    let reserved = stage.accumulator.reserve_despite_backlog(MIB);
    assert!(reserved.is_some());
    assert!(ahead < 31 * MIB);
}
