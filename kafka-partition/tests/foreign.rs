//! The partition of every key for which librdkafka or Sarama computed one.
//!
//! `tests/golden/foreign` has the programs that made the files, and says how. `KAFKA_GOLDEN_DIR` names another
//! directory with files of these names to read instead.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::PathBuf;

use kafka_partition::{
    DefaultPartitioner, HashPartitioner, KeyHash, KeyMoves, KeyPlacement, Partitioner, RecordView,
    Spread, StickyState, TopicView,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn every_key_goes_where_librdkafka_sends_it() {
    let names = [
        "consistent",
        "consistent_random",
        "murmur2",
        "murmur2_random",
        "fnv1a",
        "fnv1a_random",
    ];
    let of = |name| HashPartitioner::of_librdkafka(name).unwrap();
    check("librdkafka.jsonl", &names.map(|name| (name, of(name))));
}

#[test]
fn every_key_goes_where_sarama_sends_it() {
    let partitioners = [
        ("hash", KeyHash::Fnv1a),
        ("reference_hash", KeyHash::Fnv1aReference),
        ("consistent_crc_hash", KeyHash::Crc32),
        ("murmur2", KeyHash::Murmur2),
    ];
    let of = |(name, hash)| (name, HashPartitioner::new(hash));
    check("sarama.jsonl", &partitioners.map(of));
}

/// Each line has a key, some numbers of partitions, and what each partitioner chose of them.
fn check(file: &str, partitioners: &[(&str, HashPartitioner)]) {
    let (mut hashed, mut spread) = (0, 0);
    for (index, line) in golden(file).lines().enumerate() {
        let line_number = index + 1;
        let case: Value = serde_json::from_str(line).expect("each line is a JSON object");
        let key = case["key"].as_str().map(|key| hex::decode(key).unwrap());
        let record = RecordView::new(key.as_deref(), None);
        for (name, partitioner) in partitioners {
            if case[name] == "spread" {
                assert!(spreads(partitioner, &record), "line {line_number}: {name}");
                spread += 1;
                continue;
            }
            assert!(!spreads(partitioner, &record), "line {line_number}: {name}");
            let (counts, expected) = (numbers(&case["n"]), numbers(&case[name]));
            assert_eq!(counts.len(), expected.len());
            for (count, expected) in counts.into_iter().zip(expected) {
                let sticky = StickyState::new(1);
                let topic = TopicView::new("golden", count, &[0], &sticky);
                let chosen = partitioner.partition(&topic, &record);
                let chosen = u32::try_from(chosen).unwrap();
                assert_eq!(chosen, expected, "line {line_number}: {name} of {count}");
                hashed += 1;
            }
        }
    }
    assert!(hashed > 1_000 && spread > 0, "{hashed} and {spread}");
}

/// Whether the record goes elsewhere once a batch is full.
fn spreads(partitioner: &HashPartitioner, record: &RecordView<'_>) -> bool {
    let sticky = StickyState::new(1);
    let topic = TopicView::new("golden", 1_000, &[], &sticky);
    let chosen = partitioner.partition(&topic, record);
    partitioner.batch_filled(&topic, chosen);
    let after_full = partitioner.partition(&topic, record);
    let moved_on = partitioner.move_on(&topic, record, after_full);
    assert_eq!(chosen != after_full, after_full != moved_on);
    chosen != after_full
}

#[test]
fn a_name_that_librdkafka_does_not_have_is_none_of_its_partitioners() {
    for name in ["random", "", "Consistent", "murmur2-random"] {
        assert_eq!(HashPartitioner::of_librdkafka(name), None, "{name}");
    }
}

#[test]
fn a_topic_without_partitions_counts_as_one_with_one() {
    for hash in KeyHash::ALL {
        assert_eq!(hash.partition(b"customer-7", 0), 0, "{hash}");
    }
}

#[test]
fn more_moves_than_a_screen_holds_are_summed_up() {
    let keys: Vec<String> = (0..1_000).map(|id| id.to_string()).collect();
    let place = |hash| KeyPlacement::new(hash, 12);
    let moves = KeyMoves::count(place(KeyHash::Murmur2), place(KeyHash::Crc32), &keys);
    let text = moves.to_string();
    assert_eq!(text.lines().count(), 22, "{text}");
    let others = moves.iter().count() - 20;
    let last = format!("  and {others} other moves");
    assert_eq!(text.lines().last(), Some(&*last));
}

#[test]
fn keys_that_stay_are_told_as_one_sentence() {
    let place = KeyPlacement::new(KeyHash::Fnv1a, 1);
    assert_eq!(
        KeyMoves::count(place, place, ["a", "b"]).to_string(),
        "all 2 keys have the same partition: fnv1a over 1 partition, fnv1a over 1 partition"
    );
    let none: [&str; 0] = [];
    assert!(KeyMoves::count(place, place, none).is_empty());
}

fn any_placement() -> impl Strategy<Value = KeyPlacement> {
    let hash = prop::sample::select(KeyHash::ALL.to_vec());
    (hash, 0..40_u32).prop_map(|(hash, count)| KeyPlacement::new(hash, count))
}

proptest! {
    #[test]
    fn java_s_hash_chooses_as_the_default_partitioner(key in vec(any::<u8>(), 0..40), count in 0..200_u32) {
        let sticky = StickyState::new(1);
        let topic = TopicView::new("orders", count, &[], &sticky);
        let record = RecordView::new(Some(&key), None);
        let ours = HashPartitioner::default().partition(&topic, &record);
        prop_assert_eq!(ours, DefaultPartitioner::new().partition(&topic, &record));
    }

    #[test]
    fn a_key_that_is_hashed_has_a_partition_of_its_topic(
        key in vec(any::<u8>(), 0..40), place in any_placement(), spread in 0..3_usize,
    ) {
        let spread = [Spread::NullKeys, Spread::NullAndEmptyKeys, Spread::Nothing][spread];
        let partitioner = HashPartitioner::new(place.hash).spreading(spread);
        let sticky = StickyState::new(1);
        let topic = TopicView::new("orders", place.partitions, &[], &sticky);
        let chosen = partitioner.partition(&topic, &RecordView::new(Some(&key), None));
        prop_assert!((0..place.partitions.max(1)).contains(&u32::try_from(chosen).unwrap()));
        if !key.is_empty() {
            prop_assert_eq!(chosen, place.partition(&key));
        }
    }

    #[test]
    fn each_key_either_moves_or_stays(
        keys in vec(vec(any::<u8>(), 0..20), 0..50), from in any_placement(), to in any_placement(),
    ) {
        let moves = KeyMoves::count(from, to, &keys);
        let moved: Vec<_> = from.moves_to(to, &keys).collect();
        let stay = keys.iter().filter(|key| from.partition(key) == to.partition(key)).count();
        prop_assert_eq!(moves.keys(), keys.len() as u64);
        prop_assert_eq!(moves.moved(), moved.len() as u64);
        prop_assert_eq!(moved.len() + stay, keys.len());
        prop_assert_eq!(moves.is_empty(), moved.is_empty());
        for found in moved {
            prop_assert_eq!((found.from, found.to), (from.partition(found.key), to.partition(found.key)));
        }
    }
}

fn numbers(list: &Value) -> Vec<u32> {
    let list = list.as_array().expect("a list").iter();
    list.map(|number| u32::try_from(number.as_u64().unwrap()).unwrap())
        .collect()
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test may be pointed at other vectors"
)]
fn golden(file: &str) -> String {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let directory = std::env::var("KAFKA_GOLDEN_DIR").map_or(own, PathBuf::from);
    let path = directory.join(file);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}
