//! Consumers that join a group of the embedded cluster, in Java and in C, and the tool for groups.

use std::{process::Command, time::Instant};

use kafka_mock::{
    MockCluster,
    cluster::{GroupFacts, GroupState},
};

use kafka_wire::ApiKey;

use crate::{
    program::{Running, TIME_LIMIT, java, kcat, output, start},
    written,
};

/// `group.protocol`: of old, and that of KIP-848.
const PROTOCOLS: [&str; 2] = ["classic", "consumer"];

/// Java's consumer in group `billing`.
fn console_consumer(kafka: &MockCluster, protocol: &str) -> Command {
    let mut consumer = java("org.apache.kafka.tools.consumer.ConsoleConsumer");
    consumer.args(["--bootstrap-server", &kafka.bootstrap_servers()]);
    consumer.args([
        "--topic",
        "orders",
        "--from-beginning",
        "--group",
        "billing",
    ]);
    let protocol = format!("group.protocol={protocol}");
    consumer.args(["--command-property", &protocol]);
    consumer.args(["--formatter-property", "print.offset=true"]);
    consumer.args(["--formatter-property", "print.partition=true"]);
    consumer.args(["--formatter-property", "print.value=false"]);
    consumer
}

/// librdkafka's consumer in group `billing`.
fn kcat_consumer(kafka: &MockCluster) -> Command {
    let mut consumer = kcat();
    consumer.args(["-b", &kafka.bootstrap_servers(), "-q"]);
    consumer.args(["-X", "auto.offset.reset=earliest"]);
    consumer.args(["-f", "Partition:%p\tOffset:%o\n"]);
    consumer.args(["-G", "billing", "orders"]);
    consumer
}

fn committed(kafka: &MockCluster) -> i64 {
    let committed = (0..2).filter_map(|it| kafka.committed("billing", "orders", it));
    committed.sum()
}

/// Waits for a group in this state.
fn await_group(kafka: &MockCluster, is: impl Fn(&GroupFacts) -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    loop {
        let group = kafka.group("billing");
        if group.as_ref().is_some_and(&is) {
            return;
        }
        assert!(Instant::now() < deadline, "{group:?}");
        std::thread::yield_now();
    }
}

/// How many partitions each member has, the fewest first; nothing unless the group is stable.
fn shares(group: &GroupFacts) -> Vec<usize> {
    let members = group
        .members
        .iter()
        .filter(|_| group.state == GroupState::Stable);
    let mut shares: Vec<_> = members.map(|it| it.assignment.len()).collect();
    shares.sort_unstable();
    shares
}

/// Reads half of the records, and the other half in a second run.
fn check_offsets(consumer: impl Fn(&MockCluster) -> Command, limit: &str) -> MockCluster {
    let (kafka, written) = written::cluster();
    let half = written.len() / 2;
    let mut read = Vec::new();
    for run in 1..=2 {
        let mut consumer = consumer(&kafka);
        consumer.args([limit, &half.to_string()]);
        let printed = output(&mut consumer, "");
        read.extend(
            printed
                .lines()
                .filter(|it| it.starts_with("Partition"))
                .map(str::to_owned),
        );
        assert_eq!(read.len(), run * half);
        assert_eq!(committed(&kafka), (run * half) as i64);
        await_group(&kafka, |group| group.state == GroupState::Empty);
    }
    read.sort();
    read.dedup();
    assert_eq!(read.len(), written.len(), "each record once");
    kafka
}

/// Two members share a topic, until one of them leaves.
fn check_sharing(consumer: impl Fn(&MockCluster) -> Command) {
    let kafka = written::cluster().0;
    let members: Vec<Running> = (0..2).map(|_| start(&mut consumer(&kafka))).collect();
    await_group(&kafka, |group| shares(group) == [1, 1]);
    members[0].terminate();
    await_group(&kafka, |group| shares(group) == [2]);
    members[1].terminate();
    await_group(&kafka, |group| group.state == GroupState::Empty);
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_consumer_goes_on_where_its_group_was() {
    for protocol in PROTOCOLS {
        let consumer = |kafka: &MockCluster| console_consumer(kafka, protocol);
        let kafka = check_offsets(consumer, "--max-messages");
        let requests = kafka.requests();
        let new = requests
            .iter()
            .any(|it| it.api == ApiKey::CONSUMER_GROUP_HEARTBEAT);
        assert_eq!(new, protocol == "consumer");
    }
}

/// It says what it has read and what was committed, and fails by itself if offsets have gaps.
#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_verifiable_consumer_commits_all_that_was_written() {
    for protocol in PROTOCOLS {
        let (kafka, written) = written::cluster();
        let mut consumer = java("org.apache.kafka.tools.VerifiableConsumer");
        consumer.args(["--bootstrap-server", &kafka.bootstrap_servers()]);
        consumer.args(["--topic", "orders", "--group-id", "billing"]);
        consumer.args(["--reset-policy", "earliest", "--group-protocol", protocol]);
        consumer.args(["--max-messages", &written.len().to_string()]);
        let printed = output(&mut consumer, "");
        let commits = |success| printed.matches(&format!("\"success\":{success}")).count();
        assert!(commits(true) > 0 && commits(false) == 0, "{printed}");
        assert!(printed.contains("shutdown_complete"), "{printed}");
        assert_eq!(committed(&kafka), written.len() as i64, "{protocol}");
    }
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn kcat_goes_on_where_its_group_was() {
    check_offsets(kcat_consumer, "-c");
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn two_of_javas_consumers_share_a_topic_until_one_leaves() {
    for protocol in PROTOCOLS {
        check_sharing(|kafka| console_consumer(kafka, protocol));
    }
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn two_of_kcat_share_a_topic_until_one_leaves() {
    check_sharing(kcat_consumer);
}

fn consumer_groups(kafka: &MockCluster, arguments: &[&str]) -> String {
    let mut tool = java("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand");
    tool.args(["--bootstrap-server", &kafka.bootstrap_servers()]);
    output(tool.args(arguments), "")
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tool_for_groups_lists_describes_resets_and_deletes() {
    for protocol in PROTOCOLS {
        check_tool(protocol);
    }
}

fn check_tool(protocol: &str) {
    let (kafka, written) = written::cluster();
    let mut consumer = console_consumer(&kafka, protocol);
    consumer.args(["--max-messages", &written.len().to_string()]);
    output(&mut consumer, "");
    await_group(&kafka, |group| group.state == GroupState::Empty);
    let list = || consumer_groups(&kafka, &["--list", "--state"]);
    let listed = list();
    assert!(
        listed
            .lines()
            .any(|it| it.contains("billing") && it.contains("Empty")),
        "{listed}"
    );

    let describe = || consumer_groups(&kafka, &["--describe", "--group", "billing"]);
    let end = (written.len() / 2).to_string();
    let described = describe();
    for partition in ["0", "1"] {
        // Committed, the end of the log, and the lag.
        let row = ["billing", "orders", partition, &end, &end, "0"];
        let found = described
            .lines()
            .map(|it| it.split_whitespace().collect::<Vec<_>>());
        assert_eq!(
            found.filter(|it| it.starts_with(&row)).count(),
            1,
            "{described}"
        );
    }
    let group = ["--group", "billing"];
    let reset = [
        &[
            "--reset-offsets",
            "--to-earliest",
            "--execute",
            "--all-topics",
        ],
        &group[..],
    ];
    consumer_groups(&kafka, &reset.concat());
    assert_eq!(committed(&kafka), 0);
    assert_eq!(kafka.committed("billing", "orders", 1), Some(0));
    let forget = [&["--delete-offsets", "--topic", "orders:1"], &group[..]];
    consumer_groups(&kafka, &forget.concat());
    assert_eq!(kafka.committed("billing", "orders", 1), None);
    consumer_groups(&kafka, &[&["--delete"], &group[..]].concat());
    assert_eq!(kafka.group("billing"), None);
    assert!(!list().contains("billing"));
}
