//! `cargo xtask simulate`: runs the engine with a model of the cluster, under faults, seed by seed.
//!
//! The simulation is a test target of `kafka-producer` with arguments of its own. This builds and
//! runs it.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::{chance, shell};

/// Run the simulation: 2,000 seeds, or as many as --seeds says, or --seed 7 --trace as a story.
///
/// It takes the options of the simulation itself, which --help lists.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Task {
    /// Options of the simulation.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut simulation = program();
        let says_seeds = |option: &String| option.starts_with("--seed");
        if !self.options.iter().any(says_seeds) {
            simulation.args(["--seeds", "2000"]);
        }
        shell::stand_in(simulation.args(self.options))
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
