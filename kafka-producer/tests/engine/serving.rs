//! When partitions are served: what of Apache Kafka's accumulator suite is decided here by the
//! engine. The names begin with the numbers of the checklist.

use futures_channel::oneshot;
use kafka_producer::engine::{Command, NodeId};
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, ms, settings};
use crate::wires::{Map, error, ok};

#[test]
fn a13_the_backoff_goes_on_growing_when_the_leader_has_changed() {
    let mut stage = Stage::idempotent(&[1]);
    let _ = stage.send(0, "tea");
    for pause in [100, 200] {
        stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        stage.pass(ms(pause * 121 / 100));
    }
    stage.map.moves(0, 2);
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.answer(2, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(800 * 79 / 100));
    assert!(stage.requests(2).is_empty(), "it was the fourth attempt");
    stage.pass(ms(800 * 42 / 100));
    assert_eq!(stage.values(2), [["tea"]]);
}

#[test]
fn a15_a_flush_that_nobody_waits_for_any_more_leaves_nothing_behind() {
    let mut settings = settings();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = ms(50);
    let mut stage = Stage::with(settings, &[1]);
    let first = stage.send(0, "tea");
    let (reply, answer) = oneshot::channel();
    stage.handle.ask(Command::Flush { reply });
    drop(answer);
    stage.tick();
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    let second = stage.send(0, "cake");
    assert!(stage.requests(1).is_empty(), "it lingers again");
    stage.pass(ms(50));
    stage.answer(1, [ok(1)]);
    delivered(&second, 1);
}

#[test]
fn a32_a_batch_that_is_retried_goes_when_it_has_waited_or_its_leader_has_changed() {
    for (waited, moved, goes_to) in [
        (false, false, None),
        (false, true, Some(3)),
        (true, false, Some(1)),
        (true, true, Some(3)),
    ] {
        let mut stage = Stage::idempotent(&[1, 2, 3]);
        let _ = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
        if moved {
            stage.map.moves(0, 3);
            // Another partition's answer makes the engine ask who leads.
            let _ = stage.send(1, "cake");
            stage.answer(2, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
        }
        stage.pass(if waited { ms(121) } else { ms(10) });
        for node in [1, 3] {
            let sent = stage.values(node) == [["tea"]];
            assert_eq!(sent, goes_to == Some(node), "{waited} {moved} {node}");
        }
    }
}

#[test]
fn a33_a_broker_that_leads_nothing_is_sent_nothing() {
    let mut map = Map::of(TOPIC, &[1]);
    map.brokers.push(2);
    let mut stage = Stage::bare(settings(), map);
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    stage.pass(ms(600_000));
    let produced = stage.asked.iter();
    let mut produced = produced.filter(|(_, api)| *api == ApiKey::PRODUCE);
    assert!(produced.all(|(node, _)| *node == NodeId(1)));
}
