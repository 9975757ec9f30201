//! How a record is made of a row: what the row says by itself, then the templates of the command line.

use std::fmt;

use crate::arguments::{Named, Send};
use crate::entry::Entry;
use crate::input::rows::{Rows, Wanted};
use crate::template::{Fields, Found, Template};
use crate::timestamp::timestamp_ms;

/// The templates of the command line.
pub(crate) struct Recipe {
    topic: Option<Template>,
    key: Option<Template>,
    value: Option<Template>,
    headers: Vec<Named<Template>>,
    partition: Option<Template>,
    timestamp: Option<Template>,
    null: Option<Vec<u8>>,
}

/// Where a row begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u64,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line } = self;
        write!(f, "{file}:{line}")
    }
}

impl Recipe {
    pub(crate) fn new(task: &Send) -> Self {
        Self {
            topic: task.topic.clone(),
            key: task.key.clone(),
            value: task.value.clone(),
            headers: task.headers.clone(),
            partition: task.partition.clone(),
            timestamp: task.timestamp.clone(),
            null: task.null.clone().map(String::into_bytes),
        }
    }

    /// Makes the entry, which is empty, of a row.
    pub(crate) fn apply(
        &self,
        rows: &dyn Rows,
        place: Place<'_>,
        entry: &mut Entry,
    ) -> Result<(), String> {
        rows.describe(
            entry,
            match self.value {
                Some(_) => Wanted::AllButTheValue,
                None => Wanted::Everything,
            },
        )?;
        self.fill(&Placed { rows, place }, entry)?;
        if let Some(null) = &self.null {
            entry.apply_null(null);
        }
        match entry.topic.is_empty() {
            true => Err("it names no topic, and neither does --topic".to_owned()),
            false => Ok(()),
        }
    }

    fn fill(&self, fields: &dyn Fields, entry: &mut Entry) -> Result<(), String> {
        if let Some(topic) = text(self.topic.as_ref(), "topic", fields)? {
            entry.topic = topic;
        }
        for (template, content) in [(&self.key, &mut entry.key), (&self.value, &mut entry.value)] {
            if let Some(template) = template
                && !template.fill(fields, content.begin())?
            {
                content.clear();
            }
        }
        for Named { name, value } in &self.headers {
            let mut bytes = Vec::new();
            let is_text = value.fill(fields, &mut bytes)?;
            entry.headers.push((name.clone(), is_text.then_some(bytes)));
        }
        if let Some(partition) = text(self.partition.as_ref(), "partition", fields)? {
            let number = partition.trim().parse();
            let number =
                number.map_err(|_| format!("partition {partition:?}: must be a number"))?;
            entry.partition = Some(number);
        }
        if let Some(timestamp) = text(self.timestamp.as_ref(), "timestamp", fields)? {
            entry.timestamp_ms = Some(timestamp_ms(&timestamp)?);
        }
        Ok(())
    }
}

/// What a template for something that must be text gives; null is as if there were no template.
fn text(
    template: Option<&Template>,
    what: &str,
    fields: &dyn Fields,
) -> Result<Option<String>, String> {
    let mut bytes = Vec::new();
    match template {
        Some(template) if template.fill(fields, &mut bytes)? => {
            let text = String::from_utf8(bytes).map_err(|_| format!("the {what} is not UTF-8"))?;
            Ok(Some(text))
        }
        _ => Ok(None),
    }
}

/// A row, and where it is: `{@file}` and `{@line}`.
struct Placed<'a> {
    rows: &'a dyn Rows,
    place: Place<'a>,
}

impl Fields for Placed<'_> {
    fn append(&self, name: &str, into: &mut Vec<u8>) -> Found {
        match name {
            "@file" => into.extend_from_slice(self.place.file.as_bytes()),
            "@line" => into.extend_from_slice(self.place.line.to_string().as_bytes()),
            _ => return self.rows.append(name, into),
        }
        Found::Text
    }

    fn names(&self) -> Option<String> {
        self.rows.names()
    }
}
