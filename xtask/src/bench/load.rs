//! Latency under load: fixed rates up to half of what we can do, each record due at its own time.

use std::path::Path;

use anyhow::{Result, bail};

use super::cases::{Case, Flags, Server};
use super::clients::OURS;
use super::plot::{self, Lines, Scales};
use super::record::{Figure, Record};
use super::table::{Table, figure};
use super::{page, scale_page};

/// The case that tells the maximum.
pub(super) fn maximum(linger_ms: u64) -> Case {
    let flags = Flags {
        linger_ms,
        ..Flags::small()
    };
    case(
        "maximum".to_owned(),
        "as fast as possible".to_owned(),
        flags,
    )
}

/// The rates that all clients are measured at.
pub(super) fn rates(linger_ms: u64) -> Vec<Case> {
    let rates = [1_000, 10_000, 100_000, 1_000_000];
    rates.map(|rate| at_rate(rate, linger_ms)).into()
}

/// Half of our own maximum, as it was measured; who can not follow has a queue that grows.
pub(super) fn half(record: &Record, linger_ms: u64) -> Result<Case> {
    let maximum = record
        .cases
        .iter()
        .find(|measured| measured.case.name == "maximum");
    let rate = maximum.and_then(|maximum| maximum.median(OURS, Figure::RecordsPerSecond));
    let Some(rate) = rate else {
        bail!("half of the maximum is not known: {OURS} was not measured")
    };
    let mut case = at_rate((rate / 2.0) as u64, linger_ms);
    case.name = "half".to_owned();
    // A callback and a clock for every record would be most of the work.
    case.ours = ["--timed-every", "16"].map(str::to_owned).into();
    case.floor = ["--x-timed-every", "16"].map(str::to_owned).into();
    Ok(case)
}

/// The names of all cases, in order.
pub(super) fn names(linger_ms: u64) -> Vec<String> {
    let rates = rates(linger_ms).into_iter().map(|case| case.name);
    let first = ["maximum".to_owned()].into_iter();
    first.chain(rates).chain(["half".to_owned()]).collect()
}

fn at_rate(rate: u64, linger_ms: u64) -> Case {
    let flags = Flags {
        rate,
        linger_ms,
        ..Flags::small()
    };
    let mut case = case(format!("rate-{rate}"), format!("{rate} records/s"), flags);
    case.at = Some(rate as f64);
    case
}

fn case(name: String, what: String, flags: Flags) -> Case {
    Case {
        name,
        what,
        at: None,
        server: Server::Sink {
            brokers: 1,
            partitions: 12,
            delay_us: 0,
        },
        flags,
        ours: Vec::new(),
        floor: Vec::new(),
    }
}

/// Writes the page and its picture.
pub(super) fn write(record: &Record, dir: &Path) -> Result<()> {
    let mut text = page::head("Latency under load", record);
    let linger = record
        .cases
        .first()
        .map_or(0, |measured| measured.case.flags.linger_ms);
    text.push_str(&format!(
        "100 B, acks=1, 16 KiB batches, linger {linger} ms. From the moment a record is due until \
         its acknowledgement, in µs; the pacing thread's own delay (\"late\", median) is part of \
         it. The last rate is half of our maximum: only ours and the floor are measured, and of \
         both every 16th record is timed. Who can not follow has a queue that grows.\n\n![latency under load](load.svg)\n\n"
    ));
    let mut table = Table::new([
        "records/s",
        "client",
        "reached",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "late",
        "CPU ns/record",
    ]);
    for measured in &record.cases {
        for runs in &measured.clients {
            let of = |what| measured.median(&runs.client, what);
            let asked = match measured.case.flags.rate {
                0 => "maximum".to_owned(),
                rate => figure(Some(rate as f64)),
            };
            let figures = [
                Figure::P50,
                Figure::P90,
                Figure::P99,
                Figure::P999,
                Figure::Max,
                Figure::Late,
                Figure::CpuPerRecord,
            ];
            let reached = figure(of(Figure::RecordsPerSecond));
            let cells = [asked, runs.client.clone(), reached].into_iter();
            table.row(cells.chain(figures.map(|what| figure(of(what)))));
        }
    }
    text.push_str(&table.to_string());
    text.push_str(&page::remarks(record));
    page::write(&dir.join("load.md"), &text)?;
    let panel = |(title, what): (&str, Figure)| Lines {
        title: title.to_owned(),
        axis: "records per second".to_owned(),
        scales: Scales::Logarithmic,
        lines: scale_page::lines(record, what),
    };
    let panels = [
        ("p50, µs", Figure::P50),
        ("p99, µs", Figure::P99),
        ("p99.9, µs", Figure::P999),
    ];
    plot::lines(&dir.join("load.svg"), &panels.map(panel), &record.clients())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::tests::{measured, record};

    #[test]
    fn half_of_the_maximum_is_half_of_ours() {
        let mut record = record();
        assert!(half(&record, 5).is_err());
        record.cases[0].case = maximum(5);
        let half = half(&record, 5).unwrap();
        assert_eq!(half.flags.rate, 4_000_000);
        assert_eq!(half.at, Some(4e6));
    }

    #[test]
    fn every_case_has_its_place() {
        let names = names(5);
        assert_eq!(names.first().unwrap(), "maximum");
        assert_eq!(names.last().unwrap(), "half");
        assert!(rates(5).iter().all(|case| names.contains(&case.name)));
    }

    #[test]
    fn the_page_has_a_row_per_rate_and_client() {
        let dir = tempfile::tempdir().unwrap();
        let mut record = record();
        let mut paced = measured();
        paced.case = at_rate(1_000, 5);
        record.cases = vec![paced];
        write(&record, dir.path()).unwrap();
        let page = std::fs::read_to_string(dir.path().join("load.md")).unwrap();
        let row = "| 1,000 | floor | 10,000,000 | 100 | 150 | 200 | 300 | 400 | 50.0 | 100 |";
        assert!(page.contains(row), "{page}");
    }
}
