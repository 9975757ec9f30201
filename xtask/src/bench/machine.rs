//! The machine and the tools of a measurement.

use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::shell;

/// The machine and the tools on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: u64,
    pub(super) kernel: String,
    /// What the tools say of themselves.
    pub(super) tools: Vec<String>,
}

impl Machine {
    /// The machine that this runs on.
    pub(super) fn here() -> Self {
        let tools = [
            ("rustc", "--version"),
            ("cc", "--version"),
            ("java", "-version"),
            ("go", "version"),
        ];
        let said = |(tool, flag)| first_line(tool, flag);
        let line = |path, name| field(&std::fs::read_to_string(path).unwrap_or_default(), name);
        let memory = line("/proc/meminfo", "MemTotal").unwrap_or_default();
        let kib = memory.split(' ').next().and_then(|kib| kib.parse().ok());
        Self {
            processor: line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib.map_or(0, |kib: u64| (kib + (1 << 19)) >> 20),
            kernel: first_line("uname", "-r").unwrap_or_else(|| "unknown".to_owned()),
            tools: tools.into_iter().filter_map(said).collect(),
        }
    }
}

/// Today, as `2026-11-23`.
pub(super) fn today() -> String {
    first_line("date", "+%F").unwrap_or_else(|| "unknown".to_owned())
}

/// The commit that is checked out, and whether something was changed since.
pub(super) fn commit() -> String {
    let mut git = Command::new("git");
    git.arg("-C").arg(shell::workspace());
    git.args(["describe", "--always", "--dirty", "--abbrev=10"]);
    let said = shell::read(&mut git).unwrap_or_default();
    match said.trim() {
        "" => "unknown".to_owned(),
        commit => commit.to_owned(),
    }
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let line = lines.find(|(key, _)| key.trim() == name);
    line.map(|(_, value)| value.trim().to_owned())
}

fn first_line(tool: &str, flag: &str) -> Option<String> {
    let output = Command::new(tool).arg(flag).output().ok()?;
    let mut said = output.stdout;
    said.extend(output.stderr);
    let said = String::from_utf8_lossy(&said);
    said.lines().next().map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name() {
        let text = "processor\t: 0\nmodel name\t: A: B\nmodel name\t: C";
        assert_eq!(field(text, "model name").unwrap(), "A: B");
        assert_eq!(field(text, "model"), None);
    }

    #[test]
    fn this_machine_has_a_core_and_a_compiler() {
        let machine = Machine::here();
        assert!(machine.cores > 0);
        assert!(machine.tools.iter().any(|tool| tool.starts_with("rustc ")));
    }
}
