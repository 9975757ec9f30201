//! The clients: our own program, the peers that can be built here, the floor, and the programs that
//! the command line names.
//!
//! All have the same flags and print the same line (`xtask/peers/README.md`). A peer whose tools are
//! missing is left out, and the output says so.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::record::Role;
use crate::shell;

/// One program that sends records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) name: String,
    pub(super) role: Role,
    /// The program and what it is always told.
    pub(super) command: Vec<String>,
}

/// Whether programs are built, or only looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Building {
    Fresh,
    AsTheyAre,
}

/// Where the peers are built, and how each is.
pub(super) struct Workshop {
    dir: PathBuf,
    building: Building,
}

/// How one peer is made and started.
struct Peer {
    name: &'static str,
    role: Role,
    /// Programs that it needs, and how to get them.
    tools: &'static [(&'static str, &'static str)],
    kind: Kind,
}

/// What builds a peer.
#[derive(Clone, Copy)]
enum Kind {
    /// In this folder of `xtask/peers`.
    Cargo(&'static str),
    Go,
    Java,
}

const fn peer(
    name: &'static str,
    role: Role,
    tools: &'static [(&'static str, &'static str)],
    kind: Kind,
) -> Peer {
    Peer {
        name,
        role,
        tools,
        kind,
    }
}

const C: (&str, &str) = ("cc", "apt-get install build-essential");
const MAKE: (&str, &str) = ("make", "apt-get install build-essential");
const GO: (&str, &str) = ("go", "install Go from https://go.dev/dl");
const JAVAC: (&str, &str) = ("javac", "apt-get install openjdk-17-jdk-headless");
const MAVEN: (&str, &str) = ("mvn", "apt-get install maven");

const PEERS: [Peer; 6] = [
    peer("java", Role::Peer, &[JAVAC, MAVEN], Kind::Java),
    peer("librdkafka", Role::Peer, &[C, MAKE], Kind::Cargo("")),
    peer("franz-go", Role::Peer, &[GO], Kind::Go),
    peer("rskafka", Role::Peer, &[C], Kind::Cargo("")),
    peer("krafka", Role::Peer, &[C], Kind::Cargo("krafka")),
    peer("floor", Role::Floor, &[C], Kind::Cargo("")),
];

/// The name of this project's own program among the clients.
pub(super) const OURS: &str = "ours";

/// The clients of a comparison, built, and what is said of those that are left out.
pub(super) struct Clients {
    pub(super) there: Vec<Client>,
    pub(super) left_out: Vec<String>,
}

impl Workshop {
    pub(super) fn new(dir: Option<PathBuf>, building: Building) -> Self {
        let dir = dir.unwrap_or_else(|| shell::target().join("peers"));
        Self { dir, building }
    }

    /// The sink's program; without it nothing can be measured.
    pub(super) fn sink(&self) -> Result<PathBuf> {
        if self.building == Building::Fresh {
            self.cargo("", "peer-sink")?;
        }
        let program = self.release().join("peer-sink");
        built(program)
    }

    /// Our own program and the peers, those of `only` if it names any.
    pub(super) fn clients(&self, only: &[String], further: &[Client]) -> Result<Clients> {
        let names = PEERS.iter().map(|peer| peer.name).chain([OURS]);
        let names: Vec<&str> = names
            .chain(further.iter().map(|c| c.name.as_str()))
            .collect();
        for name in only {
            let known = names.join(", ");
            let is_known = names.contains(&name.as_str());
            ensure!(is_known, "there is no client {name:?}, only {known}");
        }
        let wanted = |name: &str| only.is_empty() || only.iter().any(|other| other == name);
        let mut clients = Clients {
            there: Vec::new(),
            left_out: Vec::new(),
        };
        if wanted(OURS) {
            clients.there.push(self.ours()?);
        }
        let further = further.iter().filter(|client| wanted(&client.name));
        clients.there.extend(further.cloned());
        for peer in PEERS.iter().filter(|peer| wanted(peer.name)) {
            match self.peer(peer) {
                Ok(client) => clients.there.push(client),
                Err(reason) => {
                    let said = format!("{} is left out: {reason:#}", peer.name);
                    eprintln!("{said}");
                    clients.left_out.push(said);
                }
            }
        }
        ensure!(!clients.there.is_empty(), "no client can be measured");
        Ok(clients)
    }

    fn ours(&self) -> Result<Client> {
        if self.building == Building::Fresh {
            let mut cargo = shell::cargo();
            cargo.args(["build", "--release", "-p", "kafka-producer"]);
            cargo.args(["--features", "gzip-libdeflate"]);
            shell::run_aside(cargo.args(["--example", "producer-perf"]))?;
        }
        let program = built(shell::target().join("release/examples/producer-perf"))?;
        Ok(Client {
            name: OURS.to_owned(),
            role: Role::Ours,
            command: vec![program.display().to_string()],
        })
    }

    fn peer(&self, peer: &Peer) -> Result<Client> {
        if self.building == Building::Fresh {
            for (tool, way) in peer.tools {
                ensure!(shell::is_installed(tool), "`{tool}` is missing: {way}");
            }
            match peer.kind {
                Kind::Cargo(folder) => self.cargo(folder, &format!("peer-{}", peer.name))?,
                Kind::Go => self.build_go()?,
                Kind::Java => self.build_java()?,
            }
        }
        let command = self.command(peer);
        if !shell::is_installed(&command[0]) {
            built(PathBuf::from(&command[0]))?;
        }
        Ok(Client {
            name: peer.name.to_owned(),
            role: peer.role,
            command,
        })
    }

    fn release(&self) -> PathBuf {
        self.dir.join("cargo/release")
    }

    fn command(&self, peer: &Peer) -> Vec<String> {
        let name = format!("peer-{}", peer.name);
        match peer.kind {
            Kind::Cargo(_) => vec![self.release().join(name).display().to_string()],
            Kind::Go => vec![self.dir.join(name).display().to_string()],
            Kind::Java => {
                let java = self.dir.join("java").display().to_string();
                let class_path = format!("{java}/classes:{java}/libs/*");
                let words = ["java", "-Xms1g", "-Xmx1g", "-cp", &class_path];
                let words = words.iter().chain(&["PeerProducer"]);
                words.map(ToString::to_string).collect()
            }
        }
    }

    fn cargo(&self, folder: &str, package: &str) -> Result<()> {
        let mut cargo = shell::cargo();
        cargo.current_dir(sources().join(folder));
        cargo.args(["build", "--release", "--locked", "-p", package]);
        cargo.arg("--target-dir");
        shell::run_aside(cargo.arg(self.dir.join("cargo")))
    }

    fn build_go(&self) -> Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let mut go = Command::new("go");
        go.current_dir(sources().join("franz-go"));
        go.args(["build", "-o"]).arg(self.dir.join("peer-franz-go"));
        shell::run_aside(go.arg("."))
    }

    fn build_java(&self) -> Result<()> {
        let (java, sources) = (self.dir.join("java"), sources().join("java"));
        let libs = java.join("libs");
        if !libs.is_dir() {
            shell::copy_jars(&sources.join("pom.xml"), &[], &libs)?;
        }
        let mut javac = Command::new("javac");
        javac.arg("-d").arg(java.join("classes"));
        javac.arg("-cp").arg(libs.join("*"));
        shell::run_aside(javac.arg(sources.join("src/PeerProducer.java")))
    }
}

fn built(program: PathBuf) -> Result<PathBuf> {
    ensure!(program.is_file(), "{} is not built", program.display());
    Ok(program)
}

/// Where the peers' sources are.
fn sources() -> PathBuf {
    shell::workspace().join("xtask/peers")
}

/// `NAME=PROGRAM ARGUMENT...`, the words divided by spaces.
pub(super) fn further(text: &str) -> Result<Client> {
    let (name, command) = text.split_once('=').unwrap_or_default();
    let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let is_complete = !name.is_empty() && !command.is_empty();
    ensure!(is_complete, "{text:?} is not NAME=COMMAND");
    Ok(Client {
        name: name.to_owned(),
        role: Role::Further,
        command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_client_is_a_name_and_a_command() {
        let client = further("before=target/old --x-property linger.ms=1").unwrap();
        assert_eq!(client.name, "before");
        assert_eq!(
            client.command,
            ["target/old", "--x-property", "linger.ms=1"]
        );
        assert_eq!(client.role, Role::Further);
        for wrong in ["before", "=x", "before= "] {
            assert!(further(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_client_that_is_not_there_is_an_error_that_names_those_that_are() {
        let shop = Workshop::new(Some(PathBuf::from("nowhere")), Building::AsTheyAre);
        let error = shop.clients(&["jav".to_owned()], &[]).err().unwrap();
        let said = error.to_string();
        assert!(
            said.starts_with("there is no client \"jav\", only java, "),
            "{said}"
        );
    }

    #[test]
    fn a_peer_that_is_not_built_is_left_out_by_name() {
        let shop = Workshop::new(Some(PathBuf::from("nowhere")), Building::AsTheyAre);
        let added = further("sh=sh").unwrap();
        let only = ["rskafka".to_owned(), "sh".to_owned()];
        let clients = shop.clients(&only, std::slice::from_ref(&added)).unwrap();
        assert_eq!(clients.there, [added]);
        assert!(clients.left_out[0].starts_with("rskafka is left out: "));
    }
}
