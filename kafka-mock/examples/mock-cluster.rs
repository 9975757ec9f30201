//! An embedded Kafka cluster for any producer and consumer: prints where it listens, and runs until its standard input ends (`Ctrl-D`) or a signal ends it (`Ctrl-C`).
//!
//! ```text
//! cargo run -p kafka-mock --example mock-cluster -- --brokers 3 --topic orders:6
//! ```

use std::{error::Error, io, process::ExitCode, str::FromStr};

use clap::Parser;
use kafka_mock::MockCluster;

/// Runs an embedded Kafka cluster.
#[derive(Parser)]
struct Options {
    /// How many brokers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    brokers: u16,
    /// A topic to create; may be given more than once.
    #[arg(long = "topic", value_name = "NAME:PARTITIONS")]
    topics: Vec<Topic>,
}

#[derive(Clone)]
struct Topic {
    name: String,
    partitions: i32,
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, partitions) = text.split_once(':').unwrap_or((text, "1"));
        let refuse = |_| format!("`{partitions}` is no number of partitions, as in `orders:6`");
        let partitions = partitions.parse().map_err(refuse)?;
        Ok(Self {
            name: name.to_owned(),
            partitions,
        })
    }
}

#[allow(clippy::print_stderr, reason = "it tells why it ends")]
fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mock-cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let mut builder = MockCluster::builder().brokers(options.brokers);
    for topic in options.topics {
        builder = builder.topic(topic.name, topic.partitions);
    }
    let kafka = builder.start_blocking()?;
    println_servers(&kafka);
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "printing is what this program is for")]
fn println_servers(kafka: &MockCluster) {
    println!("{}", kafka.bootstrap_servers());
}
