//! ListOffsets: both ends, and by time.

use kafka_wire::{
    ErrorCode,
    messages::{
        ListOffsetsRequest,
        list_offsets::{ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsTopic},
    },
};

use crate::driver::{Driver, ONE, START_MS, TWO, batch};

fn list(
    driver: &mut Driver,
    version: i16,
    timestamp: i64,
    epoch: i32,
) -> ListOffsetsPartitionResponse {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(0)
        .with_current_leader_epoch(epoch)
        .with_timestamp(timestamp);
    let request = ListOffsetsRequest::default()
        .with_replica_id(-1)
        .with_topics(vec![
            ListOffsetsTopic::default()
                .with_name("t".to_owned())
                .with_partitions(vec![partition]),
        ]);
    let mut answer = driver.ask(ONE, version, &request);
    answer.topics.remove(0).partitions.remove(0)
}

#[test]
fn offsets_are_found_at_the_ends_and_by_time() {
    let mut driver = Driver::new(1);
    driver.produce(batch(&["a", "b"]));
    let cases = [
        (-2, 0, -1),
        (-1, 2, -1),
        (-3, 0, START_MS),
        (-4, 0, -1),
        (-5, -1, -1),
        (0, 0, START_MS),
        (START_MS, 0, START_MS),
        (START_MS + 1, -1, -1),
    ];
    for (timestamp, offset, found) in cases {
        let answer = list(&mut driver, 11, timestamp, -1);
        assert_eq!(answer.error_code, ErrorCode::NONE, "{timestamp}");
        assert_eq!(
            (answer.offset, answer.timestamp),
            (offset, found),
            "{timestamp}"
        );
    }
}

#[test]
fn every_version_tells_the_end() {
    let mut driver = Driver::new(1);
    driver.produce(batch(&["a", "b"]));
    for version in 1..=11 {
        assert_eq!(
            list(&mut driver, version, -1, -1).offset,
            2,
            "version {version}"
        );
    }
}

#[test]
fn a_special_time_that_the_version_lacks_is_refused() {
    let answer = list(&mut Driver::new(1), 6, -3, -1);
    assert_eq!(answer.error_code, ErrorCode::UNSUPPORTED_VERSION);
}

#[test]
fn a_client_with_another_leader_epoch_is_refused() {
    let mut driver = Driver::new(2);
    driver.cluster.move_leader("t", 0, TWO).unwrap();
    assert_eq!(
        list(&mut driver, 11, -1, 1).error_code,
        ErrorCode::NOT_LEADER_OR_FOLLOWER
    );
    driver.cluster.move_leader("t", 0, ONE).unwrap();
    assert_eq!(
        list(&mut driver, 11, -1, 1).error_code,
        ErrorCode::FENCED_LEADER_EPOCH
    );
    assert_eq!(list(&mut driver, 11, -1, 2).error_code, ErrorCode::NONE);
    assert_eq!(
        list(&mut driver, 11, -1, 3).error_code,
        ErrorCode::UNKNOWN_LEADER_EPOCH
    );
}
