//! `cargo xtask bench`: this producer beside others, when work grows, and under load.
//!
//! ```text
//! build ─▶ pilot: how many records a run needs ─▶ rounds, clients in turn ─▶ record (JSON)
//!                                                                     └─▶ pages
//! ```
//!
//! The programs share one contract (`xtask/peers/README.md`). What was measured is kept in
//! `docs/benchmarks`; pages are made of that alone, so that `--report` needs no machine. `--check`
//! is of another kind: it counts (`crate::counts`) and times nothing.

mod broker;
mod cases;
mod clients;
mod machine;
mod page;
mod record;
mod rounds;
mod run;
mod scale;
mod session;
mod sink;
mod statistics;
mod table;
mod usage;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};

use crate::counts;
use cases::Case;
use record::Record;
use scale::Axis;
use session::{Options, Session};

/// Measure the producer beside others, and write what was measured to docs/benchmarks.
///
/// Without a subcommand: the cases beside other producers, all clients in the same rounds. A case that is
/// measured takes the place of what was measured of it before.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Task {
    #[command(subcommand)]
    what: Option<What>,
    /// Instead: count instructions, allocations and calls, which are the same every time, and fail
    /// if anything costs over 5 % more than in docs/benchmarks/counts.json.
    #[arg(long)]
    check: bool,
    /// Instead: write docs/benchmarks/counts.json anew.
    #[arg(long, conflicts_with = "check")]
    update: bool,
    /// Cases, comma-separated [default: all].
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["check", "update"])]
    cases: Vec<String>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum What {
    /// Vary one figure: partitions, threads, sizes, brokers, memory, distance, rate.
    Scale(Scale),
}

#[derive(Args)]
struct Scale {
    /// What grows, comma-separated [default: everything].
    #[arg(long, value_enum, value_delimiter = ',')]
    axis: Vec<Axis>,
    #[command(flatten)]
    options: Options,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.what {
            None if self.check => counts::check()?,
            None if self.update => counts::update()?,
            None => beside_peers(&self.cases, &self.options)?,
            Some(What::Scale(scale)) => scale.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn beside_peers(names: &[String], options: &Options) -> Result<()> {
    let all = cases::peers();
    let order: Vec<String> = all.iter().map(|case| case.name.clone()).collect();
    for name in names {
        let there = order.join(", ");
        ensure!(
            order.contains(name),
            "there is no case {name:?}, only {there}"
        );
    }
    let is_wanted = |case: &Case| names.is_empty() || names.contains(&case.name);
    let cases: Vec<Case> = all.into_iter().filter(is_wanted).collect();
    let mut session = Session::open(options, "peers.json", order)?;
    if !options.report {
        let ready = Session::prepare(options, &options.only)?;
        let mut bench = ready.bench();
        for case in &cases {
            session.put(
                bench.measure(case, &ready.clients.there)?,
                page::write_peers,
            )?;
        }
        ready.say_who_is_missing();
    }
    session.close(page::write_peers)
}

impl Scale {
    fn run(&self) -> Result<()> {
        let axes = match self.axis.as_slice() {
            [] => <Axis as clap::ValueEnum>::value_variants(),
            axes => axes,
        };
        axes.iter().try_for_each(|axis| self.along(*axis))
    }

    fn along(&self, axis: Axis) -> Result<()> {
        let mut options = self.options.clone();
        let page = |_: &Record, dir: &Path| page::write_scale(dir);
        let cases = axis.cases();
        let order = cases.iter().map(|case| case.name.clone()).collect();
        let mut session = Session::open(&options, &axis.file(), order)?;
        if !options.report {
            if options.only.is_empty() {
                options.only = axis.clients();
            }
            let ready = Session::prepare(&options, &options.only)?;
            let mut bench = ready.bench();
            for case in &cases {
                session.put(bench.measure(case, &ready.clients.there)?, page)?;
            }
            ready.say_who_is_missing();
        }
        session.close(page)
    }
}
