//! The promises under every fault: the engine beside a model of the cluster, in virtual time, one
//! seed per run.
//!
//! ```text
//! callers ─▶ accumulator ─▶ engine ─▶ driver of virtual time ─▶ network ─▶ model of the cluster
//!    │                                                            ▲                │
//!    └────────────▶ books ─▶ checkers ◀─ logs ◀──────────────────────── faults ────┘
//! ```
//!
//! `plan` decides everything that a seed decides; `world` lets it happen; `checkers` judge. The same
//! seed is the same run, byte for byte. `cargo test` runs a few seeds; `cargo xtask simulate` as
//! many as one likes, or one as a story.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and this one is a program of its own"
)]
#![allow(
    clippy::let_underscore_future,
    reason = "a delivery that is dropped is one of the ways to send, and cancels nothing"
)]

mod agenda;
mod archive;
mod attempts;
mod campaign;
mod checkers;
mod client;
mod clock;
mod content;
mod explaining;
mod faults;
mod fencing;
mod ground;
mod group;
mod isolation;
mod ledger;
mod logins;
mod mangling;
mod misrouting;
mod network;
mod outbox;
mod pipe;
mod plan;
mod producer;
mod pushing;
mod reading;
mod run;
mod successors;
mod tasks;
mod tests;
mod trace;
mod transactor;
mod two_phase;
mod workload;
mod world;

use std::process::ExitCode;

use clap::Parser;
use kafka_mock::cluster::Defect;

use campaign::Campaign;
use faults::FaultKind;
use run::{Variant, run};
use trace::Story;

/// Simulates the producer beside a cluster that fails. Without a number of seeds, a few tests are
/// run as any test program runs them.
#[derive(Parser)]
struct Flags {
    /// How many seeds to run.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many at once [default: one per core].
    #[arg(long)]
    threads: Option<usize>,
    /// Ends at the first seed that breaks a promise.
    #[arg(long)]
    fail_fast: bool,
    /// Runs this seed alone.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Tells what happens in it.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// How the brokers lie, to see that it is noticed.
    #[arg(long, value_parser = defect)]
    defect: Option<Defect>,
    /// Only faults of these kinds.
    #[arg(long, value_parser = FaultKind::named)]
    fault: Vec<FaultKind>,
    /// No faults at all.
    #[arg(long, conflicts_with = "fault")]
    no_faults: bool,
    /// Only programs with two-phase commit.
    #[arg(long)]
    two_phase: bool,
    #[command(flatten)]
    tests: libtest_mimic::Arguments,
}

fn main() -> ExitCode {
    let arguments = Flags::parse();
    run::note_panics();
    if let Some(seed) = arguments.seed {
        return run_one(seed, &arguments);
    }
    if let Some(seeds) = arguments.seeds {
        let mut campaign = Campaign::of(arguments.from, seeds);
        campaign.threads = arguments.threads.unwrap_or(campaign.threads);
        campaign.fail_fast = arguments.fail_fast;
        campaign.variant = arguments.variant();
        let tally = campaign.run();
        println!("{tally}");
        return exit_code(tally.failed.is_empty());
    }
    libtest_mimic::run(&arguments.tests, tests::all()).exit_code()
}

fn run_one(seed: u64, arguments: &Flags) -> ExitCode {
    let story = match arguments.trace {
        true => Story::Printed,
        false => Story::Untold,
    };
    let report = run(seed, story, &arguments.variant());
    println!("{report}");
    exit_code(report.breach.is_none())
}

impl Flags {
    fn variant(&self) -> Variant {
        let some = self.no_faults || !self.fault.is_empty();
        Variant {
            defect: self.defect,
            only: some.then(|| self.fault.clone()),
            two_phase: self.two_phase,
        }
    }
}

fn exit_code(success: bool) -> ExitCode {
    match success {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// A defect by its name.
fn defect(name: &str) -> Result<Defect, String> {
    let named = |defect: &Defect| format!("{defect:?}") == name;
    let known = || Defect::all().map(|defect| format!("{defect:?}"));
    let found = Defect::all().find(named);
    found.ok_or_else(|| format!("there are: {}", known().collect::<Vec<_>>().join(", ")))
}
