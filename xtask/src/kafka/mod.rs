//! `cargo xtask kafka`: a real Apache Kafka on this machine.
//!
//! ```text
//! jars (Maven or KAFKA_HOME) ─▶ format storage ─▶ one JVM a node ─▶ probe until all answer
//!                              or start ZooKeeper, for versions before 3.3
//! ```
//!
//! There is one cluster per build directory, described in `kafka/cluster.json` there, so that `up`,
//! `status` and `down` can be separate calls. It uses only loopback addresses and free ports, keeps
//! its data in a temporary directory, and ends only processes that it has started.

mod certificates;
mod client;
mod cluster;
mod jars;
mod node;
mod probe;
mod process;
mod properties;
mod protocol;
mod tokens;
mod version;
mod zookeeper;

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

pub(crate) use cluster::{Cluster, Disturbance, Variables};
pub(crate) use jars::{class_path, clients_jar, require_java};
pub(crate) use node::{Jvm, Up};
pub(crate) use probe::ask;
pub(crate) use protocol::{Protocol, SERVERS};
pub(crate) use version::Version;

use crate::shell;

/// The class path of Kafka's own tools, for tests that run them.
pub(crate) const CLASS_PATH: &str = "KAFKA_CLASSPATH";

/// This program, for tests that disturb the nodes: `$KAFKA_XTASK kafka kill 2`.
pub(crate) const XTASK: &str = "KAFKA_XTASK";

/// Run a real Apache Kafka on this machine, and Kafka's own tools against it.
///
/// The jars are brought by Maven (`mvn`), or taken from KAFKA_HOME. When KAFKA_BOOTSTRAP_SERVERS
/// is set, these servers are used and nothing is started or stopped.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Start a cluster, wait until every broker answers, print its bootstrap servers.
    Up(Up),
    /// Stop the cluster and remove its data.
    Down,
    /// Say which nodes run, where, and where their logs are.
    Status,
    /// End nodes at once; their data stays.
    Kill(Nodes),
    /// End nodes as operators do: others lead before they are gone.
    Stop(Nodes),
    /// Stop nodes where they stand: they neither answer nor close a connection.
    Pause(Nodes),
    /// Let paused nodes go on.
    Resume(Nodes),
    /// Start nodes that have ended again and wait until they answer.
    Start(Start),
    /// Let every paused node go on, start every dead one, and wait until all answer.
    Heal,
    /// Print what to `eval` in a shell so that tests find the cluster and Kafka's tools.
    Env,
    /// Run one of Kafka's Java tools, e.g. `tool org.apache.kafka.tools.TopicCommand --help`.
    Tool(Tool),
}

/// Which nodes.
#[derive(Args)]
pub(crate) struct Nodes {
    /// Their numbers, from 1; with several, it happens to all of them at the same time.
    #[arg(required = true)]
    nodes: Vec<usize>,
}

/// Which nodes, and what they are told.
#[derive(Args)]
pub(crate) struct Start {
    #[command(flatten)]
    nodes: Nodes,
    /// A property of these nodes from now on, e.g. advertised.listeners=PLAINTEXT://127.0.0.1:9092; may
    /// be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

/// A Java tool and what it is told.
#[derive(Args)]
pub(crate) struct Tool {
    /// The tool's class, e.g. org.apache.kafka.tools.consumer.ConsoleConsumer.
    class: String,
    /// Its arguments, as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Up(up) => println!("{}", told(&up)?),
            Self::Down => down()?,
            Self::Kill(nodes) => disturb(&nodes, Disturbance::Kill)?,
            Self::Pause(nodes) => disturb(&nodes, Disturbance::Pause)?,
            Self::Resume(nodes) => disturb(&nodes, Disturbance::Resume)?,
            Self::Stop(nodes) => disturb(&nodes, Disturbance::Stop)?,
            Self::Start(start) => start.run()?,
            Self::Heal => started()?.heal()?,
            Self::Status => return status(),
            Self::Env => env()?,
            Self::Tool(tool) => return tool.run(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The servers that were named to us, else those of the cluster that runs, started if need be; or the
/// properties of the clients that are asked for.
fn told(up: &Up) -> Result<String> {
    if let Some(servers) = shell::variable(SERVERS) {
        eprintln!("{SERVERS} is set: nothing is started");
        return Ok(servers);
    }
    let cluster = Cluster::up(up)?;
    if !up.security.is_empty() {
        let properties = up
            .security
            .iter()
            .map(|kind| cluster.client_properties(kind));
        return Ok(properties.collect::<Result<Vec<_>>>()?.join("\n"));
    }
    let servers = cluster.bootstrap_servers(Protocol::Plaintext);
    servers.context("a cluster always has a listener for PLAINTEXT")
}

fn disturb(nodes: &Nodes, disturbance: Disturbance) -> Result<()> {
    started()?.disturb(&nodes.nodes, disturbance)
}

/// The cluster that an earlier call started, dead or alive.
fn started() -> Result<Cluster> {
    Cluster::read()?.context("no cluster was started from here")
}

fn down() -> Result<()> {
    match Cluster::read()? {
        Some(cluster) => cluster.down(),
        None => {
            eprintln!("no cluster was started from here");
            Ok(())
        }
    }
}

fn status() -> Result<ExitCode> {
    if let Some(servers) = shell::variable(SERVERS) {
        println!("{servers} ({SERVERS} is set)");
        return Ok(ExitCode::SUCCESS);
    }
    let Some(cluster) = Cluster::read()? else {
        println!("no cluster was started from here");
        return Ok(ExitCode::FAILURE);
    };
    print!("{cluster}");
    Ok(ExitCode::from(u8::from(!cluster.is_alive())))
}

fn env() -> Result<()> {
    let variables = match shell::variable(SERVERS) {
        Some(servers) => vec![(SERVERS.to_owned(), servers)],
        None => Cluster::running()?.variables(),
    };
    for (name, value) in variables {
        println!("export {name}='{value}'");
    }
    println!("export {CLASS_PATH}='{}'", class_path_of_running()?);
    println!("export {XTASK}='{}'", std::env::current_exe()?.display());
    Ok(())
}

/// The class path of the version that runs, else of the newest.
fn class_path_of_running() -> Result<String> {
    let cluster = Cluster::read()?;
    class_path(cluster.and_then(|cluster| cluster.version()).as_ref())
}

impl Start {
    fn run(self) -> Result<()> {
        started()?.set(&self.nodes.nodes, &self.set)?;
        disturb(&self.nodes, Disturbance::Start)
    }
}

impl Tool {
    fn run(self) -> Result<ExitCode> {
        let mut java = Command::new("java");
        java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        java.args(["-cp", &class_path_of_running()?]);
        shell::stand_in(java.arg(self.class).args(self.arguments))
    }
}
