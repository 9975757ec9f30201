//! Each line is a JSON document, which is the value as it stands there. The members of an object are fields.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use serde_json::Value;
use serde_json::value::RawValue;

use super::delimited::{Delimited, Line};
use super::rows::{Rows, Step, Wanted, too_long};
use crate::entry::Entry;
use crate::template::{Fields, Found};

/// JSON, one document a line. Blank lines are passed over.
pub(crate) struct Json {
    lines: Delimited,
}

impl Json {
    pub(crate) fn new(lines: Delimited) -> Self {
        Self { lines }
    }

    /// What was read last, which is JSON.
    fn document(&self) -> Option<&RawValue> {
        serde_json::from_slice(self.lines.line()).ok()
    }
}

impl Rows for Json {
    fn read(&mut self, from: &mut dyn BufRead) -> io::Result<Step> {
        loop {
            match self.lines.read(from)? {
                Line::End => return Ok(Step::End),
                Line::TooLong => return Ok(too_long(self.lines.limit())),
                Line::Whole if self.lines.line().trim_ascii().is_empty() => {}
                Line::Whole => break,
            }
        }
        // A `RawValue` alone would take strings that cannot be read.
        match serde_json::from_slice::<Value>(self.lines.line()) {
            Ok(_) => Ok(Step::Row),
            Err(error) => Ok(Step::Bad(not_json(&error))),
        }
    }

    fn line(&self) -> u64 {
        self.lines.number()
    }

    fn describe(&self, entry: &mut Entry, wanted: Wanted) -> Result<(), String> {
        if wanted == Wanted::Everything {
            let document = self.lines.line().trim_ascii();
            entry.value.begin().extend_from_slice(document);
        }
        Ok(())
    }
}

impl Fields for Json {
    /// A string is its text. Anything else is what stands there: numbers are not rounded, so different ones stay
    /// different.
    fn append(&self, name: &str, into: &mut Vec<u8>) -> Found {
        let found = self.document().and_then(|document| at(document, name));
        let Some(text) = found.map(RawValue::get) else {
            return Found::Nothing;
        };
        if text == "null" {
            return Found::Null;
        }
        match serde_json::from_str::<String>(text) {
            Ok(string) => into.extend_from_slice(string.as_bytes()),
            Err(_) => into.extend_from_slice(text.as_bytes()),
        }
        Found::Text
    }

    fn names(&self) -> Option<String> {
        let names = members(self.document()?)?.into_keys();
        Some(names.collect::<Vec<_>>().join(", "))
    }
}

/// A member of this name; or, with dots, one inside another. Elements of arrays have their number as name.
fn at<'a>(document: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    child(document, name).or_else(|| name.split('.').try_fold(document, child))
}

fn child<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    match value.get().starts_with('[') {
        true => {
            let elements: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
            elements.get(name.parse::<usize>().ok()?).copied()
        }
        false => members(value)?.remove(name),
    }
}

/// If it is an object.
fn members(value: &RawValue) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// The words of the parser, with the column alone: it knows only this line.
pub(super) fn not_json(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let words = words.strip_suffix(&place).unwrap_or(&words);
    format!(
        "it is not as expected in column {}: {words}",
        error.column()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_dots_leads_into_objects_and_arrays() {
        let document = r#"{"a": {"b": [7.50, {"c": "x"}]}, "a.b": 1, "n": null}"#;
        let document: &RawValue = serde_json::from_str(document).unwrap();
        let cases = [
            ("a.b", Some("1")),
            ("a.b.0", Some("7.50")),
            ("a.b.1.c", Some(r#""x""#)),
            ("a.b.9", None),
            ("a.b.c", None),
            ("a.b.0.c", None),
            ("n", Some("null")),
            ("n.a", None),
            ("a", Some(r#"{"b": [7.50, {"c": "x"}]}"#)),
            ("b", None),
        ];
        for (name, expected) in cases {
            let found = at(document, name).map(RawValue::get);
            assert_eq!(found, expected, "{name}");
        }
    }
}
