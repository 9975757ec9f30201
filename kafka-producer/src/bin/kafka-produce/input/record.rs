//! Each line is a JSON object that says all of a record: `{"topic":..,"key":..,"value":..,"headers":..,
//! "partition":..,"timestamp":..}`. What kcat's `-J` prints is such an object, too.
//!
//! A key or a value that is a string is its text; anything else but null is its JSON, as it stands there.

use std::fmt;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::delimited::{Delimited, Line};
use super::json::not_json;
use super::rows::{Rows, Step, Wanted, too_long};
use crate::entry::{Content, Entry};
use crate::template::{Fields, Found};
use crate::timestamp::timestamp_ms;

/// Whole records, one a line. Blank lines are passed over.
pub(crate) struct Records {
    lines: Delimited,
}

/// The members of such an object. Those that kcat adds, and nobody can choose, are passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described<'a> {
    topic: Option<String>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow, alias = "payload")]
    value: Option<&'a RawValue>,
    #[serde(default)]
    headers: Pairs,
    partition: Option<i32>,
    #[serde(borrow, alias = "ts")]
    timestamp: Option<&'a RawValue>,
    #[serde(rename = "offset")]
    _offset: Option<IgnoredAny>,
    #[serde(rename = "tstype")]
    _tstype: Option<IgnoredAny>,
    #[serde(rename = "broker")]
    _broker: Option<IgnoredAny>,
}

impl Records {
    pub(crate) fn new(lines: Delimited) -> Self {
        Self { lines }
    }
}

impl Rows for Records {
    fn read(&mut self, from: &mut dyn BufRead) -> io::Result<Step> {
        loop {
            return Ok(match self.lines.read(from)? {
                Line::End => Step::End,
                Line::TooLong => too_long(self.lines.limit()),
                Line::Whole if self.lines.line().trim_ascii().is_empty() => continue,
                Line::Whole => Step::Row,
            });
        }
    }

    fn line(&self) -> u64 {
        self.lines.number()
    }

    fn describe(&self, entry: &mut Entry, wanted: Wanted) -> Result<(), String> {
        let described: Described<'_> =
            serde_json::from_slice(self.lines.line()).map_err(|error| not_json(&error))?;
        entry.topic.push_str(&described.topic.unwrap_or_default());
        fill(&mut entry.key, described.key)?;
        if wanted == Wanted::Everything {
            fill(&mut entry.value, described.value)?;
        }
        entry.headers = described.headers.0;
        entry.partition = described.partition;
        if let Some(timestamp) = described.timestamp {
            entry.timestamp_ms = Some(timestamp_ms(&text(timestamp)?)?);
        }
        Ok(())
    }
}

impl Fields for Records {
    fn append(&self, _name: &str, _into: &mut Vec<u8>) -> Found {
        Found::Nothing
    }

    fn names(&self) -> Option<String> {
        Some("none, for --format record says all itself".to_owned())
    }
}

fn fill(content: &mut Content, raw: Option<&RawValue>) -> Result<(), String> {
    if let Some(raw) = raw {
        let text = text(raw)?;
        content.begin().extend_from_slice(text.as_bytes());
    }
    Ok(())
}

/// What a string says, or the JSON of anything else.
fn text(raw: &RawValue) -> Result<String, String> {
    match raw.get() {
        string if string.starts_with('"') => {
            serde_json::from_str(string).map_err(|error| not_json(&error))
        }
        other => Ok(other.to_owned()),
    }
}

/// Headers in their order: an object, or an array in which names and values take turns.
#[derive(Default)]
struct Pairs(Vec<(String, Option<Vec<u8>>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers: an object of strings, or an array of names and values in turn")
    }

    fn visit_unit<E>(self) -> Result<Pairs, E> {
        Ok(Pairs::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Option<String>>()? {
            pairs.push((name, value.map(String::into_bytes)));
        }
        Ok(Pairs(pairs))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(name) = sequence.next_element::<String>()? {
            let value: Option<Option<String>> = sequence.next_element()?;
            let value = value.ok_or_else(|| {
                serde::de::Error::custom(format!("the header {name:?} has no value"))
            })?;
            pairs.push((name, value.map(String::into_bytes)));
        }
        Ok(Pairs(pairs))
    }
}
