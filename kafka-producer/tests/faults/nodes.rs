//! The brokers: ended, frozen, started again, and whole when a test is over.
//!
//! What is done to processes is done by `cargo xtask kafka`, which knows them; here it is only asked
//! for. What the cluster says of itself is asked by our own protocol crate.

use std::process::Command;
use std::time::{Duration, Instant};

use kafka_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};

use crate::cluster::{ask, ask_at, environment, leaders, servers};

/// How long a broken cluster may take to be whole again: each node started, each copy caught up.
const HEALING_LIMIT: Duration = Duration::from_secs(300);
const NODES: usize = 3;

/// What `cargo xtask kafka` can do to nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Harm {
    Kill,
    Stop,
    Pause,
    Resume,
    Start,
}

/// Does it to these nodes at the same time, and waits until it is done.
pub(crate) async fn inflict(harm: Harm, nodes: &[i32]) {
    let mut arguments = vec![format!("{harm:?}").to_lowercase()];
    arguments.extend(nodes.iter().map(ToString::to_string));
    ask_xtask(arguments).await;
}

/// Starts a node again, with this property from now on.
pub(crate) async fn start_with(node: i32, property: String) {
    let arguments = ["start".to_owned(), node.to_string(), "--set".to_owned()];
    ask_xtask([&arguments[..], &[property]].concat()).await;
}

async fn ask_xtask(arguments: Vec<String>) {
    tokio::task::spawn_blocking(move || xtask(&arguments))
        .await
        .unwrap();
}

fn xtask(arguments: &[String]) {
    let mut command = Command::new(environment("KAFKA_XTASK"));
    let output = command.arg("kafka").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
}

/// The cluster in a test's hands: whole when it is taken, and made whole when it is dropped, however
/// the test ends.
#[derive(Debug)]
pub(crate) struct Cluster(());

impl Cluster {
    /// Waits until the cluster is whole.
    pub(crate) async fn take() -> Self {
        let whole = Self(());
        ask_xtask(vec!["heal".to_owned()]).await;
        whole
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        xtask(&["heal".to_owned()]);
    }
}

/// Waits until every copy of every partition of every topic is in sync.
pub(crate) async fn all_in_sync() {
    wait_for("all copies to be in sync", HEALING_LIMIT, || {
        let said = ask(9, &everything());
        let mut partitions = said.topics.iter().flat_map(|topic| &topic.partitions);
        partitions.all(|partition| {
            partition.leader_id >= 0 && partition.isr_nodes.len() == partition.replica_nodes.len()
        })
    })
    .await;
}

fn everything() -> MetadataRequest {
    let topics = None;
    MetadataRequest::default().with_topics(topics)
}

/// Which node leads partition 0.
pub(crate) async fn leader_of(topic: &str) -> i32 {
    let mut leader = -1;
    wait_for("a leader", HEALING_LIMIT, || {
        let leaders = leaders(topic);
        leader = leaders.get(&0).copied().unwrap_or(-1);
        leader >= 0
    })
    .await;
    leader
}

/// Waits until others lead every partition that `node` led, as all of them know.
pub(crate) async fn led_by_others(topic: &str, node: i32) {
    let servers = servers();
    let servers: Vec<&str> = servers.split(',').collect();
    let of = |node: i32| servers[usize::try_from(node - 1).unwrap()];
    let name = Some(topic.to_owned());
    let topics = vec![MetadataRequestTopic::default().with_name(name)];
    let request = MetadataRequest::default().with_topics(Some(topics));
    wait_for("other leaders", HEALING_LIMIT, || {
        others(node).into_iter().all(|other| {
            ask_at(of(other), 9, &request).is_ok_and(|said| {
                let mut partitions = said.topics[0].partitions.iter();
                partitions.all(|one| one.leader_id >= 0 && one.leader_id != node)
            })
        })
    })
    .await;
}

/// The other nodes.
pub(crate) fn others(node: i32) -> Vec<i32> {
    let all = 1..=i32::try_from(NODES).unwrap();
    all.filter(|other| *other != node).collect()
}

/// Waits for `condition`, and no longer than `limit` for `what`.
pub(crate) async fn wait_for(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    const PAUSE: Duration = Duration::from_millis(20);
    let started = Instant::now();
    while !tokio::task::block_in_place(&mut condition) {
        assert!(
            started.elapsed() < limit,
            "{limit:?} are over, waiting for {what}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}
