//! `cargo xtask bench`: compares this producer with others.
//!
//! ```text
//! build ─▶ pilot: how many records a run needs ─▶ rounds, clients in turn ─▶ record (JSON)
//!                                                                     └─▶ page, pictures
//! ```
//!
//! All programs have the same flags (`xtask/peers/README.md`). The results are kept in
//! `docs/benchmarks`. The page is made from the record alone, so that `--report` measures nothing.
//! `--check` does not measure time: it counts (`crate::counts`).

mod broker;
mod cases;
mod chart;
mod clients;
mod machine;
mod page;
mod record;
mod rounds;
mod run;
mod session;
mod sink;
mod statistics;
mod table;
mod usage;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::counts;
use cases::Case;
use session::{Options, Session};

/// Compare the speed of the producer with others, and write the results to docs/benchmarks.
///
/// All clients take turns in the same rounds. A case that is measured replaces its earlier results.
#[derive(Args)]
pub(crate) struct Task {
    /// Instead: count instructions, allocations and calls, which are the same every time, and fail
    /// if anything costs over 5 % more than in docs/benchmarks/counts.json.
    #[arg(long)]
    check: bool,
    /// Instead: write docs/benchmarks/counts.json again.
    #[arg(long, conflicts_with = "check")]
    update: bool,
    /// Cases, comma-separated [default: all].
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["check", "update"])]
    cases: Vec<String>,
    /// Measure each case with these values of one of its figures, e.g. partitions=1,100,10000 or
    /// delay_us=1000,100000; the names are those in docs/benchmarks/peers.json.
    #[arg(long, value_name = "FIGURE=VALUES")]
    vary: Option<String>,
    #[command(flatten)]
    options: Options,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        if self.check {
            counts::check()?;
        } else if self.update {
            counts::update()?;
        } else {
            self.measure()?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn measure(&self) -> Result<()> {
        let all = cases::peers();
        let order: Vec<String> = all.iter().map(|case| case.name.clone()).collect();
        let named = |name: &String| {
            let case = all.iter().find(|case| case.name == *name);
            case.with_context(|| format!("there is no case {name:?}, only {}", order.join(", ")))
        };
        let wanted = if self.cases.is_empty() {
            &order
        } else {
            &self.cases
        };
        let cases = wanted.iter().map(|name| self.varied(named(name)?));
        let cases = cases.collect::<Result<Vec<_>>>()?.concat();
        let mut session = Session::open(&self.options, order.clone())?;
        if !self.options.report {
            let ready = Session::prepare(&self.options)?;
            let mut bench = ready.bench();
            for case in &cases {
                session.put(bench.measure(case, &ready.clients.there)?)?;
            }
            ready.say_who_is_missing();
        }
        session.close()
    }

    fn varied(&self, case: &Case) -> Result<Vec<Case>> {
        let Some((figure, values)) = self.vary.as_deref().and_then(|vary| vary.split_once('='))
        else {
            return Ok(vec![case.clone()]);
        };
        values
            .split(',')
            .map(|value| case.with(figure, value))
            .collect()
    }
}
