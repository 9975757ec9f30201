//! Fetch: what is read, and how long is waited for it.

use std::time::Duration;

use kafka_mock::cluster::{Answer, ConnectionId};
use kafka_wire::{
    ErrorCode, Uuid,
    compression::Compression,
    messages::{
        FetchRequest, FetchResponse,
        fetch::{FetchPartition, FetchTopic, PartitionData},
    },
    records::{BatchHeader, RecordBatches},
};

use crate::driver::{Driver, ONE, TWO, batch, compressed, decode};

const READER: ConnectionId = ConnectionId(9);

fn from(offset: i64, topic_id: Uuid) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic("t".to_owned())
        .with_topic_id(topic_id)
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_topics(vec![topic])
}

fn only_partition(mut response: FetchResponse) -> PartitionData {
    assert_eq!(
        (response.error_code, response.session_id),
        (ErrorCode::NONE, 0)
    );
    response.responses.remove(0).partitions.remove(0)
}

fn values(data: PartitionData) -> Vec<String> {
    let batches = RecordBatches::new(data.records.unwrap());
    let records = batches.flat_map(|batch| batch.unwrap().records());
    let values = records.map(|record| record.unwrap().value.unwrap());
    values
        .map(|value| String::from_utf8(value.to_vec()).unwrap())
        .collect()
}

fn driver() -> Driver {
    let mut driver = Driver::new(2);
    for values in [&["a", "b"][..], &["c"], &["d"]] {
        driver.produce(batch(values));
    }
    driver
}

#[test]
fn whole_batches_are_read_in_every_version() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    for version in 4..=18 {
        let data = only_partition(driver.ask(ONE, version, &from(1, id)));
        assert_eq!((data.high_watermark, data.last_stable_offset), (4, 4));
        assert_eq!(values(data), ["a", "b", "c", "d"], "version {version}");
    }
}

#[test]
fn batches_carry_the_epoch_of_the_leader_that_appended_them() {
    let mut driver = driver();
    driver.cluster.move_leader("t", 0, TWO).unwrap();
    driver.produce(batch(&["e"]));
    let id = driver.topic_id("t");
    let data = only_partition(driver.ask(TWO, 18, &from(3, id)));
    let batches = RecordBatches::new(data.records.unwrap());
    let batches = batches.map(|batch| batch.unwrap().header().clone());
    let epochs: Vec<_> = batches
        .map(|it| (it.base_offset, it.partition_leader_epoch))
        .collect();
    assert_eq!(epochs, [(3, 0), (4, 1)]);
}

#[test]
fn limits_cut_between_batches_but_never_before_the_first() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    let one = batch(&["a", "b"]).len() as i32;
    for (limit, expected) in [
        (0, 2),
        (one, 2),
        (one + 1, 2),
        (one + batch(&["c"]).len() as i32, 3),
    ] {
        let mut request = from(0, id);
        request.topics[0].partitions[0].partition_max_bytes = limit;
        assert_eq!(
            values(only_partition(driver.ask(ONE, 18, &request))).len(),
            expected
        );
        let request = from(0, id).with_max_bytes(limit);
        assert_eq!(
            values(only_partition(driver.ask(ONE, 18, &request))).len(),
            expected
        );
    }
}

#[test]
fn an_offset_beyond_the_log_is_out_of_range() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    for offset in [-1, 5, i64::MAX] {
        let data = only_partition(driver.ask(ONE, 18, &from(offset, id)));
        assert_eq!(data.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    }
}

#[test]
fn a_broker_that_does_not_lead_names_the_leader() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    let answer = driver.ask(TWO, 18, &from(0, id));
    assert_eq!(answer.node_endpoints[0].node_id, 1);
    let data = only_partition(answer);
    assert_eq!(data.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(data.current_leader.leader_id, 1);
}

#[test]
fn unknown_topics_are_told_at_once() {
    let mut driver = driver();
    let mut request = from(0, Uuid([9; 16]));
    let data = only_partition(driver.ask(ONE, 18, &request));
    assert_eq!(data.error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    request.topics[0].topic = "no".to_owned();
    let data = only_partition(driver.ask(ONE, 12, &request));
    assert_eq!(data.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

/// Kafka 4 unpacks nothing for those who read, and refuses nothing either.
#[test]
fn zstd_is_for_old_readers_too() {
    let mut driver = Driver::new(1);
    driver.produce(compressed(
        BatchHeader::default(),
        &["a"],
        Compression::Zstd,
    ));
    let id = driver.topic_id("t");
    for version in [4, 9, 10] {
        let data = only_partition(driver.ask(ONE, version, &from(0, id)));
        assert_eq!(data.error_code, ErrorCode::NONE);
        assert!(!data.records.unwrap().is_empty());
    }
}

#[test]
fn a_session_is_never_granted() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    let request = from(0, id).with_session_id(0).with_session_epoch(0);
    assert_eq!(driver.ask(ONE, 18, &request).session_id, 0);
    let request = from(0, id).with_session_id(5).with_session_epoch(3);
    let answer = driver.ask(ONE, 18, &request);
    assert_eq!(answer.error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
}

#[test]
fn a_reader_at_the_end_waits_no_longer_than_it_said() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    assert_eq!(driver.send(ONE, 18, &from(4, id)), Answer::Delayed);
    let releases = driver.next_releases();
    assert_eq!((releases.len(), driver.elapsed_ms()), (1, 500));
    let Answer::Send(frame) = releases[0].answer.clone() else {
        panic!("{releases:?}")
    };
    assert!(values(only_partition(decode::<FetchRequest>(frame, 18))).is_empty());
}

#[test]
fn a_reader_that_waits_is_answered_when_records_come() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    assert_eq!(
        driver.send_on(ONE, READER, 18, &from(4, id)),
        Answer::Delayed
    );
    driver.advance(Duration::from_millis(100));
    driver.produce(batch(&["e"]));
    let releases = driver.next_releases();
    assert_eq!((releases[0].connection, driver.elapsed_ms()), (READER, 100));
    let Answer::Send(frame) = releases[0].answer.clone() else {
        panic!("{releases:?}")
    };
    assert_eq!(
        values(only_partition(decode::<FetchRequest>(frame, 18))),
        ["e"]
    );
}

#[test]
fn a_reader_waits_for_as_many_bytes_as_it_wants() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    let enough = batch(&["e"]).len() as i32 + 1;
    let request = from(4, id).with_min_bytes(enough);
    assert_eq!(driver.send_on(ONE, READER, 18, &request), Answer::Delayed);
    driver.produce(batch(&["e"]));
    assert!(driver.cluster.tick(driver.now).is_empty());
    driver.produce(batch(&["f"]));
    assert_eq!(driver.next_releases().len(), 1);
    assert_eq!(driver.elapsed_ms(), 0);
}

#[test]
fn a_reader_that_waits_is_told_when_the_leader_moves() {
    let mut driver = driver();
    let id = driver.topic_id("t");
    assert_eq!(
        driver.send_on(ONE, READER, 18, &from(4, id)),
        Answer::Delayed
    );
    driver.cluster.move_leader("t", 0, TWO).unwrap();
    let releases = driver.next_releases();
    let Answer::Send(frame) = releases[0].answer.clone() else {
        panic!("{releases:?}")
    };
    let data = only_partition(decode::<FetchRequest>(frame, 18));
    assert_eq!(
        (data.error_code, driver.elapsed_ms()),
        (ErrorCode::NOT_LEADER_OR_FOLLOWER, 0)
    );
}
