//! A broker at the address of a bootstrap server goes on with the connection that is there already.

use std::sync::Arc;

use kafka_producer::engine::{Input, NodeId};
use kafka_producer::settings::{Address, DnsLookup, Settings};
use kafka_wire::ApiKey;
use kafka_wire::messages::metadata::MetadataRequest;

use crate::logins::{plain_login, with_sasl};
use crate::stage::{Stage, TOPIC, delivered, ms, pending, settings};
use crate::wires::{Map, ok};

/// The bootstrap server is at the address of broker 1.
fn at_broker_1(settings: Settings) -> Settings {
    Settings {
        bootstrap: vec![Address::new("broker-1", 9092)],
        ..settings
    }
}

/// Broker 1 leads a partition, and has been told of.
fn adopted(settings: Settings) -> Stage {
    let mut stage = Stage::bare(at_broker_1(settings), Map::of(TOPIC, &[1]));
    stage.know(TOPIC);
    stage
}

impl Stage {
    /// A connection belongs to another broker from now on.
    pub(crate) fn rename(&mut self, from: NodeId, to: NodeId) {
        let unanswered = self.connections.remove(&from);
        self.connections.extend(unanswered.map(|it| (to, it)));
    }

    fn connected(&self) -> Vec<NodeId> {
        self.connections.keys().copied().collect()
    }
}

#[test]
fn a_first_record_needs_one_connection_and_one_login() {
    for sasl in [None, Some(plain_login())] {
        let settings = match sasl {
            Some(sasl) => with_sasl(sasl, settings()),
            None => settings(),
        };
        let mut stage = adopted(settings);
        let delivery = stage.send(0, "tea");
        assert_eq!(stage.connected(), [NodeId(1)]);
        stage.answer(1, [ok(0)]);
        delivered(&delivery, 0);
        assert_eq!(stage.dials.len(), 1);
        // As a bootstrap server, and as the broker that it is.
        assert_eq!(stage.asked(ApiKey::API_VERSIONS), 2);
        assert!(stage.dropped.is_empty());
        assert!(stage.sasl_port.authenticated.len() <= 1);
    }
}

#[test]
fn a_broker_at_an_address_of_another_name_is_dialed() {
    for bootstrap in [
        Address::new("BROKER-1", 9092),
        Address::new("broker-1", 9093),
    ] {
        let settings = Settings {
            bootstrap: vec![bootstrap],
            ..settings()
        };
        let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
        stage.know(TOPIC);
        let delivery = stage.send(0, "tea");
        stage.answer(1, [ok(0)]);
        delivered(&delivery, 0);
        assert_eq!(stage.dials.len(), 2);
        assert_eq!(stage.connected(), [NodeId(1)]);
    }
}

#[test]
fn a_broker_is_dialed_where_bootstrap_servers_are_dialed_by_other_names_than_their_own() {
    let canonical = Settings {
        dns_lookup: DnsLookup::ResolveCanonicalBootstrapServersOnly,
        ..settings()
    };
    let mut stage = adopted(canonical);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    assert_eq!(stage.dials.len(), 2);
}

#[test]
fn an_answer_that_was_gathered_under_the_old_name_is_understood() {
    let mut stage = Stage::bare(at_broker_1(settings()), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::INIT_PRODUCER_ID);
    stage.know(TOPIC);
    let delivery = stage.send(0, "tea");
    assert_eq!(stage.connected(), [NodeId(1)]);
    stage.by_hand.clear();
    let (_, answer) = stage.next_by_itself().expect("it is asked for");
    let unanswered = stage.connections.get_mut(&NodeId(1)).unwrap();
    unanswered.pop_front();
    stage.input(Input::Received(NodeId(-1), answer));
    stage.settle();
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    assert_eq!(stage.dials.len(), 1);
}

#[test]
fn a_loss_under_the_old_name_is_that_of_the_broker() {
    let mut stage = adopted(settings());
    let delivery = stage.send(0, "tea");
    stage.connections.remove(&NodeId(1));
    let reset = Arc::from("connection reset");
    stage.input(Input::Lost(NodeId(-1), reset));
    stage.settle();
    pending(&delivery);
    stage.pass(ms(1000));
    assert_eq!(stage.connected(), [NodeId(1)]);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn the_session_is_renewed_under_the_new_name() {
    let settings = at_broker_1(with_sasl(plain_login(), settings()));
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
    stage.sasl_port.lifetime_ms = 10_000;
    stage.know(TOPIC);
    stage.pass(ms(10_000));
    assert_eq!(stage.sasl_port.authenticated, [-1, 1].map(NodeId));
    assert_eq!(stage.dials.len(), 1);
}

#[test]
fn a_session_that_is_due_when_its_connection_is_adopted_is_renewed() {
    let settings = at_broker_1(with_sasl(plain_login(), settings()));
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
    stage.sasl_port.lifetime_ms = 10_000;
    stage.by_hand.insert(ApiKey::METADATA);
    let _waiting = stage.ask_topic(TOPIC);
    // The thread wakes late: the answer and the timer are both there.
    stage.now += ms(9_600);
    let told = stage.map.tell(&[TOPIC.to_owned()]);
    let answer = stage.connections[&NodeId(-1)][0].answer::<MetadataRequest>(&told);
    stage.by_hand.clear();
    stage.respond(NodeId(-1), answer);
    stage.settle();
    stage.pass(ms(1));
    assert_eq!(stage.sasl_port.authenticated, [-1, 1].map(NodeId));
    assert!(stage.dropped.is_empty());
}

#[test]
fn each_broker_that_adopts_a_connection_is_asked_how_long_it_remembers() {
    let settings = Settings {
        bootstrap: [1, 2]
            .map(|id| Address::new(format!("broker-{id}"), 9092))
            .to_vec(),
        ..settings()
    };
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1, 2]));
    stage.by_hand.insert(ApiKey::METADATA);
    stage.unreachable.extend([-1, -2].map(NodeId));
    let _waiting = stage.ask_topic(TOPIC);
    stage.pass(ms(300));
    // Both open now; one of them is asked, and its answer tells who the other is.
    stage.unreachable.clear();
    stage.settle();
    assert_eq!(stage.connected(), [-2, -1].map(NodeId));
    let waits = stage
        .connections
        .iter()
        .find(|(_, asked)| !asked.is_empty());
    let (&asked, requests) = waits.expect("one is asked for metadata");
    let told = stage.map.tell(&[TOPIC.to_owned()]);
    let answer = requests[0].answer::<MetadataRequest>(&told);
    stage.by_hand.clear();
    stage.respond(asked, answer);
    stage.settle();
    for (partition, broker) in [(0, 1), (1, 2)] {
        let delivery = stage.send(partition, "tea");
        stage.answer(broker, [ok(0)]);
        delivered(&delivery, 0);
    }
    assert_eq!(stage.dials.len(), 2);
    for id in [1, 2].map(NodeId) {
        let asked = stage.asked.iter();
        let asked = asked.filter(|asked| **asked == (id, ApiKey::DESCRIBE_CONFIGS));
        assert_eq!(asked.count(), 1, "{id}");
    }
}

#[test]
fn a_silence_that_was_asked_for_before_is_kept() {
    let mut stage = Stage::bare(at_broker_1(settings()), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::METADATA);
    let _waiting = stage.ask_topic(TOPIC);
    let asked = &stage.connections[&NodeId(-1)][0];
    let told = stage.map.tell(&[TOPIC.to_owned()]);
    let answer = asked.answer::<MetadataRequest>(&told.with_throttle_time_ms(5000));
    stage.by_hand.clear();
    stage.respond(NodeId(-1), answer);
    stage.settle();
    assert_eq!(stage.connected(), [NodeId(1)]);
    let delivery = stage.send(0, "tea");
    assert_eq!(stage.requests(1).len(), 0);
    stage.pass(ms(5000));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}
