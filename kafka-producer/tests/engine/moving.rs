//! Which topics are asked about when the leader of one has moved.

use std::time::Duration;

use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, ms};
use crate::wires::{TopicOnMap, error, ok};

#[test]
fn of_a_thousand_topics_only_the_one_whose_leader_has_moved_is_asked_about() {
    let mut stage = Stage::idempotent(&[1]);
    let others: Vec<_> = (1..1_000).map(|number| format!("topic-{number}")).collect();
    for other in &others {
        stage.map.topics.push(TopicOnMap::of(other, &[1]));
        stage.know(other);
    }
    let delivery = stage.send(0, "tea");
    stage.pass(Duration::from_secs(10));
    stage.map.moves(0, 2);
    stage.by_hand.insert(ApiKey::METADATA);
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    assert_eq!(stage.asked_about(), [[TOPIC]]);
    stage.by_hand.clear();
    stage.settle();
    stage.pass(ms(200));
    stage.answer(2, [ok(0)]);
    delivered(&delivery, 0);

    assert!(
        others
            .iter()
            .all(|other| stage.partitions(other) == Some(1))
    );
    let _written = stage.append("topic-500", 0, "tea").unwrap();
    stage.tick();
    assert_eq!(stage.values(1), [["tea"]]);
    stage.answer(1, [ok(0)]);
    stage.by_hand.insert(ApiKey::METADATA);
    stage.pass(Duration::from_secs(290));
    let [full] = &stage.asked_about()[..] else {
        panic!("what is old is asked about as before");
    };
    assert_eq!(full.len(), 1_000);
}

#[test]
fn a_leader_that_moves_while_its_topic_is_asked_about_is_asked_about_again() {
    let mut stage = Stage::idempotent(&[1, 1]);
    let _deliveries = [stage.send(0, "tea"), stage.send(1, "coffee")];
    stage.pass(Duration::from_secs(10));
    stage.by_hand.insert(ApiKey::METADATA);
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    assert_eq!(stage.asked_about(), [[TOPIC]]);
    let questions = stage.asked(ApiKey::METADATA);
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.by_hand.clear();
    stage.settle();
    stage.pass(ms(200));
    assert_eq!(stage.asked(ApiKey::METADATA), questions + 1);
}
