//! How far callers may write ahead: as far as the connections need, and as far as memory goes when
//! no answer comes.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use kafka_accumulator::{Queue, Reserve};
use kafka_producer::engine::{Input, NodeId};
use kafka_producer::error::DeliveryError;
use kafka_producer::settings::Settings;

use crate::stage::{Stage, TOPIC, delivered, ms, settings};
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
    fill_partition(stage, 0)
}

fn fill_partition(stage: &mut Stage, partition: i32) -> usize {
    let value = "x".repeat(MIB - 200);
    let before = stage.accumulator.memory_in_use();
    while can_append(stage, partition) {
        drop(stage.send(partition, &value));
    }
    stage.accumulator.memory_in_use() - before
}

/// Whether a caller that comes now need not wait; others may do so.
fn can_append(stage: &Stage, partition: i32) -> bool {
    let before = stage.accumulator.waiting();
    let place = reserve(stage, partition, 0);
    let waits = stage.accumulator.waiting() > before;
    drop(place);
    !waits
}

/// Begins to wait for the memory of another batch, for so long.
fn reserve(stage: &Stage, partition: i32, wait_ms: u64) -> Reserve {
    queue(stage, partition).reserve(MIB, stage.now + ms(wait_ms))
}

fn queue(stage: &Stage, partition: i32) -> Arc<Queue<DeliveryError>> {
    let cluster = stage.handle.cluster();
    Arc::clone(cluster.topic(TOPIC).unwrap().queue(partition).unwrap())
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
    // The first batch of a partition is opened before the engine knows whose memory it takes.
    drop(stage.send(0, "x"));
    stage.answer(1, [ok(0)]);
    let ahead = fill(&mut stage);
    assert!((3 * MIB..8 * MIB).contains(&ahead), "{ahead}");

    let waiting = reserve(&stage, 0, 60_000);
    stage.tick();
    assert_eq!(stage.accumulator.waiting(), 1);
    stage.answer(1, [ok(1)]);
    assert_eq!(stage.accumulator.waiting(), 0, "one was acknowledged");
    drop(waiting);
}

#[test]
fn without_answers_callers_get_all_the_memory_within_a_tenth_of_a_second() {
    let mut stage = Stage::with(roomy(), &[1]);
    let mut ahead = fill(&mut stage);
    let started = stage.now;
    while stage.accumulator.memory_in_use() < 32 * MIB {
        let waiting = reserve(&stage, 0, 60_000);
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
    let waiting = reserve(&stage, 0, 60_000);
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
    let waiting = reserve(&stage, 0, 5);
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
    let reserved = queue(&stage, 0).reserve_despite_backlog(MIB);
    assert!(reserved.is_some());
    assert!(ahead < 31 * MIB);
}

/// Partition 0 is led by a broker that does not answer, partition 1 by one that does.
fn one_of_two_is_silent() -> Stage {
    let mut stage = Stage::with(roomy(), &[1, 2]);
    drop(stage.send(1, "x"));
    stage.answer(2, [ok(0)]);
    fill(&mut stage);
    stage
}

#[test]
fn what_waits_for_one_broker_does_not_hold_up_what_goes_to_another() {
    let mut stage = one_of_two_is_silent();
    let waiting = reserve(&stage, 0, 60_000);
    stage.tick();
    assert_eq!(stage.accumulator.waiting(), 1);
    let ahead = fill_partition(&mut stage, 1);
    assert!((2 * MIB..8 * MIB).contains(&ahead), "{ahead}");
    drop(waiting);
}

#[test]
fn answers_of_one_broker_are_none_of_another_whose_limit_doubles() {
    let mut stage = one_of_two_is_silent();
    let started = stage.now;
    // Of 32 MiB a quarter is guaranteed to the other broker.
    let mut held = Vec::new();
    let mut offset = 0;
    while stage.accumulator.memory_in_use() < 24 * MIB {
        let mut waiting = std::pin::pin!(reserve(&stage, 0, 60_000));
        stage.tick();
        while stage.accumulator.waiting() > 0 {
            offset += 1;
            drop(stage.send(1, "y"));
            stage.answer(2, [ok(offset)]);
            stage.now += ms(5);
            stage.tick();
            assert!(
                stage.now <= started + ms(100),
                "three times 10 ms are enough"
            );
        }
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(reserved)) = waiting.as_mut().poll(&mut context) else {
            panic!("its wait is over");
        };
        held.push(reserved);
    }
    assert!(stage.now >= started + ms(20), "it was doubled step by step");
}

#[test]
fn a_dead_broker_does_not_get_what_is_guaranteed_to_another() {
    let mut stage = one_of_two_is_silent();
    let silent = queue(&stage, 0);
    let held: Vec<_> = std::iter::from_fn(|| silent.reserve_despite_backlog(MIB)).collect();
    assert_eq!(stage.accumulator.memory_in_use(), 24 * MIB);
    let waiting = reserve(&stage, 0, 60_000);
    stage.tick();
    let delivery = stage.send(1, &"z".repeat(MIB - 200));
    stage.answer(2, [ok(1)]);
    delivered(&delivery, 1);
    drop((waiting, held));
}

#[test]
fn the_first_record_for_a_partition_of_another_broker_gets_the_memory_of_that_one() {
    let mut stage = Stage::with(roomy(), &[1, 2, 2]);
    drop(stage.send(1, "x"));
    stage.answer(2, [ok(0)]);
    let silent = queue(&stage, 0);
    drop(stage.send(0, "x"));
    let most = silent.reserve_despite_backlog(23 * MIB).unwrap();
    let mut waiting = std::pin::pin!(reserve(&stage, 2, 60_000));
    assert_eq!(
        stage.accumulator.waiting(),
        1,
        "nobody knows whose partition it is"
    );
    stage.tick();
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_ready());
    drop(most);
}

#[test]
fn memory_is_divided_anew_when_leaders_move() {
    let mut stage = Stage::with(roomy(), &[1, 2]);
    drop(stage.send(0, "x"));
    stage.answer(1, [ok(0)]);
    drop(stage.send(1, "x"));
    stage.answer(2, [ok(0)]);
    let held = queue(&stage, 0).reserve_despite_backlog(13 * MIB);
    let refused = queue(&stage, 0).reserve_despite_backlog(12 * MIB);
    assert!(refused.is_none(), "8 are guaranteed to the other");
    stage.map.moves(1, 1);
    stage.pass(ms(300_000));
    let all = queue(&stage, 0).reserve_despite_backlog(19 * MIB);
    assert!(all.is_some(), "there is no other");
    drop((held, all));
}
