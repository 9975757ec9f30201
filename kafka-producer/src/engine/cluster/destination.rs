//! Which broker of which cluster a connection is meant to lead to: the broker is told when it is greeted, and
//! refuses who means another (KIP-1242, Kafka 4.4).
//!
//! ```text
//! no metadata yet ──its cluster's id──▶ Told ──begin anew──▶ Sought: any cluster will do
//!                                        ▲ └─another id      │
//!                                        └───────────────────┘
//! ```
//!
//! An address may lead elsewhere: a proxy or DNS is wrong, or another cluster has taken the addresses over.
//! A bootstrap server may be any broker, so none is meant there. Nothing is sent here; what follows is in
//! `engine/misrouted.rs`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::engine::cluster::node_id::NodeId;
use crate::settings::Settings;

/// A broker of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) cluster: Arc<str>,
    pub(crate) node: NodeId,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of cluster {}", self.node, self.cluster)
    }
}

/// The cluster that is meant, and which of its brokers were last found to be others.
#[derive(Debug, Default)]
pub(crate) struct Destinations {
    cluster: Cluster,
    /// Whether connections that were not compared with this may be by now.
    has_news: bool,
    reported: BTreeSet<NodeId>,
}

/// What is known of the cluster's id.
#[derive(Debug, Default)]
enum Cluster {
    #[default]
    Unknown,
    Told(Arc<str>),
    /// It is looked for again, by the bootstrap servers; its id was this one.
    Sought(Arc<str>),
}

impl Destinations {
    /// Where a connection to this broker is to lead, if it can be said and is to be checked.
    pub(crate) fn of(&self, settings: &Settings, id: NodeId) -> Option<Destination> {
        match &self.cluster {
            Cluster::Told(cluster) if settings.cluster_check && !id.is_bootstrap() => {
                Some(Destination {
                    cluster: Arc::clone(cluster),
                    node: id,
                })
            }
            _ => None,
        }
    }

    /// Whether metadata has told the cluster's id.
    pub(crate) fn is_cluster_known(&self) -> bool {
        matches!(self.cluster, Cluster::Told(_))
    }

    /// Metadata is of the cluster of this id; a warning, if it was another before.
    pub(crate) fn told(&mut self, id: &str) -> Option<String> {
        self.has_news = true;
        let before = match &self.cluster {
            Cluster::Unknown => None,
            Cluster::Told(before) if **before == *id => return None,
            Cluster::Told(before) | Cluster::Sought(before) => Some(Arc::clone(before)),
        };
        self.cluster = Cluster::Told(id.into());
        let before = before.filter(|before| **before != *id)?;
        self.reported.clear();
        Some(format!(
            "the cluster is another one: metadata is of cluster {id}, and was of cluster {before}"
        ))
    }

    /// A connection was found to be one to a broker that has a name now.
    pub(crate) fn adopted(&mut self) {
        self.has_news = true;
    }

    /// Whether connections that were not compared may be; asked once for all that has happened before.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// The bootstrap servers are asked again, and may lead to another cluster.
    pub(crate) fn begin_anew(&mut self) {
        if let Cluster::Told(id) = &self.cluster {
            self.cluster = Cluster::Sought(Arc::clone(id));
        }
    }

    /// The connection to the broker of this name leads elsewhere; a warning, if that is new.
    pub(crate) fn missed(&mut self, destination: &Destination, broker: &str) -> Option<String> {
        let is_new = self.reported.insert(destination.node);
        is_new.then(|| {
            format!(
                "the connection to {broker} leads to another broker or cluster, not to {destination}: it is \
                 closed, and brokers' addresses are asked for again"
            )
        })
    }

    /// The connection to this broker leads there.
    pub(crate) fn reached(&mut self, id: NodeId) {
        self.reported.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProducerConfig;

    fn settings(properties: [(&str, &str); 1]) -> Settings {
        let mut config = ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
        config.extend(properties);
        config.check().unwrap().settings
    }

    #[test]
    fn a_broker_of_a_known_cluster_is_meant_and_no_bootstrap_server() {
        let settings = settings([("metadata.cluster.check.enable", "true")]);
        let mut destinations = Destinations::default();
        assert_eq!(destinations.of(&settings, NodeId(2)), None);
        assert_eq!(destinations.told("tea"), None);
        let meant = destinations.of(&settings, NodeId(2)).unwrap();
        assert_eq!(meant.to_string(), "broker 2 of cluster tea");
        assert_eq!(destinations.of(&settings, NodeId(-1)), None);
        destinations.begin_anew();
        assert_eq!(destinations.of(&settings, NodeId(2)), None);
        assert_eq!(destinations.told("tea"), None);
        assert_eq!(destinations.of(&settings, NodeId(2)), Some(meant));
    }

    #[test]
    fn nothing_is_compared_without_the_setting_or_without_beginning_anew() {
        let off = [
            ("metadata.cluster.check.enable", "false"),
            ("metadata.recovery.strategy", "none"),
        ];
        for property in off {
            let mut destinations = Destinations::default();
            assert_eq!(destinations.told("tea"), None);
            assert_eq!(destinations.of(&settings([property]), NodeId(2)), None);
        }
    }

    #[test]
    fn another_cluster_is_told_of_whether_it_was_sought_or_not() {
        let mut destinations = Destinations::default();
        assert_eq!(destinations.told("tea"), None);
        assert_eq!(
            destinations.told("coffee").as_deref(),
            Some(
                "the cluster is another one: metadata is of cluster coffee, and was of cluster tea"
            )
        );
        assert_eq!(destinations.told("coffee"), None);
        destinations.begin_anew();
        destinations.begin_anew();
        let warning = destinations.told("tea").unwrap();
        assert!(warning.ends_with("of cluster tea, and was of cluster coffee"));
    }

    #[test]
    fn a_broker_that_is_missed_again_and_again_is_told_of_once() {
        let mut destinations = Destinations::default();
        let meant = Destination {
            cluster: "tea".into(),
            node: NodeId(2),
        };
        let warning = destinations.missed(&meant, "broker 2 at b:9092").unwrap();
        assert!(
            warning.contains("not to broker 2 of cluster tea"),
            "{warning}"
        );
        assert_eq!(destinations.missed(&meant, "broker 2 at b:9092"), None);
        destinations.reached(NodeId(2));
        assert!(destinations.missed(&meant, "broker 2 at b:9092").is_some());
    }
}
