//! Brokers that are elsewhere later: each comes back at another port, or their names lead to another host.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kafka_producer::{BoxedStream, Dialer};
use tokio::net::TcpStream;

use crate::checker::Promise;
use crate::cluster::{TIME_LIMIT, builder, leaders};
use crate::detours::{Detour, bootstrap, detours, free_port};
use crate::ledger::now;
use crate::load::Sender;
use crate::nodes::{Harm, all_in_sync, inflict, wait_for};
use crate::proxy::{Manner, Proxy};
use crate::scene::{PARTITIONS, Plan, Scene};
use crate::tools::tool;

/// Brokers, each behind a proxy at the port where it says that it is.
pub(crate) struct Movable(Vec<(Detour, Proxy)>);

impl Movable {
    pub(crate) async fn start() -> Self {
        let mut all = Vec::new();
        for detour in detours() {
            let proxy = carry(&detour).await;
            all.push((detour, proxy));
        }
        Self(all)
    }

    /// Takes one of them away.
    pub(crate) fn remove(&mut self, index: usize) -> (Detour, Proxy) {
        self.0.remove(index)
    }

    /// Where they are now.
    pub(crate) fn servers(&self) -> String {
        let detours: Vec<_> = self.0.iter().map(|(detour, _)| detour.clone()).collect();
        bootstrap(&detours)
    }
}

/// A proxy in front of one broker, where it says that it is.
pub(crate) async fn carry(detour: &Detour) -> Proxy {
    Proxy::start(&[detour.way(Ipv4Addr::LOCALHOST)], Manner::Honest, 0).await
}

/// One after the other is stopped and comes back at another port: the first at a new one, those after it at
/// the one that another had before. In the end each leads as at first.
pub(crate) async fn move_brokers(scene: &mut Scene, brokers: Movable) -> Movable {
    let (mut moved, mut next) = (Vec::new(), free_port());
    for (detour, proxy) in brokers.0 {
        all_in_sync().await;
        inflict(Harm::Stop, &[detour.node]).await;
        proxy.end().await;
        let elsewhere = detour.moved_to("127.0.0.1", next);
        let proxy = carry(&elsewhere).await;
        elsewhere.start().await;
        scene.healed();
        scene.acknowledged_everywhere(PARTITIONS, now()).await;
        moved.push((elsewhere, proxy));
        next = detour.port;
    }
    all_in_sync().await;
    let topic = scene.topic.clone();
    let elect = || {
        let class = "org.apache.kafka.tools.LeaderElectionCommand";
        let all = ["--election-type", "PREFERRED", "--all-topic-partitions"];
        tool(class, &all)
    };
    tokio::task::spawn_blocking(elect).await.unwrap();
    wait_for("every broker to lead", TIME_LIMIT, || {
        (1..=3).all(|node| leaders(&topic).values().any(|leader| *leader == node))
    })
    .await;
    scene.healed();
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
    Movable(moved)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn brokers_that_come_back_at_other_ports_cost_no_record() {
    let brokers = Movable::start().await;
    let servers = brokers.servers();
    let plan = Plan::new("brokers moved");
    let settings = [plan.settings, &[("bootstrap.servers", &servers)]].concat();
    let plan = Plan {
        settings: &settings,
        ..plan
    };
    let mut scene = Scene::open(Sender::Library, plan).await;
    let _moved = move_brokers(&mut scene, brokers).await;
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
}

/// Addresses of this machine, one for each host that a name leads to.
pub(crate) const HOSTS: [Ipv4Addr; 3] = [
    Ipv4Addr::new(127, 0, 0, 2),
    Ipv4Addr::new(127, 0, 0, 3),
    Ipv4Addr::new(127, 0, 0, 4),
];

/// Every broker behind a proxy, on one of the hosts.
pub(crate) async fn carry_at(host: Ipv4Addr) -> Proxy {
    let detours = detours();
    let ways: Vec<_> = detours.iter().map(|detour| detour.way(host)).collect();
    Proxy::start(&ways, Manner::Honest, 0).await
}

/// The names of all brokers lead to another host: first because what was there refuses, then because it
/// has vanished. `lead` is told where they lead to. Returns what stands at the last one.
pub(crate) async fn rename(scene: &mut Scene, first: Proxy, lead: impl Fn(Ipv4Addr)) -> Proxy {
    let second = carry_at(HOSTS[1]).await;
    lead(HOSTS[1]);
    first.end().await;
    follow(scene, &second).await;

    let third = carry_at(HOSTS[2]).await;
    lead(HOSTS[2]);
    second.vanish();
    follow(scene, &third).await;
    third
}

/// Waits until everything goes through this proxy.
async fn follow(scene: &mut Scene, proxy: &Proxy) {
    scene.healed();
    wait_for("connections to the new host", FOLLOWING_LIMIT, || {
        proxy.open() >= 3
    })
    .await;
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
}

/// Java remembers for 30 seconds to where a name leads.
const FOLLOWING_LIMIT: Duration = Duration::from_secs(300);

/// Knows one host, to which all names lead.
#[derive(Clone, Debug)]
struct Names(Arc<Mutex<Ipv4Addr>>);

#[async_trait::async_trait]
impl Dialer for Names {
    async fn dial(&self, _host: &str, port: u16, _deadline: Instant) -> io::Result<BoxedStream> {
        let host = *self.0.lock().unwrap();
        Ok(Box::new(TcpStream::connect((host, port)).await?))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn names_that_lead_to_another_host_cost_no_record() {
    let plan = Plan::new("names lead elsewhere");
    let names = Names(Arc::new(Mutex::new(HOSTS[0])));
    let first = carry_at(HOSTS[0]).await;
    let servers = bootstrap(&detours());
    let settings = [plan.settings, &[("bootstrap.servers", &servers)]].concat();
    let producer = builder(&settings).dialer(names.clone()).build().unwrap();
    let mut scene = Scene::of(producer, plan).await;
    let lead = |host| *names.0.lock().unwrap() = host;
    let _last = rename(&mut scene, first, lead).await;
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
}
