//! Clients in Python, Go and Rust: each tries the same, and the table in the README says of each what works.
//!
//! The programs are in `programs`; `python/contract.py` says what they print.

use std::{path::PathBuf, process::Command};

use kafka_mock::MockCluster;
use kafka_wire::compression::Compression;

use crate::program::{class_path, output};

const README: &str = include_str!("../../README.md");
const REQUIREMENTS: &str = include_str!("programs/python/requirements.txt");
const GO_MOD: &str = include_str!("programs/franz-go/go.mod");
const CARGO_LOCK: &str = include_str!("programs/rust/Cargo.lock");

/// The columns of the table behind the client and its version.
const TRIED: [&str; 7] = [
    "produce",
    "consume",
    "idempotent",
    "transactions",
    "classic group",
    "KIP-848 group",
    "admin",
];

/// The groups, each of which reads a topic of its own name.
const GROUPS: [&str; 2] = ["classic", "consumer"];

/// Where the clients are.
fn clients() -> PathBuf {
    #[allow(
        clippy::disallowed_methods,
        reason = "where the clients are is told by who runs the test"
    )]
    let clients = std::env::var_os("KAFKA_OTHER_CLIENTS").unwrap_or_else(|| {
        panic!(
            "KAFKA_OTHER_CLIENTS must name the folder of the clients; \
             `cargo xtask ci kafka` brings them and sets it"
        )
    });
    clients.into()
}

fn python(program: &str) -> Command {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop/programs/python");
    let mut python = Command::new(clients().join("python/bin/python"));
    // Without files of bytecode beside the source.
    python.arg("-B").arg(source.join(program));
    python
}

fn rust(client: &str) -> Command {
    Command::new(clients().join("rust/debug").join(client))
}

/// The cells of the row of `client`: its version, and what works.
fn row(client: &str) -> Vec<&'static str> {
    let rows = README.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|line| line.trim_end_matches('|').split('|').map(str::trim));
    let mut rows = cells.map(Vec::from_iter);
    let found = rows.find(|cells| cells[0] == client);
    found.unwrap_or_else(|| panic!("the README has no row of {client}"))[1..].to_vec()
}

/// What the program says, as a row of the table.
fn said<'a>(client: &str, printed: &'a str) -> Vec<&'a str> {
    let mut lines = printed.lines();
    let first = lines.next().unwrap_or_default();
    let version = first
        .strip_prefix(client)
        .unwrap_or_else(|| panic!("{printed}"));
    let mut cells = vec![version.trim()];
    for (line, tried) in lines.by_ref().zip(TRIED) {
        let works = line
            .strip_prefix(tried)
            .and_then(|it| it.strip_prefix(": "));
        cells.push(works.unwrap_or_else(|| panic!("{line:?} says nothing of {tried}")));
    }
    assert_eq!(lines.next(), None, "{printed}");
    cells
}

/// Runs the client on a cluster of its own, and compares what it says with the table, and what it did with
/// what the cluster has.
fn check(client: &str, mut program: Command) {
    let kafka = MockCluster::builder().brokers(3);
    let topics = ["produced", "numbered", "transactional"].map(str::to_owned);
    let groups = GROUPS.map(|group| format!("{group}-group"));
    let kafka = topics
        .into_iter()
        .chain(groups)
        .fold(kafka, |kafka, name| kafka.topic(name, 2));
    let kafka = kafka.start_blocking().unwrap();
    let printed = output(program.arg(kafka.bootstrap_servers()), "");
    let row = row(client);
    assert_eq!(said(client, &printed), row);
    let works: Vec<_> = row[1..]
        .iter()
        .map(|cell| cell.starts_with("yes"))
        .collect();
    check_what_was_written(&kafka, works[2], works[3]);
    for (group, works) in GROUPS.iter().zip(&works[4..]) {
        for partition in 0..2 {
            let committed = kafka.committed(group, &format!("{group}-group"), partition);
            assert_eq!(
                committed,
                works.then_some(10),
                "{group}, partition {partition}"
            );
        }
    }
}

/// Nothing of what the client does not have.
fn check_what_was_written(kafka: &MockCluster, idempotent: bool, transactions: bool) {
    let codecs = kafka.records("produced").into_iter();
    let codecs: Vec<_> = codecs.map(|it| it.compression.name()).collect();
    assert_eq!(codecs, ["none", "gzip", "snappy", "lz4", "zstd"]);
    assert_eq!(Compression::all().count(), codecs.len(), "each codec");
    let numbered = kafka.records("numbered");
    let stamps = numbered.iter().map(|it| it.producer.unwrap());
    let sequences: Vec<_> = stamps.map(|it| it.sequence).collect();
    assert_eq!(
        sequences,
        Vec::from_iter(0..if idempotent { 100 } else { 0 })
    );
    let (all, committed) = if transactions { (9, 6) } else { (0, 0) };
    assert_eq!(
        kafka.records("transactional").len(),
        all,
        "aborted ones, too"
    );
    assert_eq!(kafka.committed_records("transactional").len(), committed);
}

#[test]
#[ignore = "needs Python, Go and Java: run by cargo xtask ci kafka"]
fn confluent_kafka_does_what_the_table_says() {
    check("confluent-kafka", python("confluent.py"));
}

#[test]
#[ignore = "needs Python, Go and Java: run by cargo xtask ci kafka"]
fn kafka_python_does_what_the_table_says() {
    check("kafka-python", python("kafkapython.py"));
}

#[test]
#[ignore = "needs Python, Go and Java: run by cargo xtask ci kafka"]
fn aiokafka_does_what_the_table_says() {
    check("aiokafka", python("aio.py"));
}

#[test]
#[ignore = "needs Python, Go and Java: run by cargo xtask ci kafka"]
fn franz_go_does_what_the_table_says() {
    check("franz-go", Command::new(clients().join("franz-go")));
}

#[test]
#[ignore = "needs Python, Go and Java: run by cargo xtask ci kafka"]
fn rdkafka_does_what_the_table_says() {
    check("rdkafka", rust("rdkafka"));
}

#[test]
#[ignore = "needs Python, Go and Java: run by cargo xtask ci kafka"]
fn krafka_does_what_the_table_says() {
    check("krafka", rust("krafka"));
}

#[test]
#[ignore = "needs Python, Go and Java: run by cargo xtask ci kafka"]
fn rskafka_does_what_the_table_says() {
    check("rskafka", rust("rskafka"));
}

/// What it does is seen by tests of its own.
#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn the_version_of_java_in_the_table_is_the_one_that_runs() {
    let class_path = class_path();
    let folder = class_path.trim_end_matches('*');
    let jars = std::fs::read_dir(folder).unwrap();
    let mut names = jars.map(|jar| jar.unwrap().file_name().into_string().unwrap());
    let wanted = format!("kafka-clients-{}.jar", row("Java")[0]);
    assert!(names.any(|name| name == wanted), "{folder} has no {wanted}");
}

/// What is asked for, without running it: the version up to a space.
#[test]
fn the_versions_in_the_table_are_those_that_are_installed() {
    for client in ["confluent-kafka", "kafka-python", "aiokafka"] {
        let version = row(client)[0].split(' ').next().unwrap();
        let wanted = format!("{client}=={version}");
        assert!(REQUIREMENTS.lines().any(|line| line == wanted), "{wanted}");
    }
    let wanted = format!("\tgithub.com/twmb/franz-go v{}", row("franz-go")[0]);
    assert!(GO_MOD.lines().any(|line| line == wanted), "{wanted}");
    for client in ["rdkafka", "krafka", "rskafka"] {
        let version = row(client)[0].split(' ').next().unwrap();
        let wanted = format!("name = \"{client}\"\nversion = \"{version}\"\n");
        assert!(CARGO_LOCK.contains(&wanted), "{wanted}");
    }
}
