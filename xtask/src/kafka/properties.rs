//! What a node of the cluster is told: its `server.properties`.
//!
//! Apache Kafka's defaults wherever a client could see a difference; small internal topics, small
//! buffers and no waiting for groups, because a test machine has two cores.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::certificates::Certificates;
use super::protocol::{PASSWORD, Protocol, USER};

/// Where a node listens, on loopback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) controller: u16,
    pub(crate) listeners: BTreeMap<Protocol, u16>,
}

/// The properties of node `id` (from 1) of a cluster in `dir` whose nodes listen at `ports`.
pub(crate) fn properties(id: usize, ports: &[Ports], dir: &Path) -> String {
    let data = dir.join(format!("data{id}"));
    let voters = ports.iter().enumerate().map(|(index, ports)| {
        let id = index + 1;
        format!("{id}@127.0.0.1:{}", ports.controller)
    });
    let listeners = &ports[id - 1].listeners;
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id={id}\n\
         controller.quorum.voters={}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={}\n",
        voters.collect::<Vec<_>>().join(","),
        data.display(),
    );
    text.push_str(&listener_properties(&ports[id - 1]));
    let factor = ports.len().min(3);
    for name in FACTORS {
        let _ = writeln!(text, "{name}={factor}");
    }
    text.push_str(FOR_TESTS);
    if listeners.keys().any(|protocol| protocol.has_tls()) {
        text.push_str(&tls_properties(&Certificates::of(dir)));
    }
    if listeners.keys().any(|protocol| protocol.has_sasl()) {
        let _ = writeln!(text, "sasl.enabled.mechanisms={}", MECHANISMS.join(","));
    }
    for protocol in listeners.keys().filter(|protocol| protocol.has_sasl()) {
        text.push_str(&sasl_properties(*protocol));
    }
    text
}

fn listener_properties(ports: &Ports) -> String {
    let places = ports.listeners.iter();
    let places = places.map(|(protocol, port)| format!("{}://127.0.0.1:{port}", protocol.name()));
    let advertised = places.collect::<Vec<_>>().join(",");
    let map = ports
        .listeners
        .keys()
        .map(|protocol| format!("{0}:{0}", protocol.name()));
    let map = map.collect::<Vec<_>>().join(",");
    let controller = ports.controller;
    format!(
        "listeners={advertised},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners={advertised}\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,{map}\n"
    )
}

fn tls_properties(certificates: &Certificates) -> String {
    format!(
        "ssl.keystore.type=PEM\n\
         ssl.keystore.location={}\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={}\n\
         ssl.client.auth=requested\n",
        certificates.broker_store().display(),
        certificates.authority().display(),
    )
}

/// What each mechanism needs on one listener. The users of SCRAM are in the cluster's own log.
fn sasl_properties(protocol: Protocol) -> String {
    let listener = protocol.name().to_lowercase();
    let modules = [
        format!("plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";"),
        "scram.ScramLoginModule required;".to_owned(),
        "scram.ScramLoginModule required;".to_owned(),
        "oauthbearer.OAuthBearerLoginModule required;".to_owned(),
    ];
    let mut text = String::new();
    for (mechanism, module) in MECHANISMS.iter().zip(modules) {
        let mechanism = mechanism.to_lowercase();
        let name = format!("listener.name.{listener}.{mechanism}.sasl.jaas.config");
        let _ = writeln!(text, "{name}=org.apache.kafka.common.security.{module}");
    }
    text
}

const MECHANISMS: [&str; 4] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];

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
        });
        properties(id, &ports.collect::<Vec<_>>(), Path::new("dir"))
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
        let text = text(1, 1, &Protocol::ALL);
        assert_eq!(
            line(&text, "advertised.listeners").unwrap(),
            "PLAINTEXT://127.0.0.1:9000,SSL://127.0.0.1:9010,\
             SASL_PLAINTEXT://127.0.0.1:9020,SASL_SSL://127.0.0.1:9030"
        );
        assert!(line(&text, "ssl.keystore.location").is_some());
        assert!(line(&text, "listener.name.sasl_ssl.plain.sasl.jaas.config").is_some());
    }

    #[test]
    fn a_plain_cluster_is_told_nothing_of_security() {
        let text = text(1, 1, &[Protocol::Plaintext]);
        assert!(!text.contains("ssl.") && !text.contains("sasl."), "{text}");
    }

    #[test]
    fn no_property_is_said_twice() {
        let text = text(1, 3, &Protocol::ALL);
        let names: Vec<_> = text
            .lines()
            .map(|line| line.split_once('=').unwrap().0)
            .collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{text}");
    }
}
