//! One call of the command: reads the earlier results and writes each case when it is done, so that
//! an interruption loses at most one.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use super::clients::{self, Building, Client, Clients, Workshop};
use super::machine::Machine;
use super::page;
use super::record::{Measured, Record};
use super::rounds::{Bench, Plan};
use crate::shell;

/// What all of them understand.
#[derive(Args, Clone)]
pub(super) struct Options {
    /// Clients, comma-separated: ours, java, librdkafka, franz-go, rskafka, krafka, floor, and
    /// those of --client.
    #[arg(long, value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// How often each client is measured; medians are shown.
    #[arg(long, default_value_t = 3)]
    pub(super) rounds: usize,
    /// How long the measured part of a run should take, about.
    #[arg(long, default_value_t = 3.0)]
    pub(super) seconds: f64,
    /// A further client, e.g. an older build of ours: `--client 'before=PROGRAM ARGUMENT'`.
    #[arg(long, value_name = "NAME=COMMAND", value_parser = clients::further)]
    pub(super) client: Vec<Client>,
    /// Where to write [default: docs/benchmarks].
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// Measure the programs as they are.
    #[arg(long)]
    pub(super) no_build: bool,
    /// Measure nothing: make the pages anew of what was measured.
    #[arg(long)]
    pub(super) report: bool,
    /// Where the peers are built [default: target/peers].
    #[arg(long)]
    pub(super) build_dir: Option<PathBuf>,
}

/// The record that is being added to, and where it is kept.
pub(super) struct Session {
    dir: PathBuf,
    file: PathBuf,
    /// The names of all cases, in the order of the page.
    order: Vec<String>,
    pub(super) record: Record,
}

/// Everything that measuring needs, built.
pub(super) struct Ready {
    pub(super) plan: Plan,
    pub(super) clients: Clients,
    sink: PathBuf,
}

impl Session {
    pub(super) fn open(options: &Options, order: Vec<String>) -> Result<Self> {
        let dir = options.out.clone();
        let dir = dir.unwrap_or_else(|| shell::workspace().join("docs/benchmarks"));
        std::fs::create_dir_all(&dir)?;
        let file = dir.join("peers.json");
        let machine = Machine::here();
        let record = match file.is_file() {
            true => Some(Record::read(&file)?),
            false => None,
        };
        let record = record.filter(|record| {
            let stays = options.report || record.machine == machine;
            if !stays {
                eprintln!("{} is begun anew: it was another machine's", file.display());
            }
            stays
        });
        let cases = Vec::new();
        let record = record.unwrap_or(Record { machine, cases });
        Ok(Self {
            dir,
            file,
            order,
            record,
        })
    }

    /// Builds the sink and the clients.
    pub(super) fn prepare(options: &Options) -> Result<Ready> {
        ensure!(options.rounds > 0, "--rounds takes a number above 0");
        ensure!(options.seconds > 0.0, "--seconds takes a number above 0");
        ensure!(
            options.out.is_some() || is_committed()?,
            "what is measured for docs/benchmarks must be committed first; --out writes elsewhere"
        );
        let building = match options.no_build {
            true => Building::AsTheyAre,
            false => Building::Fresh,
        };
        let workshop = Workshop::new(options.build_dir.clone(), building);
        Ok(Ready {
            sink: workshop.sink()?,
            clients: workshop.clients(&options.only, &options.client)?,
            plan: Plan {
                rounds: options.rounds,
                seconds: options.seconds,
                command: typed(std::env::args().skip(1)),
            },
        })
    }

    /// Keeps a case that was measured, and writes the page again.
    pub(super) fn put(&mut self, measured: Measured) -> Result<()> {
        self.record.put(measured, &self.order);
        self.record.write(&self.file)?;
        page::write(&self.record, &self.dir)
    }

    /// Writes the page.
    pub(super) fn close(self) -> Result<()> {
        let dir = self.dir.display();
        let is_empty = self.record.cases.is_empty();
        ensure!(!is_empty, "nothing was measured that is kept in {dir}");
        page::write(&self.record, &self.dir)?;
        println!("written to {dir}");
        Ok(())
    }
}

impl Ready {
    pub(super) fn bench(&self) -> Bench<'_> {
        Bench::new(&self.plan, self.sink.clone())
    }

    /// Says again who is missing: what is built scrolls by.
    pub(super) fn say_who_is_missing(&self) {
        for line in &self.clients.left_out {
            eprintln!("{line}");
        }
    }
}

/// Whether the tree is that of its commit, but for earlier measurements.
fn is_committed() -> Result<bool> {
    let mut git = std::process::Command::new("git");
    git.current_dir(shell::workspace());
    git.args(["status", "--porcelain", "--", ".", ":!docs/benchmarks"]);
    Ok(shell::read(&mut git)?.trim().is_empty())
}

/// What was typed, without what only says where things are on this machine.
fn typed(arguments: impl Iterator<Item = String>) -> String {
    let mut words = vec!["cargo xtask".to_owned()];
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let flag = argument.split('=').next().unwrap_or_default();
        if ["--out", "--build-dir"].contains(&flag) {
            if flag == argument {
                arguments.next();
            }
        } else if flag == "--client" {
            let client = match argument.split_once('=') {
                Some((_, client)) => Some(client.to_owned()),
                None => arguments.next(),
            };
            let name = client
                .as_deref()
                .and_then(|client| client.split('=').next());
            words.push(format!("--client {}=...", name.unwrap_or_default()));
        } else if flag != "--no-build" {
            words.push(argument);
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_told_without_what_is_only_here() {
        let expected = [
            (
                "bench --cases S1,S2 --rounds 5",
                "cargo xtask bench --cases S1,S2 --rounds 5",
            ),
            (
                "bench --no-build --out=x --build-dir y --only ours",
                "cargo xtask bench --only ours",
            ),
            ("bench --client a=/x/y", "cargo xtask bench --client a=..."),
            ("bench --client=a=/x/y", "cargo xtask bench --client a=..."),
        ];
        for (typed_words, told) in expected {
            assert_eq!(typed(typed_words.split(' ').map(str::to_owned)), told);
        }
    }
}
