//! Answers that take time, and what waits behind them.

use std::time::Duration;

use kafka_mock::cluster::{Answer, Fault, Release, When};
use kafka_wire::{ApiKey, messages::MetadataRequest};

use crate::driver::{ACKS_ALL, CONNECTION, Driver, ONE, batch, produce_request};

const DELAY: Duration = Duration::from_millis(200);

fn is_sent(release: &Release) -> bool {
    matches!(release.answer, Answer::Send(_))
}

#[test]
fn requests_behind_a_delayed_one_queue() {
    let mut driver = Driver::new(1);
    let produce = produce_request(driver.topic_id("t"), 0, ACKS_ALL, batch(&["a"]));
    driver
        .cluster
        .inject(Fault::delay(When::AfterHandling, DELAY).api(ApiKey::PRODUCE));
    assert_eq!(driver.send(ONE, 13, &produce), Answer::Delayed);
    assert_eq!(driver.send(ONE, 13, &produce), Answer::Delayed);
    assert_eq!(
        driver.send(ONE, 12, &MetadataRequest::default()),
        Answer::Delayed
    );
    assert_eq!(
        driver.cluster.record_count("t"),
        1,
        "the second is not handled yet"
    );
    let releases = driver.next_releases();
    assert_eq!((releases.len(), driver.elapsed_ms()), (3, 200));
    assert!(releases.iter().all(is_sent));
    assert_eq!(driver.cluster.record_count("t"), 2);
    assert_eq!(driver.cluster.deadline(), None);
}

#[test]
fn a_request_delayed_before_it_is_handled_appends_late() {
    let mut driver = Driver::new(1);
    let produce = produce_request(driver.topic_id("t"), 0, ACKS_ALL, batch(&["a"]));
    driver.cluster.inject(
        Fault::delay(When::BeforeHandling, DELAY)
            .api(ApiKey::PRODUCE)
            .always(),
    );
    assert_eq!(driver.send(ONE, 13, &produce), Answer::Delayed);
    assert_eq!(driver.cluster.record_count("t"), 0);
    assert!(is_sent(&driver.next_releases()[0]));
    assert_eq!(
        (driver.cluster.record_count("t"), driver.elapsed_ms()),
        (1, 200)
    );
    let produced = driver
        .cluster
        .requests()
        .filter(|it| it.api == ApiKey::PRODUCE);
    assert_eq!(produced.count(), 1, "it came once");
}

#[test]
fn silence_never_ends() {
    let mut driver = Driver::new(1);
    driver
        .cluster
        .inject(Fault::new(kafka_mock::cluster::Effect::Silence(
            When::AfterHandling,
        )));
    assert_eq!(
        driver.send(ONE, 12, &MetadataRequest::default()),
        Answer::Delayed
    );
    assert_eq!(
        driver.send(ONE, 12, &MetadataRequest::default()),
        Answer::Delayed
    );
    assert_eq!(driver.cluster.deadline(), None);
    driver.advance(Duration::from_secs(3600));
    assert!(driver.cluster.tick(driver.now).is_empty());
}

#[test]
fn nothing_is_answered_on_a_connection_that_is_gone() {
    let mut driver = Driver::new(1);
    driver
        .cluster
        .inject(Fault::delay(When::AfterHandling, DELAY).times(2));
    assert_eq!(
        driver.send(ONE, 12, &MetadataRequest::default()),
        Answer::Delayed
    );
    driver.cluster.disconnected(ONE, CONNECTION);
    assert_eq!(driver.cluster.deadline(), None);
    assert_eq!(
        driver.send(ONE, 12, &MetadataRequest::default()),
        Answer::Delayed
    );
    driver.cluster.kill_broker(ONE).unwrap();
    assert_eq!(driver.cluster.deadline(), None);
}
