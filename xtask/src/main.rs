//! The project's own tasks: `cargo xtask` lists them.
//!
//! They check the project (`ci`, `tidy`, `simulate`, `mutants`, `dashboard`), measure it (`bench`), and run a
//! real Apache Kafka without containers (`kafka`). This crate depends on none of the others, so
//! that a broken one cannot break the tool that reports it.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool prints"
)]

mod api;
mod bench;
mod chance;
mod ci;
mod counts;
mod dashboard;
mod kafka;
mod libraries;
mod mutants;
mod shell;
mod simulate;
mod tidy;
mod undo;
mod workspace_copy;

use std::process::ExitCode;

use clap::Parser;

/// The project's own tasks.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    arg_required_else_help = true
)]
enum Task {
    /// Compare the public API of each library with what is written down.
    Api(api::Task),
    /// Compare the speed of the producer with others.
    Bench(Box<bench::Task>),
    /// Check everything, in named stages; each can be run alone.
    Ci(ci::Task),
    /// Check the Grafana dashboard of what a producer measures.
    #[command(subcommand)]
    Dashboard(dashboard::Task),
    /// Run a real Apache Kafka on this machine, and Kafka's own tools against it.
    #[command(subcommand)]
    Kafka(kafka::Task),
    /// Run the producer with a cluster that fails, in virtual time, seed by seed.
    Simulate(simulate::Task),
    /// Break the producer on purpose, and check that the simulation notices.
    Mutants(mutants::Task),
    /// Check the project's own rules.
    Tidy,
}

fn main() -> ExitCode {
    let done = undo::on_interruption().and_then(|()| match Task::parse() {
        Task::Api(task) => task.run(),
        Task::Bench(task) => task.run(),
        Task::Ci(task) => task.run(),
        Task::Dashboard(task) => task.run(),
        Task::Kafka(task) => task.run(),
        Task::Simulate(task) => task.run(),
        Task::Mutants(task) => task.run(),
        Task::Tidy => tidy::check().map(|()| ExitCode::SUCCESS),
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
