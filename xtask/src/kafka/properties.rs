//! The `server.properties` of a node.
//!
//! Apache Kafka's defaults wherever a client could see a difference. Internal topics and buffers are
//! small, and groups do not wait, because a test machine has two cores.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::certificates;
use super::protocol::Protocol;

/// Where a proxy may stand: `advertised:listens` of every node, comma-separated.
pub(super) const DETOURS: &str = "KAFKA_DETOURS";

/// Where a node listens, on loopback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) controller: u16,
    pub(crate) listeners: BTreeMap<Protocol, u16>,
    #[serde(default)]
    pub(crate) detour: Option<Detour>,
}

/// A listener that clients are sent past: whoever listens at the port that is advertised may look
/// at, delay and cut what goes to the port where the node listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Detour {
    pub(crate) advertised: u16,
    pub(crate) listens: u16,
}

impl fmt::Display for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.advertised, self.listens)
    }
}

/// What nodes are told of that runs beside them.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// Where tokens are signed.
    pub(crate) tokens: String,
    /// The port of the ZooKeeper that keeps the metadata; without one the nodes do.
    pub(crate) zookeeper: Option<u16>,
}

/// The properties of node `id` (from 1) of a cluster in `dir` whose nodes listen at `ports`.
pub(crate) fn properties(id: usize, ports: &[Ports], dir: &Path, services: &Services) -> String {
    let data = dir.join(format!("data{id}"));
    let (listeners, factor) = (&ports[id - 1].listeners, ports.len().min(3));
    let mut text = match services.zookeeper {
        Some(port) => format!("broker.id={id}\nzookeeper.connect=127.0.0.1:{port}\n"),
        None => quorum_properties(id, ports),
    };
    let _ = writeln!(text, "inter.broker.listener.name=PLAINTEXT");
    let _ = writeln!(text, "log.dirs={}", data.display());
    let ports = &ports[id - 1];
    let controller = services.zookeeper.is_none().then_some(ports.controller);
    text.push_str(&listener_properties(ports, controller));
    for name in FACTORS {
        let _ = writeln!(text, "{name}={factor}");
    }
    text.push_str(FOR_TESTS);
    if listeners.len() > 1 {
        let tls = certificates::directory(dir).display().to_string();
        text.push_str(
            &SECURITY
                .replace("TLS/", &(tls + "/"))
                .replace("TOKENS", &services.tokens),
        );
    }
    text
}

/// The `text` of a file in which each of `set`, as `name=value`, takes the place of what is there.
pub(crate) fn with(mut text: String, set: &[String]) -> Result<String> {
    for property in set {
        let name = property.split_once('=').map(|(name, _)| name);
        let name = name.with_context(|| format!("{property:?} is not NAME=VALUE"))?;
        let is_other = |line: &&str| line.split_once('=').is_none_or(|(other, _)| other != name);
        let mut kept: Vec<&str> = text.lines().filter(is_other).collect();
        kept.extend([property.as_str(), ""]);
        text = kept.join("\n");
    }
    Ok(text)
}

/// A node that is a broker and a controller.
fn quorum_properties(id: usize, ports: &[Ports]) -> String {
    let voters = ports.iter().enumerate().map(|(index, ports)| {
        let id = index + 1;
        format!("{id}@127.0.0.1:{}", ports.controller)
    });
    let voters: Vec<_> = voters.collect();
    format!(
        "process.roles=broker,controller\n\
         node.id={id}\n\
         controller.quorum.voters={}\n\
         controller.listener.names=CONTROLLER\n",
        voters.join(","),
    )
}

fn listener_properties(ports: &Ports, controller: Option<u16>) -> String {
    let place = |name: &str, port: u16| format!("{name}://127.0.0.1:{port}");
    let places = ports.listeners.iter();
    let mut listeners: Vec<_> = places
        .map(|(protocol, port)| place(&protocol.name(), *port))
        .collect();
    let mut advertised = listeners.clone();
    let protocols = ports.listeners.keys();
    let pair = |it: &Protocol| format!("{}:{}", it.name(), it.spoken());
    let mut map: Vec<_> = protocols.map(pair).collect();
    if let Some(detour) = ports.detour {
        listeners.push(place(DETOUR, detour.listens));
        advertised.push(place(DETOUR, detour.advertised));
        map.push(format!("{DETOUR}:PLAINTEXT"));
    }
    if let Some(port) = controller {
        listeners.push(place("CONTROLLER", port));
        map.push("CONTROLLER:PLAINTEXT".to_owned());
    }
    let [listeners, advertised, map] = [listeners, advertised, map].map(|parts| parts.join(","));
    format!(
        "listeners={listeners}\n\
         advertised.listeners={advertised}\n\
         listener.security.protocol.map={map}\n"
    )
}

/// The name of the listener that clients are sent past.
const DETOUR: &str = "DETOUR";

/// The same on every node that has other listeners than PLAINTEXT.
const SECURITY: &str = include_str!("../../kafka/security.properties");

/// As many copies as there are nodes, three at most.
const FACTORS: [&str; 4] = [
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
];

/// The same on every node.
const FOR_TESTS: &str = "\
transaction.state.log.min.isr=1
share.coordinator.state.topic.min.isr=1
min.insync.replicas=1
auto.create.topics.enable=true
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4
offsets.topic.segment.bytes=1048576
transaction.state.log.segment.bytes=1048576
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
log.cleaner.io.buffer.size=65536
num.network.threads=2
num.io.threads=4
";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(id: usize, nodes: u16, protocols: &[Protocol]) -> String {
        let listeners = |node| (9000..).step_by(10).map(move |port| port + node);
        let ports = (0..nodes).map(|node| Ports {
            controller: 9100 + node,
            listeners: protocols.iter().copied().zip(listeners(node)).collect(),
            detour: None,
        });
        properties(
            id,
            &ports.collect::<Vec<_>>(),
            Path::new("dir"),
            &Services::default(),
        )
    }

    fn line(text: &str, name: &str) -> Option<String> {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    }

    #[test]
    fn one_node_keeps_one_copy() {
        let text = text(1, 1, &[Protocol::Plaintext]);
        assert_eq!(line(&text, "default.replication.factor").unwrap(), "1");
        assert_eq!(
            line(&text, "controller.quorum.voters").unwrap(),
            "1@127.0.0.1:9100"
        );
    }

    #[test]
    fn three_nodes_keep_three_copies_and_know_each_other() {
        let text = text(2, 3, &[Protocol::Plaintext]);
        assert_eq!(line(&text, "node.id").unwrap(), "2");
        assert_eq!(
            line(&text, "offsets.topic.replication.factor").unwrap(),
            "3"
        );
        assert_eq!(
            line(&text, "advertised.listeners").unwrap(),
            "PLAINTEXT://127.0.0.1:9001"
        );
        assert_eq!(
            line(&text, "controller.quorum.voters").unwrap(),
            "1@127.0.0.1:9100,2@127.0.0.1:9101,3@127.0.0.1:9102"
        );
    }

    #[test]
    fn each_protocol_has_a_listener_of_its_own() {
        let text = text(1, 1, &Protocol::all()[..4]);
        assert_eq!(
            line(&text, "advertised.listeners").unwrap(),
            "PLAINTEXT://127.0.0.1:9000,SSL://127.0.0.1:9010,\
             SASL_PLAINTEXT://127.0.0.1:9020,SASL_SSL://127.0.0.1:9030"
        );
        assert!(line(&text, "ssl.keystore.location").is_some());
        assert!(line(&text, "listener.name.sasl_ssl.plain.sasl.jaas.config").is_some());
    }

    #[test]
    fn a_detour_is_advertised_where_the_node_does_not_listen() {
        let ports = Ports {
            controller: 9100,
            listeners: [(Protocol::Plaintext, 9000)].into(),
            detour: Some(Detour {
                advertised: 9200,
                listens: 9201,
            }),
        };
        let text = properties(1, &[ports], Path::new("dir"), &Services::default());
        let places = |name| line(&text, name).unwrap();
        assert_eq!(
            places("listeners"),
            "PLAINTEXT://127.0.0.1:9000,DETOUR://127.0.0.1:9201,CONTROLLER://127.0.0.1:9100"
        );
        assert_eq!(
            places("advertised.listeners"),
            "PLAINTEXT://127.0.0.1:9000,DETOUR://127.0.0.1:9200"
        );
        assert!(
            places("listener.security.protocol.map")
                .ends_with(",DETOUR:PLAINTEXT,CONTROLLER:PLAINTEXT")
        );
    }

    #[test]
    fn a_node_with_a_zookeeper_is_a_broker_alone() {
        let ports = Ports {
            controller: 9100,
            listeners: [(Protocol::Plaintext, 9000)].into(),
            detour: None,
        };
        let services = Services {
            zookeeper: Some(9300),
            ..Services::default()
        };
        let text = properties(1, &[ports], Path::new("dir"), &services);
        let told = line(&text, "zookeeper.connect").unwrap();
        assert_eq!(told, "127.0.0.1:9300");
        let places = line(&text, "listeners").unwrap();
        assert_eq!(places, "PLAINTEXT://127.0.0.1:9000");
        assert!(!text.contains("CONTROLLER") && line(&text, "node.id").is_none());
    }

    #[test]
    fn what_is_set_takes_the_place_of_what_was_there() {
        let text = "a=1\nb=2\nb.c=3\n".to_owned();
        let set = ["b=4=5".to_owned(), "d=6".to_owned()];
        assert_eq!(with(text, &set).unwrap(), "a=1\nb.c=3\nb=4=5\nd=6\n");
        assert!(with(String::new(), &["b".to_owned()]).is_err());
    }

    #[test]
    fn a_plain_cluster_is_told_nothing_of_security() {
        let text = text(1, 1, &[Protocol::Plaintext]);
        assert!(!text.contains("ssl.") && !text.contains("sasl."), "{text}");
    }

    #[test]
    fn no_property_is_said_twice() {
        let text = text(1, 3, Protocol::all());
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0))
            .collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{text}");
    }
}
