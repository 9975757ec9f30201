//! One node of a cluster: a JVM that is a broker and a controller.
//!
//! It outlives this process and the terminal. It is found again by its process id and by its
//! properties file, which no other process names.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Args;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::client;
use super::process;
use super::properties::{Ports, Services, properties, with};
use super::protocol::Protocol;
use super::version::Version;

/// What to start.
#[derive(Args, Default)]
pub(crate) struct Up {
    /// How many nodes, each a broker and a controller.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub(crate) nodes: u16,
    /// Where to make the directory of the data and logs [default: the system's temporary one].
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// What clients may speak, comma-separated; PLAINTEXT is always among them.
    #[arg(long, value_delimiter = ',', default_value = "plaintext")]
    pub(crate) protocol: Vec<Protocol>,
    /// What clients are to have, comma-separated: prints the properties of each, e.g. of
    /// sasl-ssl-scram; a wrong name is answered with all that there are.
    #[arg(long, value_delimiter = ',', value_parser = client::kind)]
    pub(crate) security: Vec<&'static str>,
    /// Add a PLAINTEXT listener that is advertised at a port where nothing listens, for a proxy to
    /// be put there; KAFKA_DETOURS tells the ports.
    #[arg(long)]
    pub(crate) detour: bool,
    /// A property of every node, e.g. broker.session.timeout.ms=4000; may be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// The version of Kafka, e.g. 3.9.2, brought by Maven [default: the newest, or KAFKA_HOME].
    #[arg(long)]
    pub(crate) version: Option<Version>,
    /// What the JVMs are made for.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) jvm: Jvm,
}

impl Up {
    /// What clients may speak: what is asked for, and what the brokers speak among themselves.
    pub(super) fn protocols(&self) -> BTreeSet<Protocol> {
        self.protocol
            .iter()
            .copied()
            .chain(self.security.iter().map(|kind| client::listener(kind)))
            .chain([Protocol::Plaintext])
            .collect()
    }
}

/// One node, running or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) id: usize,
    pub(super) ports: Ports,
    /// The last process that was started, if one was.
    pid: Option<u32>,
    #[serde(default)]
    pub(super) jvm: Jvm,
    pub(super) properties: PathBuf,
    pub(super) log: PathBuf,
}

/// What the JVM of a node is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
pub(crate) enum Jvm {
    /// To start fast, stay small and leave the cores to others.
    #[default]
    Small,
    /// To be measured against: all of its compilers, and a heap of 1 GiB.
    Fast,
}

impl Node {
    /// Writes what node `id` (from 1) of the cluster in `dir` will be told.
    pub(super) fn prepare(
        id: usize,
        ports: &[Ports],
        up: &Up,
        dir: &Path,
        services: &Services,
    ) -> Result<Self> {
        let node = Self {
            id,
            ports: ports[id - 1].clone(),
            pid: None,
            jvm: up.jvm,
            properties: dir.join(format!("node{id}.properties")),
            log: dir.join(format!("node{id}.log")),
        };
        let text = with(properties(id, ports, dir, services), &up.set)?;
        std::fs::write(&node.properties, text)?;
        Ok(node)
    }

    /// Tells it of other properties, which it will read when it is started again.
    pub(super) fn set(&self, properties: &[String]) -> Result<()> {
        let text = std::fs::read_to_string(&self.properties)?;
        Ok(std::fs::write(&self.properties, with(text, properties)?)?)
    }

    /// Starts the JVM; what it says is added to the log.
    pub(super) fn start(&mut self, class_path: &str, option: Option<String>) -> Result<()> {
        let mut java = java(self.jvm, class_path);
        java.args(option).arg("kafka.Kafka").arg(&self.properties);
        self.pid = Some(process::start_detached(&java, &self.log)?);
        Ok(())
    }

    /// The process that runs, if one does.
    pub(super) fn process(&self) -> Option<u32> {
        self.pid.filter(|_| self.is_running())
    }

    pub(super) fn is_running(&self) -> bool {
        self.pid
            .is_some_and(|pid| process::is_running(pid, &self.mark()))
    }

    /// Sends the node's process a signal; says whether there was one.
    pub(super) fn signal(&self, signal: Signal) -> bool {
        self.pid
            .is_some_and(|pid| process::signal(pid, &self.mark(), signal))
    }

    /// What only the command line of this very node has: its file is in a directory of our own.
    fn mark(&self) -> String {
        format!("kafka.Kafka {}", self.properties.display())
    }

    /// The last lines of the log.
    pub(super) fn tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_running() { "runs" } else { "is dead" };
        write!(f, "node {} {state}:", self.id)?;
        for (protocol, port) in &self.ports.listeners {
            write!(f, " {} {port},", protocol.name())?;
        }
        let pid = self
            .pid
            .map_or_else(|| "none".to_owned(), |pid| pid.to_string());
        write!(f, " pid {pid}, log {}", self.log.display())
    }
}

/// Java with a class path.
pub(super) fn java(jvm: Jvm, class_path: &str) -> Command {
    let mut java = Command::new("java");
    match jvm {
        Jvm::Small => java.args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]),
        Jvm::Fast => java.args(["-Xms1g", "-Xmx1g"]),
    };
    java.args(["-cp", class_path]);
    java.arg("-Dorg.slf4j.simpleLogger.showDateTime=true");
    java
}
