//! The produce frame is byte for byte the Produce request, and copies no records.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Buf, Bytes};
use kafka_wire::{
    FrameChunks, ProduceFrame, Request, Uuid, Version, encode_request,
    messages::{
        ProduceRequest,
        produce::{PartitionProduceData, TopicProduceData},
    },
};
use proptest::{collection, option, prelude::*};

/// Topics of partitions, each with the records of its batch.
type Topics = Vec<(String, [u8; 16], Vec<(i32, Bytes)>)>;

const HEADER: [u8; 61] = [0xab; 61];

fn topics() -> impl Strategy<Value = Topics> {
    let body = collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
    let partitions = collection::vec((any::<i32>(), body), 0..5);
    collection::vec(("[a-z.]{0,130}", any::<[u8; 16]>(), partitions), 0..4)
}

fn frame(
    version: Version,
    client_id: Option<&str>,
    txn: Option<&str>,
    topics: &Topics,
) -> FrameChunks {
    let mut frame = ProduceFrame::begin(version, 7, client_id, txn, -1, 30_000, topics.len());
    for (name, id, partitions) in topics {
        frame.topic(name, Uuid(*id), partitions.len());
        for (index, body) in partitions {
            frame.partition(*index, &HEADER, body.clone());
        }
    }
    frame.finish().unwrap()
}

fn request(txn: Option<&str>, topics: &Topics) -> ProduceRequest {
    let partition = |(index, body): &(i32, Bytes)| {
        PartitionProduceData::default()
            .with_index(*index)
            .with_records(Some([&HEADER, &body[..]].concat().into()))
    };
    let topic = |(name, id, partitions): &(String, [u8; 16], Vec<_>)| {
        TopicProduceData::default()
            .with_name(name.clone())
            .with_topic_id(Uuid(*id))
            .with_partition_data(partitions.iter().map(partition).collect())
    };
    ProduceRequest::default()
        .with_transactional_id(txn.map(str::to_owned))
        .with_acks(-1)
        .with_timeout_ms(30_000)
        .with_topic_data(topics.iter().map(topic).collect())
}

fn all_versions() -> impl Iterator<Item = Version> {
    let range = ProduceRequest::VERSIONS;
    (range.oldest..=range.latest).map(|number| ProduceRequest::version(number).unwrap())
}

proptest! {
    #[test]
    fn a_produce_frame_is_the_produce_request_in_every_version(
        topics in topics(),
        client_id in option::of("[a-z]{0,20}"),
        txn in option::of("[a-z]{0,20}"),
    ) {
        for version in all_versions() {
            let (client_id, txn) = (client_id.as_deref(), txn.as_deref());
            let chunks = frame(version, client_id, txn, &topics);
            let expected = encode_request(7, client_id, version, &request(txn, &topics)).unwrap();
            prop_assert_eq!(chunks.len(), expected.len());
            prop_assert_eq!(chunks.iter().collect::<Vec<_>>().concat(), &expected[..]);
            prop_assert_eq!(chunks.into_bytes(), expected);
        }
    }

    #[test]
    fn a_frame_written_in_any_steps_is_written_whole(
        topics in topics(),
        steps in collection::vec(1_usize..400, 1..20),
    ) {
        let version = ProduceRequest::version(9).unwrap();
        let mut chunks = frame(version, None, None, &topics);
        let expected = chunks.clone().into_bytes();
        let mut written = Vec::new();
        for step in steps.iter().cycle() {
            if chunks.is_empty() {
                break;
            }
            let mut slices = [std::io::IoSlice::new(&[]); 4];
            let count = chunks.chunks_vectored(&mut slices);
            let offered = slices[..count].iter().flat_map(|slice| slice.iter().copied());
            let taken: Vec<u8> = offered.take(*step).collect();
            prop_assert!(!taken.is_empty(), "bytes are left but none are offered");
            chunks.advance(taken.len());
            written.extend(taken);
        }
        prop_assert_eq!(written, &expected[..]);
        prop_assert!(!chunks.has_remaining() && chunks.chunk().is_empty());
    }
}

#[test]
fn bodies_are_not_copied() {
    let body = Bytes::from(vec![7; 1000]);
    let topics = vec![(
        "t".to_owned(),
        [0; 16],
        vec![(0, body.clone()), (1, body.slice(1..))],
    )];
    let chunks = frame(ProduceRequest::version(9).unwrap(), None, None, &topics);
    let pieces: Vec<&[u8]> = chunks.iter().collect();
    assert_eq!(pieces[1].as_ptr(), body.as_ptr());
    assert_eq!(pieces[3].as_ptr(), body[1..].as_ptr());
}

#[test]
fn a_written_body_is_freed() {
    let body = Bytes::from(vec![7; 1000]);
    let topics = vec![(
        "t".to_owned(),
        [0; 16],
        vec![(0, body.clone()), (1, Bytes::new())],
    )];
    let mut chunks = frame(ProduceRequest::version(9).unwrap(), None, None, &topics);
    drop(topics);
    assert!(!body.is_unique());
    chunks.advance(chunks.iter().take(2).map(<[u8]>::len).sum());
    assert!(body.is_unique());
}

#[test]
fn a_frame_takes_three_allocations_however_many_partitions() {
    let version = ProduceRequest::version(13).unwrap();
    let body = Bytes::from_static(&[7; 100]);
    for partitions in [1, 10, 1000] {
        let used = allocation_counter::measure(|| {
            let mut frame = ProduceFrame::begin(version, 1, Some("app"), None, -1, 1, 1);
            frame.reserve(partitions);
            frame.topic("orders", Uuid::ZERO, partitions);
            for index in 0..partitions {
                frame.partition(index as i32, &HEADER, body.clone());
            }
            drop(frame.finish().unwrap());
        });
        assert!(
            used.count_total <= 3,
            "{} for {partitions} partitions",
            used.count_total
        );
    }
}

#[test]
#[should_panic(expected = "fewer than announced")]
fn a_frame_with_a_partition_missing_is_never_sent() {
    let version = ProduceRequest::version(9).unwrap();
    let mut frame = ProduceFrame::begin(version, 1, None, None, -1, 1, 1);
    frame.topic("orders", Uuid::ZERO, 2);
    frame.partition(0, &HEADER, Bytes::new());
    let _ = frame.finish();
}
