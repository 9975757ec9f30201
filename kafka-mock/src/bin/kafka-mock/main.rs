//! The program `kafka-mock`: an embedded Kafka cluster for programs in any language, until a signal ends it.
//!
//! ```text
//! kafka-mock --port 9092 --brokers 3 --topic orders:6 --script faults.toml --log
//! ```
//!
//! It uses nothing of the crate but what every test can use. Its first line on standard output is the addresses, for
//! `bootstrap.servers`; all else goes to standard error.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program tells its results to standard output and the rest to standard error"
)]

mod arguments;
mod description;
mod log;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result};
use clap::Parser as _;
use kafka_mock::cluster::{SaslConfig, SaslMechanism};
use kafka_mock::script::{Script, TimedAct};
use kafka_mock::{MockCluster, MockClusterBuilder, MockTls};

use arguments::Arguments;
use log::Log;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kafka-mock: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let script = match &arguments.script {
        Some(file) => read(file).with_context(|| file.display().to_string())?,
        None => Script::default(),
    };
    let end = end(arguments.until_stdin_closes)?;
    let kafka = cluster(arguments)?.start_blocking()?;
    let begun = Instant::now();
    script.inject_into(&kafka);
    println!("{}", kafka.bootstrap_servers());
    io::stdout().flush()?;
    let left = play(&kafka, script.acts(), begun, &end)?;
    for number in script.faults_that_never_struck(&kafka) {
        eprintln!("kafka-mock: fault {number} of the script has never struck");
    }
    for timed in left {
        let (at, act) = (timed.at.as_millis(), &timed.act);
        eprintln!("kafka-mock: ended before {at} ms: {act:?} was not done");
    }
    Ok(())
}

fn read(file: &std::path::Path) -> Result<Script> {
    Ok(fs::read_to_string(file)?.parse()?)
}

/// What the arguments describe.
fn cluster(arguments: &Arguments) -> Result<MockClusterBuilder> {
    let mut builder = MockCluster::builder()
        .brokers(arguments.brokers)
        .port(arguments.port);
    for topic in &arguments.topics {
        builder = builder.topic(&topic.name, topic.partitions);
    }
    if arguments.no_auto_create {
        builder = builder.without_auto_create();
    }
    if !arguments.users.is_empty() {
        let mechanisms = [
            SaslMechanism::Plain,
            SaslMechanism::ScramSha256,
            SaslMechanism::ScramSha512,
        ];
        let sasl = SaslConfig::new(mechanisms);
        let users = arguments.users.iter();
        builder = builder.sasl(users.fold(sasl, |sasl, user| {
            sasl.with_user(&user.name, &user.password)
        }));
    }
    if let Some(file) = &arguments.tls {
        let tls = MockTls::new()?;
        fs::write(file, tls.ca_pem()).with_context(|| file.display().to_string())?;
        builder = builder.tls(tls);
    }
    if arguments.log {
        builder = builder.on_exchange(Log::new().teller());
    }
    Ok(builder)
}

/// Is told when the program is to end.
fn end(until_stdin_closes: bool) -> Result<Receiver<()>> {
    let (tell, end) = mpsc::channel();
    let signalled = tell.clone();
    ctrlc::set_handler(move || {
        let _ = signalled.send(());
    })?;
    if until_stdin_closes {
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = tell.send(());
        });
    }
    Ok(end)
}

/// Does what is to be done at its time, until the end; returns what it did not come to.
fn play<'a>(
    kafka: &MockCluster,
    acts: &'a [TimedAct],
    begun: Instant,
    end: &Receiver<()>,
) -> Result<&'a [TimedAct]> {
    for (done, timed) in acts.iter().enumerate() {
        let wait = timed.at.saturating_sub(begun.elapsed());
        if has_ended(end, wait) {
            return Ok(&acts[done..]);
        }
        kafka
            .perform(&timed.act)
            .with_context(|| format!("at {} ms: {:?}", timed.at.as_millis(), timed.act))?;
    }
    // An error would be that nobody is left to tell the end: then it has come, too.
    let _ = end.recv();
    Ok(&[])
}

/// Waits; whether the program is to end before.
fn has_ended(end: &Receiver<()>, wait: Duration) -> bool {
    !matches!(end.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}
