//! Each line is a value, or a key and a value with a separator between them. Lines are bytes, not text.

use std::io::{self, BufRead};

use super::delimited::{Delimited, Line};
use super::rows::{Rows, Step, Wanted, too_long};
use crate::entry::Entry;
use crate::template::{Fields, Found};

/// Lines as they are.
pub(crate) struct Lines {
    lines: Delimited,
    separator: Option<Vec<u8>>,
    /// Where the separator is in this line.
    at: Option<usize>,
}

impl Lines {
    /// With a separator every line must have a key.
    pub(crate) fn new(lines: Delimited, separator: Option<Vec<u8>>) -> Self {
        let at = None;
        Self {
            lines,
            separator,
            at,
        }
    }

    fn parts(&self) -> (Option<&[u8]>, &[u8]) {
        let line = self.lines.line();
        match (&self.separator, self.at) {
            (Some(separator), Some(at)) => (Some(&line[..at]), &line[at + separator.len()..]),
            _ => (None, line),
        }
    }
}

impl Rows for Lines {
    fn read(&mut self, from: &mut dyn BufRead) -> io::Result<Step> {
        match self.lines.read(from)? {
            Line::End => return Ok(Step::End),
            Line::TooLong => return Ok(too_long(self.lines.limit())),
            Line::Whole => {}
        }
        let Some(separator) = &self.separator else {
            return Ok(Step::Row);
        };
        self.at = find(self.lines.line(), separator);
        Ok(match self.at {
            Some(_) => Step::Row,
            None => Step::Bad(format!(
                "it has no key: the separator \"{}\" is not in it",
                separator.escape_ascii()
            )),
        })
    }

    fn line(&self) -> u64 {
        self.lines.number()
    }

    fn describe(&self, entry: &mut Entry, wanted: Wanted) -> Result<(), String> {
        let (key, value) = self.parts();
        if let Some(key) = key {
            entry.key.begin().extend_from_slice(key);
        }
        if wanted == Wanted::Everything {
            entry.value.begin().extend_from_slice(value);
        }
        Ok(())
    }
}

impl Fields for Lines {
    fn append(&self, name: &str, into: &mut Vec<u8>) -> Found {
        let (key, value) = self.parts();
        into.extend_from_slice(match (name, key) {
            ("line", _) => self.lines.line(),
            ("key", Some(key)) => key,
            ("value", _) => value,
            _ => return Found::Nothing,
        });
        Found::Text
    }

    fn names(&self) -> Option<String> {
        let names = match self.separator {
            Some(_) => "line, key, value",
            None => "line, value (and key, with --separator)",
        };
        Some(names.to_owned())
    }
}

fn find(line: &[u8], separator: &[u8]) -> Option<usize> {
    match separator {
        [only] => line.iter().position(|byte| byte == only),
        _ => line
            .windows(separator.len())
            .position(|window| window == separator),
    }
}
