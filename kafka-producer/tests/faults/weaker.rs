//! Less than the default: what is promised without idempotence, with one copy, and with none; and
//! no more than that is asked for.

use crate::checker::Promise;
use crate::ledger::now;
use crate::load::{Sender, Settings};
use crate::nodes::{Harm, inflict, leader_of};
use crate::scene::{PARTITIONS, Plan, Scene};

/// What each promises, and the settings that promise it.
const WEAKER: [(&str, Promise, Settings<'_>); 3] = [
    (
        "acks=all, one in flight",
        Promise::AtLeastOnce,
        &[
            ("acks", "all"),
            ("enable.idempotence", "false"),
            ("max.in.flight.requests.per.connection", "1"),
        ],
    ),
    (
        "acks=1, one in flight",
        Promise::UnlessALeaderIsLost,
        &[
            ("acks", "1"),
            ("enable.idempotence", "false"),
            ("max.in.flight.requests.per.connection", "1"),
        ],
    ),
    (
        "acks=0, no retries",
        Promise::AtMostOnce,
        &[
            ("acks", "0"),
            ("enable.idempotence", "false"),
            ("retries", "0"),
        ],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn every_weaker_promise_is_kept_when_a_leader_is_frozen_and_killed() {
    let mut scenes = Vec::new();
    for (name, promise, settings) in WEAKER {
        let plan = Plan::new(name);
        let mut all = plan.settings.to_vec();
        all.extend(settings);
        let settings = &all;
        let plan = Plan { settings, ..plan };
        scenes.push((promise, Scene::open(Sender::Library, plan).await));
    }
    let leader = leader_of(&scenes[0].1.topic).await;
    inflict(Harm::Pause, &[leader]).await;
    for (_, scene) in &scenes {
        scene.acknowledged_everywhere(PARTITIONS, now()).await;
    }
    inflict(Harm::Kill, &[leader]).await;
    inflict(Harm::Start, &[leader]).await;
    scenes.iter_mut().for_each(|(_, scene)| scene.healed());
    for (promise, scene) in scenes {
        let (findings, _) = scene.close().await;
        findings.require(promise);
        assert!(findings.acked > 0);
    }
}
