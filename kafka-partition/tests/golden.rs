//! The partition of every key for which Apache Kafka's own client computed one.
//!
//! `tests/golden/partition.jsonl` was made with kafka-clients 4.3.1; `KAFKA_GOLDEN_DIR` names
//! another directory with a file of that name to read instead.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::PathBuf;

use kafka_partition::{
    DefaultPartitioner, Partitioner, RecordView, StickyState, TopicView, murmur2, partition_for_key,
};
use serde_json::Value;

#[test]
fn every_key_goes_where_java_sends_it() {
    let sticky = StickyState::new(1);
    let mut choices = 0;
    for (index, line) in golden("partition.jsonl").lines().enumerate() {
        let case: Value = serde_json::from_str(line).expect("each line is a JSON object");
        let key = hex::decode(case["key"].as_str().unwrap()).unwrap();
        let hash = murmur2(&key);
        assert_eq!(
            i64::from(hash),
            case["murmur2"].as_i64().unwrap(),
            "line {}",
            index + 1
        );
        assert_eq!(
            i64::from(hash & i32::MAX),
            case["positive"].as_i64().unwrap()
        );

        let counts = case["n"].as_array().unwrap();
        let expected = case["partition"].as_array().unwrap();
        assert_eq!(counts.len(), expected.len());
        for (count, expected) in counts.iter().zip(expected) {
            let count = u32::try_from(count.as_u64().unwrap()).unwrap();
            let topic = TopicView::new("golden", count, &[0], &sticky);
            let record = RecordView::new(Some(&key), None);
            let chosen = DefaultPartitioner::new().partition(&topic, &record);
            assert_eq!(
                i64::from(chosen),
                expected.as_i64().unwrap(),
                "line {}",
                index + 1
            );
            assert_eq!(partition_for_key(&key, count), chosen);
            choices += 1;
        }
    }
    assert!(choices > 0, "no choices in the file");
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test may be pointed at other vectors"
)]
fn golden(file: &str) -> String {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let directory = std::env::var("KAFKA_GOLDEN_DIR").map_or(own, PathBuf::from);
    let path = directory.join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    assert!(!text.trim().is_empty(), "{} is empty", path.display());
    text
}
