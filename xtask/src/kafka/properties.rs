//! What a node of the cluster is told: its `server.properties`.
//!
//! Apache Kafka's defaults wherever a client could see a difference; small internal topics, small
//! buffers and no waiting for groups, because a test machine has two cores.

use std::fmt::Write as _;
use std::path::Path;

/// Where a node listens, on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) broker: u16,
    pub(crate) controller: u16,
}

/// The properties of node `id` (from 1) of a cluster whose nodes listen at `ports`.
pub(crate) fn properties(id: usize, ports: &[Ports], data: &Path) -> String {
    let Ports { broker, controller } = ports[id - 1];
    let voters: Vec<String> = ports
        .iter()
        .enumerate()
        .map(|(index, ports)| format!("{}@127.0.0.1:{}", index + 1, ports.controller))
        .collect();
    let factor = ports.len().min(3);
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id={id}\n\
         controller.quorum.voters={voters}\n\
         listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         log.dirs={data}\n",
        voters = voters.join(","),
        data = data.display(),
    );
    let factors = [
        "default.replication.factor",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
        "share.coordinator.state.topic.replication.factor",
    ];
    for name in factors {
        let _ = writeln!(text, "{name}={factor}");
    }
    text.push_str(FOR_TESTS);
    text
}

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

    fn ports(nodes: u16) -> Vec<Ports> {
        (0..nodes)
            .map(|n| Ports {
                broker: 9000 + n,
                controller: 9100 + n,
            })
            .collect()
    }

    fn line(text: &str, name: &str) -> String {
        let mut found = text.lines().filter_map(|line| line.split_once('='));
        let (_, value) = found
            .find(|(key, _)| *key == name)
            .expect("the property is there");
        value.to_owned()
    }

    #[test]
    fn one_node_keeps_one_copy() {
        let text = properties(1, &ports(1), Path::new("data"));
        assert_eq!(line(&text, "default.replication.factor"), "1");
        assert_eq!(line(&text, "controller.quorum.voters"), "1@127.0.0.1:9100");
    }

    #[test]
    fn three_nodes_keep_three_copies_and_know_each_other() {
        let text = properties(2, &ports(3), Path::new("data"));
        assert_eq!(line(&text, "node.id"), "2");
        assert_eq!(line(&text, "offsets.topic.replication.factor"), "3");
        assert_eq!(
            line(&text, "advertised.listeners"),
            "PLAINTEXT://127.0.0.1:9001"
        );
        assert_eq!(
            line(&text, "controller.quorum.voters"),
            "1@127.0.0.1:9100,2@127.0.0.1:9101,3@127.0.0.1:9102"
        );
    }

    #[test]
    fn no_property_is_said_twice() {
        let text = properties(1, &ports(3), Path::new("data"));
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
