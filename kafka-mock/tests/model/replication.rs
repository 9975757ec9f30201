//! Replicas that lag, leaders that die with what nobody else has, brokers that freeze.

use std::time::Duration;

use kafka_mock::cluster::{
    Answer, BrokerId, ClusterConfig, PartitionFacts, Restart, UncleanElection,
};
use kafka_wire::{
    ErrorCode,
    messages::{MetadataRequest, ProduceRequest, produce::PartitionProduceResponse},
};

use crate::{
    driver::{
        ACKS_ALL, Driver, ONE, TWO, batch, batch_under, decode, only_outcome, produce_request,
        stamped,
    },
    transactor::{Talk, begin, committed, markers, pass},
};

const LAG: Duration = Duration::from_millis(50);
const SESSION: Duration = Duration::from_secs(9);
const THREE: BrokerId = BrokerId(3);

/// Followers get everything so much later.
fn lagging(brokers: u16) -> ClusterConfig {
    ClusterConfig::default()
        .with_brokers(brokers)
        .with_replication_delay(LAG..=LAG)
}

fn facts(driver: &Driver) -> PartitionFacts {
    driver.cluster.partition_facts("t", 0).unwrap()
}

fn values(driver: &Driver) -> Vec<String> {
    let records = driver.cluster.records("t").into_iter();
    let text = |value: Option<bytes::Bytes>| String::from_utf8(value.unwrap().to_vec()).unwrap();
    records.map(|record| text(record.value)).collect()
}

fn request(driver: &Driver, acks: i16, timeout_ms: i32, batch: bytes::Bytes) -> ProduceRequest {
    let topic_id = driver.topic_id("t");
    produce_request(topic_id, 0, acks, batch).with_timeout_ms(timeout_ms)
}

/// What the held request is answered in the end.
fn released(driver: &mut Driver) -> PartitionProduceResponse {
    let [release] = <[_; 1]>::try_from(driver.next_releases()).unwrap();
    let Answer::Send(frame) = release.answer else {
        panic!("not answered: {release:?}");
    };
    only_outcome(decode::<ProduceRequest>(frame, 13))
}

#[test]
fn all_acknowledgements_take_as_long_as_replication_and_one_does_not() {
    let mut driver = Driver::with(lagging(3));
    assert_eq!(driver.produce_to(ONE, 12, 1, batch(&["a"])).base_offset, 0);
    assert_eq!(
        (facts(&driver).high_watermark, facts(&driver).log_end),
        (0, 1)
    );
    let all = request(&driver, ACKS_ALL, 1000, batch(&["b"]));
    assert_eq!(driver.send(ONE, 13, &all), Answer::Delayed);
    let outcome = released(&mut driver);
    assert_eq!(
        (outcome.error_code, outcome.base_offset),
        (ErrorCode::NONE, 1)
    );
    assert_eq!(driver.elapsed_ms(), 50);
    assert_eq!(facts(&driver).high_watermark, 2);
    assert_eq!(driver.cluster.deadline(), None, "nothing is left to do");
}

#[test]
fn what_is_not_replicated_in_time_is_in_the_log_all_the_same() {
    let mut driver = Driver::with(lagging(2));
    let all = request(&driver, ACKS_ALL, 20, batch(&["a"]));
    assert_eq!(driver.send(ONE, 13, &all), Answer::Delayed);
    assert_eq!(
        released(&mut driver).error_code,
        ErrorCode::REQUEST_TIMED_OUT
    );
    assert_eq!(driver.elapsed_ms(), 20);
    assert_eq!(values(&driver), ["a"]);
}

#[test]
fn what_only_a_dead_leader_had_is_lost() {
    let mut driver = Driver::with(lagging(2));
    driver.produce_to(ONE, 12, 1, batch(&["kept"]));
    pass(&mut driver, LAG);
    assert_eq!(
        driver.produce_to(ONE, 12, 1, batch(&["lost"])).error_code,
        ErrorCode::NONE
    );
    driver.cluster.kill_broker(ONE).unwrap();
    assert_eq!(values(&driver), ["kept"]);
    assert_eq!(facts(&driver).log_end, 1);
    driver.cluster.restart_broker(ONE).unwrap();
    assert_eq!(values(&driver), ["kept"], "and does not bring it back");
}

#[test]
fn a_request_that_waits_for_replicas_fails_when_the_leader_changes() {
    let mut driver = Driver::with(lagging(2));
    let all = request(&driver, ACKS_ALL, 1000, batch(&["a"]));
    assert_eq!(driver.send(ONE, 13, &all), Answer::Delayed);
    driver.cluster.move_leader("t", 0, TWO).unwrap();
    let outcome = released(&mut driver);
    assert_eq!(outcome.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(
        (
            outcome.current_leader.leader_id,
            outcome.current_leader.leader_epoch
        ),
        (2, 1)
    );
    assert_eq!(values(&driver), [""; 0]);
}

#[test]
fn too_few_replicas_are_told_before_or_after_the_append() {
    let mut driver = Driver::with(lagging(2).with_min_insync_replicas(2));
    let all = request(&driver, ACKS_ALL, 1000, batch(&["after"]));
    assert_eq!(driver.send(ONE, 13, &all), Answer::Delayed);
    driver.cluster.kill_broker(TWO).unwrap();
    let after = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    assert_eq!(released(&mut driver).error_code, after);
    let before = driver.verdict(batch(&["before"]));
    assert_eq!(before, ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(values(&driver), ["after"]);
}

#[test]
fn readers_see_nothing_beyond_the_high_watermark() {
    let mut driver = Driver::with(lagging(2));
    driver.produce_to(ONE, 12, 1, batch(&["a"]));
    assert_eq!(committed(&driver), [""; 0]);
    pass(&mut driver, LAG);
    assert_eq!(committed(&driver), ["a"]);
}

#[test]
fn a_follower_that_returns_catches_up_before_it_is_in_sync() {
    let mut driver = Driver::with(lagging(2));
    driver.cluster.kill_broker(TWO).unwrap();
    driver.produce(batch(&["a"]));
    driver
        .cluster
        .restart_broker_with(TWO, Restart::Empty)
        .unwrap();
    assert_eq!(facts(&driver).in_sync, [ONE]);
    pass(&mut driver, LAG);
    assert_eq!(facts(&driver).in_sync, [ONE, TWO]);
    driver.cluster.kill_broker(ONE).unwrap();
    assert_eq!(values(&driver), ["a"]);
}

#[test]
fn only_an_unclean_election_lets_a_replica_lead_that_lacks_something() {
    let elections = [
        (UncleanElection::Refused, (None, 1)),
        (UncleanElection::Allowed, (Some(TWO), 0)),
    ];
    for (unclean_election, expected) in elections {
        let mut driver = Driver::with(lagging(2).with_unclean_election(unclean_election));
        driver.cluster.kill_broker(TWO).unwrap();
        driver.produce(batch(&["only one has it"]));
        driver.cluster.kill_broker(ONE).unwrap();
        driver.cluster.restart_broker(TWO).unwrap();
        assert_eq!(
            (facts(&driver).leader, driver.cluster.record_count("t")),
            expected
        );
    }
}

#[test]
fn a_broker_that_restarted_remembers_only_the_last_batch_of_a_producer() {
    let mut driver = Driver::new(1);
    for sequence in 0..3 {
        driver.produce(batch_under(stamped(7, 0, sequence), &["v"]));
    }
    driver.cluster.kill_broker(ONE).unwrap();
    driver.cluster.restart_broker(ONE).unwrap();
    let again = |driver: &mut Driver, sequence| {
        let outcome = driver.produce(batch_under(stamped(7, 0, sequence), &["v"]));
        (outcome.error_code, outcome.base_offset)
    };
    assert_eq!(again(&mut driver, 2), (ErrorCode::NONE, 2));
    let forgotten = (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
    assert_eq!(again(&mut driver, 1), forgotten);
    assert_eq!(again(&mut driver, 3), (ErrorCode::NONE, 3));
    assert_eq!(again(&mut driver, 2), (ErrorCode::NONE, 2), "still");
    assert_eq!(again(&mut driver, 1), forgotten);
}

#[test]
fn a_follower_that_takes_over_remembers_what_the_leader_did() {
    let mut driver = Driver::new(2);
    for sequence in 0..3 {
        driver.produce(batch_under(stamped(7, 0, sequence), &["v"]));
    }
    driver.cluster.kill_broker(ONE).unwrap();
    let again = driver.produce(batch_under(stamped(7, 0, 0), &["v"]));
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 0));
}

#[test]
fn a_lost_tail_is_forgotten_with_its_sequences() {
    let mut driver = Driver::with(lagging(2));
    driver.produce_to(ONE, 12, 1, batch_under(stamped(7, 0, 0), &["a"]));
    pass(&mut driver, LAG);
    driver.produce_to(ONE, 12, 1, batch_under(stamped(7, 0, 1), &["b"]));
    driver.cluster.kill_broker(ONE).unwrap();
    let gap = driver.produce(batch_under(stamped(7, 0, 2), &["c"]));
    assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let again = driver.produce(batch_under(stamped(7, 0, 1), &["b"]));
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 1));
    assert_eq!(values(&driver), ["a", "b"]);
}

#[test]
fn retention_makes_a_partition_forget_its_producers() {
    let mut driver = Driver::new(2);
    driver.produce(batch_under(stamped(7, 0, 0), &["a"]));
    driver.cluster.forget_producers("t", 0).unwrap();
    let anywhere = driver.produce(batch_under(stamped(7, 0, 500), &["b"]));
    assert_eq!(anywhere.error_code, ErrorCode::NONE);
    driver.cluster.kill_broker(ONE).unwrap();
    let again = driver.produce(batch_under(stamped(7, 0, 0), &["a"]));
    assert_eq!(again.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
}

#[test]
fn a_frozen_broker_answers_nothing_until_it_is_thawed() {
    let mut driver = Driver::new(2);
    driver.cluster.freeze_broker(ONE).unwrap();
    let all = request(&driver, ACKS_ALL, 1000, batch(&["a"]));
    assert_eq!(driver.send(ONE, 13, &all), Answer::Delayed);
    pass(&mut driver, Duration::from_secs(5));
    assert_eq!(driver.cluster.record_count("t"), 0);
    driver.cluster.thaw_broker(ONE).unwrap();
    assert_eq!(released(&mut driver).error_code, ErrorCode::NONE);
    assert_eq!(values(&driver), ["a"]);
}

#[test]
fn the_cluster_goes_on_without_a_broker_that_is_silent_for_too_long() {
    let mut driver = Driver::new(2);
    driver.ask(TWO, 12, &MetadataRequest::default());
    driver.cluster.freeze_broker(ONE).unwrap();
    let all = request(&driver, ACKS_ALL, 30_000, batch(&["late"]));
    assert_eq!(driver.send(ONE, 13, &all), Answer::Delayed);
    pass(&mut driver, SESSION - Duration::from_millis(1));
    assert_eq!(facts(&driver).leader, Some(ONE));
    pass(&mut driver, Duration::from_millis(1));
    assert_eq!(
        (facts(&driver).leader, facts(&driver).in_sync),
        (Some(TWO), vec![TWO])
    );
    let brokers = driver.ask(TWO, 12, &MetadataRequest::default()).brokers;
    assert_eq!(brokers.iter().map(|it| it.node_id).collect::<Vec<_>>(), [2]);
    driver.cluster.thaw_broker(ONE).unwrap();
    let outcome = released(&mut driver);
    assert_eq!(outcome.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(facts(&driver).in_sync, [TWO, ONE]);
}

#[test]
fn a_frozen_follower_holds_up_acknowledgements_until_it_is_given_up() {
    let mut driver = Driver::with(lagging(2));
    driver.cluster.freeze_broker(TWO).unwrap();
    let all = request(&driver, ACKS_ALL, 30_000, batch(&["a"]));
    assert_eq!(driver.send(ONE, 13, &all), Answer::Delayed);
    assert_eq!(released(&mut driver).error_code, ErrorCode::NONE);
    assert_eq!(driver.elapsed_ms(), 9000);
    assert_eq!(facts(&driver).in_sync, [ONE]);
}

#[test]
fn a_marker_is_written_again_where_a_new_leader_lacks_it() {
    let mut driver = Driver::with(lagging(3));
    let mut client = begin(&mut driver, Talk::Second);
    let request = client.request(&driver, 0, "a");
    assert_eq!(driver.send(ONE, 13, &request), Answer::Delayed);
    assert_eq!(released(&mut driver).error_code, ErrorCode::NONE);
    assert_eq!(client.commit(&mut driver), ErrorCode::NONE);
    assert_eq!(markers(&driver, 0).len(), 1, "in the leader's log");
    driver.cluster.kill_broker(ONE).unwrap();
    assert_eq!(markers(&driver, 0).len(), 0, "lost with it");
    pass(&mut driver, Duration::from_secs(1));
    pass(&mut driver, Duration::from_secs(1));
    assert_eq!(committed(&driver), ["a"]);
    assert_eq!(facts(&driver).last_stable_offset, 2);
    assert_eq!(driver.cluster.hanging_transactions(), []);
}

#[test]
fn a_marker_waits_until_enough_replicas_are_in_sync() {
    let mut driver = Driver::with(
        ClusterConfig::default()
            .with_brokers(3)
            .with_min_insync_replicas(2),
    );
    let mut client = begin(&mut driver, Talk::Second);
    client.write(&mut driver, 0, "a");
    driver.cluster.kill_broker(TWO).unwrap();
    driver.cluster.kill_broker(THREE).unwrap();
    assert_eq!(client.commit(&mut driver), ErrorCode::NONE);
    pass(&mut driver, Duration::from_secs(1));
    assert_eq!(committed(&driver), [""; 0]);
    driver.cluster.restart_broker(TWO).unwrap();
    pass(&mut driver, Duration::from_secs(1));
    assert_eq!(committed(&driver), ["a"]);
}

#[test]
fn deleted_records_are_gone_and_the_log_begins_behind_them() {
    let mut driver = Driver::new(1);
    for value in ["a", "b", "c"] {
        driver.produce(batch(&[value]));
    }
    driver.cluster.delete_records("t", 0, 2).unwrap();
    assert_eq!(values(&driver), ["c"]);
    assert_eq!(driver.produce(batch(&["d"])).log_start_offset, 2);
    assert_eq!((facts(&driver).log_start, facts(&driver).log_end), (2, 4));
}
