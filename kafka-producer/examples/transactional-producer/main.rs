//! A producer that writes numbers in transactions and tells what became of each transaction, one
//! line of JSON each.
//!
//! ```text
//! flags ─▶ work ─▶ initialise ─▶ begin, send M, commit or abort ─▶ report ─▶ stdout
//!                        ▲            └──────── N times ───────┘
//!      SIGTERM, SIGINT: abort what is open, and end
//! ```
//!
//! ```text
//! transactional-producer --bootstrap localhost:9092 --topic orders --transactional-id t1 --txns 100
//! ```
//!
//! The values go on from transaction to transaction, and those of an aborted one are not used
//! again: whoever reads the topic with `isolation.level=read_committed` can tell what should not be
//! there, and what is missing.

#![allow(
    clippy::print_stderr,
    reason = "a program tells its errors to standard error"
)]

#[path = "../under-test/clock.rs"]
mod clock;
#[path = "../under-test/configuration.rs"]
mod configuration;
#[path = "../under-test/exception.rs"]
mod exception;
mod flags;
mod report;
mod session;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use kafka_producer::Producer;
use tokio::sync::watch;

use flags::{Flags, Work};
use report::Report;
use session::{Outcome, Session};

/// Every transaction has ended by then, or cannot be ended.
const CLOSING: Duration = Duration::from_secs(5);

/// How the program ends, arguments being right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All is done, or a signal came.
    Regular,
    /// The producer can no longer be used.
    Fatal,
}

fn main() -> ExitCode {
    match Flags::try_parse() {
        Ok(flags) => match flags.into_work().and_then(run) {
            Ok(End::Regular) => ExitCode::SUCCESS,
            Ok(End::Fatal) => ExitCode::from(3),
            Err(error) => {
                eprintln!("transactional-producer: {error:#}");
                ExitCode::FAILURE
            }
        },
        Err(refusal) => match (refusal.print(), refusal.use_stderr()) {
            (Ok(()), false) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        },
    }
}

fn run(work: Work) -> Result<End> {
    let (signals, stop) = watch::channel(false);
    ctrlc::set_handler(move || _ = signals.send_replace(true))
        .context("cannot listen to signals")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .context("cannot start")?;
    runtime.block_on(async {
        let producer = Producer::builder().config(work.config.clone()).build()?;
        let mut report = Report::default();
        let session = Session {
            work: &work,
            producer: &producer,
            stop,
        };
        let end = transactions(&session, &mut report).await?;
        producer.close(CLOSING).await?;
        report.tool_data()?;
        Ok(end)
    })
}

/// From the first line to the last but one.
async fn transactions(session: &Session<'_>, report: &mut Report) -> Result<End> {
    match session.initialize().await {
        Ok(Ok(())) => report.startup_complete()?,
        Ok(Err(failure)) => {
            report.fatal(&failure)?;
            return Ok(End::Fatal);
        }
        Err(session::Stopped) => return Ok(End::Regular),
    }
    for id in 0..session.work.transactions {
        let Ok(outcome) = session.transaction(id).await else {
            break; // Stopped before it was begun.
        };
        report.transaction(id, &session.work.values(id), &outcome)?;
        if matches!(outcome, Outcome::Error(_)) {
            return Ok(End::Fatal);
        }
    }
    Ok(End::Regular)
}
