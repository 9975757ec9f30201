//! `cargo xtask mutants`: breaks the producer and the brokers on purpose, and checks that the
//! simulation notices.
//!
//! Each mutant of `mutants.toml` is applied to a copy of the workspace, built there, and simulated
//! until a seed breaks a promise, with only those kinds of faults that should reveal it. Then the
//! change is undone. The defects of the brokers are part of the model and are chosen by name.

mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::shell;
use table::{Mutant, Table};

/// Break the producer on purpose, and check that the simulation notices.
#[derive(Args)]
pub(crate) struct Task {
    /// Only mutants and defects whose names contain this.
    #[arg(value_name = "NAME")]
    only: Option<String>,
    /// A mutant survives if no promise breaks within so many seeds.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// List the mutants and build none.
    #[arg(long)]
    list: bool,
}

/// The result of simulating a mutant or a defect.
struct Found {
    /// How many seeds were simulated.
    schedules: u64,
    /// Which promise broke; `None`: it survived.
    promise: Option<String>,
    seconds: f64,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Table { defects, mutants } = Table::read()?;
        if self.list {
            let mutants = mutants.iter().map(|mutant| (&mutant.name, &mutant.breaks));
            let defects = defects.iter().map(|defect| (&defect.name, &defect.breaks));
            for (name, breaks) in mutants.chain(defects) {
                println!("{name:32} {breaks}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let scratch = Scratch::copy()?;
        let mut rows = Vec::new();
        for defect in defects.iter().filter(|defect| self.wants(&defect.name)) {
            let found = scratch.simulate(self.seeds, &defect.faults, Some(&defect.name))?;
            print_row(&defect.name, &found);
            rows.push((&defect.name, found));
        }
        for mutant in mutants.iter().filter(|mutant| self.wants(&mutant.name)) {
            let simulate = || scratch.simulate(self.seeds, &mutant.faults, None);
            let found = scratch.mutated(mutant, simulate);
            let found = found.with_context(|| format!("mutant {:?}", mutant.name))?;
            print_row(&mutant.name, &found);
            rows.push((&mutant.name, found));
        }
        ensure!(!rows.is_empty(), "no mutant has such a name");
        println!(
            "\n{:32} {:>7} {:>8}  promise that broke",
            "mutant", "seeds", "seconds"
        );
        rows.iter().for_each(|(name, found)| print_row(name, found));
        let survived = rows.iter().filter(|(_, found)| found.promise.is_none());
        let survivors = survived.count();
        println!("\n{} mutants, {survivors} survived", rows.len());
        Ok(ExitCode::from(u8::from(survivors > 0)))
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

fn print_row(name: &str, found: &Found) {
    let promise = found.promise.as_deref().unwrap_or("SURVIVED");
    let (schedules, seconds) = (found.schedules, found.seconds);
    println!("{name:32} {schedules:>7} {seconds:>8.1}  {promise}");
}

/// A copy of the workspace in the target directory.
struct Scratch {
    workspace: PathBuf,
    target: PathBuf,
}

impl Scratch {
    /// Copies tracked and new files, and removes what was copied before and is gone since: two files
    /// would claim to be a module that has moved. Unchanged files keep their times.
    fn copy() -> Result<Self> {
        let root = shell::target().join("mutants");
        let scratch = Self {
            workspace: root.join("workspace"),
            target: root.join("target"),
        };
        let mut list = Command::new("git");
        list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let list = shell::read(list.current_dir(shell::workspace()))?;
        let mut copied = BTreeSet::new();
        for file in list.lines() {
            let (from, to) = (shell::workspace().join(file), scratch.workspace.join(file));
            if from.is_file() {
                write_if_new(&to, &fs::read(&from)?)?;
                copied.insert(to);
            }
        }
        remove_others(&scratch.workspace, &copied)?;
        Ok(scratch)
    }

    /// Runs `then` while the copy has the mutant.
    fn mutated<T>(&self, mutant: &Mutant, then: impl FnOnce() -> Result<T>) -> Result<T> {
        let file = self.workspace.join(&mutant.file);
        let sound = fs::read_to_string(&file)?;
        fs::write(&file, mutant.applied_to(&sound)?)?;
        let done = then();
        fs::write(&file, sound)?;
        done
    }

    /// Simulates with faults of these kinds only, until a seed breaks a promise.
    fn simulate(&self, seeds: u64, faults: &[String], defect: Option<&str>) -> Result<Found> {
        let mut test = shell::cargo();
        test.current_dir(&self.workspace);
        test.env("CARGO_TARGET_DIR", &self.target);
        test.args("test --quiet -p kafka-producer --features unstable-engine".split(' '));
        test.args("--test simulation -- --fail-fast --seeds".split(' '));
        test.arg(seeds.to_string());
        if faults.is_empty() {
            test.arg("--no-faults");
        }
        for fault in faults {
            test.args(["--fault", fault]);
        }
        if let Some(defect) = defect {
            test.args(["--defect", defect]);
        }
        let start = Instant::now();
        let output = test.output().context("cargo can not be run")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Some(schedules) = schedules(&text) else {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("it cannot be simulated:\n{said}");
        };
        Ok(Found {
            schedules,
            promise: promise(&text),
            seconds: start.elapsed().as_secs_f64(),
        })
    }
}

/// The number in `17 schedules in 0.1 s …`.
fn schedules(output: &str) -> Option<u64> {
    let mut lines = output.lines();
    let line = lines.find(|line| line.contains(" schedules in "))?;
    line.split_once(' ')?.0.parse().ok()
}

/// What follows `seed 7 breaks a promise: `, up to what was seen.
fn promise(output: &str) -> Option<String> {
    let (_, said) = output.split_once(" breaks a promise: ")?;
    let promise = said.split_once(": ").map_or(said, |(promise, _)| promise);
    Some(promise.to_owned())
}

fn write_if_new(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, content).with_context(|| format!("{} can not be written", file.display()))
}

/// Removes every file in a folder that is none of these.
fn remove_others(folder: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, files)?;
        } else if !files.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_from_the_workspace_goes_from_its_copy() {
        let copy = tempfile::tempdir().unwrap();
        let [kept, gone] = ["lane.rs", "lane/mod.rs"].map(|file| copy.path().join(file));
        for file in [&kept, &gone] {
            write_if_new(file, b"//! A lane.").unwrap();
        }
        remove_others(copy.path(), &BTreeSet::from([kept.clone()])).unwrap();
        assert!(kept.is_file());
        assert!(!gone.exists());
    }

    #[test]
    fn what_the_simulation_says_is_understood() {
        let output = "seed 7 breaks a promise: order is kept: record 1: late\n    cargo …\n\
            12 schedules in 0.1 s (7200 a minute), 1 broke a promise\n";
        assert_eq!(schedules(output), Some(12));
        assert_eq!(promise(output).as_deref(), Some("order is kept"));
        assert_eq!(promise("12 schedules in 0.1 s"), None);
    }
}
