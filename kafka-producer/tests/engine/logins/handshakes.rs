//! Logins that succeed, and what they take.

use kafka_producer::engine::{Input, NodeId};
use kafka_producer::error::SendError;
use kafka_producer::security::{Sasl, Token, TokenError};
use kafka_wire::ApiKey;

use super::{all, authentication_error, oauth, plain_login, secured};
use crate::stage::{Stage, TOPIC, delivered, ms};
use crate::wires::{Map, ok};

/// What was asked of a broker, in order.
fn asked(stage: &Stage, node: i32) -> Vec<ApiKey> {
    let of = |(asked, _): &&(NodeId, ApiKey)| *asked == NodeId(node);
    stage.asked.iter().filter(of).map(|(_, api)| *api).collect()
}

#[test]
fn every_mechanism_lets_records_through_after_it_and_nothing_before() {
    for sasl in all() {
        let says_more = matches!(sasl, Sasl::Scram { .. });
        let mut stage = Stage::bare(secured(sasl.clone()), Map::of(TOPIC, &[1]));
        let mut reply = stage.ask_topic(TOPIC);
        stage.tokens();
        assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))), "{sasl:?}");
        stage.pass(ms(200));
        let delivery = stage.send(0, "tea");
        stage.tokens();
        stage.answer(1, [ok(0)]);
        delivered(&delivery, 0);
        let mut first = vec![ApiKey::API_VERSIONS, ApiKey::SASL_HANDSHAKE];
        first.extend(vec![ApiKey::SASL_AUTHENTICATE; 1 + usize::from(says_more)]);
        assert!(asked(&stage, 1).starts_with(&first), "{sasl:?}");
        assert_eq!(
            stage.sasl_port.authenticated,
            [NodeId(-1), NodeId(1)],
            "{sasl:?}"
        );
    }
}

#[test]
fn a_token_is_asked_for_once_for_each_exchange_and_for_the_host() {
    let mut stage = Stage::bare(secured(oauth()), Map::of(TOPIC, &[1]));
    let _reply = stage.ask_topic(TOPIC);
    let (node, address) = stage.tokens_wanted.pop_first().unwrap();
    assert_eq!((node, &*address.host), (NodeId(-1), "bootstrap"));
    assert_eq!(asked(&stage, -1), [ApiKey::API_VERSIONS]);
    stage.token(-1, Ok(Token::new("abc.def")));
    assert!(stage.tokens_wanted.is_empty());
    assert_eq!(stage.sasl_port.authenticated, [NodeId(-1)]);
}

#[test]
fn a_token_for_a_connection_that_is_gone_is_ignored() {
    let mut stage = Stage::bare(secured(oauth()), Map::of(TOPIC, &[1]));
    let mut reply = stage.ask_topic(TOPIC);
    stage.unreachable.insert(NodeId(-1));
    stage.lose(-1);
    for told in [
        Ok(Token::new("abc.def")),
        Err(TokenError::new("no network")),
    ] {
        stage.input(Input::Token(NodeId(-1), told));
    }
    stage.input(Input::Token(NodeId(77), Ok(Token::new("abc.def"))));
    assert!(matches!(reply.try_recv(), Ok(None)));
    stage.unreachable.clear();
    stage.pass(ms(200));
    stage.tokens();
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn a_token_that_does_not_come_is_told_as_that() {
    let mut stage = Stage::bare(secured(oauth()), Map::of(TOPIC, &[1]));
    let mut reply = stage.ask_topic(TOPIC);
    let mut answer = None;
    for _ in 0..140 {
        stage.pass(ms(100));
        answer = answer.or_else(|| reply.try_recv().unwrap());
    }
    let Some(Err(SendError::Authentication(why))) = answer else {
        panic!("{answer:?}");
    };
    let text = why.to_string();
    assert!(text.contains("there is no token"), "{text}");
    assert!(
        text.contains("socket.connection.setup.timeout.ms"),
        "{text}"
    );
}

#[test]
fn a_token_endpoint_that_is_down_is_told_at_once_in_its_own_words() {
    let mut stage = Stage::bare(secured(oauth()), Map::of(TOPIC, &[1]));
    let mut reply = stage.ask_topic(TOPIC);
    stage.token(-1, Err(TokenError::new("https://login answers 503")));
    let why = authentication_error(&mut reply);
    assert_eq!(why.mechanism, "OAUTHBEARER");
    let text = why.to_string();
    assert!(text.contains("https://login answers 503"), "{text}");
    assert!(text.contains("sasl.oauthbearer"), "{text}");
}

#[test]
fn a_broker_that_is_silent_in_a_login_is_given_up_after_the_time_for_a_connection() {
    for api in [ApiKey::SASL_HANDSHAKE, ApiKey::SASL_AUTHENTICATE] {
        let mut stage = Stage::bare(secured(plain_login()), Map::of(TOPIC, &[1]));
        stage.by_hand.insert(api);
        let mut reply = stage.ask_topic(TOPIC);
        stage.pass(ms(7_900));
        assert!(stage.dropped.is_empty());
        stage.by_hand.clear();
        stage.pass(ms(4_300));
        let mut dropped = stage.dropped.iter();
        let given_up = dropped.any(|(node, asked)| *node == NodeId(-1) && !asked.is_empty());
        assert!(given_up, "{:?}", stage.dropped);
        assert!(
            matches!(reply.try_recv(), Ok(Some(Ok(())))),
            "and dialed again"
        );
    }
}

#[test]
fn who_asks_for_silence_before_a_login_gets_it() {
    let mut stage = Stage::bare(secured(plain_login()), Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::API_VERSIONS);
    let mut reply = stage.ask_topic(TOPIC);
    let mut spoken = crate::wires::versions(13);
    spoken.throttle_time_ms = 5_000;
    let frame = stage.connections[&NodeId(-1)][0]
        .answer::<kafka_wire::messages::ApiVersionsRequest>(&spoken);
    stage.by_hand.clear();
    stage.respond(NodeId(-1), frame);
    stage.pass(ms(4_900));
    assert_eq!(asked(&stage, -1), [ApiKey::API_VERSIONS]);
    stage.pass(ms(200));
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn without_sasl_nobody_is_told_who_we_are() {
    let stage = Stage::idempotent(&[1]);
    assert_eq!(stage.asked(ApiKey::SASL_HANDSHAKE), 0);
}
