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
mod campaign;
mod checkers;
mod client;
mod clock;
mod faults;
mod ground;
mod ledger;
mod network;
mod plan;
mod producer;
mod reading;
mod run;
mod tasks;
mod tests;
mod trace;
mod transactor;
mod workload;
mod world;

use std::process::ExitCode;

use clap::Parser;

use campaign::Campaign;
use run::run;
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
    #[command(flatten)]
    tests: libtest_mimic::Arguments,
}

fn main() -> ExitCode {
    let arguments = Flags::parse();
    run::note_panics();
    if let Some(seed) = arguments.seed {
        return run_one(seed, arguments.trace);
    }
    if let Some(seeds) = arguments.seeds {
        let mut campaign = Campaign::of(arguments.from, seeds);
        campaign.threads = arguments.threads.unwrap_or(campaign.threads);
        campaign.fail_fast = arguments.fail_fast;
        let tally = campaign.run();
        println!("{tally}");
        return exit_code(tally.failed.is_empty());
    }
    libtest_mimic::run(&arguments.tests, tests::all()).exit_code()
}

fn run_one(seed: u64, trace: bool) -> ExitCode {
    let story = match trace {
        true => Story::Printed,
        false => Story::Untold,
    };
    let report = run(seed, story);
    println!("{report}");
    exit_code(report.breach.is_none())
}

fn exit_code(success: bool) -> ExitCode {
    match success {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
