//! The program whose costs are counted, and how it runs for each kind of count.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::baseline::Counts;
use crate::{shell, workspace_copy};

/// The benchmark `counts` of kafka-producer, built.
pub(super) struct Program {
    path: PathBuf,
    /// Where callgrind and strace write.
    notes: tempfile::TempDir,
}

/// Something it does, as it tells us.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// What an operation is about.
    per: String,
    operations: u64,
    outside: Outside,
}

/// What is counted from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Outside {
    Instructions,
    WriteCalls,
    Nothing,
}

/// What a count of callgrind's has in its name.
pub(super) const INSTRUCTIONS: &str = "instructions";
/// What a count of strace's has in its name.
const WRITE_CALLS: &str = "write calls";

/// The tools that are not on this machine, and what they count.
pub(super) fn missing_tools() -> impl Iterator<Item = (&'static str, &'static str)> {
    let tools = [(VALGRIND, INSTRUCTIONS), (STRACE, WRITE_CALLS)].into_iter();
    tools.filter(|(tool, _)| !shell::is_installed(tool))
}

impl Program {
    pub(super) fn build() -> Result<Self> {
        let dir = shell::target().join("counts");
        let copy = dir.join("workspace");
        workspace_copy::make(&copy, &PACKAGES, counting_needs)?;
        let mut build = shell::cargo();
        build.current_dir(copy);
        build.env("CARGO_TARGET_DIR", dir.join("target"));
        build.args("build -p kafka-producer --bench counts --profile bench".split(' '));
        build.args("--features unstable-engine,gzip-libdeflate".split(' '));
        build.args(["--message-format", "json-render-diagnostics"]);
        let path = executable(&shell::read(&mut build)?).context("cargo built no program")?;
        let notes = tempfile::tempdir()?;
        Ok(Self { path, notes })
    }

    /// What it can do.
    pub(super) fn scenarios(&self) -> Result<Vec<Scenario>> {
        let list = shell::read(Command::new(&self.path).arg("--list"))?;
        let scenarios: Vec<Scenario> = serde_json::from_str(&list)?;
        ensure!(!scenarios.is_empty(), "there is nothing to count");
        Ok(scenarios)
    }

    /// Everything that can be counted of a scenario with the tools of this machine.
    pub(super) fn count(&self, scenario: &Scenario) -> Result<Counts> {
        let mut counts = Self::own_counts(Command::new(&self.path), scenario, scenario.operations)?;
        let requests = counts.remove("requests");
        match scenario.outside {
            Outside::Instructions if shell::is_installed(VALGRIND) => {
                let name = format!("{INSTRUCTIONS} per {}", scenario.per);
                counts.insert(name, self.instructions(scenario)?);
            }
            Outside::WriteCalls if shell::is_installed(STRACE) => {
                ensure!(requests.is_some(), "{} counts no requests", scenario.name);
                let name = format!("{WRITE_CALLS} per request");
                counts.insert(name, self.write_calls(scenario)?);
            }
            Outside::Instructions | Outside::WriteCalls | Outside::Nothing => {}
        }
        let named = counts.into_iter();
        Ok(named
            .map(|(name, count)| (format!("{}: {name}", scenario.name), count))
            .collect())
    }

    /// What it counts by itself, when `command` runs it.
    fn own_counts(mut command: Command, scenario: &Scenario, operations: u64) -> Result<Counts> {
        command.args([&scenario.name, &operations.to_string()]);
        Ok(serde_json::from_str(&shell::read(&mut command)?)?)
    }

    /// Per operation, of the thread that begins: what twice as many take longer.
    fn instructions(&self, scenario: &Scenario) -> Result<f64> {
        let once = self.instructions_of(scenario, scenario.operations)?;
        let twice = self.instructions_of(scenario, scenario.operations * 2)?;
        Ok((twice - once) / scenario.operations as f64)
    }

    fn instructions_of(&self, scenario: &Scenario, operations: u64) -> Result<f64> {
        let out = self.notes.path().join("callgrind");
        let mut callgrind = Command::new(VALGRIND);
        callgrind.args(["--quiet", "--tool=callgrind", "--separate-threads=yes"]);
        callgrind.arg(format!("--callgrind-out-file={}", out.display()));
        callgrind.arg(&self.path);
        Self::own_counts(callgrind, scenario, operations)?;
        let first_thread = out.with_file_name("callgrind-01");
        let profile = std::fs::read_to_string(&first_thread)?;
        totals(&profile).context("callgrind has counted nothing")
    }

    /// Calls that write several pieces at once: only the producer's sockets are written to so.
    fn write_calls(&self, scenario: &Scenario) -> Result<f64> {
        let out = self.notes.path().join("strace");
        let mut strace = Command::new(STRACE);
        strace.args(["-f", "-qq", "-e", "trace=writev", "-o"]);
        strace.arg(&out).arg(&self.path);
        let counts = Self::own_counts(strace, scenario, scenario.operations)?;
        let requests = counts.get("requests").context("no requests are counted")?;
        Ok(calls(&std::fs::read_to_string(&out)?, "writev(") as f64 / requests)
    }
}

const PACKAGES: [&str; 5] = [
    "kafka-wire",
    "kafka-serde",
    "kafka-partition",
    "kafka-accumulator",
    "kafka-producer",
];

/// Fully optimised, what other benchmarks and tests depend on takes longer to build than what is counted.
fn counting_needs(dependency: &str) -> bool {
    ["allocation-counter", "serde_json"].contains(&dependency)
}

/// The program that cargo says it has built.
fn executable(messages: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    let messages = messages.lines();
    messages
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .find(|path| Path::is_absolute(path))
}

/// The line `totals: 123` of what callgrind writes.
fn totals(profile: &str) -> Option<f64> {
    let mut lines = profile.lines();
    lines.find_map(|line| line.strip_prefix("totals: ")?.parse().ok())
}

/// How often a call was begun, in what strace writes: a call that another thread interrupts is told
/// of twice, but begun once.
fn calls(trace: &str, call: &str) -> usize {
    let begun = |line: &&str| {
        let second = line.split_whitespace().nth(1);
        second.is_some_and(|word| word.starts_with(call))
    };
    trace.lines().filter(begun).count()
}

const VALGRIND: &str = "valgrind";
const STRACE: &str = "strace";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_where_cargo_says() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
             {\"reason\":\"compiler-artifact\",\"executable\":\"/target/release/counts-1\"}\n\
             {\"reason\":\"build-finished\",\"success\":true}";
        assert_eq!(
            executable(messages).unwrap(),
            Path::new("/target/release/counts-1")
        );
        assert_eq!(executable("not json"), None);
    }

    #[test]
    fn instructions_are_on_the_line_of_totals() {
        assert_eq!(
            totals("events: Ir\nfn=(1)\n16 3\n\ntotals: 479123\n"),
            Some(479_123.0)
        );
        assert_eq!(totals("events: Ir"), None);
    }

    #[test]
    fn a_call_that_is_resumed_counts_once() {
        let trace = "101 writev(9, [{iov_base=...}], 2) = 400\n\
             102 writev(9, [{iov_base=...}], 2 <unfinished ...>\n\
             102 <... writev resumed>) = 400\n\
             103 --- SIGCHLD {si_signo=SIGCHLD} ---\n";
        assert_eq!(calls(trace, "writev("), 2);
    }
}
