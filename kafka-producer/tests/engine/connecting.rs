//! `connect`: one round through all servers, and what people are told of servers that fail.

use std::sync::Arc;

use futures_channel::oneshot;
use kafka_producer::engine::{Command, Event, Input, NodeId};
use kafka_producer::error::{ConnectError, WaitReason};
use kafka_producer::settings::{Address, Settings};
use kafka_wire::ApiKey;

use crate::stage::{Stage, TOPIC, ms, settings};
use crate::wires::{Map, ok};

/// Settings that name so many servers.
fn servers(count: usize) -> Settings {
    let address = |number| Address::new(format!("server-{number}"), 9092);
    Settings {
        bootstrap: (1..=count).map(address).collect(),
        max_block: ms(5_000),
        ..settings()
    }
}

type Answer = oneshot::Receiver<Result<(), ConnectError>>;

fn connect(stage: &mut Stage) -> Answer {
    let (reply, answer) = oneshot::channel();
    let limit = stage.settings.max_block;
    stage.handle.ask(Command::Connect {
        limit,
        deadline: stage.now + limit,
        reply,
    });
    stage.tick();
    answer
}

fn told(answer: &mut Answer) -> Option<Result<(), ConnectError>> {
    answer.try_recv().unwrap()
}

/// The dial that is under way fails.
fn fail_dial(stage: &mut Stage, why: &str) {
    let (&node, _) = stage.dialing.first_key_value().expect("one is dialed");
    stage.dialing.remove(&node);
    stage.input(Input::Lost(node, why.into()));
}

/// None of so many servers can be dialed.
fn dead(count: i32) -> Stage {
    let mut stage = Stage::bare(
        servers(usize::try_from(count).unwrap()),
        Map::of(TOPIC, &[1]),
    );
    stage.unreachable.extend((1..=count).map(|id| NodeId(-id)));
    stage
}

#[test]
fn a_producer_that_is_not_asked_to_connects_to_nobody() {
    let mut stage = dead(2);
    stage.tick();
    stage.pass(ms(10_000));
    assert!(stage.dials.is_empty());
}

#[test]
fn one_server_that_tells_of_the_cluster_is_enough() {
    let mut stage = Stage::bare(servers(3), Map::of(TOPIC, &[1]));
    let mut answer = connect(&mut stage);
    assert_eq!(told(&mut answer), Some(Ok(())));
    assert_eq!(stage.dials.len(), 1);
    assert_eq!(stage.asked(ApiKey::METADATA), 1);
    // A connection that is there is enough, too.
    stage.know(TOPIC);
    stage.warm_up(0, 1);
    let asked = stage.asked.len();
    let mut again = connect(&mut stage);
    assert_eq!(told(&mut again), Some(Ok(())));
    assert_eq!(stage.asked.len(), asked);
}

#[test]
fn when_each_server_has_failed_once_each_is_told_with_its_own_reason() {
    let mut stage = dead(3);
    let started = stage.now;
    let mut answer = connect(&mut stage);
    for why in ["refused", "no route", "no such name"] {
        assert_eq!(told(&mut answer), None);
        fail_dial(&mut stage, why);
    }
    let Some(Err(ConnectError::Unreachable(servers))) = told(&mut answer) else {
        panic!("each has failed");
    };
    assert_eq!(stage.now, started, "nobody waits for a second round");
    assert_eq!(servers.failures.len(), 3);
    let text = servers.to_string();
    assert!(text.starts_with("no bootstrap server answers: "), "{text}");
    for why in ["refused", "no route", "no such name"] {
        assert_eq!(text.matches(why).count(), 1, "{text}");
    }
    assert!(text.contains("server-1:9092: "), "{text}");
}

#[test]
fn a_server_that_answers_after_others_have_failed_is_enough() {
    let mut stage = dead(3);
    let mut answer = connect(&mut stage);
    fail_dial(&mut stage, "refused");
    fail_dial(&mut stage, "refused");
    stage.unreachable.clear();
    stage.settle();
    assert_eq!(told(&mut answer), Some(Ok(())));
}

#[test]
fn a_failure_before_the_call_is_none_of_this_round() {
    let mut stage = dead(1);
    let mut first = connect(&mut stage);
    fail_dial(&mut stage, "refused");
    assert!(matches!(told(&mut first), Some(Err(_))));
    let mut second = connect(&mut stage);
    assert_eq!(told(&mut second), None);
    stage.unreachable.clear();
    stage.pass(ms(1_000));
    assert_eq!(told(&mut second), Some(Ok(())));
}

#[test]
fn servers_that_say_nothing_are_told_when_max_block_ms_is_over() {
    let mut stage = dead(2);
    let mut answer = connect(&mut stage);
    stage.pass(ms(4_999));
    assert_eq!(told(&mut answer), None);
    stage.pass(ms(1));
    let Some(Err(error @ ConnectError::TimedOut { .. })) = told(&mut answer) else {
        panic!("the time is over");
    };
    let text = error.to_string();
    assert!(text.contains("server-1:9092: not connected yet"), "{text}");
    assert!(text.contains("max.block.ms=5000"), "{text}");
}

#[test]
fn the_port_of_a_controller_is_told_as_one() {
    let mut stage = Stage::bare(servers(1), Map::of(TOPIC, &[1]));
    stage.withheld.insert(ApiKey::METADATA);
    let mut answer = connect(&mut stage);
    let Some(Err(error)) = told(&mut answer) else {
        panic!("it will never tell");
    };
    let text = error.to_string();
    assert!(
        text.starts_with("no bootstrap server can be used: "),
        "{text}"
    );
    assert!(text.contains("the port of a controller"), "{text}");
}

#[test]
fn close_ends_the_wait() {
    let mut stage = dead(1);
    let mut answer = connect(&mut stage);
    let _report = stage.close(Some(ms(0)));
    stage.pass(ms(0));
    assert_eq!(told(&mut answer), Some(Err(ConnectError::Closed)));
}

#[test]
fn a_caller_that_waits_for_a_topic_is_told_of_every_server_and_then_of_the_topic() {
    let mut stage = dead(2);
    let mut reply = stage.ask_topic(TOPIC);
    fail_dial(&mut stage, "refused");
    fail_dial(&mut stage, "no route");
    for _ in 0..50 {
        stage.pass(ms(100));
        while !stage.dialing.is_empty() {
            fail_dial(&mut stage, "refused");
        }
    }
    let Ok(Some(Err(error))) = reply.try_recv() else {
        panic!("its time is over");
    };
    let text = error.to_string();
    assert!(
        text.starts_with("no bootstrap server answers: server-1:9092: "),
        "{text}"
    );
    assert!(
        text.ends_with("; topic orders is not known after 5000 ms"),
        "{text}"
    );
}

#[test]
fn people_are_told_once_of_a_server_however_often_it_fails_and_however_many_wait() {
    let mut stage = dead(1);
    let _replies: Vec<_> = (0..20).map(|_| stage.ask_topic(TOPIC)).collect();
    let mut attempts = 0;
    while attempts < 10 {
        stage.pass(ms(100));
        while !stage.dialing.is_empty() {
            fail_dial(&mut stage, "refused");
            attempts += 1;
        }
    }
    let [Event::Unreachable { broker, why }] = &stage.events[..] else {
        panic!("{:?}", stage.events);
    };
    assert_eq!(&**broker, "bootstrap server 1 at server-1:9092");
    assert_eq!(&**why, "refused");
    stage.unreachable.clear();
    stage.pass(ms(2_000));
    let back: Arc<str> = "bootstrap server 1 at server-1:9092".into();
    assert_eq!(stage.events[1..], [Event::Back { broker: back }]);
}

#[test]
fn a_connection_that_is_lost_with_requests_on_it_is_told_and_its_return_is_too() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let _ = stage.send(0, "tea");
    stage.lose(1);
    stage.pass(ms(1_000));
    stage.answer(1, [ok(1)]);
    let broker: Arc<str> = "broker 1 at broker-1:9092".into();
    let lost = Event::Lost {
        broker: Arc::clone(&broker),
        why: "connection reset".into(),
        unanswered: 1,
    };
    assert_eq!(stage.events, [lost, Event::Back { broker }]);
}

#[test]
fn that_no_server_answers_is_a_reason_of_its_own() {
    let mut stage = dead(1);
    let mut reply = stage.ask_topic(TOPIC);
    fail_dial(&mut stage, "refused");
    stage.pass(ms(5_000));
    let Ok(Some(Err(error))) = reply.try_recv() else {
        panic!("its time is over");
    };
    let kafka_producer::SendError::TopicUnknown { last, .. } = error else {
        panic!("{error}");
    };
    assert!(matches!(last, Some(WaitReason::NoServer(_))), "{last:?}");
}
