//! Java's tools of administrators: topics, settings, records and transactions, compared with what the cluster holds.

use std::{collections::BTreeMap, io::Write};

use kafka_mock::{
    MockCluster,
    cluster::{
        Acl, AclOperation, AclResource, Authorizer, BrokerId, ClusterConfig, Defect,
        TransactionState,
    },
};
use kafka_wire::messages::{DescribeConfigsRequest, describe_configs::DescribeConfigsResource};

use crate::{
    program::{java, output},
    transactions::{Ours, PARTITIONS, ask},
    written,
};

/// What one of the tools prints.
fn tool(kafka: &MockCluster, class: &str, arguments: &[&str]) -> String {
    let mut tool = java(&format!("org.apache.kafka.tools.{class}"));
    tool.args(["--bootstrap-server", &kafka.bootstrap_servers()]);
    output(tool.args(arguments), "")
}

/// The rows below the one that begins with `first`, as columns.
fn rows(printed: &str, first: &str) -> Vec<Vec<String>> {
    let lines = printed.lines().skip_while(|line| !line.starts_with(first));
    let rows = lines.skip(1).map(|line| line.split_whitespace());
    rows.map(|columns| columns.map(str::to_owned).collect())
        .collect()
}

fn started(brokers: u16) -> MockCluster {
    let builder = MockCluster::builder().brokers(brokers);
    builder.start_blocking().unwrap()
}

/// Leader and replicas of each partition, as the tool for topics describes them.
fn described(kafka: &MockCluster, topic: &str) -> BTreeMap<i32, (i32, String)> {
    let printed = tool(kafka, "TopicCommand", &["--describe", "--topic", topic]);
    let partitions = printed.lines().filter(|line| line.contains("Leader: "));
    let field = |line: &str, name: &str| {
        let rest = line.split_once(&format!("{name}: ")).unwrap().1;
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let partitions = partitions.map(|line| {
        let leader = field(line, "Leader").parse().unwrap();
        let partition = field(line, "Partition").parse().unwrap();
        (partition, (leader, field(line, "Replicas")))
    });
    partitions.collect()
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tool_for_topics_creates_grows_describes_and_deletes() {
    let kafka = started(3);
    let topics = |arguments: &[&str]| tool(&kafka, "TopicCommand", arguments);
    let placed = ["--replica-assignment", "2:3,3:1"];
    topics(&[&["--create", "--topic", "placed"], &placed[..]].concat());
    let expected = [(0, (2, "2,3".to_owned())), (1, (3, "3,1".to_owned()))];
    assert_eq!(described(&kafka, "placed"), BTreeMap::from(expected));

    let grow = ["--alter", "--topic", "placed", "--partitions", "5"];
    topics(&grow);
    let placed = described(&kafka, "placed");
    assert_eq!(placed.len(), 5);
    for (partition, (leader, replicas)) in placed {
        let held = kafka.with_cluster(|cluster| cluster.leader("placed", partition));
        assert_eq!(held.unwrap(), Some(BrokerId(leader)));
        assert_eq!(replicas.split(',').count(), 2, "as many as the others");
    }
    topics(&["--create", "--topic", "other", "--partitions", "1"]);
    let listed = topics(&["--list"]);
    let mut listed: Vec<_> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, ["other", "placed"]);
    topics(&["--delete", "--topic", "placed"]);
    kafka.with_cluster(|cluster| assert_eq!(cluster.topics().collect::<Vec<_>>(), ["other"]));
}

/// Name and value of every setting that a topic has of its own.
fn held(kafka: &MockCluster, topic: &str) -> BTreeMap<String, String> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(topic.to_owned())
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let mut answer = kafka.with_cluster(|cluster| ask(cluster, BrokerId(1), 4, &request));
    let settings = answer.results.remove(0).configs.into_iter();
    let own = settings.filter(|it| it.config_source == DYNAMIC_TOPIC_CONFIG);
    own.map(|it| (it.name, it.value.unwrap())).collect()
}

/// As `DescribeConfigsResponse.ConfigSource`.
const DYNAMIC_TOPIC_CONFIG: i8 = 1;

/// Name, value and what it falls back to, line by line.
fn settings(kafka: &MockCluster, arguments: &[&str]) -> BTreeMap<String, String> {
    let printed = tool(kafka, "ConfigCommand", arguments);
    let lines = printed
        .lines()
        .filter_map(|line| line.trim().split_once('='));
    let lines = lines.map(|(name, rest)| (name.to_owned(), rest.to_owned()));
    lines.collect()
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tool_for_settings_changes_and_describes_them() {
    let kafka = started(2);
    kafka.with_cluster(|cluster| {
        let config = cluster.config().topic(1);
        cluster.create_topic("orders", config).unwrap();
    });
    let of_topic = ["--topic", "orders"];
    let alter = |what: &[&str]| {
        let arguments = [&["--alter"], &of_topic[..], what].concat();
        tool(&kafka, "ConfigCommand", &arguments)
    };
    alter(&[
        "--add-config",
        "retention.ms=99,cleanup.policy=[compact,delete]",
    ]);
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let own = [("cleanup.policy", "compact,delete"), ("retention.ms", "99")];
    assert_eq!(held(&kafka, "orders"), own.map(pair).into());

    let describe = [&["--describe"], &of_topic[..]].concat();
    let told = [
        (
            "cleanup.policy",
            "compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=\
             compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}",
        ),
        (
            "retention.ms",
            "99 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=99}",
        ),
    ];
    assert_eq!(settings(&kafka, &describe), told.map(pair).into());
    let all = settings(&kafka, &[&describe[..], &["--all"]].concat());
    assert_eq!(all.len(), 37);
    let expected = "1048588 sensitive=false synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}";
    assert_eq!(all["max.message.bytes"], expected);

    alter(&["--delete-config", "cleanup.policy"]);
    assert_eq!(
        held(&kafka, "orders"),
        [("retention.ms", "99")].map(pair).into()
    );
    let broker = settings(&kafka, &["--describe", "--all", "--broker", "2"]);
    let replicas = &broker["default.replication.factor"];
    assert!(replicas.starts_with("3 "), "{replicas}");
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tool_for_records_deletes_them() {
    let (kafka, written) = written::cluster();
    let end = written.len() as i64 / 2;
    let mut offsets = tempfile::NamedTempFile::new().unwrap();
    writeln!(
        offsets,
        r#"{{"version": 1, "partitions": [
            {{"topic": "orders", "partition": 0, "offset": 2}},
            {{"topic": "orders", "partition": 1, "offset": -1}}]}}"#
    )
    .unwrap();
    let path = offsets.path().to_str().unwrap();
    let printed = tool(
        &kafka,
        "DeleteRecordsCommand",
        &["--offset-json-file", path],
    );
    for (partition, start) in [(0, 2), (1, end)] {
        let facts = kafka.with_cluster(|cluster| cluster.partition_facts("orders", partition));
        assert_eq!(facts.unwrap().log_start, start);
        let told = format!("partition: orders-{partition}\tlow_watermark: {start}");
        assert!(printed.lines().any(|line| line == told), "{printed}");
    }
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tool_for_acls_adds_lists_and_removes_them() {
    let config = ClusterConfig::default().with_authorizer(Some(Authorizer::open()));
    let kafka = MockCluster::builder().config(config);
    let kafka = kafka.start_blocking().unwrap();
    let acls = || kafka.with_cluster(|it| it.authorizer().unwrap().acls.clone());
    let topic = ["--topic", "or", "--resource-pattern-type", "prefixed"];
    let who = ["--allow-principal", "User:alice", "--operation", "Write"];
    tool(
        &kafka,
        "AclCommand",
        &[&["--add"][..], &who, &topic].concat(),
    );
    let resource = AclResource::topic("or").prefixed();
    let expected = Acl::allow("User:alice", AclOperation::Write, resource);
    assert_eq!(acls(), [expected]);
    let printed = tool(&kafka, "AclCommand", &["--list", "--topic", "*"]);
    assert!(!printed.contains("alice"), "{printed}");
    let printed = tool(&kafka, "AclCommand", &["--list"]);
    let told = "(principal=User:alice, host=*, operation=WRITE, permissionType=ALLOW)";
    assert!(printed.contains(told), "{printed}");
    tool(
        &kafka,
        "AclCommand",
        &[&["--remove", "--force"][..], &topic].concat(),
    );
    assert_eq!(acls(), []);
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tool_for_transactions_lists_and_describes_them() {
    let kafka = MockCluster::builder().brokers(3);
    let kafka = kafka.topic("orders", PARTITIONS).start_blocking().unwrap();
    let ours = kafka.with_cluster(Ours::begin);
    let (id, epoch) = (
        ours.producer_id.to_string(),
        ours.producer_epoch.to_string(),
    );
    let coordinator = ours.coordinator.0.to_string();
    let transactions = |arguments: &[&str]| tool(&kafka, "TransactionsCommand", arguments);

    let listed = |arguments: &[&str]| {
        rows(
            &transactions(&[&["list"], arguments].concat()),
            "TransactionalId",
        )
    };
    let row = ["ours", &coordinator, &id, "Ongoing"];
    assert_eq!(listed(&[]), [row]);
    // It was begun in 2023.
    assert_eq!(listed(&["--duration-filter", "60000"]), [row]);
    let long = i64::MAX.to_string();
    assert_eq!(listed(&["--duration-filter", &long]), [[""; 0]; 0]);

    let printed = transactions(&["describe", "--transactional-id", "ours"]);
    let row = rows(&printed, "CoordinatorId").remove(0);
    let expected = [
        &coordinator,
        "ours",
        &id,
        &epoch,
        "Ongoing",
        "60000",
        "1700000000000",
    ];
    assert_eq!(row[..7], expected, "{printed}");
    let mut partitions: Vec<_> = row[8].split(',').collect();
    partitions.sort_unstable();
    assert_eq!(partitions, ["orders-0", "orders-1"]);
    let hanging = transactions(&["find-hanging", "--topic", "orders"]);
    assert_eq!(
        rows(&hanging, "Topic"),
        [[""; 0]; 0],
        "its coordinator knows it"
    );

    kafka.with_cluster(|cluster| ours.abort(cluster));
    let held = kafka.with_cluster(|cluster| cluster.transactions().remove(0).state);
    assert!(matches!(held, TransactionState::Complete(_)), "{held:?}");
    assert_eq!(listed(&[])[0][3], "CompleteAbort");
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tool_for_transactions_finds_those_that_hang() {
    let config = ClusterConfig::default()
        .with_brokers(3)
        .with_defect(Some(Defect::ForgetAbortMarker));
    let kafka = MockCluster::builder().config(config);
    let kafka = kafka.topic("orders", PARTITIONS).start_blocking().unwrap();
    let ours = kafka.with_cluster(|cluster| {
        let ours = Ours::begin(cluster);
        ours.abort(cluster);
        ours
    });
    let held = kafka.with_cluster(|cluster| cluster.hanging_transactions());
    let held = held.into_iter().map(|it| {
        assert_eq!(it.producer_id, ours.producer_id);
        let numbers = [
            i64::from(it.partition),
            it.producer_id,
            i64::from(ours.producer_epoch),
            it.first_offset,
        ];
        let [partition, id, epoch, start] = numbers.map(|it| it.to_string());
        [it.topic, partition, id, epoch, start]
    });
    let held: Vec<_> = held.collect();
    assert_eq!(held.len(), PARTITIONS as usize);
    for broker in 1..=3 {
        let broker = broker.to_string();
        let hanging = ["find-hanging", "--broker-id", &broker];
        let printed = tool(&kafka, "TransactionsCommand", &hanging);
        let found = rows(&printed, "Topic").into_iter().map(|row| {
            let [topic, partition, id, epoch, _, start, ..] = &row[..] else {
                panic!("{printed}");
            };
            [topic, partition, id, epoch, start].map(String::clone)
        });
        let mut found: Vec<_> = found.collect();
        found.sort();
        assert_eq!(found, held, "{printed}");
    }
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tool_for_settings_sets_describes_and_takes_back_quotas() {
    let kafka = started(1);
    let of_app = ["--entity-type", "clients", "--entity-name", "app"];
    let quotas = |what: &[&str]| {
        let arguments = [&of_app[..], what].concat();
        tool(&kafka, "ConfigCommand", &arguments)
    };
    let both = "producer_byte_rate=1024,consumer_byte_rate=2048";
    quotas(&["--alter", "--add-config", both]);
    let printed = quotas(&["--describe"]);
    let expected = "client-id 'app' are consumer_byte_rate=2048.0, producer_byte_rate=1024.0";
    assert!(printed.contains(expected), "{printed}");
    let both = "producer_byte_rate,consumer_byte_rate";
    quotas(&["--alter", "--delete-config", both]);
    assert_eq!(kafka.with_cluster(|cluster| cluster.quotas().count()), 0);
}
