//! What is said, line by line, and the totals. Each line is written at once and whole: there is
//! one a transaction.

use std::io::{self, Write as _};
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::clock::now_ms;
use crate::session::{Failure, Outcome};

/// Writes lines and counts transactions.
#[derive(Debug, Default)]
pub(crate) struct Report {
    committed: u64,
    aborted: u64,
    errors: u64,
}

impl Report {
    /// Transactions are initialised.
    pub(crate) fn startup_complete(&self) -> io::Result<()> {
        line(json!({ "name": "startup_complete" }))
    }

    /// Transactions could not be initialised.
    pub(crate) fn fatal(&self, failure: &Failure) -> io::Result<()> {
        let mut fields = json!({ "name": "fatal" });
        add(&mut fields, failure);
        line(fields)
    }

    /// Transaction `id` has ended.
    pub(crate) fn transaction(
        &mut self,
        id: u64,
        values: &RangeInclusive<i64>,
        outcome: &Outcome,
    ) -> io::Result<()> {
        let (word, count, failure) = match outcome {
            Outcome::Committed => ("committed", &mut self.committed, None),
            Outcome::Aborted(failure) => ("aborted", &mut self.aborted, failure.as_ref()),
            Outcome::Error(failure) => ("error", &mut self.errors, Some(failure)),
        };
        *count += 1;
        let (first, last) = (values.start(), values.end());
        let mut fields =
            json!({ "name": "txn", "id": id, "outcome": word, "first": first, "last": last });
        if let Some(failure) = failure {
            add(&mut fields, failure);
        }
        line(fields)
    }

    /// The totals.
    pub(crate) fn tool_data(&self) -> io::Result<()> {
        let (committed, aborted, errors) = (self.committed, self.aborted, self.errors);
        line(json!({
            "name": "tool_data", "committed": committed, "aborted": aborted, "errors": errors
        }))
    }
}

fn add(fields: &mut Value, failure: &Failure) {
    fields["exception"] = format!("class {}", failure.exception).into();
    fields["message"] = failure.message.as_str().into();
}

fn line(mut fields: Value) -> io::Result<()> {
    fields["timestamp"] = now_ms().into();
    let mut text = fields.to_string();
    text.push('\n');
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot write to standard output: {error}"),
        )
    })
}
