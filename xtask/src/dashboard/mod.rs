//! `cargo xtask dashboard`: that `docs/grafana/kafka-producer.json` is a dashboard, and shows something.
//!
//! ```text
//! Kafka, three nodes ◀── the example metrics_endpoint ◀── Prometheus ◀── every query of the dashboard
//!   one is killed meanwhile, and starts again                       ◀── Chromium, for pictures
//! ```
//!
//! What needs neither Kafka nor Prometheus is a test of the example: each family that a query names is served.

mod definition;
mod picture;
mod prometheus;
mod program;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};

use crate::kafka::{self, Cluster, Disturbance, Protocol};
use crate::shell;
use crate::undo::Undo;
use definition::Query;
use program::Endpoint;
use prometheus::Prometheus;

/// Check the Grafana dashboard of what a producer measures.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Compare its fields with Grafana's definition of a dashboard; needs Go.
    Schema,
    /// Ask a Prometheus each of its queries while a broker is killed; needs `prometheus` and Java.
    Try(Try),
}

/// What is to be kept of it.
#[derive(Args)]
pub(crate) struct Try {
    /// Write pictures of Prometheus's own page to this directory; needs `chromium`.
    #[arg(long, value_name = "DIRECTORY")]
    pictures: Option<PathBuf>,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Schema => schema()?,
            Self::Try(it) => it.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn schema() -> Result<()> {
    ensure!(shell::is_installed("go"), "`go` is missing");
    let mut go = Command::new("go");
    go.current_dir(shell::workspace().join("xtask/dashboard"));
    shell::run(go.args(["run", "."]).arg(definition::path()))
}

impl Try {
    fn run(&self) -> Result<()> {
        let installed = shell::is_installed("prometheus");
        ensure!(installed, "it is missing: `apt-get install prometheus`");
        let queries = definition::queries()?;
        let (mut kafka, _down) = kafka()?;
        let servers = kafka.bootstrap_servers(Protocol::Plaintext);
        let endpoint = Endpoint::start(&servers.context("it has a listener for PLAINTEXT")?)?;
        let prometheus = Prometheus::start(endpoint.address())?;

        println!("until every query is answered");
        prometheus.await_that("every query is answered", |it| {
            queries.iter().try_fold(true, |all, query| {
                Ok(all && it.newest(&query.expression)?.is_some())
            })
        })?;
        let begun = Instant::now();
        shell::pause(CALM);
        println!("node 2 is killed");
        kafka.disturb(&[2], Disturbance::Kill)?;
        prometheus.await_that("records are sent again", |it| is_more(it, RETRIED, 0.0))?;
        shell::pause(CALM);
        println!("node 2 starts again");
        kafka.disturb(&[2], Disturbance::Start)?;
        prometheus.await_that("it is written to", |it| is_more(it, WRITTEN, 0.0))?;
        shell::pause(CALM);

        report(&prometheus, &queries, begun.elapsed())?;
        if let Some(directory) = &self.pictures {
            picture::take(&prometheus, directory, begun.elapsed())?;
        }
        Ok(())
    }
}

/// How long nothing is done to the cluster, so that graphs show it.
const CALM: Duration = Duration::from_secs(20);
/// All records that were sent again.
const RETRIED: &str = "sum(kafka_producer_record_retry_total)";
/// What is written to the node that was killed.
const WRITTEN: &str = "sum(rate(kafka_producer_node_request_total{node_id=\"node-2\"}[5s]))";

fn is_more(prometheus: &Prometheus, expression: &str, than: f64) -> Result<bool> {
    let newest = prometheus.newest(expression)?;
    Ok(newest.is_some_and(|value| value > than))
}

/// Three nodes of its own, which end with what is returned. They are quick to notice that one is gone.
fn kafka() -> Result<(Cluster, Undo)> {
    let runs = Cluster::running().is_ok() || shell::variable(kafka::SERVERS).is_some();
    ensure!(!runs, "it kills brokers, so it needs a cluster of its own");
    let set = [
        "num.partitions=6",
        // The node that comes back soon leads its partitions again.
        "leader.imbalance.check.interval.seconds=5",
        "broker.session.timeout.ms=5000",
        "broker.heartbeat.interval.ms=1000",
    ];
    let cluster = Cluster::up(&kafka::Up {
        nodes: 3,
        set: set.map(str::to_owned).to_vec(),
        ..kafka::Up::default()
    })?;
    let undo = Undo::new(|| {
        if let Ok(Some(cluster)) = Cluster::read() {
            let _ = cluster.down();
        }
    });
    Ok((cluster, undo))
}

/// Prints how many series each query has had, and between what; fails if one has had none.
fn report(prometheus: &Prometheus, queries: &[Query], since: Duration) -> Result<()> {
    let mut without = Vec::new();
    println!("{:>6} {:>12} {:>12}  panel", "series", "least", "most");
    for Query { panel, expression } in queries {
        let series = prometheus.over(expression, since)?;
        let numbers = series.iter().flatten().filter(|number| number.is_finite());
        let (least, most) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), it| {
            (a.min(*it), b.max(*it))
        });
        println!("{:>6} {least:>12.3} {most:>12.3}  {panel}", series.len());
        if least > most {
            without.push(format!("{panel}: {expression}"));
        }
    }
    if !without.is_empty() {
        bail!("nothing to show: {without:#?}");
    }
    println!("{} queries, each with data", queries.len());
    Ok(())
}
