//! One cluster: started, found again, stopped.
//!
//! What is written to `cluster.json` is enough for another call to find and end it. The file is
//! written before the first JVM starts, and again with each process id: a start that is cut short
//! leaves nothing that `down` would not find.

use std::fmt;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::properties::{Ports, properties};
use super::{Up, class_path, probe, process};
use crate::shell;
use crate::undo::Undo;

/// How long the brokers of a new cluster may take until they all answer.
const START_LIMIT: Duration = Duration::from_secs(180);
/// How long an ended process may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
/// Another program may take a port between our choice and the broker's bind.
const TRIES: usize = 3;

/// A cluster that was started by this or an earlier call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cluster {
    /// Holds everything of this cluster and nothing else.
    dir: PathBuf,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Node {
    id: usize,
    port: u16,
    controller_port: u16,
    /// Unknown until the process is started.
    pid: Option<u32>,
    properties: PathBuf,
    log: PathBuf,
}

impl Cluster {
    /// The cluster that runs, if it is as asked for, else a new one whose brokers all answer.
    pub(crate) fn up(up: &Up) -> Result<Self> {
        if let Some(cluster) = Self::read()? {
            if cluster.is_alive() {
                let nodes = cluster.nodes.len();
                ensure!(
                    nodes == usize::from(up.nodes),
                    "a cluster of {nodes} nodes runs already, {} are asked for: \
                     stop it first (`cargo xtask kafka down`)",
                    up.nodes
                );
                return Ok(cluster);
            }
            eprintln!("an earlier cluster is dead; what is left of it is removed");
            cluster.down()?;
        }
        let class_path = class_path()?;
        for _ in 1..TRIES {
            match Self::start(up, &class_path) {
                Err(error) if format!("{error:#}").contains("Address already in use") => {
                    eprintln!("a port was taken meanwhile; trying other ones");
                }
                outcome => return outcome,
            }
        }
        Self::start(up, &class_path)
    }

    /// The cluster that an earlier call started from here, dead or alive.
    pub(crate) fn read() -> Result<Option<Self>> {
        let path = state_file();
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).with_context(|| {
                format!(
                    "{} can not be understood; end its processes and remove it",
                    path.display()
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} can not be read", path.display())),
        }
    }

    /// The cluster that an earlier call started from here and that is alive.
    pub(crate) fn running() -> Result<Self> {
        match Self::read()? {
            Some(cluster) if cluster.is_alive() => Ok(cluster),
            Some(cluster) => bail!("the cluster is not all alive:\n{cluster}"),
            None => bail!("no cluster runs: start one with `cargo xtask kafka up`"),
        }
    }

    /// Where clients may begin: `127.0.0.1:port` of every broker, comma-separated.
    pub(crate) fn bootstrap_servers(&self) -> String {
        let servers: Vec<_> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        servers.join(",")
    }

    /// Whether every node's process runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.nodes.iter().all(Node::is_running)
    }

    /// Ends the nodes that run and removes what was written.
    ///
    /// The data goes with them, so nobody needs a clean shutdown, which takes long when the
    /// quorum leaves too.
    pub(crate) fn down(&self) -> Result<()> {
        for node in &self.nodes {
            node.signal(Signal::KILL);
        }
        let deadline = Instant::now() + END_LIMIT;
        while let Some(node) = self.nodes.iter().find(|node| node.is_running()) {
            ensure!(
                Instant::now() < deadline,
                "node {} ({:?}) does not end",
                node.id,
                node.pid
            );
            pause();
        }
        if self.dir.exists() {
            std::fs::remove_dir_all(&self.dir)
                .with_context(|| format!("{} can not be removed", self.dir.display()))?;
        }
        std::fs::remove_file(state_file()).context("the state file can not be removed")
    }

    /// Starts a cluster; whatever was started is ended again if it does not come up.
    fn start(up: &Up, class_path: &str) -> Result<Self> {
        let base = up.dir.clone().unwrap_or_else(std::env::temp_dir);
        std::fs::create_dir_all(&base)?;
        let base = base.canonicalize()?;
        let dir = tempfile::Builder::new()
            .prefix("kafka-")
            .tempdir_in(base)?
            .keep();
        let ports = free_ports(usize::from(up.nodes))?;
        let mut cluster = Self {
            nodes: Vec::new(),
            dir,
        };
        for id in 1..=ports.len() {
            cluster.nodes.push(Node::prepare(id, &ports, &cluster.dir)?);
        }
        cluster.write()?;
        let undo = Undo::new(|| drop(Self::read().map(|cluster| cluster.map(|c| c.down()))));
        cluster.format(class_path)?;
        for index in 0..cluster.nodes.len() {
            cluster.nodes[index].start(class_path)?;
            cluster.write()?;
        }
        cluster.await_answers()?;
        undo.forget();
        Ok(cluster)
    }

    fn write(&self) -> Result<()> {
        let path = state_file();
        std::fs::create_dir_all(path.parent().expect("the state file is in a directory"))?;
        std::fs::write(&path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("{} can not be written", path.display()))
    }

    /// Formats the storage of all nodes, at the same time: most of it is the start of a JVM.
    fn format(&self, class_path: &str) -> Result<()> {
        // Any 16 bytes in URL-safe base64 will do; the directory tells clusters apart.
        let cluster_id = "xtaskxtaskxtaskxtaskxw";
        let start = |node: &Node| -> Result<_> {
            let log = File::create(&node.log)?;
            let mut tool = java(class_path);
            tool.args(["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c"]);
            tool.arg(&node.properties)
                .stdout(log.try_clone()?)
                .stderr(log);
            Ok(tool.spawn()?)
        };
        let started: Vec<_> = self.nodes.iter().map(start).collect::<Result<_>>()?;
        let ended = started.into_iter().map(|mut child| child.wait());
        for (node, status) in self.nodes.iter().zip(ended.collect::<Vec<_>>()) {
            let status = status?;
            ensure!(
                status.success(),
                "the storage is not formatted ({status}):\n{}",
                node.tail()
            );
        }
        Ok(())
    }

    /// Waits until every broker knows of every broker.
    fn await_answers(&self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        for node in &self.nodes {
            loop {
                let answer = probe::brokers_seen(node.port);
                if answer.as_ref().is_ok_and(|&seen| seen == self.nodes.len()) {
                    break;
                }
                let last = match answer {
                    Ok(seen) => format!("it sees {seen} of {} brokers", self.nodes.len()),
                    Err(error) => format!("{error:#}"),
                };
                if let Some(dead) = self.nodes.iter().find(|node| !node.is_running()) {
                    bail!(
                        "node {} ended while starting; its log ends:\n{}",
                        dead.id,
                        dead.tail()
                    );
                }
                ensure!(
                    Instant::now() < deadline,
                    "node {} does not answer on port {} after {START_LIMIT:?} ({last}); \
                     its log ends:\n{}",
                    node.id,
                    node.port,
                    node.tail()
                );
                pause();
            }
        }
        Ok(())
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "bootstrap servers: {}", self.bootstrap_servers())?;
        for node in &self.nodes {
            let state = if node.is_running() { "runs" } else { "is dead" };
            let pid = node
                .pid
                .map_or_else(|| "none".to_owned(), |pid| pid.to_string());
            let log = node.log.display();
            writeln!(
                f,
                "node {} {state}: port {}, pid {pid}, log {log}",
                node.id, node.port
            )?;
        }
        Ok(())
    }
}

impl Node {
    /// Writes what the node will be told.
    fn prepare(id: usize, ports: &[Ports], dir: &Path) -> Result<Self> {
        let node = Self {
            id,
            port: ports[id - 1].broker,
            controller_port: ports[id - 1].controller,
            pid: None,
            properties: dir.join(format!("node{id}.properties")),
            log: dir.join(format!("node{id}.log")),
        };
        let data = dir.join(format!("data{id}"));
        std::fs::write(&node.properties, properties(id, ports, &data))?;
        Ok(node)
    }

    /// Starts the JVM so that it outlives us and the terminal.
    fn start(&mut self, class_path: &str) -> Result<()> {
        let log = File::options().append(true).open(&self.log)?;
        let java = java(class_path);
        let mut nohup = Command::new("nohup");
        nohup.arg(java.get_program()).args(java.get_args());
        nohup.arg("kafka.Kafka").arg(&self.properties);
        nohup
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        std::os::unix::process::CommandExt::process_group(&mut nohup, 0);
        self.pid = Some(nohup.spawn().context("`nohup java` can not be run")?.id());
        Ok(())
    }

    fn is_running(&self) -> bool {
        self.pid
            .is_some_and(|pid| process::is_running(pid, &self.mark()))
    }

    fn signal(&self, signal: Signal) -> bool {
        self.pid
            .is_some_and(|pid| process::signal(pid, &self.mark(), signal))
    }

    /// What only the command line of this very node has: its file is in a directory of our own.
    fn mark(&self) -> String {
        format!("kafka.Kafka {}", self.properties.display())
    }

    /// The last lines of the log.
    fn tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// A JVM that starts fast, stays small and leaves the cores to others.
fn java(class_path: &str) -> Command {
    let mut java = Command::new("java");
    java.args([
        "-Xmx384m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        class_path,
    ]);
    java.arg("-Dorg.slf4j.simpleLogger.showDateTime=true");
    java.stdin(Stdio::null());
    java
}

/// Ports that are free now, below those that systems hand out to clients.
fn free_ports(nodes: usize) -> Result<Vec<Ports>> {
    let mut held = Vec::new();
    for _ in 0..10_000 {
        if held.len() == 2 * nodes {
            break;
        }
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", fastrand::u16(20_000..32_000))) {
            held.push(listener);
        }
    }
    ensure!(
        held.len() == 2 * nodes,
        "{} free ports between 20000 and 32000 are not found",
        2 * nodes
    );
    let ports = held
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()));
    let ports = ports.collect::<Result<Vec<_>>>()?;
    Ok(ports
        .chunks(2)
        .map(|two| Ports {
            broker: two[0],
            controller: two[1],
        })
        .collect())
}

fn state_file() -> PathBuf {
    shell::target().join("kafka/cluster.json")
}

#[allow(
    clippy::disallowed_methods,
    reason = "a JVM gives no event to wait for"
)]
fn pause() {
    thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_free() {
        let ports = free_ports(9).unwrap();
        let mut all: Vec<_> = ports
            .iter()
            .flat_map(|p| [p.broker, p.controller])
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 18);
        for port in all {
            TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        }
    }
}
