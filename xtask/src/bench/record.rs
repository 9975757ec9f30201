//! The results as they are stored: a file of JSON with one line per case.
//!
//! The page is computed from this alone, so that it can be made again without measuring.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::cases::Case;
use super::machine::Machine;
use super::statistics::{median, spread};

/// Cases that were measured on one machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) machine: Machine,
    pub(super) cases: Vec<Measured>,
}

/// One case: all of its clients, in the same rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) case: Case,
    /// The day, and what of ours was measured.
    pub(super) date: String,
    pub(super) commit: String,
    pub(super) command: String,
    pub(super) clients: Vec<Runs>,
}

/// What stands beside what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    /// This project.
    Ours,
    /// Another producer.
    Peer,
    /// No producer, only the work that none can avoid.
    Floor,
    /// Whatever was added on the command line; it is nobody's best.
    Further,
}

/// All rounds of one client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Runs {
    pub(super) client: String,
    pub(super) role: Role,
    pub(super) version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) notes: String,
    pub(super) runs: Vec<Run>,
    /// Why rounds are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failures: Vec<String>,
}

/// One round of one client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) records: u64,
    pub(super) warmup: u64,
    pub(super) seconds: f64,
    pub(super) user_s: f64,
    pub(super) system_s: f64,
    pub(super) rss_kb: u64,
    pub(super) latency_us: Latency,
    /// How late records were sent, half of the time: it is part of their latency.
    pub(super) late_us: f64,
    pub(super) server_cpu_s: f64,
    /// What the rest of the machine used meanwhile.
    pub(super) foreign_cpu_s: f64,
    /// Produce requests, and bytes of batches per record as the server received them; the sink
    /// counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) received: Option<Received>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// What the sink counted, the warm-up included.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Received {
    pub(super) requests: u64,
    pub(super) batches: u64,
    #[serde(alias = "record_bytes")]
    pub(super) bytes: u64,
}

/// Percentiles in microseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

/// A figure of a run that pages speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    RecordsPerSecond,
    MegabytesPerSecond,
    /// Nanoseconds, on all cores together.
    CpuPerRecord,
    /// How many cores were busy with it.
    Cores,
    P50,
    P90,
    P99,
    P999,
    Max,
    Late,
    /// Mebibytes, the most there ever were.
    Memory,
    BytesPerRecord,
    BatchesPerRequest,
    ServerCores,
}

impl Run {
    /// The figure, if this run has it; `bytes` is what a record holds, key and value.
    fn figure(&self, figure: Figure, bytes: usize) -> Option<f64> {
        let records = self.records as f64;
        let all = (self.records + self.warmup) as f64;
        let cpu_s = self.user_s + self.system_s;
        Some(match figure {
            Figure::RecordsPerSecond => records / self.seconds,
            Figure::MegabytesPerSecond => records * bytes as f64 / self.seconds / 1e6,
            Figure::CpuPerRecord => cpu_s / records * 1e9,
            Figure::Cores => cpu_s / self.seconds,
            Figure::P50 => self.latency_us.p50,
            Figure::P90 => self.latency_us.p90,
            Figure::P99 => self.latency_us.p99,
            Figure::P999 => self.latency_us.p999,
            Figure::Max => self.latency_us.max,
            Figure::Late => self.late_us,
            Figure::Memory => self.rss_kb as f64 / 1024.0,
            Figure::BytesPerRecord => self.received?.bytes as f64 / all,
            Figure::BatchesPerRequest => {
                let received = self.received.filter(|received| received.requests > 0)?;
                received.batches as f64 / received.requests as f64
            }
            // The server works for the warm-up, too.
            Figure::ServerCores => self.server_cpu_s / (self.seconds * all / records),
        })
    }
}

impl Measured {
    /// The median of all rounds of a client.
    pub(super) fn median(&self, client: &str, figure: Figure) -> Option<f64> {
        median(self.figures(client, figure))
    }

    /// The lowest and the highest of its rounds.
    pub(super) fn range(&self, client: &str, figure: Figure) -> Option<(f64, f64)> {
        let figures = self.figures(client, figure);
        let low = figures.iter().copied().reduce(f64::min)?;
        let high = figures.iter().copied().reduce(f64::max)?;
        Some((low, high))
    }

    /// How far its rounds are apart.
    pub(super) fn spread(&self, client: &str, figure: Figure) -> Option<f64> {
        spread(self.figures(client, figure))
    }

    fn figures(&self, client: &str, figure: Figure) -> Vec<f64> {
        let bytes = self.case.flags.size + self.case.flags.key_size;
        let client = self.clients.iter().find(|runs| runs.client == client);
        let runs = client.map(|client| client.runs.iter());
        let runs = runs.into_iter().flatten();
        runs.filter_map(|run| run.figure(figure, bytes)).collect()
    }

    /// The medians of all clients of a role, by name.
    pub(super) fn medians(&self, role: Role, figure: Figure) -> Vec<(&str, f64)> {
        let clients = self.clients.iter().filter(|runs| runs.role == role);
        let named = clients.filter_map(|runs| {
            let median = self.median(&runs.client, figure)?;
            Some((runs.client.as_str(), median))
        });
        named.collect()
    }

    /// The peers' best: the highest rate, the lowest of everything else.
    pub(super) fn best_peer(&self, figure: Figure) -> Option<f64> {
        let medians = self.medians(Role::Peer, figure);
        let medians = medians.into_iter().map(|(_, median)| median);
        match figure {
            Figure::RecordsPerSecond | Figure::MegabytesPerSecond => medians.reduce(f64::max),
            _ => medians.reduce(f64::min),
        }
    }

    pub(super) fn floor(&self, figure: Figure) -> Option<f64> {
        let medians = self.medians(Role::Floor, figure);
        medians.first().map(|(_, median)| *median)
    }
}

impl Record {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path)
            .with_context(|| format!("the record {} can not be read", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("the record {} can not be understood", path.display()))
    }

    /// One case per line, so that a difference shows what was measured anew.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let cases = self.cases.iter().map(serde_json::to_string);
        let cases = cases.collect::<Result<Vec<_>, _>>()?.join(",\n");
        let machine = serde_json::to_string(&self.machine)?;
        let text = format!("{{\"machine\":{machine},\"cases\":[\n{cases}\n]}}\n");
        std::fs::write(path, text)
            .with_context(|| format!("the record {} can not be written", path.display()))
    }

    /// Puts a case in the place of what was measured of it before, in the order of `names`.
    pub(super) fn put(&mut self, measured: Measured, names: &[String]) {
        self.cases
            .retain(|other| other.case.name != measured.case.name);
        self.cases.push(measured);
        let place = |measured: &Measured| {
            let place = names.iter().position(|name| *name == measured.case.name);
            place.unwrap_or(names.len())
        };
        self.cases.sort_by_key(place);
    }

    /// Every client of any case once, in the order in which they first appear.
    pub(super) fn clients(&self) -> Vec<(&str, Role)> {
        let mut clients: Vec<(&str, Role)> = Vec::new();
        for runs in self.cases.iter().flat_map(|measured| &measured.clients) {
            if !clients.iter().any(|(name, _)| *name == runs.client) {
                clients.push((&runs.client, runs.role));
            }
        }
        clients
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::cases;

    pub(in crate::bench) fn run(records_per_s: f64, cpu_ns: f64) -> Run {
        Run {
            records: 1_000_000,
            warmup: 0,
            seconds: 1e6 / records_per_s,
            user_s: cpu_ns / 1e3,
            system_s: 0.0,
            rss_kb: 20 << 10,
            latency_us: Latency {
                p50: 100.0,
                p90: 150.0,
                p99: 200.0,
                p999: 300.0,
                max: 400.0,
            },
            late_us: 50.0,
            server_cpu_s: 0.1,
            foreign_cpu_s: 0.0,
            received: Some(Received {
                requests: 100,
                batches: 300,
                bytes: 107_000_000,
            }),
            warnings: Vec::new(),
        }
    }

    /// Ours at 8 million a second, peers at 1 and 2, the floor at 10; CPU the other way round.
    pub(in crate::bench) fn measured() -> Measured {
        let clients = [
            ("ours", Role::Ours, 8e6),
            ("java", Role::Peer, 1e6),
            ("franz-go", Role::Peer, 2e6),
            ("floor", Role::Floor, 10e6),
        ];
        let runs = clients.map(|(client, role, rate)| Runs {
            client: client.to_owned(),
            role,
            version: "1".to_owned(),
            notes: String::new(),
            runs: [0.8, 1.0, 1.25]
                .map(|part| run(rate * part, 1e9 / rate))
                .into(),
            failures: Vec::new(),
        });
        Measured {
            case: cases::peers().remove(0),
            date: "2026-01-01".to_owned(),
            commit: "abc".to_owned(),
            command: "cargo xtask bench".to_owned(),
            clients: runs.into(),
        }
    }

    pub(in crate::bench) fn record() -> Record {
        Record {
            machine: Machine::default(),
            cases: vec![measured()],
        }
    }

    #[test]
    fn the_best_peer_is_neither_ours_nor_the_floor() {
        let measured = measured();
        assert_eq!(measured.best_peer(Figure::RecordsPerSecond), Some(2e6));
        assert_eq!(
            measured.best_peer(Figure::CpuPerRecord).map(f64::round),
            Some(500.0)
        );
        assert_eq!(measured.floor(Figure::RecordsPerSecond), Some(10e6));
        assert_eq!(measured.best_peer(Figure::BatchesPerRequest), Some(3.0));
        assert_eq!(measured.median("nobody", Figure::P50), None);
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.json");
        record().write(&path).unwrap();
        let read = Record::read(&path).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", record()));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn a_case_that_is_measured_again_takes_its_own_place() {
        let mut record = record();
        let names = ["S1".to_owned(), "S2".to_owned()];
        let mut second = measured();
        second.case.name = "S2".to_owned();
        record.put(second, &names);
        let mut again = measured();
        again.commit = "def".to_owned();
        record.put(again, &names);
        let cases: Vec<_> = record
            .cases
            .iter()
            .map(|m| (&*m.case.name, &*m.commit))
            .collect();
        assert_eq!(cases, [("S1", "def"), ("S2", "abc")]);
    }
}
