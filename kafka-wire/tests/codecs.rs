//! What the codecs cost: how small each level comes out, and what is allocated on the way.
//!
//! That what they write is read again stands in `records_round_trip`.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its own functions too"
)]

#[cfg(any(feature = "gzip", feature = "lz4-hc"))]
use kafka_wire::compression::compress;
use kafka_wire::compression::{Compression, CompressionLevel, Compressor};

#[cfg(feature = "gzip")]
#[test]
fn gzip_comes_out_about_as_small_as_zlib_s_at_every_level() {
    let input = log(64 * 1024);
    for number in 1..=9 {
        let level = CompressionLevel::of(Compression::Gzip, number).unwrap();
        let mut ours = Vec::new();
        compress(Compression::Gzip, level, &input, &mut ours).unwrap();
        let effort = flate2::Compression::new(number as u32);
        let mut zlibs = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzEncoder::new(&input[..], effort),
            &mut zlibs,
        )
        .unwrap();
        let (ours, zlibs) = (ours.len(), zlibs.len());
        assert!(ours * 100 <= zlibs * 106, "level {number}: {ours}, {zlibs}");
    }
}

#[cfg(feature = "lz4-hc")]
#[test]
fn lz4_s_ninth_level_is_the_fast_one_and_the_others_try_harder() {
    let input = log(64 * 1024);
    let size = |number| {
        let level = CompressionLevel::of(Compression::Lz4, number).unwrap();
        let mut out = Vec::new();
        compress(Compression::Lz4, level, &input, &mut out).unwrap();
        out.len()
    };
    let sizes = [9, 1, 3, 6, 12].map(size);
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
    assert_eq!(size(17), size(12), "there is nothing beyond");
}

#[test]
fn a_compressor_that_has_seen_a_batch_allocates_nothing_for_the_next() {
    let input = log(64 * 1024);
    for codec in [
        #[cfg(feature = "gzip")]
        Compression::Gzip,
        #[cfg(feature = "snappy")]
        Compression::Snappy,
        #[cfg(feature = "lz4")]
        Compression::Lz4,
        #[cfg(feature = "zstd")]
        Compression::Zstd,
        Compression::None,
    ] {
        let level = CompressionLevel::default_of(codec);
        let mut compressor = Compressor::default();
        let first = compressor.compressed(codec, level, &input).unwrap().len();
        let counted = allocation_counter::measure(|| {
            let again = compressor.compressed(codec, level, &input).unwrap().len();
            assert_eq!(first, again);
        });
        assert_eq!(counted.count_total, 0, "{codec}");
    }
}

/// Lines as servers write them.
fn log(bytes: usize) -> Vec<u8> {
    let words = [
        "request",
        "completed",
        "order",
        "failed",
        "retry",
        "cache",
        "timeout",
        "upstream",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let mut out = String::new();
    while out.len() < bytes {
        let (at, id) = (random.u32(..), random.u64(..));
        out += &format!("ts=17600{at} level=INFO trace={id:016x} msg=");
        for _ in 0..random.usize(5..30) {
            out += words[random.usize(..words.len())];
            out.push(' ');
        }
        out.push('\n');
    }
    out.truncate(bytes);
    out.into_bytes()
}
