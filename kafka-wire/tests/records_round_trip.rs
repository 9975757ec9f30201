//! What is written is read again: records, batches, and the work of every codec at every level.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its own functions too"
)]

use bytes::Bytes;
use kafka_wire::compression::{
    Compression, CompressionError, CompressionLevel, Compressor, compress, decompress,
};
use kafka_wire::records::{
    Attributes, BatchBuilder, BatchHeader, BuildError, NO_SEQUENCE, Record, RecordBatch,
    RecordBatches, RecordHeader, RecordParts, TimestampType, next_sequence,
};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_batch_of_any_records_reads_back(
        records in vec(any_record(), 0..40),
        base_offset in 0..i64::MAX / 2,
        base_sequence in -1..=i32::MAX,
        codec in any_codec(),
    ) {
        let header = BatchHeader { base_offset, base_sequence, producer_id: 7, ..BatchHeader::default() };
        let batch = RecordBatch::decode(&mut build(header, &records, codec)).unwrap();
        prop_assert_eq!(batch.header().record_count as usize, records.len());
        let read: Vec<Record> = batch.records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(read.len(), records.len());
        for (index, (read, sent)) in read.iter().zip(&records).enumerate() {
            let sequence = next_sequence(base_sequence, index as i32);
            prop_assert_eq!(read.offset, base_offset + index as i64);
            prop_assert_eq!(read.timestamp, sent.timestamp);
            prop_assert_eq!(read.sequence.unwrap_or(NO_SEQUENCE), sequence);
            prop_assert_eq!(read.key.as_deref(), sent.key.as_deref());
            prop_assert_eq!(read.value.as_deref(), sent.value.as_deref());
            prop_assert_eq!(&read.headers, &sent.headers().into_iter().collect());
        }
    }

    #[test]
    fn a_record_takes_the_bytes_it_was_measured_at(
        record in any_record(),
        timestamp_delta in any::<i64>(),
        offset_delta in any::<i32>(),
        before in 0..20_usize,
    ) {
        let mut out = vec![0xaa; before];
        let parts = record.parts();
        let size = parts.size(timestamp_delta, offset_delta).unwrap();
        parts.encode(size, timestamp_delta, offset_delta, &mut out);
        prop_assert_eq!(out.len(), before + size.bytes());
        prop_assert!(out[..before].iter().all(|byte| *byte == 0xaa));
    }

    #[test]
    fn every_codec_gives_back_what_it_took(
        input in compressible(),
        (codec, level) in any_codec().prop_flat_map(any_level),
    ) {
        let mut out = b"before".to_vec();
        compress(codec, level, &input, &mut out).unwrap();
        let packed = out.strip_prefix(b"before").unwrap();
        prop_assert_eq!(&decompress(codec, packed, input.len()).unwrap(), &input);
        if !input.is_empty() {
            let limit = input.len() - 1;
            let refused = decompress(codec, packed, limit);
            prop_assert_eq!(refused, Err(CompressionError::TooLarge { codec, limit }));
        }
    }

    #[test]
    fn any_attributes_survive_their_number(bits in any::<i16>()) {
        let attributes = Attributes::from_bits(bits);
        prop_assert_eq!(attributes.bits(), bits);
        prop_assert_eq!(attributes.with_timestamp_type(attributes.timestamp_type()), attributes);
        match attributes.compression() {
            Ok(codec) => prop_assert_eq!(attributes.with_compression(codec), attributes),
            Err(id) => prop_assert!((5..=7).contains(&id)),
        }
    }
}

#[test]
fn every_level_of_every_codec_is_readable() {
    let input = b"a level is how hard it tries, not what comes out ".repeat(200);
    let mut compressor = Compressor::default();
    for codec in built_in() {
        for level in levels(codec) {
            let level = CompressionLevel::of(codec, level).unwrap();
            let mut out = Vec::new();
            compressor.compress(codec, level, &input, &mut out).unwrap();
            assert_eq!(
                decompress(codec, &out, input.len()).unwrap(),
                input,
                "{codec} {level:?}"
            );
        }
    }
}

#[test]
fn sizes_around_every_block_boundary_are_readable() {
    for codec in built_in() {
        for boundary in [0, 32 * 1024, 64 * 1024, 128 * 1024, 256 * 1024_usize] {
            for len in [boundary.saturating_sub(1), boundary, boundary + 1] {
                for input in [vec![7; len], noise(len)] {
                    let mut out = Vec::new();
                    let level = CompressionLevel::default_of(codec);
                    compress(codec, level, &input, &mut out).unwrap();
                    assert!(
                        decompress(codec, &out, len).unwrap() == input,
                        "{codec} {len}"
                    );
                    assert!(
                        out.len() <= len + len / 64 + 128,
                        "{codec} grew {len} to {}",
                        out.len()
                    );
                }
            }
        }
    }
}

#[test]
fn a_level_outside_of_the_codec_is_refused() {
    for (codec, level) in [
        (Compression::Gzip, 0),
        (Compression::Gzip, 10),
        (Compression::Gzip, -2),
        (Compression::Lz4, 0),
        (Compression::Lz4, 18),
        (Compression::Zstd, 23),
        (Compression::Zstd, -131_073),
    ] {
        let refused = CompressionLevel::of(codec, level).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with(&format!("{codec} has no level {level}: "))
        );
    }
    for codec in Compression::all() {
        let default = CompressionLevel::default_of(codec);
        assert_eq!(CompressionLevel::of(codec, default.number()), Ok(default));
    }
}

#[cfg(not(feature = "lz4-hc"))]
#[test]
fn a_slow_level_of_lz4_is_refused_with_the_feature_that_brings_it() {
    let refused = CompressionLevel::of(Compression::Lz4, 3).unwrap_err();
    let expected = "lz4 has no level 3: 9; 1 to 17 with the feature `lz4-hc` of kafka-wire";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_level_of_another_codec_counts_as_the_nearest() {
    for number in [i32::MIN, -200_000, -2, 0, 10, 23, i32::MAX] {
        let foreign = CompressionLevel::of(Compression::None, number).unwrap();
        for codec in built_in() {
            let mut out = Vec::new();
            compress(codec, foreign, b"foreign", &mut out).unwrap();
            assert_eq!(
                decompress(codec, &out, 7).unwrap(),
                b"foreign",
                "{codec} {number}"
            );
        }
    }
}

#[test]
fn encoding_allocates_nothing_where_there_is_room() {
    let record = Sent {
        key: Some(noise(16)),
        value: Some(noise(100)),
        headers: vec![
            ("name".to_owned(), Some(noise(300))),
            ("null".to_owned(), None),
        ],
        ..Sent::default()
    };
    let mut out = Vec::with_capacity(64 * 1024);
    let allocated = allocation_counter::measure(|| {
        for index in 0..100 {
            let parts = record.parts();
            let size = parts.size(i64::from(index), index).unwrap();
            parts.encode(size, i64::from(index), index, &mut out);
        }
    });
    assert_eq!(allocated.count_total, 0);
    assert!(out.len() > 100 * 416);
}

#[test]
fn a_codec_left_out_names_its_feature() {
    for codec in Compression::all().filter(|codec| !built_in().contains(codec)) {
        let mut out = b"kept".to_vec();
        let level = CompressionLevel::default_of(codec);
        let error = compress(codec, level, b"x", &mut out).unwrap_err();
        assert_eq!(error, CompressionError::NotBuiltIn { codec });
        assert!(
            error
                .to_string()
                .contains(&format!("the feature `{codec}`")),
            "{error}"
        );
        assert_eq!(
            decompress(codec, b"x", 9),
            Err(CompressionError::NotBuiltIn { codec })
        );
        assert_eq!(out, b"kept");
    }
}

#[test]
fn codecs_are_known_by_id_and_name() {
    for (id, name) in [
        (0, "none"),
        (1, "gzip"),
        (2, "snappy"),
        (3, "lz4"),
        (4, "zstd"),
    ] {
        let codec = Compression::from_id(id).unwrap();
        assert_eq!((codec.id(), codec.to_string().as_str()), (id, name));
        assert_eq!(name.parse(), Ok(codec));
    }
    for unknown in ["", "GZIP", "lz4 ", "producer"] {
        assert!(unknown.parse::<Compression>().is_err(), "{unknown}");
    }
}

#[test]
fn sequences_wrap_from_the_largest_to_zero() {
    for (sequence, records, next) in [
        (0, 1, 1),
        (i32::MAX, 0, i32::MAX),
        (i32::MAX, 1, 0),
        (i32::MAX - 1, 3, 1),
        (i32::MAX, i32::MAX, i32::MAX - 1),
        (-1, 5, -1),
    ] {
        assert_eq!(
            next_sequence(sequence, records),
            next,
            "{sequence} + {records}"
        );
    }
}

#[test]
fn log_append_time_is_the_time_of_every_record() {
    let attributes = Attributes::default().with_timestamp_type(TimestampType::LogAppendTime);
    let header = BatchHeader {
        attributes,
        max_timestamp: 99,
        ..BatchHeader::default()
    };
    let mut builder = BatchBuilder::new(header);
    builder.push(5, &RecordParts::new(None, None)).unwrap();
    builder.push(700, &RecordParts::new(None, None)).unwrap();
    let batch = RecordBatch::decode(&mut builder.build(Compression::None).unwrap()).unwrap();
    let times: Vec<i64> = batch
        .records()
        .map(|record| record.unwrap().timestamp)
        .collect();
    assert_eq!(times, [99, 99]);
}

#[test]
fn a_restamped_header_leaves_the_body_valid() {
    let records = [Sent {
        value: Some(noise(20_000)),
        ..Sent::default()
    }];
    let mut first = build(BatchHeader::default(), &records, Compression::None);
    let batch = RecordBatch::decode(&mut first).unwrap();
    let retried = BatchHeader {
        producer_epoch: 3,
        base_sequence: 12,
        ..batch.header().clone()
    };
    let again = [&retried.encode(batch.body())[..], batch.body()].concat();
    let again = RecordBatch::decode(&mut again.into()).unwrap();
    assert_eq!((again.header(), again.body()), (&retried, batch.body()));
    assert_ne!(again.header(), batch.header());
}

#[test]
fn an_empty_batch_is_read_whatever_its_codec() {
    for codec in Compression::all() {
        let attributes = Attributes::new(codec);
        let header = BatchHeader {
            attributes,
            last_offset_delta: 3,
            ..BatchHeader::default()
        };
        let batch = RecordBatch::decode(&mut header.encode(b"").to_vec().into()).unwrap();
        assert_eq!(batch.records().count(), 0, "{codec}");
    }
}

#[test]
fn offsets_may_have_gaps_but_never_go_back() {
    let mut builder = BatchBuilder::new(BatchHeader::default());
    let record = RecordParts::new(None, Some(b"v"));
    builder.push_at(3, 0, &record).unwrap();
    let taken = builder.push_at(3, 0, &record);
    assert_eq!(
        taken,
        Err(BuildError::OffsetDelta {
            offset_delta: 3,
            least: 4
        })
    );
    builder.push_at(9, 0, &record).unwrap();
    let batch = RecordBatch::decode(&mut builder.build(Compression::None).unwrap()).unwrap();
    let offsets: Vec<i64> = batch
        .records()
        .map(|record| record.unwrap().offset)
        .collect();
    assert_eq!(offsets, [3, 9]);
}

#[test]
fn reading_does_not_copy_what_is_not_compressed() {
    let records = [Sent {
        value: Some(noise(5_000)),
        ..Sent::default()
    }];
    let bytes = build(BatchHeader::default(), &records, Compression::None);
    let held = bytes.as_ptr_range();
    let batch = RecordBatches::new(bytes).next().unwrap().unwrap();
    let record = batch.records().next().unwrap().unwrap();
    let value = record.value.unwrap();
    assert!(held.contains(&value.as_ptr()));
}

#[cfg(feature = "snappy")]
#[test]
fn snappy_is_read_raw_and_from_joined_streams() {
    let raw = snap::raw::Encoder::new()
        .compress_vec(b"raw raw raw")
        .unwrap();
    assert_eq!(
        decompress(Compression::Snappy, &raw, 100).unwrap(),
        b"raw raw raw"
    );

    let level = CompressionLevel::default_of(Compression::Snappy);
    let mut joined = Vec::new();
    compress(Compression::Snappy, level, b"one ", &mut joined).unwrap();
    compress(Compression::Snappy, level, b"two", &mut joined).unwrap();
    assert_eq!(
        decompress(Compression::Snappy, &joined, 100).unwrap(),
        b"one two"
    );
}

#[cfg(feature = "gzip")]
#[test]
fn gzip_is_read_by_others_and_in_several_members() {
    use std::io::Read;

    let mut packed = Vec::new();
    for part in [&b"one "[..], b"two"] {
        let level = CompressionLevel::default_of(Compression::Gzip);
        compress(Compression::Gzip, level, part, &mut packed).unwrap();
    }
    assert_eq!(
        decompress(Compression::Gzip, &packed, 100).unwrap(),
        b"one two"
    );
    let mut read = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut read)
        .unwrap();
    assert_eq!(read, b"one ");
}

#[cfg(feature = "lz4")]
#[test]
fn lz4_frames_are_exchanged_with_another_implementation() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
    use std::io::{Read, Write};

    let inputs = [
        vec![],
        b"short".to_vec(),
        b"again and ".repeat(30_000),
        noise(200_000),
    ];
    for input in &inputs {
        let mut ours = Vec::new();
        let level = CompressionLevel::default_of(Compression::Lz4);
        compress(Compression::Lz4, level, input, &mut ours).unwrap();
        let mut read = Vec::new();
        FrameDecoder::new(&ours[..]).read_to_end(&mut read).unwrap();
        assert_eq!(&read, input);
    }
    for (mode, size, sums) in [
        (BlockMode::Independent, BlockSize::Max64KB, false),
        (BlockMode::Linked, BlockSize::Max64KB, true),
        (BlockMode::Linked, BlockSize::Max256KB, false),
        (BlockMode::Independent, BlockSize::Max4MB, true),
    ] {
        let mut both = Vec::new();
        for input in &inputs {
            let info = FrameInfo::new()
                .block_mode(mode)
                .block_size(size)
                .block_checksums(sums)
                .content_checksum(sums)
                .content_size(sums.then_some(input.len() as u64));
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(input).unwrap();
            let theirs = encoder.finish().unwrap();
            assert_eq!(
                &decompress(Compression::Lz4, &theirs, input.len()).unwrap(),
                input
            );
            both.extend_from_slice(&theirs);
        }
        let all = inputs.concat();
        assert!(decompress(Compression::Lz4, &both, all.len()).unwrap() == all);
    }
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_is_read_without_a_known_content_size() {
    let input = b"streamed, so its size was not known ".repeat(1_000);
    let packed = zstd::stream::encode_all(&input[..], 19).unwrap();
    assert_eq!(
        decompress(Compression::Zstd, &packed, input.len()).unwrap(),
        input
    );
}

/// A record as a program would hold it.
#[derive(Clone, Debug, Default)]
struct Sent {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Sent {
    fn parts(&self) -> RecordParts<'_, impl Iterator<Item = (&str, Option<&[u8]>)> + Clone> {
        RecordParts::new(self.key.as_deref(), self.value.as_deref()).with_headers(
            self.headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_deref())),
        )
    }

    fn headers(&self) -> Vec<RecordHeader> {
        let owned = self.headers.iter().cloned();
        owned
            .map(|(key, value)| RecordHeader {
                key: key.into(),
                value: value.map(Bytes::from),
            })
            .collect()
    }
}

fn build(header: BatchHeader, records: &[Sent], codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(header);
    for record in records {
        builder.push(record.timestamp, &record.parts()).unwrap();
    }
    builder.build(codec).unwrap()
}

fn any_record() -> impl Strategy<Value = Sent> {
    let bytes = || prop::option::of(vec(any::<u8>(), 0..300));
    let headers = prop_oneof![Just(vec![]), vec((".{0,20}", bytes()), 0..70)];
    (any::<i64>(), bytes(), bytes(), headers).prop_map(|(timestamp, key, value, headers)| Sent {
        timestamp,
        key,
        value,
        headers,
    })
}

fn any_codec() -> impl Strategy<Value = Compression> {
    prop::sample::select(built_in())
}

fn any_level(codec: Compression) -> impl Strategy<Value = (Compression, CompressionLevel)> {
    let level = prop::sample::select(levels(codec));
    level.prop_map(move |level| (codec, CompressionLevel::of(codec, level).unwrap()))
}

/// Runs of words and noise, so that the codecs find something, and not too much.
fn compressible() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..400),
        (vec(any::<u8>(), 1..30), 1..200_usize).prop_map(|(word, times)| word.repeat(times)),
    ];
    vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn levels(codec: Compression) -> Vec<i32> {
    match codec {
        Compression::Gzip => [-1].into_iter().chain(1..=9).collect(),
        Compression::Lz4 if cfg!(feature = "lz4-hc") => (1..=17).collect(),
        Compression::Lz4 => vec![9],
        Compression::Zstd => [-131_072, -1_000, -7].into_iter().chain(-1..=22).collect(),
        _ => vec![0],
    }
}

fn built_in() -> Vec<Compression> {
    let features = [
        (Compression::None, true),
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

fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    });
    next.take(len).collect()
}
