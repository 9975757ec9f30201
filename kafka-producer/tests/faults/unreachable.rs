//! Brokers that can not be reached where they say that they are, beside one that can.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use kafka_producer::ProducerRecord;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::checker::{Promise, check};
use crate::cluster::{TIME_LIMIT, create_topic_on, in_time, producer};
use crate::detours::{Detour, bootstrap, detours};
use crate::ledger::{Fate, Ledger, Outcome, now};
use crate::load::fate;
use crate::nodes::{Cluster, all_in_sync, wait_for};
use crate::proxy::{Manner, Proxy};
use crate::read_back::log_of;

/// A place from which nothing comes back, not even a refusal: its queue of connections is full.
pub(crate) struct BlackHole {
    _listener: TcpListener,
    _filling: Vec<TcpStream>,
}

impl BlackHole {
    pub(crate) async fn start(detour: &Detour) -> Self {
        let (place, _) = detour.way(Ipv4Addr::LOCALHOST);
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(place).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut filling = Vec::new();
        while let Ok(opened) = timeout(OPENING_LIMIT, TcpStream::connect(place)).await {
            filling.push(opened.unwrap());
        }
        Self {
            _listener: listener,
            _filling: filling,
        }
    }
}

/// Longer than a connection to this machine takes to be open.
const OPENING_LIMIT: Duration = Duration::from_millis(500);

/// Partitions by the node that leads them: one that is well, one that refuses, one that swallows.
const LEADERS: [[i32; 3]; 3] = [[1, 2, 3], [2, 3, 1], [3, 1, 2]];
/// Records for each.
const RECORDS: u64 = 10;
const SETTINGS: [(&str, &str); 3] = [
    ("request.timeout.ms", "2000"),
    ("delivery.timeout.ms", "5000"),
    ("linger.ms", "0"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn brokers_out_of_reach_fail_their_own_records_in_time_and_are_named() {
    let _cluster = Cluster::take().await;
    let detours = detours();
    let way = detours[0].way(Ipv4Addr::LOCALHOST);
    let _well = Proxy::start(&[way], Manner::Honest, 0).await;
    let _swallows = BlackHole::start(&detours[2]).await;
    let topic = create_topic_on("unreachable", &LEADERS);
    all_in_sync().await;
    let servers = bootstrap(&detours);
    let producer = producer(&[&SETTINGS[..], &[("bootstrap.servers", &servers)]].concat());
    let ledger = Arc::new(Ledger::default());
    let began = now();
    for number in 0..RECORDS * 3 {
        let (value, told) = (number.to_string(), Arc::clone(&ledger));
        ledger.set_sent(number + 1);
        let partition = i32::try_from(number % 3).unwrap();
        let record = ProducerRecord::new(&topic, &*value).partition(partition);
        let callback = move |outcome: Result<_, &_>| told.tell(number, now(), fate(outcome));
        in_time(producer.send_with(record, callback)).await.unwrap();
    }
    let sent = now();
    wait_for("outcomes", TIME_LIMIT, || {
        ledger.outcomes().len() as u64 == RECORDS * 3
    })
    .await;
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    let outcomes = ledger.outcomes();
    let (well, failed) = outcomes.split_at(RECORDS as usize);
    assert!(
        well.iter().all(|outcome| outcome.number % 3 == 0),
        "{outcomes:?}"
    );
    for outcome in failed {
        let node = usize::try_from(outcome.number % 3).unwrap();
        must_name(outcome, &detours[node]);
        let (earliest, latest) = (began + 5000, sent + 5000 + SLACK_MS);
        assert!(
            (earliest..latest).contains(&outcome.at),
            "{outcome:?} {began}"
        );
    }
    let log = log_of(&topic).await;
    let findings = check(ledger.sent(), &outcomes, &[], &log);
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.acked as u64, RECORDS);
}

/// How late a busy machine may be.
const SLACK_MS: u64 = 2000;

/// It failed, and says where its broker was looked for.
fn must_name(outcome: &Outcome, detour: &Detour) {
    let place = format!("{}:{}", detour.host, detour.port);
    let Fate::Failed { why, .. } = &outcome.fate else {
        panic!("{outcome:?}");
    };
    assert!(why.contains(&place), "{place}: {why}");
}
