//! The command line, and the work it asks for: parsed once, checked entirely before the first line
//! is printed. Opens no connection.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use kafka_producer::ProducerConfig;

use crate::configuration::{must_resolve, properties};

/// Send numbers to a topic in transactions and print what became of each, one JSON object a line.
///
/// The lines: startup_complete when transactions are initialised (or fatal), then one txn for each
/// transaction, and tool_data with the totals. SIGTERM and SIGINT abort the open transaction and end
/// the program in good order.
/// Exit code 0 when every transaction was committed or aborted; 1 when the arguments or the
/// configuration are wrong; 3 when the producer can no longer be used.
#[derive(Debug, Parser)]
#[command(
    name = "transactional-producer",
    version,
    verbatim_doc_comment,
    allow_negative_numbers = true
)]
pub(crate) struct Flags {
    /// Brokers to begin with; one that answers is enough.
    #[arg(
        long,
        visible_alias = "bootstrap-server",
        value_name = "HOST:PORT[,HOST:PORT...]"
    )]
    bootstrap: String,

    /// Topic to write to.
    #[arg(long)]
    topic: String,

    /// Who this producer is; of two with the same id the later one fences the earlier.
    #[arg(long, value_name = "ID")]
    transactional_id: String,

    /// How many transactions.
    #[arg(long, value_name = "N", default_value_t = 10)]
    txns: u64,

    /// How many records in each.
    #[arg(long, value_name = "M", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    records_per_txn: u64,

    /// Transaction i is aborted on purpose where i mod K = K - 1; 0: none is.
    #[arg(long, value_name = "K", default_value_t = 0)]
    abort_every: u64,

    /// Properties of the producer (Java's format and names).
    #[arg(long = "producer.config", value_name = "FILE")]
    producer_config: Option<PathBuf>,

    /// The value of the first record; each later one is greater by one.
    #[arg(
        long,
        value_name = "V",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    first_value: i64,

    /// How long each transaction is held open in its middle, after its record M/2.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    txn_interval_ms: u64,

    /// How long a call that timed out is repeated.
    #[arg(long, value_name = "MS", default_value_t = 120_000)]
    operation_timeout_ms: u64,
}

/// What is to be done, free of contradictions.
pub(crate) struct Work {
    pub(crate) config: ProducerConfig,
    pub(crate) topic: String,
    pub(crate) transactions: u64,
    records: u64,
    abort_every: u64,
    first_value: i64,
    pub(crate) pause: Duration,
    pub(crate) patience: Duration,
}

impl Flags {
    /// Checks everything that can be checked without a connection.
    pub(crate) fn into_work(self) -> Result<Work> {
        let mut config = ProducerConfig::new()
            .set("bootstrap.servers", self.bootstrap)
            .set("acks", "all");
        if let Some(path) = self.producer_config {
            config.extend(properties(&path)?);
        }
        let config = config.set("transactional.id", self.transactional_id);
        must_resolve(config.check()?.bootstrap_servers())?;
        let values = i128::from(self.txns).saturating_mul(self.records_per_txn.into());
        let last = (values - 1).saturating_add(self.first_value.into());
        ensure!(
            last <= i128::from(i64::MAX),
            "the last value, --first-value={} + --txns={} x --records-per-txn={} - 1, is {last}: at most {} is \
             allowed",
            self.first_value,
            self.txns,
            self.records_per_txn,
            i64::MAX
        );
        Ok(Work {
            config,
            topic: self.topic,
            transactions: self.txns,
            records: self.records_per_txn,
            abort_every: self.abort_every,
            first_value: self.first_value,
            pause: Duration::from_millis(self.txn_interval_ms),
            patience: Duration::from_millis(self.operation_timeout_ms),
        })
    }
}

impl Work {
    /// The values of transaction `id`.
    pub(crate) fn values(&self, id: u64) -> RangeInclusive<i64> {
        let first = self.first_value + (id * self.records) as i64;
        first..=first + (self.records as i64 - 1)
    }

    /// The value of transaction `id` after which it pauses.
    pub(crate) fn middle(&self, id: u64) -> i64 {
        self.values(id).start() + (self.records / 2) as i64
    }

    /// Whether transaction `id` is aborted on purpose.
    pub(crate) fn is_to_be_aborted(&self, id: u64) -> bool {
        self.abort_every > 0 && id % self.abort_every == self.abort_every - 1
    }
}
