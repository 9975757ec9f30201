//! Listeners that require SASL: which clients are accepted, which are refused, and what each is told.

use std::time::Duration;

use base64::{
    Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD,
};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use kafka_mock::cluster::{
    AcceptedTokens, Answer, ClusterConfig, Fault, SaslConfig, SaslMechanism, When,
};
use kafka_wire::{
    ApiKey, ErrorCode,
    messages::{
        ApiVersionsRequest, MetadataRequest, SaslAuthenticateRequest, SaslAuthenticateResponse,
        SaslHandshakeRequest, SaslHandshakeResponse,
    },
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::driver::{CONNECTION, Driver, ONE, START_MS, decode};

const SCRAM: SaslMechanism = SaslMechanism::ScramSha256;
const ALICE: &str = "\0alice\0alice-secret";

fn all() -> SaslConfig {
    SaslConfig::new(SaslMechanism::ALL)
        .with_user("alice", "alice-secret")
        .with_user("bob", "bob-secret")
}

fn driver(sasl: SaslConfig) -> Driver {
    Driver::with(ClusterConfig::default().with_sasl(Some(sasl)))
}

fn versions() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name("test".to_owned())
        .with_client_software_version("1".to_owned())
}

fn choose(driver: &mut Driver, mechanism: &str) -> SaslHandshakeResponse {
    driver.ask(ONE, 1, &handshake(mechanism))
}

fn handshake(mechanism: &str) -> SaslHandshakeRequest {
    SaslHandshakeRequest::default().with_mechanism(mechanism.to_owned())
}

fn message(bytes: impl Into<Bytes>) -> SaslAuthenticateRequest {
    SaslAuthenticateRequest::default().with_auth_bytes(bytes.into())
}

fn say(driver: &mut Driver, bytes: &str) -> SaslAuthenticateResponse {
    let answer = driver.ask(ONE, 2, &message(bytes.to_owned()));
    assert_eq!(answer.error_code, ErrorCode::NONE, "{answer:?}");
    answer
}

/// What the client is told that is refused: later, and then the connection is closed.
fn refused(driver: &mut Driver, bytes: &str) -> String {
    let before = driver.elapsed_ms();
    assert_eq!(
        driver.send(ONE, 2, &message(bytes.to_owned())),
        Answer::Delayed
    );
    let releases = driver.next_releases();
    assert_eq!(driver.elapsed_ms() - before, 100);
    let [told, close] = &releases[..] else {
        panic!("{releases:?}");
    };
    assert_eq!(close.answer, Answer::Close);
    let Answer::Send(frame) = &told.answer else {
        panic!("{told:?}");
    };
    let answer = decode::<SaslAuthenticateRequest>(frame.clone(), 2);
    assert_eq!(answer.error_code, ErrorCode::SASL_AUTHENTICATION_FAILED);
    answer.error_message.unwrap()
}

fn may_ask(driver: &mut Driver) -> bool {
    match driver.send(ONE, 12, &MetadataRequest::default()) {
        Answer::Send(_) => true,
        Answer::Close => false,
        other => panic!("{other:?}"),
    }
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(data).finalize().into_bytes().to_vec()
}

/// The proof that a client gives, and the signature that it expects.
fn proof(first: &str, answer: &str, password: &str) -> (String, String) {
    let field = |name: &str| {
        let mut fields = answer.split(',');
        fields.find_map(|field| field.strip_prefix(name)).unwrap()
    };
    let salt = STANDARD.decode(field("s=")).unwrap();
    let mut salted = [0; 32];
    let iterations = field("i=").parse().unwrap();
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, iterations, &mut salted);
    let client_key = mac(&salted, b"Client Key");
    let unproved = format!("c=biws,r={}", field("r="));
    let signed = format!("{first},{answer},{unproved}");
    let signature = mac(&Sha256::digest(&client_key), signed.as_bytes());
    let proof: Vec<u8> = client_key
        .iter()
        .zip(signature)
        .map(|(a, b)| a ^ b)
        .collect();
    let expected = mac(&mac(&salted, b"Server Key"), signed.as_bytes());
    let last = format!("{unproved},p={}", STANDARD.encode(proof));
    (last, format!("v={}", STANDARD.encode(expected)))
}

/// Logs in by SCRAM up to the last message, and says what is to be answered to it.
fn scram(driver: &mut Driver, user: &str, password: &str) -> (String, String) {
    assert_eq!(choose(driver, "SCRAM-SHA-256").error_code, ErrorCode::NONE);
    let first = format!("n={user},r=nonce");
    let answer = say(driver, &format!("n,,{first}")).auth_bytes;
    proof(&first, str::from_utf8(&answer).unwrap(), password)
}

fn token(subject: &str, expires_ms: i64) -> String {
    let claims = format!(
        "{{\"sub\":\"{subject}\",\"exp\":{}}}",
        expires_ms as f64 / 1000.0
    );
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let token = format!("{}.{}.", part("{\"alg\":\"none\"}"), part(&claims));
    format!("n,,\x01auth=Bearer {token}\x01\x01")
}

#[test]
fn who_is_authenticated_may_ask() {
    let mut driver = driver(all());
    assert_eq!(driver.ask(ONE, 4, &versions()).error_code, ErrorCode::NONE);
    let (last, expected) = scram(&mut driver, "alice", "alice-secret");
    let answer = say(&mut driver, &last);
    assert_eq!(answer.auth_bytes, expected);
    assert_eq!(answer.session_lifetime_ms, 0);
    assert!(may_ask(&mut driver));
}

#[test]
fn every_mechanism_lets_its_clients_in() {
    let expires = token("alice", START_MS + 60_000);
    for (mechanism, message, lifetime_ms) in
        [("PLAIN", ALICE, 0), ("OAUTHBEARER", &expires, 60_000)]
    {
        let mut driver = driver(all());
        let told = choose(&mut driver, mechanism);
        assert_eq!(told.mechanisms.len(), 4);
        let answer = say(&mut driver, message);
        assert_eq!(answer.session_lifetime_ms, lifetime_ms, "{mechanism}");
        assert!(may_ask(&mut driver));
    }
}

#[test]
fn whatever_else_is_asked_before_closes_the_connection() {
    let mut fresh = driver(all());
    assert!(!may_ask(&mut fresh));
    let mut early = driver(all());
    assert_eq!(early.send(ONE, 2, &message("x")), Answer::Close);
    let mut twice = driver(all());
    let _ = twice.ask(ONE, 4, &versions());
    assert_eq!(twice.send(ONE, 4, &versions()), Answer::Close);
    let mut between = driver(all());
    let _ = choose(&mut between, "PLAIN");
    assert!(!may_ask(&mut between));
    assert_eq!(between.send(ONE, 1, &handshake("PLAIN")), Answer::Close);
}

#[test]
fn a_client_that_is_refused_is_told_kafkas_words_and_cut_off() {
    let mut wrong = driver(all());
    let _ = choose(&mut wrong, "PLAIN");
    let words = refused(&mut wrong, "\0alice\0wrong");
    assert_eq!(words, "Authentication failed: Invalid username or password");
    assert!(!may_ask(&mut wrong));

    let invalid = "Authentication failed during authentication due to invalid credentials with \
                   SASL mechanism SCRAM-SHA-256";
    let mut wrong = driver(all());
    let (last, _) = scram(&mut wrong, "alice", "wrong");
    assert_eq!(refused(&mut wrong, &last), invalid);
    let mut unknown = driver(all());
    let _ = choose(&mut unknown, SCRAM.name());
    assert_eq!(refused(&mut unknown, "n,,n=carol,r=nonce"), invalid);

    let mut expired = driver(all());
    let _ = choose(&mut expired, "OAUTHBEARER");
    let told = say(&mut expired, &token("alice", START_MS - 1));
    assert_eq!(told.auth_bytes, "{\"status\":\"invalid_token\"}");
    assert_eq!(
        refused(&mut expired, "\x01"),
        "{\"status\":\"invalid_token\"}"
    );
}

#[test]
fn a_mechanism_that_is_not_enabled_is_answered_with_those_that_are() {
    let mut driver = driver(SaslConfig::new([SCRAM, SaslMechanism::Plain]));
    let asked = handshake("OAUTHBEARER");
    assert_eq!(driver.send(ONE, 1, &asked), Answer::Delayed);
    let releases = driver.next_releases();
    let Answer::Send(frame) = &releases[0].answer else {
        panic!("{releases:?}");
    };
    let told = decode::<SaslHandshakeRequest>(frame.clone(), 1);
    assert_eq!(told.error_code, ErrorCode::UNSUPPORTED_SASL_MECHANISM);
    assert_eq!(told.mechanisms, ["SCRAM-SHA-256", "PLAIN"]);
    assert_eq!(releases[1].answer, Answer::Close);
}

#[test]
fn old_clients_send_messages_without_a_header() {
    let mut driver = driver(all());
    let told = driver.ask(ONE, 0, &handshake("PLAIN"));
    assert_eq!(told.error_code, ErrorCode::NONE);
    let raw = Bytes::from_static(ALICE.as_bytes());
    let answer = driver.cluster.handle(driver.now, ONE, CONNECTION, raw);
    assert_eq!(answer, Answer::Send(Bytes::from_static(&[0; 4])));
    assert!(may_ask(&mut driver));
}

#[test]
fn without_sasl_a_handshake_is_out_of_place() {
    let mut driver = Driver::new(1);
    let told = choose(&mut driver, "PLAIN");
    assert_eq!(told.error_code, ErrorCode::ILLEGAL_SASL_STATE);
    assert!(told.mechanisms.is_empty());
    let told = driver.ask(ONE, 2, &message(ALICE));
    assert_eq!(told.error_code, ErrorCode::ILLEGAL_SASL_STATE);
    assert!(may_ask(&mut driver));
}

#[test]
fn a_session_that_is_over_ends_with_the_next_request() {
    let mut driver = driver(all().with_max_reauth(Duration::from_secs(5)));
    let _ = choose(&mut driver, "PLAIN");
    assert_eq!(say(&mut driver, ALICE).session_lifetime_ms, 5000);
    driver.advance(Duration::from_secs(5));
    assert!(may_ask(&mut driver));
    driver.advance(Duration::from_millis(1));
    assert!(!may_ask(&mut driver));
}

#[test]
fn a_client_authenticates_anew_on_an_open_connection() {
    let mut driver = driver(all().with_max_reauth(Duration::from_secs(5)));
    let _ = choose(&mut driver, "PLAIN");
    let _ = say(&mut driver, ALICE);
    for _ in 0..3 {
        driver.advance(Duration::from_secs(4));
        assert_eq!(choose(&mut driver, "PLAIN").error_code, ErrorCode::NONE);
        assert_eq!(say(&mut driver, ALICE).session_lifetime_ms, 5000);
        assert!(may_ask(&mut driver));
    }
    // Once in a second, and only as the same user, by the same mechanism.
    let again = choose(&mut driver, "PLAIN");
    assert_eq!(again.error_code, ErrorCode::ILLEGAL_SASL_STATE);
    driver.advance(Duration::from_secs(1));
    let mut other = driver.clone();
    assert_eq!(choose(&mut other, SCRAM.name()).error_code, ErrorCode::NONE);
    assert_eq!(
        other.send(ONE, 2, &message("n,,n=alice,r=n")),
        Answer::Close
    );
    let _ = choose(&mut driver, "PLAIN");
    let words = refused(&mut driver, "\0bob\0bob-secret");
    assert!(words.starts_with("Cannot change principals during re-authentication"));
    assert!(!may_ask(&mut driver));
}

#[test]
fn a_password_that_was_changed_counts_at_the_next_authentication() {
    let sasl = all().with_max_reauth(Duration::from_secs(5));
    let mut driver = driver(sasl.clone());
    let (last, _) = scram(&mut driver, "alice", "alice-secret");
    let _ = say(&mut driver, &last);
    driver.cluster.set_sasl(sasl.with_user("alice", "another"));
    assert!(may_ask(&mut driver));
    let mut late = driver.clone();
    let (last, _) = scram(&mut late, "alice", "alice-secret");
    let words = refused(&mut late, &last);
    assert!(words.starts_with("Authentication failed during re-authentication due to"));
    let (last, expected) = scram(&mut driver, "alice", "another");
    assert_eq!(say(&mut driver, &last).auth_bytes, expected);
}

#[test]
fn listed_tokens_are_accepted_until_they_are_not_listed() {
    let listed =
        |value: &str| AcceptedTokens::Listed([(value.to_owned(), "alice".to_owned())].into());
    let sasl = SaslConfig::new([SaslMechanism::OAuthBearer]).with_tokens(listed("seven"));
    let mut driver = driver(sasl.clone());
    let _ = choose(&mut driver, "OAUTHBEARER");
    let mut late = driver.clone();
    let seven = "n,,\x01auth=Bearer seven\x01\x01";
    assert!(say(&mut driver, seven).auth_bytes.is_empty());
    late.cluster.set_sasl(sasl.with_tokens(listed("eight")));
    assert!(!say(&mut late, seven).auth_bytes.is_empty());
}

#[test]
fn faults_strike_handshakes_as_they_strike_other_requests() {
    let mut driver = driver(all());
    let cut = |api| Fault::disconnect(When::AfterHandling).api(api);
    driver.cluster.inject(cut(ApiKey::SASL_HANDSHAKE));
    assert_eq!(driver.send(ONE, 1, &handshake("PLAIN")), Answer::Close);
    driver.cluster.disconnected(ONE, CONNECTION);
    driver.cluster.inject(
        Fault::new(kafka_mock::cluster::Effect::Silence(When::BeforeHandling))
            .api(ApiKey::SASL_AUTHENTICATE),
    );
    let _ = choose(&mut driver, "PLAIN");
    assert_eq!(driver.send(ONE, 2, &message(ALICE)), Answer::Delayed);
    assert_eq!(driver.cluster.deadline(), None);
    driver.cluster.disconnected(ONE, CONNECTION);
    let code = ErrorCode::SASL_AUTHENTICATION_FAILED;
    let refuse = Fault::refuse(code).api(ApiKey::SASL_AUTHENTICATE);
    driver.cluster.inject(refuse);
    let _ = choose(&mut driver, "PLAIN");
    assert_eq!(driver.send(ONE, 2, &message(ALICE)), Answer::Delayed);
    assert_eq!(driver.next_releases().len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn damaged_messages_let_nobody_in(
        mechanism in prop::sample::select(SaslMechanism::ALL.to_vec()),
        which in 0..4_usize,
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        version in 0..=1_i16,
    ) {
        let listed = AcceptedTokens::Listed([("seven".to_owned(), "alice".to_owned())].into());
        let mut driver = driver(all().with_scram_iterations(1).with_tokens(listed));
        let _ = driver.ask(ONE, version, &handshake(mechanism.name()));
        let good = [ALICE, "n,,n=alice,r=nonce", "n,,\x01auth=Bearer seven\x01\x01", ""][which];
        let mut damaged = good.as_bytes().to_vec();
        if !damaged.is_empty() {
            let place = place.index(damaged.len());
            prop_assume!(damaged[place] != byte);
            damaged[place] = byte;
        }
        let changed = good.is_empty() || !damaged.eq_ignore_ascii_case(good.as_bytes());
        for _ in 0..2 {
            let _ = match version {
                0 => driver.cluster.handle(driver.now, ONE, CONNECTION, damaged.clone().into()),
                _ => driver.send(ONE, 2, &message(damaged.clone())),
            };
        }
        let asked = driver.send(ONE, 12, &MetadataRequest::default());
        prop_assert!(!changed || !matches!(asked, Answer::Send(_)), "{asked:?}");
    }
}
