//! Lines to records: `cat orders.txt | console-producer --bootstrap-server localhost:9092 --topic t`.
//!
//! ```text
//! stdin or file ─▶ input (lines) ─▶ line_format (key, value) ─▶ send ─▶ ledger ─▶ summary
//! ```
//!
//! The flags and properties are those of Kafka's own console producer. Lines are bytes, not text.
//! Nothing is allocated per line: the line is read into a buffer that is used again, the record
//! borrows from it, and its delivery is a reference into its batch.

#![allow(
    clippy::print_stderr,
    reason = "a program tells its summary and its errors to standard error"
)]

mod flags;
mod input;
mod kafka;
mod ledger;
mod line_format;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kafka_producer::blocking::Producer;
use kafka_producer::{ProducerConfig, ProducerRecord};

use flags::{BOOTSTRAP_SERVERS, Flags, Source};
use input::{Input, Line};
use kafka::Kafka;
use ledger::Ledger;
use line_format::LineFormat;

/// Looking at deliveries and drawing costs little, but not nothing.
const LINES_PER_LOOK: u64 = 1024;
/// So much is read at once.
const BLOCK_BYTES: usize = 256 << 10;

fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(refusal) => {
            let code = if refusal.use_stderr() { 1 } else { 0 };
            // Nobody is left to be told if this fails.
            let _ = refusal.print();
            return ExitCode::from(code);
        }
    };
    match run(flags) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("console-producer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: Flags) -> Result<ExitCode> {
    let format = flags.line_format()?;
    let source = flags.source();
    let (reader, progress) = open(&source)?;
    let properties = flags.properties()?;
    let kafka = Kafka::new(flags.target(&properties)?, &flags.topic)?;
    let config = ProducerConfig::from_properties(properties)
        .set(BOOTSTRAP_SERVERS, kafka.bootstrap_servers());
    let line_bytes_max = config.check()?.max_request_size();
    let producer: Producer<[u8], [u8]> = Producer::builder().config(config).build()?;
    close_on_signal(&producer)?;

    let input = Input::new(
        BufReader::with_capacity(BLOCK_BYTES, reader),
        line_bytes_max,
    );
    let mut ledger = Ledger::new();
    let read = send_lines(
        input,
        &format,
        &flags.topic,
        &producer,
        &mut ledger,
        &progress,
    );
    producer.close(Duration::MAX)?;
    ledger.settle();
    progress.finish_and_clear();
    eprintln!("{ledger}");
    if let Some(records) = kafka.record_count(&flags.topic) {
        eprintln!(
            "the embedded cluster has {records} records in topic {}",
            flags.topic
        );
    }
    read?;
    Ok(if ledger.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every line is sent, or the first that cannot be understood ends it.
fn send_lines(
    mut input: Input<impl io::BufRead>,
    format: &LineFormat,
    topic: &str,
    producer: &Producer<[u8], [u8]>,
    ledger: &mut Ledger,
    progress: &ProgressBar,
) -> Result<()> {
    while let Some(line) = input.next_line().context("cannot read the input")? {
        match line {
            Line::Whole { bytes, number } => {
                let (key, value) = format.split(bytes, number)?;
                let mut record = ProducerRecord::bare(topic);
                (record.key, record.value) = (key, value);
                ledger.enter(producer.send(record), bytes.len());
            }
            Line::TooLong { limit } => ledger.too_long(limit),
        }
        if ledger.records().is_multiple_of(LINES_PER_LOOK) {
            ledger.look();
            progress.set_position(input.bytes_read());
        }
    }
    Ok(())
}

/// What is read, and how far that is shown.
fn open(source: &Source) -> Result<(Box<dyn Read>, ProgressBar)> {
    let (reader, bytes): (Box<dyn Read>, _) = match source {
        Source::Stdin => (Box::new(io::stdin().lock()), None),
        Source::File(path) => {
            let file =
                File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            let bytes = file
                .metadata()
                .ok()
                .filter(|of| of.is_file())
                .map(|of| of.len());
            (Box::new(file), bytes)
        }
    };
    // Beside lines that are being typed it would only disturb.
    let typed = matches!(source, Source::Stdin) && io::stdin().is_terminal();
    if typed || !io::stderr().is_terminal() {
        return Ok((reader, ProgressBar::hidden()));
    }
    let template = match bytes {
        Some(_) => "{bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}",
        None => "{spinner} {bytes} {binary_bytes_per_sec} {elapsed}",
    };
    let progress = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
    progress.set_style(ProgressStyle::with_template(template)?);
    Ok((reader, progress))
}

/// SIGTERM and SIGINT: what was accepted is still sent, for a while. The reader may wait for a line that
/// never comes, so what became of all is told here.
fn close_on_signal(producer: &Producer<[u8], [u8]>) -> Result<()> {
    let producer = producer.clone();
    ctrlc::set_handler(move || {
        let report = producer.close(TIME_LIMIT_AFTER_SIGNAL).unwrap_or_default();
        eprintln!(
            "console-producer: ended by a signal; of the records that were on their way {} were \
             delivered, {} failed, {} failed and are possibly in the log",
            report.delivered, report.failed, report.unknown
        );
        std::process::exit(ENDED_BY_A_SIGNAL);
    })
    .context("cannot listen to signals")
}

/// As a shell says it.
const ENDED_BY_A_SIGNAL: i32 = 130;
const TIME_LIMIT_AFTER_SIGNAL: Duration = Duration::from_secs(30);
