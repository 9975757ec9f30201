//! A producer that tells what became of every record, one line of JSON each: the command line and
//! the output of Kafka's own `org.apache.kafka.tools.VerifiableProducer`.
//!
//! ```text
//! flags ─▶ work ─▶ send 0, 1, 2 … (throttle) ─▶ callbacks ─▶ report ─▶ output ─▶ stdout
//!                        ▲ SIGTERM, SIGINT: stop and close ┘
//! ```
//!
//! ```text
//! verifiable-producer --bootstrap-server localhost:9092 --topic orders --max-messages 1000
//! ```
//!
//! Record n has the value n, so whoever reads the topic can tell what is missing, twice, or out of
//! order. Nothing is kept per record but its callback, which holds the number n: memory is bounded
//! by `buffer.memory`, however many records there are.

#![allow(
    clippy::print_stderr,
    reason = "a program tells its errors to standard error"
)]

#[path = "../under-test/clock.rs"]
mod clock;
#[path = "../under-test/configuration.rs"]
mod configuration;
#[allow(dead_code, reason = "this program has no transactions")]
#[path = "../under-test/exception.rs"]
mod exception;
mod flags;
mod output;
mod report;
mod stop;
mod throttle;

use std::io;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};
use kafka_producer::blocking::Producer;
use kafka_producer::{CloseReport, ProducerRecord};

use flags::{Flags, Work};
use output::Output;
use report::Report;
use stop::Stop;
use throttle::Throttle;

fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        let printed = Flags::command().print_help();
        return exit_code(printed.context("cannot print the usage"));
    }
    match Flags::try_parse() {
        Ok(flags) => exit_code(flags.into_work().and_then(run)),
        Err(refusal) => {
            let asked_for_help = !refusal.use_stderr();
            let printed = refusal.print().context("cannot print");
            if asked_for_help {
                exit_code(printed)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("verifiable-producer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// From a valid command line to the last line. Records that fail are no failure of the program.
fn run(work: Work) -> Result<()> {
    let producer: Producer<str, str> = Producer::builder().config(work.config.clone()).build()?;
    let ending = Arc::new(Ending::of(&producer));
    let on_signal = Arc::clone(&ending);
    ctrlc::set_handler(move || on_signal.begin()).context("cannot listen to signals")?;

    let (output, writer) = Output::start(io::stdout())?;
    let report = Arc::new(Report::new(output, &work));
    report.startup_complete();
    send_all(&work, &producer, &report, &ending.stop);
    ending.begin();
    report.shutdown_complete();
    report.tool_data();
    report.end();
    writer
        .join()
        .expect("the writer does not panic")
        .context("cannot write to standard output")
}

/// The end of the program, which the last record or a signal begins, whichever comes first.
struct Ending {
    stop: Stop,
    producer: Producer<str, str>,
    closed: OnceLock<CloseReport>,
}

impl Ending {
    fn of(producer: &Producer<str, str>) -> Self {
        Self {
            stop: Stop::default(),
            producer: producer.clone(),
            closed: OnceLock::new(),
        }
    }

    /// Sends nothing more, refuses a `send` that waits, and returns when every record has ended by
    /// its own `delivery.timeout.ms`.
    fn begin(&self) {
        self.stop.now();
        self.closed
            .get_or_init(|| self.producer.close(Duration::MAX).unwrap_or_default());
    }
}

fn send_all(work: &Work, producer: &Producer<str, str>, report: &Arc<Report>, stop: &Stop) {
    let mut create_time = CreateTime::new(work.message_create_time_ms);
    let throttle = Throttle::new(work.throughput);
    let (mut key, mut value) = (String::new(), String::new());
    for n in 0..work.records {
        if !throttle.wait_for(n, stop) || !report.wait_for_room() {
            break;
        }
        work.naming.write_value(n, &mut value);
        let mut record = ProducerRecord::new(&work.topic, value.as_str());
        if work.naming.write_key(n, &mut key) {
            record = record.key(key.as_str());
        }
        record.timestamp_ms = create_time.next();
        report.sending();
        let told = Arc::clone(report);
        let sent = producer.send_with(record, move |outcome| told.outcome(n, outcome));
        if let Err(error) = sent {
            report.refused(n, &error);
        }
    }
}

/// Explicit timestamps: before each but the first, the time since the start is added.
struct CreateTime {
    next_ms: Option<i64>,
    started: Instant,
}

impl CreateTime {
    fn new(first_ms: Option<i64>) -> Self {
        Self {
            next_ms: first_ms,
            started: Instant::now(),
        }
    }

    fn next(&mut self) -> Option<i64> {
        let current = self.next_ms?;
        let running_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.next_ms = Some(current.saturating_add(running_ms));
        Some(current)
    }
}
