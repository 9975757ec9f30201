//! What every format does: it reads the next row, and tells what is in it.

use std::io::{self, BufRead};

use crate::entry::Entry;
use crate::template::Fields;

/// Rows of one format. A row is kept until the next one is read.
pub(crate) trait Rows: Fields {
    /// Reads the next row. Memory is bounded: of a row that is longer than it may be nothing is kept.
    fn read(&mut self, from: &mut dyn BufRead) -> io::Result<Step>;

    /// The line in which the row begins, counted from 1.
    fn line(&self) -> u64;

    /// What the row is without any template: it sets parts of an empty entry.
    fn describe(&self, entry: &mut Entry, wanted: Wanted) -> Result<(), String>;
}

/// What a row is asked for: its value costs something, and may be made by a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Everything,
    AllButTheValue,
}

/// What was found where a row may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Row,
    /// It cannot be understood; the next one may be.
    Bad(String),
    End,
}

/// What is wrong with a row that is too long.
pub(crate) fn too_long(limit: usize) -> Step {
    Step::Bad(format!("it is longer than max.request.size={limit}"))
}
