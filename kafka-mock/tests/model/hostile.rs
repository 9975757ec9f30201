//! Bytes that are no requests, and requests that were damaged: the model answers or closes.

use std::time::Duration;

use bytes::Bytes;
use kafka_mock::cluster::{Answer, ConnectionId};
use kafka_wire::{
    ErrorCode, Request,
    compression::Compression,
    encode_request,
    messages::{
        AlterClientQuotasRequest, ApiVersionsRequest, CreateAclsRequest, CreatePartitionsRequest,
        CreateTopicsRequest, DeleteAclsRequest, DeleteGroupsRequest, DeleteRecordsRequest,
        DeleteTopicsRequest, DescribeAclsRequest, DescribeClientQuotasRequest,
        DescribeClusterRequest, DescribeConfigsRequest, DescribeGroupsRequest,
        DescribeTransactionsRequest, FetchRequest, FindCoordinatorRequest, HeartbeatRequest,
        IncrementalAlterConfigsRequest, InitProducerIdRequest, LeaveGroupRequest,
        ListGroupsRequest, ListOffsetsRequest, ListTransactionsRequest, MetadataRequest,
        OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest,
        create_topics::CreatableTopic,
        fetch::{FetchPartition, FetchTopic},
        metadata::MetadataRequestTopic,
    },
    records::{BatchBuilder, BatchHeader, RecordParts},
};
use proptest::prelude::*;

use crate::{
    driver::{Driver, ONE, START_MS, batch, produce_request},
    member::{GROUP, Member, alone},
};

/// A good request of every API that is served, in its last version.
fn requests() -> Vec<Bytes> {
    fn in_version<R: Request>(request: &R, version: i16) -> Bytes {
        let version = R::version(version).unwrap();
        encode_request(1, Some("test"), version, request)
            .unwrap()
            .slice(4..)
    }
    fn last<R: Request>(request: &R) -> Bytes {
        in_version(request, R::STABLE_VERSIONS.latest)
    }
    let id = Driver::new(1).topic_id("t");
    let partitions = vec![FetchPartition::default().with_partition_max_bytes(1000)];
    let topics = vec![
        FetchTopic::default()
            .with_topic_id(id)
            .with_partitions(partitions),
    ];
    let named = MetadataRequestTopic::default().with_name(Some("new".to_owned()));
    let creatable = CreatableTopic::default()
        .with_name("n".to_owned())
        .with_num_partitions(1)
        .with_replication_factor(1);
    vec![
        last(&ApiVersionsRequest::default()),
        last(&MetadataRequest::default().with_topics(Some(vec![named]))),
        last(&produce_request(id, 0, -1, batch(&["a", "b"]))),
        last(&FetchRequest::default().with_topics(topics)),
        last(&CreateTopicsRequest::default().with_topics(vec![creatable])),
        last(&DeleteTopicsRequest::default()),
        last(&CreatePartitionsRequest::default().with_topics(vec![Default::default()])),
        last(&DeleteRecordsRequest::default().with_topics(vec![Default::default()])),
        last(&IncrementalAlterConfigsRequest::default().with_resources(vec![Default::default()])),
        last(&CreateAclsRequest::default().with_creations(vec![Default::default()])),
        last(&DescribeAclsRequest::default()),
        last(&DeleteAclsRequest::default().with_filters(vec![Default::default()])),
        last(&AlterClientQuotasRequest::default().with_entries(vec![Default::default()])),
        last(&DescribeClientQuotasRequest::default().with_components(vec![Default::default()])),
        last(&DescribeClusterRequest::default()),
        last(&DescribeConfigsRequest::default()),
        last(&FindCoordinatorRequest::default()),
        last(&InitProducerIdRequest::default()),
        last(&ListOffsetsRequest::default()),
        last(&Member::new(1).join_request()),
        last(&Member::fixed(1, "till-7").join_request()),
        last(&SyncGroupRequest::default().with_group_id(GROUP.to_owned())),
        last(&HeartbeatRequest::default().with_group_id(GROUP.to_owned())),
        last(&LeaveGroupRequest::default().with_group_id(GROUP.to_owned())),
        last(&OffsetCommitRequest::default().with_group_id(GROUP.to_owned())),
        last(&OffsetFetchRequest::default().with_groups(vec![Default::default()])),
        last(&DescribeGroupsRequest::default().with_groups(vec![GROUP.to_owned()])),
        last(&ListGroupsRequest::default()),
        last(&DeleteGroupsRequest::default().with_groups_names(vec![GROUP.to_owned()])),
        last(&OffsetDeleteRequest::default().with_group_id(GROUP.to_owned())),
        last(&DescribeTransactionsRequest::default().with_transactional_ids(vec!["tx".to_owned()])),
        in_version(
            &ListTransactionsRequest::default().with_state_filters(vec![String::new()]),
            1,
        ),
    ]
}

#[test]
fn a_request_that_is_not_served_closes_the_connection() {
    let unknown_api = &b"\x03\xe7\x00\x00\x00\x00\x00\x01\xff\xff"[..];
    let half_a_join = &b"\x00\x0b\x00\x05\x00\x00\x00\x01\xff\xff"[..];
    let old_produce =
        &b"\x00\x00\x00\x02\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"[..];
    let future_metadata = &b"\x00\x03\x00\x63\x00\x00\x00\x01\xff\xff\x00"[..];
    for frame in [
        unknown_api,
        half_a_join,
        old_produce,
        future_metadata,
        b"",
        b"\x00",
    ] {
        let mut driver = Driver::new(1);
        let answer = driver
            .cluster
            .handle(driver.now, ONE, ConnectionId(1), frame.into());
        assert_eq!(answer, Answer::Close, "{frame:?}");
    }
}

/// As Kafka does: librdkafka sends three when it asks for the metadata of all topics.
#[test]
fn bytes_behind_a_request_are_skipped() {
    for request in requests() {
        let answers = [&b""[..], b"\0\0\0"].map(|more| {
            let mut driver = Driver::new(1);
            let frame = [&request[..], more].concat();
            driver
                .cluster
                .handle(driver.now, ONE, ConnectionId(1), frame.into())
        });
        assert_ne!(answers[0], Answer::Close, "{request:?}");
        assert_eq!(answers[0], answers[1], "{request:?}");
    }
}

#[test]
fn a_few_kilobytes_of_sixty_million_empty_headers_are_refused_in_little_more_than_they_unpack_to() {
    let headers = 60_000_000;
    let record =
        RecordParts::new(None, None).with_headers(std::iter::repeat_n(("", None), headers));
    let mut builder = BatchBuilder::new(BatchHeader::default());
    builder.push(START_MS, &record).unwrap();
    let batch = builder.build(Compression::Zstd).unwrap();
    assert!(batch.len() < 20_000, "{} bytes are no bomb", batch.len());
    let mut driver = Driver::new(1);
    let mut told = None;
    let used = allocation_counter::measure(|| told = Some(driver.produce(batch)));
    let told = told.unwrap();
    assert_eq!(told.error_code, ErrorCode::INVALID_RECORD, "{told:?}");
    let (held, allowed) = (used.bytes_max as usize, 3 * 2 * headers + (1 << 20));
    assert!(held <= allowed, "{held} bytes, allowed are {allowed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_frames_never_panic(frame in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut driver = Driver::new(1);
        let _ = driver.cluster.handle(driver.now, ONE, ConnectionId(1), frame.into());
    }

    #[test]
    fn damaged_requests_never_panic(
        which in 0..25_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut frame = requests()[which].to_vec();
        for (place, byte) in damage {
            let place = place.index(frame.len());
            frame[place] = byte;
        }
        if let Some(cut) = cut {
            frame.truncate(cut.index(frame.len()));
        }
        let mut driver = Driver::new(1);
        alone(&mut driver);
        let _ = driver.cluster.handle(driver.now, ONE, ConnectionId(1), frame.into());
        driver.advance(Duration::from_secs(3600));
        let _ = driver.cluster.tick(driver.now);
        let _ = driver.cluster.records("t");
    }
}
