//! One cluster: start, find again, disturb, stop.
//!
//! `cluster.json` has all that another call needs to find and end the cluster. The file is written
//! before the first JVM starts, and again with each process id, so that `down` also finds what an
//! interrupted start has left.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::net::TcpListener;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::client::{self, KINDS};
use super::node::{Jvm, Node, Up, java};
use super::properties::{DETOURS, Detour, Ports, Services};
use super::protocol::Protocol;
use super::tokens::Tokens;
use super::version::Version;
use super::zookeeper::ZooKeeper;
use super::{certificates, class_path, probe};
use crate::shell::{self, Running};
use crate::undo::Undo;

/// How long the brokers of a new cluster may take until they all answer.
const START_LIMIT: Duration = Duration::from_secs(600);
/// How long an ended process may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(100);
/// Another program may take a port between our choice and the broker's bind.
const TRIES: usize = 3;

/// Names and values of environment variables.
pub(crate) type Variables = Vec<(String, String)>;

/// A cluster that was started by this or an earlier call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cluster {
    /// Holds everything of this cluster and nothing else.
    dir: PathBuf,
    nodes: Vec<Node>,
    /// What was asked for beside nodes and protocols: properties.
    #[serde(default)]
    asked: Vec<String>,
    /// Who signs tokens, if a listener wants such.
    #[serde(default)]
    tokens: Option<Tokens>,
    /// Who keeps the metadata, if the nodes do not.
    #[serde(default)]
    zookeeper: Option<ZooKeeper>,
    /// The version, if it is not the newest.
    #[serde(default)]
    version: Option<Version>,
}

/// What can be done to one node of a running cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// Ends the process at once; its data stays.
    Kill,
    /// Asks the process to end: others lead before it is gone.
    Stop,
    /// Stops the process where it stands: it neither answers nor closes a connection.
    Pause,
    /// Lets a paused process go on.
    Resume,
    /// Starts a node that has ended again, on the same ports unless it was told of others, and waits until
    /// it sees all that run.
    Start,
}

impl Cluster {
    /// The cluster that runs, if it is as asked for, else a new one whose brokers all answer.
    pub(crate) fn up(up: &Up) -> Result<Self> {
        if let Some(cluster) = Self::read()? {
            if cluster.is_alive() {
                cluster.require(up)?;
                return Ok(cluster);
            }
            eprintln!("an earlier cluster is dead; what is left of it is removed");
            cluster.down()?;
        }
        let class_path = class_path(up.version.as_ref())?;
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

    /// Where clients of `protocol` may begin: `127.0.0.1:port` of every broker, comma-separated.
    pub(crate) fn bootstrap_servers(&self, protocol: Protocol) -> Option<String> {
        let port = |node: &Node| node.ports.listeners.get(&protocol).copied();
        let servers = self
            .nodes
            .iter()
            .map(|node| Some(format!("127.0.0.1:{}", port(node)?)));
        servers
            .collect::<Option<Vec<_>>>()
            .map(|servers| servers.join(","))
    }

    /// What tests are told of the cluster.
    pub(crate) fn variables(&self) -> Variables {
        let mut variables = Vec::new();
        for protocol in self.protocols() {
            let servers = self.bootstrap_servers(protocol);
            variables.extend(servers.map(|servers| (protocol.variable(), servers)));
        }
        if self.protocols().count() > 1 {
            let clients = self.clients().display().to_string();
            variables.push(("KAFKA_CLIENTS".to_owned(), clients));
        }
        if let Some(tokens) = &self.tokens {
            variables.push(("KAFKA_TOKENS".to_owned(), tokens.issuer()));
            variables.push(("KAFKA_TOKENS_ALLOWED".to_owned(), tokens.allowed()));
        }
        let detours = self.nodes.iter().filter_map(|node| node.ports.detour);
        let detours: Vec<_> = detours.map(|detour| detour.to_string()).collect();
        if !detours.is_empty() {
            variables.push((DETOURS.to_owned(), detours.join(",")));
        }
        variables
    }

    /// The properties of a client of this kind.
    pub(crate) fn client_properties(&self, kind: &str) -> Result<String> {
        let path = self.clients().join(format!("{kind}.properties"));
        std::fs::read_to_string(&path).with_context(|| format!("{} is missing", path.display()))
    }

    /// Where the properties of clients are, a file for each kind.
    fn clients(&self) -> PathBuf {
        self.dir.join("clients")
    }

    /// Writes what clients of each kind are told that can speak to a listener.
    fn write_clients(&self) -> Result<()> {
        std::fs::create_dir_all(self.clients())?;
        for kind in KINDS {
            if let Some(servers) = self.bootstrap_servers(client::listener(kind)) {
                let text = client::properties(kind, &servers, &self.dir, &self.issuer());
                std::fs::write(self.clients().join(format!("{kind}.properties")), text)?;
            }
        }
        Ok(())
    }

    fn issuer(&self) -> String {
        self.tokens.as_ref().map(Tokens::issuer).unwrap_or_default()
    }

    fn services(&self) -> Services {
        Services {
            tokens: self.issuer(),
            zookeeper: self.zookeeper.as_ref().map(|it| it.port),
        }
    }

    /// The version, if it is not the newest.
    pub(crate) fn version(&self) -> Option<Version> {
        self.version
    }

    /// Whether every process runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.nodes.iter().all(Node::is_running)
            && self.tokens.iter().all(Tokens::is_running)
            && self.zookeeper.iter().all(ZooKeeper::is_running)
    }

    /// The processes of all nodes that run.
    pub(crate) fn processes(&self) -> impl Iterator<Item = u32> + '_ {
        self.nodes.iter().filter_map(Node::process)
    }

    /// Does to the nodes `ids` what is asked, to all of them before it waits for any.
    pub(crate) fn disturb(&mut self, ids: &[usize], disturbance: Disturbance) -> Result<()> {
        self.require_nodes(ids)?;
        match disturbance {
            Disturbance::Kill => self.end(ids, Signal::KILL),
            Disturbance::Stop => self.end(ids, Signal::TERM),
            Disturbance::Pause => self.signal(ids, Signal::STOP),
            Disturbance::Resume => self.signal(ids, Signal::CONT),
            Disturbance::Start => self.start_again(ids),
        }
    }

    /// Tells the nodes `ids` of other properties, which they will read when they are started again.
    pub(crate) fn set(&self, ids: &[usize], properties: &[String]) -> Result<()> {
        self.require_nodes(ids)?;
        ids.iter()
            .try_for_each(|id| self.nodes[id - 1].set(properties))
    }

    fn require_nodes(&self, ids: &[usize]) -> Result<()> {
        for id in ids {
            let nodes = self.nodes.len();
            ensure!(
                (1..=nodes).contains(id),
                "there is no node {id}, only 1 to {nodes}"
            );
        }
        Ok(())
    }

    fn end(&self, ids: &[usize], signal: Signal) -> Result<()> {
        self.signal(ids, signal)?;
        ids.iter().try_for_each(|id| self.await_end(*id))
    }

    fn signal(&self, ids: &[usize], signal: Signal) -> Result<()> {
        for id in ids {
            ensure!(self.nodes[id - 1].signal(signal), "node {id} does not run");
        }
        Ok(())
    }

    /// Lets every node go on, or starts it again, and waits until all answer.
    pub(crate) fn heal(&mut self) -> Result<()> {
        for node in &self.nodes {
            node.signal(Signal::CONT);
        }
        let dead = self.nodes.iter().filter(|node| !node.is_running());
        let dead: Vec<_> = dead.map(|node| node.id).collect();
        self.start_again(&dead)?;
        let deadline = Instant::now() + START_LIMIT;
        self.nodes
            .iter()
            .try_for_each(|node| self.await_answer(node, deadline))
    }

    fn start_again(&mut self, ids: &[usize]) -> Result<()> {
        let class_path = class_path(self.version.as_ref())?;
        for id in ids {
            let node = &mut self.nodes[id - 1];
            ensure!(!node.is_running(), "node {id} runs already");
            node.start(&class_path, self.tokens.as_ref().map(Tokens::allowed))?;
            self.write()?;
        }
        let deadline = Instant::now() + START_LIMIT;
        ids.iter()
            .try_for_each(|id| self.await_answer(&self.nodes[id - 1], deadline))
    }

    /// Ends the nodes that run and removes what was written.
    ///
    /// The data goes with them, so nobody needs a clean shutdown, which takes long when the
    /// quorum leaves too.
    pub(crate) fn down(&self) -> Result<()> {
        for node in &self.nodes {
            node.signal(Signal::KILL);
        }
        self.tokens.iter().for_each(Tokens::end);
        self.zookeeper.iter().for_each(ZooKeeper::end);
        for node in &self.nodes {
            self.await_end(node.id)?;
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
        let mut cluster = Self {
            nodes: Vec::new(),
            dir,
            asked: up.set.clone(),
            tokens: None,
            zookeeper: None,
            version: up.version,
        };
        cluster.write()?;
        let undo = Undo::new(|| {
            if let Ok(Some(cluster)) = Self::read() {
                let _ = cluster.down();
            }
        });
        let protocols = up.protocols();
        if protocols.len() > 1 {
            certificates::make(&cluster.dir)?;
        }
        let ports = free_ports(up, &protocols)?;
        if protocols.iter().any(|it| it.has_signed_tokens()) {
            cluster.tokens = Some(Tokens::start(&cluster.dir, free_port()?)?);
            cluster.write()?;
        }
        let has_kraft = up.version.is_none_or(Version::has_kraft);
        if !has_kraft {
            let started = ZooKeeper::start(&cluster.dir, class_path, free_port()?)?;
            cluster.zookeeper = Some(started);
            cluster.write()?;
        }
        for id in 1..=ports.len() {
            let node = Node::prepare(id, &ports, up, &cluster.dir, &cluster.services())?;
            cluster.nodes.push(node);
        }
        cluster.write_clients()?;
        if has_kraft {
            cluster.format(class_path)?;
        }
        cluster.await_services()?;
        for index in 0..cluster.nodes.len() {
            let allowed = cluster.tokens.as_ref().map(Tokens::allowed);
            cluster.nodes[index].start(class_path, allowed)?;
            cluster.write()?;
        }
        let deadline = Instant::now() + START_LIMIT;
        cluster
            .nodes
            .iter()
            .try_for_each(|node| cluster.await_answer(node, deadline))?;
        undo.forget();
        Ok(cluster)
    }

    /// Fails unless the running cluster is what `up` asks for.
    fn require(&self, up: &Up) -> Result<()> {
        let nodes = self.nodes.len();
        let unspoken = up.protocols().into_iter();
        let mut unspoken = unspoken.filter(|it| self.bootstrap_servers(*it).is_none());
        let has_detour = self.nodes.iter().all(|node| node.ports.detour.is_some());
        let other = if nodes != usize::from(up.nodes) {
            format!("with {nodes} nodes instead of {}", up.nodes)
        } else if let Some(protocol) = unspoken.next() {
            format!("but does not speak {}", protocol.name())
        } else if up.detour && !has_detour {
            "but without a detour".to_owned()
        } else if self.nodes.iter().any(|node| node.jvm != up.jvm) {
            format!("with other JVMs than {:?}", up.jvm)
        } else if self.asked != up.set {
            format!("with {:?} instead of {:?}", self.asked, up.set)
        } else if self.version != up.version {
            let shown = |version: Option<Version>| {
                version.map_or_else(|| "the newest".to_owned(), |it| it.to_string())
            };
            format!(
                "of version {} instead of {}",
                shown(self.version),
                shown(up.version)
            )
        } else {
            return Ok(());
        };
        bail!("a cluster runs already, {other}: stop it first (`cargo xtask kafka down`)")
    }

    fn protocols(&self) -> impl Iterator<Item = Protocol> + '_ {
        self.nodes
            .first()
            .into_iter()
            .flat_map(|node| node.ports.listeners.keys().copied())
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
            let mut tool = java(Jvm::Small, class_path);
            tool.args(["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c"]);
            tool.arg(&node.properties);
            if self.protocols().count() > 1 {
                for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                    let user = format!("{mechanism}=[name=alice,password=alice-secret]");
                    tool.args(["--add-scram", &user]);
                }
            }
            Running::start(
                tool.stdin(std::process::Stdio::null())
                    .stdout(log.try_clone()?)
                    .stderr(log),
            )
        };
        let started: Vec<_> = self.nodes.iter().map(start).collect::<Result<_>>()?;
        let ended: Vec<_> = started.into_iter().map(Running::wait).collect();
        for (node, status) in self.nodes.iter().zip(ended) {
            let status = status?;
            ensure!(
                status.success(),
                "the storage is not formatted ({status}):\n{}",
                node.tail()
            );
        }
        Ok(())
    }

    /// Waits for what brokers need when they start: ZooKeeper, and the keys by which tokens are signed.
    fn await_services(&self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while let Some(Err(error)) = self.zookeeper.as_ref().map(ZooKeeper::probe) {
            let runs = self.zookeeper.iter().all(ZooKeeper::is_running);
            ensure!(
                runs && Instant::now() < deadline,
                "ZooKeeper does not listen ({error:#}); see zookeeper.log in {}",
                self.dir.display()
            );
            shell::pause(PAUSE);
        }
        while let Some(Err(error)) = self.tokens.as_ref().map(Tokens::probe) {
            let runs = self.tokens.iter().all(Tokens::is_running);
            ensure!(
                runs && Instant::now() < deadline,
                "no tokens are signed ({error:#}); see tokens.log in {}",
                self.dir.display()
            );
            shell::pause(PAUSE);
        }
        Ok(())
    }

    /// Waits until `node` answers and knows of every node that runs.
    fn await_answer(&self, node: &Node, deadline: Instant) -> Result<()> {
        let port = node.ports.listeners[&Protocol::Plaintext];
        loop {
            let running = self.nodes.iter().filter(|node| node.is_running()).count();
            let answer = probe::brokers_seen(port);
            if answer.as_ref().is_ok_and(|&seen| seen == running) && node.is_running() {
                return Ok(());
            }
            let last = match answer {
                Ok(seen) => format!("it sees {seen} of {running} brokers"),
                Err(error) => format!("{error:#}"),
            };
            let (id, tail) = (node.id, || node.tail());
            ensure!(
                node.is_running(),
                "node {id} ended while starting; its log ends:\n{}",
                tail()
            );
            ensure!(
                Instant::now() < deadline,
                "node {id} does not answer on port {port} after {START_LIMIT:?} ({last}); \
                 its log ends:\n{}",
                tail()
            );
            shell::pause(PAUSE);
        }
    }

    fn await_end(&self, id: usize) -> Result<()> {
        let deadline = Instant::now() + END_LIMIT;
        while self
            .nodes
            .iter()
            .any(|node| node.id == id && node.is_running())
        {
            ensure!(Instant::now() < deadline, "node {id} does not end:\n{self}");
            shell::pause(PAUSE);
        }
        Ok(())
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.variables() {
            writeln!(f, "{name}={value}")?;
        }
        for node in &self.nodes {
            writeln!(f, "{node}")?;
        }
        Ok(())
    }
}

/// Below those that systems hand out to clients.
const PORTS: Range<u16> = 20_000..32_000;

/// A port that is free now, for what only the nodes must find.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Ports that are free now.
fn free_ports(up: &Up, protocols: &BTreeSet<Protocol>) -> Result<Vec<Ports>> {
    let of_detour = if up.detour { 2 } else { 0 };
    let of_node = 1 + of_detour + protocols.len();
    let wanted = usize::from(up.nodes) * of_node;
    let mut held = Vec::new();
    for _ in 0..10_000 {
        if held.len() == wanted {
            break;
        }
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", fastrand::u16(PORTS))) {
            held.push(listener);
        }
    }
    ensure!(
        held.len() == wanted,
        "{wanted} free ports are not found in {PORTS:?}"
    );
    let ports = held
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()));
    let ports = ports.collect::<Result<Vec<_>>>()?;
    let shared_out = |ports: &[u16]| Ports {
        controller: ports[0],
        detour: (of_detour > 0).then(|| Detour {
            advertised: ports[1],
            listens: ports[2],
        }),
        listeners: protocols
            .iter()
            .copied()
            .zip(ports[1 + of_detour..].iter().copied())
            .collect(),
    };
    Ok(ports.chunks(of_node).map(shared_out).collect())
}

fn state_file() -> PathBuf {
    shell::target().join("kafka/cluster.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_none_that_clients_are_given() {
        let up = Up {
            nodes: 9,
            detour: true,
            ..Up::default()
        };
        let ports = free_ports(&up, &Protocol::all().iter().copied().collect()).unwrap();
        let mut all = BTreeSet::new();
        for ports in ports {
            let detour = ports.detour.unwrap();
            all.extend([ports.controller, detour.advertised, detour.listens]);
            all.extend(ports.listeners.into_values());
        }
        assert_eq!(all.len(), 9 * (3 + Protocol::all().len()));
        // That each was free is not asked again: another program may have taken it by now.
        assert!(all.into_iter().all(|port| PORTS.contains(&port)));
    }

    /// A cluster of one node that was never started.
    fn prepared(dir: &std::path::Path) -> Cluster {
        let up = Up {
            nodes: 1,
            detour: true,
            ..Up::default()
        };
        let ports = free_ports(&up, &Protocol::all().iter().copied().collect()).unwrap();
        let node = Node::prepare(1, &ports, &Up::default(), dir, &Services::default()).unwrap();
        Cluster {
            dir: dir.to_owned(),
            nodes: vec![node],
            asked: up.set,
            tokens: None,
            zookeeper: None,
            version: None,
        }
    }

    #[test]
    fn a_cluster_is_found_again_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let cluster = prepared(dir.path());
        let read: Cluster = serde_json::from_slice(&serde_json::to_vec(&cluster).unwrap()).unwrap();
        assert_eq!(read.to_string(), cluster.to_string());
        assert!(!read.is_alive());
    }

    #[test]
    fn a_node_is_told_of_other_properties() {
        let dir = tempfile::tempdir().unwrap();
        let cluster = prepared(dir.path());
        let places = "advertised.listeners=DETOUR://elsewhere:1";
        cluster.set(&[1], &[places.to_owned()]).unwrap();
        let text = std::fs::read_to_string(&cluster.nodes[0].properties).unwrap();
        let mut told = text.lines().filter(|line| line.starts_with("advertised"));
        assert_eq!((told.next(), told.next()), (Some(places), None));
        let nobody = cluster.set(&[2], &[]).unwrap_err();
        assert_eq!(nobody.to_string(), "there is no node 2, only 1 to 1");
    }
}
