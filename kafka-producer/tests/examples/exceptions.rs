//! Java's names of errors, against those that Apache Kafka's own client gives.
//!
//! `tests/golden/errors.jsonl` was made with kafka-clients 4.4.0; `KAFKA_GOLDEN_DIR` names another
//! directory with the same files.

use std::path::PathBuf;

use kafka_producer::ErrorCode;
use serde_json::Value;

#[allow(dead_code, reason = "only the names of error codes are looked at here")]
#[path = "../../examples/under-test/exception.rs"]
mod exception;

#[test]
fn every_error_code_has_the_name_of_its_java_class() {
    #[allow(
        clippy::disallowed_methods,
        reason = "names another directory of the same layout"
    )]
    let directory = std::env::var("KAFKA_GOLDEN_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden").to_owned());
    let file = PathBuf::from(directory).join("errors.jsonl");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let mut seen = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let Some(class) = case["exception"].as_str() else {
            continue;
        };
        let code = ErrorCode(i16::try_from(case["code"].as_i64().unwrap()).unwrap());
        let expected = format!("org.apache.kafka.common.errors.{class}");
        assert_eq!(exception::of_code(code), expected, "{code:?}");
        seen += 1;
    }
    assert!(seen > 100, "{seen} codes in {file:?}");
}
