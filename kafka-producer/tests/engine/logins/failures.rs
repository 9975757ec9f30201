//! Logins that fail: who is told, when, in which words, and that it heals.

use std::sync::Arc;
use std::time::Duration;

use kafka_producer::engine::{Input, NodeId};
use kafka_producer::error::Persistence;
use kafka_producer::security::{Sasl, ScramHash, Security, Token};
use kafka_producer::settings::{Acks, Address, BackoffRange, MetadataRecovery, Settings};
use kafka_wire::{ApiKey, ErrorCode};

use super::{
    Provider, authentication_cause, authentication_error, oauth, plain_login, scram, secured,
    with_sasl,
};
use crate::stage::{Stage, TOPIC, delivered, failed, ms, pending, plain, settings};
use crate::wires::{Map, error, ok};

/// Two brokers that are known, accept us, and lead a partition each; then the passwords change.
fn rotated() -> Stage {
    let mut stage = Stage::with(secured(plain_login()), &[1, 2]);
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    stage.sasl_port.password = "coffee-2026";
    stage
}

#[test]
fn a_caller_that_waits_for_a_topic_is_told_in_the_brokers_words_with_user_and_setting() {
    for (sasl, mechanism) in [
        (plain_login(), "PLAIN"),
        (scram(ScramHash::Sha256), "SCRAM-SHA-256"),
        (scram(ScramHash::Sha512), "SCRAM-SHA-512"),
    ] {
        let mut stage = Stage::bare(secured(sasl), Map::of(TOPIC, &[1]));
        stage.sasl_port.password = "coffee-2026";
        let mut reply = stage.ask_topic(TOPIC);
        let why = authentication_error(&mut reply);
        assert_eq!(why.mechanism, mechanism);
        assert_eq!(why.user.as_deref(), Some("alice"));
        let text = why.to_string();
        for said in [
            "as alice at bootstrap server 1 at bootstrap:9092",
            "Authentication failed",
            "SASL_AUTHENTICATION_FAILED",
            "sasl.jaas.config",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains("tea-2026"), "{text}");
    }
}

#[test]
fn a_token_that_is_refused_by_an_error_code_alone_is_known_to_be() {
    for sasl in [oauth(), Sasl::AwsMskIam(Arc::new(Provider))] {
        let mut stage = Stage::bare(secured(sasl), Map::of(TOPIC, &[1]));
        stage.sasl_port.refusing.insert(NodeId(-1));
        let _waiting = stage.ask_topic(TOPIC);
        let token = Token::new("old.token");
        stage.token(-1, Ok(token.clone()));
        assert_eq!(stage.sasl_port.refused, 1);
        assert!(token.is_refused());
    }
}

#[test]
fn a_token_that_is_refused_is_told_with_the_brokers_reason() {
    let mut stage = Stage::bare(secured(oauth()), Map::of(TOPIC, &[1]));
    let mut reply = stage.ask_topic(TOPIC);
    let mut token = Token::new("old.token");
    token.principal = Some(Arc::from("orders-service"));
    stage.token(-1, Ok(token));
    let why = authentication_error(&mut reply);
    assert_eq!(why.user.as_deref(), Some("orders-service"));
    let text = why.to_string();
    assert!(text.contains("invalid_token"), "{text}");
    assert!(!text.contains("old.token"), "{text}");
}

#[test]
fn a_mechanism_that_is_not_enabled_is_told_with_those_that_are() {
    let mut stage = Stage::bare(secured(plain_login()), Map::of(TOPIC, &[1]));
    stage.sasl_port.mechanisms = vec!["SCRAM-SHA-512", "GSSAPI"];
    let text = authentication_error(&mut stage.ask_topic(TOPIC)).to_string();
    assert!(text.contains("SCRAM-SHA-512, GSSAPI"), "{text}");
    assert!(text.contains("sasl.mechanism"), "{text}");
    assert_eq!(stage.asked(ApiKey::SASL_AUTHENTICATE), 0, "no password");
}

#[test]
fn a_port_that_does_not_ask_for_sasl_is_told_as_that() {
    let mut stage = Stage::bare(secured(plain_login()), Map::of(TOPIC, &[1]));
    stage.sasl_port.mechanisms = Vec::new();
    let text = authentication_error(&mut stage.ask_topic(TOPIC)).to_string();
    assert!(text.contains("does not ask for SASL"), "{text}");
    assert!(text.contains("security.protocol"), "{text}");
}

#[test]
fn a_broker_that_knows_no_logins_is_told_as_that() {
    for api in [ApiKey::SASL_HANDSHAKE, ApiKey::SASL_AUTHENTICATE] {
        let mut stage = Stage::bare(secured(plain_login()), Map::of(TOPIC, &[1]));
        stage.withheld.insert(api);
        let text = authentication_error(&mut stage.ask_topic(TOPIC)).to_string();
        assert!(text.contains("Kafka 1.0"), "{text}");
    }
}

#[test]
fn a_connection_that_is_closed_instead_of_an_answer_is_a_loss_that_says_what_it_may_be() {
    for api in [ApiKey::SASL_HANDSHAKE, ApiKey::SASL_AUTHENTICATE] {
        let hasty = Settings {
            max_block: ms(1000),
            ..secured(plain_login())
        };
        let mut stage = Stage::bare(hasty, Map::of(TOPIC, &[1]));
        stage.by_hand.insert(api);
        let mut reply = stage.ask_topic(TOPIC);
        for _ in 0..20 {
            if stage.connections.contains_key(&NodeId(-1)) {
                stage.lose(-1);
            }
            stage.pass(ms(50));
        }
        let Ok(Some(Err(error))) = reply.try_recv() else {
            panic!("it waits on");
        };
        let text = error.to_string();
        for said in ["connection reset", "PLAIN", "sasl.jaas.config"] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
}

#[test]
fn a_client_without_sasl_whose_first_question_is_hung_up_on_is_told_what_it_may_be() {
    let hasty = Settings {
        max_block: ms(1000),
        ..settings()
    };
    let mut stage = Stage::bare(hasty, Map::of(TOPIC, &[1]));
    stage.by_hand.insert(ApiKey::METADATA);
    let mut reply = stage.ask_topic(TOPIC);
    for _ in 0..20 {
        if stage.connections.contains_key(&NodeId(-1)) {
            stage.lose(-1);
        }
        stage.pass(ms(50));
    }
    let Ok(Some(Err(error))) = reply.try_recv() else {
        panic!("it waits on");
    };
    let text = error.to_string();
    assert!(text.contains("security.protocol"), "{text}");
}

#[test]
fn records_of_a_broker_that_refuses_us_fail_and_others_do_not() {
    let mut stage = rotated();
    stage.unreachable.insert(NodeId(1));
    stage.lose(1);
    let ours = [stage.send(0, "a"), stage.send(0, "b")];
    let other = stage.send(1, "c");
    stage.unreachable.clear();
    stage.pass(ms(200));
    for delivery in &ours {
        let error = failed(delivery);
        let why = authentication_cause(&error);
        assert_eq!(&*why.broker, "broker 1 at broker-1:9092");
        assert_eq!(error.persistence(), Persistence::NotPersisted);
    }
    stage.answer(2, [ok(1)]);
    delivered(&other, 1);
}

#[test]
fn a_record_fails_within_a_second_even_while_it_waits_for_its_next_attempt() {
    let slow = Settings {
        retry_backoff: BackoffRange {
            initial: Duration::from_secs(20),
            max: Duration::from_secs(60),
        },
        ..secured(plain_login())
    };
    let mut stage = Stage::with(slow, &[1]);
    stage.pass(Duration::from_secs(60));
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    stage.sasl_port.password = "coffee-2026";
    stage.lose(1);
    stage.pass(ms(1000));
    authentication_cause(&failed(&delivery));
}

#[test]
fn a_record_that_was_sent_may_be_in_the_log() {
    let mut stage = rotated();
    let sent = stage.send(0, "tea");
    stage.lose(1);
    stage.pass(ms(1000));
    let error = failed(&sent);
    authentication_cause(&error);
    assert_eq!(error.persistence(), Persistence::PossiblyPersisted);
    assert_eq!(error.history().attempts, 1);
    assert_eq!(error.history().in_doubt, Some(ErrorCode::NETWORK_EXCEPTION));
}

#[test]
fn it_heals_without_a_restart_and_the_next_record_is_in_order() {
    for settings in [settings(), plain(Acks::All)] {
        let mut stage = Stage::with(with_sasl(plain_login(), settings), &[1]);
        stage.warm_up(0, 1);
        stage.sasl_port.password = "coffee-2026";
        stage.lose(1);
        for _ in 0..5 {
            let delivery = stage.send(0, "tea");
            stage.pass(ms(1300));
            authentication_cause(&failed(&delivery));
        }
        stage.sasl_port.password = "tea-2026";
        stage.pass(ms(2000));
        let delivery = stage.send(0, "tea");
        stage.pass(ms(2000));
        stage.answer(1, [ok(1)]);
        delivered(&delivery, 1);
    }
}

#[test]
fn a_first_login_that_is_refused_heals_for_the_next_caller() {
    let mut stage = Stage::bare(secured(plain_login()), Map::of(TOPIC, &[1]));
    stage.sasl_port.password = "coffee-2026";
    for _ in 0..3 {
        let mut reply = stage.ask_topic(TOPIC);
        stage.pass(ms(1000));
        authentication_error(&mut reply);
    }
    stage.sasl_port.password = "tea-2026";
    stage.pass(ms(2000));
    let mut reply = stage.ask_topic(TOPIC);
    stage.pass(ms(2000));
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn attempts_keep_the_pace_of_reconnects_however_many_records_fail() {
    for backoff in [(50, 1000), (0, 0)] {
        let (initial, max) = backoff;
        let paced = Settings {
            reconnect_backoff: BackoffRange {
                initial: ms(initial),
                max: ms(max),
            },
            ..secured(plain_login())
        };
        let mut stage = Stage::with(paced, &[1]);
        stage.warm_up(0, 1);
        stage.sasl_port.password = "coffee-2026";
        stage.lose(1);
        for _ in 0..1000 {
            let _ = stage.send(0, "tea");
            stage.pass(ms(10));
        }
        let (least, most) = match max {
            0 => (20, 420),
            _ => (5, 40),
        };
        let refused = stage.sasl_port.refused;
        assert!((least..=most).contains(&refused), "{refused} in 10 s");
    }
}

#[test]
fn every_bootstrap_server_is_tried_before_a_caller_is_refused() {
    let three = Settings {
        bootstrap: ["one", "two", "three"]
            .map(|host| Address::new(host, 9092))
            .to_vec(),
        ..secured(plain_login())
    };
    for shut in [[-1, -2, -3].as_slice(), &[-1, -3]] {
        let mut stage = Stage::bare(three.clone(), Map::of(TOPIC, &[1]));
        stage.sasl_port.refusing = shut.iter().map(|id| NodeId(*id)).collect();
        let mut reply = stage.ask_topic(TOPIC);
        stage.pass(ms(1000));
        match shut.len() {
            3 => drop(authentication_error(&mut reply)),
            _ => assert!(matches!(reply.try_recv(), Ok(Some(Ok(()))))),
        }
    }
}

#[test]
fn a_server_that_does_not_answer_holds_nobody_up_whom_another_has_refused() {
    let two = Settings {
        bootstrap: ["one", "two"].map(|host| Address::new(host, 9092)).to_vec(),
        ..secured(plain_login())
    };
    for silent in [-1, -2] {
        let mut stage = Stage::bare(two.clone(), Map::of(TOPIC, &[1]));
        stage.sasl_port.password = "coffee-2026";
        stage.unreachable.insert(NodeId(silent));
        let mut reply = stage.ask_topic(TOPIC);
        stage.pass(ms(1250));
        authentication_error(&mut reply);
    }
}

#[test]
fn that_a_server_refused_us_long_ago_is_no_reason_when_brokers_are_away() {
    let two = Settings {
        bootstrap: ["one", "two"].map(|host| Address::new(host, 9092)).to_vec(),
        ..secured(plain_login())
    };
    for refuses in [-1, -2] {
        let mut stage = Stage::bare(two.clone(), Map::of(TOPIC, &[1]));
        stage.sasl_port.refusing.insert(NodeId(refuses));
        let mut reply = stage.ask_topic(TOPIC);
        stage.pass(ms(2000));
        assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
        stage.warm_up(0, 1);
        stage.pass(Duration::from_secs(60));
        stage.unreachable.extend([-1, -2, 1].map(NodeId));
        stage.lose(1);
        let mut reply = stage.ask_topic("other");
        stage.pass(Duration::from_secs(5));
        assert!(matches!(reply.try_recv(), Ok(None)), "it waits");
    }
}

#[test]
fn of_many_servers_that_refuse_us_each_is_tried_and_callers_do_not_wait() {
    let hosts = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let many = Settings {
        bootstrap: hosts.map(|host| Address::new(host, 9092)).to_vec(),
        ..secured(plain_login())
    };
    let mut stage = Stage::bare(many, Map::of(TOPIC, &[1]));
    stage.sasl_port.password = "coffee-2026";
    for _ in 0..20 {
        let mut reply = stage.ask_topic(TOPIC);
        stage.pass(ms(1000));
        authentication_error(&mut reply);
    }
}

#[test]
fn who_may_not_begin_anew_does_not_wait_for_bootstrap_servers() {
    let holds_on = Settings {
        metadata_recovery: MetadataRecovery::None,
        ..secured(plain_login())
    };
    let mut stage = Stage::with(holds_on, &[1]);
    stage.warm_up(0, 1);
    stage.sasl_port.password = "coffee-2026";
    stage.lose(1);
    let mut reply = stage.ask_topic("other");
    stage.pass(ms(1000));
    authentication_error(&mut reply);
}

#[test]
fn flush_and_close_end_within_a_second_and_count_what_failed() {
    let lingering = Settings {
        accumulator: settings().accumulator.linger(Duration::from_secs(100)),
        ..secured(plain_login())
    };
    for closes in [false, true] {
        let mut stage = Stage::with(lingering.clone(), &[1]);
        let first = stage.send(0, "warm-up");
        stage.flush();
        stage.answer(1, [ok(0)]);
        delivered(&first, 0);
        stage.sasl_port.password = "coffee-2026";
        stage.unreachable.insert(NodeId(1));
        stage.lose(1);
        let delivery = stage.send(0, "tea");
        pending(&delivery);
        stage.unreachable.clear();
        match closes {
            false => {
                stage.flush();
                stage.pass(ms(1000));
                authentication_cause(&failed(&delivery));
            }
            true => {
                let mut report = stage.close(None);
                stage.pass(ms(1000));
                let report = report.try_recv().unwrap().expect("it has ended");
                assert_eq!((report.failed, report.unknown), (1, 0));
                authentication_cause(&failed(&delivery));
            }
        }
    }
}

#[test]
fn records_without_a_leader_do_not_wait_when_nobody_accepts_us() {
    let mut stage = rotated();
    stage.map.moves(0, -1);
    let leaderless = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::NOT_LEADER_OR_FOLLOWER)]);
    stage.pass(ms(500));
    pending(&leaderless);
    stage.lose(1);
    stage.lose(2);
    stage.pass(ms(3000));
    authentication_cause(&failed(&leaderless));
}

#[test]
fn tls_that_cannot_be_agreed_on_is_no_fault_of_the_network() {
    let security = Security {
        tls: Some(kafka_producer::security::Tls {
            trust: kafka_producer::security::Trust::Platform,
            identity: None,
            verify_host_name: true,
            versions: vec![kafka_producer::security::TlsVersion::V13],
            cipher_suites: Vec::new(),
        }),
        sasl: None,
    };
    let tls = Settings {
        security,
        ..settings()
    };
    let mut stage = Stage::bare(tls, Map::of(TOPIC, &[1]));
    stage.unreachable.extend([NodeId(-1), NodeId(1)]);
    let mut reply = stage.ask_topic(TOPIC);
    stage.dialing.clear();
    let why = "the certificate is not signed by anyone in ssl.truststore.location";
    stage.input(Input::TlsFailed(NodeId(-1), why.into()));
    let told = authentication_error(&mut reply);
    assert_eq!((told.mechanism, told.user.as_deref()), ("TLS", None));
    assert_eq!(&*told.reason, why);
    // It heals.
    stage.unreachable.remove(&NodeId(-1));
    stage.pass(ms(2000));
    let mut reply = stage.ask_topic(TOPIC);
    stage.pass(ms(2000));
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
    // So does that of a leader.
    let delivery = stage.send(0, "tea");
    stage.dialing.remove(&NodeId(1));
    stage.input(Input::TlsFailed(NodeId(1), why.into()));
    assert_eq!(authentication_cause(&failed(&delivery)).mechanism, "TLS");
    stage.unreachable.clear();
    stage.pass(ms(2000));
    let delivery = stage.send(0, "tea");
    stage.pass(ms(2000));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn tls_that_breaks_on_a_connection_that_was_of_use_is_a_fault_of_the_network() {
    let mut stage = Stage::with(settings(), &[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    let (node, why) = (NodeId(1), "cannot decrypt peer's message");
    stage.connections.remove(&node);
    stage.input(Input::TlsFailed(node, why.into()));
    stage.settle();
    stage.pass(ms(2000));
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
}
