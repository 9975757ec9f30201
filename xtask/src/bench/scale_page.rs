//! The page about growth: a table and a picture per axis, of all axes that were measured.

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum as _;

use super::cases::Server;
use super::page;
use super::plot::{self, Lines, Scales};
use super::record::{Figure, Measured, Record};
use super::scale::Axis;
use super::table::{Table, figure, times};

/// The record of one axis in `dir`.
pub(super) fn file(axis: Axis) -> String {
    format!("scale-{}.json", axis.name())
}

/// Writes the page and the pictures of every axis whose record is in `dir`.
pub(super) fn write(dir: &Path) -> Result<()> {
    let mut text = String::new();
    let mut whole: Option<Record> = None;
    for axis in Axis::value_variants() {
        let path = dir.join(file(*axis));
        if !path.is_file() {
            continue;
        }
        let record = Record::read(&path)?;
        text.push_str(&section(*axis, &record));
        draw(*axis, &record, dir)?;
        match &mut whole {
            Some(whole) => whole.cases.extend(record.cases),
            None => whole = Some(record),
        }
    }
    let Some(whole) = whole else { return Ok(()) };
    let head = page::head("When work grows", &whole);
    let text = head + &text + &page::remarks(&whole);
    page::write(&dir.join("scale.md"), &text)
}

fn section(axis: Axis, record: &Record) -> String {
    let name = axis.name();
    let mut text = format!("## {name}\n\n![{name}](scale-{name}.svg)\n\n");
    match axis {
        Axis::Count => text.push_str(&over_time(record)),
        _ => text.push_str(&along(axis, record)),
    }
    text
}

/// One row per point and client, compared with the client's first point.
fn along(axis: Axis, record: &Record) -> String {
    let mut head = vec![
        axis.label(),
        "client",
        "k records/s",
        "× first",
        "MB/s",
        "CPU ns/record",
        "p99 ms",
        "MiB",
        "batches/request",
    ];
    let has_window = axis == Axis::Distance;
    head.extend(has_window.then_some("window allows MB/s"));
    let mut table = Table::new(head);
    for (client, _) in record.clients() {
        let rate = |measured: &Measured| measured.median(client, Figure::RecordsPerSecond);
        let first = record.cases.first().and_then(rate);
        for measured in &record.cases {
            let of = |what| measured.median(client, what);
            let mut row = vec![
                measured.case.at.map_or_else(String::new, figure_of_axis),
                client.to_owned(),
                figure(rate(measured).map(|rate| rate / 1e3)),
                times(rate(measured), first),
                figure(of(Figure::MegabytesPerSecond)),
                figure(of(Figure::CpuPerRecord)),
                figure(of(Figure::P99).map(|us| us / 1e3)),
                figure(of(Figure::Memory)),
                figure(of(Figure::BatchesPerRequest)),
            ];
            row.extend(has_window.then(|| figure(window(measured))));
            table.row(row);
        }
    }
    table.to_string()
}

/// What one connection can carry: so many batches, every so many seconds; none if nothing delays.
fn window(measured: &Measured) -> Option<f64> {
    let flags = &measured.case.flags;
    match measured.case.server {
        Server::Sink {
            delay_us, brokers, ..
        } if delay_us > 0 => {
            let bytes = flags.batch_size * flags.max_in_flight * usize::from(brokers);
            Some(bytes as f64 / delay_us as f64)
        }
        _ => None,
    }
}

/// Memory at ten moments of one long run.
fn over_time(record: &Record) -> String {
    let mut text = String::new();
    for measured in &record.cases {
        for runs in &measured.clients {
            for run in &runs.runs {
                let rate = run.records as f64 / run.seconds;
                text.push_str(&format!(
                    "{}: {} records in {:.0} s, {} k/s, {} ns of CPU per record.\n\n",
                    runs.client,
                    figure(Some(run.records as f64)),
                    run.seconds,
                    figure(Some(rate / 1e3)),
                    figure(Some((run.user_s + run.system_s) / run.records as f64 * 1e9)),
                ));
                text.push_str(&moments(&run.rss_over_time).to_string());
            }
        }
    }
    text
}

fn moments(samples: &[(f64, u64)]) -> Table {
    let mut table = Table::new(["after s", "MiB"]);
    let last = samples.len().saturating_sub(1);
    let mut places: Vec<usize> = (0..=10).map(|tenth| tenth * last / 10).collect();
    places.dedup();
    for (seconds, kb) in places.into_iter().filter_map(|place| samples.get(place)) {
        table.row([format!("{seconds:.1}"), figure(Some(*kb as f64 / 1024.0))]);
    }
    table
}

fn draw(axis: Axis, record: &Record, dir: &Path) -> Result<()> {
    let panels: Vec<Lines> = match axis {
        Axis::Count => vec![memory_over_time(record)],
        Axis::Size => panels(axis, record, &[BYTES, CPU]),
        Axis::Memory => panels(axis, record, &[RATE, CPU, MEMORY]),
        _ => panels(axis, record, &[RATE, CPU]),
    };
    let path = dir.join(format!("scale-{}.svg", axis.name()));
    plot::lines(&path, &panels, &record.clients())
}

fn panels(axis: Axis, record: &Record, figures: &[(&str, Figure)]) -> Vec<Lines> {
    let panel = |(title, what): &(&str, Figure)| Lines {
        title: (*title).to_owned(),
        axis: axis.label().to_owned(),
        scales: Scales::Logarithmic,
        lines: lines(record, *what),
    };
    figures.iter().map(panel).collect()
}

/// A line per client through the medians of all points.
pub(super) fn lines(record: &Record, what: Figure) -> Vec<(String, Vec<(f64, f64)>)> {
    let line = |client: &str| {
        let cases = record.cases.iter();
        let points =
            cases.filter_map(|measured| Some((measured.case.at?, measured.median(client, what)?)));
        (client.to_owned(), points.collect())
    };
    record
        .clients()
        .into_iter()
        .map(|(client, _)| line(client))
        .collect()
}

fn memory_over_time(record: &Record) -> Lines {
    let clients = record.cases.iter().flat_map(|measured| &measured.clients);
    let lines = clients.flat_map(|runs| {
        runs.runs.iter().map(|run| {
            let points = run.rss_over_time.iter();
            let points = points.map(|(seconds, kb)| (*seconds, *kb as f64 / 1024.0));
            (runs.client.clone(), points.collect())
        })
    });
    Lines {
        title: "resident memory, MiB".to_owned(),
        axis: Axis::Count.label().to_owned(),
        scales: Scales::Linear,
        lines: lines.collect(),
    }
}

fn figure_of_axis(at: f64) -> String {
    if at.fract() == 0.0 {
        figure(Some(at)).replace(".00", "").replace(".0", "")
    } else {
        at.to_string()
    }
}

const RATE: (&str, Figure) = ("records per second", Figure::RecordsPerSecond);
const BYTES: (&str, Figure) = ("MB per second", Figure::MegabytesPerSecond);
const CPU: (&str, Figure) = ("CPU per record, ns", Figure::CpuPerRecord);
const MEMORY: (&str, Figure) = ("peak memory, MiB", Figure::Memory);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::tests::{measured, record};

    #[test]
    fn each_point_is_compared_with_the_first() {
        let mut record = record();
        for (at, slower) in [(1.0, 1.0), (10.0, 2.0)] {
            let mut point = measured();
            point.case.at = Some(at);
            for run in point.clients.iter_mut().flat_map(|runs| &mut runs.runs) {
                run.seconds *= slower;
            }
            record.cases.push(point);
        }
        record.cases.remove(0);
        let table = along(Axis::Partitions, &record);
        assert!(table.contains("| 1 | ours | 8,000 | 1.00 |"), "{table}");
        assert!(table.contains("| 10 | ours | 4,000 | 0.50 |"), "{table}");
    }

    #[test]
    fn a_window_is_what_is_in_flight_per_round_trip() {
        let mut case = measured();
        assert_eq!(window(&case), None);
        case.case.flags.batch_size = 1_000_000;
        case.case.server = Server::Sink {
            brokers: 1,
            partitions: 12,
            delay_us: 100_000,
        };
        assert_eq!(window(&case), Some(50.0));
    }

    #[test]
    fn a_long_run_is_told_at_eleven_moments() {
        let samples: Vec<_> = (0..=100).map(|second| (f64::from(second), 2048)).collect();
        let table = moments(&samples).to_string();
        assert_eq!(
            table
                .lines()
                .filter(|line| line.contains("| 2.00 |"))
                .count(),
            11
        );
        assert!(table.contains("| 100.0 | 2.00 |"), "{table}");
        assert!(!moments(&[]).to_string().contains("2.00"));
    }

    #[test]
    fn a_page_has_a_picture_of_each_axis_that_was_measured() {
        let dir = tempfile::tempdir().unwrap();
        let mut record = record();
        record.cases[0].case.at = Some(1.0);
        record.write(&dir.path().join(file(Axis::Brokers))).unwrap();
        write(dir.path()).unwrap();
        let page = std::fs::read_to_string(dir.path().join("scale.md")).unwrap();
        assert!(page.contains("scale-brokers.svg") && !page.contains("scale-size.svg"));
        assert!(dir.path().join("scale-brokers.svg").is_file());
    }
}
