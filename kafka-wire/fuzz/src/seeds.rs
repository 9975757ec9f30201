//! Where each fuzz target begins: what Apache Kafka's own client wrote, from the golden files.

use std::path::Path;

use serde_json::Value;

/// The seeds of a target, from the golden files in `directory`.
pub fn seeds(target: &str, directory: &Path) -> Vec<Vec<u8>> {
    let messages = || {
        let files = [
            "messages.jsonl",
            "group_messages.jsonl",
            "admin_messages.jsonl",
        ];
        let cases = files.map(|file| golden(&directory.join(file)));
        cases.concat()
    };
    let batches = || golden(&directory.join("record_batches.jsonl"));
    let of_kind = |kind: &str| -> Vec<Value> {
        messages()
            .into_iter()
            .filter(|it| it["kind"] == kind)
            .collect()
    };
    match target {
        "frame" => {
            let frames: Vec<_> = messages().iter().map(|it| hex(&it["frame"])).collect();
            frames.chunks(3).map(<[_]>::concat).collect()
        }
        "each_request" => frames(&of_kind("request"), |_| Vec::new()),
        "each_response" => frames(&of_kind("response"), |it| {
            vec![number(&it["key"]), number(&it["version"])]
        }),
        "record_batch" => batches().iter().map(|it| hex(&it["hex"])).collect(),
        "decompress" => {
            let packed = batches().into_iter().map(|it| (hex(&it["hex"]), it));
            packed
                .filter(|(batch, _)| batch.len() > HEADER_BYTES)
                .map(|(batch, it)| [&[codec(&it["codec"])], &batch[HEADER_BYTES..]].concat())
                .collect()
        }
        other => panic!("no target {other}"),
    }
}

/// The frames without their lengths, each behind what `prefix` says.
fn frames(cases: &[Value], prefix: impl Fn(&Value) -> Vec<u8>) -> Vec<Vec<u8>> {
    let with_prefix = |case: &Value| [&prefix(case)[..], &hex(&case["frame"])[4..]].concat();
    cases.iter().map(with_prefix).collect()
}

fn golden(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let lines = text.lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn number(value: &Value) -> u8 {
    value.as_u64().unwrap() as u8
}

fn codec(name: &Value) -> u8 {
    let names = ["none", "gzip", "snappy", "lz4", "zstd"];
    names.iter().position(|it| name == it).unwrap() as u8
}

/// What stands before the records of a batch.
const HEADER_BYTES: usize = 61;
