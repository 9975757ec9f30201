//! What each mechanism says, beside Java's client, and what is made of whatever a server says.

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::readable::CHARACTERS_MAX;
use crate::security::{Credentials, ScramHash, Secret, TokenError, TokenProvider};

#[derive(Debug)]
struct NoProvider;

#[async_trait::async_trait]
impl TokenProvider for NoProvider {
    async fn token(&self, _host: &str) -> Result<Token, TokenError> {
        Err(TokenError::new("it is not asked"))
    }
}

fn login(username: &str, password: &str) -> Credentials {
    Credentials {
        username: username.to_owned(),
        password: Secret::new(password),
    }
}

fn begin(sasl: &Sasl, token: Option<&Token>) -> Result<(Conversation, Bytes), Broken> {
    Conversation::begin(Opening {
        sasl,
        token,
        nonce: "rOprNGfwEbeRWgbNEkqO",
    })
}

/// All mechanisms, just begun.
fn each_begun() -> Vec<Conversation> {
    let token = Token::new("abc.def");
    let provider = || Arc::new(NoProvider);
    let scram = |hash| Sasl::Scram {
        hash,
        login: login("user", "pencil"),
        token: false,
    };
    let all = [
        Sasl::Plain(login("user", "pencil")),
        scram(ScramHash::Sha256),
        scram(ScramHash::Sha512),
        Sasl::OAuthBearer(provider()),
        Sasl::AwsMskIam(provider()),
    ];
    let begun = all.map(|sasl| begin(&sasl, Some(&token)).unwrap().0);
    begun.into()
}

/// The golden lines, of Java's own client.
fn golden() -> Vec<Value> {
    let here = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let dir = std::env::var_os("KAFKA_GOLDEN_DIR").map_or_else(here, PathBuf::from);
    let text = std::fs::read_to_string(dir.join("scram.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn said<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: {line}"))
}

fn scram(line: &Value) -> Sasl {
    Sasl::Scram {
        hash: match said(line, "mechanism") {
            "SCRAM-SHA-256" => ScramHash::Sha256,
            "SCRAM-SHA-512" => ScramHash::Sha512,
            other => panic!("{other}"),
        },
        login: login(said(line, "username"), said(line, "password")),
        token: line["extensions"]["tokenauth"] == "true",
    }
}

/// Answers with what the line has of the server; how far the exchange came, and why no further.
fn converse(line: &Value) -> Result<(), (&'static str, Broken)> {
    let salted = &mut SaltedPasswords::default();
    let sasl = scram(line);
    let opening = Opening {
        sasl: &sasl,
        token: None,
        nonce: said(line, "client_nonce"),
    };
    let (mut scram, first) = Conversation::begin(opening).unwrap();
    assert_eq!(first, said(line, "client_first"), "{line}");
    let proof = scram
        .answer(said(line, "server_first").as_bytes(), salted)
        .map_err(|why| ("server_first", why))?;
    let expected = Bytes::from(said(line, "client_final").to_owned());
    assert_eq!(proof, Next::Say(expected), "{line}");
    let end = scram
        .answer(said(line, "server_final").as_bytes(), salted)
        .map_err(|why| ("server_final", why))?;
    assert_eq!(end, Next::Done, "{line}");
    Ok(())
}

/// Java takes these; RFC 5802 does not: a server adds to the nonce, and an extension that is not known
/// and must be understood ends the exchange.
const STRICTER: [&str; 2] = [
    "server nonce equal to the client nonce",
    "mandatory extension first",
];

#[test]
fn scram_says_what_java_says_and_refuses_what_java_refuses() {
    let lines = golden();
    let (mut accepted, mut refused, mut stricter) = (0, 0, 0);
    for line in &lines {
        match (converse(line), line["fails_at"].as_str()) {
            (Ok(()), None) => accepted += 1,
            (Err((at, _)), Some(expected)) if at == expected => refused += 1,
            (Err(_), None) if STRICTER.contains(&said(line, "negative")) => stricter += 1,
            (other, _) => panic!("{other:?}: {line}"),
        }
    }
    assert_eq!((accepted, refused, stricter, lines.len()), (49, 22, 4, 75));
}

#[test]
fn a_salted_password_is_made_once_for_a_salt() {
    let line = &golden()[0];
    let mut salted = SaltedPasswords::default();
    let mut proof = |password: &str, iterations: &str| {
        let mut line = line.clone();
        line["password"] = password.into();
        let sasl = scram(&line);
        let (mut scram, _) = begin(&sasl, None).unwrap();
        let first = said(&line, "server_first").replace("i=4096", iterations);
        scram.answer(first.as_bytes(), &mut salted).unwrap()
    };
    let first = proof("pencil", "i=5000");
    // A producer has one password: another one shows that it was not looked at.
    assert_eq!(proof("pen", "i=5000"), first);
    assert_ne!(proof("pen", "i=5001"), first);
}

#[test]
fn iterations_are_bounded_on_both_sides() {
    for (iterations, allowed) in [
        ("4095", false),
        ("4096", true),
        ("600000", true),
        ("600001", false),
        ("4294967295", false),
        ("4294967296", false),
        ("-1", false),
    ] {
        let sasl = Sasl::Scram {
            hash: ScramHash::Sha256,
            login: login("user", "pencil"),
            token: false,
        };
        let (mut scram, _) = begin(&sasl, None).unwrap();
        let first = format!("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={iterations}");
        let answered = scram.answer(first.as_bytes(), &mut SaltedPasswords::default());
        assert_eq!(answered.is_ok(), allowed, "{iterations}: {answered:?}");
    }
}

#[test]
fn plain_is_two_texts_each_after_a_zero() {
    let (mut plain, message) = begin(&Sasl::Plain(login("ali,ce=", "tëa")), None).unwrap();
    assert_eq!(message, "\0ali,ce=\0tëa");
    let salted = &mut SaltedPasswords::default();
    assert_eq!(plain.answer(b"", salted), Ok(Next::Done));
    for (username, password) in [("a\0b", "c"), ("a", "b\0c")] {
        let refused = begin(&Sasl::Plain(login(username, password)), None);
        assert!(refused.unwrap_err().to_string().contains("NUL"));
    }
}

#[test]
fn oauthbearer_sends_the_token_with_its_extensions() {
    let sasl = Sasl::OAuthBearer(Arc::new(NoProvider));
    let mut token = Token::new("abc.def");
    let (mut oauth, message) = begin(&sasl, Some(&token)).unwrap();
    assert_eq!(message, "n,,\x01auth=Bearer abc.def\x01\x01");
    let salted = &mut SaltedPasswords::default();
    assert_eq!(oauth.answer(b"", salted), Ok(Next::Done));

    let extensions = [("logicalCluster", "lkc-1"), ("identityPoolId", "pool 2")];
    token.extensions = extensions.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let (_, message) = begin(&sasl, Some(&token)).unwrap();
    assert_eq!(
        message,
        "n,,\x01auth=Bearer abc.def\x01logicalCluster=lkc-1\x01identityPoolId=pool 2\x01\x01"
    );
    for (name, value) in [
        ("auth", "x"),
        ("", "x"),
        ("a1", "x"),
        ("a", ""),
        ("a", "\x01"),
    ] {
        token.extensions = vec![(name.to_owned(), value.to_owned())];
        assert!(begin(&sasl, Some(&token)).is_err(), "{name}={value}");
    }
    for value in ["", "a\x01b", "a b", "a\n"] {
        let refused = begin(&sasl, Some(&Token::new(value))).unwrap_err();
        assert!(value.is_empty() || !refused.to_string().contains(value));
    }
}

#[test]
fn a_token_that_is_refused_is_acknowledged_and_forgotten() {
    let sasl = Sasl::OAuthBearer(Arc::new(NoProvider));
    let token = Token::new("abc.def");
    let (mut oauth, _) = begin(&sasl, Some(&token)).unwrap();
    assert!(!token.is_refused());
    let salted = &mut SaltedPasswords::default();
    let why = r#"{"status":"invalid_token"}"#;
    let said = oauth.answer(why.as_bytes(), salted);
    assert_eq!(said, Ok(Next::Say(Bytes::from_static(&[1]))));
    assert!(token.is_refused());
    // It should have ended the exchange.
    assert_eq!(oauth.answer(b"", salted), Err(Broken(why.to_owned())));
}

#[test]
fn a_refusal_of_a_token_is_explained_by_what_the_server_does_not_say_at_the_end() {
    let sasl = Sasl::OAuthBearer(Arc::new(NoProvider));
    let expired = "the token had expired at 2021-01-01T00:00:00Z";
    let status = r#"{"status":"invalid_token"}"#;
    let scope = r#"{"status":"insufficient_scope","scope":"kafka"}"#;
    for (expired_at, said, complaint) in [
        (None, status, None),
        (None, scope, Some(scope)),
        (Some("2021-01-01T00:00:00Z"), status, Some(expired)),
        (Some("2021-01-01T00:00:00Z"), scope, Some(expired)),
    ] {
        let mut token = Token::new("abc.def");
        token.expired = expired_at.map(Into::into);
        let (mut oauth, _) = begin(&sasl, Some(&token)).unwrap();
        assert_eq!(oauth.complaint(), None);
        let salted = &mut SaltedPasswords::default();
        oauth.answer(said.as_bytes(), salted).unwrap();
        assert_eq!(oauth.complaint(), complaint);
    }
}

#[test]
fn aws_msk_iam_sends_the_token_and_is_answered_with_json() {
    let sasl = Sasl::AwsMskIam(Arc::new(NoProvider));
    let payload = r#"{"version":"2020_10_22"}"#;
    let (mut iam, message) = begin(&sasl, Some(&Token::new(payload))).unwrap();
    assert_eq!(message, payload);
    let salted = &mut SaltedPasswords::default();
    assert!(iam.answer(b"", salted).is_err());
    let answer = br#"{"version":"2020_10_22","request-id":"7"}"#;
    assert_eq!(iam.answer(answer, salted), Ok(Next::Done));
}

#[test]
fn without_a_token_there_is_no_exchange_that_needs_one() {
    assert!(begin(&Sasl::OAuthBearer(Arc::new(NoProvider)), None).is_err());
}

#[test]
fn no_secret_is_in_what_can_be_printed() {
    for conversation in each_begun() {
        let text = format!("{conversation:?}");
        assert!(
            !text.contains("pencil") && !text.contains("abc.def"),
            "{text}"
        );
    }
    let line = &golden()[0];
    let mut salted = SaltedPasswords::default();
    let (mut scram, _) = begin(&scram(line), None).unwrap();
    let _ = scram.answer(said(line, "server_first").as_bytes(), &mut salted);
    let text = format!("{scram:?}{salted:?}");
    assert!(
        !text.contains("pencil") && text.contains("server_key: [hidden]"),
        "{text}"
    );
}

proptest! {
    #[test]
    fn whatever_a_server_says_ends_in_words(
        answers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..4),
    ) {
        for mut conversation in each_begun() {
            for answer in &answers {
                if let Err(why) = conversation.answer(answer, &mut SaltedPasswords::default()) {
                    prop_assert!(why.to_string().len() < 4 * CHARACTERS_MAX);
                }
            }
        }
    }

    #[test]
    fn a_changed_final_message_of_a_scram_server_is_rejected(
        from in 0_usize..64,
        with in "[a-z0-9=,/+%]{0,3}",
        cut in 0_usize..3,
    ) {
        let line = &golden()[0];
        let server_final = said(line, "server_final");
        let at = from.min(server_final.len());
        let end = server_final.len().min(at + cut);
        let changed = format!("{}{with}{}", &server_final[..at], &server_final[end..]);
        prop_assume!(changed.split(',').next() != Some(server_final));
        let salted = &mut SaltedPasswords::default();
        let (mut scram, _) = begin(&scram(line), None).unwrap();
        scram.answer(said(line, "server_first").as_bytes(), salted).unwrap();
        prop_assert!(scram.answer(changed.as_bytes(), salted).is_err());
    }
}

proptest! {
    #[test]
    fn whatever_a_scram_server_begins_with_ends_in_words_or_a_proof(
        nonce in "[ -~]{0,8}",
        salt in "[A-Za-z0-9+/=]{0,12}",
        // More are refused, and as many take time.
        iterations in prop_oneof!["[0-9-]{0,4}", "[6-9][0-9]{6,12}", "\\PC{0,8}"],
        rest in "(,[a-z]=[ -~]{0,8}){0,2}",
    ) {
        let sasl = &scram(&golden()[0]);
        for nonce in [&nonce, &format!("rOprNGfwEbeRWgbNEkqO{nonce}")] {
            let (mut scram, _) = begin(sasl, None).unwrap();
            let first = format!("r={nonce},s={salt},i={iterations}{rest}");
            match scram.answer(first.as_bytes(), &mut SaltedPasswords::default()) {
                Ok(next) => prop_assert!(matches!(next, Next::Say(_))),
                Err(why) => prop_assert!(why.to_string().len() < 4 * CHARACTERS_MAX),
            }
        }
    }

    #[test]
    fn whatever_a_server_has_against_a_token_is_told_in_bounds(
        said in proptest::collection::vec(any::<u8>(), 1..1_000),
        json in "\\{\"status\":\"\\PC{0,600}\"(,\"scope\":\"\\PC{0,600}\")?\\}",
        expired in proptest::option::of("[0-9TZ:-]{0,20}"),
    ) {
        let sasl = Sasl::OAuthBearer(Arc::new(NoProvider));
        for said in [&said[..], json.as_bytes()] {
            let mut token = Token::new("abc.def");
            token.expired = expired.as_deref().map(Into::into);
            let (mut oauth, _) = begin(&sasl, Some(&token)).unwrap();
            let salted = &mut SaltedPasswords::default();
            prop_assert_eq!(oauth.answer(said, salted), Ok(Next::Say(Bytes::from_static(&[1]))));
            let complaint = oauth.complaint().unwrap_or_default().to_owned();
            prop_assert!(complaint.chars().count() <= CHARACTERS_MAX);
            prop_assert!(!complaint.contains(char::is_control));
            prop_assert!(token.is_refused() && oauth.answer(said, salted).is_err());
        }
    }
}

#[test]
fn a_servers_error_in_scram_is_cut_off_where_it_is_too_long() {
    let sasl = Sasl::Scram {
        hash: ScramHash::Sha256,
        login: login("user", "pencil"),
        token: false,
    };
    let (mut scram, _) = begin(&sasl, None).unwrap();
    let mut salted = SaltedPasswords::default();
    let first = b"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    scram.answer(first, &mut salted).unwrap();
    let said = format!("e={}", "x".repeat(1 << 20));
    let why = scram.answer(said.as_bytes(), &mut salted).unwrap_err();
    assert!(why.0.len() < 2 * CHARACTERS_MAX, "{} bytes", why.0.len());
}
