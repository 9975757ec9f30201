//! The measurement: a pilot run finds how many records each client sends, then the clients take turns
//! (A B C A B C), so that a disturbance of the machine affects all of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::broker::Broker;
use super::cases::{Case, Server};
use super::clients::Client;
use super::machine;
use super::record::{Measured, Run, Runs};
use super::run::{Amount, Ran, run};
use super::sink::Sink;

/// How long and how often.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) rounds: usize,
    pub(super) seconds: f64,
    /// What was typed.
    pub(super) command: String,
}

/// Measures cases; servers are started as they are needed.
pub(super) struct Bench<'a> {
    plan: &'a Plan,
    sink: PathBuf,
    broker: Option<Broker>,
    topics: usize,
}

/// One client in one case.
struct Entry<'a> {
    client: &'a Client,
    amount: Result<Amount, String>,
    payloads: BTreeSet<String>,
    runs: Runs,
}

impl<'a> Bench<'a> {
    pub(super) fn new(plan: &'a Plan, sink: PathBuf) -> Self {
        Self {
            plan,
            sink,
            broker: None,
            topics: 0,
        }
    }

    /// All rounds of one case.
    pub(super) fn measure(&mut self, case: &Case, clients: &[Client]) -> Result<Measured> {
        if matches!(case.server, Server::Kafka { .. }) {
            self.start_broker(case, clients)?;
        }
        let mut entries = Vec::new();
        for client in clients {
            let mut entry = Entry::new(client);
            entry.amount = self.pilot(case, &mut entry);
            entries.push(entry);
        }
        for round in 1..=self.plan.rounds {
            for entry in &mut entries {
                self.round(case, entry, round);
            }
        }
        self.warn_of_payloads(case, &entries);
        Ok(Measured {
            case: case.clone(),
            date: machine::today(),
            commit: machine::commit(),
            command: self.plan.command.clone(),
            clients: entries.into_iter().map(|entry| entry.runs).collect(),
        })
    }

    /// How much `entry` should send so that it takes the time that was asked for.
    fn pilot(&mut self, case: &Case, entry: &mut Entry<'_>) -> Result<Amount, String> {
        let flags = &case.flags;
        if flags.is_paced() {
            let records = flags.rate as f64 * self.plan.seconds;
            return Ok(Amount {
                records: (records as u64).max(LATENCIES_MIN),
                warmup: 300_000.min(flags.rate * 300),
            });
        }
        let mut records = pilot_records(case);
        for _ in 0..PILOTS {
            let amount = Amount {
                records,
                warmup: records,
            };
            match self.one(case, entry, amount) {
                Ok(run) if run.seconds < PILOT_MIN_S => records = records.saturating_mul(8),
                Ok(run) => return Ok(self.amount(run.records as f64 / run.seconds)),
                Err(error) => return Err(format!("pilot: {error:#}")),
            }
        }
        Err(format!("pilot: {records} records are sent in no time"))
    }

    fn amount(&self, per_second: f64) -> Amount {
        Amount {
            records: ((per_second * self.plan.seconds) as u64).max(100),
            warmup: (per_second * self.plan.seconds.min(WARMUP_S)) as u64,
        }
    }

    fn round(&mut self, case: &Case, entry: &mut Entry<'_>, round: usize) {
        let name = &entry.client.name;
        let outcome = match &entry.amount {
            Ok(amount) => self.one(case, entry, *amount),
            Err(reason) => Err(anyhow::Error::msg(reason.clone())),
        };
        let title = format!("{} {round} {name:11}", case.name);
        match outcome {
            Ok(run) => {
                eprintln!("{title} {}", said(&run));
                entry.runs.runs.push(run);
            }
            Err(reason) => {
                eprintln!("{title} failed: {reason:#}");
                entry.runs.failures.push(format!("{reason:#}"));
            }
        }
    }

    /// One run against a fresh sink, or a fresh topic of the broker.
    fn one(&mut self, case: &Case, entry: &mut Entry<'_>, amount: Amount) -> Result<Run> {
        self.topics += 1;
        let topic = format!("bench-{}", self.topics);
        let limit = LIMIT + Duration::from_secs(amount.records / SLOWEST_PER_S);
        let client = entry.client;
        let client = |at: &str| run(client, case, (at, &topic), amount, limit);
        match case.server {
            Server::Kafka { partitions } => {
                let broker = self.broker.as_ref().context("no broker was started")?;
                broker.create(&topic, partitions)?;
                let before = broker.cpu_s();
                let ran = client(&broker.bootstrap);
                let server_cpu_s = broker.cpu_s() - before;
                broker.delete(&topic)?;
                Ok(entry.run(ran?, amount, server_cpu_s))
            }
            Server::Sink(options) => {
                let sink = Sink::start(&self.sink, options)?;
                let ran = client(&sink.bootstrap);
                let totals = sink.stop()?;
                let mut run = entry.run(ran?, amount, totals.cpu_user_s + totals.cpu_sys_s);
                let sent = amount.records + amount.warmup;
                if totals.records != sent {
                    let warning = format!("the sink counted {} records of {sent}", totals.records);
                    run.warnings.push(warning);
                }
                run.received = Some(totals.received);
                Ok(run)
            }
        }
    }

    /// Starts the broker and lets it warm up: its JIT compiles while it is used.
    fn start_broker(&mut self, case: &Case, clients: &[Client]) -> Result<()> {
        if self.broker.is_some() {
            return Ok(());
        }
        eprintln!("starting a real broker");
        self.broker = Some(Broker::start()?);
        for client in clients {
            let amount = Amount {
                records: 1_500_000,
                warmup: 0,
            };
            let mut warm = case.clone();
            warm.flags.rate = 0;
            eprintln!("{} warms up the broker", client.name);
            if let Err(error) = self.one(&warm, &mut Entry::new(client), amount) {
                eprintln!("{} against a real broker: {error:#}", client.name);
            }
        }
        Ok(())
    }

    fn warn_of_payloads(&self, case: &Case, entries: &[Entry<'_>]) {
        let payloads: BTreeSet<_> = entries.iter().flat_map(|entry| &entry.payloads).collect();
        if payloads.len() > 1 {
            eprintln!("{}: not all clients send the same bytes", case.name);
        }
    }
}

impl<'a> Entry<'a> {
    fn new(client: &'a Client) -> Self {
        Self {
            client,
            amount: Err("no pilot".to_owned()),
            payloads: BTreeSet::new(),
            runs: Runs {
                client: client.name.clone(),
                role: client.role,
                version: String::new(),
                notes: String::new(),
                runs: Vec::new(),
                failures: Vec::new(),
            },
        }
    }

    fn run(&mut self, ran: Ran, amount: Amount, server_cpu_s: f64) -> Run {
        let line = ran.line;
        self.payloads.insert(line.payload_fnv);
        self.runs.version = line.version;
        self.runs.notes = line.notes;
        let mut warnings = Vec::new();
        if line.errors > 0 {
            warnings.push(format!("{} errors", line.errors));
        }
        Run {
            records: line.records,
            warmup: amount.warmup,
            seconds: line.seconds,
            user_s: line.cpu_user_s,
            system_s: line.cpu_sys_s,
            rss_kb: line.max_rss_kb,
            latency_us: line.lat_us,
            late_us: line.send_late_us.map_or(0.0, |late| late.p50),
            server_cpu_s: rounded(server_cpu_s),
            foreign_cpu_s: rounded(ran.others_cpu_s - server_cpu_s),
            received: None,
            warnings,
        }
    }
}

/// A second's work or less for the slowest client.
fn pilot_records(case: &Case) -> u64 {
    let flags = &case.flags;
    if flags.compression == "gzip" {
        return 40_000;
    }
    let bytes = (flags.size + flags.key_size).max(1) as u64;
    let slowed = match case.server {
        Server::Sink(sink) => 1 + sink.delay_us / 2_000,
        Server::Kafka { .. } => 1,
    };
    (PILOT_BYTES / bytes / slowed).clamp(200, 1_500_000)
}

fn said(run: &Run) -> String {
    let per_second = run.records as f64 / run.seconds;
    let cpu_ns = (run.user_s + run.system_s) / run.records as f64 * 1e9;
    let Run { latency_us, .. } = run;
    format!(
        "{:6.2} s {:9.1} k/s {cpu_ns:8.1} ns CPU  p50 {:.0} p99 {:.0} us  {} MiB  foreign {:.2} s {}",
        run.seconds,
        per_second / 1e3,
        latency_us.p50,
        latency_us.p99,
        run.rss_kb >> 10,
        run.foreign_cpu_s,
        run.warnings.join("; "),
    )
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

const PILOT_BYTES: u64 = 250_000_000;
const PILOT_MIN_S: f64 = 0.2;
const PILOTS: usize = 4;
/// Half of what a JIT likes, enough for everything else.
const WARMUP_S: f64 = 1.5;
/// Fewer say nothing of the 99.9th percentile.
const LATENCIES_MIN: u64 = 2_000;
const LIMIT: Duration = Duration::from_secs(150);
/// A run may take a second more for every so many records.
const SLOWEST_PER_S: u64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::cases;

    #[test]
    fn a_pilot_of_large_records_sends_few() {
        let mut case = cases::peers().remove(0);
        assert_eq!(pilot_records(&case), 1_500_000);
        case.flags.size = 1_000_000;
        assert_eq!(pilot_records(&case), 250);
        case.flags.compression = "gzip".to_owned();
        assert_eq!(pilot_records(&case), 40_000);
    }

    #[test]
    fn a_pilot_against_a_distant_broker_sends_less() {
        let mut case = cases::peers().remove(0);
        case = case.with("delay_us", "100000").unwrap();
        assert!(pilot_records(&case) < 60_000);
    }
}
