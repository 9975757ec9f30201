//! What a producer reads of a Metadata answer: the same as all of it, in a fraction of the memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use allocation_counter::measure;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_wire::messages::metadata::{
    LeadersResponse, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_wire::messages::{MetadataRequest, MetadataResponse};
use kafka_wire::{Request, decode_response, decode_response_as, encode_response};
use support::{golden, hex_field};

#[test]
fn leaders_are_those_of_the_whole_answer_in_every_version() {
    let cases = golden("messages.jsonl");
    let answers = cases
        .iter()
        .filter(|case| case["api"] == "Metadata" && case["kind"] == "response");
    let mut partitions = 0;
    for case in answers {
        let version = case["version"].as_i64().unwrap() as i16;
        let version = MetadataRequest::version(version).unwrap();
        let frame = Bytes::from(hex_field(case, "frame")).slice(4..);
        let (_, all) = decode_response::<MetadataRequest>(frame.clone(), version).unwrap();
        let (_, part) =
            decode_response_as::<MetadataRequest, LeadersResponse>(frame, version).unwrap();
        assert_eq!(part.brokers, all.brokers);
        assert_eq!(part.cluster_id, all.cluster_id);
        assert_eq!(
            (part.throttle_time_ms, part.controller_id, part.error_code),
            (all.throttle_time_ms, all.controller_id, all.error_code)
        );
        assert_eq!(part.topics.len(), all.topics.len());
        for (part, all) in part.topics.iter().zip(&all.topics) {
            assert_eq!(
                (&part.name, part.topic_id, part.error_code, part.is_internal),
                (&all.name, all.topic_id, all.error_code, all.is_internal)
            );
            let leaders = part.partitions.iter().map(|it| {
                let place = (it.partition_index, it.leader_id, it.leader_epoch);
                (place, it.error_code)
            });
            let expected = all.partitions.iter().map(|it| {
                let place = (it.partition_index, it.leader_id, it.leader_epoch);
                (place, it.error_code)
            });
            assert!(leaders.eq(expected), "{case}");
            partitions += all.partitions.len();
        }
    }
    assert!(partitions > 20, "{partitions} partitions");
}

/// An answer about one topic whose partitions have three replicas, or none.
fn answer(partitions: i32, replicas: i32) -> Bytes {
    let replicas: Vec<i32> = (0..replicas).collect();
    let partitions = (0..partitions).map(|index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(index % 3)
            .with_leader_epoch(7)
            .with_replica_nodes(replicas.clone())
            .with_isr_nodes(replicas.clone())
    });
    let topic = MetadataResponseTopic::default()
        .with_name(Some("orders".to_owned()))
        .with_partitions(partitions.collect());
    let answer = MetadataResponse::default().with_topics(vec![topic]);
    let version = MetadataRequest::version(12).unwrap();
    let frame = encode_response::<MetadataRequest>(1, version, &answer).unwrap();
    frame.slice(4..)
}

#[test]
fn a_partition_takes_sixteen_bytes_however_many_replicas_it_has() {
    const PARTITIONS: i32 = 200_000;
    let version = MetadataRequest::version(12).unwrap();
    for replicas in [0, 3] {
        let frame = answer(PARTITIONS, replicas);
        let part = measure(|| {
            let decoded =
                decode_response_as::<MetadataRequest, LeadersResponse>(frame.clone(), version);
            assert_eq!(
                decoded.unwrap().1.topics[0].partitions.len(),
                PARTITIONS as usize
            );
        });
        let whole = measure(|| {
            let decoded = decode_response::<MetadataRequest>(frame.clone(), version);
            assert!(decoded.is_ok());
        });
        let each = |bytes: u64| bytes as f64 / f64::from(PARTITIONS);
        println!(
            "{replicas} replicas: {:.1} bytes a partition on the wire, {:.1} of leaders, {:.1} of all",
            each(frame.len() as u64),
            each(part.bytes_max),
            each(whole.bytes_max)
        );
        assert!(each(part.bytes_max) < 16.1, "{}", each(part.bytes_max));
        assert!(part.count_total < 10, "{} allocations", part.count_total);
    }
}

#[test]
fn replicas_that_are_not_read_must_be_there_all_the_same() {
    let version = MetadataRequest::version(12).unwrap();
    let whole = answer(1, 3);
    let read = |frame: Bytes| {
        decode_response_as::<MetadataRequest, LeadersResponse>(frame, version).map(drop)
    };
    assert_eq!(read(whole.clone()), Ok(()));
    for end in 5..whole.len() {
        assert!(read(whole.slice(..end)).is_err(), "cut at {end}");
    }
    let mut lie = BytesMut::from(&whole[..]);
    // The number of offline replicas stands before two empty lists of tags, the topic's
    // operations and the last tags.
    let at = lie.len() - 8;
    assert_eq!(lie[at], 1);
    lie[at] = 0;
    lie.put_u8(0);
    let error = read(lie.freeze()).unwrap_err();
    assert_eq!(error.field(), "topics[0].partitions[0].offline_replicas");
}
