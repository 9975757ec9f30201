//! The page that compares us with the peers: targets, then one table per figure, then case by case.

use std::path::Path;

use anyhow::Result;

use super::clients::OURS;
use super::plot::{self, Bars, Group};
use super::record::{Figure, Measured, Record, Role};
use super::table::{Table, figure, percent, times};
use super::{page, targets};

/// The page, in Markdown.
pub(super) fn text(record: &Record) -> String {
    let mut text = page::head("Beside other producers", record);
    let (table, reached, all) = targets::table(&record.cases, OURS);
    text.push_str("## Targets\n\n");
    text.push_str(&format!("{reached} of {all} are reached.\n\n{table}"));
    let (paced, unpaced): (Vec<_>, Vec<_>) = record
        .cases
        .iter()
        .partition(|measured| measured.case.flags.is_paced());
    let clients = record.clients();
    for (title, picture, what, cases) in [
        (
            "Throughput",
            "throughput",
            Figure::RecordsPerSecond,
            &unpaced,
        ),
        ("CPU per record", "cpu", Figure::CpuPerRecord, &unpaced),
    ] {
        if !cases.is_empty() {
            text.push_str(&section(title, picture, what, cases, &clients));
        }
    }
    if !paced.is_empty() {
        text.push_str("## Latency at a fixed rate\n\n");
        text.push_str("p50 / p99 in µs, each as a multiple of the best peer's.\n\n");
        text.push_str("![latency](latency.svg)\n\n");
        text.push_str(&latencies(&paced, &clients));
    }
    let all: Vec<&Measured> = record.cases.iter().collect();
    text.push_str(&section("Memory", "memory", Figure::Memory, &all, &clients));
    text.push_str("## Case by case\n\n");
    for measured in &record.cases {
        text.push_str(&one_case(measured));
    }
    text.push_str(&page::remarks(record));
    text
}

/// One figure of all clients in all cases, ours as a multiple of the best peer's and the floor's.
fn section(
    title: &str,
    picture: &str,
    what: Figure,
    cases: &[&Measured],
    clients: &[(&str, Role)],
) -> String {
    let unit = match what {
        Figure::RecordsPerSecond => "Thousands of records per second",
        Figure::CpuPerRecord => "Nanoseconds of CPU time per record, all threads of the client",
        _ => "The most memory that the client ever held, in MiB",
    };
    let mut table = head(&["ours × best peer", "ours × floor"], clients);
    for measured in cases {
        let scale = if what == Figure::RecordsPerSecond {
            1e-3
        } else {
            1.0
        };
        let ours = measured.median(OURS, what);
        let mut row = vec![measured.case.name.clone()];
        for (client, _) in clients {
            row.push(figure(
                measured.median(client, what).map(|value| value * scale),
            ));
        }
        row.push(times(ours, measured.best_peer(what)));
        row.push(times(ours, measured.floor(what)));
        table.row(row);
    }
    format!("## {title}\n\n{unit}.\n\n![{title}]({picture}.svg)\n\n{table}")
}

fn latencies(cases: &[&Measured], clients: &[(&str, Role)]) -> String {
    let mut table = head(&[], clients);
    for measured in cases {
        let best = [Figure::P50, Figure::P99].map(|what| measured.best_peer(what));
        let cell = |client| {
            let [p50, p99] = [Figure::P50, Figure::P99].map(|what| measured.median(client, what));
            if p50.is_none() {
                return figure(None);
            }
            format!(
                "{} / {} (× {} / {})",
                figure(p50),
                figure(p99),
                times(p50, best[0]),
                times(p99, best[1])
            )
        };
        let cells = clients.iter().map(|(client, _)| cell(client));
        table.row([measured.case.name.clone()].into_iter().chain(cells));
    }
    table.to_string()
}

fn head(more: &[&str], clients: &[(&str, Role)]) -> Table {
    let names = clients.iter().map(|(name, _)| *name);
    Table::new(
        ["case"]
            .into_iter()
            .chain(names)
            .chain(more.iter().copied()),
    )
}

fn one_case(measured: &Measured) -> String {
    let case = &measured.case;
    let rounds = measured.clients.iter().map(|runs| runs.runs.len()).max();
    let title = format!(
        "### {}: {}\n\nRounds: {}.\n\n",
        case.name,
        case.what,
        rounds.unwrap_or(0)
    );
    let table = if case.flags.is_paced() {
        paced(measured)
    } else {
        unpaced(measured)
    };
    title + &table.to_string()
}

fn unpaced(measured: &Measured) -> Table {
    let mut table = Table::new([
        "client",
        "k records/s",
        "× best peer",
        "spread",
        "MB/s",
        "CPU ns/record",
        "× best peer",
        "× floor",
        "cores",
        "server cores",
        "MiB",
        "bytes/record",
        "batches/request",
    ]);
    for runs in &measured.clients {
        let of = |what| measured.median(&runs.client, what);
        let (rate, cpu) = (of(Figure::RecordsPerSecond), of(Figure::CpuPerRecord));
        table.row([
            runs.client.clone(),
            figure(rate.map(|rate| rate / 1e3)),
            times(rate, measured.best_peer(Figure::RecordsPerSecond)),
            percent(measured.spread(&runs.client, Figure::RecordsPerSecond)),
            figure(of(Figure::MegabytesPerSecond)),
            figure(cpu),
            times(cpu, measured.best_peer(Figure::CpuPerRecord)),
            times(cpu, measured.floor(Figure::CpuPerRecord)),
            figure(of(Figure::Cores)),
            figure(of(Figure::ServerCores)),
            figure(of(Figure::Memory)),
            figure(of(Figure::BytesPerRecord)),
            figure(of(Figure::BatchesPerRequest)),
        ]);
    }
    table
}

fn paced(measured: &Measured) -> Table {
    let mut table = Table::new([
        "client",
        "p50 µs",
        "× best peer",
        "p90",
        "p99",
        "× best peer",
        "p99.9",
        "max",
        "sent late by",
        "CPU ns/record",
        "× floor",
        "MiB",
    ]);
    for runs in &measured.clients {
        let of = |what| measured.median(&runs.client, what);
        let [p50, p90, p99, p999] = [Figure::P50, Figure::P90, Figure::P99, Figure::P999].map(of);
        let cpu = of(Figure::CpuPerRecord);
        table.row([
            runs.client.clone(),
            figure(p50),
            times(p50, measured.best_peer(Figure::P50)),
            figure(p90),
            figure(p99),
            times(p99, measured.best_peer(Figure::P99)),
            figure(p999),
            figure(of(Figure::Max)),
            figure(of(Figure::Late)),
            figure(cpu),
            times(cpu, measured.floor(Figure::CpuPerRecord)),
            figure(of(Figure::Memory)),
        ]);
    }
    table
}

/// Draws the pictures that the page shows into `dir`.
pub(super) fn draw(record: &Record, dir: &Path) -> Result<()> {
    let (paced, unpaced): (Vec<_>, Vec<_>) = record
        .cases
        .iter()
        .partition(|measured| measured.case.flags.is_paced());
    let all: Vec<&Measured> = record.cases.iter().collect();
    for (file, title, what, cases) in [
        (
            "throughput",
            "records per second",
            Figure::RecordsPerSecond,
            &unpaced,
        ),
        ("cpu", "CPU per record, ns", Figure::CpuPerRecord, &unpaced),
        ("memory", "peak memory, MiB", Figure::Memory, &all),
    ] {
        let groups = cases.iter().map(|measured| Group {
            name: measured.case.name.clone(),
            values: values(measured, what),
        });
        let bars = Bars {
            title: title.to_owned(),
            groups: groups.collect(),
        };
        plot::bars(&dir.join(format!("{file}.svg")), &[bars], &record.clients())?;
    }
    let latency = paced.iter().map(|measured| Bars {
        title: format!("{}: latency, µs", measured.case.name),
        groups: [
            ("p50", Figure::P50),
            ("p90", Figure::P90),
            ("p99", Figure::P99),
            ("p99.9", Figure::P999),
        ]
        .map(|(name, what)| Group {
            name: name.to_owned(),
            values: values(measured, what),
        })
        .into(),
    });
    let latency: Vec<Bars> = latency.collect();
    plot::bars(&dir.join("latency.svg"), &latency, &record.clients())
}

fn values(measured: &Measured, what: Figure) -> Vec<(String, f64)> {
    let clients = measured.clients.iter();
    let values = clients.filter_map(|runs| {
        let value = measured.median(&runs.client, what)?;
        Some((runs.client.clone(), value))
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::tests::{measured, record};

    #[test]
    fn a_page_has_ratios_to_the_best_peer_and_the_floor() {
        let text = text(&record());
        let expected = [
            "| case | ours | java | franz-go | floor | ours × best peer | ours × floor |",
            "| S1 | 8,000 | 1,000 | 2,000 | 10,000 | 4.00 | 0.80 |",
            "| S1 | 125 | 1,000 | 500 | 100 | 0.25 | 1.25 |",
            "| franz-go | 2,000 | 1.00 | 45 % |",
        ];
        for line in expected {
            assert!(text.contains(line), "{line}\nis not in\n{text}");
        }
    }

    #[test]
    fn a_paced_case_is_told_by_percentiles() {
        let mut record = record();
        let mut paced = measured();
        paced.case.flags.rate = 1_000;
        record.cases = vec![paced];
        let text = text(&record);
        let line = "| S1 | 100 / 200 (× 1.00 / 1.00) |";
        assert!(text.contains(line), "{text}");
        assert!(!text.contains("## Throughput"), "{text}");
    }

    #[test]
    fn pictures_are_drawn_for_whatever_was_measured() {
        let dir = tempfile::tempdir().unwrap();
        let mut record = record();
        let mut paced = measured();
        paced.case.flags.rate = 1_000;
        record.cases.push(paced);
        draw(&record, dir.path()).unwrap();
        for name in ["throughput", "cpu", "memory", "latency"] {
            let file = dir.path().join(format!("{name}.svg"));
            let svg = std::fs::read_to_string(file).unwrap();
            assert!(svg.contains("franz-go"), "{name}");
        }
    }
}
