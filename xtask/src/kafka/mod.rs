//! A real Apache Kafka on this machine: `cargo xtask kafka`.
//!
//! ```text
//! jars (Maven or KAFKA_HOME) ─▶ format storage ─▶ one JVM a node ─▶ probe until all answer
//! ```
//!
//! One cluster a build directory, described in `kafka/cluster.json` there, so that `up`, `status`
//! and `down` may be different calls. Only loopback addresses, only free ports, data in a temporary
//! directory; only processes that are known to be ours are ended.

mod cluster;
mod jars;
mod probe;
mod process;
mod properties;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, Subcommand};

pub(crate) use cluster::Cluster;
pub(crate) use jars::{class_path, clients_jar, require_java};

use crate::shell;

/// The servers to use instead of starting any.
pub(crate) const SERVERS: &str = "KAFKA_BOOTSTRAP_SERVERS";
/// The class path of Kafka's own tools, for tests that run them.
pub(crate) const CLASS_PATH: &str = "KAFKA_CLASSPATH";

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
    /// Print what to `eval` in a shell so that tests find the cluster and Kafka's tools.
    Env,
    /// Run one of Kafka's Java tools, e.g. `tool org.apache.kafka.tools.TopicCommand --help`.
    Tool(Tool),
}

/// What to start.
#[derive(Args)]
pub(crate) struct Up {
    /// How many nodes, each a broker and a controller.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub(crate) nodes: u16,
    /// Where to make the directory of the data and logs [default: the system's temporary one].
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
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
            Self::Up(up) => println!("{}", bootstrap_servers(&up)?),
            Self::Down => down()?,
            Self::Status => return status(),
            Self::Env => env()?,
            Self::Tool(tool) => return tool.run(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The servers that were named to us, else those of the cluster that runs, started if need be.
fn bootstrap_servers(up: &Up) -> Result<String> {
    if let Some(servers) = shell::variable(SERVERS) {
        eprintln!("{SERVERS} is set: nothing is started");
        return Ok(servers);
    }
    Ok(Cluster::up(up)?.bootstrap_servers())
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
    Ok(if cluster.is_alive() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn env() -> Result<()> {
    let servers = match shell::variable(SERVERS) {
        Some(servers) => servers,
        None => Cluster::running()?.bootstrap_servers(),
    };
    println!("export {SERVERS}='{servers}'");
    println!("export {CLASS_PATH}='{}'", class_path()?);
    Ok(())
}

impl Tool {
    fn run(self) -> Result<ExitCode> {
        let mut java = Command::new("java");
        java.args([
            "-cp",
            &class_path()?,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        ]);
        let status = shell::stand_in(java.arg(self.class).args(self.arguments))?;
        let code = status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1);
        Ok(ExitCode::from(code))
    }
}
