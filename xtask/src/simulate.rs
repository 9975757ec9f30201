//! `cargo xtask simulate`: runs the engine with a model of the cluster, under faults, seed by seed.
//!
//! The simulation is a test target of `kafka-producer` with arguments of its own. This builds and
//! runs it.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::{chance, shell};

/// Run the simulation: many seeds, or one as a story.
#[derive(Args)]
pub(crate) struct Task {
    /// How many seeds.
    #[arg(long, default_value_t = 2_000, conflicts_with_all = ["seed", "trace"])]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// How many at once [default: one per core].
    #[arg(long)]
    threads: Option<usize>,
    /// End at the first seed that breaks a promise.
    #[arg(long)]
    fail_fast: bool,
    /// This seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Tell what happens in it, line by line.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Only faults of these kinds.
    #[arg(long)]
    fault: Vec<String>,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut simulation = program();
        if let Some(seed) = self.seed {
            simulation.args(["--seed", &seed.to_string()]);
            if self.trace {
                simulation.arg("--trace");
            }
        } else {
            simulation.args(seeds(self.seeds, self.from));
        }
        if let Some(threads) = self.threads {
            simulation.args(["--threads", &threads.to_string()]);
        }
        for fault in &self.fault {
            simulation.args(["--fault", fault]);
        }
        if self.fail_fast {
            simulation.arg("--fail-fast");
        }
        let status = shell::stand_in(&mut simulation)?;
        Ok(match status.success() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

/// For CI: seeds that are always the same, and others that no other state of the code had; how many.
pub(crate) fn fixed_and_fresh(each: u64) -> Result<usize> {
    for from in [0, FRESH_MIN + chance::of_this_code()] {
        shell::run(program().args(seeds(each, from)))?;
    }
    Ok(usize::try_from(each * 2)?)
}

/// The simulation, built with what every other test is built with.
fn program() -> Command {
    let mut cargo = shell::cargo();
    cargo.args(["test", "--quiet", "--workspace", "--all-features"]);
    cargo.args(["--test", "simulation", "--"]);
    cargo
}

fn seeds(count: u64, from: u64) -> [String; 4] {
    let [count, from] = [count, from].map(|number| number.to_string());
    ["--seeds".to_owned(), count, "--from".to_owned(), from]
}

/// Fresh seeds are none of the fixed ones.
const FRESH_MIN: u64 = 1 << 32;
