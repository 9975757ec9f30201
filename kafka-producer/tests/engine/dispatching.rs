//! Which batches share a request, and who waits for whom.

use kafka_producer::engine::NodeId;
use kafka_producer::settings::Settings;
use kafka_wire::ErrorCode;

use crate::stage::{Stage, TOPIC, delivered, ms, pending, settings};
use crate::wires::{Map, TopicOnMap, error, ok};

#[test]
fn several_partitions_of_a_leader_share_a_request() {
    let mut stage = Stage::idempotent(&[1, 2, 1, 1]);
    let all = [0, 1, 2, 3].map(|partition| {
        stage
            .append(TOPIC, partition, &partition.to_string())
            .unwrap()
    });
    stage.tick();
    assert_eq!(stage.values(1), [["0", "2", "3"]]);
    assert_eq!(stage.values(2), [["1"]]);
    stage.answer(1, [ok(10), ok(12), ok(13)]);
    stage.answer(2, [ok(11)]);
    for (delivery, offset) in all.iter().zip(10..) {
        delivered(delivery, offset);
    }
}

#[test]
fn partitions_of_several_topics_share_a_request_and_each_gets_its_own_answer() {
    for produce_latest in [12, 13] {
        let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1, 1]));
        stage.produce_latest = produce_latest;
        stage.map.topics.push(TopicOnMap::of("payments", &[1, 1]));
        stage.know(TOPIC);
        stage.know("payments");
        let a = stage.append("payments", 1, "a").unwrap();
        let b = stage.append(TOPIC, 1, "b").unwrap();
        let c = stage.append("payments", 0, "c").unwrap();
        stage.tick();
        let request: Vec<_> = stage.requests(1).concat();
        assert_eq!(request.len(), 3);
        let says = request.iter().map(|sent| match sent.values[0].as_str() {
            "a" => ok(1),
            "b" => ok(2),
            _ => ok(3),
        });
        let frame = stage.connections[&NodeId(1)][0].produced(0, says.collect());
        stage.respond(NodeId(1), frame);
        delivered(&a, 1);
        delivered(&b, 2);
        delivered(&c, 3);
    }
}

#[test]
fn a_request_is_bounded_by_max_request_size() {
    const LIMIT: usize = 5000;
    let mut stage = Stage::with(
        Settings {
            max_request_bytes: LIMIT,
            ..settings()
        },
        &[1; 20],
    );
    let value = "x".repeat(1000);
    let all: Vec<_> = (0..20)
        .map(|partition| stage.append(TOPIC, partition, &value).unwrap())
        .collect();
    stage.tick();
    let mut answered = 0;
    while let Some(asked) = stage.connections[&NodeId(1)].front() {
        let batches = asked.batches().len();
        assert_eq!(batches, 4, "as many as fit");
        assert!(asked.frame_bytes <= LIMIT, "{} bytes", asked.frame_bytes);
        let frame = asked.produced(0, vec![ok(0); batches]);
        stage.respond(NodeId(1), frame);
        answered += batches;
    }
    assert_eq!(answered, 20);
    for delivery in &all {
        delivered(delivery, 0);
    }
}

#[test]
fn a_batch_that_is_as_large_as_a_request_may_be_goes_alone() {
    let mut stage = Stage::with(
        Settings {
            max_request_bytes: 1000,
            ..settings()
        },
        &[1, 1],
    );
    let large = stage.append(TOPIC, 0, &"x".repeat(2000)).unwrap();
    let small = stage.append(TOPIC, 1, "y").unwrap();
    stage.tick();
    assert_eq!(stage.requests(1).len(), 2);
    stage.answer(1, [ok(0)]);
    stage.answer(1, [ok(1)]);
    assert!(large.try_outcome().is_some() && small.try_outcome().is_some());
}

#[test]
fn a01_every_partition_gets_its_turn_when_requests_are_small() {
    let mut stage = Stage::with(
        Settings {
            max_request_bytes: 150,
            max_in_flight: 1,
            ..settings()
        },
        &[1, 1, 1],
    );
    for _ in 0..10 {
        for partition in 0..3 {
            let _ = stage.append(TOPIC, partition, "value").unwrap();
        }
    }
    stage.tick();
    let mut served = [0; 3];
    for _ in 0..15 {
        let batches: Vec<_> = stage.requests(1)[0].to_vec();
        for sent in &batches {
            served[sent.partition as usize] += 1;
        }
        let frame = stage.connections[&NodeId(1)][0].produced(0, vec![ok(0); batches.len()]);
        stage.respond(NodeId(1), frame);
    }
    let (most, least) = (served.iter().max().unwrap(), served.iter().min().unwrap());
    assert!(most - least <= 1, "{served:?}");
}

#[test]
fn a11_a_partition_that_backs_off_does_not_hold_up_its_neighbours() {
    let mut stage = Stage::idempotent(&[1, 1]);
    let blocked = stage.send(0, "a");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    let free = stage.send(1, "b");
    assert_eq!(stage.values(1), [["b"]]);
    stage.answer(1, [ok(0)]);
    delivered(&free, 0);
    pending(&blocked);
}

#[test]
fn a_partition_without_a_leader_does_not_hold_up_its_neighbours() {
    let mut stage = Stage::idempotent(&[-1, 1]);
    let blocked = stage.send(0, "a");
    let free = stage.send(1, "b");
    stage.answer(1, [ok(0)]);
    delivered(&free, 0);
    pending(&blocked);
}

#[test]
fn s02_a_throttled_broker_is_left_alone_for_as_long_as_it_asks_and_others_are_not() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    let _ = stage.send(0, "a");
    stage.answer_throttled(1, 500, [ok(1)]);
    let muted = stage.send(0, "b");
    let other = stage.send(1, "c");
    stage.answer(2, [ok(0)]);
    delivered(&other, 0);
    stage.pass(ms(499));
    assert!(stage.requests(1).is_empty());
    stage.pass(ms(1));
    assert_eq!(stage.values(1), [["b"]]);
    stage.answer(1, [ok(2)]);
    delivered(&muted, 2);
}

#[test]
fn a_throttled_broker_is_sent_to_again_though_its_idle_connection_was_let_go_meanwhile() {
    let settings = Settings {
        connections_max_idle: Some(ms(100)),
        ..settings()
    };
    let mut stage = Stage::with(settings, &[1]);
    let _ = stage.send(0, "a");
    stage.answer_throttled(1, 500, [ok(0)]);
    let muted = stage.send(0, "b");
    stage.pass(ms(500));
    assert_eq!(stage.values(1), [["b"]]);
    stage.answer(1, [ok(1)]);
    delivered(&muted, 1);
}

#[test]
fn a_batch_lingers_until_it_is_due_and_not_longer() {
    let mut settings = settings();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = ms(20);
    let mut stage = Stage::with(settings, &[1]);
    let _ = stage.send(0, "a");
    stage.pass(ms(10));
    let _ = stage.send(0, "b");
    stage.pass(ms(9));
    assert!(stage.requests(1).is_empty());
    stage.pass(ms(1));
    assert_eq!(stage.values(1), [["a", "b"]]);
}

#[test]
fn a_full_batch_does_not_linger() {
    let mut settings = settings();
    settings.accumulator.batch_size = 200;
    settings.accumulator.linger = ms(20);
    let mut stage = Stage::with(settings, &[1]);
    let _ = stage.send(0, "small");
    assert!(stage.requests(1).is_empty());
    let _ = stage.send(0, &"y".repeat(150));
    assert_eq!(stage.values(1)[0], ["small"]);
}

#[test]
fn nothing_lingers_while_somebody_waits_for_memory() {
    let mut settings = settings();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.buffer_memory = 1000;
    settings.accumulator.linger = ms(10_000);
    let mut stage = Stage::with(settings, &[1, 1]);
    let _ = stage.send(0, "a");
    assert!(stage.requests(1).is_empty());
    let waits = stage.accumulator.reserve(1000, stage.now + ms(5000));
    stage.tick();
    assert_eq!(stage.values(1), [["a"]]);
    stage.answer(1, [ok(0)]);
    assert_eq!(stage.accumulator.waiting(), 0, "its memory is handed on");
    drop(waits);
}

/// Eight partitions of one leader, every record a batch of its own, and a pace at which waiting for
/// others is not felt.
fn at_a_fast_pace() -> Stage {
    let mut settings = settings();
    settings.accumulator.linger = ms(50);
    let mut stage = Stage::with(settings, &[1; 8]);
    (0..8).for_each(|partition| stage.warm_up(partition, 1));
    for round in 0..40 {
        for partition in 0..4 {
            let _ = stage.append(TOPIC, partition, &round.to_string());
        }
        stage.tick();
        stage.answer(1, [0; 4].map(|_| ok(round)));
    }
    stage
}

#[test]
fn while_batches_come_fast_a_full_one_waits_for_others_but_a_millisecond_at_most() {
    let mut stage = at_a_fast_pace();
    let alone = stage.send(0, "alone");
    assert!(stage.values(1).is_empty());
    stage.pass(ms(1));
    assert_eq!(stage.values(1), [["alone"]]);
    stage.answer(1, [ok(100)]);
    delivered(&alone, 100);
}

#[test]
fn batches_of_enough_partitions_leave_at_once_and_together() {
    let mut stage = at_a_fast_pace();
    for partition in 0..3 {
        let _ = stage.send(partition, "early");
    }
    assert!(stage.values(1).is_empty());
    let _ = stage.send(3, "last");
    assert_eq!(stage.values(1), [["early", "early", "early", "last"]]);
}

#[test]
fn after_a_pause_no_batch_waits_for_others() {
    let mut stage = at_a_fast_pace();
    for round in 0..20 {
        stage.pass(ms(20));
        let delivery = stage.send(0, "rare");
        stage.pass(ms(1));
        stage.answer(1, [ok(200 + round)]);
        delivered(&delivery, 200 + round);
    }
    stage.pass(ms(20));
    let _ = stage.send(0, "at once");
    assert_eq!(stage.values(1), [["at once"]]);
}

#[test]
fn without_linger_no_batch_waits_for_others() {
    let mut stage = Stage::with(settings(), &[1; 8]);
    (0..8).for_each(|partition| stage.warm_up(partition, 1));
    for round in 0..40 {
        let delivery = stage.send(0, "alone");
        assert_eq!(stage.values(1), [["alone"]], "round {round}");
        stage.answer(1, [ok(round)]);
        delivered(&delivery, round);
    }
}

/// What was found while a batch waited for others does not hold any more when its predecessor was refused.
#[test]
fn what_waited_for_others_is_looked_at_anew_when_it_waits_no_longer() {
    let mut stage = at_a_fast_pace();
    let batches = (0..4).map(|partition| stage.append(TOPIC, partition, "tea").unwrap());
    let batches: Vec<_> = batches.collect();
    stage.tick();
    let second = stage.send(0, "cake");
    assert_eq!(stage.values(1), [["tea"; 4]], "the second waits for others");
    let memory = stage.settings.accumulator.buffer_memory;
    let waits = stage.accumulator.reserve(memory, stage.now + ms(5000));
    assert_eq!(stage.accumulator.waiting(), 1);
    let refused = error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    stage.answer(1, [refused, ok(99), ok(99), ok(99)]);
    assert_eq!(stage.values(1), [["tea"], ["cake"]], "in order");
    assert_eq!(stage.numbers(1), [(1, 0), (1, 1)], "under a new epoch");
    stage.answer(1, [ok(100)]);
    delivered(&batches[0], 100);
    stage.answer(1, [ok(101)]);
    delivered(&second, 101);
    drop(waits);
}
