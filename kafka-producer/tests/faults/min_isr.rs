//! Too few copies: nothing is taken until there are enough, and who does not wait is told why.

use std::sync::Arc;
use std::time::Duration;

use crate::checker::Promise;
use crate::ledger::{Fate, Ledger, Outcome, now};
use crate::load::Sender;
use crate::nodes::{Harm, inflict, leader_of, others, wait_for};
use crate::scene::{PARTITIONS, Plan, Scene};

/// So long nothing is acknowledged when it is clear that nothing will be.
const SILENCE: Duration = Duration::from_secs(3);
/// How long the controllers may take to notice that a node is gone.
const NOTICING_LIMIT: Duration = Duration::from_secs(300);
/// What is sent in a second.
const TOLD: usize = 1_000;

/// Two of three nodes are killed. Two copies are wanted, and also most of the controllers are gone,
/// so that nobody can even say that a copy is missing: the leader waits for it and gives up.
pub(crate) async fn kill_two(scene: &mut Scene) {
    let followers = others(leader_of(&scene.topic).await);
    inflict(Harm::Kill, &followers).await;
    scene.silent_for(SILENCE).await;
    inflict(Harm::Start, &followers).await;
    scene.healed();
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
}

/// One node is killed where three copies are wanted, for this long: the controllers notice, and
/// leaders refuse.
pub(crate) async fn kill_one_of_three_wanted(scene: &mut Scene, duration: impl Future) {
    let follower = others(leader_of(&scene.topic).await)[0];
    inflict(Harm::Kill, &[follower]).await;
    scene.silent_for(SILENCE).await;
    duration.await;
    inflict(Harm::Start, &[follower]).await;
    scene.healed();
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn two_of_three_nodes_killed_cost_no_record() {
    let mut scene = Scene::open(Sender::Library, Plan::new("two of three killed")).await;
    kill_two(&mut scene).await;
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn too_few_copies_are_waited_for_and_named_to_who_cannot_wait() {
    let patient = Plan {
        min_in_sync: 3,
        ..Plan::new("too few copies, patient")
    };
    let mut impatience = patient.settings.to_vec();
    impatience.push(("request.timeout.ms", "500"));
    impatience.push(("delivery.timeout.ms", "1500"));
    let impatient = Plan {
        name: "too few copies, impatient",
        settings: &impatience,
        ..patient
    };
    let mut patient = Scene::open(Sender::Library, patient).await;
    let mut impatient = Scene::open(Sender::Library, impatient).await;
    let told = {
        let ledger = Arc::clone(impatient.ledger());
        async move {
            // Until the controllers have noticed, nobody can be told.
            wait_for("who cannot wait to be told", NOTICING_LIMIT, || {
                told_why(&ledger) >= TOLD
            })
            .await;
        }
    };
    kill_one_of_three_wanted(&mut patient, told).await;
    impatient.healed();
    let (findings, _) = patient.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
    let (findings, ledger) = impatient.close().await;
    findings.require(Promise::ExactlyOnce);
    let (failed, told) = (findings.failed, told_why(&ledger));
    println!("of {failed} failed records {told} name it");
}

/// How many records have failed for a reason that names what is missing.
fn told_why(ledger: &Ledger) -> usize {
    let outcomes = ledger.outcomes().into_iter();
    let names_it = |outcome: &Outcome| match &outcome.fate {
        Fate::Failed { why, .. } => why.contains("NOT_ENOUGH_REPLICAS"),
        Fate::Acked { .. } => false,
    };
    outcomes.filter(names_it).count()
}
