//! Too few copies: nothing is taken until there are enough, and who does not wait is told why.

use std::time::Duration;

use crate::checker::Promise;
use crate::ledger::{Fate, Ledger, now};
use crate::load::Sender;
use crate::nodes::{Harm, inflict, leader_of, others};
use crate::scene::{PARTITIONS, Plan, Scene};

/// So long nothing is acknowledged when it is clear that nothing will be.
const SILENCE: Duration = Duration::from_secs(3);

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

/// One node is killed where three copies are wanted: the controllers notice, and leaders refuse.
pub(crate) async fn kill_one_of_three_wanted(scene: &mut Scene) {
    let follower = others(leader_of(&scene.topic).await)[0];
    inflict(Harm::Kill, &[follower]).await;
    scene.silent_for(SILENCE).await;
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
    kill_one_of_three_wanted(&mut patient).await;
    impatient.healed();
    let (findings, _) = patient.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
    let (findings, ledger) = impatient.close().await;
    findings.require(Promise::ExactlyOnce);
    let reasons = reasons(&ledger);
    let names_it = |why: &String| why.contains("NOT_ENOUGH_REPLICAS");
    let first = reasons.iter().position(names_it);
    let first = first.unwrap_or_else(|| panic!("nobody was told: {:?}", reasons.first()));
    // Until the controllers have noticed, nobody can be told; then most are.
    let since = &reasons[first..];
    let told = since.iter().filter(|why| names_it(why)).count();
    println!(
        "of {} failed records {told} of the last {} name it",
        reasons.len(),
        since.len()
    );
    assert!(told * 2 > since.len());
}

/// Why records failed.
fn reasons(ledger: &Ledger) -> Vec<String> {
    let outcomes = ledger.outcomes().into_iter();
    let failed = outcomes.filter_map(|outcome| match outcome.fate {
        Fate::Failed { why, .. } => Some(why),
        Fate::Acked { .. } => None,
    });
    failed.collect()
}
