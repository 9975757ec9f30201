//! What programs under test print: a JSON object a line, each with its time.

use std::io::Write;

use serde_json::Value;

use crate::program::Ended;

/// The lines of standard output, each of which has a time.
pub(crate) fn lines(ended: &Ended) -> Vec<Value> {
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    };
    let lines: Vec<Value> = ended.stdout.lines().map(parse).collect();
    assert!(
        lines.iter().all(|line| number(&line["timestamp"]) > 0),
        "{ended:?}"
    );
    lines
}

pub(crate) fn assert_fields(line: &Value, names: &str) {
    let mut fields: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
    fields.sort_unstable();
    assert_eq!(fields.join(" "), names, "{line}");
}

pub(crate) fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

pub(crate) fn number(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| panic!("{value} is no integer"))
}

/// The program has said what is wrong with its arguments, on standard error only.
pub(crate) fn refused(ended: &Ended, what: &str) {
    assert_eq!(ended.code, Some(1), "{what}: {ended:?}");
    assert_eq!(ended.stdout, "", "{what}");
    assert!(ended.stderr.contains(what), "no {what:?} in {ended:?}");
}

/// A file of properties, removed when it is dropped.
pub(crate) fn properties(text: &str) -> tempfile::TempPath {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.into_temp_path()
}

pub(crate) fn path(file: &tempfile::TempPath) -> &str {
    file.to_str().unwrap()
}
