//! Goes through all rows of the input, in their order, and hands each to whoever wants it as an entry.

use anyhow::{Context as _, Result};

use crate::entry::Entry;
use crate::input::rows::Step;
use crate::input::{Input, Source};
use crate::recipe::{Place, Recipe};

/// Who is given the entries.
pub(crate) trait Sink {
    /// One more record to be.
    fn take(&mut self, entry: &mut Entry, place: Place<'_>) -> Result<Flow>;

    /// A row that cannot be understood.
    fn bad(&mut self, place: Place<'_>, why: &str) -> Flow;

    /// A file has ended.
    fn file_ends(&mut self, name: &str) -> Result<Flow>;
}

/// Whether anything more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    GoesOn,
    Stops,
}

/// Reads until the end, or until the sink has enough.
pub(crate) fn read_all(input: &Input, recipe: &Recipe, sink: &mut dyn Sink) -> Result<Flow> {
    for source in input.sources() {
        if read_file(input, source, recipe, sink)? == Flow::Stops {
            return Ok(Flow::Stops);
        }
    }
    Ok(Flow::GoesOn)
}

fn read_file(input: &Input, source: &Source, recipe: &Recipe, sink: &mut dyn Sink) -> Result<Flow> {
    let name = source.name();
    let mut opened = input.open(source)?;
    let mut entry = Entry::default();
    loop {
        let step = opened.rows.read(&mut *opened.reader);
        let step = step.with_context(|| format!("cannot read {name}"))?;
        let place = Place {
            file: &name,
            line: opened.rows.line(),
        };
        let flow = match step {
            Step::End => return sink.file_ends(&name),
            Step::Bad(why) => sink.bad(place, &why),
            Step::Row => {
                entry.clear();
                match recipe.apply(&*opened.rows, place, &mut entry) {
                    Ok(()) => sink.take(&mut entry, place)?,
                    Err(why) => sink.bad(place, &why),
                }
            }
        };
        if flow == Flow::Stops {
            return Ok(flow);
        }
    }
}
