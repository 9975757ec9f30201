//! Idempotent producers: ids, sequences and epochs, as seen over the wire.

use std::time::Duration;

use kafka_mock::cluster::ClusterConfig;
use kafka_wire::{ErrorCode, messages::InitProducerIdRequest};

use crate::driver::{Driver, ONE, TWO, batch_under, stamped};

fn init(transactional_id: Option<&str>) -> InitProducerIdRequest {
    InitProducerIdRequest::default()
        .with_transactional_id(transactional_id.map(str::to_owned))
        .with_transaction_timeout_ms(60_000)
}

#[test]
fn every_producer_gets_an_id_of_its_own_with_epoch_0() {
    let mut driver = Driver::new(1);
    for version in 0..=5 {
        let one = driver.ask(ONE, version, &init(None));
        let two = driver.ask(ONE, version, &init(None));
        assert_eq!((one.error_code, one.producer_epoch), (ErrorCode::NONE, 0));
        assert_ne!(one.producer_id, two.producer_id);
    }
}

#[test]
fn an_id_held_so_far_is_replaced_not_bumped() {
    let mut driver = Driver::new(1);
    let first = driver.ask(ONE, 5, &init(None));
    let held = init(None)
        .with_producer_id(first.producer_id)
        .with_producer_epoch(0);
    let second = driver.ask(ONE, 5, &held);
    assert_ne!(second.producer_id, first.producer_id);
    assert_eq!(second.producer_epoch, 0);
}

#[test]
fn an_empty_transactional_id_is_refused() {
    let answer = Driver::new(1).ask(ONE, 5, &init(Some("")));
    assert_eq!(answer.error_code, ErrorCode::INVALID_REQUEST);
}

#[test]
fn a_batch_sent_again_is_answered_with_its_first_offset_and_not_appended() {
    let mut driver = Driver::new(1);
    for sequence in 0..5 {
        assert_eq!(
            driver.verdict(batch_under(stamped(7, 0, sequence), &["v"])),
            ErrorCode::NONE
        );
    }
    for sequence in 0..5 {
        let again = driver.produce(batch_under(stamped(7, 0, sequence), &["v"]));
        assert_eq!(
            (again.error_code, again.base_offset),
            (ErrorCode::NONE, i64::from(sequence))
        );
    }
    assert_eq!(driver.cluster.record_count("t"), 5);
}

#[test]
fn a_gap_is_out_of_order_and_appends_nothing() {
    let mut driver = Driver::new(1);
    driver.produce(batch_under(stamped(7, 0, 0), &["a", "b"]));
    let outcome = driver.produce(batch_under(stamped(7, 0, 3), &["d"]));
    assert_eq!(outcome.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(
        driver.verdict(batch_under(stamped(7, 0, 2), &["c"])),
        ErrorCode::NONE
    );
}

#[test]
fn an_older_epoch_is_fenced() {
    let mut driver = Driver::new(1);
    driver.produce(batch_under(stamped(7, 1, 0), &["a"]));
    let outcome = driver.produce(batch_under(stamped(7, 0, 1), &["b"]));
    assert_eq!(outcome.error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
}

#[test]
fn sequences_are_kept_by_partition_and_survive_a_new_leader() {
    let mut driver = Driver::new(2);
    driver.produce(batch_under(stamped(7, 0, 0), &["a"]));
    driver.cluster.kill_broker(ONE).unwrap();
    driver.cluster.restart_broker(ONE).unwrap();
    let again = driver.produce(batch_under(stamped(7, 0, 0), &["a"]));
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 0));
    assert_eq!(driver.cluster.record_count("t"), 1);
}

#[test]
fn records_tell_their_producer_and_sequence() {
    let mut driver = Driver::new(1);
    driver.produce(batch_under(stamped(7, 3, i32::MAX), &["a", "b"]));
    let stamps = driver
        .cluster
        .records("t")
        .into_iter()
        .map(|it| it.producer.unwrap());
    let stamps: Vec<_> = stamps.map(|it| (it.id, it.epoch, it.sequence)).collect();
    assert_eq!(stamps, [(7, 3, i32::MAX), (7, 3, 0)]);
}

/// Two brokers that look every second for producers whose last batch is five seconds old.
fn forgetful() -> Driver {
    Driver::with(
        ClusterConfig::default()
            .with_brokers(2)
            .with_producer_id_expiration(Duration::from_secs(5))
            .with_producer_id_expiration_check(Duration::from_secs(1)),
    )
}

fn pass(driver: &mut Driver, seconds: u64) {
    driver.advance(Duration::from_secs(seconds));
    assert!(driver.cluster.tick(driver.now).is_empty());
}

#[test]
fn a_producer_is_forgotten_by_the_time_of_its_last_batch_and_may_begin_anywhere_then() {
    let mut driver = forgetful();
    driver.produce(batch_under(stamped(7, 0, 0), &["a"]));
    pass(&mut driver, 4);
    let gap = driver.verdict(batch_under(stamped(7, 0, 5), &["b"]));
    assert_eq!(gap, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    pass(&mut driver, 1);
    let anywhere = driver.verdict(batch_under(stamped(7, 0, 5), &["b"]));
    assert_eq!(anywhere, ErrorCode::NONE);
    // This one has the time of the first: it is too old already, at the next check.
    pass(&mut driver, 1);
    let again = driver.verdict(batch_under(stamped(7, 0, 5), &["b"]));
    assert_eq!(again, ErrorCode::NONE);
    assert_eq!(driver.cluster.record_count("t"), 3, "there twice");
}

#[test]
fn what_all_replicas_have_forgotten_a_new_leader_does_not_find_in_its_log() {
    let mut driver = forgetful();
    driver.produce(batch_under(stamped(7, 0, 0), &["a"]));
    pass(&mut driver, 6);
    driver.cluster.move_leader("t", 0, TWO).unwrap();
    let anywhere = driver.verdict(batch_under(stamped(7, 0, 5), &["b"]));
    assert_eq!(anywhere, ErrorCode::NONE);
}
