//! The program `kafka-produce`: what is in files, or comes through a pipe, becomes records of a topic.
//!
//! ```text
//! files ─▶ input (rows) ─▶ recipe (key, value, headers ...) ─▶ send ─▶ ledger ─▶ summary
//! ```
//!
//! It uses nothing of the crate but what every program can use. `docs/command-line.md` is its manual.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program tells its results to standard output and the rest to standard error"
)]

mod arguments;
mod check;
mod committing;
mod configuration;
mod dry_run;
mod entry;
mod grouping;
mod input;
mod ledger;
mod pace;
mod progress;
mod reading;
mod recipe;
mod screen;
mod send;
mod stall;
mod template;
mod timestamp;
mod warnings;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kafka-produce: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Send(task) if task.dry_run => dry_run::run(&task),
        Command::Send(task) => send::run(&task),
        Command::Check(task) => check::run(&task),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            let mut command = Arguments::command();
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut script);
            io::stdout().write_all(&script)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { command } => {
            print_page(command.as_deref())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The page of the program, or that of one of its commands.
fn print_page(name: Option<&str>) -> Result<()> {
    let mut command = Arguments::command();
    command.build();
    if let Some(name) = name {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| anyhow::anyhow!("there is no command {name:?}"))?;
    }
    clap_mangen::Man::new(command).render(&mut io::stdout())?;
    Ok(())
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
