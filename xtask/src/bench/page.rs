//! The page: machine, versions and commands first, then a table per case, then remarks.
//!
//! It is made from the record alone, so that it can be made again without measuring.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::chart;
use super::record::{Figure, Measured, Record, Role};
use super::table::{Table, figure, percent, times};

/// One column: what it is called, the figure, and how it is shown.
struct Column(&'static str, Figure, Shown);

enum Shown {
    Itself,
    Thousands,
    TimesBestPeer,
    TimesFloor,
    Spread,
}

use Figure::{
    BatchesPerRequest, BytesPerRecord, Cores, CpuPerRecord, Late, Max, MegabytesPerSecond, Memory,
    P50, P90, P99, P999, RecordsPerSecond, ServerCores,
};
use Shown::{Itself, Spread, Thousands, TimesBestPeer, TimesFloor};

/// Of a case that sends as fast as it can.
const THROUGHPUT: &[Column] = &[
    Column("k records/s", RecordsPerSecond, Thousands),
    Column("× best peer", RecordsPerSecond, TimesBestPeer),
    Column("× floor", RecordsPerSecond, TimesFloor),
    Column("spread", RecordsPerSecond, Spread),
    Column("MB/s", MegabytesPerSecond, Itself),
    Column("CPU ns/record", CpuPerRecord, Itself),
    Column("× best peer", CpuPerRecord, TimesBestPeer),
    Column("× floor", CpuPerRecord, TimesFloor),
    Column("cores", Cores, Itself),
    Column("server cores", ServerCores, Itself),
    Column("MiB", Memory, Itself),
    Column("× best peer", Memory, TimesBestPeer),
    Column("bytes/record", BytesPerRecord, Itself),
    Column("batches/request", BatchesPerRequest, Itself),
];

/// Of a case at a fixed rate.
const LATENCY: &[Column] = &[
    Column("p50 µs", P50, Itself),
    Column("× best peer", P50, TimesBestPeer),
    Column("p90", P90, Itself),
    Column("p99", P99, Itself),
    Column("× best peer", P99, TimesBestPeer),
    Column("p99.9", P999, Itself),
    Column("max", Max, Itself),
    Column("sent late by", Late, Itself),
    Column("CPU ns/record", CpuPerRecord, Itself),
    Column("× floor", CpuPerRecord, TimesFloor),
    Column("MiB", Memory, Itself),
];

/// Writes the page.
pub(super) fn write(record: &Record, dir: &Path) -> Result<()> {
    let path = dir.join("peers.md");
    let pictures = chart::write(record, dir)?;
    let text = format!("{}\n", peers(record, &pictures).trim_end());
    std::fs::write(&path, text).with_context(|| format!("{} can not be written", path.display()))
}

fn peers(record: &Record, pictures: &str) -> String {
    let mut text = head(record);
    if !pictures.is_empty() {
        text.push_str("A bar is ours, with the worst and the best of its rounds; a point is another producer.\n\n");
        text.push_str(pictures);
    }
    for measured in &record.cases {
        let case = &measured.case;
        let rounds = measured.clients.iter().map(|runs| runs.runs.len()).max();
        let rounds = rounds.unwrap_or(0);
        let _ = write!(
            text,
            "## {}: {}\n\nRounds: {rounds}.\n\n",
            case.name, case.what
        );
        let columns = if case.flags.is_paced() {
            LATENCY
        } else {
            THROUGHPUT
        };
        let names = columns.iter().map(|Column(name, ..)| *name);
        let mut table = Table::new(["client"].into_iter().chain(names));
        for runs in &measured.clients {
            table.row([runs.client.clone()].into_iter().chain(cells(
                columns,
                measured,
                &runs.client,
            )));
        }
        text.push_str(&table.to_string());
    }
    text + &remarks(record)
}

fn cells(columns: &[Column], measured: &Measured, client: &str) -> Vec<String> {
    let cell = |Column(_, what, shown): &Column| {
        let value = measured.median(client, *what);
        match shown {
            Itself => figure(value),
            Thousands => figure(value.map(|value| value / 1e3)),
            TimesBestPeer => times(value, measured.best_peer(*what)),
            TimesFloor => times(value, measured.floor(*what)),
            Spread => percent(measured.spread(client, *what)),
        }
    };
    columns.iter().map(cell).collect()
}

/// The head of the page.
fn head(record: &Record) -> String {
    let machine = &record.machine;
    let mut text = "# Beside other producers\n\n".to_owned();
    text.push_str("Written by `cargo xtask bench`; not to be edited.\n\n");
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
fn remarks(record: &Record) -> String {
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
        let head = head(&record);
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

    #[test]
    fn a_page_has_ratios_to_the_best_peer_and_the_floor() {
        let text = peers(&record(), "");
        let expected = [
            "| ours | 8,000 | 4.00 | 0.80 | 45 % | 800 | 125 | 0.25 | 1.25 |",
            "| franz-go | 2,000 | 1.00 | 0.20 | 45 % |",
        ];
        for line in expected {
            assert!(text.contains(line), "{line}\nis not in\n{text}");
        }
    }

    #[test]
    fn a_paced_case_is_told_by_percentiles() {
        let mut record = record();
        record.cases[0].case.flags.rate = 1_000;
        let text = peers(&record, "");
        let line = "| ours | 100 | 1.00 | 150 | 200 | 1.00 | 300 | 400 | 50.0 |";
        assert!(text.contains(line), "{text}");
    }
}
