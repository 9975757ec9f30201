//! One call of the command: what was measured before is read, each case that is done is written at
//! once, so that an interruption loses at most one.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::Options;
use super::clients::{Building, Clients, Workshop};
use super::machine::Machine;
use super::record::{Measured, Record};
use super::rounds::{Bench, Plan};
use crate::shell;

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
    pub(super) fn open(options: &Options, file: &str, order: Vec<String>) -> Result<Self> {
        let dir = options.out.clone();
        let dir = dir.unwrap_or_else(|| shell::workspace().join("docs/benchmarks"));
        std::fs::create_dir_all(&dir)?;
        let file = dir.join(file);
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

    /// Builds the sink and the clients, those of `only` if it names any.
    pub(super) fn prepare(options: &Options, only: &[String]) -> Result<Ready> {
        ensure!(options.rounds > 0, "--rounds takes a number above 0");
        ensure!(options.seconds > 0.0, "--seconds takes a number above 0");
        let building = match options.no_build {
            true => Building::AsTheyAre,
            false => Building::Fresh,
        };
        let workshop = Workshop::new(options.build_dir.clone(), building);
        Ok(Ready {
            sink: workshop.sink()?,
            clients: workshop.clients(only, &options.client)?,
            plan: Plan {
                rounds: options.rounds,
                seconds: options.seconds,
                lock: options.lock.clone(),
                command: typed(std::env::args().skip(1)),
            },
        })
    }

    /// Keeps a case that was measured, and writes the page anew.
    pub(super) fn put(
        &mut self,
        measured: Measured,
        page: impl Fn(&Record, &Path) -> Result<()>,
    ) -> Result<()> {
        self.record.put(measured, &self.order);
        self.record.write(&self.file)?;
        page(&self.record, &self.dir)
    }

    /// Writes the page.
    pub(super) fn close(self, page: impl Fn(&Record, &Path) -> Result<()>) -> Result<()> {
        let dir = self.dir.display();
        ensure!(
            !self.record.cases.is_empty(),
            "nothing was measured that is kept in {dir}"
        );
        page(&self.record, &self.dir)?;
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

/// What was typed, without what only says where things are on this machine.
fn typed(arguments: impl Iterator<Item = String>) -> String {
    let mut words = vec!["cargo xtask".to_owned()];
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let flag = argument.split('=').next().unwrap_or_default();
        if ["--out", "--build-dir", "--lock"].contains(&flag) {
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
