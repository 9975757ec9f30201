//! What the engine knows of the cluster, when it asks, and what it tells callers who wait.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use kafka_producer::engine::{Input, NodeId};
use kafka_producer::error::SendError;
use kafka_producer::settings::{Address, MetadataRecovery, Settings};
use kafka_wire::messages::metadata::{MetadataRequest, MetadataResponse};
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, ms, pending, settings};
use crate::wires::{Asked, Map, TopicOnMap, error, ok};

fn with_max_block(max_block: Duration) -> Settings {
    Settings {
        max_block,
        ..settings()
    }
}

#[test]
fn metadata_is_refreshed_when_it_is_old_enough() {
    let mut stage = Stage::idempotent(&[1]);
    let questions = stage.asked(ApiKey::METADATA);
    stage.pass(Duration::from_secs(299));
    assert_eq!(stage.asked(ApiKey::METADATA), questions);
    stage.pass(Duration::from_secs(2));
    assert_eq!(stage.asked(ApiKey::METADATA), questions + 1);
    stage.pass(Duration::from_secs(300));
    assert_eq!(stage.asked(ApiKey::METADATA), questions + 2);
}

#[test]
fn a_refresh_moves_partitions_to_their_new_leaders() {
    let mut stage = Stage::idempotent(&[1]);
    stage.map.moves(0, 2);
    stage.pass(Duration::from_secs(301));
    let _ = stage.send(0, "tea");
    assert_eq!(stage.values(2), [["tea"]]);
}

#[test]
fn a_broker_that_is_no_leader_any_more_causes_a_refresh() {
    for code in [3, 5, 6, 9, 13, 56, 74, 100, 103].map(ErrorCode) {
        let mut stage = Stage::idempotent(&[1]);
        let _ = stage.send(0, "tea");
        let questions = stage.asked(ApiKey::METADATA);
        stage.answer(1, [error(code)]);
        stage.pass(ms(0));
        assert_eq!(stage.asked(ApiKey::METADATA), questions + 1, "{code}");
    }
}

#[test]
fn a_refusal_that_says_nothing_of_leaders_causes_no_refresh() {
    for code in [2, 7, 19, 20, 75, 89].map(ErrorCode) {
        let mut stage = Stage::idempotent(&[1]);
        let _ = stage.send(0, "tea");
        let questions = stage.asked(ApiKey::METADATA);
        stage.answer(1, [error(code)]);
        stage.pass(ms(0));
        assert_eq!(stage.asked(ApiKey::METADATA), questions, "{code}");
    }
}

#[test]
fn a_topic_that_nobody_knows_is_refused_after_max_block_with_the_last_obstacle() {
    let mut stage = Stage::bare(with_max_block(ms(5000)), Map::of(TOPIC, &[1]));
    let mut reply = stage.ask_topic("unheard-of");
    stage.pass(ms(4999));
    assert!(matches!(reply.try_recv(), Ok(None)), "it may still appear");
    stage.pass(ms(1));
    match reply.try_recv() {
        Ok(Some(Err(SendError::TopicUnknown {
            topic,
            waited,
            last,
            ..
        }))) => {
            assert_eq!((&*topic, waited), ("unheard-of", ms(5000)));
            let last = last.unwrap().to_string();
            assert!(last.contains("UNKNOWN_TOPIC_OR_PARTITION"), "{last}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn when_no_broker_can_be_reached_the_refusal_names_the_last_one_tried() {
    let mut stage = Stage::bare(with_max_block(ms(2000)), Map::of(TOPIC, &[1]));
    stage.unreachable.insert(NodeId(-1));
    let mut reply = stage.ask_topic(TOPIC);
    for _ in 0..100 {
        if stage.dialing.contains_key(&NodeId(-1)) {
            stage.lose(-1);
        }
        stage.pass(ms(20));
    }
    match reply.try_recv() {
        Ok(Some(Err(error @ SendError::TopicUnknown { .. }))) => {
            let text = error.to_string();
            assert!(text.contains("bootstrap:9092"), "{text}");
            assert!(text.contains("connection reset"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_topic_that_appears_in_time_is_known() {
    let mut stage = Stage::bare(with_max_block(ms(5000)), Map::of("other", &[1]));
    let mut reply = stage.ask_topic(TOPIC);
    stage.pass(ms(1000));
    assert!(matches!(reply.try_recv(), Ok(None)));
    stage.map.topics.push(TopicOnMap::of(TOPIC, &[1, 1]));
    stage.pass(ms(1500));
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
    assert_eq!(stage.handle.cluster().topic(TOPIC).unwrap().partitions(), 2);
}

#[test]
fn a_topic_that_is_denied_is_refused_at_once() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.map.topics[0].error_code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let mut reply = stage.ask_topic(TOPIC);
    match reply.try_recv() {
        Ok(Some(Err(SendError::TopicRefused { topic, code, .. }))) => {
            assert_eq!(
                (&*topic, code),
                (TOPIC, ErrorCode::TOPIC_AUTHORIZATION_FAILED)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_about_a_new_topic_does_not_wait_for_the_next_refresh() {
    let mut stage = Stage::idempotent(&[1]);
    stage.map.topics.push(TopicOnMap::of("payments", &[1]));
    stage.know("payments");
}

#[test]
fn a_topic_asked_for_while_a_question_is_out_is_asked_about_next() {
    let mut stage = Stage::idempotent(&[1]);
    stage.map.topics.push(TopicOnMap::of("payments", &[1]));
    stage.map.topics.push(TopicOnMap::of("refunds", &[1]));
    stage.by_hand.insert(ApiKey::METADATA);
    let mut first = stage.ask_topic("payments");
    let mut second = stage.ask_topic("refunds");
    stage.by_hand.clear();
    stage.settle();
    assert!(matches!(first.try_recv(), Ok(Some(Ok(())))));
    assert!(matches!(second.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn what_is_missing_of_a_topic_that_was_asked_about_waits_for_the_pause() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.know(TOPIC);
    let _reply = stage.ask_partition(TOPIC, 3);
    stage.pass(ms(79));
    assert_eq!(stage.asked(ApiKey::METADATA), 1);
    stage.pass(ms(42));
    assert_eq!(stage.asked(ApiKey::METADATA), 2);
}

#[test]
fn a_topic_that_was_asked_about_a_moment_ago_is_not_new_though_it_was_forgotten() {
    let mut stage = Stage::idempotent(&[1]);
    let mut denied = TopicOnMap::of("denied", &[1]);
    denied.error_code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let others = ["payments", "refunds"].map(|name| TopicOnMap::of(name, &[1]));
    stage.map.topics.extend(others);
    stage.map.topics.push(denied);
    // While one question is on its way two topics come up, so that the next is about both.
    stage.by_hand.insert(ApiKey::METADATA);
    let topics = ["payments", "refunds", "denied"];
    let mut replies = topics.map(|name| stage.ask_topic(name));
    stage.by_hand.clear();
    stage.settle();
    assert!(matches!(replies[1].try_recv(), Ok(Some(Ok(())))));
    assert!(matches!(replies[2].try_recv(), Ok(Some(Err(_)))));
    let questions = stage.asked(ApiKey::METADATA);
    let mut reply = stage.ask_topic("denied");
    stage.pass(ms(79));
    assert_eq!(stage.asked(ApiKey::METADATA), questions);
    stage.pass(ms(42));
    assert_eq!(stage.asked(ApiKey::METADATA), questions + 1);
    assert!(matches!(reply.try_recv(), Ok(Some(Err(_)))));
}

#[test]
fn a_topic_that_was_asked_about_a_moment_ago_is_not_new_though_nobody_had_written_to_it() {
    let idle = Settings {
        metadata_max_age: ms(100),
        metadata_max_idle: Duration::from_secs(5),
        ..settings()
    };
    let mut stage = Stage::bare(idle, Map::of(TOPIC, &[1]));
    stage.map.topics.push(TopicOnMap::of("payments", &[1]));
    stage.know(TOPIC);
    stage.know("payments");
    stage.warm_up(0, 1);
    stage.pass(ms(4900));
    let _payment = stage.append("payments", 0, "tea").unwrap();
    stage.tick();
    stage.answer(1, [ok(0)]);
    while stage.partitions(TOPIC).is_some() {
        stage.pass(ms(10));
    }
    let questions = stage.asked(ApiKey::METADATA);
    let mut reply = stage.ask_topic(TOPIC);
    assert_eq!(stage.asked(ApiKey::METADATA), questions);
    for _ in 0..20 {
        stage.pass(ms(100));
        stage.answer_all(1, &ok(0));
    }
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn a_new_topic_is_asked_about_at_once_though_the_questions_before_were_in_vain() {
    let mut stage = Stage::idempotent(&[1]);
    let _unknown = stage.ask_topic("unheard-of");
    stage.pass(ms(5000));
    stage.map.topics.push(TopicOnMap::of("payments", &[1]));
    stage.know("payments");
}

#[test]
fn a_question_about_a_new_topic_is_about_all_that_waits_to_be_asked_about() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.know(TOPIC);
    let _delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.by_hand.insert(ApiKey::METADATA);
    let _reply = stage.ask_topic("payments");
    assert_eq!(stage.asked_about(), [["orders", "payments"]]);
}

#[test]
fn after_an_answer_that_told_something_new_the_next_question_waits_for_the_first_pause_only() {
    let mut stage = Stage::idempotent(&[-1, 1]);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(10_000));
    stage.map.moves(0, 2);
    while stage.requests(2).is_empty() {
        stage.pass(ms(1));
    }
    let questions = stage.asked(ApiKey::METADATA);
    stage.answer(2, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.pass(ms(121));
    assert_eq!(stage.asked(ApiKey::METADATA), questions + 1);
    pending(&delivery);
}

#[test]
fn a_dead_bootstrap_server_is_passed_over() {
    let hosts = ["dead", "alive"].map(|host| Address::new(host, 9092));
    for seed in 0..20 {
        let settings = Settings {
            bootstrap: hosts.to_vec(),
            ..settings()
        };
        let mut stage = Stage::seeded(settings, Map::of(TOPIC, &[1]), seed);
        stage.unreachable.insert(NodeId(-1));
        let mut reply = stage.ask_topic(TOPIC);
        if stage.dialing.contains_key(&NodeId(-1)) {
            stage.lose(-1);
        }
        assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))), "seed {seed}");
    }
}

#[test]
fn a_bootstrap_server_that_does_not_answer_the_dial_is_given_up() {
    let hosts = ["dead", "alive"].map(|host| Address::new(host, 9092));
    for seed in 0..20 {
        let settings = Settings {
            bootstrap: hosts.to_vec(),
            ..settings()
        };
        let mut stage = Stage::seeded(settings, Map::of(TOPIC, &[1]), seed);
        stage.unreachable.insert(NodeId(-1));
        let mut reply = stage.ask_topic(TOPIC);
        stage.pass(Duration::from_secs(13));
        assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))), "seed {seed}");
    }
}

#[test]
fn bootstrap_servers_are_let_go_once_the_brokers_are_known() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    let open: Vec<_> = stage.connections.keys().collect();
    assert_eq!(open, [&NodeId(1)]);
}

#[test]
fn a_partition_without_a_leader_is_asked_about_until_it_has_one() {
    let mut stage = Stage::idempotent(&[-1, 1]);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(3000));
    pending(&delivery);
    stage.map.moves(0, 2);
    stage.pass(ms(1500));
    assert_eq!(stage.values(2), [["tea"]]);
}

#[test]
fn records_for_a_partition_without_a_leader_do_not_flood_the_brokers_with_questions() {
    let mut stage = Stage::idempotent(&[-1, 1]);
    let questions = stage.asked(ApiKey::METADATA);
    for n in 0..1000 {
        let _ = stage.send(0, &n.to_string());
        stage.pass(ms(1));
    }
    let questions = stage.asked(ApiKey::METADATA) - questions;
    assert!(
        (2..=15).contains(&questions),
        "{questions} questions in a second"
    );
}

#[test]
fn a_leader_that_is_no_broker_of_the_cluster_counts_as_none() {
    let mut stage = Stage::idempotent(&[1, 1]);
    stage.map.moves(0, 9);
    stage.map.brokers.retain(|id| *id != 9);
    stage.pass(Duration::from_secs(301));
    let delivery = stage.send(0, "tea");
    stage.pass(ms(1000));
    pending(&delivery);
    stage.map.brokers.push(9);
    stage.pass(ms(2000));
    assert_eq!(stage.values(9), [["tea"]], "it has joined");
}

#[test]
fn records_wait_for_the_new_leader_when_their_broker_has_left_the_cluster() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    stage.map.brokers.retain(|id| *id != 1);
    stage.unreachable.insert(NodeId(1));
    stage.lose(1);
    stage.pass(Duration::from_secs(601));
    let delivery = stage.send(0, "tea");
    stage.pass(ms(500));
    stage.map.moves(0, 2);
    stage.pass(ms(2000));
    assert_eq!(stage.values(2), [["tea"]]);
    stage.answer(2, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn a_broker_that_moves_to_another_address_is_dialed_there() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let _ = stage.send(0, "tea");
    assert_eq!(stage.requests(1).len(), 1);
    let moved = Address::new("elsewhere", 9093);
    // The scripted brokers have their names from their ids, so the answer is made by hand.
    use kafka_wire::messages::metadata::MetadataRequest;
    stage.by_hand.insert(ApiKey::METADATA);
    let _ = stage.ask_topic("another");
    let (&node, unanswered) = stage
        .connections
        .iter()
        .find(|(_, all)| {
            all.back()
                .is_some_and(|asked| asked.header.api_key == ApiKey::METADATA)
        })
        .unwrap();
    assert_eq!(node, NodeId(1));
    let mut told = stage.map.tell(&[TOPIC.to_owned()]);
    told.brokers[0].host = moved.host.clone();
    told.brokers[0].port = 9093;
    let frame = unanswered[1].answer::<MetadataRequest>(&told);
    let produced = unanswered[0].produced(0, vec![error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.unreachable.extend([node, NodeId(-1)]);
    stage.respond(node, produced);
    stage.respond(node, frame);
    stage.by_hand.clear();
    stage.pass(ms(500));
    assert_eq!(stage.dialing.get(&node), Some(&moved));
}

#[test]
fn a_topic_that_grows_has_more_partitions() {
    let mut stage = Stage::idempotent(&[1]);
    stage.map.topics[0].leaders.push((1, 0));
    stage.pass(Duration::from_secs(301));
    let delivery = stage.send(1, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn s07_a_topic_that_nobody_writes_to_is_not_asked_about_until_somebody_does() {
    let mut settings = settings();
    settings.metadata_max_idle = Duration::from_secs(5);
    settings.metadata_max_age = Duration::from_secs(10);
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    stage.by_hand.insert(ApiKey::METADATA);
    stage.pass(Duration::from_secs(11));
    assert_eq!(stage.asked_about(), [Vec::<String>::new()]);
    stage.by_hand.clear();
    stage.settle();
    assert!(stage.handle.cluster().topic(TOPIC).is_none());
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn a_topic_that_is_made_anew_is_followed_though_its_leader_epochs_begin_again() {
    let mut stage = Stage::idempotent(&[1]);
    stage.map.moves(0, 2);
    stage.map.moves(0, 1);
    let first = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.pass(ms(1000));
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    // Another topic of that name: its first leader has a lower epoch.
    stage.map.life += 1;
    stage.map.topics[0].leaders[0] = (2, 0);
    let second = stage.send(0, "milk");
    stage.answer(1, [error(ErrorCode::UNKNOWN_TOPIC_ID)]);
    stage.pass(ms(1000));
    assert_eq!(stage.values(2), [["milk"]]);
    stage.answer(2, [ok(0)]);
    delivered(&second, 0);
}

#[test]
fn a_leader_of_the_topic_before_it_is_not_taken_for_one_of_the_topic_made_anew() {
    let mut settings = settings();
    settings.metadata_max_age = Duration::from_secs(1);
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1, 2]));
    // The last version that tells topics by their names.
    stage.produce_latest = 12;
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    stage.map.life += 1;
    stage.pass(ms(1500));
    let late = error(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    stage.answer(1, [late.leader_is(2, 7)]);
    stage.pass(ms(1000));
    assert!(stage.requests(2).is_empty());
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

/// An answer of which only the beginning makes sense.
pub(crate) fn unreadable(stage: &Stage, node: NodeId) -> Bytes {
    let correlation_id = stage.connections[&node][0].header.correlation_id;
    let mut frame = correlation_id.to_be_bytes().to_vec();
    frame.extend([0, 0xff, 0xff]);
    frame.into()
}

#[test]
fn an_answer_about_the_cluster_that_cannot_be_read_is_asked_for_again() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::METADATA);
    let mut reply = stage.ask_topic(TOPIC);
    let frame = unreadable(&stage, NodeId(-1));
    stage.input(Input::Received(NodeId(-1), frame));
    stage.by_hand.clear();
    stage.pass(ms(2000));
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn an_answer_with_a_producer_id_that_cannot_be_read_is_asked_for_again() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    let asked = |(_, unanswered): (&NodeId, &VecDeque<Asked>)| !unanswered.is_empty();
    let node = *stage
        .connections
        .iter()
        .find(|open| asked(*open))
        .unwrap()
        .0;
    let frame = unreadable(&stage, node);
    stage.input(Input::Received(node, frame));
    stage.by_hand.clear();
    stage.pass(ms(2000));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

/// Everything that is known of the cluster is another one's by now.
fn moved_cluster(settings: Settings) -> Stage {
    let mut stage = Stage::with(settings, &[1]);
    stage.warm_up(0, 1);
    stage.map.topics[0].leaders[0] = (5, 0);
    stage.map.brokers = vec![5];
    stage
}

#[test]
fn a_broker_that_asks_to_begin_anew_is_left_for_the_bootstrap_servers() {
    let mut stage = moved_cluster(settings());
    stage.by_hand.insert(ApiKey::METADATA);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    let asked = &stage.connections[&NodeId(1)][0];
    let answer = asked.answer::<MetadataRequest>(
        &MetadataResponse::default().with_error_code(ErrorCode::REBOOTSTRAP_REQUIRED),
    );
    stage.by_hand.clear();
    stage.respond(NodeId(1), answer);
    stage.settle();
    stage.pass(ms(1000));
    assert!(!stage.connections.contains_key(&NodeId(1)));
    assert_eq!(stage.values(5), [["tea"]]);
    stage.answer(5, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn known_brokers_that_have_no_metadata_for_too_long_are_forgotten_if_that_is_allowed() {
    let trigger = Duration::from_secs(60);
    for (metadata_recovery, found) in [
        (MetadataRecovery::Rebootstrap { trigger }, true),
        (MetadataRecovery::None, false),
    ] {
        let mut stage = moved_cluster(Settings {
            metadata_recovery,
            ..settings()
        });
        stage.unreachable.insert(NodeId(1));
        stage.unreachable.insert(NodeId(-1));
        let delivery = stage.send(0, "tea");
        stage.lose(1);
        stage.pass(Duration::from_secs(90));
        let mut dialed = std::collections::BTreeSet::new();
        for _ in 0..100 {
            stage.pass(Duration::from_millis(100));
            dialed.extend(stage.dialing.keys().copied());
        }
        let wanted = if found { NodeId(-1) } else { NodeId(1) };
        assert_eq!(Vec::from_iter(dialed), [wanted]);
        stage.unreachable.remove(&NodeId(-1));
        stage.settle();
        stage.pass(Duration::from_secs(19));
        assert_eq!(stage.requests(5).len(), usize::from(found));
        if found {
            stage.answer(5, [ok(1)]);
            delivered(&delivery, 1);
        } else {
            pending(&delivery);
        }
    }
}

#[test]
fn who_has_no_leader_asks_on_when_a_broker_tells_of_one_from_before() {
    let mut stage = Stage::idempotent(&[1, 2]);
    stage.warm_up(0, 1);
    let before = stage.map.topics[0].leaders[0];
    stage.map.topics[0].leaders[0] = (-1, before.1 + 1);
    stage.pass(Duration::from_secs(301));
    let delivery = stage.send(0, "tea");
    stage.map.topics[0].leaders[0] = before;
    stage.pass(ms(3000));
    pending(&delivery);
    stage.map.topics[0].leaders[0] = (2, before.1 + 2);
    stage.pass(ms(3000));
    stage.answer(2, [ok(1)]);
    delivered(&delivery, 1);
}
