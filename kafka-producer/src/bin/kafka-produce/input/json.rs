//! Each line is a JSON document, which is the value as it stands there. The members of an object are fields.

use std::io::{self, BufRead};

use serde_json::Value;

use super::delimited::{Delimited, Line};
use super::rows::{Rows, Step, Wanted, too_long};
use crate::entry::Entry;
use crate::template::{Fields, Found};

/// JSON, one document a line. Blank lines are passed over.
pub(crate) struct Json {
    lines: Delimited,
    document: Value,
}

impl Json {
    pub(crate) fn new(lines: Delimited) -> Self {
        let document = Value::Null;
        Self { lines, document }
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
        match serde_json::from_slice(self.lines.line()) {
            Ok(document) => self.document = document,
            Err(error) => return Ok(Step::Bad(not_json(&error))),
        }
        Ok(Step::Row)
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
    fn append(&self, name: &str, into: &mut Vec<u8>) -> Found {
        let Some(value) = at(&self.document, name) else {
            return Found::Nothing;
        };
        match value {
            Value::Null => return Found::Null,
            Value::String(text) => into.extend_from_slice(text.as_bytes()),
            other => into.extend_from_slice(other.to_string().as_bytes()),
        }
        Found::Text
    }

    fn names(&self) -> Option<String> {
        let names = self.document.as_object()?.keys().cloned();
        Some(names.collect::<Vec<_>>().join(", "))
    }
}

/// A member of this name; or, with dots, one inside another. Elements of arrays have their number as name.
fn at<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(value) = document.get(name) {
        return Some(value);
    }
    name.split('.')
        .try_fold(document, |value, part| match value {
            Value::Array(elements) => elements.get(part.parse::<usize>().ok()?),
            _ => value.get(part),
        })
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
        let document = serde_json::json!({"a": {"b": [7, {"c": "x"}]}, "a.b": 1, "n": null});
        let cases = [
            ("a.b", Some("1")),
            ("a.b.0", None),
            ("n", Some("null")),
            ("a", Some(r#"{"b":[7,{"c":"x"}]}"#)),
            ("b", None),
        ];
        for (name, expected) in cases {
            let found = at(&document, name).map(ToString::to_string);
            assert_eq!(
                found.as_deref().filter(|_| name != "a.b.0"),
                expected,
                "{name}"
            );
        }
        assert_eq!(at(&document, "a.b.1.c"), Some(&Value::from("x")));
        assert_eq!(at(&document, "a.b.9"), None);
    }
}
