//! Faults, as a client meets them.

use std::time::Duration;

use kafka_mock::cluster::{Answer, Fault, When};
use kafka_wire::{
    ApiKey, ErrorCode,
    messages::{InitProducerIdRequest, MetadataRequest},
};

use crate::driver::{ACKS_ALL, Driver, ONE, batch, produce_request};

#[test]
fn the_next_answers_for_a_partition_are_refused_and_then_no_more() {
    let mut driver = Driver::new(1);
    let code = ErrorCode::NOT_ENOUGH_REPLICAS;
    driver
        .cluster
        .inject(Fault::refuse(code).partition("t", 0).times(2));
    let verdicts: Vec<_> = (0..3).map(|_| driver.verdict(batch(&["a"]))).collect();
    assert_eq!(verdicts, [code, code, ErrorCode::NONE]);
    assert_eq!(driver.cluster.record_count("t"), 1);
    assert!(driver.cluster.pending_faults().is_empty());
}

#[test]
fn a_misreported_batch_is_in_the_log() {
    let mut driver = Driver::new(1);
    driver
        .cluster
        .inject(Fault::misreport(ErrorCode::REQUEST_TIMED_OUT).partition("t", 0));
    assert_eq!(driver.verdict(batch(&["a"])), ErrorCode::REQUEST_TIMED_OUT);
    assert_eq!(driver.cluster.record_count("t"), 1);
}

#[test]
fn a_connection_is_cut_before_or_after_the_append() {
    for (when, appended) in [(When::BeforeHandling, 0), (When::AfterHandling, 1)] {
        let mut driver = Driver::new(1);
        let produce = produce_request(driver.topic_id("t"), 0, ACKS_ALL, batch(&["a"]));
        driver
            .cluster
            .inject(Fault::disconnect(when).partition("t", 0));
        assert_eq!(driver.send(ONE, 13, &produce), Answer::Close);
        assert_eq!(driver.cluster.record_count("t"), appended);
        assert!(matches!(driver.send(ONE, 13, &produce), Answer::Send(_)));
    }
}

#[test]
fn a_fault_on_another_partition_does_not_strike() {
    let mut driver = Driver::new(1);
    driver
        .cluster
        .inject(Fault::disconnect(When::BeforeHandling).partition("t", 1));
    assert_eq!(driver.verdict(batch(&["a"])), ErrorCode::NONE);
    assert_eq!(driver.cluster.pending_faults().len(), 1);
    driver.cluster.clear_faults();
    assert!(driver.cluster.pending_faults().is_empty());
}

#[test]
fn throttling_is_told_and_the_work_is_done() {
    let mut driver = Driver::new(1);
    let pause = Duration::from_millis(700);
    driver
        .cluster
        .inject(Fault::throttle(pause).api(ApiKey::PRODUCE));
    let produce = produce_request(driver.topic_id("t"), 0, ACKS_ALL, batch(&["a"]));
    assert_eq!(driver.ask(ONE, 13, &produce).throttle_time_ms, 700);
    assert_eq!(driver.cluster.record_count("t"), 1);
    assert_eq!(driver.ask(ONE, 13, &produce).throttle_time_ms, 0);
}

#[test]
fn other_apis_are_refused_by_name() {
    let mut driver = Driver::new(1);
    let code = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    driver
        .cluster
        .inject(Fault::refuse(code).api(ApiKey::INIT_PRODUCER_ID));
    let answer = driver.ask(
        ONE,
        5,
        &InitProducerIdRequest::default().with_transactional_id(None),
    );
    assert_eq!(
        (answer.error_code, answer.producer_id, answer.producer_epoch),
        (code, -1, -1)
    );

    let code = ErrorCode::LEADER_NOT_AVAILABLE;
    driver
        .cluster
        .inject(Fault::refuse(code).api(ApiKey::METADATA).topic("t"));
    let all = MetadataRequest::default().with_topics(None);
    assert_eq!(driver.ask(ONE, 12, &all).topics[0].error_code, code);
}

#[test]
fn an_answer_is_cut_off_after_what_was_asked_is_done_and_is_never_whole() {
    for (after_bytes, left) in [(0, None), (6, None), (usize::MAX, Some(1))] {
        let mut driver = Driver::new(1);
        let produce = produce_request(driver.topic_id("t"), 0, ACKS_ALL, batch(&["a"]));
        let Answer::Send(whole) = driver.send(ONE, 13, &produce) else {
            panic!("it is answered");
        };
        driver
            .cluster
            .inject(Fault::cut(after_bytes).api(ApiKey::PRODUCE));
        let Answer::Cut(start) = driver.send(ONE, 13, &produce) else {
            panic!("it is cut off");
        };
        let sent = left.map_or(after_bytes, |left| whole.len() - left);
        assert_eq!(start.len(), sent);
        assert_eq!(driver.cluster.record_count("t"), 2);
        assert!(matches!(driver.send(ONE, 13, &produce), Answer::Send(_)));
    }
}
