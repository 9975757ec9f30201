//! Leaders that stop where they stand, keeping their connections, and go on later: with requests in
//! their sockets that have been given up and sent again meanwhile.

use std::time::Duration;

use crate::checker::Promise;
use crate::ledger::now;
use crate::load::Sender;
use crate::nodes::{Harm, inflict, leader_of, led_by_others};
use crate::scene::{PARTITIONS, Plan, Scene};

/// Longer than `request.timeout.ms`, shorter than the cluster takes to choose another leader.
const SHORT: Duration = Duration::from_millis(3500);

/// A leader is frozen for a while and still leads afterwards; another one until it does not.
pub(crate) async fn freeze_leaders(scene: &mut Scene) {
    let leader = leader_of(&scene.topic).await;
    inflict(Harm::Pause, &[leader]).await;
    tokio::time::sleep(SHORT).await;
    inflict(Harm::Resume, &[leader]).await;
    scene.healed();
    scene.acknowledged_everywhere(PARTITIONS, now()).await;

    let leader = leader_of(&scene.topic).await;
    inflict(Harm::Pause, &[leader]).await;
    led_by_others(&scene.topic, leader).await;
    scene.healed();
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
    inflict(Harm::Resume, &[leader]).await;
    scene.acknowledged_everywhere(PARTITIONS, now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn leaders_frozen_longer_than_a_request_may_take_cost_no_record() {
    let mut scene = Scene::open(Sender::Library, Plan::new("leaders frozen")).await;
    freeze_leaders(&mut scene).await;
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
}
