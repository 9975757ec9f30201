//! A topic that gets more partitions while records are sent to it.

use crate::checker::Promise;
use crate::load::Sender;
use crate::scene::{Plan, Scene};
use crate::tools::tool;

const BEFORE: usize = 2;
const AFTER: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci faults"]
async fn a_topic_grown_while_records_are_sent_costs_none() {
    let mut settings = Plan::new("").settings.to_vec();
    settings.push(("metadata.max.age.ms", "1000"));
    let plan = Plan {
        partitions: BEFORE,
        settings: &settings,
        ..Plan::new("topic grown")
    };
    let mut scene = Scene::open(Sender::Library, plan).await;
    let topic = scene.topic.clone();
    let grow = move || {
        let partitions = AFTER.to_string();
        let arguments = ["--alter", "--topic", &topic, "--partitions", &partitions];
        tool("org.apache.kafka.tools.TopicCommand", &arguments)
    };
    tokio::task::spawn_blocking(grow).await.unwrap();
    scene.healed();
    scene.acknowledged_everywhere(AFTER, 0).await;
    let (findings, _) = scene.close().await;
    findings.require(Promise::ExactlyOnce);
    assert_eq!(findings.failed, 0);
}
