//! The command line, and the work it asks for: parsed once, checked entirely before the first line
//! is printed. Opens no connection; resolves the bootstrap addresses, because a program that can
//! never connect should say so at once.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use kafka_producer::ProducerConfig;

use crate::configuration::{must_resolve, properties};

/// Send numbers to a topic and print what became of each, one JSON object a line.
///
/// The lines: startup_complete, then producer_send_success or producer_send_error for each record,
/// shutdown_complete, and tool_data with the totals. SIGTERM and SIGINT end it in good order.
/// Exit code 0 when every record had an outcome, good or bad; 1 when the arguments or the
/// configuration are wrong.
#[derive(Debug, Parser)]
#[command(name = "verifiable-producer", version, verbatim_doc_comment)]
pub(crate) struct Flags {
    /// Topic to write to.
    #[arg(long)]
    topic: String,

    /// Brokers to begin with; one that answers is enough.
    #[arg(
        long,
        visible_alias = "bootstrap",
        value_name = "HOST:PORT[,HOST:PORT...]"
    )]
    bootstrap_server: String,

    /// How many records to send; negative: until stopped by a signal.
    #[arg(long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    max_messages: i64,

    /// Records per second, about; negative: as fast as it goes.
    #[arg(long, value_name = "R", default_value_t = -1, allow_negative_numbers = true)]
    throughput: i64,

    /// Replicas that must have a record: 0 none, 1 the leader, -1 all that are in sync.
    #[arg(long, default_value = "-1", value_parser = ["0", "1", "-1"], allow_negative_numbers = true)]
    acks: String,

    /// Properties of the producer (Java's format and names); they override the flags.
    #[arg(long = "producer.config", value_name = "FILE")]
    producer_config: Option<PathBuf>,

    /// The newer name of --producer.config.
    #[arg(long, value_name = "FILE", conflicts_with = "producer_config")]
    command_config: Option<PathBuf>,

    /// Timestamp of the first record; before each later one the milliseconds since the start are
    /// added. Negative: the time of sending.
    #[arg(long, value_name = "MS", default_value_t = -1, allow_negative_numbers = true)]
    message_create_time: i64,

    /// An integer I: values are I.0, I.1, I.2 ... instead of 0, 1, 2 ...
    #[arg(long, value_name = "I", allow_negative_numbers = true)]
    value_prefix: Option<i64>,

    /// An integer K: record n has the key n mod K. Without it, keys are null.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    repeating_keys: Option<u64>,
}

/// What is to be done, free of contradictions.
pub(crate) struct Work {
    pub(crate) config: ProducerConfig,
    pub(crate) topic: String,
    pub(crate) records: u64,
    /// As given: negative is no limit.
    pub(crate) throughput: i64,
    pub(crate) message_create_time_ms: Option<i64>,
    pub(crate) naming: Naming,
}

/// Which key and value record n has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Naming {
    value_prefix: Option<i64>,
    repeating_keys: Option<u64>,
}

impl Flags {
    /// Checks everything that can be checked without a connection.
    pub(crate) fn into_work(self) -> Result<Work> {
        let mut config = ProducerConfig::new()
            .set("bootstrap.servers", self.bootstrap_server)
            .set("acks", self.acks)
            .set("retries", "0");
        if let Some(path) = self.producer_config.or(self.command_config) {
            config.extend(properties(&path)?);
        }
        must_resolve(config.check()?.bootstrap_servers())?;
        Ok(Work {
            config,
            topic: self.topic,
            records: u64::try_from(self.max_messages).unwrap_or(u64::MAX),
            throughput: self.throughput,
            message_create_time_ms: (self.message_create_time >= 0)
                .then_some(self.message_create_time),
            naming: Naming {
                value_prefix: self.value_prefix,
                repeating_keys: self.repeating_keys,
            },
        })
    }
}

impl Naming {
    /// Replaces `text` with the value of record `n`.
    pub(crate) fn write_value(&self, n: u64, text: &mut String) {
        text.clear();
        let written = match self.value_prefix {
            Some(prefix) => write!(text, "{prefix}.{n}"),
            None => write!(text, "{n}"),
        };
        written.expect("a string takes everything");
    }

    /// Replaces `text` with the key of record `n`, if it has one.
    pub(crate) fn write_key(&self, n: u64, text: &mut String) -> bool {
        let Some(keys) = self.repeating_keys else {
            return false;
        };
        text.clear();
        write!(text, "{}", n % keys).expect("a string takes everything");
        true
    }

    /// Appends `"key":…,"value":…` of record `n` to a line.
    pub(crate) fn write_json(&self, n: u64, line: &mut Vec<u8>) {
        use std::io::Write as _;
        let written = match (self.repeating_keys, self.value_prefix) {
            (None, None) => write!(line, r#""key":null,"value":"{n}""#),
            (None, Some(prefix)) => write!(line, r#""key":null,"value":"{prefix}.{n}""#),
            (Some(keys), None) => write!(line, r#""key":"{}","value":"{n}""#, n % keys),
            (Some(keys), Some(prefix)) => {
                write!(line, r#""key":"{}","value":"{prefix}.{n}""#, n % keys)
            }
        };
        written.expect("a vector takes everything");
    }
}
