//! Transactions while brokers and connections fail, in both generations of the protocol: of the
//! committed ones everything is read, of the others nothing.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kafka_producer::ErrorCode;
use kafka_producer::FatalError;
use kafka_producer::error::TransactionError;
use kafka_wire::messages::find_coordinator::FindCoordinatorRequest;

use crate::checker::Promise;
use crate::cluster::{ask, environment, servers};
use crate::connections::Broken;
use crate::crashes::kill_leaders;
use crate::ledger::now;
use crate::load::Sender;
use crate::nodes::{Harm, inflict, wait_for};
use crate::scene::{PARTITIONS, Plan, Scene};

/// How long a coordinator may take to be found, a commit to begin, a zombie to be told.
const LIMIT: Duration = Duration::from_secs(300);

/// The settings of a plan, in transactions of an id that nobody else has.
struct InTransactions {
    id: String,
    plan: Plan<'static>,
}

impl InTransactions {
    fn new(name: &'static str) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Self {
            id: format!("faults-{id}-{}", now()),
            plan: Plan::new(name),
        }
    }

    fn settings<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut settings: Vec<(&str, &str)> = self.plan.settings.to_vec();
        // Shorter than what is done to the brokers, so that calls time out and are waited on.
        settings.extend([("transactional.id", &*self.id), ("max.block.ms", "2000")]);
        // Longer than brokers take to start: one that takes too long is another test's.
        settings.push(("transaction.timeout.ms", "600000"));
        settings.extend(more);
        settings
    }

    async fn open(&self, more: &[(&str, &str)]) -> Scene {
        let settings = self.settings(more);
        let plan = Plan {
            settings: &settings,
            ..self.plan
        };
        Scene::open(Sender::Transactor, plan).await
    }

    /// The node that coordinates the transactions.
    async fn coordinator(&self) -> i32 {
        let request = FindCoordinatorRequest::default()
            .with_key_type(1)
            .with_coordinator_keys(vec![self.id.clone()]);
        let mut node = -1;
        wait_for("the coordinator", LIMIT, || {
            let answer = ask(4, &request);
            let found = &answer.coordinators[0];
            node = found.node_id;
            found.error_code == ErrorCode::NONE
        })
        .await;
        node
    }
}

/// Nothing but exactly what was committed is there, and the sender is still at work.
async fn close(scene: Scene) {
    let (findings, ledger) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    if let Some(error) = ledger.ended() {
        panic!("the producer came to an end: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn a_coordinator_killed_during_a_commit_costs_no_transaction_and_tears_none() {
    let transactions = InTransactions::new("coordinator killed");
    let mut scene = transactions.open(&[]).await;
    for harm in [Harm::Kill, Harm::Pause] {
        let coordinator = transactions.coordinator().await;
        inflict(harm, &[coordinator]).await;
        let ledger = scene.ledger();
        wait_for("a commit", LIMIT, || ledger.is_ending()).await;
        if matches!(harm, Harm::Pause) {
            inflict(Harm::Kill, &[coordinator]).await;
        }
        scene.acknowledged_everywhere(PARTITIONS, now()).await;
        inflict(Harm::Start, &[coordinator]).await;
        scene.healed();
        scene.acknowledged_everywhere(PARTITIONS, now()).await;
    }
    close(scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn transactions_go_on_while_leaders_are_killed() {
    let mut scene = InTransactions::new("transactions, leaders killed")
        .open(&[])
        .await;
    kill_leaders(&mut scene, 2).await;
    close(scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn transactions_go_on_while_the_protocol_changes_its_generation_and_brokers_are_killed() {
    let transactions = InTransactions::new("transactions, TV2, TV1, TV2");
    let mut scene = transactions.open(&[]).await;
    let first = FirstGeneration::enter().await;
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
    let coordinator = transactions.coordinator().await;
    inflict(Harm::Kill, &[coordinator]).await;
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
    inflict(Harm::Start, &[coordinator]).await;
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
    drop(first);
    scene.healed();
    close(scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn transactions_go_on_while_connections_are_cut_and_answers_get_lost() {
    let broken = Broken::start().await;
    let transactions = InTransactions::new("transactions, connections cut");
    let mut scene = transactions.open(&broken.settings()).await;
    broken.break_many().await;
    scene.healed();
    close(scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn of_two_producers_with_one_id_the_first_is_fenced_and_the_second_goes_on() {
    let transactions = InTransactions::new("transactions, the zombie");
    let zombie = transactions.open(&[]).await;
    zombie.worked_since(0).await;
    let heir = InTransactions {
        id: transactions.id.clone(),
        plan: Plan::new("transactions, the heir"),
    };
    let heir = heir.open(&[]).await;
    let ledger = zombie.ledger();
    wait_for("the zombie's end", LIMIT, || ledger.ended().is_some()).await;
    let ended = ledger.ended().unwrap();
    assert!(
        matches!(ended, TransactionError::Fatal(FatalError::Fenced { .. })),
        "{ended}"
    );
    let (findings, _) = zombie.close().await;
    findings.require(Promise::ExactlyOnce);
    close(heir).await;
}

/// Transactions as before KIP-890, in the whole cluster, until it is dropped.
struct FirstGeneration(());

impl FirstGeneration {
    async fn enter() -> Self {
        tokio::task::spawn_blocking(|| generation("downgrade", 1))
            .await
            .unwrap();
        Self(())
    }
}

impl Drop for FirstGeneration {
    fn drop(&mut self) {
        generation("upgrade", 2);
    }
}

fn generation(change: &str, level: u8) {
    let mut java = Command::new("java");
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"]);
    java.args([
        &*environment("KAFKA_CLASSPATH"),
        "org.apache.kafka.tools.FeatureCommand",
    ]);
    java.args(["--bootstrap-server", &servers(), change]);
    java.args(["--feature", &format!("transaction.version={level}")]);
    let output = java.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{change} to {level}: {said}");
}
