//! Brokers that are ended with -9 and started again: leaders one after the other, and all at once.

use crate::checker::Promise;
use crate::ledger::now;
use crate::load::Sender;
use crate::nodes::{Harm, inflict, leader_of, led_by_others};
use crate::scene::{PARTITIONS, Plan, Scene};

/// So many times the leader of partition 0 is killed; it comes back when others lead. For clients it
/// is over when others lead.
pub(crate) async fn kill_leaders(scene: &mut Scene, times: usize) {
    for _ in 0..times {
        let leader = leader_of(&scene.topic).await;
        inflict(Harm::Kill, &[leader]).await;
        led_by_others(&scene.topic, leader).await;
        scene.healed();
        scene.acknowledged_everywhere(PARTITIONS, now()).await;
        inflict(Harm::Start, &[leader]).await;
    }
}

/// All brokers are killed, and come back.
pub(crate) async fn kill_all(scene: &mut Scene) {
    inflict(Harm::Kill, &[1, 2, 3]).await;
    inflict(Harm::Start, &[1, 2, 3]).await;
    scene.healed();
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn leaders_killed_one_after_the_other_cost_no_record() {
    let mut scene = Scene::open(Sender::Library, Plan::new("leaders killed")).await;
    kill_leaders(&mut scene, 3).await;
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn all_brokers_killed_cost_no_record() {
    let mut scene = Scene::open(Sender::Library, Plan::new("all killed")).await;
    kill_all(&mut scene).await;
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
}
