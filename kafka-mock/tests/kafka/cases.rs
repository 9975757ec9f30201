//! What is sent: each case for a partition of its own.

use bytes::Bytes;
use kafka_wire::{
    compression::Compression,
    records::{Attributes, BatchHeader, TimestampType},
};

use crate::batches::{Sent, altered, at, batch, in_codec, now_ms, sealed, seq, under};

/// A list of batches with a name.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) version: i16,
    pub(crate) batches: Vec<Sent>,
}

pub(crate) fn case(what: &'static str, batches: impl IntoIterator<Item = Bytes>) -> Case {
    Case {
        what,
        version: 12,
        batches: batches.into_iter().map(Sent::from).collect(),
    }
}

/// Bytes that are no batch, or more than one.
pub(crate) fn frames() -> Vec<Case> {
    let good = batch(&["a"]);
    let twice = [&good[..], &good[..]].concat();
    vec![
        case("good batches", [batch(&["a", "b"]), batch(&["c"])]),
        case("nothing", [Bytes::new()]),
        case("half a batch", [good.slice(..65)]),
        case("half a header", [good.slice(..40)]),
        case("a few bytes", [good.slice(..5)]),
        case("two batches", [twice.into()]),
        case(
            "a batch and a few bytes",
            [[&good[..], b"abc"].concat().into()],
        ),
        case("format 0", [altered(&good, 16, 0)]),
        case("format 1", [altered(&good, 16, 1)]),
        case("format 3", [altered(&good, 16, 3)]),
        case("another checksum", [altered(&good, 17, good[17] ^ 1)]),
        case("other bytes", [altered(&good, 66, good[66] ^ 1)]),
        case("a length below the header", [altered(&good, 11, 10)]),
        case("a negative length", [altered(&good, 8, 0xff)]),
        case("a base offset", [altered(&good, 7, 1)]),
        case("a leader epoch", [altered(&good, 15, 7)]),
    ]
}

/// Batches whose records are not what their header says.
pub(crate) fn contents() -> Vec<Case> {
    let two = batch(&["a", "b"]).slice(61..);
    vec![
        case("no records", [sealed(0, 0, Compression::None, b"")]),
        case(
            "no records but a place",
            [sealed(0, -1, Compression::None, b"")],
        ),
        case(
            "fewer records than places",
            [sealed(1, 1, Compression::None, &two)],
        ),
        case(
            "fewer records than bytes",
            [sealed(1, 0, Compression::None, &two)],
        ),
        case(
            "more records than bytes",
            [sealed(3, 2, Compression::None, &two)],
        ),
        case("a negative count", [sealed(-1, 1, Compression::None, &two)]),
        case(
            "garbage for records",
            [sealed(2, 1, Compression::None, b"garbage, really")],
        ),
        case(
            "garbage for gzip",
            [sealed(2, 1, Compression::Gzip, b"garbage, really")],
        ),
        case(
            "garbage for snappy",
            [sealed(2, 1, Compression::Snappy, b"garbage, really")],
        ),
        case(
            "garbage for lz4",
            [sealed(2, 1, Compression::Lz4, b"garbage, really")],
        ),
        case(
            "garbage for zstd",
            [sealed(2, 1, Compression::Zstd, b"garbage, really")],
        ),
    ]
}

/// Whole batches with something odd about them.
pub(crate) fn oddities() -> Vec<Case> {
    let attributes = |attributes| {
        let header = BatchHeader {
            attributes,
            max_timestamp: now_ms(),
            ..Default::default()
        };
        under(header, &["a"])
    };
    vec![
        case(
            "an unknown codec",
            [attributes(Attributes::from_bits(5))].map(|_| {
                let header = BatchHeader {
                    record_count: 1,
                    base_timestamp: now_ms(),
                    max_timestamp: now_ms(),
                    attributes: Attributes::from_bits(5),
                    ..BatchHeader::default()
                };
                let body = batch(&["a"]).slice(61..);
                [&header.encode(&body)[..], &body].concat().into()
            }),
        ),
        case(
            "control records",
            [attributes(Attributes::default().control())],
        ),
        case(
            "the broker's time",
            [attributes(
                Attributes::default().with_timestamp_type(TimestampType::LogAppendTime),
            )],
        ),
        case(
            "no transaction",
            [under(
                BatchHeader {
                    attributes: Attributes::default().transactional(),
                    producer_id: 9_000_001,
                    producer_epoch: 0,
                    base_sequence: 0,
                    ..BatchHeader::default()
                },
                &["a"],
            )],
        ),
        case("a timestamp two hours ahead", [at(7_200_000)]),
        case("a timestamp of long ago", [at(-1_000_000_000_000)]),
        case("a timestamp an hour ahead, nearly", [at(3_500_000)]),
        case("a large batch", [batch(&[&"x".repeat(1_048_588)])]),
    ]
}

pub(crate) fn codecs() -> Vec<Case> {
    let versions = [3, 6, 7, 9, 12].into_iter();
    let cases = versions.flat_map(|version| {
        Compression::all().map(move |codec| {
            let batch = in_codec(BatchHeader::default(), &["a", "b"], codec);
            Case {
                version,
                ..case(codec.name(), [batch])
            }
        })
    });
    cases.collect()
}

pub(crate) fn acks() -> Vec<Case> {
    let sent = |acks, bytes: Bytes| Case {
        what: "acks",
        version: 12,
        batches: vec![Sent { acks, bytes }],
    };
    let mut cases: Vec<_> = [1, 2, -2].map(|acks| sent(acks, batch(&["a"]))).into();
    // A refusal without acks closes the connection.
    cases.push(sent(0, altered(&batch(&["a"]), 17, 0)));
    cases
}

pub(crate) fn sequences() -> Vec<Case> {
    let six = (0..6).map(|n| seq(0, n, 1));
    vec![
        case("in order", [seq(0, 0, 2), seq(0, 2, 1)]),
        case(
            "a duplicate",
            [seq(0, 0, 2), seq(0, 2, 1), seq(0, 0, 2), seq(0, 2, 1)],
        ),
        case("a gap", [seq(0, 0, 2), seq(0, 3, 1), seq(0, 2, 1)]),
        case("an old duplicate", six.clone().chain([seq(0, 0, 1)])),
        case("the oldest one remembered", six.chain([seq(0, 1, 1)])),
        case(
            "another cut",
            [seq(0, 0, 2), seq(0, 2, 2), seq(0, 2, 1), seq(0, 0, 4)],
        ),
        case(
            "a beginning in the middle",
            [seq(3, 500, 1), seq(3, 501, 1)],
        ),
        case("a new epoch", [seq(0, 0, 1), seq(1, 0, 1), seq(1, 1, 1)]),
        case("a new epoch in the middle", [seq(0, 0, 1), seq(1, 1, 1)]),
        case("an old epoch", [seq(1, 0, 1), seq(0, 1, 1), seq(0, 0, 1)]),
        case("an epoch skipped", [seq(0, 0, 1), seq(5, 0, 1)]),
        case(
            "the end of the numbers",
            [seq(0, i32::MAX, 1), seq(0, 0, 1), seq(0, i32::MAX, 1)],
        ),
        case(
            "across the end",
            [
                seq(0, i32::MAX - 1, 4),
                seq(0, 2, 1),
                seq(0, i32::MAX - 1, 4),
            ],
        ),
        case("no sequence", [seq(0, -1, 1)]),
        case("no epoch", [seq(-1, 0, 1)]),
    ]
}
