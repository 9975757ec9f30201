//! Connections on which nothing happens, through something that forgets such: a NAT, a load balancer, a
//! firewall.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use kafka_producer::{Producer, ProducerRecord};

use crate::checker::{Promise, check};
use crate::cluster::{TIME_LIMIT, create_topic_on, in_time, producer};
use crate::detours::{bootstrap, detours};
use crate::ledger::{Ledger, Millis, now};
use crate::load::{Settings, fate};
use crate::nodes::{Cluster, all_in_sync, wait_for};
use crate::proxy::{Manner, Proxy, Then};
use crate::read_back::log_of;

/// A proxy in front of all brokers.
pub(crate) async fn carry(manner: Manner) -> (Proxy, String) {
    let detours = detours();
    let ways: Vec<_> = detours
        .iter()
        .map(|detour| detour.way(Ipv4Addr::LOCALHOST))
        .collect();
    (Proxy::start(&ways, manner, 0).await, bootstrap(&detours))
}

/// Three partitions, each led by another broker.
const LEADERS: [[i32; 3]; 3] = [[1, 2, 3], [2, 3, 1], [3, 1, 2]];

/// A producer that was acknowledged a record by each broker, through a proxy.
struct Idle {
    _cluster: Cluster,
    proxy: Proxy,
    topic: String,
    producer: Producer<str, str>,
    ledger: Arc<Ledger>,
}

impl Idle {
    async fn new(manner: Manner, settings: Settings<'_>) -> Self {
        let cluster = Cluster::take().await;
        let (proxy, servers) = carry(manner).await;
        let topic = create_topic_on("idle", &LEADERS);
        all_in_sync().await;
        let settings = [settings, &[("bootstrap.servers", &servers)]].concat();
        let idle = Self {
            _cluster: cluster,
            proxy,
            topic,
            producer: producer(&settings),
            ledger: Arc::default(),
        };
        idle.send_to_each().await;
        idle
    }

    /// Sends a record to each broker, and waits for all outcomes; how long that took.
    async fn send_to_each(&self) -> Millis {
        let (began, sent) = (now(), self.ledger.sent());
        let all = sent + LEADERS.len() as u64;
        for (partition, number) in (sent..all).enumerate() {
            let (value, told) = (number.to_string(), Arc::clone(&self.ledger));
            self.ledger.set_sent(number + 1);
            let partition = i32::try_from(partition).unwrap();
            let record = ProducerRecord::new(&self.topic, &*value).partition(partition);
            let callback = move |outcome: Result<_, &_>| told.tell(number, now(), fate(outcome));
            let sending = self.producer.send_with(record, callback);
            in_time(sending).await.unwrap();
        }
        wait_for("outcomes", TIME_LIMIT, || {
            self.ledger.outcomes().len() as u64 == all
        })
        .await;
        now() - began
    }

    /// Everything is in the log, once.
    async fn close(self) {
        in_time(self.producer.close(TIME_LIMIT)).await.unwrap();
        let log = log_of(&self.topic).await;
        let findings = check(self.ledger.sent(), &self.ledger.outcomes(), &[], &log);
        findings.require(Promise::ExactlyOnce);
        assert_eq!(findings.failed, 0);
    }
}

/// After so long a connection is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(1);

/// What a record to each broker took when all connections were forgotten.
async fn forgotten(name: &str, then: Then, settings: Settings<'_>) -> Millis {
    let idle = FORGOTTEN_AFTER;
    let idle = Idle::new(Manner::Forget { idle, then }, settings).await;
    wait_for("all to be forgotten", TIME_LIMIT, || idle.proxy.open() == 0).await;
    assert!(idle.proxy.forgotten() >= 3);
    let took = idle.send_to_each().await;
    println!("\n{name}: acknowledged after {took} ms");
    idle.close().await;
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn connections_forgotten_in_silence_cost_one_request_timeout_and_no_record() {
    let settings = [("request.timeout.ms", "2000")];
    let took = forgotten("forgotten", Then::Nothing, &settings).await;
    assert!((2000..4000).contains(&took), "{took} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn connections_reset_because_they_were_forgotten_cost_no_time_and_no_record() {
    let took = forgotten("forgotten, then reset", Then::Reset, &[]).await;
    assert!(took < 15_000, "request.timeout.ms is 30 s: {took} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn connections_closed_before_they_are_forgotten_cost_nothing() {
    let (idle, then) = (FORGOTTEN_AFTER * 10, Then::Nothing);
    let settings = [("connections.max.idle.ms", "1000")];
    let idle = Idle::new(Manner::Forget { idle, then }, &settings).await;
    wait_for("all to be closed", TIME_LIMIT, || idle.proxy.open() == 0).await;
    let took = idle.send_to_each().await;
    assert_eq!(idle.proxy.forgotten(), 0);
    println!("\nclosed before: acknowledged after {took} ms");
    assert!(took < 15_000, "request.timeout.ms is 30 s: {took} ms");
    idle.close().await;
}
