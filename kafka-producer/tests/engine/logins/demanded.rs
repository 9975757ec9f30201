//! A client without SASL at a port that asks for it: it is told so, and nothing else is taken for that.

use std::collections::VecDeque;

use kafka_producer::engine::NodeId;
use kafka_producer::security::{Security, Tls, TlsVersion, Trust};
use kafka_producer::settings::{Address, Settings};
use kafka_wire::ApiKey;
use kafka_wire::messages::{SaslHandshakeRequest, SaslHandshakeResponse};

use super::{Reply, authentication_error};
use crate::stage::{Stage, TOPIC, ms, settings};
use crate::wires::{Asked, Map};

/// Brokers that list these mechanisms; a test closes the connections on which they are asked anything else.
fn port(settings: Settings, mechanisms: &[&'static str]) -> Stage {
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
    stage.sasl_port.mechanisms = mechanisms.to_vec();
    stage.by_hand.insert(ApiKey::METADATA);
    stage
}

impl Stage {
    /// Each connection on which `api` waits for its answer is closed.
    fn close_instead_of(&mut self, api: ApiKey) {
        let waits = |(id, asked): (&NodeId, &VecDeque<Asked>)| {
            let oldest = asked.front()?;
            (oldest.header.api_key == api).then_some(id.0)
        };
        for id in self
            .connections
            .iter()
            .filter_map(waits)
            .collect::<Vec<_>>()
        {
            self.lose(id);
        }
    }
}

fn waits(reply: &mut Reply) -> bool {
    matches!(reply.try_recv(), Ok(None))
}

fn is_known(reply: &mut Reply) -> bool {
    matches!(reply.try_recv(), Ok(Some(Ok(()))))
}

fn tls() -> Settings {
    let tls = Tls {
        trust: Trust::Platform,
        identity: None,
        verify_host_name: true,
        versions: vec![TlsVersion::V13],
        cipher_suites: Vec::new(),
    };
    Settings {
        security: Security {
            tls: Some(tls),
            sasl: None,
        },
        ..settings()
    }
}

#[test]
fn the_caller_is_told_with_the_mechanisms_and_the_setting_when_one_connection_was_closed() {
    for (settings, ours, right) in [
        (settings(), "is PLAINTEXT", "SASL_PLAINTEXT"),
        (tls(), "is SSL", "SASL_SSL"),
    ] {
        let mut stage = port(settings, &["SCRAM-SHA-512", "GSSAPI"]);
        let mut reply = stage.ask_topic(TOPIC);
        stage.close_instead_of(ApiKey::METADATA);
        stage.pass(ms(100));
        let text = authentication_error(&mut reply).to_string();
        for said in [
            "bootstrap server 1 at bootstrap:9092",
            "SCRAM-SHA-512, GSSAPI",
            "security.protocol",
            ours,
            right,
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert_eq!(stage.asked(ApiKey::SASL_AUTHENTICATE), 0);
    }
}

#[test]
fn later_callers_are_told_the_same_at_the_pace_of_reconnects_until_the_port_answers() {
    let mut stage = port(settings(), &["PLAIN"]);
    for _ in 0..10 {
        let mut reply = stage.ask_topic(TOPIC);
        for _ in 0..26 {
            stage.pass(ms(50));
            stage.close_instead_of(ApiKey::METADATA);
        }
        authentication_error(&mut reply);
    }
    assert!(
        stage.dials.len() <= 30,
        "{} dials in 13 s",
        stage.dials.len()
    );
    assert_eq!(stage.asked(ApiKey::SASL_HANDSHAKE), 1);
    stage.by_hand.clear();
    stage.pass(ms(2000));
    let mut reply = stage.ask_topic(TOPIC);
    stage.pass(ms(2000));
    assert!(is_known(&mut reply));
}

#[test]
fn with_several_servers_each_is_tried_before_a_caller_is_told() {
    let three = Settings {
        bootstrap: ["one", "two", "three"]
            .map(|host| Address::new(host, 9092))
            .to_vec(),
        ..settings()
    };
    let mut stage = port(three, &["PLAIN"]);
    let mut reply = stage.ask_topic(TOPIC);
    for _ in 0..20 {
        stage.close_instead_of(ApiKey::METADATA);
        stage.pass(ms(50));
    }
    authentication_error(&mut reply);
}

#[test]
fn connections_that_are_cut_are_no_reason_at_a_port_without_sasl() {
    let mut stage = port(settings(), &[]);
    let mut reply = stage.ask_topic(TOPIC);
    for _ in 0..100 {
        stage.close_instead_of(ApiKey::METADATA);
        stage.pass(ms(100));
    }
    assert!(waits(&mut reply));
    assert_eq!(stage.asked(ApiKey::SASL_HANDSHAKE), 1);
    stage.by_hand.clear();
    stage.pass(ms(2000));
    assert!(is_known(&mut reply));
}

#[test]
fn what_closes_connections_before_it_has_said_anything_is_no_port_with_sasl() {
    let mut stage = port(settings(), &["PLAIN"]);
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let mut reply = stage.ask_topic(TOPIC);
    for _ in 0..100 {
        stage.close_instead_of(ApiKey::API_VERSIONS);
        stage.pass(ms(100));
    }
    assert!(waits(&mut reply));
    assert_eq!(stage.asked(ApiKey::SASL_HANDSHAKE), 0);
}

#[test]
fn a_broker_that_does_not_answer_whether_it_asks_for_sasl_is_asked_as_usual_again() {
    let mut stage = port(settings(), &[]);
    stage.by_hand.insert(ApiKey::SASL_HANDSHAKE);
    let mut reply = stage.ask_topic(TOPIC);
    for _ in 0..20 {
        stage.close_instead_of(ApiKey::METADATA);
        stage.close_instead_of(ApiKey::SASL_HANDSHAKE);
        stage.pass(ms(1300));
    }
    assert!(waits(&mut reply));
    assert_eq!(stage.asked(ApiKey::SASL_HANDSHAKE), 1);
    stage.by_hand.remove(&ApiKey::METADATA);
    stage.pass(ms(1300));
    assert!(is_known(&mut reply));
}

#[test]
fn a_question_for_sasl_is_asked_once_whether_it_is_not_answered_or_cannot_be_read() {
    for is_answered in [false, true] {
        let mut stage = port(settings(), &[]);
        stage.by_hand.insert(ApiKey::SASL_HANDSHAKE);
        let mut reply = stage.ask_topic(TOPIC);
        stage.close_instead_of(ApiKey::METADATA);
        stage.by_hand.remove(&ApiKey::METADATA);
        stage.pass(ms(1300));
        assert_eq!(stage.asked(ApiKey::SASL_HANDSHAKE), 1);
        if is_answered {
            let asked = &stage.connections[&NodeId(-1)][0];
            let mut answer =
                asked.answer::<SaslHandshakeRequest>(&SaslHandshakeResponse::default());
            answer.truncate(4);
            stage.respond(NodeId(-1), answer);
        }
        // Up to request.timeout.ms.
        stage.pass(ms(31_000));
        assert_eq!(stage.asked(ApiKey::SASL_HANDSHAKE), 1);
        assert!(is_known(&mut reply));
    }
}

#[test]
fn a_broker_that_lists_mechanisms_and_answers_without_is_used() {
    let mut stage = port(settings(), &["PLAIN"]);
    let mut reply = stage.ask_topic(TOPIC);
    stage.close_instead_of(ApiKey::METADATA);
    stage.by_hand.clear();
    stage.pass(ms(100));
    authentication_error(&mut reply);
    stage.pass(ms(2000));
    let mut reply = stage.ask_topic(TOPIC);
    stage.pass(ms(2000));
    assert!(is_known(&mut reply));
}
