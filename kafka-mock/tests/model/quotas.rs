//! Quotas: who is throttled for how long, and what a muted connection does.

use std::time::Duration;

use bytes::Bytes;
use kafka_mock::cluster::{
    Answer, BrokerId, ClusterConfig, ConnectionId, Fault, Quota, QuotaEntity, SaslConfig,
    SaslMechanism,
};
use kafka_wire::{
    ApiKey, Request, encode_request,
    messages::{
        FetchRequest, FetchResponse, MetadataRequest, ProduceRequest, SaslAuthenticateRequest,
        SaslHandshakeRequest,
        fetch::{FetchPartition, FetchTopic},
    },
};

use crate::driver::{ACKS_ALL, CONNECTION, Driver, ONE, TWO, batch, decode, produce_request};

const OTHER: ConnectionId = ConnectionId(2);
/// The `client.id` of the driver.
const CLIENT: &str = "test";

fn writing(bytes_per_second: u64) -> Quota {
    Quota::default().with_producer_byte_rate(Some(bytes_per_second))
}

fn reading(bytes_per_second: u64) -> Quota {
    Quota::default().with_consumer_byte_rate(Some(bytes_per_second))
}

fn request(driver: &Driver, acks: i16) -> ProduceRequest {
    let batch = batch(&["a", "b", "c"]);
    produce_request(driver.topic_id("t"), 0, acks, batch)
}

/// The bytes of a request that count: those behind its header.
fn bytes_of(request: &ProduceRequest) -> u64 {
    let version = ProduceRequest::version(13).unwrap();
    let whole = |client_id| {
        let frame = encode_request(1, client_id, version, request).unwrap();
        frame.len() as u64
    };
    // Length, API, version, correlation id, a null client id, no tagged fields.
    whole(None) - (4 + 2 + 2 + 4 + 2 + 1)
}

fn throttle(driver: &mut Driver, broker: BrokerId, on: ConnectionId) -> i32 {
    let request = request(driver, ACKS_ALL);
    match driver.send_on(broker, on, 13, &request) {
        Answer::Send(frame) => decode::<ProduceRequest>(frame, 13).throttle_time_ms,
        other => panic!("not answered at once: {other:?}"),
    }
}

#[test]
fn who_writes_too_much_is_told_to_pause_and_is_muted_for_that_long() {
    let mut driver = Driver::new(1);
    let bytes = bytes_of(&request(&driver, ACKS_ALL));
    let limit = bytes / 13;
    driver
        .cluster
        .set_quota(QuotaEntity::client_id(CLIENT), writing(limit));
    // What it wrote, over what it may in a second, less the ten seconds that count.
    let expected = (2000 * bytes + limit) / (2 * limit) - 10_000;
    assert!(expected > 2000, "{expected}");
    let told = throttle(&mut driver, ONE, CONNECTION);
    assert_eq!(told as u64, expected);
    assert_eq!(driver.cluster.record_count("t"), 3, "it is appended");

    let metadata = MetadataRequest::default();
    assert_eq!(driver.send(ONE, 12, &metadata), Answer::Delayed);
    let elsewhere = driver.send_on(ONE, OTHER, 12, &metadata);
    assert!(matches!(elsewhere, Answer::Send(_)));
    let releases = driver.next_releases();
    assert_eq!((releases.len(), releases[0].connection), (1, CONNECTION));
    assert_eq!(driver.elapsed_ms(), u128::from(expected));
    assert_eq!(driver.cluster.deadline(), None);
}

#[test]
fn ten_seconds_worth_may_be_written_at_once() {
    let mut driver = Driver::new(1);
    let bytes = bytes_of(&request(&driver, ACKS_ALL));
    let limit = bytes.div_ceil(10);
    driver
        .cluster
        .set_quota(QuotaEntity::client_id(CLIENT), writing(limit));
    assert_eq!(throttle(&mut driver, ONE, CONNECTION), 0);
    assert_eq!(driver.cluster.deadline(), None);
    driver.advance(Duration::from_secs(5));
    assert!(throttle(&mut driver, ONE, CONNECTION) > 0);
}

#[test]
fn what_comes_on_a_muted_connection_is_answered_in_order_and_may_mute_it_again() {
    let mut driver = Driver::new(1);
    let request = request(&driver, ACKS_ALL);
    let limit = bytes_of(&request) / 11;
    driver
        .cluster
        .set_quota(QuotaEntity::default_client_id(), writing(limit));
    assert!(matches!(driver.send(ONE, 13, &request), Answer::Send(_)));
    for _ in 0..2 {
        assert_eq!(driver.send(ONE, 13, &request), Answer::Delayed);
    }
    assert_eq!(driver.cluster.record_count("t"), 3);
    for handled in [2, 3] {
        let before = driver.elapsed_ms();
        assert_eq!(driver.next_releases().len(), 1);
        assert!(driver.elapsed_ms() > before);
        assert_eq!(driver.cluster.record_count("t"), 3 * handled);
    }
}

#[test]
fn without_an_answer_a_connection_is_muted_all_the_same() {
    let mut driver = Driver::new(1);
    let request = request(&driver, 0);
    driver
        .cluster
        .set_quota(QuotaEntity::client_id(CLIENT), writing(1));
    assert_eq!(driver.send(ONE, 13, &request), Answer::Nothing);
    assert_eq!(driver.send(ONE, 13, &request), Answer::Delayed);
    assert_eq!(driver.cluster.record_count("t"), 3);
    let releases = driver.next_releases();
    assert_eq!(releases[0].answer, Answer::Nothing);
    assert_eq!(driver.cluster.record_count("t"), 6);
}

#[test]
fn a_muted_connection_that_ends_is_forgotten() {
    let mut driver = Driver::new(1);
    driver
        .cluster
        .set_quota(QuotaEntity::client_id(CLIENT), writing(1));
    assert!(throttle(&mut driver, ONE, CONNECTION) > 0);
    assert!(driver.cluster.deadline().is_some());
    driver.cluster.disconnected(ONE, CONNECTION);
    assert_eq!(driver.cluster.deadline(), None);
}

#[test]
fn each_broker_counts_for_itself_all_connections_together_and_forgets_when_it_ends() {
    let config = ClusterConfig::default().with_brokers(2);
    let mut driver = Driver::with(config.with_default_replication_factor(1));
    let bytes = bytes_of(&request(&driver, ACKS_ALL));
    let limit = writing(bytes.div_ceil(10));
    driver
        .cluster
        .set_quota(QuotaEntity::client_id(CLIENT), limit);
    assert_eq!(throttle(&mut driver, ONE, CONNECTION), 0);
    assert_eq!(throttle(&mut driver, TWO, CONNECTION), 0);
    assert!(throttle(&mut driver, ONE, OTHER) > 0);
    driver.cluster.kill_broker(ONE).unwrap();
    driver.cluster.restart_broker(ONE).unwrap();
    assert_eq!(throttle(&mut driver, ONE, ConnectionId(3)), 0);
    assert!(throttle(&mut driver, TWO, OTHER) > 0);
}

#[test]
fn a_quota_is_changed_and_taken_back_while_the_cluster_runs() {
    let mut driver = Driver::new(1);
    let everybody = QuotaEntity::default_user();
    assert_eq!(throttle(&mut driver, ONE, CONNECTION), 0);
    driver.cluster.set_quota(everybody.clone(), writing(1));
    // One for whom there is no quota but this is a user without a name.
    assert!(throttle(&mut driver, ONE, CONNECTION) > 0);
    driver
        .cluster
        .set_quota(QuotaEntity::user("ANONYMOUS"), writing(1 << 20));
    assert_eq!(throttle(&mut driver, ONE, OTHER), 0);
    driver.cluster.set_quota(everybody, Quota::default());
    driver
        .cluster
        .set_quota(QuotaEntity::user("ANONYMOUS"), Quota::default());
    assert_eq!(driver.cluster.quotas().count(), 0);
    assert_eq!(throttle(&mut driver, ONE, ConnectionId(3)), 0);
}

#[test]
fn a_quota_of_a_user_is_that_of_whom_a_client_authenticates_as() {
    let sasl = SaslConfig::new([SaslMechanism::Plain]);
    let sasl = sasl.with_user("alice", "1").with_user("bob", "2");
    let quotas = vec![(QuotaEntity::user("alice"), writing(1))];
    let config = ClusterConfig::default().with_sasl(Some(sasl));
    let mut driver = Driver::with(config.with_quotas(quotas));
    for (on, login, throttled) in [
        (CONNECTION, "\0alice\x001", true),
        (OTHER, "\0bob\x002", false),
    ] {
        let handshake = SaslHandshakeRequest::default().with_mechanism("PLAIN".to_owned());
        let _ = driver.send_on(ONE, on, 1, &handshake);
        let login = Bytes::from_static(login.as_bytes());
        let login = SaslAuthenticateRequest::default().with_auth_bytes(login);
        let _ = driver.send_on(ONE, on, 2, &login);
        assert_eq!(throttle(&mut driver, ONE, on) > 0, throttled);
    }
}

#[test]
fn of_a_quota_and_a_scripted_throttle_the_longer_is_told() {
    let mut driver = Driver::new(1);
    let bytes = bytes_of(&request(&driver, ACKS_ALL));
    driver
        .cluster
        .set_quota(QuotaEntity::client_id(CLIENT), writing(bytes / 11));
    for (on, scripted_ms) in [(CONNECTION, 1), (OTHER, 1_000_000)] {
        let scripted = Duration::from_millis(scripted_ms);
        driver
            .cluster
            .inject(Fault::throttle(scripted).api(ApiKey::PRODUCE));
        let told = throttle(&mut driver, ONE, on) as u64;
        assert_eq!(told == scripted_ms, scripted_ms > 1, "{told}");
        assert!(told >= scripted_ms);
    }
}

fn fetch(driver: &Driver, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic("t".to_owned())
        .with_topic_id(driver.topic_id("t"))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_topics(vec![topic])
}

fn records_bytes(response: &FetchResponse) -> usize {
    let partitions = response.responses.iter().flat_map(|it| &it.partitions);
    let records = partitions.filter_map(|it| it.records.as_ref());
    records.map(Bytes::len).sum()
}

#[test]
fn who_reads_too_much_is_given_nothing_and_muted_until_it_may_read_on() {
    let mut driver = Driver::new(1);
    driver.produce(batch(&["a", "b", "c"]));
    let fetch = fetch(&driver, 0);
    let (Answer::Send(whole), version) = (driver.send(ONE, 18, &fetch), 18) else {
        panic!("it is answered at once");
    };
    // Without the length of the frame and the tagged fields of its header.
    let limit = (whole.len() as u64 - 5).div_ceil(10);
    driver
        .cluster
        .set_quota(QuotaEntity::client_id(CLIENT), reading(limit));

    let first = driver.ask(ONE, version, &fetch);
    assert_eq!(first.throttle_time_ms, 0);
    assert!(records_bytes(&first) > 0);
    let second = driver.ask(ONE, version, &fetch);
    assert!(second.throttle_time_ms > 0);
    assert_eq!(second.responses, []);
    assert_eq!(driver.send(ONE, version, &fetch), Answer::Delayed);
    let told = second.throttle_time_ms as u128;
    driver.next_releases();
    assert_eq!(driver.elapsed_ms(), told);

    // What was not given does not count: the first answer alone is still within the windows.
    driver.advance(Duration::from_millis(11_000 - told as u64));
    let Answer::Send(last) = driver.send_on(ONE, OTHER, version, &fetch) else {
        panic!("it is answered at once");
    };
    let last = decode::<FetchRequest>(last, version);
    assert!(records_bytes(&last) > 0);
}

#[test]
fn a_reader_is_given_no_more_at_once_than_would_pass() {
    let mut driver = Driver::new(1);
    let value = "v".repeat(1000);
    for _ in 0..4 {
        driver.produce(batch(&[&value]));
    }
    let fetch = fetch(&driver, 0);
    let one = records_bytes(&driver.ask(ONE, 18, &fetch)) as u64 / 4;
    // Three of four, and what is around them.
    let limit = reading((3 * one + 200) / 10);
    driver
        .cluster
        .set_quota(QuotaEntity::client_id(CLIENT), limit);
    let some = driver.ask(ONE, 18, &fetch);
    assert_eq!(records_bytes(&some) as u64, 3 * one);
    assert_eq!(some.throttle_time_ms, 0);
}

#[test]
fn the_same_requests_are_throttled_alike() {
    let run = || {
        let mut driver = Driver::new(2);
        let bytes = bytes_of(&request(&driver, ACKS_ALL));
        let limit = writing(bytes / 3);
        driver
            .cluster
            .set_quota(QuotaEntity::client_id(CLIENT), limit);
        let told = (3..80).map(|n| {
            driver.advance(Duration::from_millis(n * 37 % 900));
            throttle(&mut driver, ONE, ConnectionId(n))
        });
        told.collect::<Vec<_>>()
    };
    let once = run();
    assert_eq!(once, run());
    assert!(once.contains(&0) && once.iter().any(|told| *told > 0));
}
