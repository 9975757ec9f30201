//! Every fuzz target over its seeds and over changes of them: bounded, and the same each time.
//!
//! `cargo fuzz` goes on from the same seeds without an end; see `fuzz/`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../fuzz/src/lib.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::wildcard_imports,
    dead_code,
    unreachable_pub,
    reason = "it is a crate of its own"
)]
mod targets;

use std::path::Path;

use targets::{TARGETS, seeds::seeds};

/// How much one target has read.
#[derive(Debug, Default)]
struct Read {
    of_seeds: usize,
    of_changes: usize,
}

/// Runs a target over its seeds, then over `CHANGES` changes of them.
fn run(name: &str) -> Read {
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let seeds = seeds(name, &golden);
    assert!(seeds.len() > 50, "{} seeds for {name}", seeds.len());
    let mut random = fastrand::Rng::with_seed(1);
    // The few long ones are for the tests that read them whole.
    let short: Vec<_> = seeds.iter().filter(|seed| seed.len() < 4096).collect();
    let changes = std::iter::repeat_with(|| changed(&short, &mut random)).take(CHANGES);
    Read {
        of_seeds: seeds.iter().map(|seed| target(seed)).sum(),
        of_changes: changes.map(|change| target(&change)).sum(),
    }
}

/// A seed with a few changes: bytes, pieces and what stands in another seed.
fn changed(seeds: &[&Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..=4) {
        let at = random.usize(..=bytes.len());
        match random.u8(..6) {
            0 => bytes.insert(at, random.u8(..)),
            1 => bytes.truncate(at),
            2 => {
                let interesting = [0, 1, 0x7f, 0x80, 0xff];
                let byte = interesting[random.usize(..interesting.len())];
                let end = bytes.len().min(at + random.usize(1..=4));
                bytes[at..end].fill(byte);
            }
            3 => {
                let other = seeds[random.usize(..seeds.len())];
                let from = random.usize(..=other.len());
                let end = other.len().min(from + random.usize(..64));
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            _ => {}
        }
    }
    bytes
}

#[test]
fn a_stream_is_split_without_loss_however_it_is_damaged() {
    let read = run("frame");
    assert!(read.of_seeds > 500 && read.of_changes > CHANGES, "{read:?}");
}

#[test]
fn a_request_that_can_be_read_survives_the_way_back() {
    let read = run("each_request");
    assert!(
        read.of_seeds > 500 && read.of_changes > CHANGES / 10,
        "{read:?}"
    );
}

#[test]
fn a_response_that_can_be_read_survives_the_way_back() {
    let read = run("each_response");
    assert!(
        read.of_seeds > 500 && read.of_changes > CHANGES / 10,
        "{read:?}"
    );
}

/// Without a checksum made good, records are read of hardly any change.
#[test]
fn records_of_a_damaged_batch_are_read_or_refused() {
    let read = run("record_batch");
    assert!(read.of_seeds > 500 && read.of_changes > CHANGES, "{read:?}");
}

#[test]
fn damaged_bytes_are_unpacked_or_refused() {
    let read = run("decompress");
    assert!(read.of_seeds > 500 && read.of_changes > CHANGES, "{read:?}");
}

/// A few seconds for all targets together.
const CHANGES: usize = 30_000;
