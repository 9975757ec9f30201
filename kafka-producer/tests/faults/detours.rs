//! The listeners that clients reach through proxies: where each broker says that it is, and where it listens.
//!
//! The brokers are of `cargo xtask kafka up --detour`. One that is started again may say that it is elsewhere.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use kafka_wire::messages::metadata::MetadataRequest;

use crate::cluster::{ask_at, environment, servers};
use crate::nodes::start_with;

/// Where clients are sent to reach a broker, and where it listens for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detour {
    pub(crate) node: i32,
    pub(crate) host: String,
    pub(crate) port: u16,
    listens: u16,
}

/// Those of all nodes, in their order, as the brokers tell them now.
pub(crate) fn detours() -> Vec<Detour> {
    let pairs = environment("KAFKA_DETOURS");
    let listens = pairs.split(',').map(|pair| pair.split_once(':').unwrap().1);
    let listens: Vec<u16> = listens.map(|port| port.parse().unwrap()).collect();
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let told = ask_at(&format!("127.0.0.1:{}", listens[0]), 9, &request).unwrap();
    let mut brokers = told.brokers;
    brokers.sort_by_key(|broker| broker.node_id);
    let detours = brokers.into_iter().zip(listens);
    let detours = detours.map(|(broker, listens)| Detour {
        node: broker.node_id,
        host: broker.host,
        port: u16::try_from(broker.port).unwrap(),
        listens,
    });
    detours.collect()
}

/// Where to begin, through these.
pub(crate) fn bootstrap(detours: &[Detour]) -> String {
    let places = detours
        .iter()
        .map(|detour| format!("{}:{}", detour.host, detour.port));
    places.collect::<Vec<_>>().join(",")
}

impl Detour {
    /// From where clients are sent to, on the host `at`, to where the broker listens.
    pub(crate) fn way(&self, at: Ipv4Addr) -> (SocketAddr, u16) {
        (SocketAddr::new(IpAddr::V4(at), self.port), self.listens)
    }

    /// Starts the broker again, which has ended, and makes it advertise this host and port.
    pub(crate) async fn start(&self) {
        let servers = servers();
        let index = usize::try_from(self.node - 1).unwrap();
        let own = servers.split(',').nth(index).unwrap();
        let places = format!("PLAINTEXT://{own},DETOUR://{}:{}", self.host, self.port);
        start_with(self.node, format!("advertised.listeners={places}")).await;
    }

    /// The same broker, elsewhere.
    pub(crate) fn moved_to(&self, host: &str, port: u16) -> Self {
        let host = host.to_owned();
        Self {
            host,
            port,
            ..*self
        }
    }
}

/// A port that is free now, of those that the nodes' are chosen from: systems hand out others to clients.
pub(crate) fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut ports = std::iter::repeat_with(|| fastrand::u16(20_000..32_000));
    ports.find(is_free).unwrap()
}
