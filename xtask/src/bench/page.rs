//! What all pages begin with: machine, versions, commands, and how to read the figures.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::record::{Record, Role};

/// The head of a page about `record`.
pub(super) fn head(title: &str, record: &Record) -> String {
    let machine = &record.machine;
    let mut text = format!("# {title}\n\nWritten by `cargo xtask bench`; not to be edited.\n\n");
    let _ = writeln!(
        text,
        "Machine: {}, {} cores, {} GiB; kernel {}. Client and server share the cores.\n",
        machine.processor, machine.cores, machine.memory_gib, machine.kernel
    );
    let _ = writeln!(text, "Tools: {}.\n", machine.tools.join("; "));
    text.push_str("| client | version |\n|---|---|\n");
    for (client, role) in record.clients() {
        let all = record.cases.iter().flat_map(|measured| &measured.clients);
        let versions = all.filter(|runs| runs.client == client && !runs.version.is_empty());
        let versions: BTreeSet<&str> = versions.map(|runs| runs.version.as_str()).collect();
        let versions: Vec<&str> = versions.into_iter().collect();
        let what = match role {
            Role::Ours => "this project",
            Role::Floor => "no producer: encodes, checksums, writes",
            Role::Peer | Role::Further => "",
        };
        let said = [what, &versions.join(", ")].join(" ");
        let _ = writeln!(text, "| {client} | {} |", said.trim());
    }
    text.push_str("\n```console\n");
    let mut commands = BTreeSet::new();
    for measured in &record.cases {
        let name = (
            measured.date.as_str(),
            measured.commit.as_str(),
            measured.command.as_str(),
        );
        if commands.insert(name) {
            let (date, commit, command) = name;
            let _ = writeln!(text, "{command}    # {date}, at {commit}");
        }
    }
    text.push_str("```\n\n");
    text
}

/// Everything that a reader of one case must know: failures, warnings, what clients say.
pub(super) fn remarks(record: &Record) -> String {
    let mut lines = BTreeSet::new();
    for measured in &record.cases {
        let name = &measured.case.name;
        for runs in &measured.clients {
            let client = &runs.client;
            let warnings = runs.runs.iter().flat_map(|run| &run.warnings);
            for warning in warnings {
                lines.insert(format!("- {name}, {client}: {warning}."));
            }
            for failure in &runs.failures {
                lines.insert(format!("- {name}, {client} failed: {}.", one_line(failure)));
            }
            if !runs.notes.is_empty() {
                lines.insert(format!("- {client}: {}.", runs.notes.trim_end_matches('.')));
            }
        }
    }
    let lines: Vec<String> = lines.into_iter().collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("## Remarks\n\n{}\n", lines.join("\n"))
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let text = format!("{}\n", text.trim_end());
    std::fs::write(path, text).with_context(|| format!("{} can not be written", path.display()))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::tests::record;

    #[test]
    fn a_head_names_each_command_once() {
        let mut record = record();
        record.cases.push(record.cases[0].clone());
        let head = head("Title", &record);
        let command = "cargo xtask bench    # 2026-01-01, at abc";
        assert_eq!(head.matches(command).count(), 1, "{head}");
        assert!(head.contains("| ours | this project 1 |"), "{head}");
    }

    #[test]
    fn remarks_tell_of_what_failed_in_one_line() {
        let mut record = record();
        assert_eq!(remarks(&record), "");
        record.cases[0].clients[1]
            .failures
            .push("a\n  b".to_owned());
        assert_eq!(remarks(&record), "## Remarks\n\n- S1, java failed: a b.\n");
    }
}
