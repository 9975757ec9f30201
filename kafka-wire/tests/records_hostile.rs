//! Bytes that no honest peer sends: never a panic, never more memory than they justify.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its own functions too"
)]

use allocation_counter::measure;
use bytes::Bytes;
use kafka_wire::compression::{
    Compression, CompressionError, CompressionLevel, compress, decompress,
};
use kafka_wire::records::{
    Attributes, BATCH_HEADER_BYTES, BatchBuilder, BatchHeader, ControlRecord, RecordBatch,
    RecordBatches, RecordFault, RecordParts, RecordsError, checksum,
};
use proptest::collection::vec;
use proptest::prelude::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        read_all(bytes.clone().into());
        let (key, value) = bytes.split_at(bytes.len() / 2);
        let _ = ControlRecord::decode(&key.to_vec().into(), &value.to_vec().into());
        for codec in Compression::all() {
            bounded(64 * KIB, || {
                let _ = decompress(codec, &bytes, 16 * KIB);
            });
        }
    }

    #[test]
    fn arbitrary_records_under_a_valid_header_are_read_or_refused(
        body in vec(any::<u8>(), 0..400),
        record_count in any_count(),
        last_offset_delta in any_count(),
        attributes in any::<i16>(),
    ) {
        let attributes = Attributes::from_bits(attributes);
        let header = BatchHeader { record_count, last_offset_delta, attributes, ..BatchHeader::default() };
        read_all([&header.encode(&body)[..], &body].concat().into());
    }

    #[test]
    fn a_changed_byte_is_never_taken_for_the_original(
        codec in prop::sample::select(Compression::all().collect::<Vec<_>>()),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let original = sample(codec);
        let mut changed = original.to_vec();
        let at = at.index(changed.len());
        changed[at] ^= flip;
        let read = RecordBatch::decode(&mut changed.into());
        // The checksum leaves out what a broker may rewrite: base offset and leader epoch.
        let rewritable = at < 8 || (12..16).contains(&at);
        prop_assert_eq!(read.is_ok(), rewritable, "byte {}", at);
    }

    #[test]
    fn a_changed_body_with_a_fitting_checksum_is_read_or_refused(
        codec in prop::sample::select(Compression::all().collect::<Vec<_>>()),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = sample(codec).to_vec();
        for (at, byte) in changes {
            let at = BATCH_HEADER_BYTES + at.index(bytes.len() - BATCH_HEADER_BYTES);
            bytes[at] = byte;
        }
        let crc = checksum::of(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        read_all(bytes.into());
    }
}

#[test]
fn a_batch_cut_anywhere_is_incomplete() {
    for codec in Compression::all() {
        let whole = sample(codec);
        for len in 0..whole.len() {
            let mut cut = whole.slice(..len);
            let error = RecordBatch::decode(&mut cut).unwrap_err();
            assert!(
                matches!(error, RecordsError::Incomplete { .. }),
                "{codec} {len}: {error}"
            );
            assert_eq!(cut.len(), len, "a refused batch stays in the input");
            assert_eq!(RecordBatches::fetched(cut.clone()).count(), 0);
            assert_eq!(
                RecordBatches::new(cut).filter(Result::is_err).count(),
                usize::from(len > 0)
            );
        }
    }
}

#[test]
fn compressed_bytes_cut_anywhere_are_refused() {
    for codec in built_in() {
        let packed = pack(
            codec,
            &b"to be cut somewhere, and never to be taken for less ".repeat(50),
        );
        for len in 1..packed.len() {
            // A snappy stream has no end: whole blocks make a stream.
            let whole = codec == Compression::Snappy && len == 16;
            assert_eq!(
                decompress(codec, &packed[..len], MIB).is_ok(),
                whole,
                "{codec} {len}"
            );
        }
    }
}

#[test]
fn bytes_behind_the_compressed_ones_are_refused() {
    for codec in built_in() {
        let mut packed = pack(codec, b"enough");
        packed.extend_from_slice(b"more than enough");
        assert!(decompress(codec, &packed, MIB).is_err(), "{codec}");
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    for codec in built_in() {
        let bomb = pack(codec, &vec![0; 64 * MIB]);
        assert!(
            bomb.len() < 4 * MIB,
            "{codec}: no bomb at {} bytes",
            bomb.len()
        );
        for limit in [0, 1, 1000, MIB] {
            // Doubling, with the old half held while it is copied.
            bounded(3 * limit + 512 * KIB, || {
                let refused = decompress(codec, &bomb, limit);
                assert_eq!(refused, Err(CompressionError::TooLarge { codec, limit }));
            });
        }
    }
}

#[test]
fn a_bomb_in_a_batch_is_an_error_of_its_records() {
    for codec in built_in() {
        let mut builder = BatchBuilder::new(BatchHeader::default());
        builder
            .push(0, &RecordParts::new(None, Some(&vec![0; 16 * MIB])))
            .unwrap();
        let batch = RecordBatch::decode(&mut builder.build(codec).unwrap()).unwrap();
        let mut records = batch.records_within(MIB);
        let error = CompressionError::TooLarge { codec, limit: MIB };
        assert_eq!(records.next(), Some(Err(RecordsError::Compression(error))));
        assert_eq!(records.next(), None);
        assert_eq!(batch.records().filter(Result::is_ok).count(), 1);
    }
}

#[test]
fn a_claimed_size_takes_no_memory() {
    // Each announces gigabytes and holds nothing.
    let snappy_raw = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let snappy_framed = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x05\xff\xff\xff\xff\x0f";
    let lz4 = b"\x04\x22\x4d\x18\x60\x70\x73\xff\xff\xff\x7f";
    let zstd = b"\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\x00\x01\x00\x00";
    for (codec, bytes) in [
        (Compression::Snappy, &snappy_raw[..]),
        (Compression::Snappy, &snappy_framed),
        (Compression::Lz4, lz4),
        (Compression::Zstd, zstd),
    ] {
        bounded(256 * KIB, || {
            decompress(codec, bytes, usize::MAX / 4).unwrap_err();
        });
    }
}

#[test]
fn impossible_counts_take_no_memory() {
    // Length 8: attributes, timestamp, offset, null key, null value, then a count of headers.
    let headers = [16, 0, 0, 0, 1, 1, 0xfe, 0xff, 0x07];
    let header = BatchHeader {
        record_count: 1,
        ..BatchHeader::default()
    };
    let refused = first_record(&header, &headers);
    let fault = RecordFault::HeaderCount {
        count: 65_535,
        available: 0,
    };
    assert_eq!(refused, RecordsError::Record { index: 0, fault });

    let many = BatchHeader {
        record_count: i32::MAX,
        last_offset_delta: i32::MAX - 1,
        ..BatchHeader::default()
    };
    bounded(4 * KIB, || {
        assert!(matches!(
            first_record(&many, b""),
            RecordsError::Record { .. }
        ))
    });
}

#[test]
fn a_record_that_is_not_exact_is_refused() {
    let header = BatchHeader {
        record_count: 1,
        ..BatchHeader::default()
    };
    let fault = |body: &[u8]| match first_record(&header, body) {
        RecordsError::Record { fault, .. } => fault,
        other => panic!("{other}"),
    };
    let length = |what, length, available| RecordFault::Length {
        what,
        length,
        available,
    };
    assert_eq!(fault(&[14, 0, 0, 0, 3, 1, 0, 0]), length("key", -2, 3));
    assert_eq!(fault(&[12, 0, 0, 0, 1, 20, 0]), length("value", 10, 1));
    assert_eq!(fault(&[1]), length("record", -1, 0));
    assert_eq!(
        fault(&[16, 0, 0, 0, 1, 1, 2, 1, 1]),
        length("header name", -1, 1)
    );
    assert_eq!(
        fault(&[14, 0, 0, 0, 1, 1, 0, 9]),
        RecordFault::TrailingBytes { bytes: 1 }
    );
    assert_eq!(
        fault(&[14, 0, 0, 0, 1, 1, 1, 9]),
        RecordFault::HeaderCount {
            count: -1,
            available: 1
        }
    );
    let beyond = RecordFault::OffsetDelta {
        found: 1,
        least: 0,
        most: 0,
    };
    assert_eq!(fault(&[12, 0, 0, 2, 1, 1, 0]), beyond);
    assert!(matches!(fault(&[0xff; 11]), RecordFault::Varint(_)));
}

#[test]
fn counts_that_contradict_the_offsets_are_refused() {
    for (record_count, last_offset_delta) in [(-1, 0), (2, 0), (1, -1), (0, -1), (i32::MAX, 5)] {
        let header = BatchHeader {
            record_count,
            last_offset_delta,
            ..BatchHeader::default()
        };
        let refused = RecordBatch::decode(&mut header.encode(b"").to_vec().into());
        assert_eq!(
            refused,
            Err(RecordsError::RecordCount {
                record_count,
                last_offset_delta
            })
        );
    }
}

fn first_record(header: &BatchHeader, body: &[u8]) -> RecordsError {
    let bytes = [&header.encode(body)[..], body].concat();
    let batch = RecordBatch::decode(&mut bytes.into()).unwrap();
    batch.records().next().unwrap().unwrap_err()
}

/// Reads whatever can be read, within a small multiple of the input's size.
fn read_all(bytes: Bytes) {
    let len = bytes.len();
    bounded(64 * KIB + 64 * len, || {
        for batches in [
            RecordBatches::new(bytes.clone()),
            RecordBatches::fetched(bytes),
        ] {
            for batch in batches.flatten() {
                batch.records_within(16 * KIB).for_each(drop);
            }
        }
    });
}

/// Fails if `run` holds more than `most` bytes at once.
#[track_caller]
fn bounded(most: usize, run: impl FnOnce()) {
    let held = measure(run).bytes_max as usize;
    assert!(held <= most, "held {held} bytes, allowed are {most}");
}

fn sample(codec: Compression) -> Bytes {
    // A codec that is left out cannot write; its batches are as good as uncompressed ones.
    let codec = if built_in().contains(&codec) {
        codec
    } else {
        Compression::None
    };
    let headers = [("name", Some(&b"content"[..])), ("null", None)];
    let mut builder = BatchBuilder::new(BatchHeader {
        base_sequence: 5,
        ..BatchHeader::default()
    });
    for timestamp in 0..9 {
        let headers = headers.iter().copied();
        let parts = RecordParts::new(Some(b"key"), Some(b"a value, a value")).with_headers(headers);
        builder.push(timestamp, &parts).unwrap();
    }
    builder.build(codec).unwrap()
}

fn pack(codec: Compression, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compress(codec, CompressionLevel::default_of(codec), input, &mut out).unwrap();
    out
}

fn any_count() -> impl Strategy<Value = i32> {
    prop_oneof![0..20, any::<i32>()]
}

fn built_in() -> Vec<Compression> {
    let features = [
        (Compression::Gzip, cfg!(feature = "gzip")),
        (Compression::Snappy, cfg!(feature = "snappy")),
        (Compression::Lz4, cfg!(feature = "lz4")),
        (Compression::Zstd, cfg!(feature = "zstd")),
    ];
    features
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(codec, _)| codec)
        .collect()
}
