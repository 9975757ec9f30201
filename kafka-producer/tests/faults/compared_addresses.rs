//! What docs/networks.md has of addresses that change: our program beside Kafka's own, for people to compare.
//!
//! Not a test of ours, so `cargo xtask ci faults` leaves it out. In a shell of root's own, because the names
//! of the brokers are in a file that takes the place of `/etc/hosts` there:
//!
//! ```text
//! cargo xtask kafka up --detour && eval "$(cargo xtask kafka env)"
//! export KAFKA_HOSTS=$(mktemp) && cp /etc/hosts $KAFKA_HOSTS
//! unshare --mount sh -c 'mount --bind $KAFKA_HOSTS /etc/hosts; cargo test -p kafka-producer --all-features \
//!     --test faults --example verifiable-producer -- --ignored --nocapture --test-threads=1 compared_addresses::'
//! ```

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::addresses::{HOSTS, Movable, carry, carry_at, move_brokers, rename};
use crate::checker::Promise;
use crate::cluster::{environment, leaders};
use crate::detours::{Detour, bootstrap, detours};
use crate::idle;
use crate::ledger::{Fate, Outcome, longest_silence, now};
use crate::load::Sender;
use crate::nodes::{Harm, inflict, wait_for};
use crate::proxy::{Manner, Then};
use crate::scene::{PARTITIONS, PERSISTENT, Plan, Scene};
use crate::unreachable::BlackHole;

const SENDERS: [Sender; 2] = [Sender::Example, Sender::Java];
/// As long as the slowest of all takes.
const LIMIT: Duration = Duration::from_secs(300);

/// A sender at work by these settings, others being as in every scenario.
async fn open(sender: Sender, plan: Plan<'_>, settings: &[(&str, &str)]) -> Scene {
    let is_other = |name: &str| settings.iter().all(|(set, _)| *set != name);
    let others = PERSISTENT.iter().filter(|(name, _)| is_other(name));
    let settings: Vec<_> = others.chain(settings).copied().collect();
    let plan = Plan {
        settings: &settings,
        ..plan
    };
    Scene::open(sender, plan).await
}

async fn close(scene: Scene, sender: Sender) -> Vec<Outcome> {
    let (findings, ledger) = scene.close().await;
    if sender == Sender::Example {
        findings.require(Promise::ExactlyOnce);
    }
    ledger.outcomes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a table for people: see the head of this file"]
async fn brokers_moved() {
    for sender in SENDERS {
        let brokers = Movable::start().await;
        let settings = [("bootstrap.servers", &*brokers.servers())];
        let mut scene = open(sender, Plan::new("brokers moved"), &settings).await;
        let _moved = move_brokers(&mut scene, brokers).await;
        close(scene, sender).await;
    }
}

/// Makes every broker advertise this host.
async fn advertise(host: impl Fn(i32) -> String) {
    for detour in detours() {
        inflict(Harm::Stop, &[detour.node]).await;
        let moved = detour.moved_to(&host(detour.node), detour.port);
        moved.start().await;
    }
}

fn name(node: i32) -> String {
    format!("node-{node}.kafka.test")
}

/// Makes the names of all brokers lead there.
fn lead(host: Ipv4Addr) {
    let mut hosts = "127.0.0.1 localhost\n".to_owned();
    for node in 1..=3 {
        writeln!(hosts, "{host} {}", name(node)).unwrap();
    }
    std::fs::write(environment("KAFKA_HOSTS"), hosts).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a table for people: see the head of this file"]
async fn names_lead_elsewhere() {
    lead(HOSTS[0]);
    advertise(name).await;
    for sender in SENDERS {
        lead(HOSTS[0]);
        let first = carry_at(HOSTS[0]).await;
        let settings = [("bootstrap.servers", &*bootstrap(&detours()))];
        let mut scene = open(sender, Plan::new("names lead elsewhere"), &settings).await;
        let _last = rename(&mut scene, first, lead).await;
        close(scene, sender).await;
    }
    advertise(|_| "127.0.0.1".to_owned()).await;
}

/// One record a second, through something that forgets a connection after less.
async fn forgotten(name: &'static str, sender: Sender, then: Then, settings: &[(&str, &str)]) {
    const RECORDS: usize = 10;
    let idle = Duration::from_millis(600);
    let (proxy, servers) = idle::carry(Manner::Forget { idle, then }).await;
    let plan = Plan {
        partitions: 1,
        pace: 1,
        ..Plan::new(name)
    };
    let settings = [settings, &[("bootstrap.servers", &servers)]].concat();
    let mut scene = open(sender, plan, &settings).await;
    wait_for("records", LIMIT, || {
        scene.ledger().acked_since(0) >= RECORDS
    })
    .await;
    println!("\n{} connections forgotten", proxy.forgotten());
    proxy.turn(Manner::Honest);
    scene.healed();
    close(scene, sender).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a table for people: see the head of this file"]
async fn connections_forgotten() {
    for sender in SENDERS {
        forgotten("forgotten", sender, Then::Nothing, &[]).await;
        forgotten("forgotten, then reset", sender, Then::Reset, &[]).await;
        let closed = [("connections.max.idle.ms", "200")];
        forgotten("closed before", sender, Then::Nothing, &closed).await;
    }
}

/// How a broker can not be reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Refuses,
    Swallows,
}

/// One broker can not be reached for a while, and its records fail.
async fn unreachable(sender: Sender, place: Place) {
    const FAILURES: usize = 100;
    let mut brokers = Movable::start().await;
    let settings = [
        ("bootstrap.servers", &*brokers.servers()),
        ("delivery.timeout.ms", "5000"),
    ];
    let plan = Plan::new(match place {
        Place::Refuses => "a port refuses",
        Place::Swallows => "an address swallows",
    });
    let mut scene = open(sender, plan, &settings).await;
    let (detour, proxy): (Detour, _) = brokers.remove(1);
    let led = leaders(&scene.topic);
    let led: Vec<i32> = led
        .into_iter()
        .filter(|(_, node)| *node == detour.node)
        .map(|(partition, _)| partition)
        .collect();
    let began = now();
    proxy.end().await;
    let hole = match place {
        Place::Refuses => None,
        Place::Swallows => Some(BlackHole::start(&detour).await),
    };
    let failed = |outcome: &&Outcome| matches!(outcome.fate, Fate::Failed { .. });
    wait_for("failures", LIMIT, || {
        scene.ledger().outcomes().iter().filter(failed).count() >= FAILURES
    })
    .await;
    drop(hole);
    let _proxy = carry(&detour).await;
    let ended = now();
    scene.healed();
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
    let outcomes = close(scene, sender).await;
    let first = outcomes.iter().find(failed).unwrap();
    let of_others = |outcome: &&Outcome| {
        let Fate::Acked { partition, .. } = outcome.fate else {
            return false;
        };
        (began..ended).contains(&outcome.at) && !led.contains(&partition)
    };
    let of_others: Vec<_> = outcomes.iter().filter(of_others).cloned().collect();
    println!(
        "first failure after {} ms; meanwhile {} acknowledged by the others, longest silence {} ms; said: {:?}",
        first.at - began,
        of_others.len(),
        longest_silence(&of_others),
        first.fate,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a table for people: see the head of this file"]
async fn a_broker_unreachable() {
    for place in [Place::Refuses, Place::Swallows] {
        for sender in SENDERS {
            unreachable(sender, place).await;
        }
    }
}
