//! Brokers that forget the producer after a few seconds, and take any number from it then.

use std::sync::Arc;
use std::time::Duration;

use kafka_producer::{Producer, ProducerRecord};
use kafka_wire::messages::describe_producers::{DescribeProducersRequest, TopicRequest};

use crate::checker::{Findings, Promise, check};
use crate::cluster::{TIME_LIMIT, ask_at, create_topic, in_time, producer, servers};
use crate::ledger::{Ledger, now};
use crate::load::{Sender, fate};
use crate::nodes::{
    Cluster, Harm, all_in_sync, inflict, leader_of, led_by_others, others, wait_for,
};
use crate::read_back::log_of;
use crate::scene::{PARTITIONS, PERSISTENT, Plan, Scene};
use crate::tools::tool;

/// How long brokers remember a producer here.
const MEMORY: Duration = Duration::from_secs(5);

/// A whole cluster whose brokers forget soon, until this is dropped.
struct Forgetful {
    _cluster: Cluster,
}

impl Forgetful {
    async fn take() -> Self {
        let cluster = Cluster::take().await;
        let setting = format!("producer.id.expiration.ms={}", MEMORY.as_millis());
        alter("--add-config", setting).await;
        Self { _cluster: cluster }
    }
}

impl Drop for Forgetful {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            set_brokers("--delete-config", "producer.id.expiration.ms");
        });
    }
}

async fn alter(how: &'static str, setting: String) {
    tokio::task::spawn_blocking(move || set_brokers(how, &setting))
        .await
        .unwrap();
}

fn set_brokers(how: &str, setting: &str) {
    let all = ["--alter", "--entity-type", "brokers", "--entity-default"];
    let arguments = [&all[..], &[how, setting]].concat();
    tool("org.apache.kafka.tools.ConfigCommand", &arguments);
}

/// A producer that was acknowledged a record in each of three partitions, so that it is connected to
/// all their leaders, and that brokers have forgotten.
struct Forgotten {
    topic: String,
    producer: Producer<str, str>,
    ledger: Arc<Ledger>,
}

impl Forgotten {
    async fn new(topic_settings: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        let topic = create_topic("forgotten", FIRST as i32, topic_settings);
        all_in_sync().await;
        let settings = [PERSISTENT, settings].concat();
        let forgotten = Self {
            topic,
            producer: producer(&settings),
            ledger: Arc::default(),
        };
        for partition in 0..FIRST {
            forgotten.send_to(partition as i32, partition).await;
        }
        forgotten.told(FIRST).await;
        let leader = leader_of(&forgotten.topic).await;
        wait_for("the producer to be forgotten", TIME_LIMIT, || {
            !is_known(leader, &forgotten.topic)
        })
        .await;
        forgotten
    }

    /// Sends a record to partition 0.
    async fn send(&self, number: u64) {
        self.send_to(0, number).await;
    }

    async fn send_to(&self, partition: i32, number: u64) {
        let (value, told) = (number.to_string(), Arc::clone(&self.ledger));
        self.ledger.set_sent(number + 1);
        let record = ProducerRecord::new(&self.topic, &*value)
            .partition(partition)
            .header("filling", FILLING);
        let callback = move |outcome: Result<_, &_>| told.tell(number, now(), fate(outcome));
        in_time(self.producer.send_with(record, callback))
            .await
            .unwrap();
    }

    /// Waits until so many records have an outcome.
    async fn told(&self, records: u64) {
        wait_for("outcomes", TIME_LIMIT, || {
            self.ledger.outcomes().len() as u64 == records
        })
        .await;
    }

    /// What was told, beside what Kafka's consumer reads.
    async fn close(self) -> Findings {
        in_time(self.producer.close(TIME_LIMIT)).await.unwrap();
        all_in_sync().await;
        let log = log_of(&self.topic).await;
        check(self.ledger.sent(), &self.ledger.outcomes(), &[], &log)
    }
}

/// Whether a partition's leader knows any producer in it.
fn is_known(leader: i32, topic: &str) -> bool {
    let servers = servers();
    let server = servers.split(',').nth(usize::try_from(leader - 1).unwrap());
    let request = DescribeProducersRequest::default().with_topics(vec![
        TopicRequest::default()
            .with_name(topic.to_owned())
            .with_partition_indexes(vec![0]),
    ]);
    let answer = ask_at(server.unwrap(), 0, &request).unwrap();
    !answer.topics[0].partitions[0].active_producers.is_empty()
}

/// Records before the silence, one in each partition.
const FIRST: u64 = 3;
/// Longer than a producer that asks twice a second takes to hear of a new leader.
const HEARD_OF: Duration = Duration::from_secs(2);
/// Makes of a few records a batch.
const FILLING: &[u8] = &[b'.'; 150];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn a_record_on_its_way_to_a_frozen_leader_is_not_lost_when_brokers_have_forgotten_its_producer()
 {
    let _cluster = Forgetful::take().await;
    // The first is still on its way when the producer hears of the new leader.
    let settings = [
        ("request.timeout.ms", "15000"),
        ("metadata.max.age.ms", "500"),
    ];
    let forgotten = Forgotten::new(&[("min.insync.replicas", "2")], &settings).await;
    let leader = leader_of(&forgotten.topic).await;
    inflict(Harm::Pause, &[leader]).await;
    forgotten.send(FIRST).await;
    led_by_others(&forgotten.topic, leader).await;
    tokio::time::sleep(HEARD_OF).await;
    forgotten.send(FIRST + 1).await;
    forgotten.told(FIRST + 2).await;
    inflict(Harm::Resume, &[leader]).await;
    let findings = forgotten.close().await;
    findings.require(Promise::ExactlyOnce);
    assert!(
        findings.acked as u64 > FIRST,
        "the later one is delivered: {findings:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn batches_that_are_too_large_keep_their_order_when_brokers_have_forgotten_their_producer() {
    let _cluster = Forgetful::take().await;
    let topic_settings = [("max.message.bytes", "2000")];
    let settings = [("batch.size", "3000"), ("linger.ms", "100")];
    let forgotten = Forgotten::new(&topic_settings, &settings).await;
    for number in FIRST..FIRST + 36 {
        forgotten.send(number).await;
    }
    let findings = forgotten.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!((findings.acked, findings.failed), (39, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn brokers_dead_for_longer_than_they_remember_cost_no_order_and_write_nothing_twice() {
    let _forgetful = Forgetful::take().await;
    let mut scene = Scene::open(Sender::Library, Plan::new("dead and forgetful")).await;
    let followers = others(leader_of(&scene.topic).await);
    inflict(Harm::Kill, &followers).await;
    scene.silent_for(MEMORY * 2).await;
    inflict(Harm::Start, &followers).await;
    scene.healed();
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
}
