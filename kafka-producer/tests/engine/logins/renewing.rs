//! Sessions that end, and are renewed on the connection (KIP-368).

use std::time::{Duration, Instant};

use kafka_producer::engine::NodeId;
use kafka_producer::error::Persistence;
use kafka_producer::security::{ScramHash, Token, TokenError};
use kafka_producer::settings::Settings;
use kafka_wire::ApiKey;

use super::{authentication_cause, oauth, plain_login, scram, secured};
use crate::stage::{Stage, TOPIC, delivered, failed, ms, pending};
use crate::wires::{Map, ok};

/// A broker that accepts us for this long at a time, from now on.
fn limited(sasl: kafka_producer::security::Sasl, lifetime_ms: i64) -> Stage {
    limited_with(secured(sasl), lifetime_ms)
}

fn limited_with(settings: Settings, lifetime_ms: i64) -> Stage {
    let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
    let mut reply = stage.ask_topic(TOPIC);
    stage.tokens();
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
    stage.pass(ms(200));
    stage.sasl_port.lifetime_ms = lifetime_ms;
    let first = stage.send(0, "warm-up");
    stage.tokens();
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    stage
}

/// How often broker 1 accept us.
fn let_in(stage: &Stage) -> usize {
    let by = |id: &&NodeId| **id == NodeId(1);
    stage.sasl_port.authenticated.iter().filter(by).count()
}

/// Lets time pass until this is so; when that was.
fn until(stage: &mut Stage, limit: Duration, is_so: impl Fn(&Stage) -> bool) -> Instant {
    let end = stage.now + limit;
    while !is_so(stage) {
        assert!(stage.now < end, "it never comes");
        stage.pass(ms(10));
    }
    stage.now
}

#[test]
fn a_session_is_renewed_on_the_connection_when_most_of_it_is_over() {
    for sasl in [plain_login(), scram(ScramHash::Sha256)] {
        let mut stage = limited(sasl, 10_000);
        let mut begun = stage.now;
        let dials = stage.dials.len();
        for renewals in 2..6 {
            let renewed = until(&mut stage, ms(9600), |stage| let_in(stage) == renewals);
            let part = (renewed - begun).as_secs_f64() / 10.0;
            assert!((0.845..=0.955).contains(&part), "{part}");
            begun = renewed;
            let delivery = stage.send(0, "tea");
            let offset = renewals as i64 - 1;
            stage.answer(1, [ok(offset)]);
            delivered(&delivery, offset);
        }
        assert_eq!(stage.dials.len(), dials, "no connection was made");
    }
}

#[test]
fn an_idle_connection_is_closed_in_time_however_often_its_session_is_renewed() {
    for (idle_ms, lifetime_ms) in [(25_000, 10_000), (8_000, 10_000), (60_000, 1_300)] {
        let idle = Settings {
            connections_max_idle: Some(ms(idle_ms)),
            ..secured(plain_login())
        };
        let mut stage = limited_with(idle, lifetime_ms);
        let used = stage.now;
        let is_closed = |stage: &Stage| !stage.connections.contains_key(&NodeId(1));
        let closed = until(&mut stage, ms(idle_ms * 2), is_closed);
        let idle_ms_found = (closed - used).as_millis() as u64;
        assert!(
            (idle_ms - 20..=idle_ms + 20).contains(&idle_ms_found),
            "{idle_ms_found}"
        );
        let renewals = let_in(&stage) as u64 - 1;
        assert!(renewals <= idle_ms / lifetime_ms as u64 * 2, "{renewals}");
        assert_eq!(renewals == 0, idle_ms == 8_000);
        // And it is made again when it is needed.
        let delivery = stage.send(0, "tea");
        stage.answer(1, [ok(1)]);
        delivered(&delivery, 1);
    }
}

#[test]
fn requests_on_their_way_are_answered_and_others_wait_for_no_more_than_the_exchange() {
    let mut stage = limited(plain_login(), 10_000);
    stage.by_hand.insert(ApiKey::SASL_HANDSHAKE);
    until(&mut stage, ms(8400), |stage| {
        stage.connections[&NodeId(1)].is_empty()
    });
    stage.pass(ms(8000));
    let before = stage.send(0, "before");
    let asks = |stage: &Stage| stage.connections[&NodeId(1)].len() == 2;
    until(&mut stage, ms(2000), asks);
    let meanwhile = stage.send(0, "meanwhile");
    assert!(asks(&stage), "nothing is sent in the exchange");
    stage.answer(1, [ok(1)]);
    delivered(&before, 1);
    stage.by_hand.clear();
    stage.tick();
    assert_eq!(stage.values(1), [["meanwhile"]], "at once");
    stage.answer(1, [ok(2)]);
    delivered(&meanwhile, 2);
    assert!(stage.dropped.iter().all(|(node, _)| *node != NodeId(1)));
}

#[test]
fn a_password_that_has_changed_ends_the_connection_and_its_records_and_heals() {
    let mut stage = limited(plain_login(), 10_000);
    stage.pass(ms(8000));
    let sent = stage.send(0, "sent");
    stage.sasl_port.password = "coffee-2026";
    stage.by_hand.insert(ApiKey::SASL_AUTHENTICATE);
    let begun = |stage: &Stage| {
        let oldest = stage.connections[&NodeId(1)].back();
        oldest.is_some_and(|asked| asked.header.api_key == ApiKey::SASL_HANDSHAKE)
    };
    until(&mut stage, ms(2000), begun);
    let meanwhile = stage.send(0, "meanwhile");
    stage.by_hand.clear();
    stage.answer(1, [ok(1)]);
    delivered(&sent, 1);
    let error = failed(&meanwhile);
    authentication_cause(&error);
    assert_eq!(error.persistence(), Persistence::NotPersisted);
    stage.sasl_port.password = "tea-2026";
    stage.pass(ms(2000));
    let delivery = stage.send(0, "tea");
    stage.pass(ms(2000));
    stage.answer(1, [ok(2)]);
    delivered(&delivery, 2);
}

#[test]
fn a_new_token_is_asked_for_and_records_do_not_wait_for_it() {
    let mut stage = limited(oauth(), 10_000);
    until(&mut stage, ms(9600), |stage| {
        stage.tokens_wanted.contains_key(&NodeId(1))
    });
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
    stage.token(1, Ok(Token::new("abc.def")));
    assert_eq!(let_in(&stage), 2);
}

#[test]
fn without_a_token_the_session_is_used_to_its_end_and_asked_for_again() {
    let mut stage = limited(oauth(), 100_000);
    let dials = stage.dials.len();
    let wanted = |stage: &Stage| stage.tokens_wanted.contains_key(&NodeId(1));
    until(&mut stage, ms(96_000), wanted);
    let mut asked = 0;
    while let_in(&stage) == 1 && stage.dials.len() == dials {
        if stage.tokens_wanted.contains_key(&NodeId(1)) {
            asked += 1;
            stage.token(1, Err(TokenError::new("503")));
        }
        stage.pass(ms(100));
    }
    assert!((2..8).contains(&asked), "asked {asked} times");
    assert_eq!(stage.dropped.last().unwrap().0, NodeId(1), "a loss");
    stage.tokens();
    stage.pass(ms(1000));
    stage.tokens();
    let delivery = stage.send(0, "tea");
    stage.tokens();
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn a_session_without_a_token_in_time_is_drained_and_given_up_before_the_broker_ends_it() {
    let mut stage = limited(oauth(), 100_000);
    let begun = stage.now;
    stage.pass(ms(99_050));
    let late = stage.send(0, "late");
    pending(&late);
    assert!(stage.requests(1).is_empty(), "nothing more is sent");
    let gone = until(&mut stage, ms(1000), |stage| {
        stage.dropped.iter().any(|(node, _)| *node == NodeId(1))
    });
    assert!(gone - begun <= ms(100_000), "{:?}", gone - begun);
    // The next connection gets its token.
    stage.tokens();
    stage.pass(ms(1000));
    stage.tokens();
    stage.answer(1, [ok(1)]);
    delivered(&late, 1);
}

#[test]
fn a_session_too_short_to_be_renewed_is_followed_by_another_connection() {
    let mut stage = limited(plain_login(), 400);
    let dials = stage.dials.len();
    stage.pass(ms(10_000));
    let more = stage.dials.len() - dials;
    assert!(more <= 26, "{more} dials in 10 s");
    let delivery = stage.send(0, "tea");
    stage.pass(ms(300));
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}

#[test]
fn a_session_of_unthinkable_length_is_one_without_an_end() {
    let mut stage = limited(plain_login(), i64::MAX);
    stage.pass(Duration::from_secs(100_000));
    assert_eq!(let_in(&stage), 1);
}

#[test]
fn an_answer_has_its_own_time_though_the_session_is_renewed_behind_it() {
    let mut stage = limited(plain_login(), 10_000);
    stage.pass(ms(8000));
    // The broker answers in order: the renewal waits for what was asked before.
    let (slow, dropped) = (stage.send(0, "slow"), stage.dropped.len());
    stage.by_hand.insert(ApiKey::SASL_HANDSHAKE);
    stage.pass(ms(25_000));
    assert_eq!(stage.dropped.len(), dropped, "request.timeout.ms is 30 s");
    stage.answer(1, [ok(1)]);
    delivered(&slow, 1);
}

#[test]
fn a_renewal_that_is_held_back_by_a_silence_is_not_late() {
    let mut stage = limited(plain_login(), 100_000);
    let dropped = stage.dropped.len();
    stage.pass(ms(84_000));
    let delivery = stage.send(0, "tea");
    stage.answer_throttled(1, 60_000, [ok(1)]);
    delivered(&delivery, 1);
    stage.pass(ms(59_000));
    assert_eq!(stage.dropped.len(), dropped, "it was told to be silent");
    stage.pass(ms(1_000));
    assert_eq!(let_in(&stage), 2);
}
